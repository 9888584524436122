//! A real control plane that knows our kinds, and the operator beside it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::ensure;
use controlplane::ControlPlane;
use serde_json::{Value, json};

/// KWOK, the scheduler and the controllers share two cores with us.
pub const PATIENCE: Duration = Duration::from_secs(1_800);

/// A control plane without nodes on which our kinds are defined.
pub fn start(plimsoll: &Path) -> anyhow::Result<ControlPlane> {
    let mut plane = ControlPlane::start()?;
    let printed = Command::new(plimsoll).arg("crds").output()?;
    let taken =
        plane.kubectl_with_input(&["apply", "--server-side", "-f", "-"], &String::from_utf8(printed.stdout)?)?;
    ensure!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    plane.wait_until("our kinds", PATIENCE, |plane| {
        plane.get(&["optimizationconfigs,optimizationrecommendations,migrationplans"]).is_ok()
    })?;
    Ok(plane)
}

/// What starts an operator that reaches the API server this way.
pub fn operator(plimsoll: &Path, kubeconfig: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(plimsoll);
    command.args(["operator", "--kubeconfig"]).arg(kubeconfig);
    for flag in ["--health-address", "--metrics-address"] {
        command.args([flag, &format!("127.0.0.1:{}", ControlPlane::free_port()?)]);
    }
    // As the chart has it.
    command.env("MALLOC_ARENA_MAX", "2").env("HOME", "/nonexistent").stdin(Stdio::null());
    Ok(command)
}

/// Sets the only configuration. It begins at once, on each change, and by its schedule.
pub fn configure(plane: &ControlPlane, mode: &str, schedule: &str) -> anyhow::Result<()> {
    let config = json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "default"},
        "spec": {"mode": mode, "schedule": schedule},
    });
    Ok(plane.apply(&config.to_string())?)
}

/// That configuration; null while it cannot be read.
pub fn config(plane: &ControlPlane) -> Value {
    plane.get(&["optimizationconfig", "default"]).unwrap_or_default()
}

/// A v1 List of these.
pub fn list(items: Vec<Value>) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}
