//! The controllers of pods: their size and how far their rollout has come.

use super::meta::{Conditions, Named, ObjectMeta, OwnerReference};
use super::values::IntOrString;
use super::wire;

wire! {
    /// Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet, Job and CronJob share their shape.
    struct Controller {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: ControllerSpec,
        status: ControllerStatus,
    }

    struct ControllerSpec {
        replicas: Option<i64>,
        paused: bool,
        parallelism: Option<i64>,
        update_strategy: Option<UpdateStrategy>,
        /// A Deployment's.
        strategy: Option<UpdateStrategy>,
    }

    struct UpdateStrategy {
        r#type: String,
        rolling_update: Option<RollingUpdate>,
    }

    struct RollingUpdate {
        partition: Option<i64>,
        max_surge: Option<IntOrString>,
        max_unavailable: Option<IntOrString>,
    }

    struct ControllerStatus {
        observed_generation: i64,
        replicas: i64,
        updated_replicas: i64,
        unavailable_replicas: i64,
        current_revision: String,
        update_revision: String,
        desired_number_scheduled: i64,
        updated_number_scheduled: i64,
        conditions: Conditions,
    }

    struct HorizontalPodAutoscaler {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: AutoscalerSpec,
    }

    struct AutoscalerSpec {
        scale_target_ref: OwnerReference,
        min_replicas: Option<i64>,
        max_replicas: i64,
        metrics: Vec<AutoscalerMetric>,
    }

    struct AutoscalerMetric {
        #[serde(rename = "type")]
        kind: String,
        resource: Option<Named>,
        container_resource: Option<Named>,
    }
}
