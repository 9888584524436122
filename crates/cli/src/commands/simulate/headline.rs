//! The plan in a sentence or two, and how sure the money in it is.

use std::collections::BTreeMap;

use model::{Plan, PriceBasis, Prices, Summary, UsdPerHour};

use crate::render::money;
use crate::render::text::{count, grouped};

/// Where no price is known nothing is said in dollars; else as
/// `$12.34 → $9.87 an hour, saves $1,803 a month; 120 → 96 nodes; 310 pods move in 14 waves, about 40 minutes`.
pub fn headline(summary: &Summary) -> String {
    if summary.nodes_before > 0 && summary.nodes_unpriced == summary.nodes_before {
        let nodes = count(summary.nodes_before, "node");
        return format!(
            "the cost of {nodes} is unknown, for none has a price; so nothing is known to save, and no pod moves"
        );
    }
    let before = money::hour(summary.usd_per_hour_before);
    let nodes = format!("{} → {} nodes", grouped(summary.nodes_before as i128), grouped(summary.nodes_after as i128));
    if summary.nodes_after == summary.nodes_before && summary.migrations == 0 {
        return format!(
            "{before} an hour, nothing to save within the limits; {}; no pod moves",
            count(summary.nodes_before, "node")
        );
    }
    let after = money::hour(summary.usd_per_hour_after);
    let saved = money::month(summary.saved());
    let known = if summary.nodes_unpriced > 0 { " (of what is known)" } else { "" };
    let moves = match summary.migrations {
        0 => "no pod moves".to_owned(),
        1 => "1 pod moves".to_owned(),
        pods => format!("{} pods move", grouped(pods as i128)),
    };
    let waves = match summary.waves {
        0 => String::new(),
        waves => format!(" in {}, about {}", count(waves, "wave"), count(summary.minutes_expected as usize, "minute")),
    };
    format!("{before} → {after} an hour, saves {saved} a month{known}; {nodes}; {moves}{waves}")
}

/// How near the plan is to the best there could be: `proven: no legal plan with these nodes costs less than $9.60 an
/// hour; …`.
pub fn proof(plan: &Plan) -> Option<String> {
    let summary = &plan.summary;
    let bound = summary.usd_per_hour_lower_bound?;
    let proven = proven(bound, plan.bound.as_ref().is_some_and(|bound| !bound.offers.is_empty()));
    if bound.dollars() < 0.005 {
        return None;
    }
    let rest = match summary.gap() {
        _ if summary.usd_per_hour_after <= bound => "; there is no cheaper one".to_owned(),
        // Headroom and the limits of pools are not in the bound: a wide gap says nothing of the plan.
        Some(gap) if gap <= 1.0 => format!("; this one is at most {:.1} % above that", gap * 100.0),
        _ => String::new(),
    };
    Some(proven + &rest)
}

/// How many pods must be led to their nodes: `kube-scheduler alone might put 7 of 11 pods elsewhere: these steps need a
/// placement hint`.
pub fn hints(plan: &Plan) -> Option<String> {
    let (hints, moves) = (plan.placement_hints(), plan.migrations.len());
    let pods = format!("{} of {}", grouped(hints as i128), count(moves, "pod"));
    match hints {
        0 if moves == 0 => None,
        0 => Some("kube-scheduler would put every pod where it is meant to be".to_owned()),
        1 => Some(format!("kube-scheduler alone might put {pods} elsewhere: that step needs a placement hint")),
        _ => Some(format!("kube-scheduler alone might put {pods} elsewhere: those steps need a placement hint")),
    }
}

/// The bound in words.
pub fn proven(bound: UsdPerHour, may_buy: bool) -> String {
    let with = if may_buy { "these nodes and any that could be bought" } else { "these nodes" };
    format!("proven: no legal plan with {with} costs less than {} an hour", money::hour(bound))
}

/// What the money rests on: `prices: 118 nodes at aws on-demand list price of 2025-04; 2 nodes have no price, …`.
pub fn price_basis(prices: &Prices) -> String {
    let mut known: BTreeMap<(PriceBasisOrder, String), usize> = BTreeMap::new();
    let mut unknown = 0;
    for price in &prices.nodes {
        match price {
            Ok(price) => {
                let as_of = if price.as_of.is_empty() { String::new() } else { format!(" of {}", price.as_of) };
                let source = match price.basis {
                    PriceBasis::Contract => format!("your prices in {}", price.source),
                    PriceBasis::List => format!("{}{as_of}", price.source),
                    PriceBasis::Estimate => format!("an estimate from {}{as_of}", price.source),
                };
                *known.entry((order(price.basis), source)).or_default() += 1;
            }
            Err(_) => unknown += 1,
        }
    }
    let mut parts: Vec<String> =
        known.into_iter().map(|((_, source), nodes)| format!("{} at {source}", count(nodes, "node"))).collect();
    match unknown {
        0 => {}
        1 => parts.push("1 node has no price: it stays, and is in no total".to_owned()),
        _ => parts.push(format!("{} have no price: they stay, and are in no total", count(unknown, "node"))),
    }
    if parts.is_empty() {
        return "prices: there are no nodes".to_owned();
    }
    format!("prices: {}; {}", parts.join("; "), money::month_is())
}

/// The user's own first.
type PriceBasisOrder = u8;

fn order(basis: PriceBasis) -> PriceBasisOrder {
    match basis {
        PriceBasis::Contract => 0,
        PriceBasis::List => 1,
        PriceBasis::Estimate => 2,
    }
}
