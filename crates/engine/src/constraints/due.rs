//! Is a saving due to the lift? A search may find by chance what it could have found without.

use model::Plan;

use crate::planning::Problem;
use crate::planning::placement::Placement;

/// Does the plan, made in a lifted world, do what may not be done in this one: move a pod or take a node that has to
/// stay, or put a pod where it may not be?
pub(super) fn to_the_lift(problem: &Problem<'_>, plan: &Plan) -> bool {
    let snapshot = problem.snapshot();
    if !plan.nodes.add.is_empty() {
        // What it buys is not there to ask.
        return true;
    }
    let node = |name: &model::Name| snapshot.nodes.binary_search_by(|node| node.name.cmp(name)).ok();
    let removed: Vec<usize> = plan.nodes.remove.iter().filter_map(node).collect();
    if removed.iter().any(|node| problem.node_blockers[*node].is_some()) {
        return true;
    }
    let mut placement = Placement::of_snapshot(problem);
    let mut moved = Vec::with_capacity(plan.migrations.len());
    for step in &plan.migrations {
        let key = (&*step.namespace, &*step.pod);
        let pod = snapshot.pods.binary_search_by(|pod| (&*pod.namespace, &*pod.name).cmp(&key));
        let (Ok(pod), Some(to)) = (pod, node(&step.to_node)) else { return true };
        if problem.pod_blockers[pod].is_some() {
            return true;
        }
        placement.lift(pod);
        moved.push((pod, to));
    }
    for (pod, to) in &moved {
        placement.set(*pod, *to);
    }
    for node in removed {
        placement.state.cordon(node, &placement.on_node(node));
        placement.remove_node(node);
    }
    moved.into_iter().any(|(pod, to)| {
        placement.lift(pod);
        let fits = placement.fits(pod, to) && problem.zone_allows(problem.zone_kept(pod), to);
        placement.set(pod, to);
        !fits
    })
}
