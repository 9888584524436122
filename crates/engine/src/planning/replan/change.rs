//! Carries one changed object into what is kept: the old one is taken out, the snapshot is changed, the new one put in.

use model::{Name, Node, Pod, PodDisruptionBudget, Price, Prices, Snapshot, Unpriced, Workload};

use crate::state::Holds;

use super::kept::{Kept, Live};
use super::pods;
use super::scope::Scope;
use super::{Replanner, Why};

/// One object as it is now, as a watch tells it. A pod's workload is named by its place in the snapshot's list.
#[derive(Clone, Debug)]
pub enum Change {
    /// A pod, new or known by its namespace and name.
    Pod(Box<Pod>),
    /// A pod that is no more.
    PodGone {
        /// metadata.namespace.
        namespace: Name,
        /// metadata.name.
        name: Name,
    },
    /// A budget, new or known by its namespace and name.
    Budget(PodDisruptionBudget),
    /// A workload, new or known by its reference.
    Workload(Workload),
    /// A node, new or known by its name, with its price.
    Node(Box<Node>, Result<Price, Unpriced>),
    /// A node that is no more.
    NodeGone(Name),
}

/// What a change bears on, beside what rules count.
#[derive(Default)]
pub(super) struct Touched {
    pub scope: Scope,
    /// Pods that may or may not be evicted now, other than before; the changed one is among them.
    pub pods: Vec<u32>,
    /// Nodes on which, or to which, something is otherwise.
    pub nodes: Vec<usize>,
    /// The step that the changed pod had: in which wave, and where to.
    pub step: Option<(usize, u32)>,
    /// Namespace and name of that pod.
    pub dropped: Option<(Name, Name)>,
    /// The changed pod, where it is there.
    pub pod: Option<u32>,
}

/// Where an object of a sorted list is, or where it belongs.
type Place = Result<usize, usize>;

impl Change {
    /// Before the snapshot is changed: takes out what is no more as it was.
    pub(super) fn leave(&self, replanner: &mut Replanner, kept: &mut Kept) -> Result<Touched, Why> {
        let Replanner { snapshot, prices, policy, .. } = replanner;
        let mut touched = Touched::default();
        kept.left = None;
        match self {
            Change::Pod(pod) => {
                if let Ok(at) = place_of_pod(snapshot, &pod.namespace, &pod.name) {
                    kept.with(snapshot, prices, policy, |live| pods::take_out(live, at, &mut touched))?;
                    kept.remove_pod(at, &snapshot.pods[at]);
                }
            }
            Change::PodGone { namespace, name } => {
                let at = place_of_pod(snapshot, namespace, name).map_err(|_| "nobody knows the pod")?;
                kept.with(snapshot, prices, policy, |live| pods::take_out(live, at, &mut touched))?;
                kept.remove_pod(at, &snapshot.pods[at]);
            }
            Change::Budget(budget) => {
                let at = place_of_budget(snapshot, budget).map_err(|_| "the budget is new")?;
                if snapshot.budgets[at].selector != budget.selector {
                    return Err("the budget covers other pods");
                }
            }
            Change::Workload(workload) => {
                let at = place_of_workload(snapshot, workload).ok_or("the workload is new")?;
                if policy.keep_zones && snapshot.workloads[at].replicas != workload.replicas {
                    return Err("zones are kept by the number of replicas");
                }
            }
            Change::Node(node, price) => {
                let at = place_of_node(snapshot, &node.name).map_err(|_| "the node is new")?;
                if prices.of(at).is_some() != price.is_ok() {
                    return Err("the node had no price, or has none any more");
                }
                let old = &snapshot.nodes[at];
                if !is_cordoned_or_not(old, node) {
                    return Err("more of the node has changed than its cordon");
                }
                let has_taint = node.taints.iter().any(|taint| &*taint.key == model::node::UNSCHEDULABLE_TAINT);
                if has_taint != node.unschedulable {
                    return Err("the node is cordoned by half");
                }
                if old.unschedulable && !node.unschedulable && !kept.cordoned.contains(&(at as u32)) {
                    return Err("the node was cordoned when all was planned");
                }
            }
            Change::NodeGone(_) => return Err("a node is gone"),
        }
        Ok(touched)
    }

    /// Puts the object into the snapshot, or takes it out.
    pub(super) fn apply(self, snapshot: &mut Snapshot, prices: &mut Prices) -> Place {
        match self {
            Change::Pod(pod) => {
                let place = place_of_pod(snapshot, &pod.namespace, &pod.name);
                put(&mut snapshot.pods, place, *pod)
            }
            Change::PodGone { namespace, name } => {
                let place = place_of_pod(snapshot, &namespace, &name);
                place.inspect(|at| drop(snapshot.pods.remove(*at)))
            }
            Change::Budget(budget) => {
                let place = place_of_budget(snapshot, &budget);
                put(&mut snapshot.budgets, place, budget)
            }
            Change::Workload(workload) => {
                // Pods name workloads by their places: a new one comes last.
                let place = place_of_workload(snapshot, &workload).ok_or(snapshot.workloads.len());
                put(&mut snapshot.workloads, place, workload)
            }
            Change::Node(node, price) => {
                let place = place_of_node(snapshot, &node.name);
                let node = put(&mut snapshot.nodes, place, *node);
                put(&mut prices.nodes, node, price)
            }
            Change::NodeGone(name) => {
                let place = place_of_node(snapshot, &name);
                if let Ok(at) = place {
                    snapshot.nodes.remove(at);
                    drop(prices.nodes.remove(at));
                }
                place
            }
        }
    }
}

