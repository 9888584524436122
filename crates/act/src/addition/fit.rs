//! Whether a real node may stand for a planned one.

use k8s_openapi::api::core::v1;
use model::{AddedNode, Name, Node, Resources, TaintEffect};

/// What keeps this node from standing for the planned one as it is now.
pub(super) fn lacks_now(planned: &AddedNode, node: &v1::Node) -> Option<String> {
    match read(node) {
        Ok(node) => lacks(planned, &node),
        Err(problem) => Some(format!("cannot be read: {problem}")),
    }
}

/// As every other node of a cluster is read.
fn read(node: &v1::Node) -> Result<Node, String> {
    let value = serde_json::to_value(node).map_err(|error| error.to_string())?;
    let snapshot = observe::read_values("", std::iter::once(value)).map_err(|error| error.to_string())?;
    let node = snapshot.nodes.into_iter().next();
    node.ok_or_else(|| snapshot.findings.first().map_or_else(String::new, |finding| finding.message.clone()))
}

/// What keeps a node from standing for the planned one: what it is, and then how it is.
fn lacks(planned: &AddedNode, node: &Node) -> Option<String> {
    let meant = &planned.node;
    let of_kind = [
        ("of type", Some(&planned.instance_type), node.instance_type()),
        ("in zone", Some(&planned.zone), node.zone()),
        ("of pool", meant.node_pool(), node.node_pool()),
        ("of architecture", meant.architecture(), node.architecture()),
        ("of system", meant.labels.get(OS), node.labels.get(OS)),
    ];
    for (what, wanted, found) in of_kind {
        if wanted.is_some() && wanted != found {
            return Some(format!("is not {what} {}", wanted.map_or("", |wanted| &**wanted)));
        }
    }
    if node.capacity_type() != planned.capacity_type {
        return Some(format!("is {}, not {}", node.capacity_type(), planned.capacity_type));
    }
    if let Some(why) = has_less(&node.allocatable, &meant.allocatable) {
        return Some(why);
    }
    if let Some(taint) = meant.taints.iter().find(|taint| !node.taints.contains(taint)) {
        return Some(format!("does not have the taint {} of its pool", taint.key));
    }
    // What a node has beyond what its pool gives is there until it is set up, or while something is wrong with it.
    let keeps_away = |taint: &&model::Taint| taint.effect != TaintEffect::PreferNoSchedule;
    if let Some(taint) = node.taints.iter().filter(keeps_away).find(|taint| !meant.taints.contains(taint)) {
        return Some(format!("still has the taint {}", taint.key));
    }
    let state = [
        (node.terminating, "is being deleted"),
        (node.unschedulable, "is cordoned"),
        (node.unreadable, "has something that cannot be read"),
        (!node.ready, "is not ready"),
    ];
    state.into_iter().find(|(holds, _)| *holds).map(|(_, words)| words.to_owned())
}

const OS: &str = "kubernetes.io/os";

fn has_less(has: &Resources, wants: &Resources) -> Option<String> {
    let amounts = [
        ("cpu, in millicores", has.cpu, wants.cpu),
        ("memory, in bytes", has.memory, wants.memory),
        ("pods", has.pods, wants.pods),
        ("ephemeral storage, in bytes", has.ephemeral_storage, wants.ephemeral_storage),
    ];
    let scalar = wants.scalar.iter().map(|(name, wants)| (&**name, has.scalar(name), *wants));
    let (what, has, wants) = amounts.into_iter().chain(scalar).find(|(_, has, wants)| has < wants)?;
    Some(format!("has too little to allocate of {what}: {has}, and the plan expects {wants}"))
}

/// The names by which a plan knows nodes that were there before it.
pub(super) fn is_known(plan: &model::Plan, node: &str) -> bool {
    let is_it = |name: &Name| &**name == node;
    plan.nodes.remove.iter().any(is_it)
        || plan.migrations.iter().any(|step| is_it(&step.from_node) || is_it(&step.to_node))
}

