//! Karpenter's own scheduling benchmark: which nodes to buy for pending pods, of 400 types, on an empty cluster.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use engine::Provisioning;
use model::{
    CapacityType, Labels, Name, Node, Offer, Policy, Price, PriceBasis, Prices, Resources, Snapshot, UsdPerHour,
};
use serde_json::Value;

const SIZES: [usize; 7] = [100, 500, 1_000, 2_000, 5_000, 10_000, 20_000];
/// Times Karpenter's pods a second.
const TARGET: f64 = 50.0;

pub fn run(karpenter: &Path) -> anyhow::Result<()> {
    println!(
        "Karpenter's scheduling benchmark: pending pods of five classes, 400 types in three zones; each pod checked"
    );
    println!(
        "| pods | Karpenter, s | pods/s | nodes | $/h | ours, s | pods/s | nodes | $/h | lower bound | above it, % | times as fast | target | of its cost, % |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for pods in SIZES {
        let output = Command::new(karpenter).args(["-pods", &pods.to_string()]).output()?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let given: Value = serde_json::from_slice(&output.stdout)?;
        row(pods, &given)?;
    }
    println!();
    Ok(())
}

fn row(pods: usize, given: &Value) -> anyhow::Result<()> {
    let list = |name: &str| given[name].as_array().cloned().unwrap_or_default();
    let snapshot = observe::read_values("karpenter", list("pods").into_iter())?;
    let prices = Prices { nodes: Vec::new(), offers: list("offers").iter().filter_map(offer).collect() };
    let started = Instant::now();
    let ours = engine::provision(&snapshot, &prices, &Policy::default());
    let seconds = started.elapsed().as_secs_f64();
    anyhow::ensure!(ours.unplaced.is_empty() && ours.bind.len() == pods, "{} pods got no node", ours.unplaced.len());
    check(&snapshot, &ours)?;
    let figure = |name: &str| given["karpenter"][name].as_f64().unwrap_or(f64::NAN);
    anyhow::ensure!(figure("unplaced") == 0.0, "Karpenter left pods without a node");
    let (theirs, bound) = (figure("usdPerHour"), ours.usd_per_hour_lower_bound.dollars());
    let cost = ours.usd_per_hour.dollars();
    println!(
        "| {pods} | {:.2} | {:.0} | {} | {theirs:.2} | {seconds:.3} | {:.0} | {} | {cost:.2} | {bound:.2} | {:.1} | {:.0} | {TARGET} | {:.1} |",
        figure("seconds"),
        pods as f64 / figure("seconds"),
        figure("nodes"),
        pods as f64 / seconds,
        ours.add.len(),
        (cost / bound - 1.0) * 100.0,
        figure("seconds") / seconds,
        cost / theirs * 100.0
    );
    Ok(())
}

/// Binds one pod after the other, as the separate check sees it.
fn check(snapshot: &Snapshot, ours: &Provisioning) -> anyhow::Result<()> {
    let mut state = check::State::with_added(snapshot, &ours.add);
    for (pod, name) in &ours.bind {
        let pod = *pod as usize;
        let node = state.node_index(name).ok_or_else(|| anyhow::anyhow!("no node {name}"))?;
        if let Some(rejection) = state.rejects(pod, node) {
            anyhow::bail!("{} may not go to {name}: {}", snapshot.pods[pod].key(), rejection.detail);
        }
        state.place(pod, node);
    }
    Ok(())
}

fn offer(given: &Value) -> Option<Offer> {
    let text = |name: &str| -> Option<Name> { Some(given[name].as_str()?.into()) };
    let number = |name: &str| given[name].as_i64();
    let is_spot = given["capacityType"] == "spot";
    let capacity_type = if is_spot { CapacityType::Spot } else { CapacityType::OnDemand };
    let (instance_type, zone) = (text("instanceType")?, text("zone")?);
    let label = |key: &str, value: &str| (Name::from(key), Name::from(value));
    let labels = Labels::new(vec![
        label("karpenter.sh/capacity-type", capacity_type.as_str()),
        label("karpenter.sh/nodepool", "default"),
        label("kubernetes.io/arch", "amd64"),
        label("kubernetes.io/os", "linux"),
        label("node.kubernetes.io/instance-type", &instance_type),
        label("topology.kubernetes.io/zone", &zone),
    ]);
    let (cpu, memory, pods) = (number("millicores")?, number("bytes")?, number("pods")?);
    let allocatable = Resources { cpu, memory, pods, ..Resources::default() };
    Some(Offer {
        pool: "default".into(),
        zone,
        capacity_type,
        price: Price {
            usd_per_hour: UsdPerHour::from_dollars(given["usdPerHour"].as_f64()?)?,
            basis: PriceBasis::List,
            source: "the benchmark".into(),
            as_of: Name::default(),
        },
        node: Node { labels, capacity: allocatable.clone(), allocatable, ready: true, ..Node::default() },
        instance_type,
        most: None,
    })
}
