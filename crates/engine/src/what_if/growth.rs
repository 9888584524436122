//! Growth: workloads get more replicas. Requests stay as they are: what scales out with load are pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Pod, Resources, Snapshot, Volume};

use super::nodes;

/// The whole grows by so many percent, to a pod: what one workload's share lacks to a whole pod is carried on to the
/// next. Daemons and Jobs do not grow.
pub(super) fn apply(snapshot: &mut Snapshot, percent: u32) -> Option<String> {
    let mut first_of: BTreeMap<u32, usize> = BTreeMap::new();
    let mut seen: BTreeMap<u32, i64> = BTreeMap::new();
    for (number, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| grows(snapshot, pod)) {
        let Some(workload) = pod.workload else { continue };
        first_of.entry(workload).or_insert(number);
        *seen.entry(workload).or_default() += 1;
    }
    let (mut so_far, mut added) = (0_i128, Vec::new());
    for (workload, first) in first_of {
        let replicas = seen.get(&workload).copied().unwrap_or(0);
        let whole = |pods: i128| pods * i128::from(percent) / 100;
        let before = whole(so_far);
        so_far += i128::from(replicas);
        let more = whole(so_far) - before;
        let model = snapshot.pods[first].clone();
        added.extend((1..=more).map(|count| another(&model, count, snapshot)));
        if let Some(of) = snapshot.workloads.get_mut(workload as usize) {
            let more = i64::try_from(more).unwrap_or(i64::MAX);
            of.replicas = of.replicas.map(|replicas| replicas.saturating_add(more));
        }
    }
    let more = added.len();
    snapshot.pods.extend(added);
    snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    (more > 0).then(|| format!("pods that do not run yet: {more}"))
}

fn grows(snapshot: &Snapshot, pod: &Pod) -> bool {
    let is_job = snapshot.workload_of(pod).is_none_or(|workload| workload.is_job);
    !is_job
        && pod.controller.is_some()
        && !pod.is_daemon()
        && !pod.is_static()
        && !pod.is_finished()
        && !pod.terminating
}

/// A sibling that waits for a node. Claims of its own do not exist yet and can be bound wherever it goes.
fn another(model: &Pod, count: i128, snapshot: &Snapshot) -> Pod {
    let mut pod = model.clone();
    pod.name = format!("{}-more-{count}", model.name).into();
    pod.uid = model::Name::default();
    pod.created = Some(snapshot.taken_at);
    nodes::wait(&mut pod);
    pod.held = Resources::default();
    let own = format!("-{}", model.name);
    let is_own = |volume: &Volume| match volume {
        Volume::Claim { claim } => claim.ends_with(&own),
        Volume::Ephemeral { .. } => true,
        _ => false,
    };
    if pod.spec.volumes.iter().any(is_own) {
        let spec = Arc::make_mut(&mut pod.spec);
        spec.volumes.iter_mut().filter(|volume| is_own(volume)).for_each(|volume| *volume = Volume::Other);
    }
    pod
}
