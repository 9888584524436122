//! Nodes, and what Karpenter and the storage driver say of them.

use serde_json::{Value, json};

use super::nodes::{Node, pool_label};
use super::tables::{POOLS, Pool, RunBy, ZONES};
use super::time::{DAY, HOUR, ago};
use crate::object::{controlled_by, hash, object, set, uid};

/// The node that somebody wanted left alone and forgot.
const FORGOTTEN: usize = 40;

pub(super) fn objects(nodes: &[Node]) -> Vec<Value> {
    let mut objects: Vec<Value> = POOLS.iter().filter(|pool| pool.run_by == RunBy::Karpenter).map(node_pool).collect();
    objects.extend(nodes.iter().filter(|node| node.pool.run_by == RunBy::Karpenter).map(node_claim));
    objects.extend(nodes.iter().enumerate().map(|(number, node)| node_object(number, node)));
    objects.extend(nodes.iter().map(csi_node));
    objects
}

fn provider_id(node: &Node) -> String {
    match node.zone {
        Some((zone, _)) => format!("aws:///{zone}/{}", instance(node)),
        None => format!("eks-hybrid:///eu-west-1/acme-prod/mi-0{:016x}", hash(&node.name, "mi", "")),
    }
}

fn instance(node: &Node) -> String {
    format!("i-0{:016x}", hash(&node.name, "instance", ""))
}

fn claim_name(node: &Node) -> String {
    format!("{}-{}", node.pool.name, crate::object::suffix(&node.name, 0, 5))
}

fn labels(node: &Node) -> Value {
    let machine = node.machine;
    let mut labels = json!({
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machine.name,
        "topology.kubernetes.io/region": "eu-west-1",
    });
    if let Some((zone, number)) = node.zone {
        labels["topology.kubernetes.io/zone"] = json!(zone);
        labels["topology.k8s.aws/zone-id"] = json!(number);
        labels["topology.ebs.csi.aws.com/zone"] = json!(zone);
        labels["k8s.io/cloud-provider-aws"] = json!("3fe1f0aa6b4a4c1b9f4f2f3d6e9a1b2c");
    }
    match node.pool.run_by {
        RunBy::Karpenter => {
            let (family, size) = machine.name.split_once('.').unwrap_or((machine.name, ""));
            labels["karpenter.sh/nodepool"] = json!(node.pool.name);
            labels["karpenter.sh/capacity-type"] = json!(node.pool.capacity_type);
            labels["karpenter.sh/registered"] = json!("true");
            labels["karpenter.sh/initialized"] = json!("true");
            labels["karpenter.k8s.aws/instance-family"] = json!(family);
            labels["karpenter.k8s.aws/instance-size"] = json!(size);
            labels["karpenter.k8s.aws/instance-cpu"] = json!(machine.vcpu.to_string());
        }
        RunBy::NodeGroup => {
            labels["eks.amazonaws.com/nodegroup"] = json!(node.pool.name);
            labels["eks.amazonaws.com/capacityType"] = json!("ON_DEMAND");
        }
        RunBy::Hands => labels["eks.amazonaws.com/compute-type"] = json!("hybrid"),
    }
    labels
}

