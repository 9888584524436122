//! What others did to a cluster's nodes, to be held against the plan that we had for it.

use std::collections::{BTreeMap, HashSet};

use model::{Name, Node, Prices, Snapshot, Summary, Time, UsdPerHour};

/// Who adds a node and takes it away, as far as its labels tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// Karpenter: the node is of a node pool.
    Karpenter,
    /// The node is of a provider's node group, which the cluster autoscaler or the provider itself sizes.
    NodeGroup,
    /// Nothing says who.
    Unknown,
}

/// Labels by which providers name the group that a node is of.
const GROUP_LABELS: [&str; 5] = [
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "kops.k8s.io/instancegroup",
];

impl Tool {
    fn of(node: &Node) -> Tool {
        let has = |label: &str| node.labels.get(label).is_some();
        if has("karpenter.sh/nodepool") {
            Tool::Karpenter
        } else if GROUP_LABELS.into_iter().any(has) {
            Tool::NodeGroup
        } else {
            Tool::Unknown
        }
    }
}

/// What was there, and what we would have done.
#[derive(Clone, Debug)]
pub struct Before {
    /// The moment.
    pub at: Time,
    /// What our plan would have saved.
    pub saved: UsdPerHour,
    /// The pods that it would have moved.
    pub migrations: usize,
    nodes: BTreeMap<Name, Seen>,
}

/// A node that was there.
#[derive(Clone, Debug)]
struct Seen {
    tool: Tool,
    price: Option<UsdPerHour>,
    /// The uids of pods that had to go somewhere else where it went.
    pods: Vec<Name>,
}

/// What one tool did since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deeds {
    /// Which.
    pub tool: Tool,
    /// Nodes that went.
    pub nodes_removed: usize,
    /// Nodes that came.
    pub nodes_added: usize,
    /// Pods that went with their nodes. Some of them may have been scaled down at the same time.
    pub pods_disrupted: usize,
    /// What the nodes that went cost, less what those cost that came: negative where it is dearer by now. Absent where
    /// one of them is of unknown price.
    pub saved: Option<UsdPerHour>,
}

impl Before {
    /// What is there, and what the plan for it comes to.
    pub fn of(snapshot: &Snapshot, prices: &Prices, plan: &Summary) -> Before {
        let seen = |(at, node): (usize, &Node)| {
            (identity(node), Seen { tool: Tool::of(node), price: prices.of(at), pods: Vec::new() })
        };
        let mut nodes: BTreeMap<Name, Seen> = snapshot.nodes.iter().enumerate().map(seen).collect();
        for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished() && !pod.is_daemon() && !pod.is_static()) {
            let node = pod.node.as_ref().and_then(|node| snapshot.node(node));
            if let Some(seen) = node.and_then(|node| nodes.get_mut(&identity(node))) {
                seen.pods.push(pod.uid.clone());
            }
        }
        Before { at: snapshot.taken_at, saved: plan.saved(), migrations: plan.migrations, nodes }
    }

    /// What others did by now, tool by tool; nothing of those that did nothing.
    pub fn since(&self, snapshot: &Snapshot, prices: &Prices) -> Vec<Deeds> {
        let there: HashSet<Name> = snapshot.nodes.iter().map(identity).collect();
        let pods: HashSet<&Name> = snapshot.pods.iter().map(|pod| &pod.uid).collect();
        let mut deeds: BTreeMap<Tool, Deeds> = BTreeMap::new();
        let nothing =
            |tool| Deeds { tool, nodes_removed: 0, nodes_added: 0, pods_disrupted: 0, saved: Some(UsdPerHour::ZERO) };
        for (_, gone) in self.nodes.iter().filter(|(node, _)| !there.contains(*node)) {
            let of = deeds.entry(gone.tool).or_insert_with(|| nothing(gone.tool));
            of.nodes_removed += 1;
            of.pods_disrupted += gone.pods.iter().filter(|pod| !pods.contains(pod)).count();
            of.saved = of.saved.zip(gone.price).map(|(saved, price)| saved + price);
        }
        for (at, node) in
            snapshot.nodes.iter().enumerate().filter(|(_, node)| !self.nodes.contains_key(&identity(node)))
        {
            let tool = Tool::of(node);
            let of = deeds.entry(tool).or_insert_with(|| nothing(tool));
            of.nodes_added += 1;
            of.saved = of.saved.zip(prices.of(at)).map(|(saved, price)| saved - price);
        }
        deeds.into_values().collect()
    }
}

