//! One object of the input: from its bytes to what the snapshot keeps of it.

use model::snapshot::{NodePool, Usage};
use model::storage::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment,
};
use model::{Labels, LimitRange, Name, Node, Pod, PodDisruptionBudget, ResourceQuota, Time};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::convert::controller::{Autoscaler, Controller};
use crate::convert::{self, Unreadable};
use crate::intern::Interner;
use crate::kinds::Kind;
use crate::wire;
use crate::wire::info::{SNAPSHOT_INFO, SNAPSHOT_INFO_VERSION, SnapshotInfo};
use crate::wire::meta::ObjectMeta;

/// What became of one object.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It is kept.
    Kept(Kept),
    /// A Kubernetes object of a kind that nobody asks for.
    NotUsed,
    /// It says neither apiVersion nor kind: no Kubernetes object at all.
    NotKubernetes,
    /// What a saved snapshot says of itself.
    Info(Box<SnapshotInfo>),
    /// It is left out, and why.
    Unreadable(Broken),
}

/// An object that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub kind: Kind,
    pub namespace: Name,
    pub name: Name,
    /// The latest moment that it names.
    pub newest: Time,
    /// Over `pruned` without heartbeats.
    pub sha256: [u8; 32],
    /// The object as a saved snapshot has it, where somebody wants it.
    pub pruned: Option<Box<[u8]>>,
    pub object: Object,
}

/// An object that was not.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub kind: String,
    /// `namespace/name`, as far as they can be read.
    pub name: String,
    /// The node that a broken pod is bound to.
    pub node: Option<String>,
    pub reason: Unreadable,
}

/// The model's side of an object.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Node(Box<Node>),
    Pod(Box<Pod>),
    Namespace(Labels),
    Budget(Box<PodDisruptionBudget>),
    LimitRange(Box<LimitRange>),
    Quota(Box<ResourceQuota>),
    Volume(Box<PersistentVolume>),
    Claim(Box<PersistentVolumeClaim>),
    StorageClass(Box<StorageClass>),
    CsiNode(Box<CsiNode>),
    CsiDriver(Box<CsiDriver>),
    CsiCapacity(Box<CsiStorageCapacity>),
    Attachment(Box<VolumeAttachment>),
    Controller(Box<Controller>),
    Autoscaler(Box<Autoscaler>),
    NodePool(Box<NodePool>),
    Usage(Usage),
    /// Kept in saved snapshots and counted; the model does not ask for it yet.
    Counted,
}

/// Whether the pruned JSON is kept beside the model's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Model,
    ModelAndPruned,
}

/// apiVersion and kind: of an item, or what a list says of all its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TypeMeta {
    #[serde(deserialize_with = "wire::null_as_default")]
    pub api_version: String,
    #[serde(deserialize_with = "wire::null_as_default")]
    pub kind: String,
}

impl TypeMeta {
    pub(crate) fn is_empty(&self) -> bool {
        self.kind.is_empty()
    }

    /// What the items of this list are, where its kind says so: `PodList` holds `Pod`.
    pub(crate) fn of_items(&self) -> TypeMeta {
        let kind = match self.kind.strip_suffix("List") {
            Some(kind) if !kind.is_empty() => kind.to_owned(),
            _ => String::new(),
        };
        TypeMeta { api_version: if kind.is_empty() { String::new() } else { self.api_version.clone() }, kind }
    }
}

