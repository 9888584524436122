//! For every dollar not saved, the reason: why each node stays, and why pods did not move.

use std::collections::{BTreeMap, BTreeSet};

use model::{Finding, FindingCode, Name, Severity, Subject, Summary, UsdPerHour, WorkloadRef};

use crate::state::Rule;

use super::Problem;
use super::best_fit::ByRoom;
use super::circles::Circle;
use super::drain::{taken_to_empty, units_to_move};
use super::limits::Limits;
use super::placement::Placement;
use super::waves::Move;

/// What a plan could have done, and did not.
#[derive(Default)]
pub struct Undone<'a> {
    /// The limits on its moves.
    pub limits: Limits,
    /// What they cost in all.
    pub finding: Option<Finding>,
    /// Nodes of a plan that was dropped, since it saves less than the policy wants.
    pub dropped: &'a [Name],
}

/// What could have moved, but not legally on the way.
#[derive(Clone, Default)]
pub struct Stuck {
    /// Nodes that could have been emptied.
    pub nodes: Vec<u32>,
    /// Moves that wait for each other.
    pub circles: Vec<Circle>,
}

impl Stuck {
    /// `a → b → a (web/x, web/y)`, where pods of the node wait in a circle.
    fn circle_of(&self, problem: &Problem<'_>, node: u32) -> Option<String> {
        let circle = self.circles.iter().find(|circle| circle.moves.iter().any(|step| step.from == node))?;
        let snapshot = problem.snapshot();
        let name = |step: &Move| &*snapshot.nodes[step.from as usize].name;
        let around: Vec<&str> = circle.moves.iter().chain(circle.moves.first()).map(name).collect();
        let pods = circle.moves.iter().flat_map(|step| &step.pods);
        let pods: Vec<String> = pods.map(|pod| snapshot.pods[*pod as usize].key()).collect();
        Some(format!("{} ({})", around.join(" → "), pods.join(", ")))
    }
}

/// The findings about a placement that is final.
pub fn findings(problem: &Problem<'_>, placement: &Placement<'_>, stuck: &Stuck, undone: &Undone<'_>) -> Vec<Finding> {
    let mut findings = of_pods(problem, placement, &|_| true);
    findings.extend(undone.finding.clone());
    findings.extend(preferences(problem, placement));
    let mut trial = placement.clone();
    let mut limited = Limited { undone, chooser: ByRoom::new(placement) };
    for node in 0..problem.cluster.nodes() {
        if !placement.removed.contains(&(node as u32)) {
            findings.push(node_kept(problem, &mut trial, stuck, &mut limited, node));
        }
    }
    sort(&mut findings);
    findings
}

/// Dearest first.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.usd_per_hour.cmp(&a.usd_per_hour).then(a.code.cmp(&b.code)).then_with(|| a.subject.cmp(&b.subject))
    });
}

/// Why these nodes stay, those of them that do.
pub(super) fn of_nodes(problem: &Problem<'_>, placement: &mut Placement<'_>, nodes: &BTreeSet<usize>) -> Vec<Finding> {
    let (stuck, undone) = (Stuck::default(), Undone::default());
    let mut limited = Limited { undone: &undone, chooser: ByRoom::new(placement) };
    let stay: Vec<usize> = nodes.iter().copied().filter(|node| !placement.removed.contains(&(*node as u32))).collect();
    stay.into_iter().map(|node| node_kept(problem, placement, &stuck, &mut limited, node)).collect()
}

/// How many pods move to where they like it less, and to where they like it more.
fn preferences(problem: &Problem<'_>, placement: &Placement<'_>) -> Option<Finding> {
    if !problem.cluster.has_preferences {
        return None;
    }
    let start = Placement::of_snapshot(problem);
    let (mut broken, mut healed, mut weight) = (0_u32, 0_u32, 0);
    for pod in 0..placement.at.len() as u32 {
        let (home, at) = (problem.cluster.pods[pod as usize].node, placement.at[pod as usize]);
        if home.is_none() || at.is_none() || home == at {
            continue;
        }
        let more = placement.broken_by(std::iter::once(pod)) - start.broken_by(std::iter::once(pod));
        broken += u32::from(more > 0);
        healed += u32::from(more < 0);
        weight += more;
    }
    let pods = |number: u32| if number == 1 { "1 pod".to_owned() } else { format!("{number} pods") };
    let message = format!(
        "{} will lose preferences by moving, and {} will gain some; together they weigh {} {}",
        pods(broken),
        pods(healed),
        weight.abs(),
        if weight > 0 { "less than before" } else { "more than before" }
    );
    let finding = Finding::new(FindingCode::PreferencesChanged, Subject::Cluster, message);
    (broken + healed > 0).then_some(Finding { count: broken, ..finding })
}

