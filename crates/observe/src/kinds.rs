//! The kinds that are read, and where the API serves them.

/// One kind of object that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Node.
    Node,
    /// Pod.
    Pod,
    /// Namespace.
    Namespace,
    /// PodDisruptionBudget.
    PodDisruptionBudget,
    /// PersistentVolume.
    PersistentVolume,
    /// PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// StorageClass.
    StorageClass,
    /// CSINode.
    CsiNode,
    /// CSIDriver.
    CsiDriver,
    /// CSIStorageCapacity.
    CsiStorageCapacity,
    /// VolumeAttachment.
    VolumeAttachment,
    /// PriorityClass.
    PriorityClass,
    /// RuntimeClass.
    RuntimeClass,
    /// Deployment.
    Deployment,
    /// ReplicaSet.
    ReplicaSet,
    /// ReplicationController.
    ReplicationController,
    /// StatefulSet.
    StatefulSet,
    /// DaemonSet.
    DaemonSet,
    /// Job.
    Job,
    /// CronJob.
    CronJob,
    /// HorizontalPodAutoscaler.
    HorizontalPodAutoscaler,
    /// ResourceQuota.
    ResourceQuota,
    /// LimitRange.
    LimitRange,
    /// Karpenter's NodePool.
    NodePool,
    /// Karpenter's NodeClaim.
    NodeClaim,
    /// metrics.k8s.io PodMetrics.
    PodMetrics,
    /// metrics.k8s.io NodeMetrics.
    NodeMetrics,
}

/// How the API names and serves a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The kind.
    pub kind: Kind,
    /// As `kind:` has it.
    pub name: &'static str,
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The version asked for when live; a dump may have any.
    pub version: &'static str,
    /// As URLs have it.
    pub plural: &'static str,
    /// Its objects live in namespaces.
    pub namespaced: bool,
}

const fn row(
    kind: Kind,
    name: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> KindInfo {
    KindInfo { kind, name, group, version, plural, namespaced }
}

/// All kinds that are read, in the order of [`Kind`].
pub const KINDS: [KindInfo; 27] = [
    row(Kind::Node, "Node", "", "v1", "nodes", false),
    row(Kind::Pod, "Pod", "", "v1", "pods", true),
    row(Kind::Namespace, "Namespace", "", "v1", "namespaces", false),
    row(Kind::PodDisruptionBudget, "PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", true),
    row(Kind::PersistentVolume, "PersistentVolume", "", "v1", "persistentvolumes", false),
    row(Kind::PersistentVolumeClaim, "PersistentVolumeClaim", "", "v1", "persistentvolumeclaims", true),
    row(Kind::StorageClass, "StorageClass", "storage.k8s.io", "v1", "storageclasses", false),
    row(Kind::CsiNode, "CSINode", "storage.k8s.io", "v1", "csinodes", false),
    row(Kind::CsiDriver, "CSIDriver", "storage.k8s.io", "v1", "csidrivers", false),
    row(Kind::CsiStorageCapacity, "CSIStorageCapacity", "storage.k8s.io", "v1", "csistoragecapacities", true),
    row(Kind::VolumeAttachment, "VolumeAttachment", "storage.k8s.io", "v1", "volumeattachments", false),
    row(Kind::PriorityClass, "PriorityClass", "scheduling.k8s.io", "v1", "priorityclasses", false),
    row(Kind::RuntimeClass, "RuntimeClass", "node.k8s.io", "v1", "runtimeclasses", false),
    row(Kind::Deployment, "Deployment", "apps", "v1", "deployments", true),
    row(Kind::ReplicaSet, "ReplicaSet", "apps", "v1", "replicasets", true),
    row(Kind::ReplicationController, "ReplicationController", "", "v1", "replicationcontrollers", true),
    row(Kind::StatefulSet, "StatefulSet", "apps", "v1", "statefulsets", true),
    row(Kind::DaemonSet, "DaemonSet", "apps", "v1", "daemonsets", true),
    row(Kind::Job, "Job", "batch", "v1", "jobs", true),
    row(Kind::CronJob, "CronJob", "batch", "v1", "cronjobs", true),
    row(
        Kind::HorizontalPodAutoscaler,
        "HorizontalPodAutoscaler",
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        true,
    ),
    row(Kind::ResourceQuota, "ResourceQuota", "", "v1", "resourcequotas", true),
    row(Kind::LimitRange, "LimitRange", "", "v1", "limitranges", true),
    row(Kind::NodePool, "NodePool", "karpenter.sh", "v1", "nodepools", false),
    row(Kind::NodeClaim, "NodeClaim", "karpenter.sh", "v1", "nodeclaims", false),
    row(Kind::PodMetrics, "PodMetrics", "metrics.k8s.io", "v1beta1", "pods", true),
    row(Kind::NodeMetrics, "NodeMetrics", "metrics.k8s.io", "v1beta1", "nodes", false),
];

impl Kind {
    /// Its row of [`KINDS`].
    pub fn info(self) -> &'static KindInfo {
        &KINDS[self as usize]
    }

    /// As `kind:` has it.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Which kind an object's apiVersion and kind say it is, of any version; `None` for kinds that are not read.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        // The workload kinds were served from `extensions` before 1.16.
        let group = if group == "extensions" { "apps" } else { group };
        KINDS.iter().find(|info| info.name == kind && info.group == group).map(|info| info.kind)
    }
}

impl KindInfo {
    /// The apiVersion asked for when live.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_kinds() {
        for (at, info) in KINDS.iter().enumerate() {
            assert_eq!(info.kind as usize, at, "{}", info.name);
            assert_eq!(Kind::of(&info.api_version(), info.name), Some(info.kind));
        }
    }

    #[test]
    fn the_group_decides_between_kinds_of_one_name() {
        assert_eq!(Kind::of("karpenter.sh/v1beta1", "NodePool"), Some(Kind::NodePool));
        assert_eq!(Kind::of("example.com/v1", "NodePool"), None);
        assert_eq!(Kind::of("extensions/v1beta1", "Deployment"), Some(Kind::Deployment));
        assert_eq!(Kind::of("v1", "Secret"), None);
    }
}
