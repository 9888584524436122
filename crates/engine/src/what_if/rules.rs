//! Rules of placement taken out of a workload's template.

use std::sync::Arc;

use model::placement::{NodeSelectorTerm, WhenUnsatisfiable};
use model::{Pod, PodSpec, Snapshot, Workload, WorkloadRef};

use super::PremiseError;

/// A rule of a template that a filter keeps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The hard topology spread constraints over this label, or over all of them.
    Spread(Option<model::Name>),
    /// Required pod affinity.
    PodAffinity,
    /// Required pod anti-affinity.
    PodAntiAffinity,
    /// Node selector and required node affinity, but for what the images are made for.
    NodeAffinity,
}

/// What an image is made for is no rule that its owner could drop.
const OF_THE_IMAGE: [&str; 5] = [
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "node.kubernetes.io/windows-build",
];

impl Rule {
    /// Does the spec have such a rule?
    pub fn is_in(&self, spec: &PodSpec) -> bool {
        match self {
            Rule::Spread(key) => spec.topology_spread.iter().any(|constraint| {
                constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule
                    && key.as_ref().is_none_or(|key| *key == constraint.topology_key)
            }),
            Rule::PodAffinity => !spec.pod_affinity.is_empty(),
            Rule::PodAntiAffinity => !spec.pod_anti_affinity.is_empty(),
            Rule::NodeAffinity => selected_keys(spec).next().is_some() || has_droppable_affinity(spec),
        }
    }

    /// Takes it out.
    fn drop_from(&self, spec: &mut PodSpec) {
        match self {
            Rule::Spread(key) => {
                let is_meant = |of: &model::Name| key.as_ref().is_none_or(|key| key == of);
                for constraint in spec.topology_spread.iter_mut().filter(|one| is_meant(&one.topology_key)) {
                    constraint.when_unsatisfiable = WhenUnsatisfiable::ScheduleAnyway;
                }
            }
            Rule::PodAffinity => spec.pod_affinity.clear(),
            Rule::PodAntiAffinity => spec.pod_anti_affinity.clear(),
            Rule::NodeAffinity => {
                let pairs = spec.node_selector.iter().filter(|(key, _)| is_of_the_image(key));
                spec.node_selector =
                    model::Labels::new(pairs.map(|(key, value)| (key.clone(), value.clone())).collect());
                if has_droppable_affinity(spec) {
                    spec.node_affinity = None;
                }
            }
        }
    }
}

/// The workload's pods without the rule.
pub(crate) fn drop_rule(snapshot: &mut Snapshot, workload: u32, rule: &Rule) {
    change_specs(snapshot, workload, |spec| rule.drop_from(spec));
}

/// Changes the specs of a workload's pods, as a change of its template does once it has rolled out.
pub(crate) fn change_specs(snapshot: &mut Snapshot, workload: u32, change: impl Fn(&mut PodSpec)) {
    for pod in snapshot.pods.iter_mut().filter(|pod| pod.workload == Some(workload)) {
        change(Arc::make_mut(&mut pod.spec));
    }
}

/// Keys of the node selector that could be dropped.
pub(crate) fn selected_keys(spec: &PodSpec) -> impl Iterator<Item = &model::Name> {
    spec.node_selector.iter().map(|(key, _)| key).filter(|key| !is_of_the_image(key))
}

/// Is there a required node affinity that says nothing of the image?
pub(crate) fn has_droppable_affinity(spec: &PodSpec) -> bool {
    let is_free = |term: &NodeSelectorTerm| {
        term.match_fields.is_empty() && !term.match_expressions.iter().any(|one| is_of_the_image(&one.key))
    };
    spec.node_affinity.as_ref().is_some_and(|terms| terms.iter().all(is_free))
}

fn is_of_the_image(key: &str) -> bool {
    OF_THE_IMAGE.contains(&key)
}

/// The premise that a workload's pods have none of these rules.
pub(super) fn without(
    snapshot: &mut Snapshot,
    workload: &WorkloadRef,
    rules: &[Rule],
) -> Result<Option<String>, PremiseError> {
    let number = find(snapshot, workload)?;
    let has_any = |pod: &Pod| rules.iter().any(|rule| rule.is_in(&pod.spec));
    if !snapshot.pods.iter().any(|pod| pod.workload == Some(number) && has_any(pod)) {
        let with = snapshot.pods.iter().filter(|pod| pod.namespace == workload.namespace && has_any(pod));
        let with = with.filter_map(|pod| Some(snapshot.workload_of(pod)?.reference.to_string()));
        return Err(PremiseError::new(format!("{workload} has no such rule"), with));
    }
    rules.iter().for_each(|rule| drop_rule(snapshot, number, rule));
    Ok(Some(format!("{workload} still has its rule")))
}

/// The index of a workload.
pub(super) fn find(snapshot: &Snapshot, workload: &WorkloadRef) -> Result<u32, PremiseError> {
    let is_meant = |other: &Workload| {
        let other = &other.reference;
        other.kind.eq_ignore_ascii_case(&workload.kind)
            && (&other.namespace, &other.name) == (&workload.namespace, &workload.name)
    };
    if let Some(at) = snapshot.workloads.iter().position(is_meant) {
        return Ok(at as u32);
    }
    let own = snapshot.workloads.iter().filter(|other| other.reference.namespace == workload.namespace);
    let mut known: Vec<String> = own.map(|other| other.reference.to_string()).collect();
    if known.is_empty() {
        known = snapshot.workloads.iter().map(|other| format!("namespace {}", other.reference.namespace)).collect();
    }
    Err(PremiseError::new(format!("there is no {workload}"), known))
}
