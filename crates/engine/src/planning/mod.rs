//! From a cluster and its prices to a plan: a strategy proposes a placement, waves order it, findings explain the rest.

pub mod affinity;
mod allowance;
pub mod best_fit;
pub(crate) mod buying;
mod circles;
mod curve;
pub(crate) mod daemons;
pub mod drain;
mod effort;
pub mod findings;
pub mod first_fit;
mod landings;
pub mod limits;
pub mod network_aware;
pub(crate) mod pending;
pub mod placement;
mod problem;
mod provisioning;
mod ranked;
mod repair;
mod replan;
pub mod search;
pub mod strategy;
pub mod survival;
pub mod waves;
mod zones;

use model::{
    BoundCertificate, Migration, Name, Plan, PlannedNodes, Policy, Prices, Snapshot, Summary, UsdPerHour, WorkloadRef,
};

use crate::bound;
use crate::cluster::Cluster;
pub use curve::{CurvePoint, curve, fewest_moves_for};
pub use effort::{Effort, Work};
use findings::{Stuck, Undone};
use limits::Limits;
use placement::Placement;
pub use problem::Problem;
pub use provisioning::{Provisioning, provision};
pub use replan::{Change, Replanner, Way};
pub use strategy::{Attempt, Strategy, default_strategy, strategies, strategy};
use waves::Ordered;

/// How often a plan is made anew, with the nodes for which no legal order was found tried last and then not at all.
const MOST_ATTEMPTS: usize = 16;

/// A detached and attached volume needs about this long, in seconds.
const VOLUME_SECONDS: i64 = 60;

/// Makes a plan with as much work as is usual. Nothing of it is done. Where prices have offers it may buy nodes.
pub fn plan(snapshot: &Snapshot, prices: &Prices, policy: &Policy, strategy: &dyn Strategy) -> Plan {
    plan_within(snapshot, prices, policy, strategy, Work::default())
}

/// The same with so much work. Where it is over before it begins, the plan is that without any search, and without a
/// bound.
pub fn plan_within(
    snapshot: &Snapshot,
    prices: &Prices,
    policy: &Policy,
    strategy: &dyn Strategy,
    work: Work<'_>,
) -> Plan {
    let cluster = Cluster::new(snapshot);
    let problem = Problem { work, ..Problem::new(&cluster, prices, policy) };
    // First of all, since a plan without one is worth less, and any plan is worth more with one.
    let bound = (!problem.is_over()).then(|| lower_bound(&problem));
    let mut plan = plan_of(&problem, strategy);
    if !prices.offers.is_empty() && !problem.is_over() {
        plan = buying::cheaper(plan, &problem, strategy);
    }
    if let Some(bound) = bound {
        plan = proven(plan, bound);
    }
    let changes_something = !plan.nodes.remove.is_empty() || !plan.nodes.add.is_empty();
    if changes_something && plan.summary.saved() < policy.least_saved {
        return instead_of(plan, &problem);
    }
    plan
}

/// What no plan goes below, whatever it may buy.
pub(crate) fn lower_bound(problem: &Problem<'_>) -> BoundCertificate {
    if problem.prices.offers.is_empty() { bound::lower_bound(problem) } else { buying::lower_bound(problem) }
}

/// A plan with the nodes that are there, without its bound.
fn plan_of<'a>(problem: &'a Problem<'a>, strategy: &dyn Strategy) -> Plan {
    let limits = Limits::of(problem.policy);
    if !limits.are_set() {
        return Reached::of(problem, strategy, limits).plan(problem, &Undone::default());
    }
    let within = Reached::of(problem, strategy, limits);
    if limits.least_saved_per_move > UsdPerHour::ZERO {
        return within.plan(problem, &Undone { limits, ..Undone::default() });
    }
    let whole = Reached::of(problem, strategy, Limits::default());
    let keeps_limit = limits.most_moves.is_none_or(|most| whole.placement.moves <= most);
    if keeps_limit && whole.placement.worth() >= within.placement.worth() {
        return whole.plan(problem, &Undone::default());
    }
    let finding = findings::beyond_the_limit(&within.placement, &whole.placement);
    within.plan(problem, &Undone { limits, finding, ..Undone::default() })
}

/// Nothing, where a plan saves less than the policy wants.
fn instead_of<'a>(dropped: Plan, problem: &'a Problem<'a>) -> Plan {
    let undone = Undone {
        limits: Limits::of(problem.policy),
        finding: Some(findings::saves_too_little(&dropped.summary)),
        dropped: &dropped.nodes.remove,
    };
    let plan = Reached::nothing(problem).plan(problem, &undone);
    match dropped.bound {
        Some(bound) => proven(plan, bound),
        None => plan,
    }
}

