//! The object that says what should change.

use act::Size;
use crds::optimization_policy::{ContainerStatus, PolicyMode, ResourceStatus};
use crds::optimization_recommendation::{Change, RecommendationType, RiskLevel, TargetWorkload};
use crds::{Amounts, OptimizationRecommendationSpec};
use engine::rightsizing::method::Memory;
use engine::rightsizing::{Advice, ContainerAdvice, Resource, Verdict};
use model::pod::ContainerRequests;
use model::{Pod, Risk, UsdPerHour, WorkloadRef};

use super::terms::Terms;

/// Amounts nearer to each other than this part are the same recommendation.
const SAME: f64 = 0.05;
/// The API server takes a sentence of a thousand letters.
const LONGEST: usize = 1_000;

/// The name of a workload's recommendation.
pub fn name_of(workload: &WorkloadRef) -> String {
    const LONGEST: usize = 253;
    let name = format!("{}-{}", workload.kind.to_ascii_lowercase(), workload.name);
    if name.len() <= LONGEST {
        return name;
    }
    // As long as it may be, and still another for every workload: FNV-1a of the whole.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}-{hash:016x}", &name[..name.floor_char_boundary(LONGEST - 17)])
}

/// What should change for a workload; none where everything fits or nothing is known.
pub fn recommend(terms: &Terms, containers: &[ContainerAdvice]) -> Option<OptimizationRecommendationSpec> {
    let changes: Vec<Change> = containers.iter().filter_map(change).collect();
    let workload = &containers.first().filter(|_| !changes.is_empty())?.workload;
    let changed =
        || containers.iter().flat_map(|container| &container.advice).filter(|advice| advice.change().is_some());
    let recommended = || changed().filter_map(|advice| advice.recommended.as_ref().ok());
    let confidence = recommended().map(|recommended| recommended.confidence).fold(1.0, f64::min);
    let saved: Option<UsdPerHour> = changed().map(|advice| advice.saved).sum();
    let mut reasons: Vec<_> = recommended().flat_map(|recommended| recommended.risks.reasons.clone()).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level()));
    let risk = recommended().map(|recommended| recommended.risks.level).max().unwrap_or_default();
    let mut risk_reasons: Vec<String> = Vec::new();
    for reason in reasons.iter().map(ToString::to_string) {
        if !risk_reasons.contains(&reason) {
            risk_reasons.push(reason);
        }
    }
    let mut spec = OptimizationRecommendationSpec {
        kind: RecommendationType::RightSizing,
        target_workload: TargetWorkload {
            kind: workload.kind.to_string(),
            name: workload.name.to_string(),
            namespace: Some(workload.namespace.to_string()),
        },
        policy: Some(terms.reference()),
        changes,
        estimated_savings: saved.map(|saved| in_cents(saved.dollars_per_month())),
        confidence: Some((confidence * 1_000.0).round() / 1_000.0),
        risk: level(risk),
        risk_reasons,
        approved: false,
        approved_by: None,
    };
    let auto = terms.spec.auto_approve;
    if terms.spec.mode == PolicyMode::Auto && confidence >= auto.min_confidence && spec.risk <= auto.max_risk_level {
        spec.approved = true;
        spec.approved_by = Some(format!("{BY_POLICY}{}", terms.reference()));
    }
    Some(spec)
}

/// Who agreed, where a policy did.
pub const BY_POLICY: &str = "plimsoll-operator, as policy ";

