//! A hundred deployments by seed, with budgets, zone spread and anti-affinity: first at full size, then scaled down.

use serde_json::{Value, json};

const WORKLOADS: usize = 100;
const NAMESPACES: usize = 5;
const SEED: u64 = 42;

/// Requests, and how much memory there is for each core: less than the leanest machine type has, and more than the fattest.
const MILLICORES: [u32; 8] = [100, 200, 250, 400, 500, 700, 1_000, 1_500];
const MEBIBYTES_A_CORE: [u32; 6] = [1_024, 2_048, 3_072, 4_096, 6_144, 10_240];

/// How large the deployments are.
#[derive(Clone, Copy)]
pub enum Hour {
    /// As many replicas as they have when the nodes are bought.
    Busy,
    /// What is left of them.
    Quiet,
}

/// A deployment and its budget.
pub struct Workload {
    name: String,
    namespace: String,
    busy: u32,
    quiet: u32,
    millicores: u32,
    mebibytes: u32,
    placement: Placement,
    budget: Option<Value>,
}

enum Placement {
    Anywhere,
    /// As many replicas in each zone, give or take one.
    OverZones,
    /// Each replica on a node of its own.
    Apart,
}

/// The same ones each time.
pub fn all() -> Vec<Workload> {
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..WORKLOADS).map(|number| workload(number, &mut random)).collect()
}

fn workload(number: usize, random: &mut fastrand::Rng) -> Workload {
    let millicores = MILLICORES[random.usize(..MILLICORES.len())];
    let mebibytes = millicores * MEBIBYTES_A_CORE[random.usize(..MEBIBYTES_A_CORE.len())] / 1_000;
    let placement = match random.u32(..100) {
        0..40 => Placement::OverZones,
        40..60 => Placement::Apart,
        _ => Placement::Anywhere,
    };
    let busy = match placement {
        Placement::Apart => random.u32(3..=10),
        _ => random.u32(4..=24),
    };
    let quiet = (busy * random.u32(30..=80) / 100).max(2);
    let budget = match random.u32(..3) {
        0 => None,
        1 => Some(json!(1)),
        _ => Some(json!("20%")),
    };
    let (name, namespace) = (format!("app-{number:02}"), format!("team-{}", number % NAMESPACES));
    Workload { name, namespace, busy, quiet, millicores, mebibytes, placement, budget }
}

impl Workload {
    pub fn replicas(&self, hour: Hour) -> u32 {
        match hour {
            Hour::Busy => self.busy,
            Hour::Quiet => self.quiet,
        }
    }

    fn objects(&self, hour: Hour) -> Vec<Value> {
        let metadata = json!({"name": self.name, "namespace": self.namespace});
        let selector = json!({"matchLabels": {"app": self.name}});
        let resources = json!({"cpu": format!("{}m", self.millicores), "memory": format!("{}Mi", self.mebibytes)});
        let mut pod =
            json!({"containers": [{"name": "main", "image": "main:1", "resources": {"requests": resources}}]});
        match self.placement {
            Placement::Anywhere => {}
            Placement::OverZones => {
                pod["topologySpreadConstraints"] = json!([{
                    "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector,
                }]);
            }
            Placement::Apart => {
                let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
                pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!([term]);
            }
        }
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": self.replicas(hour), "selector": selector,
                "template": {"metadata": {"labels": {"app": self.name}}, "spec": pod},
            },
        });
        let budget = self.budget.as_ref().map(|most| {
            json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata,
                "spec": {"maxUnavailable": most, "selector": selector},
            })
        });
        std::iter::once(deployment).chain(budget).collect()
    }
}

/// Everything that an administrator writes for them.
pub fn objects(workloads: &[Workload], hour: Hour) -> Value {
    let namespaces = (0..NAMESPACES)
        .map(|number| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("team-{number}")}}));
    let items: Vec<Value> = namespaces.chain(workloads.iter().flat_map(|workload| workload.objects(hour))).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// How many pods they are.
pub fn pods(workloads: &[Workload], hour: Hour) -> usize {
    workloads.iter().map(|workload| workload.replicas(hour) as usize).sum()
}
