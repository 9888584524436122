//! A plan mended after one changed object is as legal as one made anew, and nearly as cheap. What each kind of cluster
//! came to: `cargo test -p plans --test replan -- --nocapture`.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::collections::BTreeMap;

use check::{State, verify};
use engine::{Change, Replanner, Way, default_strategy, plan};
use model::node::UNSCHEDULABLE_TAINT;
use model::{Name, Node, Phase, Plan, Pod, Policy, Snapshot, Taint, TaintEffect, UsdPerHour};
use plans::{adopt_all, planned_state, prices_by_size};

/// A replanner, the randomness of what changes in its cluster, and what became of it.
struct Changing {
    replanner: Replanner,
    policy: Policy,
    random: fastrand::Rng,
    new: usize,
    mended: usize,
    whole: BTreeMap<&'static str, usize>,
}

impl Changing {
    fn new(seed: u64, snapshot: Snapshot, policy: Policy) -> Changing {
        let prices = prices_by_size(&snapshot);
        let replanner = Replanner::new(snapshot, prices, policy.clone(), default_strategy());
        let random = fastrand::Rng::with_seed(seed);
        Changing { replanner, policy, random, new: 0, mended: 0, whole: BTreeMap::new() }
    }

    fn snapshot(&self) -> &Snapshot {
        self.replanner.snapshot()
    }

    fn any_pod(&mut self) -> Option<Pod> {
        let pods = self.replanner.snapshot().pods.iter().filter(|pod| !pod.is_daemon()).collect::<Vec<_>>();
        self.random.choice(pods).cloned()
    }

    fn any_node(&mut self) -> Option<(usize, Node)> {
        let nodes = &self.replanner.snapshot().nodes;
        let at = self.random.usize(0..nodes.len().max(1));
        nodes.get(at).map(|node| (at, node.clone()))
    }

    /// Some object as it could be next.
    fn any_change(&mut self) -> Option<Change> {
        match self.random.u8(0..12) {
            0..=2 => self.resized(),
            3 | 4 => self.any_pod().map(|pod| Change::PodGone { namespace: pod.namespace, name: pod.name }),
            5 | 6 => self.another_pod(),
            7 => {
                let mut pod = self.any_pod()?;
                pod.ready = !pod.ready && pod.node.is_some();
                Some(Change::Pod(Box::new(pod)))
            }
            8 => self.cordoned_or_not(),
            9 => {
                let budgets = &self.replanner.snapshot().budgets;
                let mut budget = self.random.choice(budgets)?.clone();
                budget.disruptions_allowed = self.random.i64(0..3);
                Some(Change::Budget(budget))
            }
            10 => {
                let (at, node) = self.any_node()?;
                let mut price = self.replanner.prices().nodes[at].clone().ok()?;
                price.usd_per_hour = price.usd_per_hour.share(self.random.i64(80..120), 100);
                Some(Change::Node(Box::new(node), Ok(price)))
            }
            _ => {
                let workloads = &self.replanner.snapshot().workloads;
                let mut workload = self.random.choice(workloads)?.clone();
                workload.replicas = workload.replicas.map(|replicas| replicas + 1);
                Some(Change::Workload(workload))
            }
        }
    }

    fn resized(&mut self) -> Option<Change> {
        let mut pod = self.any_pod()?;
        let per_cent = self.random.i64(50..150);
        pod.requests.cpu = pod.requests.cpu * per_cent / 100;
        pod.held.cpu = pod.requests.cpu;
        Some(Change::Pod(Box::new(pod)))
    }

    /// A replica more: where the scheduler could have put it, or still waiting. Or one that waits gets its node.
    fn another_pod(&mut self) -> Option<Change> {
        let waiting = self.snapshot().pods.iter().position(|pod| pod.is_unbound() && !pod.terminating);
        if let Some(at) = waiting {
            let node = self.room_for(at)?;
            let pod = self.snapshot().pods[at].clone();
            return Some(Change::Pod(Box::new(Pod { node: Some(node), phase: Phase::Running, ready: true, ..pod })));
        }
        let like = self.any_pod()?;
        self.new += 1;
        let name: Name = format!("new-{:05}", self.new).into();
        let pod = Pod { uid: name.clone(), name, node: None, phase: Phase::Pending, ready: false, ..like };
        let mut with_it = self.snapshot().clone();
        let key = |pod: &Pod| (pod.namespace.clone(), pod.name.clone());
        let at = with_it.pods.partition_point(|other| key(other) < key(&pod));
        with_it.pods.insert(at, pod.clone());
        let room = State::new(&with_it).fitting_nodes(at);
        let node = self.random.choice(room).map(|node| with_it.nodes[node].name.clone());
        if self.random.bool() || node.is_none() {
            return Some(Change::Pod(Box::new(pod)));
        }
        Some(Change::Pod(Box::new(Pod { node, phase: Phase::Running, ready: true, ..pod })))
    }

    fn room_for(&mut self, pod: usize) -> Option<Name> {
        let room = State::new(self.replanner.snapshot()).fitting_nodes(pod);
        self.random.choice(room).map(|node| self.replanner.snapshot().nodes[node].name.clone())
    }

    fn cordoned_or_not(&mut self) -> Option<Change> {
        let (at, mut node) = self.any_node()?;
        node.unschedulable = !node.unschedulable;
        node.taints.retain(|taint| &*taint.key != UNSCHEDULABLE_TAINT);
        if node.unschedulable {
            let key = UNSCHEDULABLE_TAINT.into();
            node.taints.push(Taint { key, value: "".into(), effect: TaintEffect::NoSchedule });
        }
        let price = self.replanner.prices().nodes[at].clone();
        Some(Change::Node(Box::new(node), price))
    }

