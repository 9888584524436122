//! What always holds of premises and of what constraints are said to cost, on random clusters.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::collections::BTreeSet;

use engine::what_if::{Premise, Request, Rule, World};
use engine::{constraints_by, default_strategy};
use model::{Name, Pod, Policy, SavingBasis, Snapshot, SystemPods};
use plans::{adopt_all, prices_by_size};

fn worlds() -> impl Iterator<Item = (String, World)> {
    let corners = (0..30).map(|seed| {
        let mut snapshot = observe::read_values("corners", std::iter::once(scenario::corners(seed))).unwrap();
        adopt_all(&mut snapshot);
        (format!("corners({seed})"), snapshot)
    });
    let fleets = (0..6).map(|seed| {
        let objects: Vec<_> = scenario::fleet(seed, 8 + seed as usize, 90 + 9 * seed as usize).objects().collect();
        (format!("fleet({seed})"), observe::read_values("fleet", objects.into_iter()).unwrap())
    });
    corners.chain(fleets).map(|(name, snapshot)| {
        let prices = prices_by_size(&snapshot);
        (name, World { snapshot, prices, policy: Policy::default() })
    })
}

fn with(world: &World, premise: &Premise) -> (World, Option<String>) {
    let mut made = world.clone();
    let not_yet = premise.apply(&mut made.snapshot, &prices_by_size).unwrap();
    made.prices = prices_by_size(&made.snapshot);
    (made, not_yet)
}

fn zones(snapshot: &Snapshot) -> BTreeSet<Name> {
    snapshot.nodes.iter().filter_map(|node| node.zone().cloned()).collect()
}

fn is_sorted(snapshot: &Snapshot) -> bool {
    snapshot.pods.is_sorted_by(|a, b| (&a.namespace, &a.name) < (&b.namespace, &b.name))
        && snapshot.nodes.is_sorted_by(|a, b| a.name < b.name)
}

#[test]
fn no_growth_is_today() {
    for (name, world) in worlds() {
        let (same, not_yet) = with(&world, &Premise::Growth(0));
        assert_eq!((not_yet, same.snapshot.pods), (None, world.snapshot.pods), "{name}");
    }
}

#[test]
fn growth_is_of_the_whole_to_a_pod() {
    let mut grown = 0;
    for (name, world) in worlds() {
        for percent in [10, 100, 250] {
            let (more, not_yet) = with(&world, &Premise::Growth(percent));
            assert!(is_sorted(&more.snapshot), "{name}");
            let new = more.snapshot.pods.iter().filter(|pod| world.snapshot.pod(&pod.namespace, &pod.name).is_none());
            let new: Vec<&Pod> = new.collect();
            assert!(new.iter().all(|pod| pod.is_unbound() && pod.workload.is_some()), "{name}");
            let grows = |pod: &&Pod| !pod.is_finished() && !pod.is_daemon() && !pod.is_static() && !pod.terminating;
            let is_job = |pod: &&Pod| world.snapshot.workload_of(pod).is_none_or(|workload| workload.is_job);
            let all = world.snapshot.pods.iter().filter(grows).filter(|pod| !is_job(pod)).count();
            assert_eq!(new.len(), all * percent as usize / 100, "{name}: {percent} % of {all}");
            assert_eq!(not_yet.is_some(), !new.is_empty());
            grown += new.len();
        }
    }
    assert!(grown > 1_000, "only {grown} pods were added");
}

#[test]
fn a_zone_lost_leaves_no_node_of_it_and_its_pods_waiting() {
    let mut waiting = 0;
    for (name, world) in worlds() {
        for zone in zones(&world.snapshot) {
            let (without, _) = with(&world, &Premise::WithoutZone(zone.clone()));
            assert!(without.snapshot.nodes.iter().all(|node| node.zone() != Some(&zone)), "{name}");
            assert!(is_sorted(&without.snapshot), "{name}");
            let was_there = |pod: &Pod| {
                let node = pod.node.as_ref().and_then(|node| world.snapshot.node(node));
                node.is_some_and(|node| node.zone() == Some(&zone))
            };
            for pod in &world.snapshot.pods {
                let now = without.snapshot.pod(&pod.namespace, &pod.name);
                if !was_there(pod) {
                    assert_eq!(now, Some(pod), "{name}: {}", pod.key());
                } else if let Some(now) = now {
                    assert!(now.is_unbound() && !now.ready, "{name}: {}", pod.key());
                    waiting += 1;
                } else {
                    let goes = pod.is_daemon() || pod.is_static() || pod.is_finished() || pod.terminating;
                    assert!(goes || pod.controller.is_none(), "{name}: {} is lost", pod.key());
                }
            }
        }
    }
    assert!(waiting > 300, "only {waiting} pods wait");
}

