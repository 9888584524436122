//! What others would have requested: VPA's own recommender, asked in Go, and KRR's rule.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use engine::rightsizing::backtest::{Judge, Outcome};
use engine::rightsizing::percentile::nearest_rank;
use engine::rightsizing::{Resource, Sample};
use model::Time;

use super::data::{AUGUST, OCTOBER, Vm};

const DAY_SECONDS: i64 = 86_400;

/// VPA's targets, set anew each day; with kills told or not.
pub fn vpa(recommender: &Path, vms: &[Vm], tell_kills: bool) -> anyhow::Result<[Outcome; 2]> {
    let mut child = Command::new(recommender)
        .args(tell_kills.then_some("-oom"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| recommender.display().to_string())?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            for vm in vms {
                if stdin.write_all(questions(vm).as_bytes()).is_err() {
                    return;
                }
            }
        });
        child.wait_with_output()
    })?;
    anyhow::ensure!(output.status.success(), "{} failed", recommender.display());
    let answers = String::from_utf8(output.stdout)?;
    let mut answers = answers.lines().peekable();
    let mut sums = [Outcome::default(); 2];
    for vm in vms {
        let mut of_vm: Vec<(Time, [f64; 2])> = Vec::new();
        while let Some(line) = answers.next_if(|line| line.split(' ').next() == Some(&vm.name)) {
            let parts: Vec<&str> = line.split(' ').collect();
            let [_, at, cores, bytes] = parts[..] else { anyhow::bail!("{line}: not four parts") };
            of_vm.push((Time(at.parse()?), [cores.parse()?, bytes.parse()?]));
        }
        for resource in Resource::ALL {
            sums[resource.index()] += judge(vm, resource, &of_vm);
        }
    }
    Ok(sums)
}

/// KRR's strategy `simple`: CPU at the 95th percentile of two weeks, memory at their highest plus 15 %, at least 10
/// millicores and 100 MB; set anew each day.
pub fn krr(vms: &[Vm]) -> [Outcome; 2] {
    const WINDOW_SECONDS: i64 = 14 * DAY_SECONDS;
    const LEAST: [f64; 2] = [0.01, 1e8];
    let mut sums = [Outcome::default(); 2];
    for vm in vms {
        for resource in Resource::ALL {
            let mut requests = Vec::new();
            for day in days(vm.usage.of(resource).samples()) {
                let window = vm.usage.of(resource).window(Time(day.0 - 1), WINDOW_SECONDS);
                let mut amounts: Vec<f64> = window.iter().map(|sample| sample.amount).collect();
                amounts.sort_unstable_by(f64::total_cmp);
                let amount = match resource {
                    Resource::Cpu => nearest_rank(&amounts, 95),
                    Resource::Memory => amounts.last().map(|highest| highest * 1.15),
                };
                if let Some(amount) = amount {
                    requests.push((day, [amount.max(LEAST[resource.index()]); 2]));
                }
            }
            sums[resource.index()] += judge(vm, resource, &requests);
        }
    }
    sums
}

/// One that knows the highest use of the next six hours, and asks for just that.
pub fn oracle(vms: &[Vm]) -> [Outcome; 2] {
    const AHEAD_SECONDS: i64 = 6 * 3_600;
    let mut sums = [Outcome::default(); 2];
    for vm in vms {
        for resource in Resource::ALL {
            let samples = vm.usage.of(resource).samples();
            let mut requests: Vec<(Time, [f64; 2])> = Vec::new();
            for sample in samples.iter().filter(|sample| sample.at >= AUGUST) {
                let start = Time(AUGUST.0 + (sample.at.0 - AUGUST.0) / AHEAD_SECONDS * AHEAD_SECONDS);
                match requests.last_mut() {
                    Some((at, highest)) if *at == start => *highest = [highest[0].max(sample.amount); 2],
                    _ => requests.push((start, [sample.amount; 2])),
                }
            }
            sums[resource.index()] += judge(vm, resource, &requests);
        }
    }
    sums
}

/// The first sample of each day from August on.
fn days(samples: &[Sample]) -> Vec<Time> {
    let mut days: Vec<Time> = Vec::new();
    let mut next = AUGUST;
    for sample in samples.iter().filter(|sample| sample.at >= AUGUST && sample.at < OCTOBER) {
        if sample.at >= next {
            days.push(sample.at);
            next = Time(next.0 + ((sample.at.0 - next.0) / DAY_SECONDS + 1) * DAY_SECONDS);
        }
    }
    days
}

fn questions(vm: &Vm) -> String {
    let mut text = format!("vm {}\n", vm.name);
    let (cpu, memory) = (vm.usage.cpu.samples(), vm.usage.memory.samples());
    let mut days = days(cpu).into_iter().peekable();
    for (cpu, memory) in cpu.iter().zip(memory) {
        if days.next_if_eq(&cpu.at).is_some() {
            let _ = writeln!(text, "r {}", cpu.at.0);
        }
        let _ = writeln!(text, "s {} {} {}", cpu.at.0, cpu.amount, memory.amount);
    }
    text
}

/// What requests set at these moments come to.
fn judge(vm: &Vm, resource: Resource, requests: &[(Time, [f64; 2])]) -> Outcome {
    let mut judge = Judge::default();
    let mut requests = requests.iter().peekable();
    let (mut held, mut changes) = (None, 0);
    for sample in vm.usage.of(resource).samples().iter().filter(|sample| sample.at >= AUGUST && sample.at < OCTOBER) {
        while let Some((_, amounts)) = requests.next_if(|(at, _)| *at <= sample.at) {
            let request = resource.to_request(amounts[resource.index()]);
            changes += usize::from(held.is_some_and(|held| held != request));
            held = Some(request);
        }
        judge.sample(sample.at, sample.amount, held, resource);
    }
    Outcome { changes, ..judge.outcome }
}
