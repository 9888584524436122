//! A histogram that forgets: VPA's buckets and half-life, in 4 bytes a bucket.

use model::Time;

use super::Resource;

/// Each bucket is wider than the one before by this part.
/// `HistogramBucketSizeGrowth` of VPA's `model/aggregations_config.go`, as the other constants here.
const GROWTH: f64 = 0.05;
/// First bucket and largest value: 0.01 to 1,000 cores, 10 MB to 1 TB. Both make as many buckets.
const CPU: Scale = Scale { first: 0.01 };
const MEMORY: Scale = Scale { first: 1e7 };
/// ⌈log₁.₀₅(1000 × 0.05 / 0.01 + 1)⌉ + 1.
pub const BUCKETS: usize = 176;
/// A sample counts half as much after a day.
const HALF_LIFE_SECONDS: f64 = 86_400.0;
/// Weights are scaled back before they outgrow an f32.
const MOST_HALF_LIVES: f64 = 64.0;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    first: f64,
}

impl Scale {
    fn of(resource: Resource) -> Scale {
        match resource {
            Resource::Cpu => CPU,
            Resource::Memory => MEMORY,
        }
    }

    fn bucket(self, amount: f64) -> usize {
        if amount < self.first {
            return 0;
        }
        // ln 1.05, written out so that the division is by a constant.
        const LN_RATIO: f64 = 0.048_790_164_169_432_05;
        (((amount * GROWTH / self.first + 1.0).ln() / LN_RATIO) as usize).min(BUCKETS - 1)
    }

    fn start(self, bucket: usize) -> f64 {
        self.first * ((1.0 + GROWTH).powi(bucket as i32) - 1.0) / GROWTH
    }
}

/// Weights by exponential bucket; newer samples weigh more. 728 bytes, however many samples it has seen.
#[derive(Clone, Debug)]
pub struct DecayingHistogram {
    scale: Scale,
    weights: Box<[f32; BUCKETS]>,
    total: f64,
    reference: i64,
}

impl DecayingHistogram {
    /// Empty.
    pub fn new(resource: Resource) -> DecayingHistogram {
        DecayingHistogram { scale: Scale::of(resource), weights: Box::new([0.0; BUCKETS]), total: 0.0, reference: 0 }
    }

    /// Adds a sample of this weight.
    pub fn add(&mut self, at: Time, amount: f64, weight: f64) {
        let weight = weight * self.decay(at);
        self.weights[self.scale.bucket(amount)] += weight as f32;
        self.total += weight;
    }

    /// The end of the bucket in which this part of the weight, 0 to 1, is reached; none of no samples.
    pub fn percentile(&self, part: f64) -> Option<f64> {
        let last = self.weights.iter().rposition(|weight| *weight > 0.0)?;
        let threshold = part * self.total;
        let mut sum = 0.0;
        let reaches = self.weights[..last].iter().position(|weight| {
            sum += f64::from(*weight);
            sum >= threshold
        });
        let bucket = reaches.unwrap_or(last);
        Some(self.scale.start((bucket + 1).min(BUCKETS - 1)))
    }

    /// How much a sample of this moment weighs.
    fn decay(&mut self, at: Time) -> f64 {
        let half_lives = |reference: i64| at.0.saturating_sub(reference) as f64 / HALF_LIFE_SECONDS;
        if self.total <= 0.0 {
            self.reference = at.0;
        }
        if half_lives(self.reference) > MOST_HALF_LIVES {
            let factor = (-half_lives(self.reference)).exp2();
            self.weights.iter_mut().for_each(|weight| *weight *= factor as f32);
            self.total *= factor;
            self.reference = at.0;
        }
        half_lives(self.reference).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_takes_at_most_a_kilobyte() {
        let bytes = size_of::<DecayingHistogram>() + BUCKETS * size_of::<f32>();
        assert!(bytes <= 1_024, "{bytes}");
    }

    #[test]
    fn buckets_are_those_of_vpa() {
        assert_eq!(((1_000.0 * GROWTH / 0.01 + 1.0).ln() / (1.0 + GROWTH).ln()).ceil() as usize + 1, BUCKETS);
        assert_eq!(((1e12 * GROWTH / 1e7 + 1.0).ln() / (1.0 + GROWTH).ln()).ceil() as usize + 1, BUCKETS);
        let mut histogram = DecayingHistogram::new(Resource::Cpu);
        histogram.add(Time(0), 0.005, 1.0);
        assert!((histogram.percentile(0.9).unwrap() - 0.01).abs() < 1e-9);
    }

    #[test]
    fn old_samples_fade_and_years_do_not_overflow() {
        let mut histogram = DecayingHistogram::new(Resource::Cpu);
        for day in 0..2_000 {
            histogram.add(Time(day * 86_400), if day < 1_900 { 100.0 } else { 1.0 }, 1.0);
        }
        let top = histogram.percentile(0.99).unwrap();
        assert!((1.0..1.1).contains(&top), "{top}");
    }
}
