//! The NodeClaim that Karpenter would make of a pool's template for one node, of the planned type in the planned place.
//!
//! It follows `NodeClaimTemplate.ToNodeClaim` of Karpenter
//! (pkg/controllers/provisioning/scheduling/nodeclaimtemplate.go, v1.14).

use kube::api::DynamicObject;
use model::{AddedNode, Name};
use serde_json::{Map, Value, json};

use super::stand_in::{DO_NOT_DISRUPT, PROTECTED_BY, StandIn};
use crate::node_claims::NODE_POOL;

/// What the pool's controller writes on the pool, and Karpenter compares with what is on each of its claims.
const HASHES: [&str; 2] = ["karpenter.sh/nodepool-hash", "karpenter.sh/nodepool-hash-version"];
/// Labels that Karpenter and clouds set once there is a machine: its type and place decide them.
const OF_THE_MACHINE: [&str; 5] =
    ["karpenter.sh/", "kubernetes.io/", "node.kubernetes.io/", "topology.kubernetes.io/", "karpenter.k8s."];

/// `general-5f1c0a9b3d2e`: of the same plan and node always the same.
pub(super) fn claim_name(pool: &str, plan: &str, planned: &str) -> String {
    /// Karpenter's pools make names by adding to theirs, and a node may be called after its claim.
    const LONGEST_POOL: usize = 40;
    let pool: String = pool.chars().take(LONGEST_POOL).collect();
    // FNV-1a: what it gives must never change, and nobody has a reason to make two alike.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = plan.bytes().chain([0]).chain(planned.bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
    format!("{}-{:012x}", pool.trim_end_matches(['.', '-']), hash & 0xffff_ffff_ffff)
}

/// The NodeClaim; the error says what is wrong with the pool.
pub(super) fn claim_of(
    pool: &DynamicObject,
    planned: &AddedNode,
    stand_in: &StandIn,
    name: &str,
) -> Result<DynamicObject, String> {
    let pool_name = pool.metadata.name.as_deref().unwrap_or_default();
    let template = &pool.data["spec"]["template"];
    let Some(spec) = template["spec"].as_object() else { return Err(format!("NodePool {pool_name} has no template")) };
    let class = &spec.get("nodeClassRef").cloned().unwrap_or_default();
    let text = |field: &str| class[field].as_str().unwrap_or_default().to_owned();
    let class_key = format!("{}/{}", text("group"), text("kind").to_lowercase());

    let mut labels = object(&template["metadata"]["labels"]);
    labels.insert(NODE_POOL.to_owned(), pool_name.into());
    labels.insert(class_key, text("name").into());
    let requirements = requirements(&template["spec"]["requirements"], &labels, planned);
    for requirement in &requirements {
        let key = requirement["key"].as_str().unwrap_or_default();
        let is_of_machine = OF_THE_MACHINE.iter().any(|prefix| key.starts_with(prefix));
        if let Some(value) = planned.node.labels.get(key).filter(|_| !is_of_machine) {
            labels.entry(key.to_owned()).or_insert_with(|| value.to_string().into());
        }
    }

    let mut annotations = object(&template["metadata"]["annotations"]);
    let of_pool = pool.metadata.annotations.iter().flatten().filter(|(key, _)| HASHES.contains(&key.as_str()));
    annotations.extend(of_pool.map(|(key, value)| (key.clone(), value.as_str().into())));
    annotations.extend(object(&stand_in.annotations()));
    if !annotations.contains_key(DO_NOT_DISRUPT) {
        annotations.insert(DO_NOT_DISRUPT.to_owned(), "true".into());
        annotations.insert(PROTECTED_BY.to_owned(), stand_in.plan.as_str().into());
    }

    let mut spec = spec.clone();
    spec.insert("requirements".to_owned(), requirements.into());
    let claim = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {
            "name": name, "labels": labels, "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": pool_name,
                "uid": pool.metadata.uid, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    });
    serde_json::from_value(claim).map_err(|error| error.to_string())
}

