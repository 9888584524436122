//! The objects of a company's cluster on EKS: what an administrator would write. Pods are the controllers' work.

use serde_json::{Value, json};

pub const NODES: usize = 200;
/// The workload whose budget allows nothing, and the one that has two.
pub const UNDER_AN_EXHAUSTED_BUDGET: &str = "app-27";
pub const UNDER_TWO_BUDGETS: &str = "app-33";
const APPS: usize = 60;
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
const NAMESPACES: [&str; 6] = ["web", "shop", "search", "data", "ml", "ops"];

/// A machine type with its list price, and what EKS leaves of it for pods.
struct Machine {
    name: &'static str,
    usd_per_hour: f64,
    capacity: (&'static str, &'static str),
    allocatable: (&'static str, &'static str),
}

const MACHINES: [Machine; 3] = [
    Machine { name: "m6i.xlarge", usd_per_hour: 0.192, capacity: ("4", "16Gi"), allocatable: ("3920m", "14560Mi") },
    Machine { name: "m6i.2xlarge", usd_per_hour: 0.384, capacity: ("8", "32Gi"), allocatable: ("7910m", "30100Mi") },
    Machine { name: "r6i.2xlarge", usd_per_hour: 0.504, capacity: ("8", "64Gi"), allocatable: ("7910m", "61800Mi") },
];

/// What the list has for a node that was made here.
pub fn usd_per_hour(node: &Value) -> f64 {
    let name = &node["metadata"]["labels"]["node.kubernetes.io/instance-type"];
    MACHINES.iter().find(|machine| machine.name == name).expect("one of our machine types").usd_per_hour
}

/// Every 16th is for the search team alone; three are cordoned; a third are Karpenter's, the others an EKS node group's.
pub fn nodes() -> Value {
    list((0..NODES).map(|number| {
        let (zone, machine) = (ZONES[number % 3], &MACHINES[(number / 3) % 3]);
        let name = format!("ip-10-0-{}-{}.ec2.internal", number / 100, number % 100);
        let mut labels = json!({
            "kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": machine.name,
            "topology.kubernetes.io/region": "us-east-1", "topology.kubernetes.io/zone": zone,
        });
        if number % 3 == 2 {
            labels["karpenter.sh/nodepool"] = "general".into();
            labels["karpenter.sh/capacity-type"] = "on-demand".into();
        } else {
            labels["eks.amazonaws.com/nodegroup"] = "workers".into();
            labels["eks.amazonaws.com/capacityType"] = "ON_DEMAND".into();
        }
        let mut taints = Vec::new();
        if number % 16 == 5 {
            labels["team"] = "search".into();
            taints.push(json!({"key": "team", "value": "search", "effect": "NoSchedule"}));
        }
        let resources =
            |(cpu, memory)| json!({"cpu": cpu, "memory": memory, "pods": "58", "ephemeral-storage": "80Gi"});
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "providerID": format!("aws:///{zone}/i-{number:017x}"),
                "taints": taints,
                "unschedulable": number % 80 == 30,
            },
            "status": {"capacity": resources(machine.capacity), "allocatable": resources(machine.allocatable)},
        })
    }))
}

pub fn namespaces() -> Value {
    list(NAMESPACES.iter().map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})))
}

/// A class that binds when a pod is placed, and volumes that wait in their zones for the database.
pub fn storage() -> Value {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "ebs"},
        "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer",
    });
    let volume = |number: usize| {
        let in_zone = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": [ZONES[number % 3]]});
        json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("volume-{number}")},
            "spec": {
                "capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "ebs",
                "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": format!("vol-{number:017x}")},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [in_zone]}]}},
            },
        })
    };
    list(std::iter::once(class).chain((0..DATABASE_REPLICAS).map(volume)))
}

const DATABASE_REPLICAS: usize = 6;

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hour {
    Day,
    Night,
}

/// A workload of the company, by its number.
struct App {
    number: usize,
    name: String,
    namespace: &'static str,
}

fn apps() -> impl Iterator<Item = App> {
    (0..APPS).map(|number| App { number, name: format!("app-{number}"), namespace: NAMESPACES[number % 6] })
}

impl App {
    /// More than half of them shrink at night, and leave the cluster in pieces.
    fn replicas(&self, hour: Hour) -> usize {
        let by_day = 10 + self.number * 7 % 31;
        let shrinks = self.number % 2 == 1 || self.number.is_multiple_of(8);
        if shrinks && hour == Hour::Night { by_day.div_ceil(4) } else { by_day }
    }

    fn is_stateful(&self) -> bool {
        self.number % 5 == 4
    }

