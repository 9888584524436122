//! Node, Namespace, and what Karpenter says of nodes.

use super::meta::{Conditions, ObjectMeta};
use super::values::{ResourceList, StringMap};
use super::wire;

wire! {
    struct Node {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: NodeSpec,
        status: NodeStatus,
    }

    struct NodeSpec {
        unschedulable: bool,
        taints: Vec<Taint>,
        #[serde(rename = "providerID")]
        provider_id: String,
    }

    struct Taint {
        key: String,
        value: String,
        effect: String,
    }

    struct NodeStatus {
        allocatable: ResourceList,
        capacity: ResourceList,
        conditions: Conditions,
        declared_features: Vec<String>,
    }

    struct Namespace {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
    }

    struct NodePool {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: NodePoolSpec,
        status: NodePoolStatus,
    }

    struct NodePoolStatus {
        conditions: Conditions,
    }

    struct NodePoolSpec {
        disruption: Option<Disruption>,
        limits: ResourceList,
        template: Option<NodeClaimTemplate>,
        replicas: Option<i64>,
    }

    struct NodeClaimTemplate {
        metadata: ObjectMeta,
        spec: NodeClaimTemplateSpec,
    }

    struct NodeClaimTemplateSpec {
        taints: Vec<Taint>,
        requirements: Vec<NodeRequirement>,
    }

    struct NodeRequirement {
        key: String,
        operator: String,
        values: Vec<String>,
        min_values: Option<i64>,
    }

    struct Disruption {
        consolidation_policy: String,
        consolidate_after: String,
        budgets: Vec<DisruptionBudget>,
    }

    struct DisruptionBudget {
        nodes: String,
        schedule: String,
        duration: String,
        reasons: Vec<String>,
    }

    struct NodeClaim {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        status: NodeClaimStatus,
    }

    struct NodeClaimStatus {
        node_name: String,
        #[serde(rename = "providerID")]
        provider_id: String,
    }

    struct RuntimeClass {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        overhead: Option<Overhead>,
        scheduling: Option<RuntimeScheduling>,
    }

    struct Overhead {
        pod_fixed: ResourceList,
    }

    struct RuntimeScheduling {
        node_selector: StringMap,
        tolerations: Vec<super::pod::Toleration>,
    }

    struct NodeMetrics {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        timestamp: Option<String>,
        usage: ResourceList,
    }

    struct PodMetrics {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        timestamp: Option<String>,
        containers: Vec<ContainerMetrics>,
    }

    struct ContainerMetrics {
        name: String,
        usage: ResourceList,
    }
}
