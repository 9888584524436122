//! Clusters in which only CPU and memory matter: no rules, no budgets, nothing that must stay.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::object::{controlled_by, object, suffix, write_list};

const NAMESPACE: &str = "default";
/// So many that this never decides what fits.
const MOST_PODS: i64 = 250;

/// Nodes, and Deployments whose pods run on them.
#[derive(Clone, Debug, Default)]
pub struct PlainCluster {
    /// Its nodes.
    pub nodes: Vec<PlainNode>,
    /// Its Deployments.
    pub workloads: Vec<PlainWorkload>,
}

/// A node, by what it can allocate.
#[derive(Clone, Debug)]
pub struct PlainNode {
    /// Its name.
    pub name: String,
    /// Its instance type, in us-east-1a.
    pub instance_type: String,
    /// Millicores.
    pub millicores: i64,
    /// Bytes of memory.
    pub bytes: i64,
}

/// A Deployment, by what each of its pods asks for.
#[derive(Clone, Debug)]
pub struct PlainWorkload {
    /// Its name.
    pub name: String,
    /// Millicores.
    pub millicores: i64,
    /// Bytes of memory.
    pub bytes: i64,
    /// The node of each replica.
    pub replicas: Vec<usize>,
}

impl PlainCluster {
    /// Writes a v1 List of all objects.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let of_workloads = self.workloads.iter().flat_map(|workload| self.objects_of(workload));
        write_list(out, self.nodes.iter().map(node_object).chain(of_workloads))
    }

    /// How many pods there are.
    pub fn pods(&self) -> usize {
        self.workloads.iter().map(|workload| workload.replicas.len()).sum()
    }

    fn objects_of(&self, workload: &PlainWorkload) -> Vec<Value> {
        let replicas = workload.replicas.len();
        let selector = json!({"matchLabels": {"app": workload.name}});
        let status = json!({
            "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
            "availableReplicas": replicas,
        });
        let replica_set_name = format!("{}-{}", workload.name, suffix(&workload.name, 0, 10));
        let mut deployment = object("apps/v1", "Deployment", NAMESPACE, &workload.name);
        let mut replica_set = object("apps/v1", "ReplicaSet", NAMESPACE, &replica_set_name);
        replica_set["metadata"]["ownerReferences"] = controlled_by("apps/v1", "Deployment", NAMESPACE, &workload.name);
        for controller in [&mut deployment, &mut replica_set] {
            controller["metadata"]["generation"] = json!(1);
            controller["spec"] = json!({"replicas": replicas, "selector": selector});
            controller["status"] = status.clone();
        }
        let pods = workload.replicas.iter().enumerate().map(|(replica, node)| {
            let name = format!("{replica_set_name}-{replica}");
            let mut pod = object("v1", "Pod", NAMESPACE, &name);
            pod["metadata"]["labels"] = json!({"app": workload.name});
            pod["metadata"]["ownerReferences"] = controlled_by("apps/v1", "ReplicaSet", NAMESPACE, &replica_set_name);
            let requests = json!({"cpu": format!("{}m", workload.millicores), "memory": workload.bytes.to_string()});
            pod["spec"] = json!({
                "nodeName": self.nodes[*node].name,
                "containers": [{"name": "app", "image": "app", "resources": {"requests": requests}}],
            });
            pod["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
            pod
        });
        [deployment, replica_set].into_iter().chain(pods).collect()
    }
}

fn node_object(node: &PlainNode) -> Value {
    let mut value = object("v1", "Node", "", &node.name);
    value["metadata"]["labels"] = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": node.name,
        "node.kubernetes.io/instance-type": node.instance_type, "karpenter.sh/capacity-type": "on-demand",
        "topology.kubernetes.io/region": "us-east-1", "topology.kubernetes.io/zone": "us-east-1a",
    });
    value["spec"] = json!({"providerID": format!("aws:///us-east-1a/{}", node.name)});
    let amounts = json!({
        "cpu": format!("{}m", node.millicores), "memory": node.bytes.to_string(), "pods": MOST_PODS.to_string(),
    });
    value["status"] = json!({
        "capacity": amounts, "allocatable": amounts, "conditions": [{"type": "Ready", "status": "True"}],
    });
    value
}
