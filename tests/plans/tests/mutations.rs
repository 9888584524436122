//! The planner's own plans, changed in every way that a rule forbids: the check catches each change.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

#[path = "../../../crates/check/tests/mutate/mod.rs"]
mod mutate;

use model::{Policy, Snapshot};
use mutate::{Case, assert_all_caught};
use plans::prices_by_size;

fn catch_all_on(snapshot: Snapshot, policy: Policy) {
    let prices = prices_by_size(&snapshot);
    for strategy in engine::strategies() {
        let plan = engine::plan(&snapshot, &prices, &policy, strategy);
        assert!(!plan.migrations.is_empty(), "{} moves nothing: nothing to change", strategy.name());
        assert_all_caught(&Case { snapshot: snapshot.clone(), prices: prices.clone(), policy: policy.clone(), plan });
    }
}

#[test]
fn every_forbidden_change_of_the_example_companys_plan_is_caught() {
    for policy in [Policy::medium(), Policy::conservative()] {
        catch_all_on(observe::read_values("company", scenario::company().into_iter()).unwrap(), policy);
    }
}

#[test]
fn every_forbidden_change_of_a_fleets_plan_is_caught() {
    let objects: Vec<_> = scenario::fleet(3, 12, 120).objects().collect();
    catch_all_on(observe::read_values("fleet", objects.into_iter()).unwrap(), Policy::medium());
}
