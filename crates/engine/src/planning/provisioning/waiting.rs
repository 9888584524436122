//! The pods that wait: by what they ask, and within that by what their rules ask.

use std::collections::BTreeMap;

use crate::bound::Asked;
use crate::cluster::{Class, Cluster, PODS};

/// Pods of one class.
pub(super) struct Kind {
    pub class: u32,
    /// Those left, the next one last.
    pub pods: Vec<u32>,
    /// Some of its rules look at single nodes, so it is best spread thin over many.
    pub is_by_node: bool,
}

/// Kinds that ask for the same amounts and take the same places.
pub(super) struct Shape {
    /// By resource, the pod itself among them.
    pub amounts: Vec<i64>,
    /// Numbers of the places it takes: of those of one place, a node holds one.
    pub places: Vec<u32>,
    /// Indices of kinds; those whose rules ask most come first.
    pub kinds: Vec<usize>,
    /// How many pods are left.
    pub left: usize,
}

/// All pods that wait.
pub(super) struct Waiting {
    pub kinds: Vec<Kind>,
    pub shapes: Vec<Shape>,
    /// By place: how many pods wait for one.
    pub places: Vec<usize>,
}

impl Waiting {
    pub(super) fn new(cluster: &Cluster<'_>, pods: &[u32]) -> Waiting {
        let mut by_class: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for pod in pods {
            by_class.entry(cluster.pods[*pod as usize].class).or_default().push(*pod);
        }
        let mut kinds: Vec<Kind> = by_class
            .into_iter()
            .map(|(class, mut pods)| {
                pods.reverse();
                Kind { class, pods, is_by_node: is_by_node(cluster, &cluster.classes[class as usize]) }
            })
            .collect();
        // Numbers of classes depend on which pods there are; what is done here must not.
        kinds.sort_by_key(|kind| (demanding(cluster, kind), kind.pods.last().copied()));
        let mut terms: Vec<u32> = Vec::new();
        let mut shapes: BTreeMap<(Vec<i64>, Vec<u32>), Shape> = BTreeMap::new();
        for (at, kind) in kinds.iter().enumerate() {
            let class = &cluster.classes[kind.class as usize];
            let mut amounts = vec![0; cluster.resources];
            class.requests.iter().for_each(|(resource, amount)| amounts[*resource as usize] = (*amount).max(0));
            amounts[PODS] = 1;
            // Two terms of a pod may be alike.
            let mut places: Vec<u32> = one_per_node(cluster, class)
                .map(|term| match terms.iter().position(|known| *known == term) {
                    Some(at) => at as u32,
                    None => {
                        terms.push(term);
                        terms.len() as u32 - 1
                    }
                })
                .collect();
            places.sort_unstable();
            places.dedup();
            let shape = || Shape { amounts: amounts.clone(), places: places.clone(), kinds: Vec::new(), left: 0 };
            let shape = shapes.entry((amounts.clone(), places.clone())).or_insert_with(shape);
            shape.kinds.push(at);
            shape.left += kind.pods.len();
        }
        let shapes: Vec<Shape> = shapes.into_values().collect();
        let waiting = |place: u32| {
            let taking = shapes.iter().filter(|shape| shape.places.contains(&place));
            taking.map(|shape| shape.left).sum()
        };
        let places = (0..terms.len() as u32).map(waiting).collect();
        Waiting { kinds, shapes, places }
    }

    /// Takes the next pod of the kind.
    pub(super) fn take(&mut self, shape: usize, kind: usize) -> Option<u32> {
        let pod = self.kinds[kind].pods.pop()?;
        let shape = &mut self.shapes[shape];
        shape.left -= 1;
        shape.places.iter().for_each(|place| self.places[*place as usize] -= 1);
        if self.kinds[kind].pods.is_empty() {
            shape.kinds.retain(|other| *other != kind);
        }
        Some(pod)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shapes.iter().all(|shape| shape.left == 0)
    }

    /// What each kind asks. `groups` says where pods of a class may be.
    pub(super) fn asked(&self, groups: impl Fn(u32) -> Vec<u32>) -> Vec<Asked> {
        let mut asked: Vec<(usize, Asked)> = Vec::new();
        for shape in &self.shapes {
            asked.extend(shape.kinds.iter().map(|kind| {
                let Kind { class, pods, .. } = &self.kinds[*kind];
                let (amounts, places) = (shape.amounts.clone(), shape.places.clone());
                (*kind, Asked { groups: groups(*class), amounts, places, pods: pods.len() })
            }));
        }
        asked.sort_by_key(|(kind, _)| *kind);
        asked.into_iter().map(|(_, asked)| asked).collect()
    }
}

/// What asks most of where its pods are comes first: of single nodes, then of zones and the like, then nothing.
fn demanding(cluster: &Cluster<'_>, kind: &Kind) -> u8 {
    let class = &cluster.classes[kind.class as usize];
    match class.looks_at_others() {
        _ if kind.is_by_node => 0,
        true => 1,
        false => 2,
    }
}

fn is_by_node(cluster: &Cluster<'_>, class: &Class) -> bool {
    let by_node = |topology: u32| cluster.topologies[topology as usize].is_by_node();
    let spread = class.spread.iter().any(|constraint| cluster.topology_of_spread(constraint.group).is_by_node());
    let affinity = class.affinity.map(|(group, _)| &cluster.affinity_groups[group as usize].topologies);
    let terms = class.anti_affinity.iter().chain(&class.repelled_by);
    let mut terms = terms.map(|term| cluster.anti_affinity_terms[*term as usize].topology);
    spread || affinity.into_iter().flatten().any(|topology| by_node(*topology)) || terms.any(by_node)
}

/// Anti-affinity terms over nodes by which pods of the class keep each other away.
fn one_per_node<'c>(cluster: &'c Cluster<'_>, class: &'c Class) -> impl Iterator<Item = u32> + 'c {
    let by_node = |term: &&u32| {
        let topology = cluster.anti_affinity_terms[**term as usize].topology;
        cluster.topologies[topology as usize].is_by_node()
    };
    class.anti_affinity.iter().filter(|term| class.counted_in_anti_affinity.contains(term)).filter(by_node).copied()
}
