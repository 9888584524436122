//! Pods that a premise leaves waiting, placed where there is room: the scheduler does that before anybody plans.

use model::{Phase, Pod, Snapshot};

use super::World;
use crate::cluster::Cluster;
use crate::planning::{Problem, pending};

/// The world with pods on nodes that wait in it, and did not wait `before`.
pub(super) fn settled(world: &World, before: &Snapshot) -> World {
    let cluster = Cluster::new(&world.snapshot);
    let problem = Problem::new(&cluster, &world.prices, &world.policy);
    let start = pending::start(&problem);
    let mut settled = world.clone();
    let waited = |pod: &Pod| before.pod(&pod.namespace, &pod.name).is_some_and(Pod::is_unbound);
    for (number, pod) in settled.snapshot.pods.iter_mut().enumerate() {
        if let Some(node) = start.at[number].filter(|_| pod.is_unbound() && !waited(pod)) {
            pod.node = Some(world.snapshot.nodes[node as usize].name.clone());
            pod.phase = Phase::Running;
            pod.ready = true;
            pod.held = pod.requests.clone();
        }
    }
    settled
}
