//! What the volumes of a pod ask of a node: VolumeBinding and VolumeZone, which no placement changes, and what
//! NodeVolumeLimits and VolumeRestrictions count.

use std::collections::BTreeSet;

use model::placement::{NodeSelectorTerm, any_term_matches};
use model::storage::{AccessMode, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeSource};
use model::{Name, Node, Pod, Snapshot, Volume};

use super::{Attach, AttachError, NodeSet};

/// The provisioner of classes that provision nothing.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// In-tree plugins whose volumes CSI drivers have taken over, with the driver and the topology key that its volumes use.
const MIGRATED: [(&str, &str, Option<&str>); 5] = [
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com", Some("topology.ebs.csi.aws.com/zone")),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io", Some("topology.gke.io/zone")),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com", Some("topology.disk.csi.azure.com/zone")),
    ("kubernetes.io/cinder", "cinder.csi.openstack.org", Some("topology.cinder.csi.openstack.org/zone")),
    ("kubernetes.io/portworx-volume", "pxd.portworx.com", None),
];

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";

/// The nodes that the pod's claims allow; `None` where it has none.
pub(crate) fn nodes_for_claims(snapshot: &Snapshot, pod: &Pod) -> Option<NodeSet> {
    let uses_claims =
        pod.spec.volumes.iter().any(|volume| matches!(volume, Volume::Claim { .. } | Volume::Ephemeral { .. }));
    if !uses_claims {
        return None;
    }
    let nodes = snapshot.nodes.len();
    match claims_of(snapshot, pod).and_then(|claims| Demands::new(snapshot, pod, claims)) {
        None => Some(NodeSet::none(nodes)),
        Some(demands) => Some(NodeSet::of(nodes, |node| demands.met_by(snapshot, &snapshot.nodes[node]))),
    }
}

/// The claims of a pod, `None` where one is missing, lost, being deleted or not the pod's own.
fn claims_of<'s>(snapshot: &'s Snapshot, pod: &Pod) -> Option<Vec<&'s PersistentVolumeClaim>> {
    let mut claims = Vec::new();
    for volume in &pod.spec.volumes {
        let (name, is_ephemeral) = match volume {
            Volume::Claim { claim } => (claim.clone(), false),
            Volume::Ephemeral { volume } => (Name::from(format!("{}-{volume}", pod.name)), true),
            _ => continue,
        };
        let claim = snapshot.claims.get(&(pod.namespace.clone(), name))?;
        let is_usable = &*claim.phase != "Lost" && !claim.terminating;
        if !is_usable || (is_ephemeral && claim.controller_uid.as_ref() != Some(&pod.uid)) {
            return None;
        }
        claims.push(claim);
    }
    Some(claims)
}

struct Demands<'s> {
    bound: Vec<Option<&'s PersistentVolume>>,
    unbound: Vec<&'s PersistentVolumeClaim>,
    /// Zone and region labels of volumes: key and allowed values.
    zones: Vec<(&'static str, BTreeSet<String>)>,
}

impl<'s> Demands<'s> {
    /// `None` where no node can do.
    fn new(snapshot: &'s Snapshot, pod: &Pod, claims: Vec<&'s PersistentVolumeClaim>) -> Option<Demands<'s>> {
        let mut demands = Demands { bound: Vec::new(), unbound: Vec::new(), zones: Vec::new() };
        for claim in claims {
            if !claim.volume.is_empty() && claim.bind_completed {
                demands.bound.push(snapshot.volumes.get(&claim.volume));
            } else {
                let class = class_of(snapshot, claim);
                // An unbound claim that does not wait for a consumer must be bound first.
                if !claim.volume.is_empty() || !class.is_some_and(|class| class.waits_for_consumer) {
                    return None;
                }
                demands.unbound.push(claim);
            }
        }
        // VolumeZone looks at plain claims alone.
        for volume in &pod.spec.volumes {
            let Volume::Claim { claim } = volume else { continue };
            let claim = snapshot.claims.get(&(pod.namespace.clone(), claim.clone()))?;
            if claim.volume.is_empty() {
                // Claims that wait were let through above; all others have been refused.
                continue;
            }
            let bound = snapshot.volumes.get(&claim.volume)?;
            for key in [BETA_ZONE, BETA_REGION, ZONE, REGION] {
                if let Some(values) = bound.labels.get(key).and_then(|value| zones_in_label(value)) {
                    demands.zones.push((key, values));
                }
            }
        }
        Some(demands)
    }

    fn met_by(&self, snapshot: &Snapshot, node: &Node) -> bool {
        self.bound.iter().all(|volume| volume.is_some_and(|volume| volume_reaches(snapshot, volume, node)))
            && (self.unbound.is_empty() || unbound_can_bind(snapshot, &self.unbound, node))
            && self.zones_match(node)
    }

    fn zones_match(&self, node: &Node) -> bool {
        if self.zones.is_empty() {
            return true;
        }
        let is_zoned = [BETA_ZONE, BETA_REGION, ZONE, REGION].iter().any(|key| node.labels.get(key).is_some());
        !is_zoned
            || self.zones.iter().all(|(key, values)| {
                let current = match *key {
                    BETA_ZONE => ZONE,
                    BETA_REGION => REGION,
                    key => key,
                };
                let value = node.labels.get(key).or_else(|| node.labels.get(current));
                value.is_some_and(|value| values.contains(&**value))
            })
    }
}

