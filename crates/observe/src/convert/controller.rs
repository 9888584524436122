//! Controllers of pods and their autoscalers, as far as workloads are made of them.

use model::{Labels, Name, Owner, Rollout, Time};

use super::Unreadable;
use super::labels::labels;
use super::pod::controller_of;
use super::time::time;
use crate::intern::Interner;
use crate::kinds::Kind;
use crate::wire;
use crate::wire::apps::{ControllerSpec, ControllerStatus};
use crate::wire::values::IntOrString;

/// One Deployment, ReplicaSet, StatefulSet, Job …
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Controller {
    pub kind: Kind,
    pub namespace: Name,
    pub name: Name,
    pub uid: Name,
    pub labels: Labels,
    pub owner: Option<Owner>,
    /// What it wants; absent for kinds without a number.
    pub replicas: Option<i64>,
    /// What it has.
    pub current_replicas: i64,
    pub terminating: bool,
    /// A Deployment whose rollouts take no pod away before a new one is ready.
    pub surges: bool,
    pub created: Option<Time>,
    /// By its own fields alone; a Deployment's ReplicaSets have a say too.
    pub rollout: Rollout,
}

/// A HorizontalPodAutoscaler's target and bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Autoscaler {
    pub namespace: Name,
    pub name: Name,
    pub target_kind: Name,
    pub target_name: Name,
    pub min: i64,
    pub max: i64,
    /// The resources it looks at, or the kinds of its other metrics.
    pub metrics: Vec<Name>,
}

pub(crate) fn controller(
    kind: Kind,
    object: &wire::apps::Controller,
    interner: &Interner,
) -> Result<Controller, Unreadable> {
    let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
    let has_replicas =
        matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController | Kind::StatefulSet);
    let replicas = match kind {
        _ if has_replicas => Some(spec.replicas.unwrap_or(1)),
        Kind::Job => Some(spec.parallelism.unwrap_or(1)),
        _ => None,
    };
    Ok(Controller {
        kind,
        namespace: interner.name(&meta.namespace),
        name: interner.name(&meta.name),
        uid: interner.name(&meta.uid),
        labels: labels(&meta.labels, interner),
        owner: controller_of(meta, interner),
        replicas,
        current_replicas: status.replicas,
        terminating: meta.deletion_timestamp.is_some(),
        surges: kind == Kind::Deployment && surges(spec),
        created: time(meta.creation_timestamp.as_deref(), "metadata.creationTimestamp")?,
        rollout: match rollout_sign(kind, meta.generation, spec, status) {
            // Written by hand, without the status that every real one has.
            _ if meta.generation == 0 && *status == ControllerStatus::default() => Rollout::Unknown,
            Some(sign) => Rollout::InProgress(sign),
            None => Rollout::Complete,
        },
    })
}

