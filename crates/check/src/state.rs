//! The cluster at one moment: which nodes are there, and which pod is on which.

use std::borrow::Cow;
use std::rc::Rc;

use model::{AddedNode, Labels, Name, Node, Pod, PodSpec, Snapshot};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::filters;
use crate::rule::Rejection;
use crate::tally::{Counted, Neighbours, Standing, Tallies};
use crate::verify;

/// The cluster at one moment. Pods and nodes go by their index in the snapshot; what a plan adds comes after them.
pub struct State<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) nodes: Vec<NodeState<'a>>,
    pub(crate) pods: Vec<PodState<'a>>,
    pub(crate) tallies: Tallies,
    /// How many pods on nodes use each claim by name, for ReadWriteOncePod.
    pub(crate) claim_users: FxHashMap<(Name, Name), u32>,
    /// The volumes attached to each node, as VolumeAttachments tell.
    pub(crate) attached: FxHashMap<usize, Vec<usize>>,
    node_index: FxHashMap<Name, usize>,
    /// What pods ask of their neighbours, by spec and class. Specs are held by `pods`, so their addresses stay.
    neighbours: FxHashMap<(*const PodSpec, usize), Rc<Neighbours>>,
}

/// One node and what is on it.
pub(crate) struct NodeState<'a> {
    pub node: Cow<'a, Node>,
    pub is_gone: bool,
    pub used: Used,
    /// Pods on the node, those included that left in this wave.
    pub pods: Vec<usize>,
}

/// Sums of requests. Wider than the amounts themselves, so that no sum of absurd ones overflows or saturates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Used {
    pub cpu: i128,
    pub memory: i128,
    pub ephemeral_storage: i128,
    pub scalar: FxHashMap<Name, i128>,
}

/// One pod and where it is.
pub(crate) struct PodState<'a> {
    pub pod: Cow<'a, Pod>,
    pub seats: Vec<Seat>,
    class: usize,
    /// Tallies of its own anti-affinity terms.
    holds: Rc<[usize]>,
}

/// A place on a node that a pod takes. Within a wave a pod that moves has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub node: usize,
    pub standing: Standing,
    /// It is the replacement, which holds what its spec asks for.
    pub is_new: bool,
    class: usize,
}

impl<'a> State<'a> {
    /// The cluster as the snapshot shows it.
    pub fn new(snapshot: &'a Snapshot) -> State<'a> {
        State::with(snapshot, snapshot.nodes.iter().map(Cow::Borrowed).collect(), Vec::new())
    }

    /// The same with nodes more that were bought, each with its daemons.
    pub fn with_added(snapshot: &'a Snapshot, added: &'a [AddedNode]) -> State<'a> {
        verify::with_added(snapshot, snapshot.nodes.iter().map(Cow::Borrowed).collect(), added)
    }

