//! Recommendations for programs. Money in dollars, CPU in cores, memory in bytes; what is unknown is null.

use engine::rightsizing::{ContainerAdvice, Resource};
use serde::Serialize;

use super::table::{verdict, why};

/// One container.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    namespace: String,
    kind: String,
    name: String,
    container: String,
    sidecar: bool,
    pods: usize,
    qos_class: String,
    resources: Vec<ResourceDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceDocument {
    resource: &'static str,
    verdict: &'static str,
    asks_for: Option<f64>,
    limit: Option<f64>,
    should_ask_for: Option<f64>,
    quantity: Option<String>,
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    highest: Option<f64>,
    samples: Option<usize>,
    confidence: Option<f64>,
    risk: Option<String>,
    risk_reasons: Vec<String>,
    usd_per_month_saved: Option<f64>,
    skipped: Option<String>,
    why: String,
}

/// All of them.
pub fn documents(advice: &[ContainerAdvice]) -> Vec<Document> {
    advice.iter().map(document).collect()
}

fn document(container: &ContainerAdvice) -> Document {
    Document {
        namespace: container.workload.namespace.to_string(),
        kind: container.workload.kind.to_string(),
        name: container.workload.name.to_string(),
        container: container.container.to_string(),
        sidecar: container.is_sidecar,
        pods: container.pods,
        qos_class: format!("{:?}", container.class),
        resources: Resource::ALL.map(|resource| of_resource(container, resource)).into(),
    }
}

fn of_resource(container: &ContainerAdvice, resource: Resource) -> ResourceDocument {
    let advice = &container.advice[resource.index()];
    let recommended = advice.recommended.as_ref().ok();
    let percentiles = recommended.map(|of| of.percentiles);
    ResourceDocument {
        resource: resource.name(),
        verdict: verdict(advice.verdict()),
        asks_for: advice.asked.map(|asked| resource.from_request(asked)),
        limit: advice.limit.map(|limit| resource.from_request(limit)),
        should_ask_for: recommended.map(|of| resource.from_request(of.request)),
        quantity: recommended.map(|of| resource.quantity(of.request)),
        p50: percentiles.map(|of| of.p50),
        p90: percentiles.map(|of| of.p90),
        p99: percentiles.map(|of| of.p99),
        highest: percentiles.map(|of| of.highest),
        samples: recommended.map(|of| of.samples),
        confidence: recommended.map(|of| of.confidence),
        risk: recommended.map(|of| format!("{:?}", of.risks.level).to_lowercase()),
        risk_reasons: recommended.iter().flat_map(|of| &of.risks.reasons).map(ToString::to_string).collect(),
        usd_per_month_saved: advice.saved.map(|saved| saved.dollars_per_month()),
        skipped: advice.recommended.as_ref().err().map(ToString::to_string),
        why: why(resource, advice),
    }
}