/// What the template asks for, but for type and place, which are the planned ones; and every label as a requirement.
fn requirements(asked: &Value, labels: &Map<String, Value>, planned: &AddedNode) -> Vec<Value> {
    let one = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
    let decided: Vec<(&str, &Name)> = [
        ("node.kubernetes.io/instance-type", Some(&planned.instance_type)),
        ("topology.kubernetes.io/zone", Some(&planned.zone)),
        ("kubernetes.io/arch", planned.node.architecture()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect();
    let capacity_type = one("karpenter.sh/capacity-type", planned.capacity_type.as_str());
    let mut requirements: Vec<Value> = decided.iter().map(|(key, value)| one(key, value)).collect();
    requirements.push(capacity_type);
    let is_decided = |key: &Value, requirements: &[Value]| requirements.iter().any(|known| known["key"] == *key);
    for (key, value) in labels {
        if !is_decided(&Value::from(key.as_str()), &requirements) {
            requirements.push(one(key, value.as_str().unwrap_or_default()));
        }
    }
    let known = requirements.clone();
    let others = asked.as_array().into_iter().flatten().filter(|asked| !is_decided(&asked["key"], &known));
    requirements.extend(others.cloned());
    requirements
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use model::{CapacityType, Labels, Node, UsdPerHour};

    use super::*;

    fn planned() -> AddedNode {
        let labels = [("team", "web"), ("kubernetes.io/arch", "amd64"), ("karpenter.k8s.aws/instance-family", "m6i")];
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        AddedNode {
            instance_type: "m6i.large".into(),
            capacity_type: CapacityType::Spot,
            zone: "a".into(),
            usd_per_hour: UsdPerHour::ZERO,
            node: Node { name: "new-1".into(), labels: Labels::new(labels), ..Node::default() },
        }
    }

    #[test]
    fn it_is_what_karpenter_would_make_narrowed_to_type_and_place() {
        let pool = serde_json::from_value(json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
            "metadata": {"name": "general", "uid": "u1", "annotations": {
                "karpenter.sh/nodepool-hash": "1", "karpenter.sh/nodepool-hash-version": "v3", "note": "mine",
            }},
            "spec": {"limits": {"cpu": "9"}, "template": {
                "metadata": {"labels": {"tier": "gold"}, "annotations": {"a": "b"}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                    "expireAfter": "720h",
                    "startupTaints": [{"key": "starting", "effect": "NoSchedule"}],
                    "requirements": [
                        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m6i.large", "m6i.xlarge"]},
                        {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m6i", "m7i"]},
                        {"key": "team", "operator": "In", "values": ["web", "data"]},
                    ],
                },
            }},
        }))
        .unwrap();
        let until: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let stand_in = StandIn::new("plan", &"new-1".into(), until);
        let claim = claim_of(&pool, &planned(), &stand_in, "general-1").unwrap();
        let is = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
        let expected = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {
                "name": "general-1",
                "labels": {
                    "tier": "gold", "team": "web", "karpenter.sh/nodepool": "general",
                    "karpenter.k8s.aws/ec2nodeclass": "default",
                },
                "annotations": {
                    "a": "b", "karpenter.sh/nodepool-hash": "1", "karpenter.sh/nodepool-hash-version": "v3",
                    "karpenter.sh/do-not-disrupt": "true", "optimizer.io/protected-by": "plan",
                    "optimizer.io/added-by": "plan", "optimizer.io/stands-for": "new-1",
                    "optimizer.io/added-until": "2026-11-22T00:00:00Z",
                },
                "ownerReferences": [{
                    "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "general", "uid": "u1",
                    "blockOwnerDeletion": true,
                }],
            },
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "expireAfter": "720h",
                "startupTaints": [{"key": "starting", "effect": "NoSchedule"}],
                "requirements": [
                    is("node.kubernetes.io/instance-type", "m6i.large"),
                    is("topology.kubernetes.io/zone", "a"),
                    is("kubernetes.io/arch", "amd64"),
                    is("karpenter.sh/capacity-type", "spot"),
                    is("karpenter.k8s.aws/ec2nodeclass", "default"),
                    is("karpenter.sh/nodepool", "general"),
                    is("tier", "gold"),
                    {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m6i", "m7i"]},
                    {"key": "team", "operator": "In", "values": ["web", "data"]},
                ],
            },
        });
        assert_eq!(serde_json::to_value(claim).unwrap(), expected);
    }

    #[test]
    fn its_name_is_decided_by_the_plan_alone() {
        assert_eq!(claim_name("general", "plan", "new-1"), claim_name("general", "plan", "new-1"));
        assert_ne!(claim_name("general", "plan", "new-1"), claim_name("general", "plan", "new-2"));
        assert_ne!(claim_name("general", "plan", "new-1"), claim_name("general", "plann", "ew-1"));
        assert_eq!(claim_name(&"x".repeat(63), "plan", "new-1").len(), 53);
    }
}
