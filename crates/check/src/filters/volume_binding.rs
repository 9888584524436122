//! VolumeBinding: bound volumes reach the node, and unbound claims find or get a volume there.

use model::placement::NodeSelectorTerm;
use model::storage::{PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeSource};
use model::{LabelSelector, Name, Node, Pod, Requirement, SelectorOperator, Snapshot, Volume};

use crate::rule::{Rejection, Rule};

const ZONE: &str = "topology.kubernetes.io/zone";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";

pub(super) fn rejects(snapshot: &Snapshot, pod: &Pod, node: &Node) -> Option<Rejection> {
    let reject = |detail: String| Some(Rejection::new(Rule::VolumeBinding, detail));
    let mut to_match = Vec::new();
    let mut to_provision = Vec::new();
    for volume in &pod.spec.volumes {
        let (name, is_ephemeral) = match volume {
            Volume::Claim { claim } => (claim.clone(), false),
            Volume::Ephemeral { volume } => (format!("{}-{volume}", pod.name).into(), true),
            _ => continue,
        };
        let Some(claim) = snapshot.claims.get(&(pod.namespace.clone(), name.clone())) else {
            return reject(format!("claim {name} does not exist"));
        };
        if &*claim.phase == "Lost" {
            return reject(format!("claim {name} has lost its volume"));
        }
        if claim.terminating {
            return reject(format!("claim {name} is being deleted"));
        }
        if is_ephemeral && claim.controller_uid.as_ref() != Some(&pod.uid) {
            return reject(format!("claim {name} does not belong to the pod"));
        }
        if !claim.volume.is_empty() && claim.bind_completed {
            let Some(volume) = snapshot.volumes.get(&claim.volume) else {
                return reject(format!("volume {} of claim {name} does not exist", claim.volume));
            };
            if !reaches(snapshot, volume, node) {
                return reject(format!("volume {} of claim {name} cannot be used from there", claim.volume));
            }
            continue;
        }
        if !claim.volume.is_empty() || !waits_for_consumer(snapshot, claim) {
            return reject(format!("claim {name} is not bound, and nothing waits for the pod to bind it"));
        }
        match &claim.selected_node {
            Some(selected) if *selected == node.name => to_provision.push(claim),
            Some(selected) => return reject(format!("the volume of claim {name} is being made for node {selected}")),
            None => to_match.push(claim),
        }
    }

    // The smallest claims choose first; of one pod, no two take the same volume.
    to_match.sort_by_key(|claim| claim.request);
    let mut taken: Vec<&Name> = Vec::new();
    for claim in to_match {
        match matching_volume(snapshot, claim, node, &taken) {
            Some(volume) => taken.push(&volume.name),
            None => to_provision.push(claim),
        }
    }
    to_provision.into_iter().find_map(|claim| cannot_provision(snapshot, claim, node)).and_then(reject)
}

/// Does the volume live on one node: a local disk or a folder of the node?
pub(crate) fn is_node_local(volume: &PersistentVolume) -> bool {
    matches!(volume.source, VolumeSource::Local | VolumeSource::HostPath)
}

fn waits_for_consumer(snapshot: &Snapshot, claim: &PersistentVolumeClaim) -> bool {
    class_of(snapshot, claim).is_some_and(|class| class.waits_for_consumer)
}

fn class_of<'a>(snapshot: &'a Snapshot, claim: &PersistentVolumeClaim) -> Option<&'a StorageClass> {
    claim.storage_class.as_ref().and_then(|class| snapshot.storage_classes.get(class))
}

/// Does the volume's node affinity, in its driver's terms where the node has migrated its plugin, match the node?
fn reaches(snapshot: &Snapshot, volume: &PersistentVolume, node: &Node) -> bool {
    let is_migrated = |plugin: &Name| {
        snapshot.csi_nodes.get(&node.name).is_some_and(|csi_node| csi_node.migrated_plugins.contains(plugin))
    };
    match &volume.source {
        VolumeSource::InTree { plugin, .. } if is_migrated(plugin) => match csi_zone_key(plugin) {
            Some(key) => terms_match(translated(volume, key).as_deref(), node),
            None => terms_match(volume.node_affinity.as_deref(), node),
        },
        _ => terms_match(volume.node_affinity.as_deref(), node),
    }
}

/// As for pods, but the scheduler shows a volume only the node's labels: conditions on its name are passed over.
fn terms_match(terms: Option<&[NodeSelectorTerm]>, node: &Node) -> bool {
    terms.is_none_or(|terms| {
        terms.iter().any(|term| {
            !(term.match_expressions.is_empty() && term.match_fields.is_empty())
                && term
                    .match_expressions
                    .iter()
                    .all(|requirement| requirement.matches(node.labels.get(&requirement.key)))
        })
    })
}

/// The label by which a migrated plugin's driver knows zones.
fn csi_zone_key(plugin: &str) -> Option<&'static str> {
    Some(match plugin {
        "kubernetes.io/aws-ebs" => "topology.ebs.csi.aws.com/zone",
        "kubernetes.io/gce-pd" => "topology.gke.io/zone",
        "kubernetes.io/cinder" => "topology.cinder.csi.openstack.org/zone",
        _ => return None,
    })
}

