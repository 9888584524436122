//! The plan as it is written, after a change: what is otherwise is written anew, the rest stays.

use std::collections::BTreeSet;

use model::{Finding, Migration, Name, Plan, Subject, UsdPerHour};
use rustc_hash::FxHashSet;

use crate::planning::findings;
use crate::planning::landings::landings;
use crate::planning::waves::Ordered;
use crate::planning::{Problem, migration, minutes, name_of, wave_seconds};

use super::change::Touched;
use super::kept::Live;

/// Where landings take no more questions than this, they are worked out again; else nothing is known of them.
const MOST_LANDINGS_ASKED: usize = 200_000;

/// Steps of these pods are other ones, or gone; these nodes go or stay, other than before.
pub(super) fn rewrite(plan: &mut Plan, live: &mut Live<'_>, touched: &Touched, changed: &[u32], nodes: &[usize]) {
    let problem = live.problem;
    let snapshot = problem.snapshot();
    let changed: FxHashSet<u32> = changed.iter().copied().collect();
    let names: FxHashSet<(&Name, &Name)> = changed
        .iter()
        .map(|pod| &snapshot.pods[*pod as usize])
        .map(|pod| (&pod.namespace, &pod.name))
        .chain(touched.dropped.iter().map(|(namespace, name)| (namespace, name)))
        .collect();
    rewrite_steps(plan, live, &changed, &names);
    let is_otherwise = !names.is_empty() || !nodes.is_empty();
    drop(names);
    close_up(plan, live);
    relate_landings(plan, live);
    let node_name = |node: &u32| snapshot.nodes[*node as usize].name.clone();
    if !nodes.is_empty() {
        plan.nodes.remove = live.goal.removed.iter().map(node_name).collect();
        plan.nodes.remove.sort();
    }
    let before: UsdPerHour = (0..snapshot.nodes.len()).filter_map(|node| problem.price(node)).sum();
    let summary = &mut plan.summary;
    summary.usd_per_hour_before = before;
    summary.usd_per_hour_after = before - live.goal.saved();
    summary.nodes_after = summary.nodes_before - plan.nodes.remove.len();
    summary.migrations = plan.migrations.len();
    summary.waves = live.waves.len();
    for (seconds, wave) in live.seconds.iter_mut().zip(&live.waves) {
        seconds.get_or_insert_with(|| wave_seconds(problem, wave));
    }
    summary.minutes_expected = minutes(problem, live.seconds.iter().flatten().copied());
    if let Some(bound) = &mut plan.bound {
        bound.usd_per_hour = live.ledger.bound(problem);
        summary.usd_per_hour_lower_bound = Some(bound.usd_per_hour);
    }
    let touched_nodes: BTreeSet<usize> = nodes.iter().chain(&touched.nodes).copied().collect();
    explain(plan, live, &touched_nodes, touched);
    if is_otherwise || plan.digest != snapshot.digest {
        plan.digest = snapshot.digest.clone();
        plan.name = name_after(plan, problem, &changed);
    }
}

/// Of waves that are otherwise than they were: without the steps of pods so named, and with those of pods that changed.
fn rewrite_steps(plan: &mut Plan, live: &Live<'_>, changed: &FxHashSet<u32>, names: &FxHashSet<(&Name, &Name)>) {
    let is_otherwise = |(_, seconds): &(usize, &Option<i64>)| seconds.is_none();
    for (number, _) in live.seconds.iter().enumerate().filter(is_otherwise) {
        let wave = number as u32 + 1;
        let range = plan.migrations.partition_point(|step| step.wave < wave)
            ..plan.migrations.partition_point(|step| step.wave <= wave);
        let old = plan.migrations[range.clone()].iter();
        let mut steps: Vec<Migration> =
            old.filter(|step| !names.contains(&(&step.namespace, &step.pod))).cloned().collect();
        for step in &live.waves[number] {
            let pods = step.pods.iter().filter(|pod| changed.contains(*pod));
            steps.extend(pods.map(|pod| migration(live.problem, wave, *pod as usize, step)));
        }
        plan.migrations.splice(range, steps);
    }
}

