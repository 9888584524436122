//! How a change of requests reaches the pods of a workload: in place, by new pods, or not at all.

use std::fmt;

use model::{Name, Pod, Snapshot};

use super::Resource;

/// Memory in use may come so near to what is asked for, and no nearer, in percent: what uses more than it asks for is the
/// first to be evicted, and what reaches its limit is killed.
const MOST_USED_PERCENT: i128 = 90;

/// What is known of a workload whose requests are to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The policy lets running pods be resized.
    pub allow_in_place: bool,
    /// The policy lets the template be changed.
    pub allow_recreate: bool,
    /// The API server resizes pods.
    pub in_place_is_served: bool,
    /// We may.
    pub may_resize: bool,
    /// Its kind has a template that can change: Deployment, StatefulSet, DaemonSet.
    pub has_template: bool,
    /// We may change that.
    pub may_change_template: bool,
    /// What keeps its pods from being resized where they are.
    pub in_the_way: Option<InTheWay>,
}

/// What keeps pods from being resized where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InTheWay {
    /// The pod uses more memory, or nearly so much.
    InUse {
        /** The pod. */
        pod: Name,
        /** Bytes that it uses. */
        used: i64,
        /** Bytes that its containers are to ask for, together. */
        asked: i64,
    },
    /// Nobody knows how much memory the pod uses.
    UseUnknown {
        /** The pod. */
        pod: Name,
    },
    /// The pod's node has no room for more.
    NoRoom {
        /** The node. */
        node: Name,
        /** Of what. */
        resource: Resource,
    },
}

/// How a change reaches the pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// Running pods are resized.
    InPlace,
    /// The template changes, and its controller replaces the pods.
    Recreate,
    /// It does not, and why.
    Skip(Vec<Obstacle>),
}

/// Why a change does not reach the pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// updateStrategy.allowInPlaceResize is false.
    InPlaceNotAllowed,
    /// The API server does not serve pods/resize.
    InPlaceNotServed,
    /// The right to patch pods/resize is missing.
    MayNotResize,
    /// See there.
    InTheWay(InTheWay),
    /// updateStrategy.allowRecreate is false.
    RecreateNotAllowed,
    /// Its kind has no template that could change.
    NoTemplate,
    /// The right to patch the workload is missing.
    MayNotChangeTemplate,
}

/// In place before anything else; by new pods only where that is allowed; else not at all, with every reason.
pub fn method(circumstances: &Circumstances) -> Method {
    let Circumstances { allow_in_place, allow_recreate, in_place_is_served, may_resize, .. } = *circumstances;
    let mut obstacles = Vec::new();
    if !allow_in_place {
        obstacles.push(Obstacle::InPlaceNotAllowed);
    } else if !in_place_is_served {
        obstacles.push(Obstacle::InPlaceNotServed);
    } else if !may_resize {
        obstacles.push(Obstacle::MayNotResize);
    } else if let Some(in_the_way) = &circumstances.in_the_way {
        obstacles.push(Obstacle::InTheWay(in_the_way.clone()));
    } else {
        return Method::InPlace;
    }
    if !allow_recreate {
        obstacles.push(Obstacle::RecreateNotAllowed);
    } else if !circumstances.has_template {
        obstacles.push(Obstacle::NoTemplate);
    } else if !circumstances.may_change_template {
        obstacles.push(Obstacle::MayNotChangeTemplate);
    } else {
        return Method::Recreate;
    }
    Method::Skip(obstacles)
}

/// What keeps these pods from asking for `change` more or less than they do (millicores, bytes), where they are. `used` is
/// the memory that a pod uses, where somebody knows.
pub fn in_the_way(
    snapshot: &Snapshot,
    pods: &[&Pod],
    change: impl Fn(&Pod) -> [i64; 2],
    used: impl Fn(&Pod) -> Option<i64>,
) -> Option<InTheWay> {
    let mut more: std::collections::BTreeMap<&Name, [i64; 2]> = std::collections::BTreeMap::new();
    for pod in pods {
        let [cpu, memory] = change(pod);
        if memory < 0 {
            let asked = pod.requests.memory.saturating_add(memory);
            match used(pod) {
                None => return Some(InTheWay::UseUnknown { pod: pod.name.clone() }),
                Some(used) if i128::from(used) * 100 > i128::from(asked) * MOST_USED_PERCENT => {
                    return Some(InTheWay::InUse { pod: pod.name.clone(), used, asked });
                }
                Some(_) => {}
            }
        }
        if let Some(node) = &pod.node {
            let of_node = more.entry(node).or_default();
            of_node[0] = of_node[0].saturating_add(cpu);
            of_node[1] = of_node[1].saturating_add(memory);
        }
    }
    more.retain(|_, [cpu, memory]| *cpu > 0 || *memory > 0);
    if more.is_empty() {
        return None;
    }
    let mut held: std::collections::BTreeMap<&Name, [i64; 2]> = std::collections::BTreeMap::new();
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        if let Some(node) = pod.node.as_ref().filter(|node| more.contains_key(node)) {
            let of_node = held.entry(node).or_default();
            of_node[0] = of_node[0].saturating_add(pod.held.cpu);
            of_node[1] = of_node[1].saturating_add(pod.held.memory);
        }
    }
    for (name, more) in more {
        let node = snapshot.node(name)?;
        let allocatable = [node.allocatable.cpu, node.allocatable.memory];
        let held = held.get(name).copied().unwrap_or_default();
        for resource in Resource::ALL {
            let at = resource.index();
            if more[at] > 0 && held[at].saturating_add(more[at]) > allocatable[at] {
                return Some(InTheWay::NoRoom { node: name.clone(), resource });
            }
        }
    }
    None
}

impl Obstacle {
    /// For machines, in CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Obstacle::InPlaceNotAllowed => "InPlaceNotAllowed",
            Obstacle::InPlaceNotServed => "InPlaceNotServed",
            Obstacle::MayNotResize | Obstacle::MayNotChangeTemplate => "RightsMissing",
            Obstacle::InTheWay(InTheWay::NoRoom { .. }) => "NoRoom",
            Obstacle::InTheWay(_) => "MemoryInUse",
            Obstacle::RecreateNotAllowed => "RecreateNotAllowed",
            Obstacle::NoTemplate => "NoTemplate",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::InPlaceNotAllowed => f.write_str("updateStrategy.allowInPlaceResize is false"),
            Obstacle::InPlaceNotServed => {
                f.write_str("the API server does not resize pods: Kubernetes 1.33 is the first that does by default")
            }
            Obstacle::MayNotResize => f.write_str("the right to patch pods/resize is missing"),
            Obstacle::InTheWay(InTheWay::InUse { pod, used, asked }) => {
                let words = |bytes: i64| Resource::Memory.words(bytes as f64);
                write!(f, "pod {pod} uses {} of the {} that it would ask for", words(*used), words(*asked))
            }
            Obstacle::InTheWay(InTheWay::UseUnknown { pod }) => {
                write!(f, "nobody knows how much memory pod {pod} uses now")
            }
            Obstacle::InTheWay(InTheWay::NoRoom { node, resource }) => {
                write!(f, "node {node} has no room for more {resource}")
            }
            Obstacle::RecreateNotAllowed => f.write_str("updateStrategy.allowRecreate is false"),
            Obstacle::NoTemplate => f.write_str("its kind has no template that could change"),
            Obstacle::MayNotChangeTemplate => f.write_str("the right to patch the workload is missing"),
        }
    }
}