/// What the whole would save beyond what the limits allow, where it would save more.
pub fn beyond_the_limit(within: &Placement<'_>, whole: &Placement<'_>) -> Option<Finding> {
    let left = whole.saved() - within.saved();
    let message = format!("{} pods would move in all, more than the policy allows", whole.moves);
    let finding = Finding::new(FindingCode::MoveLimit, Subject::Cluster, message).costing(Some(left));
    (left > UsdPerHour::ZERO).then(|| finding.hint("allow more moves, or plan again when these are made"))
}

/// What a plan would save that is not made, since that is less than the policy wants.
pub fn saves_too_little(dropped: &Summary) -> Finding {
    let message = format!("a plan of {} moves would save less than the policy wants", dropped.migrations);
    Finding::new(FindingCode::TooLittleSaved, Subject::Cluster, message).costing(Some(dropped.saved()))
}

/// What is asked of a node that nothing else keeps.
struct Limited<'u> {
    undone: &'u Undone<'u>,
    chooser: ByRoom,
}

impl Limited<'_> {
    /// The limit but for which the node would go.
    fn keeps(&mut self, trial: &mut Placement<'_>, node: usize) -> Option<(FindingCode, String)> {
        let problem = trial.problem;
        if self.undone.dropped.contains(&problem.snapshot().nodes[node].name) {
            let reason = "the plan that empties it saves less than the policy wants";
            return Some((FindingCode::TooLittleSaved, reason.to_owned()));
        }
        let limits = self.undone.limits;
        let has_preferences = problem.cluster.has_preferences;
        problem.price(node).filter(|_| limits.are_set() || has_preferences)?;
        let before = trial.moves;
        let taken = taken_to_empty(trial, &mut self.chooser, node)?;
        let more = taken.moves_after.saturating_sub(taken.moves_before);
        let saved = problem.saved_by(node, taken.broken);
        if saved < UsdPerHour::ZERO {
            let reason = format!(
                "its pods would lose preferences of weight {} for it, which are worth more than it costs",
                taken.broken
            );
            return Some((FindingCode::PreferencesCostMore, reason));
        }
        if !limits.are_set() {
            return None;
        }
        if !limits.is_worth(saved, before, before + more) {
            let reason = format!("{more} more pods would move, each for less than the policy wants a move to save");
            return Some((FindingCode::TooLittleSavedPerMove, reason));
        }
        let left = limits.most_moves?.saturating_sub(before);
        let reason = format!("{more} more pods would move, and the policy allows {left} more");
        (more > left).then_some((FindingCode::MoveLimit, reason))
    }
}

fn node_kept(
    problem: &Problem<'_>,
    trial: &mut Placement<'_>,
    stuck: &Stuck,
    limited: &mut Limited<'_>,
    node: usize,
) -> Finding {
    let name = problem.snapshot().nodes[node].name.clone();
    let (code, reason, hint) = why_kept(problem, trial, stuck, limited, node);
    let finding = Finding::new(code, Subject::Node(name), reason).costing(problem.price(node));
    let finding = if code == FindingCode::NodeUnpriced { finding.severity(Severity::Warning) } else { finding };
    Finding { hint, ..finding }
}

