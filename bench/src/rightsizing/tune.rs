//! Chooses the seasonal strategy's constants on July alone, by CMA-ES with a diagonal covariance (Ros and Hansen 2008).
//! `bench tune-rightsizing RESOURCE WEIGHT CHANGES PER-DAY-LIMIT SEED ITERATIONS` prints what it finds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::rightsizing::backtest::{Cadence, Outcome, replay};
use engine::rightsizing::seasonal::{Caution, Constants, Pace};
use engine::rightsizing::{Resource, Settings, default_strategy};
use model::Time;

use super::data::{AUGUST, Vm};

/// The first week of July is there to look back on.
const FROM: Time = Time(AUGUST.0 - 24 * 86_400);
const FIELDS: usize = 14;

/// What is looked for: little slack, few breaches at this weight, and so many changes a day at most.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Which resource.
    pub resource: Resource,
    /// How much a percent of unmet CPU, or an episode a month, weighs against a percent more asked for.
    pub weight: f64,
    /// Changes a VM-day on average.
    pub changes: f64,
    /// Changes of one VM in any 24 hours.
    pub most_changes_a_day: u8,
    /// Hours that count as the same.
    pub hours_ahead: u8,
}

/// Searches, and prints the best.
pub fn run(vms: &[Vm], goal: Goal, seed: u64, iterations: usize) {
    let start = start(goal);
    let (best, value) = minimize(&start, seed, iterations, &|point| cost(vms, goal, point));
    let constants = constants(goal, &best);
    let outcome = july(vms, goal.resource, &constants);
    println!("{value:.2} {goal:?}: July: {}", words(&outcome));
    println!("{constants:#.4?}");
}

/// An outcome in a few words.
pub fn words(outcome: &Outcome) -> String {
    format!(
        "slack {:.1} %, unmet {:.3} %, {:.2} episodes a month, {:.2} changes a day",
        100.0 * outcome.slack(),
        100.0 * outcome.unmet_part(),
        outcome.episodes_a_month(),
        outcome.changes_a_day()
    )
}

fn july(vms: &[Vm], resource: Resource, constants: &Constants) -> Outcome {
    let mut settings = Settings::new(Pace::InPlace, Caution::Medium);
    settings.seasonal[resource.index()] = *constants;
    let mut sum = Outcome::default();
    for vm in vms {
        sum += replay(&vm.usage, resource, default_strategy(), &settings, Cadence::WhenNeeded, (FROM, AUGUST));
    }
    sum
}

fn cost(vms: &[Vm], goal: Goal, point: &[f64]) -> f64 {
    let constants = constants(goal, point);
    let outcome = july(vms, goal.resource, &constants);
    let breaches = match goal.resource {
        Resource::Cpu => 100.0 * outcome.unmet_part(),
        Resource::Memory => outcome.episodes_a_month(),
    };
    let asked = 100.0 * (outcome.requested / outcome.used).ln();
    asked + goal.weight * breaches + 100.0 * (outcome.changes_a_day() - goal.changes).max(0.0)
}

fn start(goal: Goal) -> [f64; FIELDS] {
    let settings = Settings::new(if goal.changes < 1.0 { Pace::Seldom } else { Pace::InPlace }, Caution::Medium);
    let c = settings.seasonal[goal.resource.index()];
    let [(a, x), (b, y), (d, z)] = c.fading;
    [
        a,
        b,
        d,
        x,
        y,
        z,
        c.yesterday,
        c.highest_of_week,
        c.second_of_week,
        c.least,
        c.size,
        c.room,
        c.lower_below / (1.0 - c.lower_below),
    ]
    .map(f64::ln)
    .into_iter()
    .chain([c.size_exponent])
    .collect::<Vec<_>>()
    .try_into()
    .unwrap_or([0.0; FIELDS])
}

fn constants(goal: Goal, point: &[f64]) -> Constants {
    let e = |at: usize| point[at].exp();
    let half_life = |at: usize| e(at).clamp(0.005, 60.0);
    Constants {
        fading: [(e(0), half_life(3)), (e(1), half_life(4)), (e(2), half_life(5))],
        yesterday: e(6),
        highest_of_week: e(7),
        second_of_week: e(8),
        least: e(9),
        size: e(10),
        room: e(11).min(3.0),
        lower_below: e(12) / (1.0 + e(12)),
        size_exponent: point[13].clamp(-0.3, 0.6),
        hours_ahead: goal.hours_ahead,
        most_changes_a_day: goal.most_changes_a_day,
    }
}

