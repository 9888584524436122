//! The seasonal strategy's constants. All were chosen on July of the 100 VMs of `bench rightsizing`, by
//! `bench tune-rightsizing`; none was looked at again on August and September.

use super::Resource;

/// How often requests may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pace {
    /// Rarely: a request is to hold for days, as where a change restarts the pod or goes through a pull request.
    #[default]
    Seldom,
    /// A few times a day, in place.
    InPlace,
}

/// How much a breach is to be avoided, against what room costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caution {
    /// Breaches are cheap.
    Low,
    /// What is best for most.
    #[default]
    Medium,
    /// Breaches are dear.
    High,
}

impl Caution {
    /// All of them, from the boldest on.
    pub const ALL: [Caution; 3] = [Caution::Low, Caution::Medium, Caution::High];
}

/// What the seasonal strategy is made of, for one resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Margin of a peak that fades, and the days in which it fades by half.
    pub fading: [(f64, f64); 3],
    /// Margin of the highest use in the same hours of yesterday.
    pub yesterday: f64,
    /// Margin of the highest in the same hours of the last seven days.
    pub highest_of_week: f64,
    /// Margin of the second highest of those.
    pub second_of_week: f64,
    /// Cores or bytes on top.
    pub least: f64,
    /// A container that wants `size` gets what it wants; others `(size / wanted) ^ size_exponent` times that, as the
    /// same margin costs less on a small one and a breach costs as much.
    pub size: f64,
    /// See `size`.
    pub size_exponent: f64,
    /// Hours that count as the same, from now on.
    pub hours_ahead: u8,
    /// A request that changes gets this part more than is wanted now, so that it need not change again at once.
    pub room: f64,
    /// A request is lowered only to below this part of it.
    pub lower_below: f64,
    /// So many changes in any 24 hours, and no more; the last one is kept for an increase.
    pub most_changes_a_day: u8,
}

/// Those of a resource.
pub fn constants(resource: Resource, pace: Pace, caution: Caution) -> Constants {
    let _ = (pace, caution);
    match resource {
        Resource::Cpu => Constants {
            fading: [(0.95, 0.1), (0.66, 0.16), (0.26, 4.0)],
            yesterday: 0.3,
            highest_of_week: 0.2,
            second_of_week: 0.13,
            least: 0.002,
            size: 1.0,
            size_exponent: -0.02,
            hours_ahead: 6,
            room: 0.106,
            lower_below: 0.35,
            most_changes_a_day: 12,
        },
        Resource::Memory => Constants {
            fading: [(2.24, 0.05), (2.37, 0.16), (1.13, 2.15)],
            yesterday: 0.32,
            highest_of_week: 0.34,
            second_of_week: 1.5,
            least: 5e7,
            size: 8e8,
            size_exponent: 0.14,
            hours_ahead: 6,
            room: 0.294,
            lower_below: 0.73,
            most_changes_a_day: 12,
        },
    }
}