fn why_kept(
    problem: &Problem<'_>,
    trial: &mut Placement<'_>,
    stuck: &Stuck,
    limited: &mut Limited<'_>,
    node: usize,
) -> (FindingCode, String, Option<String>) {
    let snapshot = problem.snapshot();
    if let Some(blocker) = &problem.node_blockers[node] {
        return (blocker.code, blocker.reason.clone(), blocker.remedy.clone());
    }
    let stays: Vec<u32> =
        trial.pods_on[node].iter().copied().filter(|pod| !problem.goes_with_node(*pod as usize)).collect();
    let blocked: Vec<u32> = stays.iter().copied().filter(|pod| problem.pod_blockers[*pod as usize].is_some()).collect();
    if let Some(first) = blocked.first()
        && let Some(blocker) = &problem.pod_blockers[*first as usize]
    {
        let others = if blocked.len() > 1 {
            format!(", and {} more pods may not move", blocked.len() - 1)
        } else {
            String::new()
        };
        let reason = format!("{}: {}{others}", snapshot.pods[*first as usize].key(), blocker.reason);
        return (FindingCode::PodNotEvictable, reason, blocker.remedy.clone());
    }
    if let Some(circle) = stuck.circle_of(problem, node as u32) {
        let reason = format!("pods wait for each other's room in a circle: {circle}");
        let hint = "free some room, and plan again: one that can step aside lets the others go".to_owned();
        return (FindingCode::NoLegalOrder, reason, Some(hint));
    }
    if stuck.nodes.contains(&(node as u32)) {
        let reason = "its pods could go elsewhere, but not one after the other without breaking a rule on the way";
        return (FindingCode::NoLegalOrder, reason.to_owned(), None);
    }
    if let Some((code, reason)) = limited.keeps(trial, node) {
        return (code, reason, None);
    }
    let pending = stays.iter().find(|pod| snapshot.pods[**pod as usize].is_unbound());
    let (mut code, reason, hint) = first_that_does_not_fit(problem, trial, node);
    if let Some(pending) = pending
        && stays.iter().all(|pod| snapshot.pods[*pod as usize].is_unbound())
    {
        code = FindingCode::PendingPods;
        let key = snapshot.pods[*pending as usize].key();
        return (code, format!("it keeps room for the pending pod {key}; {reason}"), hint);
    }
    let received = stays.iter().filter(|pod| {
        let home = problem.cluster.pods[**pod as usize].node;
        home.is_some_and(|home| home as usize != node)
    });
    let received = received.count();
    if received > 0 {
        return (FindingCode::ReceivesPods, format!("it receives {received} pods; {reason}"), hint);
    }
    (code, reason, hint)
}

/// Says which pod of the node finds no place, were it alone to go.
fn first_that_does_not_fit(
    problem: &Problem<'_>,
    trial: &mut Placement<'_>,
    node: usize,
) -> (FindingCode, String, Option<String>) {
    for unit in units_to_move(trial, node) {
        let pod = unit[0] as usize;
        trial.lift(pod);
        let refusals = refusals(problem, trial, pod, node);
        trial.set(pod, node);
        if let Some(refusals) = refusals {
            let key = problem.snapshot().pods[pod].key();
            return (FindingCode::PodsDoNotFit, format!("{key} fits on no other node: {refusals}"), None);
        }
    }
    let reason = "each of its pods alone would fit elsewhere, but not all of them together".to_owned();
    (FindingCode::PodsDoNotFit, reason, None)
}

