//! What always holds of a plan, on random clusters, judged by the separate check.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use check::verify;
use engine::{Strategy, plan, strategies};
use model::{FindingCode, Name, Plan, Policy, Prices, Snapshot, UsdPerHour};
use plans::{adopt_all, planned_state, prices_by_size};

/// Small clusters full of corners; every pod owned, so that much may move.
fn corners(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (String, Snapshot)> {
    seeds.map(|seed| {
        let mut snapshot = observe::read_values("corners", std::iter::once(scenario::corners(seed))).unwrap();
        adopt_all(&mut snapshot);
        (format!("corners({seed})"), snapshot)
    })
}

/// Fleets as the benchmark has them, small.
fn fleets(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (String, Snapshot)> {
    seeds.map(|seed| {
        let (nodes, pods) = (10 + seed as usize % 30, 100 + seed as usize * 37 % 300);
        let objects: Vec<_> = scenario::fleet(seed, nodes, pods).objects().collect();
        (format!("fleet({seed}, {nodes}, {pods})"), observe::read_values("fleet", objects.into_iter()).unwrap())
    })
}

/// The same with nodes on which only daemons are left, some of them the last of their zone.
fn fleets_with_empty_nodes(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (String, Snapshot)> {
    fleets(seeds).enumerate().map(|(at, (name, mut snapshot))| {
        let is_emptied = |node: &Name| {
            let number = snapshot.nodes.iter().position(|known| known.name == *node).unwrap_or(0);
            number % 3 == at % 3 || number % 7 == 0
        };
        let emptied: Vec<Name> = snapshot.nodes.iter().map(|node| node.name.clone()).filter(is_emptied).collect();
        snapshot.pods.retain(|pod| pod.is_daemon() || !pod.node.as_ref().is_some_and(|node| emptied.contains(node)));
        (format!("{name} with empty nodes"), snapshot)
    })
}

fn company() -> impl Iterator<Item = (String, Snapshot)> {
    std::iter::once(("company".to_owned(), observe::read_values("company", scenario::company().into_iter()).unwrap()))
}

fn policies() -> [Policy; 4] {
    // A node of four cores is some eighteen cents.
    let worth = UsdPerHour::from_nanos(30_000_000);
    [
        Policy::conservative(),
        Policy::medium(),
        Policy { headroom_per_mille: 50, ..Policy::aggressive() },
        Policy { least_saved_per_move: worth, ..Policy::medium() },
    ]
}

/// A cluster, and its plans by strategy and policy.
struct Case {
    name: String,
    snapshot: Snapshot,
    prices: Prices,
    plans: Vec<(&'static dyn Strategy, Policy, Plan)>,
}

/// Made once, for all that is asked of them.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let clusters = corners(0..150).chain(fleets(0..30)).chain(fleets_with_empty_nodes(0..12)).chain(company());
    let case = |(name, snapshot): (String, Snapshot)| {
        let prices = prices_by_size(&snapshot);
        let of = strategies().into_iter().flat_map(|strategy| policies().map(|policy| (strategy, policy)));
        let plan = |(strategy, policy): (&'static dyn Strategy, Policy)| {
            let plan = plan(&snapshot, &prices, &policy, strategy);
            (strategy, policy, plan)
        };
        let plans = of.map(plan).collect();
        Case { name, snapshot, prices, plans }
    };
    clusters.map(case).collect()
});

/// Calls the test for every cluster, strategy and policy with the plan.
fn for_every_plan(test: impl Fn(&str, &Snapshot, &Prices, &Policy, &dyn Strategy, &Plan)) {
    let mut steps = 0;
    for Case { name, snapshot, prices, plans } in CASES.iter() {
        for (strategy, policy, plan) in plans {
            steps += plan.migrations.len();
            test(&format!("{name} {}", strategy.name()), snapshot, prices, policy, *strategy, plan);
        }
    }
    assert!(steps > 1_000, "only {steps} steps were planned: the clusters show nothing");
}

#[test]
fn every_plan_passes_the_check() {
    for_every_plan(|name, snapshot, prices, policy, _, plan| {
        let faults = verify(snapshot, Some(prices), policy, plan);
        assert!(faults.is_empty(), "{name}: {} faults, the first: {:?}", faults.len(), faults[0]);
    });
}

/// A plan may name nodes that could go, but not legally on the way; from where it leads they may.
#[test]
fn planning_on_the_planned_state_gives_an_empty_plan() {
    let (asked, unfinished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for_every_plan(|name, snapshot, _, policy, strategy, first| {
        asked.fetch_add(1, Ordering::Relaxed);
        let mut state = planned_state(snapshot, first);
        let mut has_no_way = first.findings.iter().any(|finding| finding.code == FindingCode::NoLegalOrder);
        for round in 0.. {
            let again = plan(&state, &prices_by_size(&state), policy, strategy);
            if again.nodes.remove.is_empty() {
                assert!(again.migrations.is_empty(), "{name}: pods move for nothing");
                break;
            }
            unfinished.fetch_add(usize::from(round == 0), Ordering::Relaxed);
            assert!(has_no_way, "{name}: {:?} went, then {:?}", first.nodes.remove, again.nodes.remove);
            assert!(again.summary.usd_per_hour_after < again.summary.usd_per_hour_before, "{name}: nothing saved");
            has_no_way = again.findings.iter().any(|finding| finding.code == FindingCode::NoLegalOrder);
            state = planned_state(&state, &again);
        }
    });
    let (asked, unfinished) = (asked.into_inner(), unfinished.into_inner());
    assert!(unfinished * 50 <= asked, "after {unfinished} of {asked} plans there was more to plan");
}

#[test]
fn the_same_input_gives_the_same_plan() {
    for_every_plan(|name, snapshot, prices, policy, strategy, first| {
        let again = plan(snapshot, prices, policy, strategy);
        assert_eq!(format!("{first:?}"), format!("{again:?}"), "{name}");
    });
}

#[test]
fn no_node_that_stays_is_fuller_than_it_may_be() {
    for_every_plan(|name, snapshot, _, _, _, plan| {
        let after = planned_state(snapshot, plan);
        for node in &after.nodes {
            let held = |state: &Snapshot, of: fn(&model::Pod) -> i64| -> i64 {
                let on_node =
                    state.pods.iter().filter(|pod| pod.node.as_ref() == Some(&node.name) && !pod.is_finished());
                on_node.map(of).sum()
            };
            // A node that was too full before may stay so: nothing is moved from a node that stays.
            for (what, of, allocatable) in [
                ("cpu", (|pod| pod.held.cpu) as fn(&model::Pod) -> i64, node.allocatable.cpu),
                ("memory", |pod| pod.held.memory, node.allocatable.memory),
                ("ephemeral storage", |pod| pod.held.ephemeral_storage, node.allocatable.ephemeral_storage),
                ("pods", |_| 1, node.allocatable.pods),
            ] {
                let (before, after) = (held(snapshot, of), held(&after, of));
                assert!(after <= allocatable.max(before), "{name}: {after} {what} on {}", node.name);
            }
        }
    });
}

#[test]
fn every_node_that_stays_has_its_reason() {
    for_every_plan(|name, snapshot, _, _, _, plan| {
        for node in &snapshot.nodes {
            let is_removed = plan.nodes.remove.contains(&node.name);
            let subject = model::Subject::Node(node.name.clone());
            let reasons = plan.findings.iter().filter(|finding| finding.subject == subject).count();
            assert_eq!(reasons, usize::from(!is_removed), "{name}: {}", node.name);
        }
    });
}

/// Room for pending pods may be part of the headroom, and closes no way.
#[test]
fn headroom_costs_its_share_where_pods_are_pending() {
    let (_, snapshot) = company().next().unwrap();
    assert!(snapshot.pods.iter().any(model::Pod::is_unbound), "nothing is pending");
    let prices = prices_by_size(&snapshot);
    for strategy in strategies() {
        let saved = |headroom_per_mille: u32| {
            let policy = Policy { headroom_per_mille, ..Policy::default() };
            plan(&snapshot, &prices, &policy, strategy).summary.saved().dollars()
        };
        assert!(saved(50) > saved(0) * 0.8, "{}: {} of {}", strategy.name(), saved(50), saved(0));
    }
}

#[test]
fn what_may_be_evicted_is_the_same_for_the_planner_and_the_check() {
    let mut asked = 0;
    for (name, snapshot) in corners(0..150).chain(fleets(0..5)).chain(company()) {
        for policy in policies() {
            let planner = engine::evictable::Evictable::new(&snapshot, &policy);
            let check = check::Evictions::new(&snapshot, &policy);
            let on_node = |pod: &model::Pod| pod.node.as_ref().is_some_and(|node| snapshot.node(node).is_some());
            for (number, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished() && on_node(pod))
            {
                asked += 1;
                let (planner, check) = (planner.blocker(number), check.evictable(pod).err());
                assert_eq!(planner.is_none(), check.is_none(), "{name} {}: {planner:?}, {check:?}", pod.key());
            }
        }
    }
    assert!(asked > 5_000, "only {asked} pods were asked about");
}