    fn step(&mut self, number: usize) -> String {
        let Some(change) = self.any_change() else { return "nothing".to_owned() };
        let said = format!("{change:?}");
        match self.replanner.replan(change, format!("sha256:{number}")) {
            Way::Mended => self.mended += 1,
            Way::Whole(why) => *self.whole.entry(why).or_default() += 1,
        }
        said
    }

    /// What the whole plan would cost, as part of what this one costs.
    fn judge(&self, name: &str) -> f64 {
        let (snapshot, prices, ours) = (self.snapshot(), self.replanner.prices(), self.replanner.plan());
        let faults = verify(snapshot, Some(prices), &self.policy, ours);
        assert!(faults.is_empty(), "{name}: {} faults, the first: {:?}", faults.len(), faults[0]);
        let whole = plan(snapshot, prices, &self.policy, default_strategy());
        let faults = verify(snapshot, Some(prices), &self.policy, &whole);
        assert!(faults.is_empty(), "{name}, as a whole: {} faults, the first: {:?}", faults.len(), faults[0]);
        let dollars = |cost: UsdPerHour| cost.dollars().max(1e-9);
        dollars(ours.summary.usd_per_hour_after) / dollars(whole.summary.usd_per_hour_after)
    }
}

fn fleet(seed: u64, nodes: usize) -> Snapshot {
    let objects: Vec<_> = scenario::fleet(seed, nodes, 10 * nodes).objects().collect();
    observe::read_values("fleet", objects.into_iter()).unwrap()
}

fn corners(seed: u64) -> Snapshot {
    let mut snapshot = observe::read_values("corners", std::iter::once(scenario::corners(seed))).unwrap();
    adopt_all(&mut snapshot);
    snapshot
}

/// So many changes one after the other, each plan judged.
fn change_often(name: &str, clusters: impl Iterator<Item = (u64, Snapshot)>, policy: &Policy, changes: usize) -> Sum {
    let mut sum = Sum::default();
    for (seed, snapshot) in clusters {
        let mut changing = Changing::new(seed, snapshot, policy.clone());
        for number in 0..changes {
            let mended = changing.mended;
            let said = changing.step(number);
            let ratio = changing.judge(&format!("{name} {seed}, change {number}: {said}"));
            if changing.mended > mended {
                sum.worst = sum.worst.max(ratio);
                sum.ratios += ratio;
            }
        }
        sum.mended += changing.mended;
        for (why, times) in changing.whole {
            *sum.whole.entry(why).or_default() += times;
        }
    }
    let mean = sum.ratios / sum.mended.max(1) as f64;
    println!(
        "{name}: {} mended, {:.4} of the whole plan's cost, at most {:.4}; whole: {:?}",
        sum.mended, mean, sum.worst, sum.whole
    );
    sum
}

#[derive(Default)]
struct Sum {
    mended: usize,
    whole: BTreeMap<&'static str, usize>,
    worst: f64,
    ratios: f64,
}

impl Sum {
    fn is_mostly_mended(&self) -> bool {
        self.mended > self.whole.values().sum::<usize>()
    }
}

#[test]
fn a_fleet_that_changes_keeps_a_legal_plan_near_the_whole_one() {
    for (name, policy) in [("medium", Policy::medium()), ("conservative", Policy::conservative())] {
        let sum = change_often(name, (0..3).map(|seed| (seed, fleet(seed, 30))), &policy, 30);
        assert!(sum.is_mostly_mended(), "{name}");
        assert!(sum.ratios <= 1.02 * sum.mended as f64, "{name}");
    }
}

#[test]
fn corners_that_change_keep_a_legal_plan() {
    let sum = change_often("corners", (0..60).map(|seed| (seed, corners(seed))), &Policy::medium(), 12);
    assert!(sum.mended > 50);
}

/// What an object is worth saying again for: nothing.
#[test]
fn an_object_as_it_was_changes_nothing() {
    let snapshot = fleet(1, 30);
    let mut prices = prices_by_size(&snapshot);
    for planned in [false, true] {
        let first = plan(&snapshot, &prices, &Policy::medium(), default_strategy());
        let snapshot = if planned { planned_state(&snapshot, &first) } else { snapshot.clone() };
        prices = prices_by_size(&snapshot);
        let mut replanner = Replanner::new(snapshot, prices.clone(), Policy::medium(), default_strategy());
        let before = replanner.plan().clone();
        assert_eq!(before.migrations.is_empty(), planned);
        for pod in
            replanner.snapshot().pods.iter().filter(|pod| !pod.is_daemon()).step_by(17).cloned().collect::<Vec<_>>()
        {
            let digest = before.digest.clone();
            assert_eq!(replanner.replan(Change::Pod(Box::new(pod)), digest), Way::Mended);
            let after = replanner.plan();
            assert_eq!(after.nodes.remove, before.nodes.remove);
            assert_eq!(after.summary, before.summary);
            let steps = |plan: &Plan| {
                let mut steps: Vec<_> =
                    plan.migrations.iter().map(|step| (step.wave, step.uid.clone(), step.to_node.clone())).collect();
                steps.sort();
                steps
            };
            assert_eq!(steps(after), steps(&before));
        }
    }
}

#[test]
fn the_same_changes_give_the_same_plan() {
    let run = || {
        let mut changing = Changing::new(5, fleet(5, 30), Policy::medium());
        (0..15).for_each(|number| drop(changing.step(number)));
        format!("{:?}", changing.replanner.plan())
    };
    assert_eq!(run(), run());
}
