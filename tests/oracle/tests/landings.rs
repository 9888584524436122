//! Where a plan says that kube-scheduler would put each pod is where it would: the plan is done step by step on the objects
//! themselves, and kube-scheduler's own code is asked at each.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::collections::BTreeMap;

use model::{Landing, Plan, Policy, Price, PriceBasis, Prices, Snapshot, UsdPerHour};
use oracle_tests::ours::read;
use oracle_tests::scheduler::Scheduler;
use oracle_tests::scores::Scored;
use serde_json::{Value, json};

#[test]
fn every_step_lands_where_the_plan_says() {
    let mut scheduler = Scheduler::start(&["score"]).unwrap();
    let mut met: BTreeMap<Landing, usize> = BTreeMap::new();
    for seed in 1..400 {
        let mut cluster = Objects::of(seed);
        let snapshot = read(&cluster.list()).unwrap();
        let plan = engine::plan(&snapshot, &one_price(&snapshot), &Policy::aggressive(), engine::default_strategy());
        cluster.cordon(&plan);
        for (at, step) in plan.migrations.iter().enumerate() {
            let pod = format!("{}/{}", step.namespace, step.pod);
            let theirs: Scored = serde_json::from_str(&scheduler.ask(&cluster.list()).unwrap()).unwrap();
            let Some(scored) = &theirs[&pod] else { panic!("seed {seed}: kube-scheduler gives up on {pod}") };
            let landing = landing(scored, &step.to_node);
            assert_eq!(step.landing, landing, "seed {seed}, step {at}: {pod} to {}: {scored:?}", step.to_node);
            *met.entry(landing).or_default() += 1;
            cluster.bind(&step.namespace, &step.pod, &step.to_node);
            if plan.migrations.get(at + 1).is_none_or(|next| next.wave > step.wave) {
                cluster.remove_emptied(&plan);
            }
        }
    }
    assert!(met.values().sum::<usize>() > 1_000, "few steps: {met:?}");
    for landing in [Landing::Only, Landing::First, Landing::Tied, Landing::Elsewhere] {
        assert!(met.contains_key(&landing), "{landing:?} never comes: {met:?}");
    }
}

/// Of equal totals the scheduler takes any.
fn landing(scored: &BTreeMap<String, BTreeMap<String, i64>>, target: &str) -> Landing {
    let totals: BTreeMap<&str, i64> =
        scored.iter().map(|(node, by_plugin)| (&**node, by_plugin.values().sum())).collect();
    let best = totals.values().copied().max().unwrap_or(0);
    let at_best = totals.values().filter(|total| **total == best).count();
    match totals.get(target) {
        None => Landing::Unknown,
        Some(_) if totals.len() == 1 => Landing::Only,
        Some(total) if *total < best => Landing::Elsewhere,
        Some(_) if at_best == 1 => Landing::First,
        Some(_) => Landing::Tied,
    }
}

fn one_price(snapshot: &Snapshot) -> Prices {
    let price = Price {
        usd_per_hour: UsdPerHour::from_nanos(100_000_000),
        basis: PriceBasis::Contract,
        source: "test".into(),
        as_of: "".into(),
    };
    Prices { nodes: vec![Ok(price); snapshot.nodes.len()], offers: Vec::new() }
}

/// The objects of a cluster whose pods all run and may all be made anew.
struct Objects(Vec<Value>);

impl Objects {
    fn of(seed: u64) -> Objects {
        let mut list = scenario::scored_corners(seed);
        let mut items = std::mem::take(list["items"].as_array_mut().unwrap());
        let nodes: Vec<String> = named(&items, "Node");
        items.retain(|item| {
            let node = item["spec"]["nodeName"].as_str().unwrap_or_default();
            let runs = item["status"]["phase"] == "Running" && nodes.iter().any(|name| name == node);
            item["kind"] != "Pod" || runs
        });
        for pod in items.iter_mut().filter(|item| item["kind"] == "Pod") {
            pod["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
            if pod["metadata"]["ownerReferences"].is_null() {
                // A pod that nobody controls does not move.
                let owner =
                    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "front", "controller": true});
                pod["metadata"]["ownerReferences"] = json!([owner]);
                pod["metadata"]["labels"]["controlled-by"] = json!("alone");
            }
        }
        for namespace in ["alpha", "beta", "gamma"] {
            items.push(json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "front", "namespace": namespace},
                "spec": {"selector": {"matchLabels": {"controlled-by": "alone"}}},
            }));
        }
        Objects(items)
    }

    fn list(&self) -> String {
        json!({"apiVersion": "v1", "kind": "List", "items": self.0}).to_string()
    }

    fn of_kind(&mut self, kind: &'static str) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().filter(move |item| item["kind"] == kind)
    }

    fn cordon(&mut self, plan: &Plan) {
        for node in self.of_kind("Node").filter(|node| goes(plan, &node["metadata"]["name"])) {
            node["spec"]["unschedulable"] = json!(true);
            let taint = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
            match node["spec"]["taints"].as_array_mut() {
                Some(taints) => taints.push(taint),
                None => node["spec"]["taints"] = json!([taint]),
            }
        }
        self.remove_emptied(plan);
    }

    fn bind(&mut self, namespace: &str, name: &str, node: &str) {
        let is_it = |pod: &&mut Value| pod["metadata"]["namespace"] == namespace && pod["metadata"]["name"] == name;
        for pod in self.of_kind("Pod").filter(is_it) {
            pod["spec"]["nodeName"] = json!(node);
        }
    }

    fn remove_emptied(&mut self, plan: &Plan) {
        let in_use: Vec<Value> = self.of_kind("Pod").map(|pod| pod["spec"]["nodeName"].clone()).collect();
        self.0.retain(|item| {
            let name = &item["metadata"]["name"];
            item["kind"] != "Node" || !goes(plan, name) || in_use.contains(name)
        });
    }
}

fn goes(plan: &Plan, node: &Value) -> bool {
    plan.nodes.remove.iter().any(|name| *node == **name)
}

fn named(items: &[Value], kind: &str) -> Vec<String> {
    let of_kind = items.iter().filter(|item| item["kind"] == kind);
    of_kind.filter_map(|item| item["metadata"]["name"].as_str().map(ToOwned::to_owned)).collect()
}
