//! What a policy means, and whose workloads are whose.

use crds::OptimizationPolicySpec;
use crds::optimization_policy::PolicyMode;
use engine::rightsizing::seasonal::{Caution, Pace};
use engine::rightsizing::{Bounds, Limits, Resource, Settings, strategy};
use kube::api::DynamicObject;
use model::{Labels, Snapshot, Workload, WorkloadRef};

use super::choosing::Chosen;
use crate::context::Context;
use crate::objects::{name, namespace, part};

/// Not rightsized unless a policy names it.
const SYSTEM: &str = "kube-system";

/// What a policy means.
#[derive(Clone)]
pub struct Terms {
    pub namespace: String,
    pub name: String,
    /// The older of two that mean one workload wins.
    age: (String, String, String),
    pub spec: OptimizationPolicySpec,
    pub chosen: Chosen,
    pub settings: Settings,
    /// It reaches all namespaces, not its own alone.
    is_of_all: bool,
    /// What of it does not count as it says.
    pub remark: String,
}

impl Terms {
    /// Those of a policy, or what is wrong with it.
    pub fn of(context: &Context, policy: &DynamicObject) -> Result<Terms, String> {
        let spec: OptimizationPolicySpec = part(policy, "spec")?;
        let own = &context.settings;
        let (safety_factor, remark) = safety_factor(&spec, own.rightsizing.most_safety_factor);
        let created = policy.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()).unwrap_or_default();
        let (namespace, name) = (namespace(policy).to_owned(), name(policy).to_owned());
        if namespace != own.namespace && spec.rollback_query().is_some() {
            // What it finds is told in a status, and Prometheus has what other namespaces do.
            let whose = &own.namespace;
            return Err(format!("spec.rolloutStrategy.rollbackQuery: is for policies of namespace {whose} alone"));
        }
        Ok(Terms {
            age: (created, namespace.clone(), name.clone()),
            is_of_all: namespace == own.namespace,
            chosen: strategy(spec.strategy().name()).map_or(Chosen::Endpoint, Chosen::Ours),
            settings: settings(&spec, safety_factor),
            namespace,
            name,
            spec,
            remark,
        })
    }

    /// NAMESPACE/NAME.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The one namespace that it reaches; none where it reaches all.
    pub fn only(&self) -> Option<&str> {
        (!self.is_of_all).then_some(&self.namespace)
    }

    /// Does it mean this workload?
    pub fn means(&self, snapshot: &Snapshot, workload: &Workload) -> bool {
        let of = &*workload.reference.namespace;
        let none = Labels::default();
        let labels = snapshot.namespaces.get(of).unwrap_or(&none);
        let is_named = || self.spec.selector.namespaces.allow.iter().any(|name| name == of);
        (self.is_of_all || *of == *self.namespace)
            && (of != SYSTEM || is_named() || !self.is_of_all)
            && self.spec.selector.contains(of, labels, &workload.labels)
    }
}

/// The factor that counts, and what is to be said where it is another than that of the policy.
fn safety_factor(spec: &OptimizationPolicySpec, most: f64) -> (f64, String) {
    let asked = spec.metrics_config.safety_factor.unwrap_or(Settings::default().safety_factor);
    if asked <= most {
        return (asked, String::new());
    }
    (most, format!("metricsConfig.safetyFactor counts as {most}, the most that the operator was started with"))
}

/// How requests are made of use.
pub fn settings(spec: &OptimizationPolicySpec, safety_factor: f64) -> Settings {
    let own = Settings::new(Pace::Once, Caution::Medium);
    let mut bounds = own.bounds;
    for (resource, [least, most]) in Resource::ALL.into_iter().zip(spec.resource_bounds.values()) {
        let bound = &mut bounds[resource.index()];
        *bound = Bounds::new(least.unwrap_or(bound.least), most.unwrap_or(bound.most));
    }
    Settings {
        window_seconds: spec.window_seconds(),
        percentile: spec.metrics_config.percentile.map_or(own.percentile, |percentile| percentile.number()),
        safety_factor,
        bounds,
        limits: if spec.update_strategy.update_requests_only { Limits::Keep } else { Limits::InProportion },
        ..own
    }
}

/// Whose each workload is: the index of the oldest policy that means it and is not disabled; and for every policy that
/// means a workload of an older one, or the other way round, what is to be said of it.
pub fn winners(snapshot: &Snapshot, all: &[Terms]) -> (Vec<Option<usize>>, Vec<String>) {
    let mut by_age: Vec<usize> = (0..all.len()).filter(|at| all[*at].spec.mode != PolicyMode::Disabled).collect();
    by_age.sort_by(|a, b| all[*a].age.cmp(&all[*b].age));
    let mut said = vec![String::new(); all.len()];
    let mut contested: Vec<(usize, usize, &Workload, usize)> = Vec::new();
    let winner = |workload| {
        let mut meant = by_age.iter().copied().filter(|at| all[*at].means(snapshot, workload));
        let winner = meant.next()?;
        for loser in meant {
            match contested.iter_mut().find(|(first, other, ..)| (*first, *other) == (winner, loser)) {
                Some((.., count)) => *count += 1,
                None => contested.push((winner, loser, workload, 1)),
            }
        }
        Some(winner)
    };
    let winners = snapshot.workloads.iter().map(winner).collect();
    for (winner, loser, workload, count) in contested {
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        let what = format!("{}{more}", workload.reference);
        said[winner] +=
            &format!("policy {} means {what} too, and is younger: this one counts. ", all[loser].reference());
        said[loser] += &format!("policy {} means {what} too, and is older: that one counts. ", all[winner].reference());
    }
    (winners, said)
}

/// Workloads that one policy is to mean and another means.
pub struct Contended {
    /// The other, NAMESPACE/NAME.
    pub by: String,
    pub workloads: Vec<WorkloadRef>,
}

/// The first of the others, by age, that means a workload which a policy is to mean and, as it was before, did not. What
/// was contended before is nothing new.
pub fn contended(snapshot: &Snapshot, asked: &Terms, before: Option<&Terms>, others: &[Terms]) -> Option<Contended> {
    let is_new = |workload: &&Workload| {
        asked.means(snapshot, workload) && before.is_none_or(|before| !before.means(snapshot, workload))
    };
    let new: Vec<&Workload> = snapshot.workloads.iter().filter(is_new).collect();
    // Whoever has one namespace forbids nothing to whoever has the cluster: between them age settles it.
    let counts = |other: &&Terms| asked.only().is_some() || other.only().is_none();
    let active = others.iter().filter(|other| other.spec.mode != PolicyMode::Disabled);
    let mut by_age: Vec<&Terms> = active.filter(counts).collect();
    by_age.sort_by(|a, b| a.age.cmp(&b.age));
    by_age.into_iter().find_map(|other| {
        let meant = new.iter().filter(|workload| other.means(snapshot, workload));
        let workloads: Vec<WorkloadRef> = meant.map(|workload| workload.reference.clone()).collect();
        (!workloads.is_empty()).then(|| Contended { by: other.reference(), workloads })
    })
}
