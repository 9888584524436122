//! Small random clusters that lean on every corner of the scheduler's filters.
//!
//! Names, labels, keys and ports come from small sets, so that what one pod asks for is what another one has. Bound
//! pods are put anywhere, legal or not: every pod is asked about as if it were pending.

mod claims;
mod disks;
mod exact;
mod features;
mod node_choice;
mod nodes;
mod pods;
mod ports;
mod provisioning;
mod relations;
mod resize;
mod resources;
mod scored;
mod selectors;
mod spread;
mod storage;

use serde_json::{Value, json};

use crate::object::object;
use crate::random::Random;

/// A List of the objects of one small cluster: 5 to 15 nodes, 20 to 40 pods.
pub fn corners(seed: u64) -> Value {
    cluster(seed).into_list()
}

/// The same, with much of what the scheduler's scores look at: preferences, soft spread, controllers to spread by.
pub fn scored_corners(seed: u64) -> Value {
    let mut cluster = cluster(seed);
    scored::add(&mut cluster);
    cluster.into_list()
}

fn cluster(seed: u64) -> Cluster {
    let mut cluster = Cluster::new(seed);
    namespaces(&mut cluster);
    nodes::add(&mut cluster);
    storage::add(&mut cluster);
    pods::add(&mut cluster);
    exact::add(&mut cluster);
    cluster
}

/// The cluster in the making.
struct Cluster {
    random: Random,
    nodes: Vec<Value>,
    pods: Vec<Value>,
    others: Vec<Value>,
    /// Counts what needs a name or a size of its own.
    made: i64,
}

const NAMESPACES: [&str; 3] = ["alpha", "beta", "gamma"];

impl Cluster {
    fn new(seed: u64) -> Cluster {
        Cluster { random: Random::new(seed), nodes: Vec::new(), pods: Vec::new(), others: Vec::new(), made: 0 }
    }

    fn into_list(self) -> Value {
        let items: Vec<Value> = self.others.into_iter().chain(self.nodes).chain(self.pods).collect();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
    }

    /// A number that no other call gets. Claims and volumes add it to their sizes: the scheduler's choice between equal
    /// ones depends on the order of a Go map.
    fn unique(&mut self) -> i64 {
        self.made += 1;
        self.made
    }

    fn node_name(&mut self) -> String {
        let at = self.random.below(self.nodes.len());
        name_of(&self.nodes[at]).to_owned()
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn namespace_of(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

fn namespaces(cluster: &mut Cluster) {
    let labels = [json!({"team": "red", "env": "prod"}), json!({"team": "blue", "env": "prod"}), json!({})];
    for (name, mut labels) in NAMESPACES.into_iter().zip(labels) {
        labels["kubernetes.io/metadata.name"] = json!(name);
        let mut namespace = object("v1", "Namespace", "", name);
        namespace["metadata"]["labels"] = labels;
        namespace["status"] = json!({"phase": "Active"});
        cluster.others.push(namespace);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(corners(7).to_string(), corners(7).to_string());
        assert_ne!(corners(7).to_string(), corners(8).to_string());
    }

    #[test]
    fn no_two_objects_share_a_name() {
        for seed in 0..200 {
            let list = corners(seed);
            let mut seen = BTreeSet::new();
            for item in list["items"].as_array().unwrap() {
                let kind = item["kind"].as_str().unwrap();
                assert!(seen.insert((kind, namespace_of(item), name_of(item))), "{seed}: {kind} {}", name_of(item));
            }
        }
    }

    #[test]
    fn clusters_are_as_small_as_promised() {
        for seed in 0..200 {
            let list = corners(seed);
            let count =
                |kind: &str| list["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind).count();
            assert!((5..=16).contains(&count("Node")), "{} nodes", count("Node"));
            assert!((20..=43).contains(&count("Pod")), "{} pods", count("Pod"));
        }
    }
}