/// What kind of object changed, and where it is now.
#[derive(Clone, Copy)]
pub(super) enum Changed {
    Pod,
    PodGone,
    Budget,
    Workload,
    Node,
}

impl From<&Change> for Changed {
    fn from(change: &Change) -> Changed {
        match change {
            Change::Pod(_) => Changed::Pod,
            Change::PodGone { .. } => Changed::PodGone,
            Change::Budget(_) => Changed::Budget,
            Change::Workload(_) => Changed::Workload,
            Change::Node(..) | Change::NodeGone(_) => Changed::Node,
        }
    }
}

impl Changed {
    /// With the snapshot changed: puts in what is there now.
    pub(super) fn enter(
        self,
        replanner: &Replanner,
        kept: &mut Kept,
        at: usize,
        touched: &mut Touched,
    ) -> Result<(), Why> {
        let Replanner { snapshot, prices, policy, .. } = replanner;
        let number = at as u32;
        match self {
            Changed::Pod => {
                kept.insert_pod(snapshot, policy, at)?;
                kept.with(snapshot, prices, policy, |live| pods::put_in(live, at, touched));
                touched.pods.push(number);
                touched.pod = Some(number);
                let workload = snapshot.pods[at].workload;
                touched.pods.extend(kept.pods_of(workload));
            }
            Changed::PodGone => {
                let left = kept.left.as_ref().map(|left| (left.pod.workload, left.ready));
                let (workload, ready) = left.unwrap_or_default();
                kept.survives_as_before(workload, ready)?;
                touched.pods.extend(kept.pods_of(workload));
            }
            Changed::Budget => {
                touched.scope.budgets.insert(number);
                let is_covered = |pod: &u32| kept.counted.budgets.of(*pod as usize).contains(&number);
                touched.pods.extend((0..snapshot.pods.len() as u32).filter(is_covered));
            }
            Changed::Workload => {
                touched.scope.workloads.insert(number);
                touched.pods.extend(kept.pods_of(Some(number)));
            }
            Changed::Node => {
                let is_cordoned = snapshot.nodes[at].unschedulable;
                if is_cordoned && !kept.cordoned.contains(&number) {
                    kept.cordoned.insert(number);
                    kept.with(snapshot, prices, policy, |live| cordon(live, at, true));
                } else if !is_cordoned && kept.cordoned.remove(&number) {
                    kept.with(snapshot, prices, policy, |live| cordon(live, at, false));
                }
                // Spread constraints may count it no more.
                touched.scope.spread.extend(kept.with(snapshot, prices, policy, |live| {
                    let cluster = live.problem.cluster;
                    let groups = 0..cluster.spread_groups.len() as u32;
                    let leaves = |group: &u32| {
                        cluster.spread_groups[*group as usize].leaves_when_cordoned
                            && live.goal.state.is_domain_of(*group, at)
                    };
                    groups.filter(leaves).collect::<Vec<u32>>()
                }));
                touched.nodes.push(at);
            }
        }
        touched.pods.sort_unstable();
        touched.pods.dedup();
        touched.nodes.sort_unstable();
        touched.nodes.dedup();
        touched.scope.nodes.extend(&touched.nodes);
        kept.renew_blockers(snapshot, prices, policy, &touched.pods)
    }
}

/// A cordon is to what is planned what it is to the scheduler: the node takes nothing more.
fn cordon(live: &mut Live<'_>, node: usize, close: bool) {
    let seen: Vec<(usize, Holds)> =
        live.problem.cluster.pods_on[node].iter().map(|pod| (*pod as usize, Holds::AsSeen)).collect();
    let planned = live.goal.on_node(node);
    if live.goal.removed.contains(&(node as u32)) {
        return;
    }
    for (state, on_node) in [(&mut live.holding, &seen), (&mut live.leaving, &seen), (&mut live.goal.state, &planned)] {
        if close { state.cordon(node, on_node) } else { state.uncordon(node, on_node) }
    }
}

/// Are the two the same but for the cordon, as the field and as the taint that goes with it?
fn is_cordoned_or_not(old: &Node, new: &Node) -> bool {
    let without = |node: &Node| {
        let mut node = Node { unschedulable: false, ..node.clone() };
        node.taints.retain(|taint| &*taint.key != model::node::UNSCHEDULABLE_TAINT);
        node
    };
    without(old) == without(new)
}

fn put<T>(list: &mut Vec<T>, place: Place, item: T) -> Place {
    match place {
        Ok(at) => list[at] = item,
        Err(at) => list.insert(at, item),
    }
    place
}

fn place_of_pod(snapshot: &Snapshot, namespace: &str, name: &str) -> Place {
    snapshot.pods.binary_search_by(|pod| (&*pod.namespace, &*pod.name).cmp(&(namespace, name)))
}

fn place_of_node(snapshot: &Snapshot, name: &str) -> Place {
    snapshot.nodes.binary_search_by(|node| (*node.name).cmp(name))
}

fn place_of_budget(snapshot: &Snapshot, budget: &PodDisruptionBudget) -> Place {
    let key = |budget: &PodDisruptionBudget| (budget.namespace.clone(), budget.name.clone());
    snapshot.budgets.binary_search_by(|known| key(known).cmp(&key(budget)))
}

fn place_of_workload(snapshot: &Snapshot, workload: &Workload) -> Option<usize> {
    snapshot.workloads.iter().position(|known| known.reference == workload.reference)
}
