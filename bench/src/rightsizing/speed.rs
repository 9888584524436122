//! How fast the histogram takes samples, and how small it is; and how long a look at many workloads takes.

use std::sync::Arc;
use std::time::Instant;

use engine::rightsizing::{
    BUCKETS, DecayingHistogram, Resource, Sample, Series, Settings, Usage, Used, User, rightsize, strategies,
};
use model::pod::ContainerRequests;
use model::{Pod, PodSpec, Prices, Snapshot, Time, Workload, WorkloadRef};

const CONTAINERS: u64 = 100_000;
const SAMPLES: i64 = 8 * 1_440;
/// Samples a second on two cores.
const TARGET: f64 = 20e6;
const CORES: u64 = 2;

pub fn print() {
    histogram();
    look();
}

/// Workloads that a policy reaches, each measured for two weeks at five minutes, as Prometheus is asked for.
const WORKLOADS: usize = 5_000;
const MEASURED: i64 = 14 * 288;

/// From what is measured to what should be asked for, of one container a workload.
fn look() {
    let pod = |at: usize| Pod {
        namespace: "n".into(),
        name: format!("w{at}-0").into(),
        workload: Some(at as u32),
        spec: Arc::new(PodSpec {
            containers: vec![ContainerRequests {
                name: "main".into(),
                cpu: Some(1_000),
                memory: Some(8 << 30),
                ..ContainerRequests::default()
            }],
            ..PodSpec::default()
        }),
        ..Pod::default()
    };
    let workload = |at: usize| Workload {
        reference: WorkloadRef { kind: "StatefulSet".into(), namespace: "n".into(), name: format!("w{at}").into() },
        ..Workload::default()
    };
    let used = |at: usize| {
        let mut random = fastrand::Rng::with_seed(at as u64);
        let mut series = |resource, unit: f64| {
            let sample = |minute: i64| Sample { at: Time(minute * 300), amount: f64::from(random.u16(..)) * unit };
            Series::new(resource, (0..MEASURED).map(sample).collect::<Vec<_>>())
        };
        let (cpu, memory) = (series(Resource::Cpu, 1e-5), series(Resource::Memory, 1e5));
        Used {
            namespace: "n".into(),
            user: User::Pod(format!("w{at}-0").into()),
            container: "main".into(),
            usage: Usage { cpu, memory, events: Vec::new() },
        }
    };
    let snapshot = Snapshot {
        pods: (0..WORKLOADS).map(pod).collect(),
        workloads: (0..WORKLOADS).map(workload).collect(),
        ..Snapshot::default()
    };
    let used: Vec<Used> = (0..WORKLOADS).map(used).collect();
    println!(
        "{WORKLOADS} workloads, {MEASURED} samples of CPU and of memory each, from what is measured to what should be asked for"
    );
    println!("| strategy | seconds | target |");
    println!("| --- | --- | --- |");
    for strategy in strategies() {
        let start = Instant::now();
        let advice = rightsize(&snapshot, &Prices::default(), &used, strategy, &Settings::default());
        let seconds = start.elapsed().as_secs_f64();
        assert!(advice.len() == WORKLOADS && advice.iter().all(|of| of.advice[0].recommended.is_ok()));
        println!("| {} | {seconds:.2} | 2 |", strategy.name());
    }
    println!();
}

fn histogram() {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for core in 0..CORES {
            scope.spawn(move || {
                for container in (core..CONTAINERS).step_by(CORES as usize) {
                    let mut histogram = DecayingHistogram::new(Resource::Cpu);
                    let mut random = fastrand::Rng::with_seed(container);
                    for minute in 0..SAMPLES {
                        histogram.add(Time(minute * 60), f64::from(random.u16(..)) / 10_000.0, 0.1);
                    }
                    std::hint::black_box(histogram.percentile(0.9));
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let samples = CONTAINERS as f64 * SAMPLES as f64;
    println!("{CONTAINERS} containers × 8 days at 1 minute through the histogram, on {CORES} cores");
    println!("| samples | seconds | million a second | target | bytes a container | target |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let bytes = size_of::<DecayingHistogram>() + BUCKETS * size_of::<f32>();
    println!(
        "| {samples:.3e} | {seconds:.1} | {:.1} | {:.0} | {bytes} | 1024 |\n",
        samples / seconds / 1e6,
        TARGET / 1e6
    );
}