#[cfg(test)]
mod tests {
    use model::{CapacityType, Labels, Taint, UsdPerHour};

    use super::*;

    fn labels(more: &[(&str, &str)]) -> Labels {
        let usual = [
            ("node.kubernetes.io/instance-type", "m6i.large"),
            ("topology.kubernetes.io/zone", "a"),
            ("kubernetes.io/arch", "amd64"),
            ("eks.amazonaws.com/nodegroup", "general"),
        ];
        Labels::new(usual.iter().chain(more).map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    fn node() -> Node {
        let allocatable = Resources { cpu: 2_000, memory: 1 << 33, pods: 29, ..Resources::default() };
        Node { name: "real".into(), labels: labels(&[]), allocatable, ready: true, ..Node::default() }
    }

    fn planned() -> AddedNode {
        AddedNode {
            instance_type: "m6i.large".into(),
            capacity_type: CapacityType::OnDemand,
            zone: "a".into(),
            usd_per_hour: UsdPerHour::ZERO,
            node: Node { name: "new-1".into(), ..node() },
        }
    }

    #[track_caller]
    fn said(node: &Node, expected: &str) {
        assert_eq!(lacks(&planned(), node).as_deref(), Some(expected));
    }

    #[test]
    fn a_node_of_the_kind_that_is_ready_may_stand_for_it() {
        assert_eq!(lacks(&planned(), &node()), None);
        let mut larger = node();
        larger.allocatable.memory += 1;
        assert_eq!(lacks(&planned(), &larger), None);
    }

    #[test]
    fn another_kind_may_not() {
        let with = |key: &str, value: &str| {
            let node = node();
            let others = node.labels.iter().filter(|(had, _)| &***had != key).map(|(k, v)| (k.clone(), v.clone()));
            let labels = Labels::new(others.chain([(key.into(), value.into())]).collect());
            Node { labels, ..node }
        };
        said(&with("node.kubernetes.io/instance-type", "m6i.xlarge"), "is not of type m6i.large");
        said(&with("topology.kubernetes.io/zone", "b"), "is not in zone a");
        said(&with("eks.amazonaws.com/nodegroup", "batch"), "is not of pool general");
        said(&with("kubernetes.io/arch", "arm64"), "is not of architecture amd64");
        said(&with("eks.amazonaws.com/capacityType", "SPOT"), "is spot, not on-demand");
        let mut small = node();
        small.allocatable.cpu = 1_999;
        said(&small, "has too little to allocate of cpu, in millicores: 1999, and the plan expects 2000");
        let mut no_gpu = planned();
        no_gpu.node.allocatable.scalar = vec![("nvidia.com/gpu".into(), 1)];
        assert!(lacks(&no_gpu, &node()).is_some_and(|why| why.contains("nvidia.com/gpu: 0")));
    }

    #[test]
    fn one_that_is_not_ready_yet_may_not() {
        let taint = |key: &str, effect| Taint { key: key.into(), value: "".into(), effect };
        let starting = taint("node.cilium.io/agent-not-ready", TaintEffect::NoExecute);
        said(&Node { taints: vec![starting], ..node() }, "still has the taint node.cilium.io/agent-not-ready");
        let preferred = taint("soft", TaintEffect::PreferNoSchedule);
        assert_eq!(lacks(&planned(), &Node { taints: vec![preferred], ..node() }), None);
        said(&Node { ready: false, ..node() }, "is not ready");
        said(&Node { unschedulable: true, ..node() }, "is cordoned");
        said(&Node { terminating: true, ..node() }, "is being deleted");
        let mut tainted = planned();
        tainted.node.taints = vec![taint("dedicated", TaintEffect::NoSchedule)];
        assert!(lacks(&tainted, &node()).is_some_and(|why| why.contains("does not have the taint dedicated")));
    }
}
