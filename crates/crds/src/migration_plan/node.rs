//! An added node as a v1.Node, with what decides about placement.

use std::collections::BTreeMap;

use model::{Labels, Name, Node, Quantity, Resources, Taint, TaintEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::convert::time;
use super::error::PlanError;

/// A v1.Node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeObject {
    /// `v1`.
    #[serde(default)]
    pub api_version: String,
    /// `Node`.
    #[serde(default)]
    pub kind: String,
    /// Name, labels and annotations.
    pub metadata: NodeMetadata,
    /// Taints.
    #[serde(default)]
    pub spec: NodeSpec,
    /// Allocatable.
    pub status: NodeStatus,
}

/// metadata of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeMetadata {
    /// metadata.name.
    pub name: Name,
    /// metadata.uid.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub uid: Name,
    /// metadata.labels.
    #[serde(default)]
    pub labels: BTreeMap<Name, Name>,
    /// metadata.annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Name, Name>,
    /// metadata.creationTimestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<String>,
}

/// spec of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Which cloud's which machine.
    #[serde(default, rename = "providerID", skip_serializing_if = "str::is_empty")]
    pub provider_id: Name,
    /// Cordoned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unschedulable: bool,
    /// spec.taints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<NodeTaint>,
}

/// One taint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeTaint {
    /// Its key.
    pub key: Name,
    /// Its value.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub value: Name,
    /// Its effect.
    #[schemars(extend("enum" = ["NoSchedule", "PreferNoSchedule", "NoExecute"]))]
    pub effect: String,
}

/// status of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// What pods may ask for.
    pub allocatable: BTreeMap<String, String>,
    /// What the machine has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity: BTreeMap<String, String>,
    /// Of its conditions, Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<NodeCondition>,
    /// Features it declares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared_features: Vec<Name>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeCondition {
    /// Such as `Ready`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

/// A node that does not exist yet: it is not being deleted, and nothing about it is unreadable.
impl From<&Node> for NodeObject {
    fn from(node: &Node) -> NodeObject {
        let map = |labels: &Labels| labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let ready = if node.ready { "True" } else { "False" };
        let taint = |taint: &Taint| NodeTaint {
            key: taint.key.clone(),
            value: taint.value.clone(),
            effect: effect_name(taint.effect).to_owned(),
        };
        NodeObject {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            metadata: NodeMetadata {
                name: node.name.clone(),
                uid: node.uid.clone(),
                labels: map(&node.labels),
                annotations: map(&node.annotations),
                creation_timestamp: node.created.map(|created| created.to_string()),
            },
            spec: NodeSpec {
                provider_id: node.provider_id.clone(),
                unschedulable: node.unschedulable,
                taints: node.taints.iter().map(taint).collect(),
            },
            status: NodeStatus {
                allocatable: quantities(&node.allocatable),
                capacity: quantities(&node.capacity),
                conditions: vec![NodeCondition { kind: "Ready".to_owned(), status: ready.to_owned() }],
                declared_features: node.declared_features.clone(),
            },
        }
    }
}

impl NodeObject {
    /// The node meant; `field` is where it stands.
    pub(super) fn to_node(&self, field: &str) -> Result<Node, PlanError> {
        let NodeObject { metadata, spec, status, .. } = self;
        if metadata.name.is_empty() {
            return Err(PlanError::field(format!("{field}.metadata.name"), "is empty"));
        }
        let labels =
            |map: &BTreeMap<Name, Name>| Labels::new(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
        let mut taints = Vec::with_capacity(spec.taints.len());
        for (at, taint) in spec.taints.iter().enumerate() {
            let effect = effect_of(&taint.effect).ok_or_else(|| {
                let wrong = format!("{:?} is none of NoSchedule, PreferNoSchedule and NoExecute", taint.effect);
                PlanError::field(format!("{field}.spec.taints[{at}].effect"), wrong)
            })?;
            taints.push(Taint { key: taint.key.clone(), value: taint.value.clone(), effect });
        }
        let created = metadata.creation_timestamp.as_deref();
        let mut declared_features = status.declared_features.clone();
        declared_features.sort();
        Ok(Node {
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            labels: labels(&metadata.labels),
            annotations: labels(&metadata.annotations),
            created: created.map(|text| time(text, &format!("{field}.metadata.creationTimestamp"))).transpose()?,
            unschedulable: spec.unschedulable,
            taints,
            allocatable: resources(&status.allocatable, &format!("{field}.status.allocatable"))?,
            capacity: resources(&status.capacity, &format!("{field}.status.capacity"))?,
            ready: status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True"),
            terminating: false,
            declared_features,
            provider_id: spec.provider_id.clone(),
            unreadable: false,
        })
    }
}

fn effect_name(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

fn effect_of(name: &str) -> Option<TaintEffect> {
    [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute]
        .into_iter()
        .find(|effect| effect_name(*effect) == name)
}

/// Amounts that are not zero, as Kubernetes writes them.
fn quantities(resources: &Resources) -> BTreeMap<String, String> {
    let whole = |amount: i64| amount.to_string();
    let cpu = if resources.cpu % 1_000 == 0 { whole(resources.cpu / 1_000) } else { format!("{}m", resources.cpu) };
    let mut quantities = BTreeMap::new();
    let mut put = |name: &str, amount: i64, text: String| {
        if amount != 0 {
            quantities.insert(name.to_owned(), text);
        }
    };
    put("cpu", resources.cpu, cpu);
    put("memory", resources.memory, whole(resources.memory));
    put("ephemeral-storage", resources.ephemeral_storage, whole(resources.ephemeral_storage));
    put("pods", resources.pods, whole(resources.pods));
    for (name, amount) in &resources.scalar {
        put(name, *amount, whole(*amount));
    }
    quantities
}

fn resources(quantities: &BTreeMap<String, String>, field: &str) -> Result<Resources, PlanError> {
    let mut resources = Resources::default();
    for (name, text) in quantities {
        let at = || format!("{field}.{}", crate::read::shown(name));
        let quantity = Quantity::parse(text).map_err(|error| PlanError::field(at(), error.to_string()))?;
        if quantity.is_negative() {
            return Err(PlanError::field(at(), format!("{} is below zero", crate::read::shown(text))));
        }
        match name.as_str() {
            "cpu" => resources.cpu = quantity.milli_value(),
            "memory" => resources.memory = quantity.value(),
            "ephemeral-storage" => resources.ephemeral_storage = quantity.value(),
            "pods" => resources.pods = quantity.value(),
            _ if quantity.is_zero() => {}
            // In order already: the map is sorted.
            _ => resources.scalar.push((name.as_str().into(), quantity.value())),
        }
    }
    Ok(resources)
}
