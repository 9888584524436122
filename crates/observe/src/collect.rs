//! Gathers what was read, in the order of the input: the first of two equal names stays, the rest becomes notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::snapshot::{KindRead, NodePool, Usage};
use model::storage::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment,
};
use model::{FindingCode, Labels, LimitRange, Name, Node, Pod, PodDisruptionBudget, ReadState, ResourceQuota, Time};
use rustc_hash::FxHashSet;

use crate::convert::controller::{Autoscaler, Controller};
use crate::convert::time::time;
use crate::kinds::{KINDS, Kind};
use crate::object::{Broken, Kept, Object, Outcome};
use crate::source::Source;
use crate::wire::info::{Note, SnapshotInfo};

/// So many broken objects have a note each; those after them only add to its count, so that garbage takes no memory.
const MOST_BROKEN: usize = 1_000;

/// Everything read so far.
#[derive(Default)]
pub(crate) struct Collected {
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
    pub namespaces: BTreeMap<Name, Labels>,
    pub budgets: Vec<PodDisruptionBudget>,
    pub limit_ranges: Vec<LimitRange>,
    pub quotas: Vec<ResourceQuota>,
    pub volumes: BTreeMap<Name, PersistentVolume>,
    pub claims: BTreeMap<(Name, Name), PersistentVolumeClaim>,
    pub storage_classes: BTreeMap<Name, StorageClass>,
    pub csi_nodes: BTreeMap<Name, CsiNode>,
    pub csi_drivers: BTreeMap<Name, CsiDriver>,
    pub csi_capacities: Vec<CsiStorageCapacity>,
    pub volume_attachments: Vec<VolumeAttachment>,
    pub controllers: Vec<Controller>,
    pub autoscalers: Vec<Autoscaler>,
    pub node_pools: BTreeMap<Name, NodePool>,
    pub usage: BTreeMap<(Name, Name), Usage>,
    /// Of each object kept.
    pub sha256: Vec<(Kind, [u8; 32])>,
    /// Of each object kept, where it was asked for.
    pub pruned: Vec<PrunedObject>,
    /// How many of each kind were kept.
    pub counts: BTreeMap<Kind, usize>,
    /// What is known of the lists themselves, beyond the objects in them.
    pub states: BTreeMap<Kind, ReadState>,
    /// What a saved snapshot says of itself.
    pub info: Option<SnapshotInfo>,
    /// What was left out.
    pub notes: Vec<Note>,
    /// The latest moment that any object names.
    pub newest: Time,
    /// Valid objects of kinds that are not read.
    pub not_used: u64,
    /// JSON or YAML that is no Kubernetes object.
    pub not_kubernetes: u64,
    seen: FxHashSet<(Kind, Name, Name)>,
    broken: usize,
    broken_nodes: FxHashSet<String>,
    /// Where in `notes` the duplicates of one kind in one input are counted.
    duplicates: BTreeMap<(Kind, Arc<str>), usize>,
}

/// An object as a saved snapshot has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PrunedObject {
    pub kind: Kind,
    pub namespace: Name,
    pub name: Name,
    pub json: Box<[u8]>,
}

impl Collected {
    pub(crate) fn absorb(&mut self, source: &Source, outcome: Outcome) {
        match outcome {
            Outcome::Kept(kept) => self.absorb_kept(source, kept),
            Outcome::NotUsed => self.not_used += 1,
            Outcome::NotKubernetes => self.not_kubernetes += 1,
            Outcome::Info(info) => {
                self.notes.extend(info.notes.iter().cloned());
                self.info.get_or_insert(*info);
            }
            Outcome::Unreadable(broken) => self.note_broken(source, broken),
        }
    }

    /// A list of this kind was seen to its end.
    pub(crate) fn absorb_list(&mut self, kind: Kind) {
        self.states.entry(kind).or_insert(ReadState::Complete);
    }

    fn absorb_kept(&mut self, source: &Source, kept: Kept) {
        let Kept { kind, namespace, name, newest, sha256, pruned, object } = kept;
        if !self.seen.insert((kind, namespace.clone(), name.clone())) {
            return self.note_duplicate(source, kind, &namespace, &name);
        }
        self.newest = self.newest.max(newest);
        // What pods use is measured anew every few seconds, and no plan is made of it.
        if !matches!(kind, Kind::PodMetrics | Kind::NodeMetrics) {
            self.sha256.push((kind, sha256));
        }
        *self.counts.entry(kind).or_default() += 1;
        if let Some(json) = pruned {
            self.pruned.push(PrunedObject { kind, namespace: namespace.clone(), name: name.clone(), json });
        }
        match object {
            Object::Node(node) => self.nodes.push(*node),
            Object::Pod(pod) => self.pods.push(*pod),
            Object::Namespace(labels) => drop(self.namespaces.insert(name, labels)),
            Object::Budget(budget) => self.budgets.push(*budget),
            Object::LimitRange(range) => self.limit_ranges.push(*range),
            Object::Quota(quota) => self.quotas.push(*quota),
            Object::Volume(volume) => drop(self.volumes.insert(name, *volume)),
            Object::Claim(claim) => drop(self.claims.insert((namespace, name), *claim)),
            Object::StorageClass(class) => drop(self.storage_classes.insert(name, *class)),
            Object::CsiNode(node) => drop(self.csi_nodes.insert(name, *node)),
            Object::CsiDriver(driver) => drop(self.csi_drivers.insert(name, *driver)),
            Object::CsiCapacity(capacity) => self.csi_capacities.push(*capacity),
            Object::Attachment(attachment) => self.volume_attachments.push(*attachment),
            Object::Controller(controller) => self.controllers.push(*controller),
            Object::Autoscaler(autoscaler) => self.autoscalers.push(*autoscaler),
            Object::NodePool(pool) => drop(self.node_pools.insert(name, *pool)),
            Object::Usage(usage) => drop(self.usage.insert((namespace, name), usage)),
            Object::Counted => {}
        }
    }

