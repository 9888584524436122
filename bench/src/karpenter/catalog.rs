//! The machine types of Karpenter's KWOK provider, from its module: names, shapes and prices.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

/// Those that the benchmark's pool may buy: Linux on amd64, on demand, of so many cores.
const CORES: [&str; 4] = ["2", "4", "8", "16"];

/// Types by name.
pub struct Catalog {
    types: BTreeMap<String, MachineType>,
}

/// A type, at the same price in every zone.
struct MachineType {
    cores: String,
    memory_gib: String,
    pods: String,
    usd_per_hour: f64,
}

/// The folder of Karpenter's module, with its CRDs and types.
pub fn module(root: &Path) -> anyhow::Result<PathBuf> {
    let own = root.join("tests/controlplane");
    let output = Command::new("go")
        .args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/karpenter"])
        .current_dir(own)
        .output()
        .context("asking go for Karpenter's module")?;
    anyhow::ensure!(output.status.success(), "go list: {}", String::from_utf8_lossy(&output.stderr));
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

impl Catalog {
    pub fn read(module: &Path) -> anyhow::Result<Catalog> {
        let path = module.join("kwok/cloudprovider/instance_types.json");
        let all: Vec<Value> =
            serde_json::from_slice(&std::fs::read(&path)?).with_context(|| format!("reading {}", path.display()))?;
        let is_bought = |of: &Value| {
            of["architecture"] == "amd64"
                && of["operatingSystems"] == serde_json::json!(["linux"])
                && CORES.iter().any(|cores| of["resources"]["cpu"] == **cores)
        };
        let mut types = BTreeMap::new();
        for of in all.iter().filter(|of| is_bought(of)) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let resources = &of["resources"];
            let machine = MachineType {
                cores: text(&resources["cpu"]),
                memory_gib: text(&resources["memory"]).trim_end_matches("Gi").to_owned(),
                pods: text(&resources["pods"]),
                usd_per_hour: on_demand(of).with_context(|| format!("the price of {}", of["name"]))?,
            };
            types.insert(text(&of["name"]), machine);
        }
        anyhow::ensure!(!types.is_empty(), "{} has no types of {CORES:?} cores", path.display());
        Ok(Catalog { types })
    }

    pub fn names(&self) -> Vec<&str> {
        self.types.keys().map(String::as_str).collect()
    }

    pub fn usd_per_hour(&self, name: &str) -> Option<f64> {
        self.types.get(name).map(|of| of.usd_per_hour)
    }

    /// The file for `--prices`.
    pub fn prices(&self) -> String {
        let mut file =
            "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu\n".to_owned();
        for (name, MachineType { cores, memory_gib, pods, usd_per_hour }) in &self.types {
            // Writing to a string cannot fail.
            let _ = writeln!(file, "{name},,,on-demand,{usd_per_hour},{cores},{memory_gib},{pods},amd64,0");
        }
        file
    }
}

fn on_demand(of: &Value) -> Option<f64> {
    let is_on_demand = |offering: &&Value| {
        let requirements = offering["Requirements"].as_array();
        requirements.is_some_and(|all| all.iter().any(|one| one["values"] == serde_json::json!(["on-demand"])))
    };
    of["offerings"].as_array()?.iter().find(is_on_demand)?["Price"].as_f64()
}
