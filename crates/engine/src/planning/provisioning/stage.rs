//! The cluster with room for nodes that might be bought: each place has a number of empty slots, and a node that is bought
//! fills one.

use model::{Labels, Name, Node, Pod, Resources, Snapshot};

use super::places::Place;

/// The snapshot with the slots, and where they are.
pub(super) struct Stage {
    pub snapshot: Snapshot,
    /// By node of the snapshot without slots: its number with them.
    pub own: Vec<u32>,
    /// By place: the numbers of its slots.
    pub slots: Vec<Vec<u32>>,
    /// By place: the numbers of the pods that stand for its daemons.
    pub daemons: Vec<Vec<u32>>,
}

impl Stage {
    pub(super) fn new(snapshot: &Snapshot, places: &[Place], slots: usize) -> Stage {
        let mut snapshot = snapshot.clone();
        let mut daemons = Vec::new();
        for place in places {
            let first = snapshot.pods.len() as u32;
            // No node yet: they are put on each slot that is bought.
            snapshot.pods.extend(place.daemons.iter().map(|daemon| Pod { node: None, ..daemon.clone() }));
            daemons.push((first..snapshot.pods.len() as u32).collect());
        }
        let mut nodes: Vec<(Node, Option<usize>)> = snapshot.nodes.drain(..).map(|node| (node, None)).collect();
        for (at, place) in places.iter().enumerate() {
            nodes.extend((0..slots).map(|number| (slot(place, at, number), Some(at))));
        }
        nodes.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let mut slots = vec![Vec::new(); places.len()];
        let mut own = Vec::new();
        for (number, (_, place)) in nodes.iter().enumerate() {
            match place {
                Some(place) => slots[*place].push(number as u32),
                None => own.push(number as u32),
            }
        }
        snapshot.nodes = nodes.into_iter().map(|(node, _)| node).collect();
        Stage { snapshot, own, slots, daemons }
    }
}

/// A node of the place without any room: that comes with the offer that is chosen for it. No name of a node ends so.
fn slot(place: &Place, at: usize, number: usize) -> Node {
    let name: Name = format!("slot-{at:04}-{number:07}/").into();
    let labels = place.node.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
    let labels = labels.chain([("kubernetes.io/hostname".into(), name.clone())]).collect();
    Node { name, labels: Labels::new(labels), allocatable: Resources::default(), ..place.node.clone() }
}