fn in_cents(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

fn level(risk: Risk) -> RiskLevel {
    match risk {
        Risk::Low => RiskLevel::Low,
        Risk::Medium => RiskLevel::Medium,
        Risk::High => RiskLevel::High,
    }
}

fn change(container: &ContainerAdvice) -> Option<Change> {
    let mut change = Change { container: Some(container.container.to_string()), ..Change::default() };
    let mut words = Vec::new();
    for resource in Resource::ALL {
        let advice = &container.advice[resource.index()];
        let Some(new) = advice.change() else { continue };
        *amount(&mut change.requests, resource) = Some(resource.quantity(new));
        *amount(&mut change.requests_before, resource) = advice.asked.map(|asked| resource.quantity(asked));
        if let (Some(limit), Some(new)) = (advice.limit, advice.new_limit)
            && limit != new
        {
            *amount(&mut change.limits, resource) = Some(resource.quantity(new));
            *amount(&mut change.limits_before, resource) = Some(resource.quantity(limit));
        }
        if let Ok(recommended) = &advice.recommended {
            words.push(format!("{resource}: {}", recommended.words(resource)));
        }
    }
    change.explanation = Some(words.join("; ").chars().take(LONGEST).collect());
    (!change.requests.is_empty()).then_some(change)
}

fn amount(amounts: &mut Amounts, resource: Resource) -> &mut Option<String> {
    match resource {
        Resource::Cpu => &mut amounts.cpu,
        Resource::Memory => &mut amounts.memory,
    }
}

/// Do both say the same, but for what nobody would notice?
pub fn is_alike(one: &[Change], other: &[Change]) -> bool {
    let near = |one: &Amounts, other: &Amounts| {
        one.values().into_iter().zip(other.values()).all(|pair| match pair {
            (Some(one), Some(other)) => {
                let (one, other) = (one as f64, other as f64);
                (one - other).abs() <= SAME * one.max(other)
            }
            (one, other) => one == other,
        })
    };
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one.container == other.container && near(&one.requests, &other.requests) && near(&one.limits, &other.limits)
        })
}

/// What a container was found to use and should ask for.
pub fn of_container(container: &ContainerAdvice) -> ContainerStatus {
    let one = |resource: Resource| of_resource(resource, &container.advice[resource.index()]);
    ContainerStatus { name: container.container.to_string(), cpu: one(Resource::Cpu), memory: one(Resource::Memory) }
}

fn of_resource(resource: Resource, advice: &Advice) -> ResourceStatus {
    let mut status =
        ResourceStatus { request: advice.asked.map(|asked| resource.quantity(asked)), ..ResourceStatus::default() };
    match &advice.recommended {
        Ok(recommended) => {
            let quantity = |amount: f64| Some(resource.quantity(resource.to_request(amount)));
            status.recommended = Some(resource.quantity(recommended.request));
            status.p50 = quantity(recommended.percentiles.p50);
            status.p90 = quantity(recommended.percentiles.p90);
            status.p99 = quantity(recommended.percentiles.p99);
            status.confidence = Some((recommended.confidence * 1_000.0).round() / 1_000.0);
            status.explanation = Some(recommended.words(resource));
        }
        Err(skip) => status.skipped = Some(skip.to_string()),
    }
    status
}

/// Is any of it a danger?
pub fn is_danger(containers: &[ContainerAdvice]) -> bool {
    containers.iter().flat_map(|container| &container.advice).any(|advice| advice.verdict() == Verdict::TooLittle)
}

/// Which side of a change.
#[derive(Clone, Copy)]
pub enum Side {
    /// What it becomes.
    After,
    /// What it was.
    Before,
}

/// The sizes that a change comes to.
pub fn sizes(changes: &[Change], side: Side) -> Vec<Size> {
    let list = |amounts: &Amounts| {
        let both = [("cpu", &amounts.cpu), ("memory", &amounts.memory)];
        both.into_iter().filter_map(|(name, amount)| Some((name, amount.clone()?))).collect()
    };
    let one = |change: &Change| {
        let (requests, limits) = match side {
            Side::After => (&change.requests, &change.limits),
            Side::Before => (&change.requests_before, &change.limits_before),
        };
        Size { container: change.container.clone(), requests: list(requests), limits: list(limits) }
    };
    changes.iter().map(one).collect()
}

/// How much more the pod is to ask for, in millicores and bytes; less where negative.
pub fn difference(changes: &[Change], pod: &Pod) -> [i64; 2] {
    let mut sum = [0_i64; 2];
    for change in changes {
        let meant = pod
            .spec
            .containers
            .iter()
            .find(|container| change.container.as_deref().is_none_or(|name| name == &*container.name));
        let Some(container) = meant else { continue };
        let asked = [container.cpu, container.memory];
        for (at, new) in change.requests.values().into_iter().enumerate() {
            if let Some(new) = new {
                sum[at] = sum[at].saturating_add(new.saturating_sub(asked[at].unwrap_or(0)));
            }
        }
    }
    sum
}

