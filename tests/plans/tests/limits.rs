//! Disruption against savings: plans within limits on their moves and on what they must save.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use check::verify;
use engine::{Strategy, curve, plan, strategies};
use model::{FindingCode, Plan, Policy, Prices, Protected, ProtectedNode, Snapshot, Subject, UsdPerHour};
use plans::{adopt_all, prices_by_size};

fn clusters() -> impl Iterator<Item = (String, Snapshot)> {
    let corners = (0..30).map(|seed| {
        let mut snapshot = observe::read_values("corners", std::iter::once(scenario::corners(seed))).unwrap();
        adopt_all(&mut snapshot);
        (format!("corners({seed})"), snapshot)
    });
    let fleets = (0..10).map(|seed| {
        let objects: Vec<_> =
            scenario::fleet(seed, 10 + 2 * seed as usize, 100 + 20 * seed as usize).objects().collect();
        (format!("fleet({seed})"), observe::read_values("fleet", objects.into_iter()).unwrap())
    });
    let company = observe::read_values("company", scenario::company().into_iter()).unwrap();
    corners.chain(fleets).chain([("company".to_owned(), company)])
}

/// Calls the test with the plan without limits.
fn for_every_plan(test: impl Fn(&str, &Snapshot, &Prices, &dyn Strategy, &Plan)) {
    for (name, snapshot) in clusters() {
        let prices = prices_by_size(&snapshot);
        for strategy in strategies() {
            let whole = plan(&snapshot, &prices, &Policy::default(), strategy);
            test(&format!("{name} {}", strategy.name()), &snapshot, &prices, strategy, &whole);
        }
    }
}

fn cluster_finding(plan: &Plan, code: FindingCode) -> bool {
    plan.findings.iter().any(|finding| finding.code == code && finding.subject == Subject::Cluster)
}

#[test]
fn a_plan_keeps_to_its_moves_and_says_what_more_would_save() {
    for_every_plan(|name, snapshot, prices, strategy, whole| {
        for part in [0, 1, 4, 7, 10, 12] {
            let most = whole.migrations.len() * part / 10;
            let policy = Policy { most_moves: Some(most as u32), ..Policy::default() };
            let within = plan(snapshot, prices, &policy, strategy);
            assert!(within.migrations.len() <= most, "{name}: {} of {most} moves", within.migrations.len());
            let faults = verify(snapshot, Some(prices), &policy, &within);
            assert!(faults.is_empty(), "{name}: {}", faults[0]);
            let saves_less = within.summary.saved() < whole.summary.saved();
            assert!(part < 10 || !saves_less, "{name}: {most} moves are enough for more");
            assert_eq!(cluster_finding(&within, FindingCode::MoveLimit), saves_less, "{name}: {most} moves");
        }
    });
}

/// Whatever is protected stays, and a wave touches no more nodes of a workload than it may: engine and check agree on it.
#[test]
fn a_plan_keeps_what_is_protected_and_spares_the_replicas_of_a_workload() {
    let mut kept = 0;
    for (name, snapshot) in clusters() {
        let prices = prices_by_size(&snapshot);
        let strategy = engine::default_strategy();
        let whole = plan(&snapshot, &prices, &Policy::default(), strategy);
        let (Some(step), Some(node)) = (whole.migrations.last(), whole.nodes.remove.first()) else { continue };
        let protected = Protected {
            namespaces: Default::default(),
            workloads: [(step.workload.namespace.clone(), step.workload.name.clone())].into(),
            nodes: [ProtectedNode::Named(node.clone())].into(),
        };
        let policy = Policy { most_nodes_per_workload: Some(1), cooldown_seconds: 60, protected, ..Policy::default() };
        let within = plan(&snapshot, &prices, &policy, strategy);
        let faults = verify(&snapshot, Some(&prices), &policy, &within);
        assert!(faults.is_empty(), "{name}: {}", faults[0]);
        assert!(!within.nodes.remove.contains(node), "{name}");
        assert!(
            within.migrations.iter().all(|other| other.from_node != *node && other.workload != step.workload),
            "{name}"
        );
        kept += 1;
    }
    assert!(kept > 10, "of {kept} clusters only");
}

/// The part of the savings is mostly larger than the part of the moves: the best moves come first.
#[test]
fn the_first_moves_save_most() {
    let sums = std::cell::Cell::new((0.0, 0.0));
    for_every_plan(|_, snapshot, prices, strategy, whole| {
        let policy = Policy { most_moves: Some(whole.migrations.len() as u32 / 4), ..Policy::default() };
        let within = plan(snapshot, prices, &policy, strategy).summary.saved().dollars();
        let (saved, could) = sums.get();
        sums.set((saved + within, could + whole.summary.saved().dollars()));
    });
    let (saved, could) = sums.get();
    assert!(saved > could * 0.4, "a quarter of the moves saves {saved} of {could}");
}

#[test]
fn no_node_goes_for_less_than_its_moves_are_worth() {
    for_every_plan(|name, snapshot, prices, strategy, whole| {
        let average = whole.summary.saved().share(1, whole.migrations.len().max(1) as i64);
        for least_saved_per_move in [average, average * 2] {
            let policy = Policy { least_saved_per_move, ..Policy::default() };
            let worth = plan(snapshot, prices, &policy, strategy);
            let faults = verify(snapshot, Some(prices), &policy, &worth);
            assert!(faults.is_empty(), "{name}: {}", faults[0]);
            let wanted = least_saved_per_move * worth.migrations.len() as i64;
            assert!(worth.summary.saved() >= wanted, "{name}: {} of {wanted}", worth.summary.saved());
        }
    });
}

#[test]
fn a_plan_that_saves_too_little_is_not_made() {
    for_every_plan(|name, snapshot, prices, strategy, whole| {
        let saved = whole.summary.saved();
        let made = plan(snapshot, prices, &Policy { least_saved: saved, ..Policy::default() }, strategy);
        assert_eq!(made.migrations, whole.migrations, "{name}");
        let policy = Policy { least_saved: saved + UsdPerHour::from_nanos(1), ..Policy::default() };
        let none = plan(snapshot, prices, &policy, strategy);
        assert!(none.migrations.is_empty() && none.nodes.remove.is_empty(), "{name}");
        let faults = verify(snapshot, Some(prices), &policy, &none);
        assert!(faults.is_empty(), "{name}: {}", faults[0]);
        let was_something = !whole.nodes.remove.is_empty();
        assert_eq!(cluster_finding(&none, FindingCode::TooLittleSaved), was_something, "{name}");
        for node in &whole.nodes.remove {
            let reason = none.findings.iter().find(|finding| finding.subject == Subject::Node(node.clone())).unwrap();
            assert_eq!(reason.code, FindingCode::TooLittleSaved, "{name}: {node}");
        }
    });
}

#[test]
fn the_curve_rises_from_what_no_move_saves_to_all() {
    for_every_plan(|name, snapshot, prices, strategy, whole| {
        let points = curve(snapshot, prices, &Policy::default(), strategy);
        for pair in points.windows(2) {
            assert!(pair[0].moves < pair[1].moves && pair[0].saved < pair[1].saved, "{name}: {points:?}");
        }
        assert_eq!(points.first().unwrap().moves, 0, "{name}");
        assert!(points.last().unwrap().saved >= whole.summary.saved(), "{name}: {points:?}");
        for point in &points {
            let policy = Policy { most_moves: Some(point.moves as u32), ..Policy::default() };
            let plan = plan(snapshot, prices, &policy, strategy);
            assert!(plan.summary.saved() >= point.saved, "{name}: {} at {point:?}", plan.summary.saved());
        }
    });
}
