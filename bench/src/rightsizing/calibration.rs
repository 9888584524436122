//! Does a request of confidence 0.9 hold for the next week nine times in ten?

use std::borrow::Cow;

use engine::rightsizing::confidence::{FEATURES, confidence, features, held};
use engine::rightsizing::seasonal::{Caution, Pace};
use engine::rightsizing::{Event, Resource, Series, Settings, strategy};
use model::Time;

use super::data::{AUGUST, OCTOBER, Vm};

const DAY_SECONDS: i64 = 86_400;
const WEEK_SECONDS: i64 = 7 * DAY_SECONDS;
/// What is recommended before has too little to look back on.
const FIRST: Time = Time(AUGUST.0 - 26 * DAY_SECONDS);
/// Bins of fewer outcomes say nothing.
const FEWEST: usize = 1_000;
const BINS: usize = 10;

/// Most containers are young: of each VM only so many days are known, too.
const DAYS_KNOWN: [i64; 4] = [1, 2, 3, 7];

/// A recommendation of one day, and what became of it.
struct Case {
    amount: f64,
    vm: usize,
    at: Time,
    /// So many days were known; none where all were.
    days_known: Option<i64>,
}

impl Case {
    /// What was known by then.
    fn known<'v>(&self, vms: &'v [Vm], resource: Resource) -> Cow<'v, Series> {
        let series = vms[self.vm].usage.of(resource);
        match self.days_known {
            None => Cow::Borrowed(series),
            Some(days) => {
                let window = series.window(self.at, days * DAY_SECONDS);
                Cow::Owned(Series::new(resource, window.iter().copied()))
            }
        }
    }

    /// How sure it was, and whether it held.
    fn outcome(&self, vms: &[Vm], resource: Resource) -> Option<(f64, bool)> {
        let said = confidence(resource, self.amount, &self.known(vms, resource), self.at)?;
        Some((said, held(resource, self.amount, vms[self.vm].usage.of(resource), self.at)?))
    }
}

/// What would have been recommended day by day where only so many days were known.
fn young_cases(vms: &[Vm], resource: Resource, from: Time, until: Time, days: i64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, vm) in vms.iter().enumerate() {
        let mut now = from;
        while now.0 + WEEK_SECONDS <= until.0 {
            let window = vm.usage.of(resource).window(now, days * DAY_SECONDS);
            // Of days without a gap, which are all that are asked about.
            let is_whole = window.first().is_some_and(|first| now.seconds_since(first.at) > days * DAY_SECONDS - 3_600);
            for (name, settings) in ways().into_iter().filter(|_| is_whole) {
                let Some(strategy) = strategy(name) else { continue };
                let mut watch = strategy.watch(resource, &settings);
                window.iter().for_each(|sample| watch.sample(*sample));
                if let Some(estimate) = watch.estimate(now) {
                    let amount = resource.from_request(resource.to_request(estimate.amount));
                    cases.push(Case { amount, vm: at, at: now, days_known: Some(days) });
                }
            }
            now = Time(now.0 + DAY_SECONDS);
        }
    }
    cases
}

/// What was recommended day by day, of which the next week lies before `until`.
fn cases(vms: &[Vm], resource: Resource, from: Time, until: Time) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, vm) in vms.iter().enumerate() {
        for (name, settings) in ways() {
            let Some(strategy) = strategy(name) else { continue };
            let mut watch = strategy.watch(resource, &settings);
            let mut next = from;
            for sample in vm.usage.of(resource).samples() {
                if sample.at >= next && sample.at.0 + WEEK_SECONDS <= until.0 {
                    next = Time(next.0 + ((sample.at.0 - next.0) / DAY_SECONDS + 1) * DAY_SECONDS);
                    if let Some(estimate) = watch.estimate(sample.at) {
                        let amount = resource.from_request(resource.to_request(estimate.amount));
                        cases.push(Case { amount, vm: at, at: Time(sample.at.0 - 1), days_known: None });
                    }
                }
                watch.sample(*sample);
            }
            let _: &[Event] = &vm.usage.events;
        }
    }
    cases
}

/// Ways to recommend, from careless to careful.
fn ways() -> Vec<(&'static str, Settings)> {
    let mut ways = vec![("vpa", Settings::default())];
    ways.extend([90, 99].map(|percentile| ("percentile", Settings { percentile, ..Settings::default() })));
    ways.extend(Caution::ALL.map(|caution| ("seasonal", Settings::new(Pace::Once, caution))));
    ways.push(("seasonal", Settings::new(Pace::Seldom, Caution::Medium)));
    ways
}

/// Prints how confidences of August and September kept their word.
pub fn print(vms: &[Vm]) {
    println!("confidence that a request holds for the next week, August and September; within 3 points is the target");
    println!("| | confidence | outcomes | said, % | held, % | 95 % interval, by VM | off, points |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for resource in Resource::ALL {
        let mut bins: Vec<Vec<(usize, f64, bool)>> = vec![Vec::new(); BINS];
        for case in cases(vms, resource, AUGUST, OCTOBER) {
            if let Some((said, held)) = case.outcome(vms, resource) {
                bins[((said * BINS as f64) as usize).min(BINS - 1)].push((case.vm, said, held));
            }
        }
        for (at, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.len() >= FEWEST) {
            let between = format!("{:.1} to {:.1}", at as f64 / BINS as f64, (at + 1) as f64 / BINS as f64);
            print_bin(&format!("{resource} | {between}"), bin, vms.len());
        }
    }
    println!();
    print_young(vms);
}

