//! A lift told to a reviewer: what it is of, the change in words, and the patch.

use model::placement::{TopologySpreadConstraint, WhenUnsatisfiable};
use model::{ConstraintKind, Name, ObjectRef, Patch, PatchKind, Snapshot, TaintEffect, WorkloadRef};

use super::budget_for;
use super::json::Json;
use super::lift::{CAPACITY_TYPE, Lift, Limit, tolerates_cordon};
use crate::what_if::{Rule, rules};

/// What a lift says of itself.
pub(super) struct Told {
    pub(super) kind: ConstraintKind,
    pub(super) object: ObjectRef,
    pub(super) change: String,
    pub(super) patch: Option<Patch>,
}

/// Kinds whose pods are made of spec.template.
const WITH_TEMPLATE: [&str; 5] = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"];

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

pub(super) fn told(lift: &Lift, snapshot: &Snapshot) -> Told {
    use ConstraintKind as Kind;
    let workload = |workload: &u32| snapshot.workloads[*workload as usize].reference.clone();
    match lift {
        Lift::AllowDisruption { budget, most_unavailable } => {
            let change = format!(
                "let it allow one disruption: maxUnavailable {most_unavailable} in place of {}",
                snapshot.budgets[*budget].limit
            );
            let spec =
                Json::object([("minAvailable", Json::Null), ("maxUnavailable", Json::Number(*most_unavailable))]);
            Told {
                kind: Kind::Budget,
                object: budget_ref(snapshot, *budget),
                change,
                patch: Some(merge(Json::at(&["spec"], spec))),
            }
        }
        Lift::DropBudget { budget, kept } => Told {
            kind: Kind::BudgetOverlap,
            object: budget_ref(snapshot, *budget),
            change: format!("delete it: budget {} covers its pods too", snapshot.budgets[*kept].key()),
            patch: None,
        },
        Lift::GiveBudget { workload: of } => {
            let of = workload(of);
            Told {
                kind: Kind::MissingBudget,
                patch: new_budget(snapshot, lift, &of),
                object: of_workload(of),
                change: "give it a PodDisruptionBudget of maxUnavailable 1".to_owned(),
            }
        }
        Lift::PodAnnotations { workload: of, keys } => {
            let of = workload(of);
            let patch = template_patch(&of, Json::at(&["metadata", "annotations"], nulls(keys)));
            Told { kind: Kind::PodAnnotation, object: of_workload(of), change: without_annotations(keys), patch }
        }
        Lift::NodeAnnotations { node, keys } => Told {
            kind: Kind::NodeAnnotation,
            object: object("Node", node),
            change: without_annotations(keys),
            patch: Some(merge(Json::at(&["metadata", "annotations"], nulls(keys)))),
        },
        Lift::CordonToleration { workload: of } => {
            let patch = remove_tolerations(snapshot, *of);
            let change = "drop the toleration of everything: with it a pod may come back to a cordoned node".to_owned();
            Told { kind: Kind::Toleration, object: of_workload(workload(of)), change, patch }
        }
        Lift::Rule { workload: of, rule } => {
            let (kind, change) = rule_in_words(rule);
            Told { kind, patch: rule_patch(snapshot, *of, rule), object: of_workload(workload(of)), change }
        }
        Lift::Taint { pool, taint } => Told {
            kind: Kind::Taint,
            object: object(if snapshot.node_pools.contains_key(pool) { "NodePool" } else { "NodeGroup" }, pool),
            change: format!("drop the taint {} from its nodes", taint_in_words(taint)),
            patch: taint_patch(snapshot, pool, taint),
        },
        Lift::Requirement { pool, at } => requirement(snapshot, pool, *at),
        Lift::PoolLimits { pool } => Told {
            kind: Kind::NodePoolLimits,
            object: object("NodePool", pool),
            change: "raise its limits".to_owned(),
            patch: Some(merge(Json::at(&["spec", "limits"], Json::Null))),
        },
        Lift::Limit(limit) => {
            let (name, flag) = flag(*limit);
            Told {
                kind: Kind::PlanLimit,
                object: object("Limit", name),
                change: format!("plan with {flag}"),
                patch: None,
            }
        }
    }
}

fn object(kind: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: Name::default(), name: name.into() }
}

fn of_workload(workload: WorkloadRef) -> ObjectRef {
    ObjectRef { kind: workload.kind, namespace: workload.namespace, name: workload.name }
}

