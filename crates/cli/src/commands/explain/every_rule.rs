//! Every rule that refuses a pod on a node, not only the first: each one found is lifted, and the question asked again.

use std::sync::Arc;

use check::{Rejection, Rule, State};
use model::node::UNSCHEDULABLE_TAINT;
use model::{Labels, Node, Pod, PodSpec, Resources, Snapshot, TaintEffect};

/// All rejections, in the scheduler's order.
pub fn every_rejection(snapshot: &Snapshot, pod: usize, node: usize) -> Vec<Rejection> {
    let mut lifted = snapshot.clone();
    let mut found: Vec<Rejection> = Vec::new();
    loop {
        let Some(rejection) = State::new(&lifted).rejects(pod, node) else { return found };
        // What lifting does not help against comes from other pods, and is the last that can be told.
        let is_new = !found.contains(&rejection);
        let rule = rejection.rule;
        if is_new {
            found.push(rejection);
        }
        if !is_new || !lift(rule, &mut lifted, pod, node) {
            return found;
        }
    }
}

/// Takes away what the rule looks at; false where that is not the pod's or the node's own.
fn lift(rule: Rule, snapshot: &mut Snapshot, pod: usize, node: usize) -> bool {
    let (pod, node) = (&mut snapshot.pods[pod], &mut snapshot.nodes[node]);
    match rule {
        Rule::NodeUnschedulable => node.unschedulable = false,
        Rule::TaintToleration => return lift_taint(pod, node),
        Rule::NodeAffinity => {
            change(pod, |spec| {
                spec.node_selector = Labels::default();
                spec.node_affinity = None;
            });
        }
        Rule::NodeDeclaredFeatures => change(pod, |spec| spec.required_features.clear()),
        Rule::NodePorts => change(pod, |spec| spec.host_ports.clear()),
        Rule::NodeResourcesFit => {
            pod.requests = Resources::default();
            pod.held = Resources::default();
            node.allocatable.pods = i64::MAX;
        }
        Rule::VolumeRestrictions | Rule::NodeVolumeLimits | Rule::VolumeBinding | Rule::VolumeZone => {
            // They judge the same volumes from four sides: what comes after the first would be said of none.
            change(pod, |spec| spec.volumes.clear());
        }
        Rule::PodTopologySpread => change(pod, |spec| spec.topology_spread.clear()),
        Rule::InterPodAffinity => {
            change(pod, |spec| {
                spec.pod_affinity.clear();
                spec.pod_anti_affinity.clear();
            });
        }
        Rule::DynamicResources => change(pod, |spec| spec.has_resource_claims = false),
        _ => return false,
    }
    true
}

fn change(pod: &mut Pod, change: impl FnOnce(&mut PodSpec)) {
    change(Arc::make_mut(&mut pod.spec));
}

/// Takes the first taint away that the pod does not tolerate.
fn lift_taint(pod: &Pod, node: &mut Node) -> bool {
    let tolerated = |key: &str, value: &str, effect: TaintEffect| {
        pod.spec.tolerations.iter().any(|toleration| toleration.tolerates(key, value, effect))
    };
    let refuses = |taint: &model::Taint| {
        taint.effect != TaintEffect::PreferNoSchedule && !tolerated(&taint.key, &taint.value, taint.effect)
    };
    let first = node.taints.iter().position(refuses);
    if let Some(first) = first {
        let taint = node.taints.remove(first);
        // The cordon and its taint are one thing.
        if &*taint.key == UNSCHEDULABLE_TAINT {
            node.unschedulable = false;
        }
    }
    first.is_some()
}