fn node_object(number: usize, node: &Node) -> Value {
    let mut object = object("v1", "Node", "", &node.name);
    let machine = node.machine;
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(node.age)));
    set(&mut object, &["metadata", "labels"], labels(node));
    if node.pool.run_by == RunBy::Karpenter {
        let owner = controlled_by("karpenter.sh/v1", "NodeClaim", "", &claim_name(node));
        set(&mut object, &["metadata", "ownerReferences"], owner);
    }
    if number == FORGOTTEN {
        let annotations = json!({"karpenter.sh/do-not-disrupt": "true", "acme.example/reason": "debugging INC-4711"});
        set(&mut object, &["metadata", "annotations"], annotations);
    }
    set(&mut object, &["spec", "providerID"], json!(provider_id(node)));
    if let Some((key, value)) = node.pool.taint {
        let taint = json!([{"key": key, "value": value, "effect": "NoSchedule"}]);
        set(&mut object, &["spec", "taints"], taint);
    }
    let ready_at = ago((node.age - 1).max(0));
    let heartbeat = ago(2 + (number % 3) as i64);
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason,
            "lastHeartbeatTime": heartbeat, "lastTransitionTime": ready_at,
        })
    };
    set(
        &mut object,
        &["status"],
        json!({
            "addresses": [
                {"type": "InternalIP", "address": node.ip},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": {
                "cpu": machine.vcpu.to_string(),
                "ephemeral-storage": "83873772Ki",
                "hugepages-1Gi": "0",
                "hugepages-2Mi": "0",
                "memory": format!("{}Ki", machine.memory_kib),
                "pods": machine.pods().to_string(),
            },
            "allocatable": {
                "cpu": format!("{}m", machine.allocatable_cpu()),
                "ephemeral-storage": "76224326324",
                "hugepages-1Gi": "0",
                "hugepages-2Mi": "0",
                "memory": format!("{}Ki", machine.allocatable_memory_kib()),
                "pods": machine.pods().to_string(),
            },
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                condition("Ready", "True", "KubeletReady"),
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": uid("Boot", "", &node.name),
                "containerRuntimeVersion": "containerd://2.1.5",
                "kernelVersion": "6.12.46-66.121.amzn2023.x86_64",
                "kubeletVersion": "v1.35.2-eks-7d6f6ec",
                "kubeProxyVersion": "",
                "machineID": hash(&node.name, "machine", "").to_string(),
                "operatingSystem": "linux",
                "osImage": "Amazon Linux 2023.9.20251110",
                "systemUUID": uid("System", "", &node.name),
            },
        }),
    );
    object
}

fn csi_node(node: &Node) -> Value {
    let mut object = object("storage.k8s.io/v1", "CSINode", "", &node.name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(node.age)));
    set(
        &mut object,
        &["metadata", "ownerReferences"],
        json!([{
            "apiVersion": "v1", "kind": "Node", "name": node.name, "uid": uid("Node", "", &node.name),
        }]),
    );
    let drivers = match node.zone {
        Some(_) => json!([{
            "name": "ebs.csi.aws.com",
            "nodeID": instance(node),
            "topologyKeys": ["kubernetes.io/os", "topology.ebs.csi.aws.com/zone", "topology.kubernetes.io/zone"],
            "allocatable": {"count": node.attachable_volumes()},
        }]),
        None => json!([]),
    };
    set(&mut object, &["spec", "drivers"], drivers);
    object
}

fn node_claim(node: &Node) -> Value {
    let mut object = object("karpenter.sh/v1", "NodeClaim", "", &claim_name(node));
    let (label, pool) = pool_label(node.pool);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(node.age + 1)));
    set(&mut object, &["metadata", "labels"], json!({label: pool}));
    set(
        &mut object,
        &["metadata", "ownerReferences"],
        json!([{
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": node.pool.name,
            "uid": uid("NodePool", "", node.pool.name), "blockOwnerDeletion": true,
        }]),
    );
    set(
        &mut object,
        &["spec"],
        json!({
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [
                {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": [node.machine.name]},
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [node.pool.capacity_type]},
            ],
        }),
    );
    set(&mut object, &["status"], json!({"nodeName": node.name, "providerID": provider_id(node)}));
    object
}

fn node_pool(pool: &Pool) -> Value {
    let mut object = object("karpenter.sh/v1", "NodePool", "", pool.name);
    let zones: Vec<&str> = ZONES.iter().map(|(zone, _)| *zone).collect();
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(260 * DAY + 2 * HOUR)));
    set(&mut object, &["metadata", "generation"], json!(3));
    set(
        &mut object,
        &["spec"],
        json!({
            "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "expireAfter": "720h",
                "requirements": [
                    {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [pool.capacity_type]},
                    {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": pool.machines},
                    {"key": "topology.kubernetes.io/zone", "operator": "In", "values": zones},
                ],
            }},
            "disruption": {
                "consolidationPolicy": pool.consolidation,
                "consolidateAfter": "30m",
                "budgets": [
                    {"nodes": "10%"},
                    {"nodes": "0", "schedule": "0 7 * * mon-fri", "duration": "11h"},
                ],
            },
            "limits": {"cpu": pool.limits.0.to_string(), "memory": format!("{}Gi", pool.limits.1)},
        }),
    );
    object
}