/// Its uid; its name where the input has none.
fn identity(node: &Node) -> Name {
    if node.uid.is_empty() { node.name.clone() } else { node.uid.clone() }
}

#[cfg(test)]
mod tests {
    use model::{Labels, Owner, Pod, Price, PriceBasis, Unpriced};

    use super::*;

    fn node(name: &str, label: &str) -> Node {
        let labels = Labels::new(vec![(label.into(), "some".into())]);
        Node { name: name.into(), uid: format!("uid-{name}").into(), labels, ..Node::default() }
    }

    fn pod(uid: &str, node: &str) -> Pod {
        Pod { uid: uid.into(), name: uid.into(), node: Some(node.into()), ..Pod::default() }
    }

    /// Nodes with what each costs in thousandths of a dollar.
    fn world(nodes: &[(&str, &str, Option<i64>)], pods: Vec<Pod>) -> (Snapshot, Prices) {
        let price = |thousandths: &Option<i64>| match thousandths {
            Some(thousandths) => Ok(Price {
                usd_per_hour: UsdPerHour::from_nanos(thousandths * 1_000_000),
                basis: PriceBasis::List,
                source: "test".into(),
                as_of: "2026-11-22".into(),
            }),
            None => Err(Unpriced { reason: String::new(), remedy: String::new() }),
        };
        let prices = Prices { nodes: nodes.iter().map(|(_, _, usd)| price(usd)).collect(), offers: Vec::new() };
        let nodes = nodes.iter().map(|(name, label, _)| node(name, label)).collect();
        (Snapshot { nodes, pods, ..Snapshot::default() }, prices)
    }

    #[test]
    fn what_others_did_is_told_tool_by_tool() {
        let (karpenter, group) = ("karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup");
        let daemon =
            Owner { api_version: "apps/v1".into(), kind: "DaemonSet".into(), name: "d".into(), uid: "d".into() };
        let before = vec![
            pod("goes-with-a", "a"),
            pod("stays-known", "a"),
            Pod { controller: Some(daemon), ..pod("daemon", "a") },
            pod("scaled-down", "b"),
            pod("goes-with-d", "d"),
        ];
        let nodes = [("a", karpenter, Some(100)), ("b", karpenter, Some(100)), ("d", group, None), ("e", "x", Some(9))];
        let (snapshot, prices) = world(&nodes, before);
        let before = Before::of(&snapshot, &prices, &Summary::default());
        assert_eq!(before.since(&snapshot, &prices), []);

        let after = [("b", karpenter, Some(100)), ("c", karpenter, Some(40)), ("e", "x", Some(9))];
        let (snapshot, prices) = world(&after, vec![pod("stays-known", "b"), pod("new", "c")]);
        let deeds = |tool, nodes_removed, nodes_added, saved: Option<i64>| Deeds {
            tool,
            nodes_removed,
            nodes_added,
            pods_disrupted: 1,
            saved: saved.map(|thousandths| UsdPerHour::from_nanos(thousandths * 1_000_000)),
        };
        // What goes while its node stays is nobody's deed, and what costs nobody knows what saves nobody knows what.
        let wanted = [deeds(Tool::Karpenter, 1, 1, Some(60)), deeds(Tool::NodeGroup, 1, 0, None)];
        assert_eq!(before.since(&snapshot, &prices), wanted);
    }
}