fn class_of<'s>(snapshot: &'s Snapshot, claim: &PersistentVolumeClaim) -> Option<&'s StorageClass> {
    snapshot.storage_classes.get(claim.storage_class.as_ref().filter(|name| !name.is_empty())?)
}

/// `a__b` is zones a and b; `None` where the label is malformed, which the scheduler then ignores.
fn zones_in_label(value: &str) -> Option<BTreeSet<String>> {
    let zones: Vec<&str> = value.split("__").map(str::trim).collect();
    (!zones.iter().any(|zone| zone.is_empty())).then(|| zones.into_iter().map(str::to_owned).collect())
}

/// Can the volume be used from the node?
fn volume_reaches(snapshot: &Snapshot, volume: &PersistentVolume, node: &Node) -> bool {
    let affinity = match &volume.source {
        VolumeSource::InTree { plugin, .. } if is_migrated_on(snapshot, plugin, node) => {
            translated_affinity(volume, plugin)
        }
        _ => volume.node_affinity.clone(),
    };
    // Volumes are matched by labels alone; a term on fields sees no name.
    affinity.is_none_or(|terms| any_term_matches(&terms, &Name::from(""), &node.labels))
}

fn is_migrated_on(snapshot: &Snapshot, plugin: &str, node: &Node) -> bool {
    MIGRATED.iter().any(|(name, ..)| *name == plugin)
        && snapshot
            .csi_nodes
            .get(&node.name)
            .is_some_and(|csi_node| csi_node.migrated_plugins.iter().any(|name| &**name == plugin))
}

/// An in-tree volume's node affinity as its CSI driver has it: the zone under the driver's own topology key
/// (k8s.io/csi-translation-lib/plugins, translateTopologyFromInTreeToCSI).
fn translated_affinity(volume: &PersistentVolume, plugin: &str) -> Option<Vec<NodeSelectorTerm>> {
    let mut affinity = volume.node_affinity.clone();
    let Some(csi_key) = MIGRATED.iter().find(|(name, ..)| *name == plugin).and_then(|(.., key)| *key) else {
        return affinity;
    };
    let names_key = |key: &str| {
        affinity.iter().flatten().any(|term| term.match_expressions.iter().any(|requirement| &*requirement.key == key))
    };
    let uses_beta = !names_key(ZONE)
        && (names_key(BETA_ZONE) || (volume.labels.get(ZONE).is_none() && volume.labels.get(BETA_ZONE).is_some()));
    let (zone_key, region_key) = if uses_beta { (BETA_ZONE, BETA_REGION) } else { (ZONE, REGION) };
    let has_zone_values = affinity.iter().flatten().any(|term| {
        term.match_expressions.iter().any(|requirement| &*requirement.key == zone_key && !requirement.values.is_empty())
    });
    let rename = |affinity: &mut Option<Vec<NodeSelectorTerm>>, old: &str, new: &str| {
        for requirement in affinity.iter_mut().flatten().flat_map(|term| &mut term.match_expressions) {
            if &*requirement.key == old {
                requirement.key = Name::from(new);
            }
        }
    };
    if has_zone_values {
        rename(&mut affinity, zone_key, csi_key);
    } else if let Some(label) = volume.labels.get(zone_key) {
        let values: BTreeSet<&str> = label.split("__").map(str::trim).filter(|zone| !zone.is_empty()).collect();
        if !values.is_empty() {
            let terms = affinity.get_or_insert_with(Vec::new);
            if terms.is_empty() {
                terms.push(NodeSelectorTerm::default());
            }
            for term in terms {
                term.match_expressions.push(model::Requirement {
                    key: Name::from(csi_key),
                    operator: model::SelectorOperator::In,
                    values: values.iter().map(|zone| Name::from(*zone)).collect(),
                });
            }
        }
    }
    if uses_beta {
        rename(&mut affinity, region_key, REGION);
    }
    affinity
}

