//! Each target on some thousand random changes of good input, the same ones every time.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use model::FindingCode;
use serde_json::{Value, json};

/// A few seconds a target, in a debug build.
const INPUTS: u64 = 20_000;

/// What parsers have stumbled over.
const TOKENS: [&[u8]; 32] = [
    b"1e9999",
    b"-1",
    b"-0",
    b"NaN",
    b"9223372036854775808",
    b"0.0000000000000000001",
    b"Ei",
    b"null",
    b"true",
    b"{}",
    b"[[[[[[[[",
    b"]]]]]]]]",
    b"{\"a\":{\"a\":",
    b"\"items\":[",
    b"\"kind\":\"List\",",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xff",
    b"\0",
    b"\r\n",
    b"\n\n",
    b",,,,,,,,",
    b"&a *a",
    b"<<: *a\n",
    b"!!binary ",
    b"|+9\n",
    b"\n---\n",
    b"\nitems:\n- ",
    b"\n# ",
];

#[test]
fn changed_json_breaks_nothing() {
    run(fuzzing::dump_json, &documents(|value| value.to_string()));
}

#[test]
fn changed_yaml_breaks_nothing() {
    let mut seeds = documents(|value| serde_saphyr::to_string(value).unwrap());
    // Indented, they continue an item of a list.
    let indented: Vec<Vec<u8>> = seeds
        .iter()
        .map(|seed| String::from_utf8_lossy(seed).lines().map(|line| format!("  {line}\n")).collect::<String>())
        .map(String::into_bytes)
        .collect();
    seeds.extend(indented);
    run(fuzzing::dump_yaml, &seeds);
}

#[test]
fn changed_quantities_break_nothing() {
    let seeds = ["0", "100m", "1.5Gi", "-1500m", "1e3", "12E", "1u", ".5", "5.", "+2Ki", "110", "1E-3", "16Ti"];
    run(|bytes| fuzzing::quantity(&String::from_utf8_lossy(bytes)), &seeds.map(|seed| seed.as_bytes().to_vec()));
}

#[test]
fn changed_price_files_break_nothing() {
    let header = "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu\n";
    let seeds = [
        "m5.large,eu-west-1,,on-demand,0.1,2,8,29,amd64,0\n",
        "m5.large,eu-west-1,eu-west-1a,spot,0.04,,,,,\n# note\n\n\"a\nb\",,,spot,1.5e-2,,,,,\n",
        "p4d.24xlarge,us-east-1,,on-demand,32.77,96,1152,737,arm64,8\r\n",
    ];
    run(fuzzing::price_csv, &seeds.map(|rows| [header, rows].concat().into_bytes()));
}

#[test]
fn the_seeds_are_good_input() {
    for texts in [documents(Value::to_string), documents(|value| serde_saphyr::to_string(value).unwrap())] {
        let snapshot = observe::read_bytes("seeds", texts.last().unwrap()).unwrap();
        assert_eq!((snapshot.nodes.len(), snapshot.pods.len()), (1, 1));
        let is_broken = |finding: &&model::Finding| finding.code == FindingCode::UnreadableObject;
        assert_eq!(snapshot.findings.iter().find(is_broken), None);
    }
}

/// Each input has a number, from which it can be made again.
fn run(target: impl Fn(&[u8]), seeds: &[Vec<u8>]) {
    for number in 0..INPUTS {
        let input = changed(&mut Rng::with_seed(number), seeds);
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(outcome.is_ok(), "input {number}: {:?}", String::from_utf8_lossy(&input));
    }
}

/// One of the seeds with a few changes. Those of whole words come most often: they leave the syntax as it is.
fn changed(random: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.choice(seeds).unwrap().clone();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(0..=bytes.len());
        let other = random.choice(seeds).unwrap();
        let elsewhere = random.usize(0..=other.len());
        match random.u8(0..16) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
            1 => drop(bytes.drain(piece(random, &bytes, at))),
            2 => drop(bytes.splice(at..at, bytes[piece(random, &bytes, at)].to_vec())),
            3 => drop(bytes.splice(at..at, other[piece(random, other, elsewhere)].to_vec())),
            4 => drop(bytes.splice(at..at, (0..random.usize(0..LONGEST_PIECE)).map(|_| random.u8(..)))),
            5 => bytes.truncate(at),
            6 => drop(bytes.splice(at..at, random.choice(TOKENS).unwrap().to_vec())),
            7..=10 => drop(bytes.splice(word(&bytes, at), random.choice(TOKENS).unwrap().to_vec())),
            _ => drop(bytes.splice(word(&bytes, at), other[word(other, elsewhere)].to_vec())),
        }
    }
    bytes
}

/// Bytes that one change takes out or puts in.
const LONGEST_PIECE: usize = 200;

/// More often short than long.
fn piece(random: &mut Rng, bytes: &[u8], at: usize) -> Range<usize> {
    let most = random.usize(0..=LONGEST_PIECE);
    at..(at + random.usize(0..=most)).min(bytes.len())
}

/// The letters and digits around a place.
fn word(bytes: &[u8], at: usize) -> Range<usize> {
    let before = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let after = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    at - before..at + after
}

/// Objects one by one, and at last all of them in a list.
fn documents(text: impl Fn(&Value) -> String) -> Vec<Vec<u8>> {
    let mut objects = objects();
    objects.push(json!({ "apiVersion": "v1", "kind": "List", "items": objects }));
    objects.iter().map(|object| text(object).into_bytes()).collect()
}

fn objects() -> Vec<Value> {
    let node = json!({ "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": "n1", "uid": "u-1", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": { "topology.kubernetes.io/zone": "a", "node.kubernetes.io/instance-type": "m5.large" } },
        "spec": { "providerID": "aws:///eu-west-1a/i-1", "unschedulable": true,
            "taints": [{ "key": "dedicated", "value": "web", "effect": "NoSchedule" }] },
        "status": { "allocatable": { "cpu": "3920m", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "1" },
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" }] } });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "a", "namespace": "web", "labels": { "app": "a" }, "ownerReferences": [
            { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a", "uid": "u-2", "controller": true }] },
        "spec": { "nodeName": "n1", "priority": 1_000, "nodeSelector": { "zone": "a" },
            "containers": [{ "name": "a", "ports": [{ "hostPort": 80, "containerPort": 80 }],
                "resources": { "requests": { "cpu": "0.5", "memory": "1e9" }, "limits": { "cpu": 1 } } }],
            "initContainers": [{ "name": "b", "restartPolicy": "Always" }],
            "overhead": { "cpu": "10m" },
            "tolerations": [{ "key": "dedicated", "operator": "Exists", "tolerationSeconds": 300 }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
            "affinity": {
                "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                    { "matchExpressions": [{ "key": "cores", "operator": "Gt", "values": ["3"] }] }] } },
                "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
                    { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "a" } } }] } },
            "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": { "matchLabels": { "app": "a" } } }] },
        "status": { "phase": "Running", "startTime": "2026-01-01T00:00:00Z" } });
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data", "namespace": "web" },
        "spec": { "volumeName": "pv-1", "storageClassName": "fast", "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "10Gi" } } },
        "status": { "phase": "Bound" } });
    let budget = json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "name": "a", "namespace": "web" },
        "spec": { "minAvailable": "50%", "selector": { "matchExpressions": [
            { "key": "app", "operator": "In", "values": ["a"] }] } },
        "status": { "disruptionsAllowed": 1, "expectedPods": 2 } });
    vec![node, pod, claim, budget]
}
