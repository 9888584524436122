//! A control plane with Karpenter, and the cluster on it: bought for busy hours, then scaled down.

use std::path::Path;
use std::time::Duration;

use controlplane::ControlPlane;
use serde_json::{Value, json};

use super::catalog::Catalog;
use super::workloads::{self, Hour, Workload};

/// Far more than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(900);

/// What Karpenter is told about consolidation.
#[derive(Clone, Copy)]
pub enum Consolidation {
    Never,
    AtOnce,
}

pub struct Cluster {
    pub plane: ControlPlane,
    metrics_port: u16,
}

impl Cluster {
    /// Karpenter runs and has a pool of these types.
    pub fn start(module: &Path, catalog: &Catalog) -> anyhow::Result<Cluster> {
        let mut plane = ControlPlane::start()?;
        for folder in ["pkg/apis/crds", "kwok/apis/crds"] {
            for file in std::fs::read_dir(module.join(folder))? {
                plane.apply(&std::fs::read_to_string(file?.path())?)?;
            }
        }
        plane.wait_until("Karpenter's resources are served", PATIENCE, |plane| {
            ["nodepools", "nodeclaims", "kwoknodeclasses"].iter().all(|kind| plane.get(&[*kind]).is_ok())
        })?;
        let [metrics_port, probe_port] = [ControlPlane::free_port()?, ControlPlane::free_port()?];
        plane.start_beside(
            "karpenter",
            &[
                ("DISABLE_LEADER_ELECTION", "true"),
                ("SYSTEM_NAMESPACE", "kube-system"),
                ("KARPENTER_SERVICE", "karpenter"),
                ("METRICS_PORT", &metrics_port.to_string()),
                ("HEALTH_PROBE_PORT", &probe_port.to_string()),
                ("KUBERNETES_MIN_VERSION", "1.19.0-0"),
                ("MEMORY_LIMIT", "4000000000"),
                ("CPU_REQUESTS", "2000"),
            ],
        )?;
        let class = json!({
            "apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": "default"},
        });
        plane.apply(&class.to_string())?;
        plane.apply(&pool(catalog, Consolidation::Never).to_string())?;
        Ok(Cluster { plane, metrics_port })
    }

    /// Has the nodes bought for the busy hour and then takes away what the quiet hour does not have.
    pub fn fragment(&mut self, workloads: &[Workload]) -> anyhow::Result<()> {
        for hour in [Hour::Busy, Hour::Quiet] {
            self.plane.apply(&workloads::objects(workloads, hour).to_string())?;
            let pods = workloads::pods(workloads, hour);
            self.plane.wait_until("all pods run and the budgets know them", PATIENCE, |plane| {
                plane.get(&["pods,poddisruptionbudgets", "--all-namespaces"]).is_ok_and(|list| is_settled(&list, pods))
            })?;
            eprintln!("{pods} pods run");
        }
        Ok(())
    }

    pub fn set_consolidation(&self, catalog: &Catalog, consolidation: Consolidation) -> anyhow::Result<()> {
        Ok(self.plane.apply(&pool(catalog, consolidation).to_string())?)
    }

    /// What Karpenter counts, in Prometheus' text.
    pub fn metrics(&self) -> anyhow::Result<String> {
        let server = format!("http://127.0.0.1:{}", self.metrics_port);
        let output = self.plane.kubectl(&["--server", &server, "get", "--raw", "/metrics"])?;
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn is_settled(list: &Value, pods: usize) -> bool {
    let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    let (all, budgets): (Vec<&Value>, Vec<&Value>) = items.iter().partition(|item| item["kind"] == "Pod");
    let runs = |pod: &&Value| pod["status"]["phase"] == "Running" && pod["metadata"].get("deletionTimestamp").is_none();
    // Of an unfinished count the controller has fewer healthy pods than it expects.
    let is_counted = |budget: &&Value| {
        let status = &budget["status"];
        status["observedGeneration"] == budget["metadata"]["generation"]
            && status["currentHealthy"] == status["expectedPods"]
    };
    let expected: usize = all.len();
    expected == pods && all.iter().all(runs) && budgets.iter().all(is_counted)
}

fn pool(catalog: &Catalog, consolidation: Consolidation) -> Value {
    let after = match consolidation {
        Consolidation::Never => "Never",
        Consolidation::AtOnce => "0s",
    };
    let one_of = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"},
        "spec": {
            "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"},
                "expireAfter": "Never",
                "requirements": [
                    one_of("node.kubernetes.io/instance-type", &catalog.names()),
                    one_of("karpenter.sh/capacity-type", &["on-demand"]),
                ],
            }},
            "disruption": {
                "consolidationPolicy": "WhenEmptyOrUnderutilized",
                "consolidateAfter": after,
                "budgets": [{"nodes": "100%"}],
            },
        },
    })
}