/// Can the claims that wait for a consumer be bound to volumes that are there, or provisioned, for this node?
fn unbound_can_bind(snapshot: &Snapshot, claims: &[&PersistentVolumeClaim], node: &Node) -> bool {
    let mut to_match: Vec<&PersistentVolumeClaim> = Vec::new();
    let mut to_provision: Vec<&PersistentVolumeClaim> = Vec::new();
    for claim in claims {
        match &claim.selected_node {
            Some(selected) if *selected != node.name => return false,
            Some(_) => to_provision.push(claim),
            None => to_match.push(claim),
        }
    }
    to_match.sort_by_key(|claim| claim.request);
    let mut chosen: Vec<&Name> = Vec::new();
    for claim in to_match {
        match matching_volume(snapshot, claim, node, &chosen) {
            Some(volume) => chosen.push(&volume.name),
            None => to_provision.push(claim),
        }
    }
    to_provision.iter().all(|claim| can_provision(snapshot, claim, node))
}

/// The smallest volume that the claim can be bound to from this node (FindMatchingVolume).
fn matching_volume<'s>(
    snapshot: &'s Snapshot,
    claim: &PersistentVolumeClaim,
    node: &Node,
    chosen: &[&Name],
) -> Option<&'s PersistentVolume> {
    let wanted_class = claim.storage_class.clone().unwrap_or_default();
    let mut smallest: Option<&PersistentVolume> = None;
    for volume in snapshot.volumes.values() {
        let is_claimed_by_this = volume.claim.as_ref().is_some_and(|(namespace, name, uid)| {
            *namespace == claim.namespace && *name == claim.name && (uid.is_empty() || *uid == claim.uid)
        });
        let is_candidate = volume.storage_class == wanted_class
            && !chosen.contains(&&volume.name)
            && (volume.claim.is_none() || is_claimed_by_this)
            && volume.capacity >= claim.request
            && volume.is_block == claim.is_block
            && volume.attributes_class.as_deref().unwrap_or("") == claim.attributes_class.as_deref().unwrap_or("")
            && !volume.terminating;
        if !is_candidate {
            continue;
        }
        let reaches =
            volume.node_affinity.as_ref().is_none_or(|terms| any_term_matches(terms, &Name::from(""), &node.labels));
        if is_claimed_by_this {
            return reaches.then_some(volume);
        }
        let fits = &*volume.phase == "Available"
            && claim.selector.as_ref().is_none_or(|selector| selector.matches(&volume.labels))
            && reaches
            && claim.access_modes.iter().all(|mode| volume.access_modes.contains(mode));
        if fits && smallest.is_none_or(|best| best.capacity > volume.capacity) {
            smallest = Some(volume);
        }
    }
    smallest
}

fn can_provision(snapshot: &Snapshot, claim: &PersistentVolumeClaim, node: &Node) -> bool {
    let Some(class) = class_of(snapshot, claim) else { return false };
    if class.provisioner.is_empty() || &*class.provisioner == NO_PROVISIONER {
        return false;
    }
    let topology_allows = class.allowed_topologies.is_empty()
        || class.allowed_topologies.iter().any(|term| {
            !term.is_empty()
                && term.iter().all(|(key, values)| node.labels.get(key).is_some_and(|value| values.contains(value)))
        });
    topology_allows && has_capacity(snapshot, claim, class, node)
}

fn has_capacity(snapshot: &Snapshot, claim: &PersistentVolumeClaim, class: &StorageClass, node: &Node) -> bool {
    if !snapshot.csi_drivers.get(&class.provisioner).is_some_and(|driver| driver.storage_capacity) {
        return true;
    }
    snapshot.csi_capacities.iter().any(|published| {
        published.storage_class == class.name
            && published.maximum_volume_size.or(published.capacity).is_some_and(|limit| limit >= claim.request)
            && published.topology.as_ref().is_some_and(|selector| selector.matches(&node.labels))
    })
}

