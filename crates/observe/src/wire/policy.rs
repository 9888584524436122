//! What limits pods from outside: disruption budgets, priorities, quotas, limit ranges.

use super::meta::{LabelSelector, ObjectMeta};
use super::values::{IntOrString, ResourceList, SortedMap};
use super::wire;

wire! {
    struct PodDisruptionBudget {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: BudgetSpec,
        status: BudgetStatus,
    }

    struct BudgetSpec {
        min_available: Option<IntOrString>,
        max_unavailable: Option<IntOrString>,
        selector: Option<LabelSelector>,
        unhealthy_pod_eviction_policy: Option<String>,
    }

    struct BudgetStatus {
        observed_generation: i64,
        disruptions_allowed: i64,
        current_healthy: i64,
        desired_healthy: i64,
        expected_pods: i64,
        disrupted_pods: SortedMap<String>,
    }

    struct PriorityClass {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        value: i32,
        global_default: bool,
        preemption_policy: Option<String>,
    }

    struct ResourceQuota {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: QuotaSpec,
        status: QuotaAmounts,
    }

    struct QuotaSpec {
        hard: ResourceList,
        scopes: Vec<String>,
        scope_selector: Option<ScopeSelector>,
    }

    struct ScopeSelector {
        match_expressions: Vec<ScopeRequirement>,
    }

    struct ScopeRequirement {
        scope_name: String,
        operator: String,
        values: Vec<String>,
    }

    struct QuotaAmounts {
        hard: ResourceList,
        used: ResourceList,
    }

    struct LimitRange {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: LimitRangeSpec,
    }

    struct LimitRangeSpec {
        limits: Vec<LimitRangeItem>,
    }

    struct LimitRangeItem {
        r#type: String,
        max: ResourceList,
        min: ResourceList,
        default: ResourceList,
        default_request: ResourceList,
        max_limit_request_ratio: ResourceList,
    }
}