/// How far to look at first, by field: margins and half-lives by a third, the rest by more.
const SPREAD: [f64; FIELDS] = [0.25, 0.25, 0.25, 0.4, 0.4, 0.4, 0.4, 0.4, 0.3, 0.7, 0.4, 0.4, 0.4, 0.05];

fn minimize(start: &[f64], seed: u64, iterations: usize, cost: &(dyn Fn(&[f64]) -> f64 + Sync)) -> (Vec<f64>, f64) {
    let fields = start.len();
    let n = fields as f64;
    let offspring = 12;
    let parents = offspring / 2;
    let raw: Vec<f64> = (0..parents).map(|rank| (parents as f64 + 0.5).ln() - ((rank + 1) as f64).ln()).collect();
    let sum: f64 = raw.iter().sum();
    let weights: Vec<f64> = raw.iter().map(|weight| weight / sum).collect();
    let effective = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
    let path_rate = 4.0 / (n + 4.0);
    let step_rate = (effective + 2.0) / (n + effective + 3.0);
    let sep = (n + 2.0) / 3.0;
    let rank_one = (2.0 / ((n + 1.3).powi(2) + effective) * sep).min(0.5);
    let rank_all =
        (2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective) * sep).min(1.0 - rank_one);
    let damping = 1.0 + step_rate + 2.0 * (((effective - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0);
    let usual = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
    let (mut mean, mut step) = (start.to_vec(), 1.0_f64);
    let mut variance: Vec<f64> = SPREAD.iter().take(fields).map(|spread| spread * spread).collect();
    let (mut path, mut step_path) = (vec![0.0; fields], vec![0.0; fields]);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut best = (mean.clone(), cost(&mean));
    for _ in 0..iterations {
        let points: Vec<Vec<f64>> = (0..offspring)
            .map(|_| (0..fields).map(|at| mean[at] + step * variance[at].sqrt() * normal(&mut random)).collect())
            .collect();
        let costs = on_two_cores(&points, cost);
        let mut order: Vec<usize> = (0..offspring).collect();
        order.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]));
        if costs[order[0]] < best.1 {
            best = (points[order[0]].clone(), costs[order[0]]);
        }
        let old = mean.clone();
        for at in 0..fields {
            mean[at] = order.iter().zip(&weights).map(|(point, weight)| weight * points[*point][at]).sum();
            let moved = (mean[at] - old[at]) / step;
            step_path[at] = (1.0 - step_rate) * step_path[at]
                + (step_rate * (2.0 - step_rate) * effective).sqrt() * moved / variance[at].sqrt();
            path[at] = (1.0 - path_rate) * path[at] + (path_rate * (2.0 - path_rate) * effective).sqrt() * moved;
            let spread: f64 = order
                .iter()
                .zip(&weights)
                .map(|(point, weight)| weight * ((points[*point][at] - old[at]) / step).powi(2))
                .sum();
            variance[at] =
                ((1.0 - rank_one - rank_all) * variance[at] + rank_one * path[at] * path[at] + rank_all * spread)
                    .max(1e-10);
        }
        let length = step_path.iter().map(|part| part * part).sum::<f64>().sqrt();
        step = (step * ((step_rate / damping) * (length / usual - 1.0)).exp()).clamp(1e-3, 3.0);
    }
    let last = cost(&mean);
    if last < best.1 { (mean, last) } else { best }
}

fn on_two_cores(points: &[Vec<f64>], cost: &(dyn Fn(&[f64]) -> f64 + Sync)) -> Vec<f64> {
    let next = AtomicUsize::new(0);
    let costs = Mutex::new(vec![f64::INFINITY; points.len()]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, point)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, points.get(at)?)))
                {
                    let found = cost(point);
                    if let Ok(mut costs) = costs.lock() {
                        costs[at] = found;
                    }
                }
            });
        }
    });
    costs.into_inner().unwrap_or_default()
}

fn normal(random: &mut fastrand::Rng) -> f64 {
    let (length, turn) = ((-2.0 * (1.0 - random.f64()).ln()).sqrt(), std::f64::consts::TAU * random.f64());
    length * turn.cos()
}
