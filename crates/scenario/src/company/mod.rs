//! The embedded example: a company of some 120 nodes and 1,500 pods on EKS with Karpenter.
//!
//! `tables` says what there is, `placement` where it runs, and the rest writes it down as the API server would.

mod budgets;
mod cluster_objects;
mod controllers;
mod jobs;
mod node_objects;
mod nodes;
mod placement;
mod pods;
mod storage;
mod tables;
mod template;
mod time;
mod usage;
mod words;

use serde_json::Value;

/// All objects of the example cluster, the same at each call, kind after kind.
pub fn company() -> Vec<Value> {
    let nodes = nodes::nodes();
    let pods = placement::place(&nodes);
    let mut objects = cluster_objects::objects();
    objects.extend(node_objects::objects(&nodes));
    objects.extend(storage::objects(&nodes, &pods));
    objects.extend(controllers::objects(&nodes, &pods));
    objects.extend(jobs::objects(&nodes, &pods));
    objects.extend(budgets::objects(&pods));
    objects.extend(pods::objects(&nodes, &pods));
    objects.extend(usage::objects(&nodes, &pods));
    objects
}

/// What the company pays for its spot machines, as a file for `--prices`: no list has them.
pub fn company_prices() -> &'static str {
    include_str!("tables/spot_prices.csv")
}