/// `38 without enough room, 20 with taints …`, or `None` where some other node takes the lifted pod.
fn refusals(problem: &Problem<'_>, trial: &Placement<'_>, pod: usize, home: usize) -> Option<String> {
    let class = problem.cluster.class_of(pod);
    let mut counts: BTreeMap<Rule, usize> = BTreeMap::new();
    let zone = problem.zone_kept(pod);
    let (mut in_other_zones, mut in_fewer_zones) = (0, 0);
    for node in 0..problem.cluster.nodes() {
        if node == home || trial.state.is_closed(node) {
            continue;
        }
        if !problem.zone_allows(zone, node) {
            in_other_zones += 1;
        } else if problem.targets.contains(node) {
            match trial.state.refusing_rule(class, node) {
                Some(rule) => *counts.entry(rule).or_insert(0) += 1,
                None if trial.survives(&[pod as u32], node) => return None,
                None => in_fewer_zones += 1,
            }
        }
    }
    let receive_nothing = (0..problem.cluster.nodes()).filter(|node| {
        let is_open = *node != home && !trial.state.is_closed(*node) && problem.zone_allows(zone, *node);
        is_open && !problem.targets.contains(*node)
    });
    let receive_nothing = receive_nothing.count();
    if counts.is_empty() && receive_nothing == 0 && in_other_zones == 0 && in_fewer_zones == 0 {
        return Some("no other node is left".to_owned());
    }
    let mut counts: Vec<(Rule, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut parts: Vec<String> = counts.iter().map(|(rule, count)| format!("{count} {}", rule.in_words())).collect();
    if in_other_zones > 0 {
        parts.push(format!("{in_other_zones} outside the zone that the policy keeps it in"));
    }
    if in_fewer_zones > 0 {
        parts.push(format!("{in_fewer_zones} where its workload would be in fewer zones"));
    }
    if receive_nothing > 0 {
        parts.push(format!("{receive_nothing} that receive nothing (not ready, or of unknown price)"));
    }
    Some(parts.join(", "))
}

/// Those of the pods asked about that may not move, grouped by workload and reason; each group costs the nodes that it
/// alone keeps. All pods of a workload are asked about, or none.
pub(super) fn of_pods(
    problem: &Problem<'_>,
    placement: &Placement<'_>,
    is_asked: &dyn Fn(u32) -> bool,
) -> Vec<Finding> {
    struct Group {
        pods: u32,
        nodes: usize,
        pinned: UsdPerHour,
        first: usize,
    }
    let snapshot = problem.snapshot();
    let mut groups: BTreeMap<(FindingCode, Option<WorkloadRef>, String), Group> = BTreeMap::new();
    let mut keys_on: Vec<Vec<(FindingCode, Option<WorkloadRef>, String)>> = Vec::new();
    for node in 0..problem.cluster.nodes() {
        let mut keys = Vec::new();
        let pods = &problem.cluster.pods_on[node];
        if !pods.iter().any(|pod| is_asked(*pod)) {
            keys_on.push(keys);
            continue;
        }
        for pod in pods {
            let number = *pod as usize;
            let Some(blocker) = problem.pod_blockers[number].as_ref().filter(|_| !problem.goes_with_node(number))
            else {
                continue;
            };
            let workload = snapshot.workload_of(&snapshot.pods[number]).map(|workload| workload.reference.clone());
            let key = (blocker.code, workload, blocker.reason.clone());
            keys.push(key.clone());
            if !is_asked(*pod) {
                continue;
            }
            let group =
                groups.entry(key).or_insert(Group { pods: 0, nodes: 0, pinned: UsdPerHour::ZERO, first: number });
            group.pods += 1;
        }
        keys.sort();
        keys.dedup();
        keys_on.push(keys);
    }
    for (node, keys) in keys_on.iter().enumerate() {
        if let [only] = keys.as_slice()
            && problem.node_blockers[node].is_none()
            && !placement.removed.contains(&(node as u32))
            && let Some(group) = groups.get_mut(only)
        {
            group.nodes += 1;
            group.pinned += problem.price(node).unwrap_or(UsdPerHour::ZERO);
        }
    }
    let finding_of = |((code, workload, reason), group): ((FindingCode, Option<WorkloadRef>, String), Group)| {
        let pod = &snapshot.pods[group.first];
        let subject = match workload {
            Some(workload) => Subject::Workload(workload),
            None => Subject::Pod { namespace: pod.namespace.clone(), name: pod.name.clone() },
        };
        let pods =
            if group.pods == 1 { "1 pod does not move".to_owned() } else { format!("{} pods do not move", group.pods) };
        let nodes = match group.nodes {
            0 => String::new(),
            1 => "; nothing else keeps 1 node".to_owned(),
            nodes => format!("; nothing else keeps {nodes} nodes"),
        };
        let mut finding = Finding::new(code, subject, format!("{pods}: {reason}{nodes}"));
        finding.count = group.pods;
        finding.usd_per_hour = (group.nodes > 0).then_some(group.pinned);
        finding.hint = problem.pod_blockers[group.first].as_ref().and_then(|blocker| blocker.remedy.clone());
        finding
    };
    groups.into_iter().map(finding_of).collect()
}
