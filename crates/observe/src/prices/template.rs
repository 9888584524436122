//! The node that a pool would make of a machine: labels, taints and allocatable.

use std::collections::BTreeMap;

use model::snapshot::NodePool;
use model::{CapacityType, Labels, Name, Node, Provider, Resources, Snapshot, Taint};

const GIB: f64 = (1u64 << 30) as f64;
const MIB: i64 = 1 << 20;

/// A machine type.
pub(super) struct Machine<'a> {
    pub(super) instance_type: Name,
    pub(super) vcpu: f64,
    pub(super) memory_gib: f64,
    pub(super) pods: Option<u32>,
    pub(super) arch: Option<Name>,
    /// A node of the type: what it reports counts.
    pub(super) seen: Option<&'a Node>,
}

impl<'a> Machine<'a> {
    pub(super) fn of(name: &Name, node: &'a Node) -> Machine<'a> {
        Machine {
            instance_type: name.clone(),
            vcpu: node.capacity.cpu as f64 / 1e3,
            memory_gib: node.capacity.memory as f64 / GIB,
            pods: u32::try_from(node.allocatable.pods).ok(),
            arch: node.architecture().cloned(),
            seen: Some(node),
        }
    }
}

/// What the nodes of a pool have in common.
pub(super) struct Template<'a> {
    /// A node to take the provider and the disk from.
    example: &'a Node,
    /// Machines of which there are nodes, the pool's own if it has any.
    seen: Vec<&'a Machine<'a>>,
    labels: Vec<(Name, Name)>,
    taints: Vec<Taint>,
    is_karpenter: bool,
}

/// Labels that say which node it is, or of which type and place: an offer has its own.
const OWN: [&str; 9] = [
    "kubernetes.io/hostname",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "kubernetes.io/arch",
    "beta.kubernetes.io/arch",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];
const OWN_PREFIXES: [&str; 3] = ["karpenter.k8s.aws/instance-", "alpha.eksctl.io/instance-", "topology."];

/// Taints that come and go with a node's condition.
const PASSING: [&str; 5] =
    ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "karpenter.sh/", "ToBeDeleted", "DeletionCandidate"];

impl<'a> Template<'a> {
    /// Nothing for a pool of which no node was ever seen and whose cluster has no node to take after.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        pool: &'a Name,
        nodes: &[&'a Node],
        machines: &'a BTreeMap<Name, Machine<'a>>,
    ) -> Option<Template<'a>> {
        let example = nodes.first().copied().or_else(|| snapshot.nodes.iter().find(|node| node.ready))?;
        let karpenter = snapshot.node_pools.get(pool);
        let mut labels: Vec<(Name, Name)> = Vec::new();
        let is_own = |key: &str| OWN.contains(&key) || OWN_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
        let is_common = |key: &str, value: &Name| nodes.iter().all(|node| node.labels.get(key) == Some(value));
        if !nodes.is_empty() {
            let common = example.labels.iter().filter(|(key, value)| !is_own(key) && is_common(key, value));
            labels.extend(common.map(|(key, value)| (key.clone(), value.clone())));
        }
        labels.push(("kubernetes.io/os".into(), "linux".into()));
        let is_passing = |taint: &Taint| PASSING.iter().any(|prefix| taint.key.starts_with(prefix));
        let everywhere = |taint: &&Taint| !is_passing(taint) && nodes.iter().all(|node| node.taints.contains(taint));
        let mut taints: Vec<Taint> = example.taints.iter().filter(everywhere).cloned().collect();
        if let Some(karpenter) = karpenter {
            labels.extend(karpenter.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
            labels.push(("karpenter.sh/nodepool".into(), pool.clone()));
            taints.clone_from(&karpenter.taints);
        }
        let is_seen = |machine: &&Machine<'_>| machine.seen.is_some();
        let mut seen: Vec<&Machine<'a>> = nodes.iter().filter_map(|node| machines.get(node.instance_type()?)).collect();
        seen.retain(is_seen);
        if seen.is_empty() {
            seen = machines.values().filter(is_seen).collect();
        }
        Some(Template { example, seen, labels, taints, is_karpenter: karpenter.is_some() })
    }

    /// The node that the machine would be in this zone, where it can be told.
    pub(super) fn node(
        &self,
        machine: &Machine<'_>,
        zone: &Name,
        region: Option<&Name>,
        capacity_type: CapacityType,
    ) -> Option<Node> {
        let (mut capacity, allocatable) = match machine.seen {
            Some(seen) => (seen.capacity.clone(), seen.allocatable.clone()),
            None => self.by_shape(machine)?,
        };
        // Karpenter's KWOK provider calls capacity what the first pods ask for.
        for (whole, left) in [
            (&mut capacity.cpu, allocatable.cpu),
            (&mut capacity.memory, allocatable.memory),
            (&mut capacity.ephemeral_storage, allocatable.ephemeral_storage),
            (&mut capacity.pods, allocatable.pods),
        ] {
            *whole = left.max(*whole);
        }
        let arch = machine.arch.clone().or_else(|| self.example.architecture().cloned())?;
        let mut labels = self.labels.clone();
        let mut set = |key: &str, value: Name| labels.push((key.into(), value));
        set("node.kubernetes.io/instance-type", machine.instance_type.clone());
        set("kubernetes.io/arch", arch);
        set("topology.kubernetes.io/zone", zone.clone());
        if let Some(region) = region {
            set("topology.kubernetes.io/region", region.clone());
        }
        if self.is_karpenter {
            set("karpenter.sh/capacity-type", capacity_type.as_str().into());
            for (key, value) in of_aws_type(machine) {
                set(key, value);
            }
        }
        let of_type = machine.seen.into_iter().flat_map(|seen| seen.labels.iter());
        let of_type = of_type.filter(|(key, _)| key.starts_with("karpenter.k8s.aws/instance-"));
        labels.extend(of_type.map(|(key, value)| (key.clone(), value.clone())));
        let node = Node {
            labels: Labels::new(labels),
            taints: self.taints.clone(),
            allocatable,
            capacity,
            ready: true,
            declared_features: self.example.declared_features.clone(),
            // Names the cloud, no machine.
            provider_id: match self.example.provider_id.split_once("://") {
                Some((scheme, _)) => format!("{scheme}://").into(),
                None => Name::default(),
            },
            ..Node::default()
        };
        // A spot node that does not say so would be priced and treated as another.
        (node.capacity_type() == capacity_type).then_some(node)
    }

