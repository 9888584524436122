//! Knobs: each takes one field away from a cluster, or all that a filter reads, or reads one field for another. Turned
//! on our input alone, a knob stands for an engine that does not know it; one that changes no answer would mean that
//! nobody tests it.

mod edit;
mod filters;
mod node_choice;
mod provisioning;
mod relations;
mod resources;
mod spread;
mod taints;
mod volumes;

use serde_json::Value;

/// One field or filter, and what it would be not to know it.
#[derive(Clone, Copy)]
pub struct Knob {
    /// The scheduler's plugin that reads the field.
    pub filter: &'static str,
    /// The field, or what is taken for what.
    pub field: &'static str,
    /// Whose answers tell; elsewhere the knob changes more than it stands for.
    pub tells: Tells,
    turn: fn(&mut Vec<Value>),
}

/// Whose answers are compared when a knob is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Those of all pods.
    AllPods,
    /// Those of pods that are on no node, which therefore take nothing from others.
    UnboundPods,
}

impl Knob {
    /// The objects without the field; nothing where the cluster does not have it.
    pub fn turned(&self, items: &[Value]) -> Option<Vec<Value>> {
        let mut without = items.to_vec();
        (self.turn)(&mut without);
        (without != items).then_some(without)
    }
}

/// All knobs: whole filters first, then fields, in the order of the scheduler's plugins.
pub fn all() -> Vec<Knob> {
    [
        filters::KNOBS,
        taints::KNOBS,
        node_choice::KNOBS,
        resources::KNOBS,
        volumes::KNOBS,
        provisioning::KNOBS,
        spread::KNOBS,
        relations::KNOBS,
    ]
    .concat()
    .into_iter()
    .map(|(filter, field, tells, turn)| Knob { filter, field, tells, turn })
    .collect()
}

/// A line of a list of knobs.
type Row = (&'static str, &'static str, Tells, fn(&mut Vec<Value>));
