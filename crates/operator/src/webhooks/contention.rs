//! Two policies that mean one workload: refused where it can be seen. What cannot be seen now, such as a workload that is
//! made later, is settled by age (`rightsizing::terms::winners`).

use std::sync::Arc;
use std::time::Duration;

use crds::optimization_policy::PolicyMode;
use kube::api::DynamicObject;
use model::WorkloadRef;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::clock;
use crate::context::Context;
use crate::rightsizing::terms::{Contended, Terms, contended};

/// The API server waits for two seconds. What takes longer on a large cluster is as what cannot be seen.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many workloads are named.
const NAMED: usize = 3;

/// Why a policy may not be as it is asked to be: another means a workload that it did not mean before.
pub async fn refusal(context: &Arc<Context>, request: &Value) -> Option<String> {
    let is_policy = request["object"]["kind"] == "OptimizationPolicy";
    if !is_policy || request["object"]["spec"] == request["oldObject"]["spec"] {
        return None;
    }
    let asked = active(context, &request["object"])?;
    let before = active(context, &request["oldObject"]);
    let of = context.clone();
    // One look at a time, also those that nobody waits for any more; while there is one, nothing can be seen.
    static LOOKING: Semaphore = Semaphore::const_new(1);
    let place = LOOKING.try_acquire().ok()?;
    let look = tokio::task::spawn_blocking(move || {
        let _place = place;
        let policies = of.objects.policies.all();
        let standing = policies.iter().filter(|policy| policy.metadata.deletion_timestamp.is_none());
        let others = standing.filter_map(|policy| Terms::of(&of, policy).ok());
        let others: Vec<Terms> = others.filter(|other| other.reference() != asked.reference()).collect();
        let snapshot = of.followed.snapshot(clock::now());
        contended(&snapshot, &asked, before.as_ref(), &others).map(words)
    });
    tokio::time::timeout(PATIENCE, look).await.ok()?.ok()?
}

/// What a policy means that does something; none of one that is disabled, not there, or not understood.
fn active(context: &Context, object: &Value) -> Option<Terms> {
    let policy: DynamicObject = serde_json::from_value(object.clone()).ok()?;
    Terms::of(context, &policy).ok().filter(|terms| terms.spec.mode != PolicyMode::Disabled)
}

fn words(Contended { by, workloads }: Contended) -> String {
    let named: Vec<String> = workloads.iter().take(NAMED).map(WorkloadRef::to_string).collect();
    let more = workloads.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "spec.selector: policy {by} means {}{more} already: leave them out, by namespaces.deny or a workloadSelector, or \
         set mode: Disabled here or there",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_workloads_are_named_and_what_to_change() {
        let workload =
            |name: &str| WorkloadRef { kind: "Deployment".into(), namespace: "shop".into(), name: name.into() };
        let workloads = ["a", "b", "c", "d", "e"].map(workload).to_vec();
        let said = words(Contended { by: "default/all".to_owned(), workloads });
        assert!(said.starts_with("spec.selector: policy default/all means "), "{said}");
        assert!(said.contains("shop/c and 2 more already") && said.contains("mode: Disabled"), "{said}");
    }
}
