//! Under small random drift, planned for every hour of some days: little moves, hardly anything moves back, and every
//! plan lowers the cost. What each policy came to: `cargo test -p plans --test drift -- --nocapture`.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::collections::BTreeMap;

use check::{State, verify};
use engine::{Strategy, plan, strategies};
use model::{Labels, Name, Node, Plan, Pod, Policy, Snapshot, Time, UsdPerHour};
use plans::{planned_state, prices_by_size};

const DAYS: usize = 3;
const SEEDS: std::ops::Range<u64> = 0..4;
const HOUR: i64 = 3_600;

/// A cluster where pods restart, and workloads grow and shrink.
struct Drifting {
    snapshot: Snapshot,
    random: fastrand::Rng,
    /// Nodes like which an autoscaler makes new ones.
    models: Vec<Node>,
    new: usize,
    changed: usize,
    bought: usize,
}

impl Drifting {
    fn new(seed: u64) -> Drifting {
        let objects: Vec<_> = scenario::fleet(seed, 30, 300).objects().collect();
        let snapshot = observe::read_values("fleet", objects.into_iter()).unwrap();
        let models = snapshot.nodes.iter().filter(|node| node.taints.is_empty()).cloned().collect();
        Drifting { snapshot, random: fastrand::Rng::with_seed(seed), models, new: 0, changed: 0, bought: 0 }
    }

    /// An hour in which up to three pods change, one in a hundred.
    fn an_hour_passes(&mut self) {
        self.snapshot.taken_at = Time(self.snapshot.taken_at.0 + HOUR);
        for _ in 0..self.random.usize(0..=3) {
            match self.random.u8(0..4) {
                0 => self.grow(),
                1 => self.shrink(),
                _ => self.restart(),
            }
        }
    }

    fn any_pod(&mut self) -> usize {
        let pods = &self.snapshot.pods;
        let of_workloads: Vec<usize> = (0..pods.len()).filter(|at| !pods[*at].is_daemon()).collect();
        self.random.choice(of_workloads).unwrap()
    }

    fn restart(&mut self) {
        let at = self.any_pod();
        let home = self.snapshot.pods[at].node.take();
        let node = self.scheduled(at).or(home);
        let pod = &mut self.snapshot.pods[at];
        (pod.node, pod.created) = (node, Some(self.snapshot.taken_at));
        self.changed += 1;
    }

    fn shrink(&mut self) {
        let at = self.any_pod();
        let replicas = self.replicas_like(at);
        if *replicas > 1 {
            *replicas -= 1;
            self.snapshot.pods.remove(at);
            self.changed += 1;
        }
    }

    fn grow(&mut self) {
        let like = self.any_pod();
        *self.replicas_like(like) += 1;
        self.new += 1;
        let name: Name = format!("new-{:05}", self.new).into();
        let created = Some(self.snapshot.taken_at);
        let pod = Pod { uid: name.clone(), name, node: None, created, ..self.snapshot.pods[like].clone() };
        let key = |pod: &Pod| (pod.namespace.clone(), pod.name.clone());
        let at = self.snapshot.pods.partition_point(|have| key(have) < key(&pod));
        self.snapshot.pods.insert(at, pod);
        while self.snapshot.pods[at].node.is_none() {
            match self.scheduled(at) {
                Some(node) => self.snapshot.pods[at].node = Some(node),
                None => self.buy(),
            }
        }
        self.changed += 1;
    }

    fn replicas_like(&mut self, pod: usize) -> &mut i64 {
        let workload = self.snapshot.pods[pod].workload.unwrap() as usize;
        self.snapshot.workloads[workload].replicas.as_mut().unwrap()
    }

    /// Of the nodes that take the pod the emptiest, as the scheduler has it.
    fn scheduled(&self, pod: usize) -> Option<Name> {
        let used = |node: &Node| -> i64 {
            let on_node = self.snapshot.pods.iter().filter(|pod| pod.node.as_ref() == Some(&node.name));
            on_node.map(|pod| pod.held.cpu).sum::<i64>() * 1_000 / node.allocatable.cpu.max(1)
        };
        let fits = State::new(&self.snapshot).fitting_nodes(pod);
        let nodes = fits.into_iter().map(|node| &self.snapshot.nodes[node]);
        nodes.min_by_key(|node| (used(node), &node.name)).map(|node| node.name.clone())
    }

    /// An autoscaler makes a node of any kind.
    fn buy(&mut self) {
        self.bought += 1;
        let mut node = self.random.choice(&self.models).unwrap().clone();
        node.name = format!("new-{:05}", self.bought).into();
        let pairs = node.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
        let hostname = ("kubernetes.io/hostname".into(), node.name.clone());
        node.labels = Labels::new(pairs.chain([hostname]).collect());
        let at = self.snapshot.nodes.partition_point(|have| have.name < node.name);
        self.snapshot.nodes.insert(at, node);
    }

    fn apply(&mut self, plan: &Plan) {
        self.snapshot = planned_state(&self.snapshot, plan);
        for pod in &mut self.snapshot.pods {
            if plan.migrations.iter().any(|step| step.pod == pod.name && step.namespace == pod.namespace) {
                pod.created = Some(self.snapshot.taken_at);
            }
        }
    }
}