/// Reads one object. `from_list` is what its list says of its items; `guess` is the kind of the object before it,
/// which spares looking at the bytes twice.
pub(crate) fn read_object(
    bytes: &[u8],
    from_list: &TypeMeta,
    guess: &mut Option<Kind>,
    keep: Keep,
    interner: &Interner,
) -> Outcome {
    let of_list = Kind::of(&from_list.api_version, &from_list.kind);
    if let Some(kind) = guess.or(of_list)
        && let Some(outcome) = read_as(kind, Certainty::Guessed, bytes, from_list, keep, interner)
    {
        return outcome;
    }
    // The guess was wrong, or the object is broken: look what it says it is.
    let own: TypeMeta = match serde_json::from_slice(bytes) {
        Ok(own) => own,
        Err(error) => return Outcome::Unreadable(broken(bytes, from_list, Unreadable::new("", error.to_string()))),
    };
    let type_meta = if own.is_empty() { from_list } else { &own };
    if type_meta.is_empty() {
        return Outcome::NotKubernetes;
    }
    if type_meta.kind == SNAPSHOT_INFO && type_meta.api_version == SNAPSHOT_INFO_VERSION {
        return match serde_json::from_slice(bytes) {
            Ok(info) => Outcome::Info(Box::new(info)),
            Err(error) => Outcome::Unreadable(broken(bytes, from_list, Unreadable::new("", error.to_string()))),
        };
    }
    let Some(kind) = Kind::of(&type_meta.api_version, &type_meta.kind) else { return Outcome::NotUsed };
    *guess = Some(kind);
    // It is certain now, so there is an outcome.
    read_as(kind, Certainty::Certain, bytes, from_list, keep, interner).unwrap_or(Outcome::NotUsed)
}

/// Whether the object's own words for its kind were read already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    Guessed,
    Certain,
}

/// `None` where the kind was a guess, and the bytes have another shape or say that they are another.
fn read_as(
    kind: Kind,
    certainty: Certainty,
    bytes: &[u8],
    from_list: &TypeMeta,
    keep: Keep,
    interner: &Interner,
) -> Option<Outcome> {
    let reader = Reader { kind, certainty, bytes, from_list, keep, interner };
    use wire::{apps, node, pod, policy, storage};
    match kind {
        Kind::Node => reader.read(|wire: &node::Node| Ok(Object::Node(Box::new(convert::node::node(wire, interner)?)))),
        Kind::Pod => reader.read(|wire: &pod::Pod| Ok(Object::Pod(Box::new(convert::pod::pod(wire, interner)?)))),
        Kind::Namespace => reader.read(|wire: &node::Namespace| {
            Ok(Object::Namespace(convert::labels::labels(&wire.metadata.labels, interner)))
        }),
        Kind::PodDisruptionBudget => reader.read(|wire: &policy::PodDisruptionBudget| {
            Ok(Object::Budget(Box::new(convert::budget::budget(wire, interner)?)))
        }),
        Kind::PersistentVolume => reader.read(|wire: &storage::PersistentVolume| {
            Ok(Object::Volume(Box::new(convert::storage::volume(wire, interner)?)))
        }),
        Kind::PersistentVolumeClaim => reader.read(|wire: &storage::PersistentVolumeClaim| {
            Ok(Object::Claim(Box::new(convert::storage::claim(wire, interner)?)))
        }),
        Kind::StorageClass => reader.read(|wire: &storage::StorageClass| {
            Ok(Object::StorageClass(Box::new(convert::storage::storage_class(wire, interner))))
        }),
        Kind::CsiNode => reader
            .read(|wire: &storage::CsiNode| Ok(Object::CsiNode(Box::new(convert::storage::csi_node(wire, interner))))),
        Kind::CsiDriver => reader.read(|wire: &storage::CsiDriver| {
            Ok(Object::CsiDriver(Box::new(convert::storage::csi_driver(wire, interner))))
        }),
        Kind::CsiStorageCapacity => reader.read(|wire: &storage::CsiStorageCapacity| {
            Ok(Object::CsiCapacity(Box::new(convert::storage::csi_capacity(wire, interner)?)))
        }),
        Kind::VolumeAttachment => reader.read(|wire: &storage::VolumeAttachment| {
            Ok(Object::Attachment(Box::new(convert::storage::attachment(wire, interner))))
        }),
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => reader.read(|wire: &apps::Controller| {
            Ok(Object::Controller(Box::new(convert::controller::controller(kind, wire, interner)?)))
        }),
        Kind::HorizontalPodAutoscaler => reader.read(|wire: &apps::HorizontalPodAutoscaler| {
            Ok(Object::Autoscaler(Box::new(convert::controller::autoscaler(wire, interner))))
        }),
        Kind::NodePool => reader
            .read(|wire: &node::NodePool| Ok(Object::NodePool(Box::new(convert::node::node_pool(wire, interner)?)))),
        Kind::PodMetrics => reader.read(|wire: &node::PodMetrics| Ok(Object::Usage(convert::node::usage(wire)?))),
        Kind::PriorityClass => reader.read(|_: &policy::PriorityClass| Ok(Object::Counted)),
        Kind::RuntimeClass => reader.read(|_: &node::RuntimeClass| Ok(Object::Counted)),
        Kind::ResourceQuota => reader
            .read(|wire: &policy::ResourceQuota| Ok(Object::Quota(Box::new(convert::limits::quota(wire, interner)?)))),
        Kind::LimitRange => reader.read(|wire: &policy::LimitRange| {
            Ok(Object::LimitRange(Box::new(convert::limits::limit_range(wire, interner)?)))
        }),
        Kind::NodeClaim => reader.read(|_: &node::NodeClaim| Ok(Object::Counted)),
        Kind::NodeMetrics => reader.read(|_: &node::NodeMetrics| Ok(Object::Counted)),
    }
}