    fn note_broken(&mut self, source: &Source, broken: Broken) {
        self.broken += 1;
        let is_new_node = broken.node.as_ref().is_some_and(|node| !self.broken_nodes.contains(node));
        if self.broken > MOST_BROKEN
            && !is_new_node
            && let Some(last) = self.notes.iter_mut().rfind(|note| note.code == FindingCode::UnreadableObject.as_str())
        {
            last.count = last.count.saturating_add(1);
            return;
        }
        self.broken_nodes.extend(broken.node.clone());
        self.notes.push(Note {
            code: FindingCode::UnreadableObject.as_str(),
            kind: broken.kind,
            name: broken.name,
            source: source.to_string(),
            message: broken.reason.to_string(),
            node: broken.node,
            count: 1,
        });
    }

    /// Drops everything of a kind whose list began anew.
    pub(crate) fn forget(&mut self, kind: Kind) {
        match kind {
            Kind::Node => self.nodes.clear(),
            Kind::Pod => self.pods.clear(),
            Kind::Namespace => self.namespaces.clear(),
            Kind::PodDisruptionBudget => self.budgets.clear(),
            Kind::LimitRange => self.limit_ranges.clear(),
            Kind::ResourceQuota => self.quotas.clear(),
            Kind::PersistentVolume => self.volumes.clear(),
            Kind::PersistentVolumeClaim => self.claims.clear(),
            Kind::StorageClass => self.storage_classes.clear(),
            Kind::CsiNode => self.csi_nodes.clear(),
            Kind::CsiDriver => self.csi_drivers.clear(),
            Kind::CsiStorageCapacity => self.csi_capacities.clear(),
            Kind::VolumeAttachment => self.volume_attachments.clear(),
            Kind::HorizontalPodAutoscaler => self.autoscalers.clear(),
            Kind::NodePool => self.node_pools.clear(),
            Kind::PodMetrics => self.usage.clear(),
            Kind::Deployment
            | Kind::ReplicaSet
            | Kind::ReplicationController
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob => self.controllers.retain(|controller| controller.kind != kind),
            Kind::PriorityClass | Kind::RuntimeClass | Kind::NodeClaim | Kind::NodeMetrics => {}
        }
        self.sha256.retain(|(of, _)| *of != kind);
        self.pruned.retain(|object| object.kind != kind);
        self.counts.remove(&kind);
        self.states.remove(&kind);
        self.seen.retain(|(of, ..)| *of != kind);
        // Duplicates are counted by their place among the notes, which moves.
        self.notes.retain(|note| note.kind != kind.name());
        self.duplicates.clear();
    }

    /// One note for each kind and input: two dumps of one cluster would else make one for each object.
    fn note_duplicate(&mut self, source: &Source, kind: Kind, namespace: &str, name: &str) {
        let at = *self.duplicates.entry((kind, source.input.clone())).or_insert(self.notes.len());
        if let Some(note) = self.notes.get_mut(at) {
            note.count += 1;
            return;
        }
        self.notes.push(Note {
            code: FindingCode::DuplicateObject.as_str(),
            kind: kind.name().to_owned(),
            name: if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") },
            source: source.to_string(),
            message: "an object of this kind and name was read before; this one is left out".to_owned(),
            node: None,
            count: 1,
        });
    }

    /// When it was taken: what the snapshot says, else the latest moment that any object names.
    pub(crate) fn taken_at(&self) -> Time {
        let stated = self.info.as_ref().and_then(|info| time(info.taken_at.as_deref(), "").ok().flatten());
        stated.unwrap_or(self.newest)
    }

    /// What was read of each kind.
    pub(crate) fn kinds(&self) -> BTreeMap<&'static str, KindRead> {
        let stated = |kind: Kind| {
            let info = self.info.as_ref()?.kinds.get(kind.name())?;
            Some(match (info.state.as_str(), &info.missing_right) {
                ("Complete", _) => ReadState::Complete,
                ("NotServed", _) => ReadState::NotServed,
                ("Forbidden", Some(right)) => ReadState::Forbidden(right.clone()),
                _ => ReadState::NotInInput,
            })
        };
        let read = KINDS.iter().map(|info| {
            let objects = self.counts.get(&info.kind).copied().unwrap_or_default();
            let by_count = if objects > 0 { ReadState::Complete } else { ReadState::NotInInput };
            let state = stated(info.kind).or_else(|| self.states.get(&info.kind).cloned()).unwrap_or(by_count);
            (info.name, KindRead { objects, state })
        });
        read.collect()
    }
}