fn budget_ref(snapshot: &Snapshot, budget: usize) -> ObjectRef {
    let budget = &snapshot.budgets[budget];
    ObjectRef { kind: "PodDisruptionBudget".into(), namespace: budget.namespace.clone(), name: budget.name.clone() }
}

fn merge(patch: Json) -> Patch {
    Patch { kind: PatchKind::Merge, text: patch.to_string() }
}

fn json_patch(steps: Vec<Json>) -> Patch {
    Patch { kind: PatchKind::Json, text: Json::List(steps).to_string() }
}

fn step(operation: &str, path: &str, value: Option<Json>) -> Json {
    let members = [("op", Some(Json::text(operation))), ("path", Some(Json::text(path))), ("value", value)];
    Json::object(members.into_iter().filter_map(|(key, value)| Some((key, value?))))
}

/// A merge patch of a workload's template, where its kind has one.
fn template_patch(workload: &WorkloadRef, of_template: Json) -> Option<Patch> {
    WITH_TEMPLATE.contains(&&*workload.kind).then(|| merge(Json::at(&["spec", "template"], of_template)))
}

fn nulls(keys: &[Name]) -> Json {
    Json::object(keys.iter().map(|key| (key, Json::Null)))
}

fn without_annotations(keys: &[Name]) -> String {
    let noun = if keys.len() == 1 { "annotation" } else { "annotations" };
    format!("remove the {noun} {}", keys.join(", "))
}

fn new_budget(snapshot: &Snapshot, lift: &Lift, workload: &WorkloadRef) -> Option<Patch> {
    let Lift::GiveBudget { workload: number } = lift else { return None };
    let (_, labels) = budget_for::selector(snapshot, *number)?;
    let labels = Json::object(labels.iter().map(|(key, value)| (key, Json::text(value))));
    let manifest = Json::object([
        ("apiVersion", Json::text("policy/v1")),
        ("kind", Json::text("PodDisruptionBudget")),
        (
            "metadata",
            Json::object([("name", Json::text(&workload.name)), ("namespace", Json::text(&workload.namespace))]),
        ),
        ("spec", Json::object([("maxUnavailable", Json::Number(1)), ("selector", Json::at(&["matchLabels"], labels))])),
    ]);
    Some(Patch { kind: PatchKind::Apply, text: manifest.to_string() })
}

/// The first pod's tolerations that tolerate a cordon, from the last to the first: the API server adds its own behind
/// those of the template.
fn remove_tolerations(snapshot: &Snapshot, workload: u32) -> Option<Patch> {
    let kind = &snapshot.workloads[workload as usize].reference.kind;
    let pod = snapshot.pods.iter().find(|pod| pod.workload == Some(workload))?;
    let meant = pod.spec.tolerations.iter().enumerate().rev().filter(|(_, one)| tolerates_cordon(one));
    let steps =
        meant.map(|(at, _)| step("remove", &format!("/spec/template/spec/tolerations/{at}"), None)).collect::<Vec<_>>();
    WITH_TEMPLATE.contains(&&**kind).then(|| json_patch(steps))
}

fn rule_in_words(rule: &Rule) -> (ConstraintKind, String) {
    match rule {
        Rule::Spread(key) => {
            let over = key.as_ref().map(|key| format!(" over {key}")).unwrap_or_default();
            let change = format!("spread its pods{over} only where that can be: whenUnsatisfiable ScheduleAnyway");
            (ConstraintKind::TopologySpread, change)
        }
        Rule::PodAffinity => (ConstraintKind::PodAffinity, "drop its required pod affinity".to_owned()),
        Rule::PodAntiAffinity => (ConstraintKind::PodAntiAffinity, "drop its required pod anti-affinity".to_owned()),
        Rule::NodeAffinity => {
            (ConstraintKind::NodeAffinity, "drop its node selector and required node affinity".to_owned())
        }
    }
}