struct Reader<'a> {
    kind: Kind,
    certainty: Certainty,
    bytes: &'a [u8],
    from_list: &'a TypeMeta,
    keep: Keep,
    interner: &'a Interner,
}

impl Reader<'_> {
    fn read<W: WireObject>(&self, to_model: impl FnOnce(&W) -> Result<Object, Unreadable>) -> Option<Outcome> {
        let as_unreadable = |reason| Some(Outcome::Unreadable(broken(self.bytes, self.from_list, reason)));
        let mut wire: W = match serde_json::from_slice(self.bytes) {
            Ok(wire) => wire,
            Err(_) if self.certainty == Certainty::Guessed => return None,
            Err(_) => return as_unreadable(wrong_field::<W>(self.bytes)),
        };
        let (api_version, kind) = wire.type_meta();
        let says = if kind.is_empty() {
            Kind::of(&self.from_list.api_version, &self.from_list.kind)
        } else {
            Kind::of(api_version, kind)
        };
        if says != Some(self.kind) {
            return None;
        }
        // One spelling for all versions and sources, so that a live cluster and its dump have one digest.
        let info = self.kind.info();
        *kind = info.name.to_owned();
        *api_version = info.api_version();
        let meta = wire.metadata_mut();
        if info.namespaced && meta.namespace.is_empty() {
            "default".clone_into(&mut meta.namespace);
        }
        let (namespace, name) = (self.interner.name(&meta.namespace), Name::from(meta.name.as_str()));
        if name.is_empty() {
            return as_unreadable(Unreadable::new("metadata.name", "it is missing"));
        }
        let object = match to_model(&wire) {
            Ok(object) => object,
            Err(reason) => return as_unreadable(reason),
        };
        let newest = newest(&wire);
        let pruned = match serde_json::to_vec(&wire) {
            Ok(pruned) => pruned,
            Err(error) => return as_unreadable(Unreadable::new("", error.to_string())),
        };
        let still = if wire.take_heartbeats() { serde_json::to_vec(&wire).ok() } else { None };
        Some(Outcome::Kept(Kept {
            kind: self.kind,
            namespace,
            name,
            newest,
            sha256: Sha256::digest(still.as_deref().unwrap_or(&pruned)).into(),
            pruned: (self.keep == Keep::ModelAndPruned).then(|| pruned.into_boxed_slice()),
            object,
        }))
    }
}

/// What all wire objects have.
trait WireObject: DeserializeOwned + Serialize {
    fn type_meta(&mut self) -> (&mut String, &mut String);
    fn metadata(&self) -> &ObjectMeta;
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    /// Moments beside its creation at which it was surely there.
    fn moments(&self) -> Vec<&str> {
        Vec::new()
    }
    /// Takes out what is written anew while nothing happens, so that it is in no digest. Was there any?
    fn take_heartbeats(&mut self) -> bool {
        false
    }
}

