//! How fast the histogram takes samples, and how small it is.

use std::time::Instant;

use engine::rightsizing::{BUCKETS, DecayingHistogram, Resource};
use model::Time;

const CONTAINERS: u64 = 100_000;
const SAMPLES: i64 = 8 * 1_440;
/// Samples a second on two cores.
const TARGET: f64 = 20e6;
const CORES: u64 = 2;

pub fn print() {
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
