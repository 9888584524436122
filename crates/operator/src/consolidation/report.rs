//! OptimizationReports: what an analysis found, one a configuration, and what each consolidation did.

use crds::migration_plan::{Finding, SnapshotReference};
use crds::optimization_report::{Consolidation, Costs, Shadow};
use crds::{OptimizationReport, OptimizationReportSpec, OptimizationReportStatus};
use kube::api::{Api, ApiResource, DynamicObject};

use super::analysis::Found;
use crate::context::Context;
use crate::error::OperatorError;
use crate::record;

/// So many findings are written down, dearest first: an object must not grow with the cluster.
const MOST_FINDINGS: usize = 200;

/// Writes the report of a configuration, in place of its last one; its name.
pub async fn write(
    context: &Context,
    config: &str,
    found: &Found,
    shadow: Option<Shadow>,
) -> Result<String, OperatorError> {
    let totals = &found.analysis.totals;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let findings =
        |findings: &[model::Finding]| findings.iter().take(MOST_FINDINGS).map(Finding::from).collect::<Vec<_>>();
    let status = OptimizationReportStatus {
        costs: Some(Costs {
            nodes: count(totals.nodes),
            nodes_unpriced: count(totals.nodes_unpriced),
            workloads: count(found.snapshot.workloads.len()),
            usd_per_hour: totals.usd_per_hour.dollars(),
            usd_per_month: totals.usd_per_month(),
            usd_per_month_idle: Some(found.analysis.idle.dollars_per_month()),
            efficiency_percent: found.analysis.efficiency,
            usd_per_month_to_save: Some(found.plan.summary.saved().dollars_per_month()),
        }),
        waste: findings(&found.analysis.waste),
        findings: findings(&found.plan.findings),
        shadow,
        ..OptimizationReportStatus::default()
    };
    let snapshot = SnapshotReference {
        cluster: found.snapshot.cluster.clone(),
        taken_at: found.snapshot.taken_at.to_string(),
        digest: found.snapshot.digest.clone(),
    };
    let spec = OptimizationReportSpec { config: Some(config.to_owned()), snapshot };
    put(context, config, spec, &status).await?;
    Ok(config.to_owned())
}

/// Writes what a plan did, under the plan's name.
pub async fn write_consolidation(
    context: &Context,
    config: Option<String>,
    snapshot: SnapshotReference,
    consolidation: Consolidation,
) -> Result<(), OperatorError> {
    let name = consolidation.plan.clone();
    let status = OptimizationReportStatus { consolidation: Some(consolidation), ..Default::default() };
    put(context, &name, OptimizationReportSpec { config, snapshot }, &status).await
}

async fn put(
    context: &Context,
    name: &str,
    spec: OptimizationReportSpec,
    status: &OptimizationReportStatus,
) -> Result<(), OperatorError> {
    let resource = ApiResource::erase::<OptimizationReport>(&());
    let api = Api::<DynamicObject>::all_with(context.client(), &resource);
    let report = record::apply(context, &api, name, &OptimizationReport::new(name, spec)).await?;
    record::status(context, &api, &report.metadata, status).await.map(|_| ())
}
