//! The analysis for programs. Money is in dollars, unrounded; what is unknown is null.

use engine::analyze::{Analysis, Cost, MeasuredUse, NamespaceAnalysis, NodeAnalysis, WorkloadAnalysis};
use model::{Finding, Prices, Resources, Snapshot, UsdPerHour};
use serde::Serialize;

use super::breakdown::Shown;
use crate::args::Breakdown;

/// The whole of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    cluster: String,
    taken_at: String,
    digest: String,
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Vec<Node>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespaces: Option<Vec<Namespace>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workloads: Option<Vec<Workload>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waste: Option<Vec<crds::migration_plan::Finding>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patterns: Option<Vec<Pattern>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    savings_blocked_by: Option<Vec<crds::migration_plan::Finding>>,
    findings: Vec<crds::migration_plan::Finding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    usd_per_hour: f64,
    usd_per_month: f64,
    idle_usd_per_hour: f64,
    nodes: usize,
    nodes_unpriced: usize,
    pods: usize,
    /// In percent.
    efficiency: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    name: String,
    instance_type: Option<String>,
    capacity_type: String,
    provider: Option<&'static str>,
    region: Option<String>,
    zone: Option<String>,
    node_pool: Option<String>,
    usd_per_hour: Option<f64>,
    usd_per_month: Option<f64>,
    idle_usd_per_hour: Option<f64>,
    price: Price,
    capacity: Amounts,
    allocatable: Amounts,
    requested: Amounts,
    daemons: Amounts,
    used: Option<Used>,
    /// In percent.
    efficiency: Option<f64>,
    pinned_by: Vec<crds::migration_plan::Finding>,
}