/// The plan with the bound that its problem has.
fn proven(mut plan: Plan, bound: BoundCertificate) -> Plan {
    plan.summary.usd_per_hour_lower_bound = Some(bound.usd_per_hour);
    plan.bound = Some(bound);
    plan
}

/// A placement with a legal way from the snapshot's.
struct Reached<'a> {
    placement: Placement<'a>,
    ordered: Ordered,
    /// What found no legal order.
    stuck: Stuck,
}

impl<'a> Reached<'a> {
    fn nothing(problem: &'a Problem<'a>) -> Reached<'a> {
        let placement = pending::start(problem);
        let ordered = waves::order(problem, &placement);
        Reached { placement, ordered, stuck: Stuck::default() }
    }

    /// The cheapest that the strategy finds within the limits.
    fn of(problem: &'a Problem<'a>, strategy: &dyn Strategy, limits: Limits) -> Reached<'a> {
        let reached = Reached::nothing(problem).improved(problem, strategy, limits);
        match strategy.plainer() {
            // Moves that found no moment may have cost more than the better packing gained; and what is small costs
            // little to try.
            _ if problem.is_over() => reached,
            Some(plainer) if !reached.stuck.nodes.is_empty() || is_small(problem) => {
                let other = Reached::of(problem, plainer, limits);
                if other.placement.worth() > reached.placement.worth() {
                    other.improved(problem, strategy, limits)
                } else {
                    reached
                }
            }
            _ => reached,
        }
    }

    fn improved(self, problem: &'a Problem<'a>, strategy: &dyn Strategy, limits: Limits) -> Reached<'a> {
        let mut reached = self;
        for _ in 0..attempts(problem) {
            if problem.is_over() {
                break;
            }
            let (better, attempt) = improve(problem, &reached, strategy, limits);
            let is_last = better.is_none() || attempt.is_first();
            reached = better.unwrap_or(reached);
            reached.stuck = Stuck { nodes: [attempt.last, attempt.kept].concat(), circles: attempt.circles };
            if is_last {
                break;
            }
            // What was kept from going on the way here may go from here.
        }
        reached
    }

    fn plan(&self, problem: &Problem<'_>, undone: &Undone<'_>) -> Plan {
        assemble(problem, &self.placement, &self.ordered, &self.stuck, undone)
    }
}

/// A cheaper placement that can be reached, where one is found, and the attempt that found it or was the last.
fn improve<'a>(
    problem: &'a Problem<'a>,
    reached: &Reached<'a>,
    strategy: &dyn Strategy,
    limits: Limits,
) -> (Option<Reached<'a>>, Attempt) {
    let mut attempt = Attempt { limits, ..Attempt::default() };
    let mut best: Option<Reached<'a>> = None;
    for _ in 0..attempts(problem) {
        if problem.is_over() {
            break;
        }
        let placement = strategy.improve(reached.placement.clone(), &attempt);
        if placement.removed == reached.placement.removed {
            break;
        }
        let ordered = waves::order(problem, &placement);
        let is_clean = ordered.stuck.is_empty();
        let found = if is_clean {
            Some(Reached { placement, ordered, stuck: Stuck::default() })
        } else {
            learn(&mut attempt, &ordered);
            repair::without_stuck(problem, &pending::start(problem), &placement, &ordered)
        };
        let so_far = best.as_ref().unwrap_or(reached).placement.worth();
        best = found.filter(|found| found.placement.worth() > so_far).or(best);
        if is_clean {
            break;
        }
    }
    (best, attempt)
}

/// How often a search is worth repeating: less the longer it takes.
fn attempts(problem: &Problem<'_>) -> usize {
    match (problem.work.effort, problem.cluster.pods.len()) {
        (Effort::Quick, _) => 1,
        (Effort::Thorough, _) => MOST_ATTEMPTS,
        _ if is_small(problem) => MOST_ATTEMPTS,
        (Effort::Normal, 0..20_000) => 3,
        (Effort::Normal, _) => 1,
    }
}

/// Does a whole search take no time to speak of?
fn is_small(problem: &Problem<'_>) -> bool {
    problem.cluster.pods.len() < 5_000
}

/// A node whose pods found no legal moment is tried last the next time, and not at all the time after.
fn learn(attempt: &mut Attempt, ordered: &Ordered) {
    let mut stuck: Vec<u32> = ordered.stuck.iter().map(|step| step.from).collect();
    stuck.sort_unstable();
    stuck.dedup();
    attempt.circles.extend(ordered.circles.iter().cloned());
    for node in stuck {
        if attempt.last.contains(&node) {
            attempt.kept.push(node);
        } else {
            attempt.last.push(node);
        }
    }
}

