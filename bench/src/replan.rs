//! How long a new plan takes where the last one is known and one object has changed.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use engine::{Change, Replanner, Way};
use model::node::UNSCHEDULABLE_TAINT;
use model::{Name, Phase, Pod, Policy, Taint, TaintEffect};
use observe::prices::{PriceTable, price_nodes};

const NODES: usize = 10_000;
const PODS: usize = 100_000;
const SEED: u64 = 1;
/// Of each kind of change.
const CHANGES: usize = 12;
/// Seconds.
const TARGET: f64 = 0.05;

/// Gives some change of its kind; the number says which.
type Kind = (&'static str, fn(&Replanner, usize) -> Option<Change>);

const KINDS: [Kind; 6] = [
    ("a pod asks for 10 millicores more", |replanner, at| {
        let mut pod = pod(replanner, at)?.clone();
        pod.requests.cpu += 10;
        pod.held.cpu += 10;
        Some(Change::Pod(Box::new(pod)))
    }),
    ("a pod is gone", |replanner, at| {
        let pod = pod(replanner, at)?;
        Some(Change::PodGone { namespace: pod.namespace.clone(), name: pod.name.clone() })
    }),
    ("a replica more waits for a node, or that one is gone", |replanner, at| {
        if at % 2 == 1 {
            let new = replanner.snapshot().pods.iter().find(|pod| pod.name.ends_with("-new"))?;
            return Some(Change::PodGone { namespace: new.namespace.clone(), name: new.name.clone() });
        }
        let like = pod(replanner, at)?.clone();
        let name: Name = format!("{}-new", like.name).into();
        let phase = Phase::Pending;
        Some(Change::Pod(Box::new(Pod { name: name.clone(), uid: name, node: None, phase, ready: false, ..like })))
    }),
    ("a node's price falls by a hundredth", |replanner, at| {
        let node = replanner.snapshot().nodes.get(at * 131 % NODES)?.clone();
        let mut price = replanner.prices().nodes.get(at * 131 % NODES)?.clone().ok()?;
        price.usd_per_hour = price.usd_per_hour.share(99, 100);
        Some(Change::Node(Box::new(node), Ok(price)))
    }),
    ("a node is cordoned", |replanner, at| {
        let mut node = replanner.snapshot().nodes.get(at * 97 % NODES)?.clone();
        node.unschedulable = true;
        node.taints.push(Taint { key: UNSCHEDULABLE_TAINT.into(), value: "".into(), effect: TaintEffect::NoSchedule });
        Some(Change::Node(Box::new(node), replanner.prices().nodes.get(at * 97 % NODES)?.clone()))
    }),
    ("a budget allows nothing more", |replanner, at| {
        let budgets = &replanner.snapshot().budgets;
        let mut budget = budgets.get(at * 61 % budgets.len())?.clone();
        budget.disruptions_allowed = 0;
        Some(Change::Budget(budget))
    }),
];

pub fn run(folder: &Path) -> anyhow::Result<()> {
    let dump = folder.join("replan.json");
    scenario::fleet(SEED, NODES, PODS).write(BufWriter::new(File::create(&dump)?))?;
    let snapshot = observe::read_paths(std::slice::from_ref(&dump), &observe::ReadOptions::default())?;
    let prices = price_nodes(&snapshot.nodes, &PriceTable::list());
    let started = Instant::now();
    let mut replanner = Replanner::new(snapshot, prices, Policy::default(), engine::default_strategy());
    let whole = started.elapsed().as_secs_f64();
    let gap = |replanner: &Replanner| replanner.plan().summary.gap().unwrap_or(f64::NAN) * 100.0;
    println!("a plan after one object of {NODES} nodes and {PODS} pods changed, in process, parsing excluded");
    println!("the whole plan: {whole:.2} s, gap {:.2} %", gap(&replanner));
    println!("| change | changes | median, s | longest, s | target | planned anew as a whole | gap after, % |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, change) in KINDS {
        let (mut seconds, mut anew) = (Vec::new(), Vec::new());
        for number in 0..CHANGES {
            let Some(change) = change(&replanner, number) else { continue };
            let started = Instant::now();
            let way = replanner.replan(change, format!("sha256:{number}"));
            match way {
                Way::Mended => seconds.push(started.elapsed().as_secs_f64()),
                Way::Whole(why) => anew.push(why),
            }
        }
        seconds.sort_by(f64::total_cmp);
        let median = seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN);
        let longest = seconds.last().copied().unwrap_or(f64::NAN);
        let why: String = anew.first().map_or_else(String::new, |why| format!(" ({why})"));
        println!(
            "| {name} | {CHANGES} | {median:.4} | {longest:.4} | {TARGET} | {}{why} | {:.2} |",
            anew.len(),
            gap(&replanner)
        );
    }
    println!();
    Ok(())
}

/// Some pod of a workload that is no DaemonSet.
fn pod(replanner: &Replanner, at: usize) -> Option<&Pod> {
    let pods = &replanner.snapshot().pods;
    let from = at * 7_919 % pods.len();
    pods[from..].iter().find(|pod| pod.workload.is_some() && !pod.is_daemon() && pod.node.is_some())
}
