//! The example cluster is a legal one, of the size that it claims, with everything in it that it is to show.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn key(object: &Value) -> String {
    format!("{}/{}", text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

fn is_live(pod: &Value) -> bool {
    !matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed")
}

#[test]
fn it_has_the_size_of_a_real_company() {
    let objects = scenario::company();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &objects {
        *kinds.entry(text(&object["kind"])).or_default() += 1;
    }
    let pods = of_kind(&objects, "Pod");
    let bytes: usize = pods.iter().map(|pod| pod.to_string().len()).sum();
    let all: usize = objects.iter().map(|object| object.to_string().len()).sum();
    println!("{kinds:?}\n{} bytes a pod, {all} in all", bytes / pods.len());
    assert_eq!(kinds["Node"], 120);
    assert!((1_450..=1_550).contains(&kinds["Pod"]), "{} pods", kinds["Pod"]);
    assert!((70..=90).contains(&kinds["Deployment"]), "{} Deployments", kinds["Deployment"]);
    let workloads = kinds["Deployment"] + kinds["StatefulSet"];
    let budgets = kinds["PodDisruptionBudget"];
    assert!((workloads * 3 / 10..=workloads * 5 / 10).contains(&budgets), "{budgets} budgets, {workloads} workloads");
    assert_eq!(kinds["NodePool"], 3);
}

#[test]
fn names_and_uids_are_unique_and_every_call_gives_the_same() {
    let objects = scenario::company();
    assert_eq!(json!(objects).to_string(), json!(scenario::company()).to_string());
    let mut names = BTreeSet::new();
    let mut uids = BTreeSet::new();
    for object in &objects {
        let name = format!("{} {} {}", object["apiVersion"], object["kind"], key(object));
        assert!(names.insert(name.clone()), "{name} is there twice");
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            assert!(uids.insert(uid), "{name} shares its uid");
        }
    }
}

#[test]
fn owners_and_claims_and_nodes_that_are_named_are_there() {
    let objects = scenario::company();
    let uids: BTreeSet<&str> = objects.iter().filter_map(|object| object["metadata"]["uid"].as_str()).collect();
    let names: BTreeSet<String> =
        objects.iter().map(|object| format!("{} {}", text(&object["kind"]), key(object))).collect();
    for object in &objects {
        for owner in object["metadata"]["ownerReferences"].as_array().into_iter().flatten() {
            assert!(uids.contains(text(&owner["uid"])), "the owner of {} is not there", key(object));
        }
    }
    for pod in of_kind(&objects, "Pod") {
        if let Some(node) = pod["spec"]["nodeName"].as_str() {
            assert!(names.contains(&format!("Node /{node}")), "{}", key(pod));
        }
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() else { continue };
            let namespace = text(&pod["metadata"]["namespace"]);
            assert!(names.contains(&format!("PersistentVolumeClaim {namespace}/{claim}")), "{}", key(pod));
        }
    }
}

#[test]
fn nothing_waits_but_what_has_only_just_been_asked_for() {
    let objects = scenario::company();
    let waiting: Vec<String> = of_kind(&objects, "Pod")
        .into_iter()
        .filter(|pod| is_live(pod) && pod["spec"]["nodeName"].is_null())
        .map(|pod| text(&pod["metadata"]["labels"]["app"]).to_owned())
        .collect();
    assert_eq!(waiting, ["recommend-widget", "recommend-widget"]);
}

#[test]
fn some_budgets_are_exhausted_and_one_pod_has_two() {
    let objects = scenario::company();
    let exhausted: Vec<String> = of_kind(&objects, "PodDisruptionBudget")
        .into_iter()
        .filter(|budget| budget["status"]["disruptionsAllowed"] == 0)
        .map(key)
        .collect();
    assert_eq!(
        exhausted,
        ["web/session-store", "checkout/payment-gateway", "search/elastic-master", "data/kafka", "ml/feature-server",]
    );
    let covering = of_kind(&objects, "PodDisruptionBudget")
        .into_iter()
        .filter(|budget| budget["spec"]["selector"].to_string().contains("\"indexer\""))
        .count();
    assert_eq!(covering, 2);
}

/// Every bound pod passes kube-scheduler's own filters on the node where it is, and the pending ones pass somewhere.
#[test]
fn the_scheduler_would_put_every_pod_where_it_is() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/controlplane/bin/oracle");
    assert!(oracle.exists(), "the oracle is not built; hint: run tests/controlplane/build.sh oracle");
    let objects = scenario::company();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();

    let mut child = Command::new(oracle).arg("fit").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        input.write_all(list.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let passing: Value = serde_json::from_slice(&output.stdout).unwrap();

    let mut misplaced = Vec::new();
    for pod in of_kind(&objects, "Pod").into_iter().filter(|pod| is_live(pod)) {
        let nodes = passing[key(pod)].as_array().unwrap();
        let is_legal = match &pod["spec"]["nodeName"] {
            Value::Null => !nodes.is_empty(),
            node => nodes.contains(node),
        };
        if !is_legal {
            misplaced.push(key(pod));
        }
    }
    assert_eq!(misplaced, [""; 0]);
}

/// Of the millicores and bytes that pods may have, how many per cent they ask for.
fn requested_percent(objects: &[Value]) -> (i64, i64) {
    let milli = |value: &Value| -> i64 {
        let text = text(value);
        match text.strip_suffix('m') {
            Some(milli) => milli.parse().expect("a number of millicores"),
            // Absent is nothing asked for.
            None => 1000 * text.parse().unwrap_or(0),
        }
    };
    let kib = |value: &Value| -> i64 {
        let text = text(value);
        [("Ki", 1), ("Mi", 1 << 10), ("Gi", 1 << 20)]
            .iter()
            .find_map(|(unit, kib)| Some(kib * text.strip_suffix(unit)?.parse::<i64>().expect("a number")))
            .unwrap_or(0)
    };
    let (mut cpu, mut memory) = ((0, 0), (0, 0));
    for node in of_kind(objects, "Node") {
        cpu.1 += milli(&node["status"]["allocatable"]["cpu"]);
        memory.1 += kib(&node["status"]["allocatable"]["memory"]);
    }
    for pod in of_kind(objects, "Pod").into_iter().filter(|pod| is_live(pod) && pod["spec"].get("nodeName").is_some()) {
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            cpu.0 += milli(&container["resources"]["requests"]["cpu"]);
            memory.0 += kib(&container["resources"]["requests"]["memory"]);
        }
    }
    (100 * cpu.0 / cpu.1, 100 * memory.0 / memory.1)
}

#[test]
fn about_half_of_it_is_asked_for() {
    let (cpu, memory) = requested_percent(&scenario::company());
    println!("{cpu} % of the CPU, {memory} % of the memory");
    assert!((40..=50).contains(&cpu) && (38..=50).contains(&memory), "{cpu} % of the CPU, {memory} % of the memory");
}
