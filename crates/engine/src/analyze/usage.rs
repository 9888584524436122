//! What pods use, where that was measured. Unmeasured is never zero.

use model::{Phase, Pod, Usage, UsdPerHour};

use super::cost::{Billed, PodCost};

/// A workload that uses less than this part of what it asks for is over-provisioned.
pub(super) const OVER_PROVISIONED_BELOW: f64 = 0.3;

/// The sum of what pods use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasuredUse {
    /// Of the pods that were measured.
    pub usage: Usage,
    /// How many were measured.
    pub pods_measured: usize,
    /// Running pods that were not, whose use is not in the sum.
    pub pods_unmeasured: usize,
}

/// What part of their requests the measured pods use; absent where nothing was measured or nothing is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PartUsed {
    /// Of the CPU, 0 to 1 and above.
    pub cpu: Option<f64>,
    /// Of the memory.
    pub memory: Option<f64>,
}

impl PartUsed {
    /// Does it use less than 30 % of its CPU or of its memory? Absent where nobody knows.
    pub fn is_over_provisioned(&self) -> Option<bool> {
        let parts = [self.cpu, self.memory];
        let is_known = parts.iter().any(Option::is_some);
        is_known.then(|| parts.into_iter().flatten().any(|part| part < OVER_PROVISIONED_BELOW))
    }
}

/// Sums use over pods, and what the same pods ask for and cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UseSum {
    sum: MeasuredUse,
    requested: Usage,
    cost: PodCost,
    is_cost_missing: bool,
}

impl UseSum {
    /// Adds an unfinished pod with its use, where measured, and its share of its node.
    pub(super) fn add(&mut self, pod: &Pod, usage: Option<Usage>, share: Option<PodCost>) {
        match usage {
            Some(usage) => {
                self.sum.pods_measured += 1;
                add_usage(&mut self.sum.usage, usage.cpu, usage.memory);
                add_usage(&mut self.requested, Billed::Cpu.amount(&pod.held), Billed::Memory.amount(&pod.held));
                match share {
                    Some(share) => self.cost += share,
                    None => self.is_cost_missing = true,
                }
            }
            // A pod that does not run has nothing to measure.
            None if pod.phase == Phase::Running => self.sum.pods_unmeasured += 1,
            None => {}
        }
    }

    /// What was measured, where anything was.
    pub(super) fn measured(&self) -> Option<MeasuredUse> {
        (self.sum.pods_measured > 0).then_some(self.sum)
    }

    /// What part of their requests the measured pods use.
    pub(super) fn part_used(&self) -> PartUsed {
        let part = |used: i64, requested: i64| {
            (self.sum.pods_measured > 0 && requested > 0).then(|| used.max(0) as f64 / requested as f64)
        };
        PartUsed {
            cpu: part(self.sum.usage.cpu, self.requested.cpu),
            memory: part(self.sum.usage.memory, self.requested.memory),
        }
    }

    /// What the unused part of those resources costs of which less than 30 % is used.
    pub(super) fn over_provisioned_cost(&self) -> Option<UsdPerHour> {
        if self.is_cost_missing {
            return None;
        }
        let PartUsed { cpu, memory } = self.part_used();
        let unused = |part: Option<f64>, cost: UsdPerHour, used: i64, requested: i64| match part {
            Some(part) if part < OVER_PROVISIONED_BELOW => cost.share(requested - used.max(0), requested),
            _ => UsdPerHour::ZERO,
        };
        Some(
            unused(cpu, self.cost.cpu, self.sum.usage.cpu, self.requested.cpu)
                + unused(memory, self.cost.memory, self.sum.usage.memory, self.requested.memory),
        )
    }
}

fn add_usage(sum: &mut Usage, cpu: i64, memory: i64) {
    sum.cpu = sum.cpu.saturating_add(cpu);
    sum.memory = sum.memory.saturating_add(memory);
}
