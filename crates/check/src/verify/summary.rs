//! The plan's figures, computed again from the plan, the snapshot and the prices.

use model::{Plan, Prices, Snapshot, UsdPerHour};
use rustc_hash::FxHashSet;

use crate::rule::{Fault, Rule};

pub(super) fn check(snapshot: &Snapshot, prices: Option<&Prices>, plan: &Plan) -> Vec<Fault> {
    let removed: FxHashSet<&str> = plan.nodes.remove.iter().map(|name| &**name).collect();
    let goes = |node: &model::Node| removed.contains(&*node.name);
    let summary = &plan.summary;
    let kept = snapshot.nodes.iter().filter(|node| !goes(node)).count();
    let waves: FxHashSet<u32> = plan.migrations.iter().map(|migration| migration.wave).collect();
    let mut faults = Vec::new();
    let mut compare = |figure: &str, said: String, found: String| {
        if said != found {
            faults.push(Fault::new(Rule::Summary, format!("{figure} is given as {said}, and is {found}")));
        }
    };
    let mut counts = |figure: &str, said: usize, found: usize| compare(figure, said.to_string(), found.to_string());
    counts("migrations", summary.migrations, plan.migrations.len());
    counts("waves", summary.waves, waves.len());
    counts("nodesBefore", summary.nodes_before, snapshot.nodes.len());
    counts("nodesAfter", summary.nodes_after, kept + plan.nodes.add.len());

    if let Some(prices) = prices {
        let priced = || snapshot.nodes.iter().enumerate().filter_map(|(at, node)| Some((node, prices.of(at)?)));
        let unpriced = (0..snapshot.nodes.len()).filter(|at| prices.of(*at).is_none()).count();
        let before: UsdPerHour = priced().map(|(_, price)| price).sum();
        let stays: UsdPerHour = priced().filter(|(node, _)| !goes(node)).map(|(_, price)| price).sum();
        let comes: UsdPerHour = plan.nodes.add.iter().map(|added| added.usd_per_hour).sum();
        counts("nodesUnpriced", summary.nodes_unpriced, unpriced);
        compare("usdPerHourBefore", dollars(summary.usd_per_hour_before), dollars(before));
        compare("usdPerHourAfter", dollars(summary.usd_per_hour_after), dollars(stays + comes));
    }
    if let Some(bound) = summary.usd_per_hour_lower_bound
        && bound > summary.usd_per_hour_after
    {
        let message = format!("the lower bound {bound} is above what the plan reaches");
        faults.push(Fault::new(Rule::Summary, message));
    }
    faults
}

/// To the nano-dollar, so that two amounts that print alike are alike.
fn dollars(amount: UsdPerHour) -> String {
    format!("${:.9}", amount.dollars())
}