/// How a price is known, or what would make it known.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    basis: Option<String>,
    source: Option<String>,
    as_of: Option<String>,
    unknown_because: Option<String>,
    remedy: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Namespace {
    name: String,
    workloads: usize,
    pods: usize,
    usd_per_hour: f64,
    usd_per_month: f64,
    pods_unpriced: usize,
    requested: Amounts,
    used: Option<Used>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Workload {
    kind: String,
    namespace: String,
    name: String,
    replicas: Option<i64>,
    pods: usize,
    ready: usize,
    usd_per_hour: f64,
    usd_per_month: f64,
    pods_unpriced: usize,
    requested: Amounts,
    used: Option<Used>,
    over_provisioned: Option<bool>,
    over_provisioned_usd_per_hour: Option<f64>,
}

/// Millicores, bytes and numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Amounts {
    cpu_millicores: i64,
    memory_bytes: i64,
    pods: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    cpu_millicores: i64,
    memory_bytes: i64,
    pods_measured: usize,
    pods_unmeasured: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pattern {
    code: String,
    findings: usize,
    usd_per_hour: f64,
    unknown_cost: usize,
}

impl Document {
    /// All of the analysis, or with `by` only that breakdown.
    pub fn of(
        snapshot: &Snapshot,
        prices: &Prices,
        analysis: &Analysis,
        shown: &Shown<'_>,
        by: Option<Breakdown>,
    ) -> Document {
        debug_assert_eq!(prices.nodes.len(), snapshot.nodes.len());
        let has = |which: Breakdown| by.is_none_or(|by| by == which);
        let pattern = |pattern: &engine::analyze::WastePattern| Pattern {
            code: pattern.code.as_str(),
            findings: pattern.findings,
            usd_per_hour: pattern.usd_per_hour.dollars(),
            unknown_cost: pattern.unknown_cost,
        };
        Document {
            cluster: snapshot.cluster.clone(),
            taken_at: snapshot.taken_at.to_string(),
            digest: snapshot.digest.clone(),
            totals: Totals {
                usd_per_hour: analysis.totals.usd_per_hour.dollars(),
                usd_per_month: analysis.totals.usd_per_month(),
                idle_usd_per_hour: analysis.idle.dollars(),
                nodes: analysis.totals.nodes,
                nodes_unpriced: analysis.totals.nodes_unpriced,
                pods: snapshot.pods.iter().filter(|pod| !pod.is_finished()).count(),
                efficiency: analysis.efficiency,
            },
            nodes: has(Breakdown::Node).then(|| shown.nodes.iter().map(|at| node(at)).collect()),
            namespaces: has(Breakdown::Namespace).then(|| shown.namespaces.iter().map(|at| namespace(at)).collect()),
            workloads: has(Breakdown::Workload).then(|| shown.workloads.iter().map(|at| workload(at)).collect()),
            waste: by.is_none().then(|| findings(&analysis.waste)),
            patterns: by.is_none().then(|| analysis.patterns.iter().map(pattern).collect()),
            savings_blocked_by: by.is_none().then(|| findings(&analysis.savings_blocked_by)),
            findings: findings(analysis.findings.iter().chain(&snapshot.findings)),
        }
    }
}

/// Findings as the plan has them.
pub fn findings<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<crds::migration_plan::Finding> {
    findings.into_iter().map(Into::into).collect()
}

impl From<&Result<model::Price, model::Unpriced>> for Price {
    fn from(price: &Result<model::Price, model::Unpriced>) -> Price {
        match price {
            Ok(price) => Price {
                basis: Some(price.basis.to_string()),
                source: Some(price.source.to_string()),
                as_of: Some(price.as_of.to_string()).filter(|as_of| !as_of.is_empty()),
                unknown_because: None,
                remedy: None,
            },
            Err(unpriced) => Price {
                basis: None,
                source: None,
                as_of: None,
                unknown_because: Some(unpriced.reason.clone()),
                remedy: Some(unpriced.remedy.clone()),
            },
        }
    }
}

fn node(node: &NodeAnalysis) -> Node {
    let text = |name: &Option<model::Name>| name.as_ref().map(ToString::to_string);
    let price = node.price.as_ref().ok().map(|price| price.usd_per_hour);
    Node {
        name: node.name.to_string(),
        instance_type: text(&node.instance_type),
        capacity_type: node.capacity_type.to_string(),
        provider: node.provider.map(model::Provider::as_str),
        region: text(&node.region),
        zone: text(&node.zone),
        node_pool: text(&node.pool),
        usd_per_hour: price.map(UsdPerHour::dollars),
        usd_per_month: price.map(UsdPerHour::dollars_per_month),
        idle_usd_per_hour: node.idle.map(UsdPerHour::dollars),
        price: (&node.price).into(),
        capacity: amounts(&node.capacity),
        allocatable: amounts(&node.allocatable),
        requested: amounts(&node.requested),
        daemons: amounts(&node.daemons),
        used: node.used.map(used),
        efficiency: node.efficiency,
        pinned_by: findings(&node.pinned_by),
    }
}

fn namespace(namespace: &NamespaceAnalysis) -> Namespace {
    let Cost { usd_per_hour, pods_unpriced } = namespace.cost;
    Namespace {
        name: namespace.name.to_string(),
        workloads: namespace.workloads,
        pods: namespace.pods,
        usd_per_hour: usd_per_hour.dollars(),
        usd_per_month: usd_per_hour.dollars_per_month(),
        pods_unpriced,
        requested: amounts(&namespace.requested),
        used: namespace.used.map(used),
    }
}

fn workload(workload: &WorkloadAnalysis) -> Workload {
    let Cost { usd_per_hour, pods_unpriced } = workload.cost;
    Workload {
        kind: workload.reference.kind.to_string(),
        namespace: workload.reference.namespace.to_string(),
        name: workload.reference.name.to_string(),
        replicas: workload.replicas,
        pods: workload.pods,
        ready: workload.ready,
        usd_per_hour: usd_per_hour.dollars(),
        usd_per_month: usd_per_hour.dollars_per_month(),
        pods_unpriced,
        requested: amounts(&workload.requested),
        used: workload.used.map(used),
        over_provisioned: workload.part_used.is_over_provisioned(),
        over_provisioned_usd_per_hour: workload.over_provisioned_cost.map(UsdPerHour::dollars),
    }
}

fn amounts(resources: &Resources) -> Amounts {
    Amounts { cpu_millicores: resources.cpu, memory_bytes: resources.memory, pods: resources.pods }
}

fn used(used: MeasuredUse) -> Used {
    Used {
        cpu_millicores: used.usage.cpu,
        memory_bytes: used.usage.memory,
        pods_measured: used.pods_measured,
        pods_unmeasured: used.pods_unmeasured,
    }
}
