//! What the reader noticed: objects left out, kinds that are missing, pods on nodes that are not there.

use std::collections::{BTreeMap, BTreeSet};

use model::{Finding, FindingCode, LabelSelector, ReadState, Resources, Severity, Snapshot, Subject};

use crate::wire::info::Note;

/// The notes of objects left out, as findings.
pub(crate) fn of_notes(notes: &[Note]) -> Vec<Finding> {
    let finding = |note: &Note| {
        let is_duplicate = note.code == FindingCode::DuplicateObject.as_str();
        let code = if is_duplicate { FindingCode::DuplicateObject } else { FindingCode::UnreadableObject };
        let subject = Subject::Object { kind: note.kind.clone(), name: note.name.clone(), source: note.source.clone() };
        let severity = if is_duplicate { Severity::Warning } else { Severity::Error };
        Finding { count: note.count.max(1), ..Finding::new(code, subject, note.message.clone()).severity(severity) }
    };
    notes.iter().map(finding).collect()
}

/// A node with a pod on it that could not be read: nobody knows what is free there.
pub(crate) fn mark_unreadable_nodes(snapshot: &mut Snapshot, notes: &[Note]) {
    let unreadable: BTreeSet<&str> = notes.iter().filter_map(|note| note.node.as_deref()).collect();
    for node in &mut snapshot.nodes {
        node.unreadable = unreadable.contains(&*node.name);
    }
}

/// What the whole of it shows.
pub(crate) fn of_snapshot(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = missing_kinds(snapshot);
    findings.extend(pods_on_missing_nodes(snapshot));
    for node in &snapshot.nodes {
        let Resources { cpu, memory, pods, .. } = node.allocatable;
        if cpu == 0 || memory == 0 || pods == 0 {
            let what = [(cpu, "cpu"), (memory, "memory"), (pods, "pods")];
            let none: Vec<&str> = what.iter().filter(|(amount, _)| *amount == 0).map(|(_, name)| *name).collect();
            findings.push(
                Finding::new(
                    FindingCode::NodeWithoutAllocatable,
                    Subject::Node(node.name.clone()),
                    format!("status.allocatable has no {}, so nothing fits on it", none.join(", no ")),
                )
                .severity(Severity::Warning),
            );
        }
    }
    findings
}

/// One finding for each missing node, with how many pods name it.
fn pods_on_missing_nodes(snapshot: &Snapshot) -> Vec<Finding> {
    // Without any node the kind itself is missing, and is reported as that.
    if snapshot.nodes.is_empty() {
        return Vec::new();
    }
    let mut missing: BTreeMap<&str, Vec<&model::Pod>> = BTreeMap::new();
    for pod in &snapshot.pods {
        if let Some(node) = pod.node.as_deref()
            && !pod.is_finished()
            && snapshot.node(node).is_none()
        {
            missing.entry(node).or_default().push(pod);
        }
    }
    let finding = |(node, pods): (&str, Vec<&model::Pod>)| {
        let first = pods.first()?;
        let others = match pods.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let subject = Subject::Pod { namespace: first.namespace.clone(), name: first.name.clone() };
        let message = format!("pod {}{others} is bound to node {node}, which is not there", first.key());
        let finding = Finding::new(FindingCode::PodOnMissingNode, subject, message).severity(Severity::Warning);
        Some(Finding { count: u32::try_from(pods.len()).unwrap_or(u32::MAX), ..finding })
    };
    missing.into_iter().filter_map(finding).collect()
}

/// Kinds whose absence weakens the answers.
fn missing_kinds(snapshot: &Snapshot) -> Vec<Finding> {
    let selects_namespaces = |selector: &Option<LabelSelector>| selector.is_some();
    let uses_claims = snapshot.pods.iter().any(|pod| pod.claims().next().is_some());
    let uses_namespace_selectors = snapshot.pods.iter().any(|pod| {
        let terms = pod.spec.pod_affinity.iter().chain(&pod.spec.pod_anti_affinity);
        terms.into_iter().any(|term| selects_namespaces(&term.namespace_selector))
    });
    let owned_by =
        |kind: &str| snapshot.pods.iter().any(|pod| pod.controller.as_ref().is_some_and(|owner| &*owner.kind == kind));
    let of_replica_sets = owned_by("ReplicaSet");
    let wanted: [(&str, bool, &str); 10] = [
        ("Node", true, "nothing can be placed or priced"),
        ("Pod", true, "nodes look empty that are not"),
        ("PodDisruptionBudget", true, "evictions may break a budget that is not known here"),
        ("ReplicaSet", of_replica_sets, "nobody knows whether a rollout is under way"),
        ("Deployment", of_replica_sets, "nobody knows whether a rollout is under way"),
        ("StatefulSet", owned_by("StatefulSet"), "nobody knows whether a rollout is under way"),
        ("PersistentVolumeClaim", uses_claims, "pods with claims cannot be moved"),
        ("PersistentVolume", uses_claims, "pods with claims cannot be moved"),
        ("StorageClass", uses_claims, "pods with unbound claims cannot be moved"),
        ("Namespace", uses_namespace_selectors, "namespace selectors of affinity terms select nothing"),
    ];
    let mut findings = Vec::new();
    for (kind, matters, weakens) in wanted {
        let Some(read) = snapshot.kinds.get(kind).filter(|_| matters) else { continue };
        let plural = plural(kind);
        let (code, message, hint) = match &read.state {
            ReadState::Complete => continue,
            ReadState::NotInInput => (
                FindingCode::MissingKind,
                format!("there is no {kind} in the input: {weakens}"),
                format!("add the output of: kubectl get {plural} -A -o json"),
            ),
            ReadState::NotServed => (
                FindingCode::MissingKind,
                format!("the API server does not serve {plural}: {weakens}"),
                "check the API server's version and its enabled APIs".to_owned(),
            ),
            // Named in full below, with all other rights.
            ReadState::Forbidden(_) => continue,
        };
        findings.push(Finding::new(code, Subject::Cluster, message).severity(Severity::Warning).hint(hint));
    }
    for (kind, read) in &snapshot.kinds {
        if let ReadState::Forbidden(right) = &read.state {
            let weakens = wanted.iter().find(|row| row.0 == *kind).map_or(String::new(), |row| format!(": {}", row.2));
            findings.push(
                Finding::new(FindingCode::MissingRight, Subject::Cluster, format!("not allowed to {right}{weakens}"))
                    .severity(Severity::Warning)
                    .hint(format!("grant the right to {right}, for instance with the chart's read-only ClusterRole")),
            );
        }
    }
    findings
}

fn plural(kind: &str) -> &'static str {
    crate::kinds::KINDS.iter().find(|info| info.name == kind).map_or("", |info| info.plural)
}
