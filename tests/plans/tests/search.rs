//! The search is worth its name: never dearer than the simple strategies, and on the whole much cheaper.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use engine::{plan, strategy};
use model::{Policy, Snapshot};
use plans::prices_by_size;
use scenario::Cut;
use serde_json::Value;

fn read(objects: impl Iterator<Item = Value>) -> Snapshot {
    observe::read_values("cluster", objects.collect::<Vec<_>>().into_iter()).unwrap()
}

/// Dollars an hour that the strategy leaves.
fn left_by(name: &str, snapshot: &Snapshot) -> f64 {
    let prices = prices_by_size(snapshot);
    plan(snapshot, &prices, &Policy::default(), strategy(name).unwrap()).summary.usd_per_hour_after.dollars()
}

#[test]
fn the_search_is_never_dearer_than_best_fit_and_on_the_whole_much_cheaper() {
    let fleets = (0..10).map(|seed| read(scenario::fleet(seed, 40, 400).objects()));
    let packings = (0..6).map(|seed| {
        let mut list = Vec::new();
        scenario::packing(seed, 40, Cut::Independent, 1).write(&mut list).unwrap();
        observe::read_bytes("packing", &list).unwrap()
    });
    let (mut searched, mut fitted) = (0.0, 0.0);
    for (at, snapshot) in fleets.chain(packings).enumerate() {
        let (search, best_fit) = (left_by("search", &snapshot), left_by("best-fit", &snapshot));
        assert!(search <= best_fit, "cluster {at}: ${search} by the search, ${best_fit} by best-fit");
        searched += search;
        fitted += best_fit;
    }
    eprintln!("the search leaves {:.1} % of what best-fit leaves", searched / fitted * 100.0);
    assert!(searched < fitted * 0.93, "${searched} by the search, ${fitted} by best-fit");
}