/// What some days came to, after the first plan.
#[derive(Default)]
struct Outcome {
    changed: usize,
    bought: usize,
    plans: usize,
    removed: usize,
    moves: usize,
    /// Moves to a node that a plan had taken the pod from.
    back: usize,
    /// Moves of a pod that a plan had moved within this many seconds.
    again_within: BTreeMap<i64, usize>,
}

fn days_of_drift(seed: u64, policy: &Policy, strategy: &dyn Strategy) -> Outcome {
    let mut cluster = Drifting::new(seed);
    let first = plan(&cluster.snapshot, &prices_by_size(&cluster.snapshot), policy, strategy);
    cluster.apply(&first);
    let mut outcome = Outcome::default();
    // When each pod was moved, and from where.
    let mut history: BTreeMap<(Name, Name), Vec<(Time, Name)>> = BTreeMap::new();
    for _ in 0..24 * DAYS {
        cluster.an_hour_passes();
        let prices = prices_by_size(&cluster.snapshot);
        let plan = plan(&cluster.snapshot, &prices, policy, strategy);
        if plan.nodes.remove.is_empty() {
            assert!(plan.migrations.is_empty(), "seed {seed} {}: pods move for nothing", strategy.name());
            continue;
        }
        assert!(plan.summary.saved() > UsdPerHour::ZERO, "seed {seed} {}: nothing saved", strategy.name());
        let faults = verify(&cluster.snapshot, Some(&prices), policy, &plan);
        assert!(faults.is_empty(), "seed {seed} {}: {}", strategy.name(), faults[0]);
        outcome.plans += 1;
        outcome.removed += plan.nodes.remove.len();
        outcome.moves += plan.migrations.len();
        for step in &plan.migrations {
            let been = history.entry((step.namespace.clone(), step.pod.clone())).or_default();
            outcome.back += usize::from(been.iter().any(|(_, from)| *from == step.to_node));
            if let Some((last, _)) = been.last() {
                *outcome.again_within.entry(plan.taken_at.seconds_since(*last)).or_default() += 1;
            }
            been.push((plan.taken_at, step.from_node.clone()));
        }
        cluster.apply(&plan);
    }
    Outcome { changed: cluster.changed, bought: cluster.bought, ..outcome }
}

/// Of all seeds together.
fn drift(name: &str, policy: &Policy, strategy: &dyn Strategy) -> Outcome {
    let mut sum = Outcome::default();
    for seed in SEEDS {
        let outcome = days_of_drift(seed, policy, strategy);
        sum.changed += outcome.changed;
        sum.bought += outcome.bought;
        sum.plans += outcome.plans;
        sum.removed += outcome.removed;
        sum.moves += outcome.moves;
        sum.back += outcome.back;
        for (seconds, moves) in outcome.again_within {
            *sum.again_within.entry(seconds).or_default() += moves;
        }
    }
    let a_day = |number: usize| number as f64 / (DAYS * SEEDS.count()) as f64;
    println!(
        "{name}, {}: of 300 pods {:.1} change a day and {:.1} nodes are bought; {:.1} plans move {:.1} and free {:.1} nodes; \
         {} of {} moves go back",
        strategy.name(),
        a_day(sum.changed),
        a_day(sum.bought),
        a_day(sum.plans),
        a_day(sum.moves),
        a_day(sum.removed),
        sum.back,
        sum.moves
    );
    sum
}

/// A tenth of the pods a day, for all the days and seeds.
fn tenth_of_the_pods() -> usize {
    30 * DAYS * SEEDS.count()
}

#[test]
fn with_headroom_fewer_pods_move_than_change_by_themselves() {
    let little = Policy { headroom_per_mille: 50, ..Policy::medium() };
    for (name, policy) in [("conservative", Policy::conservative()), ("medium with 5 % headroom", little)] {
        for strategy in strategies() {
            let outcome = drift(name, &policy, strategy);
            assert!(outcome.moves < outcome.changed, "{name} {}", strategy.name());
            assert!(outcome.moves < tenth_of_the_pods(), "{name} {}", strategy.name());
            assert_eq!(outcome.back, 0, "{name} {}", strategy.name());
        }
    }
}

/// Where nothing is left free, a workload that grows often needs a node, which planning again spares by moving others:
/// nodes come and go, and pods with them. Headroom is what helps.
#[test]
fn without_headroom_a_fifth_of_the_pods_moves_a_day_beyond_those_that_change() {
    for strategy in strategies() {
        let outcome = drift("medium", &Policy::medium(), strategy);
        assert!(outcome.moves < outcome.changed + 2 * tenth_of_the_pods(), "{}", strategy.name());
        assert!(outcome.back * 50 <= outcome.moves, "{}: {} back", strategy.name(), outcome.back);
        assert!(outcome.removed <= outcome.bought * 2, "{}", strategy.name());
    }
}

#[test]
fn what_has_moved_has_its_rest() {
    let policy = Policy { least_age_seconds: 24 * HOUR, ..Policy::medium() };
    for strategy in strategies() {
        let outcome = drift("medium with a day's rest", &policy, strategy);
        let too_soon: usize = outcome.again_within.range(..24 * HOUR).map(|(_, moves)| moves).sum();
        assert_eq!(too_soon, 0, "{}", strategy.name());
    }
}