/// Do a Deployment's rollouts bring a new pod up before they take one away, at its number of replicas? Both limits are
/// 25 % where absent; of a percentage maxSurge is rounded up and maxUnavailable down
/// (k8s.io/kubernetes/pkg/controller/deployment/util, ResolveFenceposts).
fn surges(spec: &ControllerSpec) -> bool {
    let replicas = spec.replicas.unwrap_or(1);
    let strategy = spec.strategy.as_ref();
    let is_rolling = strategy.is_none_or(|strategy| matches!(strategy.r#type.as_str(), "" | "RollingUpdate"));
    let limits = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    // In hundredths of a pod, so that percentages are whole.
    let hundredths = |limit: Option<&IntOrString>| match limit {
        Some(IntOrString::Int(number)) => number.checked_mul(100),
        Some(IntOrString::String(text)) => text.strip_suffix('%')?.parse::<i64>().ok()?.checked_mul(replicas),
        None => replicas.checked_mul(25),
    };
    let surge = hundredths(limits.and_then(|limits| limits.max_surge.as_ref()));
    let unavailable = hundredths(limits.and_then(|limits| limits.max_unavailable.as_ref()));
    is_rolling && !spec.paused && surge.is_some_and(|surge| surge > 0) && unavailable.is_some_and(|most| most < 100)
}

/// What shows that a change is under way, if anything does.
fn rollout_sign(kind: Kind, generation: i64, spec: &ControllerSpec, status: &ControllerStatus) -> Option<String> {
    let wanted = spec.replicas.unwrap_or(1);
    let is_unobserved = status.observed_generation < generation;
    let unobserved = || {
        is_unobserved
            .then(|| format!("generation {generation} is not observed yet, only {}", status.observed_generation))
    };
    match kind {
        Kind::Deployment => unobserved().or_else(|| {
            let progressing = status.conditions.get("Progressing").map_or("", |one| one.reason.as_str());
            if progressing == "ProgressDeadlineExceeded" {
                return Some("its progress deadline is exceeded".to_owned());
            }
            if status.updated_replicas < wanted {
                return Some(format!("{} of {wanted} replicas are updated", status.updated_replicas));
            }
            if status.replicas > status.updated_replicas {
                return Some(format!("{} old replicas remain", status.replicas - status.updated_replicas));
            }
            // NewReplicaSetAvailable stays once a rollout was done, whatever becomes of its pods later.
            if status.unavailable_replicas > 0 && !matches!(progressing, "" | "NewReplicaSetAvailable") {
                return Some(format!("{} replicas are not available yet", status.unavailable_replicas));
            }
            None
        }),
        Kind::StatefulSet => unobserved().or_else(|| {
            let strategy = spec.update_strategy.as_ref();
            if strategy.is_some_and(|strategy| strategy.r#type == "OnDelete") {
                return (status.current_revision != status.update_revision && !status.update_revision.is_empty())
                    .then(|| "its pods take the new revision only when they are deleted".to_owned());
            }
            if status.update_revision.is_empty() || status.current_revision == status.update_revision {
                return None;
            }
            let updated = status.updated_replicas;
            Some(format!("{updated} of {wanted} replicas are of the new revision"))
        }),
        Kind::DaemonSet => unobserved().or_else(|| {
            let (updated, wanted) = (status.updated_number_scheduled, status.desired_number_scheduled);
            (updated < wanted).then(|| format!("{updated} of {wanted} pods are updated"))
        }),
        Kind::ReplicaSet | Kind::ReplicationController => unobserved(),
        _ => None,
    }
}

pub(crate) fn autoscaler(object: &wire::apps::HorizontalPodAutoscaler, interner: &Interner) -> Autoscaler {
    let spec = &object.spec;
    Autoscaler {
        namespace: interner.name(&object.metadata.namespace),
        name: interner.name(&object.metadata.name),
        target_kind: interner.name(&spec.scale_target_ref.kind),
        target_name: interner.name(&spec.scale_target_ref.name),
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
        metrics: metrics(spec, interner),
    }
}

/// The API's default is 80 % of CPU; `autoscaling/v1` knows nothing else.
fn metrics(spec: &wire::apps::AutoscalerSpec, interner: &Interner) -> Vec<Name> {
    let mut metrics: Vec<Name> = Vec::new();
    for metric in &spec.metrics {
        let name = match (&metric.resource, &metric.container_resource) {
            (Some(resource), _) | (None, Some(resource)) => &resource.name,
            (None, None) => &metric.kind,
        };
        metrics.push(interner.name(name));
    }
    if metrics.is_empty() {
        metrics.push(interner.name("cpu"));
    }
    metrics.sort();
    metrics.dedup();
    metrics
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rollout(kind: Kind, spec: Value, status: Value) -> Rollout {
        let object =
            json!({ "metadata": { "name": "a", "namespace": "b", "generation": 2 }, "spec": spec, "status": status });
        controller(kind, &serde_json::from_value(object).unwrap(), &Interner::default()).unwrap().rollout
    }

    #[test]
    fn a_deployment_is_settled_when_all_replicas_are_new() {
        let of = |status: Value| rollout(Kind::Deployment, json!({ "replicas": 3 }), status);
        let settled = json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3 });
        assert_eq!(of(settled.clone()), Rollout::Complete);
        for (field, value) in [
            ("observedGeneration", json!(1)),
            ("updatedReplicas", json!(2)),
            ("replicas", json!(4)),
            ("conditions", json!([{ "type": "Progressing", "reason": "ProgressDeadlineExceeded" }])),
        ] {
            let mut status = settled.clone();
            status[field] = value;
            assert!(matches!(of(status), Rollout::InProgress(_)), "{field}");
        }
        let mut unready = settled;
        unready["unavailableReplicas"] = json!(1);
        unready["conditions"] = json!([{ "type": "Progressing", "reason": "NewReplicaSetAvailable" }]);
        assert_eq!(of(unready.clone()), Rollout::Complete);
        unready["conditions"][0]["reason"] = json!("ReplicaSetUpdated");
        assert!(matches!(of(unready), Rollout::InProgress(_)));
    }

    #[test]
    fn a_stateful_set_is_settled_when_its_revisions_are_one() {
        let of = |current: &str, update: &str| {
            let status = json!({ "observedGeneration": 2, "currentRevision": current, "updateRevision": update });
            rollout(Kind::StatefulSet, json!({}), status)
        };
        assert_eq!(of("a", "a"), Rollout::Complete);
        assert!(matches!(of("a", "b"), Rollout::InProgress(_)));
    }

    #[test]
    fn a_deployment_surges_where_no_old_pod_goes_before_a_new_one_is_ready() {
        let surges = |spec: Value| super::surges(&serde_json::from_value(spec).unwrap());
        let rolling = |surge: Value, unavailable: Value| {
            let limits = json!({ "maxSurge": surge, "maxUnavailable": unavailable });
            surges(json!({ "replicas": 1, "strategy": { "type": "RollingUpdate", "rollingUpdate": limits } }))
        };
        assert!(surges(json!({})), "25 % of one pod is one that comes, and none that goes");
        assert!(surges(json!({ "strategy": { "type": "RollingUpdate" } })));
        assert!(!surges(json!({ "strategy": { "type": "Recreate" } })));
        assert!(!surges(json!({ "paused": true })));
        assert!(!surges(json!({ "replicas": 4 })), "25 % of four may go first");
        assert!(rolling(json!(1), json!(0)));
        assert!(rolling(json!("1%"), json!("99%")));
        assert!(!rolling(json!(0), json!(1)));
        assert!(!rolling(json!("0%"), json!("25%")));
        assert!(!rolling(json!(1), json!(1)), "the old one may go first");
        assert!(!rolling(json!("a"), json!(0)));
    }
}