/// Nobody is displaced by a plan: what has room before it has room after it.
#[test]
fn a_plan_leaves_no_more_pods_without_room() {
    let mut short = 0;
    for (name, world) in worlds() {
        let premises = zones(&world.snapshot).into_iter().map(Premise::WithoutZone).chain([Premise::Growth(60)]);
        for premise in premises {
            let (world, _) = with(&world, &premise);
            let plan = world.plan(default_strategy());
            let (before, after) = (world.without_room(), world.after(&plan));
            let after = after.without_room();
            assert!(after.len() <= before.len(), "{name} {premise:?}: {} then {}", before.len(), after.len());
            short += before.len();
        }
    }
    assert!(short > 50, "only {short} pods were without room: the premises show nothing");
}

#[test]
fn a_budget_dropped_never_makes_the_bound_larger() {
    let mut dropped = 0;
    for (name, mut world) in worlds() {
        // Elsewhere a pod of kube-system moves only where it has a budget.
        world.policy.system_pods = SystemPods::All;
        let bound = world.lower_bound();
        for budget in &world.snapshot.budgets {
            let (without, not_yet) =
                with(&world, &Premise::WithoutBudget(budget.namespace.clone(), budget.name.clone()));
            assert!(not_yet.is_some());
            let larger = (without.lower_bound() - bound).dollars();
            assert!(larger <= bound.dollars() * 1e-3, "{name}: {} raises {bound} by {larger}", budget.key());
            dropped += 1;
        }
    }
    assert!(dropped > 20, "only {dropped} budgets");
}

#[test]
fn a_rule_dropped_is_gone_and_nothing_else_changes() {
    let mut dropped = 0;
    for (name, world) in worlds() {
        for (number, workload) in world.snapshot.workloads.iter().enumerate() {
            for rule in [Rule::Spread(None), Rule::PodAffinity, Rule::PodAntiAffinity, Rule::NodeAffinity] {
                let is_of_it = |pod: &&Pod| pod.workload == Some(number as u32);
                if !world.snapshot.pods.iter().filter(is_of_it).any(|pod| rule.is_in(&pod.spec)) {
                    continue;
                }
                let premise = Premise::WithoutRules(workload.reference.clone(), vec![rule.clone()]);
                let (without, _) = with(&world, &premise);
                for (now, before) in without.snapshot.pods.iter().zip(&world.snapshot.pods) {
                    assert!(!is_of_it(&now) || !rule.is_in(&now.spec), "{name}: {rule:?} of {}", now.key());
                    assert!(is_of_it(&now) || now == before, "{name}: {}", now.key());
                }
                dropped += 1;
            }
        }
    }
    assert!(dropped > 100, "only {dropped} rules");
}

#[test]
fn requests_as_they_are_change_nothing_and_others_what_the_pod_asks_for() {
    let mut changed = 0;
    for (name, world) in worlds() {
        for pod in world.snapshot.pods.iter().step_by(7) {
            let (Some(workload), Some(container)) = (world.snapshot.workload_of(pod), pod.spec.containers.first())
            else {
                continue;
            };
            let row = |cpu: Option<i64>| Request {
                workload: workload.reference.clone(),
                container: container.name.clone(),
                cpu,
                memory: None,
            };
            let find = |world: &World| world.snapshot.pod(&pod.namespace, &pod.name).unwrap().clone();
            let (_, not_yet) = with(&world, &Premise::Requests(vec![row(None)]));
            assert_eq!(not_yet, None, "{name}");
            let more = container.cpu.unwrap_or(0) + 250;
            let (after, not_yet) = with(&world, &Premise::Requests(vec![row(Some(more))]));
            assert!(not_yet.is_some(), "{name}");
            assert_eq!(find(&after).requests.cpu, pod.requests.cpu + 250, "{name}: {}", pod.key());
            changed += 1;
        }
    }
    assert!(changed > 50, "only {changed} pods");
}

#[test]
fn constraints_cost_something_and_the_same_each_time() {
    for basis in [SavingBasis::PlannedAnew, SavingBasis::PlannedOn, SavingBasis::Bound] {
        let mut found = 0;
        for (name, world) in worlds().step_by(3) {
            let plan = world.plan(default_strategy());
            let costs = || constraints_by(basis, &world, &plan, default_strategy(), &prices_by_size);
            let once = costs();
            assert!(once.len() <= 20 && once.is_sorted_by(|a, b| a.usd_per_hour >= b.usd_per_hour), "{name}");
            for cost in &once {
                assert!(
                    cost.usd_per_hour.nanos() > 0 && cost.usd_per_hour <= plan.summary.usd_per_hour_after,
                    "{name}"
                );
                assert_eq!(cost.basis, basis);
            }
            assert_eq!(once, costs(), "{name}");
            found += once.len();
        }
        assert!(found > 1, "{basis:?}: only {found} constraints cost anything");
    }
}