macro_rules! wire_objects {
    ($($type:ty $(, moments: |$object:ident| $moments:expr)? $(, heartbeats: |$beating:ident| $taken:expr)?;)*) => {$(
        impl WireObject for $type {
            fn type_meta(&mut self) -> (&mut String, &mut String) {
                (&mut self.api_version, &mut self.kind)
            }
            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
            $(fn moments(&self) -> Vec<&str> {
                let $object = self;
                $moments
            })?
            $(fn take_heartbeats(&mut self) -> bool {
                let $beating = self;
                $taken
            })?
        }
    )*};
}

wire_objects! {
    wire::node::Node, moments: |node| condition_moments(&node.status.conditions), heartbeats: |node| {
        // A kubelet sends one every five minutes: of a large cluster's nodes some node does at any moment.
        let taken = node.status.conditions.0.iter_mut().map(|one| one.last_heartbeat_time.take().is_some());
        taken.fold(false, |any, one| any | one)
    };
    wire::pod::Pod, moments: |pod| {
        let mut moments = condition_moments(&pod.status.conditions);
        moments.extend(pod.status.start_time.as_deref());
        moments
    };
    wire::node::Namespace;
    wire::policy::PodDisruptionBudget;
    wire::storage::PersistentVolume;
    wire::storage::PersistentVolumeClaim;
    wire::storage::StorageClass;
    wire::storage::CsiNode;
    wire::storage::CsiDriver;
    wire::storage::CsiStorageCapacity;
    wire::storage::VolumeAttachment;
    wire::apps::Controller, moments: |object| condition_moments(&object.status.conditions);
    wire::apps::HorizontalPodAutoscaler;
    wire::node::NodePool;
    wire::node::NodeClaim;
    wire::node::RuntimeClass;
    wire::node::PodMetrics, moments: |metrics| metrics.timestamp.as_deref().into_iter().collect();
    wire::node::NodeMetrics, moments: |metrics| metrics.timestamp.as_deref().into_iter().collect();
    wire::policy::PriorityClass;
    wire::policy::ResourceQuota;
    wire::policy::LimitRange;
}

fn condition_moments(conditions: &wire::meta::Conditions) -> Vec<&str> {
    conditions
        .0
        .iter()
        .flat_map(|one| [one.last_transition_time.as_deref(), one.last_heartbeat_time.as_deref()])
        .flatten()
        .collect()
}

fn newest<W: WireObject>(wire: &W) -> Time {
    let mut moments = wire.moments();
    moments.extend(wire.metadata().creation_timestamp.as_deref());
    let times = moments.into_iter().filter_map(|text| convert::time::time(Some(text), "").ok().flatten());
    times.max().unwrap_or_default()
}

/// Reads again, slowly, to say which field has the wrong type.
fn wrong_field<W: DeserializeOwned>(bytes: &[u8]) -> Unreadable {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, W>(&mut deserializer) {
        Ok(_) => Unreadable::new("", "more follows where the object ends"),
        Err(error) => Unreadable::new(error.path().to_string(), error.inner().to_string()),
    }
}

/// As much of its identity as can be read.
fn broken(bytes: &[u8], type_meta: &TypeMeta, reason: Unreadable) -> Broken {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |pointer: &str| value.pointer(pointer).and_then(|found| found.as_str()).unwrap_or_default();
    let own_kind = text("/kind");
    let kind = if own_kind.is_empty() { &type_meta.kind } else { own_kind };
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let node = text("/spec/nodeName");
    let is_finished = matches!(text("/status/phase"), "Succeeded" | "Failed");
    Broken {
        kind: kind.to_owned(),
        name: if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") },
        node: (kind == "Pod" && !node.is_empty() && !is_finished).then(|| node.to_owned()),
        reason,
    }
}