    /// With these nodes, which begin with the snapshot's in its order, and these pods more.
    pub(crate) fn with(snapshot: &'a Snapshot, nodes: Vec<Cow<'a, Node>>, more_pods: Vec<Pod>) -> State<'a> {
        let node_index: FxHashMap<Name, usize> =
            nodes.iter().enumerate().rev().map(|(at, node)| (node.name.clone(), at)).collect();
        let mut state = State {
            snapshot,
            pods: Vec::new(),
            tallies: Tallies::default(),
            claim_users: FxHashMap::default(),
            attached: attached(snapshot, &node_index),
            node_index,
            nodes: nodes
                .into_iter()
                .map(|node| NodeState { node, is_gone: false, used: Used::default(), pods: Vec::new() })
                .collect(),
            neighbours: FxHashMap::default(),
        };
        let pods: Vec<Cow<'a, Pod>> =
            snapshot.pods.iter().map(Cow::Borrowed).chain(more_pods.into_iter().map(Cow::Owned)).collect();
        state.meet(pods);
        for pod in 0..state.pods.len() {
            let on = state.pods[pod].pod.node.as_ref().and_then(|name| state.node_index(name));
            if let Some(node) = on.filter(|_| !state.pods[pod].pod.is_finished()) {
                let class = state.pods[pod].class;
                state.seat(pod, Seat { node, standing: Standing::Certain, is_new: false, class });
            }
        }
        state
    }

    /// Why the node does not take the pod, were the pod pending: itself taken out first.
    pub fn rejects(&mut self, pod: usize, node: usize) -> Option<Rejection> {
        self.without(pod, |state| filters::rejects(state, pod, node))
    }

    /// Why the node does not take the pod's replacement while the pod itself is still there.
    pub(crate) fn rejects_beside(&mut self, pod: usize, node: usize) -> Option<Rejection> {
        let seats = self.pods[pod].seats.clone();
        let old = seats.iter().find(|seat| !seat.is_new).map(|seat| Seat { standing: Standing::Certain, ..*seat });
        self.without(pod, |state| {
            old.into_iter().for_each(|seat| state.seat(pod, seat));
            let rejection = filters::rejects(state, pod, node);
            old.into_iter().for_each(|seat| state.unseat(pod, seat));
            rejection
        })
    }

    /// The nodes that take the pod, were it pending.
    pub fn fitting_nodes(&mut self, pod: usize) -> Vec<usize> {
        self.without(pod, |state| {
            (0..state.nodes.len()).filter(|node| filters::rejects(state, pod, *node).is_none()).collect()
        })
    }

    /// The index of a node that is there.
    pub fn node_index(&self, name: &str) -> Option<usize> {
        self.node_index.get(name).copied().filter(|node| !self.nodes[*node].is_gone)
    }

    /// Puts a pod on a node, whatever the rules say; it leaves the node where it was.
    pub fn place(&mut self, pod: usize, node: usize) {
        while let Some(seat) = self.pods[pod].seats.last().copied() {
            self.unseat(pod, seat);
        }
        self.relabel(pod, node);
        let class = self.pods[pod].class;
        self.seat(pod, Seat { node, standing: Standing::Certain, is_new: true, class });
    }

    /// Takes a pod off its node.
    pub fn take_off(&mut self, pod: usize) {
        while let Some(seat) = self.pods[pod].seats.last().copied() {
            self.unseat(pod, seat);
        }
    }

    /// Takes a node away, with all that is on it.
    pub fn remove_node(&mut self, node: usize) {
        for pod in self.nodes[node].pods.clone() {
            let here: Vec<Seat> = self.pods[pod].seats.iter().copied().filter(|seat| seat.node == node).collect();
            for seat in here {
                self.unseat(pod, seat);
            }
        }
        self.nodes[node].is_gone = true;
        self.tallies.forget_node(node);
    }

    /// Does something with the pod taken out, and puts it back.
    pub(crate) fn without<T>(&mut self, pod: usize, ask: impl FnOnce(&mut State<'a>) -> T) -> T {
        let seats = self.pods[pod].seats.clone();
        for seat in &seats {
            self.unseat(pod, *seat);
        }
        let answer = ask(self);
        for seat in seats {
            self.seat(pod, seat);
        }
        answer
    }

    /// The pod is evicted, and holds all it has where it is until [`State::release`]. Its replacement takes its seat on
    /// `node`.
    pub(crate) fn replace(&mut self, pod: usize, node: usize) {
        for seat in self.pods[pod].seats.clone() {
            self.unseat(pod, seat);
            self.seat(pod, Seat { standing: Standing::Leaving, ..seat });
        }
        self.relabel(pod, node);
        let class = self.pods[pod].class;
        self.seat(pod, Seat { node, standing: Standing::Certain, is_new: true, class });
    }

    /// From now on every order of the wave's steps is meant: the old pod may still be there, and the replacement too.
    pub(crate) fn doubt(&mut self, pod: usize) {
        for seat in self.pods[pod].seats.clone() {
            self.unseat(pod, seat);
            self.seat(pod, Seat { standing: Standing::Doubtful, ..seat });
        }
    }

    /// The wave is over: the evicted pod is gone, its volumes are detached, and its replacement is there.
    pub(crate) fn release(&mut self, pod: usize) {
        for seat in self.pods[pod].seats.clone() {
            self.unseat(pod, seat);
            if seat.is_new {
                self.seat(pod, Seat { standing: Standing::Certain, ..seat });
            } else {
                self.detach(pod, seat.node);
            }
        }
    }

    /// What the pod asks of its neighbours.
    pub(crate) fn neighbours(&mut self, pod: usize) -> Rc<Neighbours> {
        let PodState { pod, class, .. } = &self.pods[pod];
        let key = (std::sync::Arc::as_ptr(&pod.spec), *class);
        if let Some(known) = self.neighbours.get(&key) {
            return known.clone();
        }
        let nodes: Vec<Option<&Node>> = self.nodes.iter().map(|node| node.present()).collect();
        let made = Rc::new(self.tallies.neighbours(self.snapshot, &nodes, *class, &pod.spec));
        self.neighbours.insert(key, made.clone());
        made
    }

    /// Lists the pods, each with its class and the tallies of its terms, before any of them is counted.
    fn meet(&mut self, pods: Vec<Cow<'a, Pod>>) {
        let nodes: Vec<Option<&Node>> = self.nodes.iter().map(|node| node.present()).collect();
        let none: Rc<[usize]> = Rc::new([]);
        let mut known: FxHashMap<(*const PodSpec, Name), Rc<[usize]>> = FxHashMap::default();
        for pod in pods {
            let class = self.tallies.class(self.snapshot, &pod.namespace, &pod.labels);
            let terms = &pod.spec.pod_anti_affinity;
            let holds = if terms.is_empty() {
                none.clone()
            } else {
                known
                    .entry((std::sync::Arc::as_ptr(&pod.spec), pod.namespace.clone()))
                    .or_insert_with(|| self.tallies.holder_tallies(&nodes, &pod.namespace, terms).into())
                    .clone()
            };
            self.pods.push(PodState { pod, seats: Vec::new(), class, holds });
        }
    }

    fn seat(&mut self, pod: usize, seat: Seat) {
        self.nodes[seat.node].pods.push(pod);
        self.pods[pod].seats.push(seat);
        self.count(pod, seat, 1);
    }

    fn unseat(&mut self, pod: usize, seat: Seat) {
        let on_node = &mut self.nodes[seat.node].pods;
        if let Some(at) = on_node.iter().rposition(|other| *other == pod) {
            on_node.remove(at);
        }
        if let Some(at) = self.pods[pod].seats.iter().position(|other| *other == seat) {
            self.pods[pod].seats.remove(at);
        }
        self.count(pod, seat, -1);
    }

    fn count(&mut self, pod: usize, seat: Seat, by: i64) {
        let PodState { pod, holds, .. } = &self.pods[pod];
        let used = &mut self.nodes[seat.node].used;
        let held = if seat.is_new { &pod.requests } else { &pod.held };
        used.cpu += i128::from(held.cpu) * i128::from(by);
        used.memory += i128::from(held.memory) * i128::from(by);
        used.ephemeral_storage += i128::from(held.ephemeral_storage) * i128::from(by);
        for (name, amount) in &held.scalar {
            *used.scalar.entry(name.clone()).or_default() += i128::from(*amount) * i128::from(by);
        }
        for volume in &pod.spec.volumes {
            if let model::Volume::Claim { claim } = volume {
                let users = self.claim_users.entry((pod.namespace.clone(), claim.clone())).or_default();
                *users = if by > 0 { *users + 1 } else { users.saturating_sub(1) };
            }
        }
        // A replacement is a new pod: it is not being deleted, even where its forerunner was.
        let terminating = pod.terminating && !seat.is_new;
        let counted = Counted { class: seat.class, node: seat.node, terminating, standing: seat.standing };
        self.tallies.count(counted, holds, by);
    }

    /// Binding copies the node's zone and region onto the pod (since 1.35), so a replacement has those of its node.
    pub(crate) fn relabel(&mut self, pod: usize, node: usize) {
        const COPIED: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];
        let labels = &self.pods[pod].pod.labels;
        let node_labels = &self.nodes[node].node.labels;
        if COPIED.iter().all(|key| labels.get(key).is_none() || labels.get(key) == node_labels.get(key)) {
            return;
        }
        let relabelled = labels
            .iter()
            .filter_map(|(key, value)| match COPIED.contains(&&**key) {
                true => node_labels.get(key).map(|value| (key.clone(), value.clone())),
                false => Some((key.clone(), value.clone())),
            })
            .collect();
        self.pods[pod].pod.to_mut().labels = Labels::new(relabelled);
        let PodState { pod: relabelled, class, .. } = &mut self.pods[pod];
        *class = self.tallies.class(self.snapshot, &relabelled.namespace, &relabelled.labels);
    }

    /// Attachments of the pod's volumes to a node that no other pod there uses are undone.
    fn detach(&mut self, pod: usize, node: usize) {
        if !self.attached.contains_key(&node) {
            return;
        }
        let volumes_of = |pod: usize| -> FxHashSet<Name> {
            let pod = &self.pods[pod].pod;
            let claims = pod.claims().filter_map(|claim| self.snapshot.claims.get(&(pod.namespace.clone(), claim)));
            claims.map(|claim| claim.volume.clone()).collect()
        };
        let mut left = volumes_of(pod);
        for other in &self.nodes[node].pods {
            left.retain(|volume| !volumes_of(*other).contains(volume));
        }
        let attachments = &self.snapshot.volume_attachments;
        if let Some(attached) = self.attached.get_mut(&node) {
            attached.retain(|at| attachments[*at].volume.as_ref().is_none_or(|volume| !left.contains(volume)));
        }
    }
}

impl NodeState<'_> {
    /// The node, unless it is gone.
    pub fn present(&self) -> Option<&Node> {
        (!self.is_gone).then_some(&*self.node)
    }
}

fn attached(snapshot: &Snapshot, node_index: &FxHashMap<Name, usize>) -> FxHashMap<usize, Vec<usize>> {
    let mut attached: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
    for (at, attachment) in snapshot.volume_attachments.iter().enumerate() {
        if let Some(node) = node_index.get(&attachment.node) {
            attached.entry(*node).or_default().push(at);
        }
    }
    attached
}