    fn object(&self, hour: Hour) -> Value {
        let (name, number) = (&self.name, self.number);
        let own = json!({"matchLabels": {"app": name}});
        let cpu = ["100m", "250m", "400m", "500m", "1"][number * 3 % 5];
        let memory = ["256Mi", "512Mi", "1Gi", "2Gi", "3Gi"][number * 2 % 5];
        let mut container = json!({"name": "main", "image": "example/app:1", "resources": {"requests": {"cpu": cpu, "memory": memory}}});
        let mut spec = json!({"terminationGracePeriodSeconds": 10});
        let spread = |key: &str, skew: u32, unless: &str| json!({"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": unless, "labelSelector": own});
        let near = |app: &str, key: &str| json!([{"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}]);
        match number % 4 {
            0 => spec["topologySpreadConstraints"] = json!([spread("topology.kubernetes.io/zone", 1, "DoNotSchedule")]),
            1 => {
                let apart = near(name, "kubernetes.io/hostname");
                spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = apart;
            }
            2 => {
                spec["topologySpreadConstraints"] = json!([
                    spread("topology.kubernetes.io/zone", 1, "ScheduleAnyway"),
                    spread("kubernetes.io/hostname", 2, "DoNotSchedule"),
                ])
            }
            _ => {}
        }
        if self.namespace == "search" {
            spec["tolerations"] =
                json!([{"key": "team", "operator": "Equal", "value": "search", "effect": "NoSchedule"}]);
        }
        match number {
            2 | 8 => spec["nodeSelector"] = json!({"team": "search"}),
            12 => container["ports"] = json!([{"containerPort": 8443, "hostPort": 8443}]),
            18 => {
                let zones = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": &ZONES[..2]});
                spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                    json!({"nodeSelectorTerms": [{"matchExpressions": [zones]}]});
            }
            24 => {
                let beside = near("app-6", "topology.kubernetes.io/zone");
                spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = beside;
            }
            _ => {}
        }
        spec["containers"] = json!([container]);
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": self.kind(), "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "replicas": self.replicas(hour), "selector": own,
                "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
            },
        });
        if self.is_stateful() {
            object["spec"]["serviceName"] = name.as_str().into();
            object["spec"]["podManagementPolicy"] = "Parallel".into();
        }
        object
    }

    fn kind(&self) -> &'static str {
        if self.is_stateful() { "StatefulSet" } else { "Deployment" }
    }

    /// A third have a budget. One of them allows nothing, and one workload has two.
    fn budgets(&self) -> Vec<Value> {
        let budget = |name: String, rule: Value| {
            let mut spec = rule;
            spec["selector"] = json!({"matchLabels": {"app": self.name}});
            json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
            })
        };
        let rules = [json!({"maxUnavailable": "25%"}), json!({"minAvailable": "70%"}), json!({"maxUnavailable": 2})];
        let own = self.name.clone();
        match own.as_str() {
            UNDER_AN_EXHAUSTED_BUDGET => vec![budget(own, json!({"minAvailable": "100%"}))],
            UNDER_TWO_BUDGETS => {
                let again = format!("{own}-again");
                vec![budget(own, rules[0].clone()), budget(again, rules[1].clone())]
            }
            _ if self.number.is_multiple_of(3) => vec![budget(own, rules[self.number / 3 % 3].clone())],
            _ => Vec::new(),
        }
    }
}

/// All workloads and their budgets: the company's apps, its database, and an agent on every node.
pub fn workloads(hour: Hour) -> Value {
    let budgets = apps().flat_map(|app| app.budgets());
    list(budgets.chain(apps().map(|app| app.object(hour))).chain([database(), agent()]))
}

/// All pods of them.
pub fn pods(hour: Hour) -> usize {
    apps().map(|app| app.replicas(hour)).sum::<usize>() + DATABASE_REPLICAS + NODES
}

fn database() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "database", "namespace": "data"},
        "spec": {
            "replicas": DATABASE_REPLICAS, "serviceName": "database", "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "database"}},
            "template": {
                "metadata": {"labels": {"app": "database"}},
                "spec": {
                    "containers": [{
                        "name": "main", "image": "example/database:1",
                        "resources": {"requests": {"cpu": "1", "memory": "4Gi"}},
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }],
                },
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": "ebs",
                    "resources": {"requests": {"storage": "20Gi"}},
                },
            }],
        },
    })
}

fn agent() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "ops"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": {
                "metadata": {"labels": {"app": "agent"}},
                "spec": {
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [{
                        "name": "main", "image": "example/agent:1",
                        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                    }],
                },
            },
        },
    })
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>()})
}
