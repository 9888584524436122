//! The limits of Karpenter's pools: Karpenter itself looks only whether they are exceeded already.

use kube::api::DynamicObject;
use model::{AddedNode, Quantity};

use super::stand_in;
use crate::node_claims::is_true;

/// Has the pool room for one more such node? The error says why not.
pub(super) fn room_for(pool: &DynamicObject, there: &[DynamicObject], planned: &AddedNode) -> Result<(), String> {
    let name = pool.metadata.name.as_deref().unwrap_or_default();
    let Some(limits) = pool.data["spec"]["limits"].as_object() else { return Ok(()) };
    for (resource, limit) in limits {
        let limit =
            quantity(limit).ok_or_else(|| format!("NodePool {name}: its limit of {resource} is no quantity"))?;
        let more = match resource.as_str() {
            "cpu" => i128::from(planned.node.capacity.cpu),
            "memory" => i128::from(planned.node.capacity.memory) * 1_000,
            "ephemeral-storage" => i128::from(planned.node.capacity.ephemeral_storage) * 1_000,
            "pods" => i128::from(planned.node.capacity.pods) * 1_000,
            "nodes" => 1_000,
            other => i128::from(planned.node.capacity.scalar(other)) * 1_000,
        };
        let mut used = 0;
        for claim in there {
            used += match claim.data["status"]["capacity"].get(resource) {
                _ if resource == "nodes" => 1_000,
                Some(amount) => quantity(amount).unwrap_or(limit),
                // A machine without it has none; of one that is not there yet nobody knows, but for what a plan expects.
                None if is_true(claim, "Launched") => 0,
                None if stand_in::of(&claim.metadata).is_some() => more,
                None => {
                    let claim = claim.metadata.name.as_deref().unwrap_or_default();
                    return Err(format!(
                        "NodePool {name} has a limit of {resource}, and NodeClaim {claim} does not say yet what it has"
                    ));
                }
            };
        }
        if used + more > limit {
            let [used, more, limit] = [used, more, limit].map(|amount| amount as f64 / 1_000.0);
            return Err(format!(
                "NodePool {name} has a limit of {limit} {resource}: {used} are there, and {more} would come"
            ));
        }
    }
    Ok(())
}

/// In thousandths.
fn quantity(value: &serde_json::Value) -> Option<i128> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let quantity = Quantity::parse(&text).ok()?;
    let whole = i128::from(quantity.value()) * 1_000;
    // Beyond what fits in thousandths whole units are exact enough.
    let milli = i128::from(quantity.milli_value());
    Some(if whole - milli < 1_000 { milli } else { whole })
}

#[cfg(test)]
mod tests {
    use model::{CapacityType, Node, Resources, UsdPerHour};
    use serde_json::{Value, json};

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn said(limits: Value, there: &[Value]) -> Result<(), String> {
        let capacity = Resources { cpu: 4_000, memory: 1 << 34, ..Resources::default() };
        let planned = AddedNode {
            instance_type: "t".into(),
            capacity_type: CapacityType::OnDemand,
            zone: "a".into(),
            usd_per_hour: UsdPerHour::ZERO,
            node: Node { name: "new".into(), capacity, ..Node::default() },
        };
        let claim = |(at, capacity): (usize, &Value)| {
            object(json!({"metadata": {"name": format!("c{at}")}, "status": {"capacity": capacity, "conditions":
                [{"type": "Launched", "status": if capacity.is_null() { "Unknown" } else { "True" }}]}}))
        };
        let there: Vec<DynamicObject> = there.iter().enumerate().map(claim).collect();
        room_for(&object(json!({"metadata": {"name": "p"}, "spec": {"limits": limits}})), &there, &planned)
    }

    #[test]
    fn a_pool_makes_no_more_than_its_limits_leave_room_for() {
        assert_eq!(said(json!({"cpu": "8"}), &[json!({"cpu": "4"})]), Ok(()));
        let beyond = said(json!({"cpu": "7500m"}), &[json!({"cpu": "4"})]).unwrap_err();
        assert_eq!(beyond, "NodePool p has a limit of 7.5 cpu: 4 are there, and 4 would come");
        assert_eq!(said(json!({"memory": "32Gi"}), &[json!({"memory": "16Gi"})]), Ok(()));
        assert!(said(json!({"memory": "31Gi"}), &[json!({"memory": "16Gi"})]).is_err());
        assert!(said(json!({"nodes": "1"}), &[json!({})]).is_err());
        assert_eq!(said(json!({"nodes": 2}), &[json!({})]), Ok(()));
        assert_eq!(said(Value::Null, &[Value::Null]), Ok(()));
        let unknown = said(json!({"cpu": "100"}), &[Value::Null]).unwrap_err();
        assert!(unknown.contains("NodeClaim c0 does not say yet"), "{unknown}");
    }
}