/// What was said and what held, as one row.
fn print_bin(of: &str, bin: &[(usize, f64, bool)], vms: usize) {
    if bin.is_empty() {
        return;
    }
    let held = bin.iter().filter(|(_, _, held)| *held).count() as f64 / bin.len() as f64;
    let said = bin.iter().map(|(_, said, _)| said).sum::<f64>() / bin.len() as f64;
    let (low, high) = interval(bin, vms);
    println!(
        "| {of} | {} | {:.1} | {:.1} | {:.1} to {:.1} | {:+.1} |",
        bin.len(),
        100.0 * said,
        100.0 * held,
        100.0 * low,
        100.0 * high,
        100.0 * (held - said)
    );
}

/// The same of what is known for days alone, from half sure on.
fn print_young(vms: &[Vm]) {
    println!("the same where only the last days were known, of confidences from 0.5 on");
    println!("| | days known | outcomes | said, % | held, % | 95 % interval, by VM | off, points |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (resource, days) in Resource::ALL.into_iter().flat_map(|resource| DAYS_KNOWN.map(|days| (resource, days))) {
        let bin: Vec<(usize, f64, bool)> = young_cases(vms, resource, AUGUST, OCTOBER, days)
            .iter()
            .filter_map(|case| case.outcome(vms, resource).map(|(said, held)| (case.vm, said, held)))
            .filter(|(_, said, _)| *said >= 0.5)
            .collect();
        print_bin(&format!("{resource} | {days}"), &bin, vms.len());
    }
    println!();
}

/// Outcomes of one VM hang together: whole VMs are drawn again, a thousand times.
fn interval(bin: &[(usize, f64, bool)], vms: usize) -> (f64, f64) {
    let mut of_vm = vec![(0_usize, 0_usize); vms];
    for (vm, _, held) in bin {
        of_vm[*vm].0 += usize::from(*held);
        of_vm[*vm].1 += 1;
    }
    of_vm.retain(|(_, all)| *all > 0);
    let mut random = fastrand::Rng::with_seed(1);
    let mut parts: Vec<f64> = (0..1_000)
        .map(|_| {
            let drawn = (0..of_vm.len()).map(|_| of_vm[random.usize(..of_vm.len())]);
            let (held, all) = drawn.fold((0, 0), |sum, vm| (sum.0 + vm.0, sum.1 + vm.1));
            held as f64 / all as f64
        })
        .collect();
    parts.sort_unstable_by(f64::total_cmp);
    (parts[25], parts[974])
}

/// Fits the weights on July alone, by Newton's method, and prints them.
pub fn fit(vms: &[Vm]) {
    for resource in Resource::ALL {
        let mut rows: Vec<([f64; FEATURES], f64)> = Vec::new();
        let young = DAYS_KNOWN.into_iter().flat_map(|days| young_cases(vms, resource, FIRST, AUGUST, days));
        for case in cases(vms, resource, FIRST, AUGUST).into_iter().chain(young) {
            let series = vms[case.vm].usage.of(resource);
            let of = features(case.amount, &case.known(vms, resource), case.at);
            if let (Some(of), Some(held)) = (of, held(resource, case.amount, series, case.at)) {
                rows.push((of, f64::from(u8::from(held))));
            }
        }
        let mut weights = [0.0; FEATURES];
        for _ in 0..50 {
            step(&rows, &mut weights);
        }
        println!("{resource}: {} outcomes: {weights:.4?}", rows.len());
    }
}

fn step(rows: &[([f64; FEATURES], f64)], weights: &mut [f64; FEATURES]) {
    // A little towards zero, so that no weight runs away.
    const RIDGE: f64 = 1.0;
    let mut hessian = [[0.0; FEATURES]; FEATURES];
    let mut gradient = [0.0; FEATURES];
    for (of, held) in rows {
        let sum: f64 = of.iter().zip(weights.iter()).map(|(feature, weight)| feature * weight).sum();
        let said = 1.0 / (1.0 + (-sum).exp());
        for at in 0..FEATURES {
            gradient[at] += (held - said) * of[at];
            for other in 0..FEATURES {
                hessian[at][other] += said * (1.0 - said) * of[at] * of[other];
            }
        }
    }
    for at in 0..FEATURES {
        gradient[at] -= RIDGE * weights[at];
        hessian[at][at] += RIDGE;
    }
    // Gaussian elimination; the ridge keeps every pivot above zero.
    for at in 0..FEATURES {
        for below in at + 1..FEATURES {
            let row = hessian[at];
            let factor = hessian[below][at] / row[at];
            for (entry, pivot) in hessian[below].iter_mut().zip(row) {
                *entry -= factor * pivot;
            }
            gradient[below] -= factor * gradient[at];
        }
    }
    for at in (0..FEATURES).rev() {
        let known: f64 = (at + 1..FEATURES).map(|column| hessian[at][column] * gradient[column]).sum();
        gradient[at] = (gradient[at] - known) / hessian[at][at];
    }
    for (weight, change) in weights.iter_mut().zip(gradient) {
        *weight += change.clamp(-2.0, 2.0);
    }
}