fn rule_patch(snapshot: &Snapshot, workload: u32, rule: &Rule) -> Option<Patch> {
    let reference = &snapshot.workloads[workload as usize].reference;
    let pod = snapshot.pods.iter().find(|pod| pod.workload == Some(workload) && rule.is_in(&pod.spec))?;
    let affinity = |kind: &str| template_patch(reference, Json::at(&["spec", "affinity", kind, REQUIRED], Json::Null));
    match rule {
        Rule::Spread(key) => {
            let all = &pod.spec.topology_spread;
            let is_hard = |one: &TopologySpreadConstraint| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule;
            let meant = all.iter().enumerate().rev().filter(|(_, one)| is_hard(one));
            let meant = meant.filter(|(_, one)| key.as_ref().is_none_or(|key| *key == one.topology_key));
            let steps = meant.flat_map(|(at, one)| {
                let path = format!("/spec/template/spec/topologySpreadConstraints/{at}");
                // Two soft constraints over one label are refused by the API server.
                let has_soft = all.iter().any(|other| other.topology_key == one.topology_key && !is_hard(other));
                let soft = || step("replace", &format!("{path}/whenUnsatisfiable"), Some(Json::text("ScheduleAnyway")));
                [
                    step("test", &format!("{path}/topologyKey"), Some(Json::text(&one.topology_key))),
                    if has_soft { step("remove", &path, None) } else { soft() },
                ]
            });
            WITH_TEMPLATE.contains(&&*reference.kind).then(|| json_patch(steps.collect()))
        }
        Rule::PodAffinity => affinity("podAffinity"),
        Rule::PodAntiAffinity => affinity("podAntiAffinity"),
        Rule::NodeAffinity => {
            let selected: Vec<Name> = rules::selected_keys(&pod.spec).cloned().collect();
            let mut of_spec = Vec::new();
            if !selected.is_empty() {
                of_spec.push(("nodeSelector", nulls(&selected)));
            }
            if rules::has_droppable_affinity(&pod.spec) {
                of_spec.push(("affinity", Json::at(&["nodeAffinity", REQUIRED], Json::Null)));
            }
            template_patch(reference, Json::at(&["spec"], Json::object(of_spec)))
        }
    }
}

fn taint_in_words(taint: &model::Taint) -> String {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    if taint.value.is_empty() {
        return format!("{}:{effect}", taint.key);
    }
    format!("{}={}:{effect}", taint.key, taint.value)
}

fn taint_patch(snapshot: &Snapshot, pool: &Name, taint: &model::Taint) -> Option<Patch> {
    let at = snapshot.node_pools.get(pool)?.taints.iter().position(|other| other == taint)?;
    let path = format!("/spec/template/spec/taints/{at}");
    let test = step("test", &format!("{path}/key"), Some(Json::text(&taint.key)));
    Some(json_patch(vec![test, step("remove", &path, None)]))
}

fn requirement(snapshot: &Snapshot, pool: &Name, at: usize) -> Told {
    let requirement = snapshot.node_pools.get(pool).and_then(|pool| pool.requirements.get(at));
    let key = requirement.map(|requirement| requirement.key.clone()).unwrap_or_default();
    let path = format!("/spec/template/spec/requirements/{at}");
    let test = step("test", &format!("{path}/key"), Some(Json::text(&key)));
    let (change, patch) = if &*key == CAPACITY_TYPE {
        let value = Json::object([
            ("key", Json::text(CAPACITY_TYPE)),
            ("operator", Json::text("In")),
            ("values", Json::List(vec![Json::text("on-demand"), Json::text("spot")])),
        ]);
        ("let it buy spot and on-demand".to_owned(), vec![test, step("replace", &path, Some(value))])
    } else {
        (format!("drop its requirement on {key}"), vec![test, step("remove", &path, None)])
    };
    Told {
        kind: ConstraintKind::NodePoolRequirement,
        object: object("NodePool", pool),
        change,
        patch: Some(json_patch(patch)),
    }
}

/// A limit's name and the flag that lifts it.
fn flag(limit: Limit) -> (&'static str, &'static str) {
    match limit {
        Limit::Headroom => ("headroom", "--headroom 0%"),
        Limit::MinReplicas => ("min-replicas", "--min-replicas 1"),
        Limit::MaxRisk => ("max-risk", "--max-risk high"),
        Limit::MinAge => ("min-age", "--min-age 0"),
        Limit::SystemPods => ("system-pods", "--system-pods all"),
        Limit::KeepEmptyDir => ("keep-empty-dir", "--keep-empty-dir=false"),
        Limit::KeepWithoutBudget => ("keep-without-budget", "--keep-without-budget=false"),
        Limit::KeepZones => ("keep-zones", "--keep-zones=false"),
        Limit::MaxMoves => ("max-moves", "more --max-moves"),
        Limit::MinSavings => ("min-savings", "--min-savings 0"),
        Limit::MinSavingsPerMove => ("min-savings-per-move", "--min-savings-per-move 0"),
    }
}