/// What becomes of the memory of the pod's containers.
pub fn memory(changes: &[Change], pod: &Pod) -> Vec<Memory> {
    let one = |change: &Change| {
        let is_meant =
            |container: &&ContainerRequests| change.container.as_deref().is_none_or(|name| name == &*container.name);
        let container = pod.spec.containers.iter().find(is_meant)?;
        let memory = Resource::Memory.index();
        let [request, limit] = [change.requests.values()[memory], change.limits.values()[memory]];
        let less = |new: Option<i64>, now: Option<i64>| new.is_some_and(|new| now.is_some_and(|now| new < now));
        Some(Memory {
            container: container.name.clone(),
            safe: request.into_iter().chain(limit).min()?,
            shrinks: less(request, container.memory) || less(limit, container.memory_limit),
        })
    };
    changes.iter().filter_map(one).collect()
}

/// What is in force once `new` is applied to what was: container by container, resource by resource. What was before
/// anything was in force stays what was before.
pub fn overlaid(before: &[Change], new: &[Change]) -> Vec<Change> {
    let mut all = before.to_vec();
    for change in new {
        let Some(known) = all.iter_mut().find(|known| known.container == change.container) else {
            all.push(change.clone());
            continue;
        };
        for (known, new) in [(&mut known.requests, &change.requests), (&mut known.limits, &change.limits)] {
            known.cpu = new.cpu.clone().or(known.cpu.take());
            known.memory = new.memory.clone().or(known.memory.take());
        }
        for (known, new) in
            [(&mut known.requests_before, &change.requests_before), (&mut known.limits_before, &change.limits_before)]
        {
            known.cpu = known.cpu.take().or(new.cpu.clone());
            known.memory = known.memory.take().or(new.memory.clone());
        }
        known.explanation.clone_from(&change.explanation);
    }
    all
}

/// Does the pod ask for what the changes say?
pub fn has(changes: &[Change], pod: &Pod) -> bool {
    changes.iter().all(|change| {
        let meant = pod
            .spec
            .containers
            .iter()
            .find(|container| change.container.as_deref().is_none_or(|name| name == &*container.name));
        meant.is_some_and(|container| {
            let is = |wanted: [Option<i64>; 2], has: [Option<i64>; 2]| {
                wanted.into_iter().zip(has).all(|(wanted, has)| wanted.is_none() || wanted == has)
            };
            is(change.requests.values(), [container.cpu, container.memory])
                && is(change.limits.values(), [container.cpu_limit, container.memory_limit])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(container: &str, requests: (&str, &str), before: (&str, &str)) -> Change {
        let amounts = |(cpu, memory): (&str, &str)| Amounts {
            cpu: Some(cpu.to_owned()).filter(|text| !text.is_empty()),
            memory: Some(memory.to_owned()).filter(|text| !text.is_empty()),
        };
        Change {
            container: Some(container.to_owned()),
            requests: amounts(requests),
            requests_before: amounts(before),
            ..Change::default()
        }
    }

    #[test]
    fn every_workload_has_a_name_of_its_own_whatever_letters_it_has() {
        let of =
            |name: &str| name_of(&WorkloadRef { kind: "Deployment".into(), namespace: "n".into(), name: name.into() });
        assert_eq!(of("web"), "deployment-web");
        for letter in ["a", "é", "漢"] {
            let names = [of(&letter.repeat(300)), of(&format!("{}b", letter.repeat(299)))];
            assert!(names.iter().all(|name| name.len() <= 253) && names[0] != names[1], "{names:?}");
        }
    }

    #[test]
    fn what_is_in_force_stays_so_where_something_else_changes() {
        let first = [change("main", ("100m", "128Mi"), ("400m", "512Mi"))];
        let second = [change("main", ("150m", ""), ("100m", "")), change("side", ("10m", ""), ("50m", ""))];
        let both = overlaid(&first, &second);
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].requests, change("main", ("150m", "128Mi"), ("", "")).requests);
        assert_eq!(both[0].requests_before, first[0].requests_before, "what was before anything was in force");
        assert_eq!(overlaid(&[], &second), second);
    }

    #[test]
    fn a_twentieth_is_the_same_recommendation() {
        let of = |cpu: &str| [change("main", (cpu, ""), ("", ""))];
        assert!(is_alike(&of("1000m"), &of("1040m")) && !is_alike(&of("1000m"), &of("1100m")));
        assert!(!is_alike(&of("1"), &[change("main", ("1", "1Gi"), ("", ""))]));
    }
}