    /// How many more of these nodes the limits of the pool leave room for.
    pub(super) fn most(&self, pool: Option<&NodePool>, nodes: &[&Node], node: &Node) -> Option<u32> {
        let limits = pool?.limits;
        let have = |of: fn(&Resources) -> i64| nodes.iter().map(|node| of(&node.capacity)).sum::<i64>();
        let room = |limit: Option<i64>, of: fn(&Resources) -> i64| {
            limit.map(|limit| ((limit - have(of)) / of(&node.capacity).max(1)).max(0))
        };
        let most = [room(limits[0], |amounts| amounts.cpu), room(limits[1], |amounts| amounts.memory)];
        most.into_iter().flatten().min().map(|most| u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Capacity and allocatable by the provider's formula: what the kubelet keeps for itself and the system.
    fn by_shape(&self, machine: &Machine<'_>) -> Option<(Resources, Resources)> {
        let mut capacity = self.example.capacity.clone();
        capacity.cpu = (machine.vcpu * 1e3) as i64;
        capacity.memory = (machine.memory_gib * GIB) as i64;
        capacity.scalar.clear();
        let mut allocatable = capacity.clone();
        allocatable.ephemeral_storage = self.example.allocatable.ephemeral_storage;
        match self.example.provider() {
            Some(Provider::Aws) => {
                let pods = i64::from(machine.pods?);
                capacity.pods = pods;
                allocatable.pods = pods;
                // Karpenter's VM_MEMORY_OVERHEAD_PERCENT, then nodeadm's kube-reserved and hard eviction.
                capacity.memory -= capacity.memory * 75 / 1_000;
                allocatable.memory = capacity.memory - (11 * pods + 255 + 100) * MIB;
                allocatable.cpu -= cpu_reserved(capacity.cpu);
            }
            _ => {
                // By what is sold, not by what the node calls its capacity: that may lack what the machine keeps.
                let size = |machine: &Machine<'_>| (machine.vcpu * 1e3) as i64;
                let near = self.seen.iter().min_by_key(|seen| size(seen).abs_diff(size(machine)))?;
                let left = &near.seen?.allocatable;
                allocatable.cpu -= kept(capacity.cpu, size(near), left.cpu)?;
                allocatable.memory -= kept(capacity.memory, (near.memory_gib * GIB) as i64, left.memory)?;
                allocatable.pods = machine.pods.map_or(left.pods, i64::from);
            }
        }
        (allocatable.cpu > 0 && allocatable.memory > 0 && allocatable.pods > 0).then_some((capacity, allocatable))
    }
}

/// What is kept of an amount, where a machine of nearly its size keeps all but so much of the whole: as much or as large a
/// part, whichever is more.
fn kept(amount: i64, whole: i64, left: i64) -> Option<i64> {
    let kept = (whole - left).max(0);
    let part = i128::from(amount) * i128::from(kept) / i128::from((whole > 0).then_some(whole)?);
    Some(kept.max(i64::try_from(part).unwrap_or(i64::MAX)))
}

/// What the kubelet keeps of the CPU on all three clouds: 6 % of the first core, 1 % of the second, half a percent of
/// the next two, a quarter of the others (amazon-eks-ami, nodeadm/internal/kubelet/config.go).
fn cpu_reserved(millicores: i64) -> i64 {
    let of_core = |core: i64| match core {
        0 => 600,
        1 => 100,
        2 | 3 => 50,
        _ => 25,
    };
    let whole: i64 = (0..millicores / 1_000).map(of_core).sum();
    (whole + 9) / 10
}

/// The labels that Karpenter derives from a type of AWS, such as `m6i.2xlarge`.
fn of_aws_type(machine: &Machine<'_>) -> Vec<(&'static str, Name)> {
    let Some((family, size)) = machine.instance_type.split_once('.') else { return Vec::new() };
    let category: String = family.chars().take_while(char::is_ascii_alphabetic).collect();
    let generation: String = family.chars().skip(category.len()).take_while(char::is_ascii_digit).collect();
    vec![
        ("karpenter.k8s.aws/instance-family", family.into()),
        ("karpenter.k8s.aws/instance-category", category.into()),
        ("karpenter.k8s.aws/instance-generation", generation.into()),
        ("karpenter.k8s.aws/instance-size", size.into()),
        ("karpenter.k8s.aws/instance-cpu", format!("{}", machine.vcpu as i64).into()),
        ("karpenter.k8s.aws/instance-memory", format!("{}", (machine.memory_gib * 1024.0) as i64).into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_machine_never_seen_as_much_is_kept_as_of_one_of_its_size_or_as_large_a_part() {
        assert_eq!(kept(2_000, 16_000, 15_900), Some(100));
        assert_eq!(kept(32_000, 16_000, 15_900), Some(200));
        assert_eq!(kept(16_000, 16_000, 17_000), Some(0), "a node that claims to have more than was sold");
        assert_eq!(kept(16_000, 0, 0), None);
    }
}