/// The name of the last plan goes on with what is new.
fn name_after(plan: &Plan, problem: &Problem<'_>, changed: &FxHashSet<u32>) -> String {
    let mut pods: Vec<u32> = changed.iter().copied().collect();
    pods.sort_unstable();
    let keys: Vec<String> = pods.iter().map(|pod| problem.snapshot().pods[*pod as usize].key()).collect();
    let words = [plan.name.as_str(), &plan.digest].into_iter().chain(keys.iter().map(String::as_str));
    name_of(plan.taken_at, words.chain(plan.nodes.remove.iter().map(|node| &**node)))
}

/// Waves without a step are none.
fn close_up(plan: &mut Plan, live: &mut Live<'_>) {
    if live.waves.iter().all(|wave| !wave.is_empty()) {
        return;
    }
    let mut number = 0;
    let numbers: Vec<u32> = live
        .waves
        .iter()
        .map(|wave| {
            number += u32::from(!wave.is_empty());
            number
        })
        .collect();
    plan.migrations.iter_mut().for_each(|step| step.wave = numbers[step.wave as usize - 1]);
    let mut is_empty = live.waves.iter().map(Vec::is_empty).collect::<Vec<bool>>().into_iter();
    live.seconds.retain(|_| !is_empty.next().unwrap_or(false));
    live.waves.retain(|wave| !wave.is_empty());
}

/// Where a pod lands rests on all that is free anywhere.
fn relate_landings(plan: &mut Plan, live: &mut Live<'_>) {
    let problem = live.problem;
    if plan.migrations.len().saturating_mul(problem.cluster.nodes()) > MOST_LANDINGS_ASKED {
        plan.migrations.iter_mut().for_each(|step| step.landing = model::Landing::Unknown);
        return;
    }
    let ordered = Ordered { waves: live.waves.clone(), stuck: Vec::new(), circles: Vec::new() };
    let mut landings = landings(problem, &live.goal, &ordered).into_iter();
    plan.migrations.clear();
    for (wave, steps) in ordered.waves.iter().enumerate() {
        for step in steps {
            for pod in &step.pods {
                let landing = landings.next().unwrap_or_default();
                let step = migration(problem, wave as u32 + 1, *pod as usize, step);
                plan.migrations.push(Migration { landing, ..step });
            }
        }
    }
}

/// Findings about these nodes and about workloads of pods that were asked about are made anew.
fn explain(plan: &mut Plan, live: &mut Live<'_>, nodes: &BTreeSet<usize>, touched: &Touched) {
    let problem = live.problem;
    let snapshot = problem.snapshot();
    let mut workloads: BTreeSet<u32> = touched.scope.workloads.clone().into_iter().collect();
    let on_nodes = nodes.iter().flat_map(|node| &problem.cluster.pods_on[*node]);
    let asked = touched.pods.iter().chain(on_nodes).filter(|pod| !problem.goes_with_node(**pod as usize));
    workloads.extend(asked.filter_map(|pod| snapshot.pods[*pod as usize].workload));
    let references: BTreeSet<_> =
        workloads.iter().filter_map(|at| snapshot.workloads.get(*at as usize)).map(|it| &it.reference).collect();
    let names: BTreeSet<&Name> = nodes.iter().map(|node| &snapshot.nodes[*node].name).collect();
    let is_kept = |finding: &Finding| match &finding.subject {
        Subject::Node(name) => !names.contains(name),
        Subject::Workload(reference) => !references.contains(reference),
        // Pods without a workload are told of together.
        Subject::Pod { .. } => false,
        Subject::Cluster | Subject::Object { .. } => true,
    };
    plan.findings.retain(is_kept);
    let mut new = findings::of_nodes(problem, &mut live.goal, nodes);
    let is_asked = |pod: u32| {
        let workload = live.workload_of[pod as usize];
        workload == u32::MAX || workloads.contains(&workload)
    };
    new.extend(findings::of_pods(problem, &live.goal, &is_asked));
    plan.findings.extend(new);
    findings::sort(&mut plan.findings);
}