/// The node affinity of an in-tree volume as csi-translation-lib rewrites it: zones become the driver's, taken from the
/// volume's labels where its affinity has none.
fn translated(volume: &PersistentVolume, csi_key: &str) -> Option<Vec<NodeSelectorTerm>> {
    let mut terms = volume.node_affinity.clone();
    let mentions = |key: &str| {
        volume.node_affinity.iter().flatten().flat_map(|term| &term.match_expressions).any(|have| &*have.key == key)
    };
    let is_beta = !mentions(ZONE)
        && (mentions(BETA_ZONE) || (volume.labels.get(ZONE).is_none() && volume.labels.get(BETA_ZONE).is_some()));
    let zone_key = if is_beta { BETA_ZONE } else { ZONE };
    if !rename(&mut terms, zone_key, csi_key)
        && let Some(label) = volume.labels.get(zone_key)
    {
        let mut zones: Vec<Name> =
            label.split("__").map(str::trim).filter(|zone| !zone.is_empty()).map(Name::from).collect();
        zones.sort();
        zones.dedup();
        if !zones.is_empty() {
            let terms = terms.get_or_insert_default();
            if terms.is_empty() {
                terms.push(NodeSelectorTerm::default());
            }
            for term in terms {
                let (key, values) = (csi_key.into(), zones.clone());
                term.match_expressions.push(Requirement { key, operator: SelectorOperator::In, values });
            }
        }
    }
    if is_beta {
        rename(&mut terms, BETA_REGION, REGION);
    }
    terms
}

/// Renames a key wherever it stands, where any of its conditions has a value.
fn rename(terms: &mut Option<Vec<NodeSelectorTerm>>, from: &str, to: &str) -> bool {
    let mut found: Vec<&mut Requirement> = terms
        .iter_mut()
        .flatten()
        .flat_map(|term| &mut term.match_expressions)
        .filter(|requirement| &*requirement.key == from)
        .collect();
    let has_values = found.iter().any(|requirement| !requirement.values.is_empty());
    if has_values {
        for requirement in &mut found {
            requirement.key = to.into();
        }
    }
    has_values
}

/// The volume bound to the claim beforehand, else the smallest that is free and fits.
fn matching_volume<'a>(
    snapshot: &'a Snapshot,
    claim: &PersistentVolumeClaim,
    node: &Node,
    taken: &[&Name],
) -> Option<&'a PersistentVolume> {
    let mut smallest: Option<&PersistentVolume> = None;
    let class = claim.storage_class.clone().unwrap_or_default();
    for volume in snapshot.volumes.values() {
        let is_bound = volume.claim.as_ref().map(|bound| is_bound_to(bound, claim));
        if volume.storage_class != class
            || taken.contains(&&volume.name)
            || is_bound == Some(false)
            || volume.capacity < claim.request
            || volume.is_block != claim.is_block
            || volume.attributes_class.as_deref().unwrap_or("") != claim.attributes_class.as_deref().unwrap_or("")
            || volume.terminating
        {
            continue;
        }
        let reaches = terms_match(volume.node_affinity.as_deref(), node);
        if is_bound == Some(true) {
            return reaches.then_some(volume);
        }
        if &*volume.phase == "Available"
            && claim.selector.as_ref().is_none_or(|selector: &LabelSelector| selector.matches(&volume.labels))
            && reaches
            && claim.access_modes.iter().all(|mode| volume.access_modes.contains(mode))
            && smallest.is_none_or(|smallest| smallest.capacity > volume.capacity)
        {
            smallest = Some(volume);
        }
    }
    smallest
}

fn is_bound_to((namespace, name, uid): &(Name, Name, Name), claim: &PersistentVolumeClaim) -> bool {
    *namespace == claim.namespace && *name == claim.name && (uid.is_empty() || *uid == claim.uid)
}

/// Why no volume can be made for the claim on the node.
fn cannot_provision(snapshot: &Snapshot, claim: &PersistentVolumeClaim, node: &Node) -> Option<String> {
    const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
    let Some(class) = class_of(snapshot, claim) else {
        return Some(format!("claim {} has no storage class", claim.name));
    };
    if class.provisioner.is_empty() || &*class.provisioner == NO_PROVISIONER {
        return Some(format!("no volume for claim {} is free, and its class makes none", claim.name));
    }
    let topology_matches = class.allowed_topologies.is_empty()
        || class.allowed_topologies.iter().any(|term| {
            !term.is_empty()
                && term.iter().all(|(key, values)| node.labels.get(key).is_some_and(|value| values.contains(value)))
        });
    if !topology_matches {
        return Some(format!("class {} makes no volumes there", class.name));
    }
    let publishes = snapshot.csi_drivers.get(&class.provisioner).is_some_and(|driver| driver.storage_capacity);
    let has_space = !publishes
        || claim.request == 0
        || snapshot.csi_capacities.iter().any(|capacity| {
            capacity.storage_class == class.name
                && capacity.maximum_volume_size.or(capacity.capacity).is_some_and(|limit| limit >= claim.request)
                && capacity.topology.as_ref().is_some_and(|topology| topology.matches(&node.labels))
        });
    (!has_space).then(|| format!("no space is published there for claim {}", claim.name))
}