fn assemble(
    problem: &Problem<'_>,
    placement: &Placement<'_>,
    ordered: &Ordered,
    stuck: &Stuck,
    undone: &Undone<'_>,
) -> Plan {
    let snapshot = problem.snapshot();
    let mut migrations = Vec::new();
    let mut landings = landings::landings(problem, placement, ordered).into_iter();
    for (wave, moves) in ordered.waves.iter().enumerate() {
        for step in moves {
            for pod in &step.pods {
                let landing = landings.next().unwrap_or_default();
                migrations.push(Migration { landing, ..migration(problem, wave as u32 + 1, *pod as usize, step) });
            }
        }
    }
    let node_name = |node: &u32| snapshot.nodes[*node as usize].name.clone();
    let mut remove: Vec<Name> = placement.removed.iter().map(node_name).collect();
    remove.sort();
    let before: UsdPerHour = (0..snapshot.nodes.len()).filter_map(|node| problem.price(node)).sum();
    let summary = Summary {
        usd_per_hour_before: before,
        usd_per_hour_after: before - placement.saved(),
        usd_per_hour_lower_bound: None,
        nodes_before: snapshot.nodes.len(),
        nodes_after: snapshot.nodes.len() - remove.len(),
        nodes_unpriced: (0..snapshot.nodes.len()).filter(|node| problem.price(*node).is_none()).count(),
        migrations: migrations.len(),
        waves: ordered.waves.len(),
        minutes_expected: minutes(problem, ordered.waves.iter().map(|wave| wave_seconds(problem, wave))),
    };
    rename(Plan {
        name: String::new(),
        cluster: snapshot.cluster.clone(),
        taken_at: snapshot.taken_at,
        digest: snapshot.digest.clone(),
        migrations,
        nodes: PlannedNodes { remove, add: Vec::new() },
        summary,
        bound: None,
        findings: findings::findings(problem, placement, stuck, undone),
        constraints: Vec::new(),
    })
}

/// The plan by the name that its steps give it.
fn rename(mut plan: Plan) -> Plan {
    plan.name = name(&plan);
    plan
}

fn migration(problem: &Problem<'_>, wave: u32, number: usize, step: &waves::Move) -> Migration {
    let snapshot = problem.snapshot();
    let pod = &snapshot.pods[number];
    let (risk, risk_reasons) = problem.evictable.risk(number);
    Migration {
        wave,
        namespace: pod.namespace.clone(),
        pod: pod.name.clone(),
        uid: pod.uid.clone(),
        workload: snapshot.workload_of(pod).map_or_else(WorkloadRef::default, |workload| workload.reference.clone()),
        from_node: snapshot.nodes[step.from as usize].name.clone(),
        to_node: snapshot.nodes[step.to as usize].name.clone(),
        method: problem.evictable.method(number),
        landing: model::Landing::Unknown,
        risk,
        risk_reasons,
        reason: "Consolidation for cost savings".to_owned(),
    }
}

/// How long all waves take, with the pauses between them.
fn minutes(problem: &Problem<'_>, waves: impl Iterator<Item = i64>) -> u32 {
    let (number, seconds) = waves.fold((0_i64, 0_i64), |(number, sum), seconds| (number + 1, sum + seconds));
    let pauses = (number - 1).max(0);
    let seconds = seconds + problem.policy.cooldown_seconds.saturating_mul(pauses);
    u32::try_from((seconds + 59) / 60).unwrap_or(u32::MAX)
}

/// A wave takes as long as its slowest pod: its grace period, its volumes, and a new pod's start.
fn wave_seconds(problem: &Problem<'_>, moves: &[waves::Move]) -> i64 {
    let slowest = moves.iter().flat_map(|step| &step.pods).map(|pod| {
        let pod = &problem.snapshot().pods[*pod as usize];
        let volumes = if pod.claims().next().is_some() { VOLUME_SECONDS } else { 0 };
        pod.spec.termination_grace_seconds.clamp(0, 86_400) + volumes
    });
    slowest.max().unwrap_or(0) + problem.policy.start_up_seconds
}

/// `consolidate-DATE-DIGEST`, the digest being over the snapshot's and the steps.
fn name(plan: &Plan) -> String {
    let steps = plan.migrations.iter().flat_map(|step| [&*step.namespace, &*step.pod, &*step.to_node]);
    let removed = plan.nodes.remove.iter().map(|node| &**node);
    let added = plan.nodes.add.iter().map(|added| &*added.node.name);
    name_of(plan.taken_at, [plan.digest.as_str()].into_iter().chain(steps).chain(removed).chain(added))
}

fn name_of<'w>(taken_at: model::Time, words: impl Iterator<Item = &'w str>) -> String {
    // FNV-1a: the name need not resist anybody, only differ between plans.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in words.flat_map(|word| word.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("consolidate-{}-{:06x}", taken_at.date(), hash & 0xff_ffff)
}
