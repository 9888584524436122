//! A production cluster of which only CPU and memory are asked: how few machines hold it, and what moves for that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Stdio;

use scenario::{PlainCluster, PlainNode, PlainWorkload};
use serde_json::Value;

use crate::{plan, process};

/// Others' placements, made for traffic between neighbours rather than for few machines.
const PEERS: [(&str, &str); 3] =
    [("POP", "POP_output_testing"), ("ApplSci19", "applied_sci19_output_testing"), ("RASA", "shell_M3_test")];

/// The data gives parts of some whole; times these they are millicores and bytes, too fine for rounding to matter.
const MILLICORES: f64 = 1e9;
const BYTES: f64 = 1e14;

/// All machines count the same.
const PRICES: &str = "instance_type,region,zone,capacity_type,usd_per_hour\nmachine,us-east-1,,on-demand,1\n";

pub fn run(plimsoll: &Path, folder: &Path, data: &Path) -> anyhow::Result<()> {
    let data = data.join("affinity");
    if !data.exists() {
        println!("skipped: no {}; set PLIMSOLL_DATA to where the data is\n", data.display());
        return Ok(());
    }
    let read = |name: &str| -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(data.join(name).with_extension("json"))?)?)
    };
    let given = read("M3")?;
    let cluster = cluster(&given);
    let (dump, prices) = (folder.join("affinity.json"), folder.join("affinity.csv"));
    cluster.write(BufWriter::new(File::create(&dump)?))?;
    std::fs::write(&prices, PRICES)?;
    let (from, prices) = (dump.to_string_lossy(), prices.to_string_lossy());
    let ours = plan::simulate(plimsoll, &dump, &["--prices", &prices])?;
    let plan = ours.path.to_string_lossy();
    let verified = process::run(plimsoll, &["verify", &plan, "--from", &from, "--prices", &prices], Stdio::null());

    let (machines, containers) = (cluster.nodes.len(), cluster.pods());
    println!("the affinity data set as a plain packing: {machines} machines, {containers} containers");
    println!("| | machines | containers moved | legal on the way | seconds |");
    println!("| --- | --- | --- | --- | --- |");
    println!(
        "| ours | {} | {} | {} | {:.2} |",
        ours.figure("nodesAfter"),
        ours.figure("migrations"),
        verified.map_or_else(|error| error.to_string(), |_| "yes, by `verify`".to_owned()),
        ours.run.seconds
    );
    println!("| lower bound | {:.0} | | | |", ours.figure("usdPerHourLowerBound"));
    let services = services(&given);
    let mut before = Counts::new();
    for machine in list(&given["MachineList"]) {
        count(&services, text(&machine["MachineIP"]), &machine["InitialDeployingContainers"], &mut before);
    }
    for (name, file) in PEERS {
        let placement = read(file)?;
        let mut after = Counts::new();
        for (machine, held) in placement.as_object().into_iter().flatten() {
            count(&services, machine, held, &mut after);
        }
        let used: BTreeSet<&str> = after.keys().map(|(machine, _)| *machine).collect();
        // Containers of one service are alike: only how many there are on a machine counts.
        let moved = after.iter().map(|(at, count)| count.saturating_sub(*before.get(at).unwrap_or(&0)));
        println!("| {name} | {} | {} | not asked | |", used.len(), moved.sum::<usize>());
    }
    println!();
    Ok(())
}

/// One Deployment a service, its pods where its containers are.
fn cluster(given: &Value) -> PlainCluster {
    let mut node_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (at, machine) in list(&given["MachineList"]).enumerate() {
        nodes.push(PlainNode {
            name: format!("machine-{}", text(&machine["MachineIP"])),
            instance_type: "machine".to_owned(),
            millicores: amount(&machine["TotalCPU"], MILLICORES),
            bytes: amount(&machine["TotalMem"], BYTES),
        });
        node_of.extend(list(&machine["InitialDeployingContainers"]).map(|container| (text(container), at)));
    }
    let workload = |service: &Value| {
        let containers = list(&service["ContainerList"]);
        PlainWorkload {
            name: text(&service["Service"]).to_lowercase(),
            millicores: amount(&service["RequestCPU"], MILLICORES),
            bytes: amount(&service["RequestMem"], BYTES),
            replicas: containers.filter_map(|container| node_of.get(text(container)).copied()).collect(),
        }
    };
    PlainCluster { workloads: list(&given["ServiceList"]).map(workload).collect(), nodes }
}

/// The service of each container.
fn services(given: &Value) -> BTreeMap<&str, &str> {
    let mut services = BTreeMap::new();
    for service in list(&given["ServiceList"]) {
        services.extend(list(&service["ContainerList"]).map(|name| (text(name), text(&service["Service"]))));
    }
    services
}

/// How many containers there are by machine and service.
type Counts<'a> = BTreeMap<(&'a str, &'a str), usize>;

fn count<'a>(services: &BTreeMap<&str, &'a str>, machine: &'a str, held: &Value, counts: &mut Counts<'a>) {
    for container in list(held) {
        let service = services.get(text(container)).copied().unwrap_or("");
        *counts.entry((machine, service)).or_default() += 1;
    }
}

fn amount(value: &Value, unit: f64) -> i64 {
    (value.as_f64().unwrap_or(0.0) * unit).round() as i64
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
