//! Disruption budgets of Karpenter's pools. Deleting a NodeClaim passes them by, so they are counted here as Karpenter
//! counts them (`BuildDisruptionBudgetMapping` in pkg/controllers/disruption/helpers.go, `Budget` in
//! pkg/apis/v1/nodepool.go, v1.14).

use crds::Schedule;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use model::Time;
use serde_json::Value;

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::node_claims::{NODE_POOL, is_true, node_of, of_pool, pools};

/// A node that a plan has emptied is both: a budget for either holds.
const OUR_REASONS: [&str; 2] = ["Underutilized", "Empty"];
/// Karpenter's taint of nodes that it is about to take away.
const DISRUPTED: &str = "karpenter.sh/disrupted";

/// May one more node of the pool go now? The error says why not.
pub async fn allows_one_more(cluster: &Cluster, pool: &str) -> Result<(), String> {
    let found = match cluster.answer(pools(cluster).get(pool)).await {
        Ok(found) => found,
        Err(Refusal::Gone) => return Ok(()),
        Err(refusal) => return Err(format!("cannot get NodePool {pool}: {}", refusal.in_words())),
    };
    let claims = of_pool(cluster, pool).await;
    let claims = claims.map_err(|refusal| format!("cannot list nodeclaims: {}", refusal.in_words()))?;
    let api: Api<Node> = Api::all(cluster.client.clone());
    let nodes = cluster.answer(api.list(&ListParams::default().labels(&format!("{NODE_POOL}={pool}")))).await;
    let nodes = nodes.map_err(|refusal| format!("cannot list nodes: {}", refusal.in_words()))?.items;
    let counted: Vec<&DynamicObject> =
        claims.iter().filter(|claim| is_true(claim, "Initialized") && !is_true(claim, "InstanceTerminating")).collect();
    let going = counted.iter().filter(|claim| is_going(claim, &nodes)).count();
    let budgets = &found.data["spec"]["disruption"]["budgets"];
    let allowed = allowed(budgets, counted.len(), Time(Timestamp::now().as_second()))
        .map_err(|problem| format!("NodePool {pool}: {problem}"))?;
    if going < allowed {
        return Ok(());
    }
    Err(format!("the budgets of NodePool {pool} let {allowed} of {} nodes go at once, and {going} are", counted.len()))
}

/// It is on its way out, or its node is not ready.
fn is_going(claim: &DynamicObject, nodes: &[Node]) -> bool {
    let node = node_of(claim).and_then(|name| nodes.iter().find(|node| node.metadata.name.as_deref() == Some(name)));
    let is_healthy = node.is_some_and(|node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
            && taints.iter().all(|taint| taint.key != DISRUPTED)
            && node.metadata.deletion_timestamp.is_none()
    });
    claim.metadata.deletion_timestamp.is_some() || !is_healthy
}

/// How many of so many nodes may go at once: the least that any budget in force says. What cannot be read lets none go.
fn allowed(budgets: &Value, nodes: usize, now: Time) -> Result<usize, String> {
    // What Karpenter's schema writes where nothing is said.
    let default = [serde_json::json!({"nodes": "10%"})];
    let budgets = budgets.as_array().map_or(&default[..], Vec::as_slice);
    let mut allowed = usize::MAX;
    for budget in budgets {
        let is_for_us = |reasons: &Vec<Value>| reasons.iter().any(|one| OUR_REASONS.iter().any(|ours| one == ours));
        let holds_for_us = budget["reasons"].as_array().is_none_or(is_for_us);
        if holds_for_us && is_in_force(budget, now)? {
            allowed = allowed.min(share(budget["nodes"].as_str().unwrap_or("10%"), nodes)?);
        }
    }
    Ok(allowed)
}

/// A percentage is rounded up.
fn share(text: &str, nodes: usize) -> Result<usize, String> {
    let wrong = || format!("its budget of {text:?} is neither a number of nodes nor a percentage");
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent: usize = percent.parse().map_err(|_| wrong())?;
            Ok(nodes.saturating_mul(percent).div_ceil(100))
        }
        None => text.parse().map_err(|_| wrong()),
    }
}

/// From each time that its schedule names, in UTC, for as long as its duration.
fn is_in_force(budget: &Value, now: Time) -> Result<bool, String> {
    let Some(schedule) = budget["schedule"].as_str() else { return Ok(true) };
    let yearly = matches!(schedule, "@yearly" | "@annually");
    let parsed = Schedule::parse(if yearly { "0 0 1 1 *" } else { schedule });
    let parsed = parsed.map_err(|problem| format!("the schedule {schedule:?} of a budget {problem}"))?;
    let duration = budget["duration"].as_str().unwrap_or_default();
    let seconds = crds::duration_seconds(duration).ok_or_else(|| format!("a budget lasts {duration:?}"))?;
    // One that begins this very moment is in force, and so is one that ends.
    let since = Time(now.0.saturating_sub(i64::from(seconds)).saturating_sub(1));
    Ok(parsed.next_after(since) <= now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Time {
        Time(text.parse::<Timestamp>().unwrap().as_second())
    }

    #[track_caller]
    fn expect(budgets: Value, nodes: usize, expected: usize) {
        assert_eq!(allowed(&budgets, nodes, at("2026-11-21T10:07:30Z")), Ok(expected));
    }

    #[test]
    fn the_least_of_all_budgets_in_force_holds() {
        expect(Value::Null, 25, 3);
        expect(json!([]), 25, usize::MAX);
        expect(json!([{"nodes": "5"}, {"nodes": "10%"}]), 100, 5);
        expect(json!([{"nodes": "5"}, {"nodes": "10%"}]), 11, 2);
        expect(json!([{"nodes": "0"}]), 100, 0);
        expect(json!([{"nodes": "0", "reasons": ["Drifted"]}, {"nodes": "2"}]), 100, 2);
        expect(json!([{"nodes": "1", "reasons": ["Drifted", "Empty"]}, {"nodes": "2"}]), 100, 1);
    }

    #[test]
    fn a_budget_with_a_schedule_holds_for_its_duration() {
        let of = |schedule: &str, duration: &str| json!([{"nodes": "0", "schedule": schedule, "duration": duration}, {"nodes": "4"}]);
        expect(of("0 9 * * *", "2h"), 100, 0);
        expect(of("0 9 * * *", "1h"), 100, 4);
        expect(of("0 11 * * *", "23h8m0s"), 100, 0);
        expect(of("0 9 * * mon-fri", "8h"), 100, 4);
        expect(of("@daily", "24h"), 100, 0);
        expect(of("@yearly", "1h"), 100, 4);
    }

    #[test]
    fn what_cannot_be_read_lets_none_go() {
        for budget in [
            json!({"nodes": "many"}),
            json!({"nodes": "-1"}),
            json!({"nodes": "1", "schedule": "now and then", "duration": "1h"}),
            json!({"nodes": "1", "schedule": "@daily"}),
        ] {
            assert!(allowed(&json!([budget]), 10, at("2026-11-21T10:07:30Z")).is_err(), "{budget}");
        }
    }
}
