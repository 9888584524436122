//! A cluster that Karpenter bought for busy hours, of one type with far more memory than anybody needs.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use controlplane::ControlPlane;
use serde_json::{Value, json};

use crate::cluster::{Cluster, items, list};

/// What the nodes were bought of, and what the pool may buy as well by now.
const BOUGHT: &str = "m-4x-amd64-linux";
const CHEAPER: &str = "c-4x-amd64-linux";
/// So many nodes of the pool may go at once.
pub const BUDGET: usize = 2;

pub struct Deployment {
    pub name: String,
    pub busy: usize,
    pub quiet: usize,
}

pub fn deployments() -> Vec<Deployment> {
    let of = |number: usize| {
        let busy = 6 + number * 5 % 8;
        Deployment { name: format!("app-{number}"), busy, quiet: busy.div_ceil(2) }
    };
    (0..7).map(of).collect()
}

/// The cluster in its quiet hour, with Karpenter running, and prices in `prices.csv`.
pub fn start() -> Cluster {
    let plane = ControlPlane::start().expect("a control plane");
    let mut cluster = Cluster { plane, folder: tempfile::tempdir().expect("a folder") };
    let module = module();
    for folder in ["pkg/apis/crds", "kwok/apis/crds"] {
        for file in std::fs::read_dir(module.join(folder)).expect("Karpenter's CRDs") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("a CRD");
            cluster.plane.apply(&text).expect("Karpenter's CRDs are taken");
        }
    }
    cluster.wait("Karpenter's resources are served", |plane| {
        ["nodepools", "nodeclaims", "kwoknodeclasses"].iter().all(|kind| plane.get(&[*kind]).is_ok())
    });
    std::fs::write(cluster.path("prices.csv"), prices(&module)).expect("a file");
    let [metrics, probes] = [(); 2].map(|()| ControlPlane::free_port().expect("a port").to_string());
    let environment = [
        ("DISABLE_LEADER_ELECTION", "true"),
        ("SYSTEM_NAMESPACE", "kube-system"),
        ("KARPENTER_SERVICE", "karpenter"),
        ("METRICS_PORT", &metrics),
        ("HEALTH_PROBE_PORT", &probes),
        ("KUBERNETES_MIN_VERSION", "1.19.0-0"),
        ("MEMORY_LIMIT", "4000000000"),
        ("CPU_REQUESTS", "2000"),
    ];
    cluster.plane.start_beside("karpenter", &environment).expect("Karpenter starts");
    let class =
        json!({"apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": "default"}});
    cluster.apply(&class);
    cluster.apply(&pool(&[BOUGHT]));
    cluster.apply(&list(deployments().iter().flat_map(|deployment| objects(deployment, deployment.busy))));
    wait_until_settled(&mut cluster, |deployment| deployment.busy);
    cluster.apply(&list(deployments().iter().flat_map(|deployment| objects(deployment, deployment.quiet))));
    wait_until_settled(&mut cluster, |deployment| deployment.quiet);
    cluster.apply(&pool(&[BOUGHT, CHEAPER]));
    cluster
}

/// All pods run, and budgets have counted them.
pub fn wait_until_settled(cluster: &mut Cluster, wanted: impl Fn(&Deployment) -> usize) {
    let pods: usize = deployments().iter().map(&wanted).sum();
    cluster.wait("all pods run and the budgets know them", |plane| {
        let all = items(plane, &["pods"]);
        let runs =
            |pod: &Value| pod["status"]["phase"] == "Running" && pod["metadata"].get("deletionTimestamp").is_none();
        let is_counted = |budget: &Value| {
            let status = &budget["status"];
            status["observedGeneration"] == budget["metadata"]["generation"]
                && status["currentHealthy"] == status["expectedPods"]
        };
        let workloads = items(plane, &["deployments"]);
        let is_whole = |deployment: &Deployment| {
            workloads.iter().any(|found| {
                let status = &found["status"];
                found["metadata"]["name"] == deployment.name.as_str()
                    && status["readyReplicas"] == wanted(deployment)
                    && status["observedGeneration"] == found["metadata"]["generation"]
            })
        };
        all.len() == pods
            && all.iter().all(runs)
            && deployments().iter().all(is_whole)
            && items(plane, &["poddisruptionbudgets"]).iter().all(is_counted)
    });
}

/// The folder of Karpenter's module, with its CRDs and types.
fn module() -> PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/controlplane");
    let asked = ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/karpenter"];
    let answer = Command::new("go").args(asked).current_dir(own).output().expect("go runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    PathBuf::from(String::from_utf8(answer.stdout).expect("a path").trim())
}

/// What its KWOK provider asks for the types of the pool, on demand.
fn prices(module: &std::path::Path) -> String {
    let types = std::fs::read(module.join("kwok/cloudprovider/instance_types.json")).expect("its types");
    let types: Vec<Value> = serde_json::from_slice(&types).expect("JSON");
    let mut file = "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu\n".to_owned();
    for of in types.iter().filter(|of| [BOUGHT, CHEAPER].iter().any(|name| of["name"] == **name)) {
        let is_on_demand = |offering: &&Value| offering["Requirements"].to_string().contains("\"on-demand\"");
        let offering = of["offerings"].as_array().and_then(|all| all.iter().find(is_on_demand)).expect("a price");
        let text = |name: &str| of["resources"][name].as_str().unwrap_or_default().trim_end_matches("Gi").to_owned();
        let (name, price) = (of["name"].as_str().expect("a name"), &offering["Price"]);
        // Writing to a string cannot fail.
        let _ =
            writeln!(file, "{name},,,on-demand,{price},{},{},{},amd64,0", text("cpu"), text("memory"), text("pods"));
    }
    file
}

fn pool(types: &[&str]) -> Value {
    let one_of = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"},
        "spec": {
            "limits": {"cpu": "400"},
            "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"},
                "expireAfter": "Never",
                "requirements": [
                    one_of("node.kubernetes.io/instance-type", types),
                    one_of("karpenter.sh/capacity-type", &["on-demand"]),
                ],
            }},
            "disruption": {
                "consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "Never",
                "budgets": [{"nodes": BUDGET.to_string()}],
            },
        },
    })
}

fn objects(deployment: &Deployment, replicas: usize) -> Vec<Value> {
    let metadata = json!({"name": deployment.name, "namespace": "default"});
    let labels = json!({"app": deployment.name});
    let requests = json!({"cpu": "700m", "memory": "512Mi"});
    vec![
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "main", "image": "example/app:1", "resources": {"requests": requests}}],
                }},
            },
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata,
            "spec": {"maxUnavailable": "25%", "selector": {"matchLabels": labels}},
        }),
    ]
}