/// The volumes of a pod that drivers' limits count, and whether they can be looked up.
pub(crate) fn attaches_of(snapshot: &Snapshot, pod: &Pod) -> (Vec<Attach>, AttachError) {
    let mut attaches = Vec::new();
    let mut error = AttachError::None;
    for volume in &pod.spec.volumes {
        let (name, is_ephemeral) = match volume {
            Volume::Claim { claim } => (claim.clone(), false),
            Volume::Ephemeral { volume } => (Name::from(format!("{}-{volume}", pod.name)), true),
            Volume::AwsElasticBlockStore { id } => {
                attaches.push(migrated("kubernetes.io/aws-ebs", aws_handle(id)));
                continue;
            }
            Volume::GcePersistentDisk { name, .. } => {
                // The handle that the translation gives a disk of an unknown zone and project.
                attaches.push(migrated(
                    "kubernetes.io/gce-pd",
                    format!("projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{name}"),
                ));
                continue;
            }
            Volume::InTree { plugin, handle } => {
                if MIGRATED.iter().any(|(name, ..)| *name == &**plugin) {
                    attaches.push(migrated(plugin, handle.to_string()));
                }
                continue;
            }
            _ => continue,
        };
        let Some(claim) = snapshot.claims.get(&(pod.namespace.clone(), name)) else {
            error = error.max(AttachError::AsIncoming);
            continue;
        };
        if is_ephemeral && claim.controller_uid.as_ref() != Some(&pod.uid) {
            error = AttachError::Always;
            continue;
        }
        attaches.extend(attach_of_claim(snapshot, claim));
    }
    attaches.sort_by(|a, b| (&a.driver, &a.handle).cmp(&(&b.driver, &b.handle)));
    attaches.dedup();
    (attaches, error)
}

fn attach_of_claim(snapshot: &Snapshot, claim: &PersistentVolumeClaim) -> Option<Attach> {
    match snapshot.volumes.get(&claim.volume).filter(|_| !claim.volume.is_empty()) {
        Some(volume) => match &volume.source {
            VolumeSource::Csi { driver, handle } if !driver.is_empty() && !handle.is_empty() => {
                Some(Attach { driver: driver.clone(), handle: handle.clone(), needs_csi_node: false })
            }
            VolumeSource::InTree { plugin, handle } if MIGRATED.iter().any(|(name, ..)| *name == &**plugin) => {
                Some(migrated(plugin, handle.to_string()))
            }
            _ => None,
        },
        None => {
            let class = class_of(snapshot, claim)?;
            let handle = format!("unbound {}/{}", claim.namespace, claim.name);
            match MIGRATED.iter().find(|(plugin, ..)| *plugin == &*class.provisioner) {
                Some((plugin, ..)) => Some(migrated(plugin, handle)),
                None if class.provisioner.is_empty() => None,
                None => {
                    Some(Attach { driver: class.provisioner.clone(), handle: handle.into(), needs_csi_node: false })
                }
            }
        }
    }
}

fn migrated(plugin: &str, handle: String) -> Attach {
    let driver = MIGRATED.iter().find(|(name, ..)| *name == plugin).map_or("", |(_, driver, _)| *driver);
    Attach { driver: Name::from(driver), handle: handle.into(), needs_csi_node: true }
}

/// `aws://zone/vol-1` and `vol-1` are one volume.
fn aws_handle(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_owned()
}

/// Plain claims of the pod that only one pod may use.
pub(crate) fn single_pod_claims_of(snapshot: &Snapshot, pod: &Pod) -> Vec<(Name, Name)> {
    pod.spec
        .volumes
        .iter()
        .filter_map(|volume| match volume {
            Volume::Claim { claim } => snapshot.claims.get_key_value(&(pod.namespace.clone(), claim.clone())),
            _ => None,
        })
        .filter(|(_, claim)| claim.access_modes.contains(&AccessMode::ReadWriteOncePod))
        .map(|(key, _)| key.clone())
        .collect()
}

/// Volumes that VolumeRestrictions compares.
pub(crate) fn disks_of(pod: &Pod) -> Vec<Volume> {
    let compared = |volume: &&Volume| {
        matches!(
            volume,
            Volume::GcePersistentDisk { .. }
                | Volume::AwsElasticBlockStore { .. }
                | Volume::Iscsi { .. }
                | Volume::Rbd { .. }
        )
    };
    pod.spec.volumes.iter().filter(compared).cloned().collect()
}

/// Must the two not be on one node?
pub(crate) fn disks_conflict(a: &Volume, b: &Volume) -> bool {
    match (a, b) {
        (
            Volume::GcePersistentDisk { name: a, read_only: a_ro },
            Volume::GcePersistentDisk { name: b, read_only: b_ro },
        ) => a == b && !(*a_ro && *b_ro),
        (Volume::AwsElasticBlockStore { id: a }, Volume::AwsElasticBlockStore { id: b }) => a == b,
        (Volume::Iscsi { iqn: a, read_only: a_ro }, Volume::Iscsi { iqn: b, read_only: b_ro }) => {
            a == b && !(*a_ro && *b_ro)
        }
        (
            Volume::Rbd { monitors: a, pool: a_pool, image: a_image, read_only: a_ro },
            Volume::Rbd { monitors: b, pool: b_pool, image: b_image, read_only: b_ro },
        ) => a.iter().any(|monitor| b.contains(monitor)) && a_pool == b_pool && a_image == b_image && !(*a_ro && *b_ro),
        _ => false,
    }
}
