//! Another share of spot among the nodes that are there.

use model::placement::any_term_matches;
use model::{CapacityType, Node, Snapshot};

use super::{PremiseError, Pricing};

/// Turns nodes into spot or on-demand ones until so many percent of the priced nodes are spot. Of nodes that could be
/// either, every so manieth is turned, so that pools, types and zones have their share. A node could be the other where
/// its price is known then and its pods may be on it.
pub(super) fn apply(
    snapshot: &mut Snapshot,
    percent: u32,
    pricing: &Pricing<'_>,
) -> Result<Option<String>, PremiseError> {
    let prices = pricing(snapshot);
    let priced: Vec<usize> = (0..snapshot.nodes.len()).filter(|node| prices.of(*node).is_some()).collect();
    let spot = priced.iter().filter(|node| snapshot.nodes[**node].capacity_type() == CapacityType::Spot).count();
    let wanted = priced.len() * percent.min(100) as usize / 100;
    let (to, turned) = match wanted.cmp(&spot) {
        std::cmp::Ordering::Equal => return Ok(None),
        std::cmp::Ordering::Greater => (CapacityType::Spot, wanted - spot),
        std::cmp::Ordering::Less => (CapacityType::OnDemand, spot - wanted),
    };
    let from: Vec<usize> = priced.into_iter().filter(|node| snapshot.nodes[*node].capacity_type() != to).collect();
    let mut all_turned = snapshot.clone();
    from.iter().for_each(|node| all_turned.nodes[*node] = snapshot.nodes[*node].with_capacity_type(to));
    let prices = pricing(&all_turned);
    let has_price = |node: &usize| prices.of(*node).is_some();
    let mut able: Vec<usize> = from.iter().copied().filter(has_price).collect();
    able.retain(|node| may_stay(snapshot, &all_turned.nodes[*node]));
    if able.len() < turned {
        let remedy = |node: &usize| prices.nodes.get(*node)?.as_ref().err().map(|unpriced| unpriced.remedy.clone());
        let wrong = format!(
            "{turned} nodes would have to turn {to}, and {} could: their price is known then, and their pods may be there",
            able.len()
        );
        return Err(PremiseError { remedy: from.iter().find_map(remedy), ..PremiseError::new(wrong, []) });
    }
    able.sort_by_key(|node| {
        let node = &snapshot.nodes[*node];
        (node.node_pool(), node.instance_type(), node.zone(), &node.name)
    });
    let all = able.len();
    let is_turned = |at: &usize| (at + 1) * turned / all > at * turned / all;
    for node in able.iter().enumerate().filter(|(at, _)| is_turned(at)).map(|(_, node)| *node) {
        snapshot.nodes[node] = all_turned.nodes[node].clone();
    }
    Ok(Some(format!("nodes that are not {to} yet: {turned}")))
}

/// May the pods of the node be on it as it would be?
fn may_stay(snapshot: &Snapshot, node: &Node) -> bool {
    let on_node = snapshot.pods.iter().filter(|pod| pod.node.as_ref() == Some(&node.name) && !pod.is_finished());
    on_node.map(|pod| &pod.spec).all(|spec| {
        spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
            && spec.node_affinity.as_ref().is_none_or(|terms| any_term_matches(terms, &node.name, &node.labels))
    })
}
