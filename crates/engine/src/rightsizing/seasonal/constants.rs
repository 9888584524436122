//! The seasonal strategy's constants. Where nothing else is said they were found by `bench tune-rightsizing` on July alone
//! of the 100 VMs of `bench rightsizing`.

use super::Resource;

/// How often requests may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pace {
    /// By hand: a request is to hold for weeks, as where a change goes through a pull request.
    #[default]
    Once,
    /// About every third day, as where a change restarts the pod.
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
    match (pace, resource) {
        (Pace::InPlace, resource) => in_place(resource, caution),
        (Pace::Seldom, Resource::Cpu) if caution == Caution::High => SELDOM_CPU_CAREFUL,
        (Pace::Seldom, Resource::Cpu) => SELDOM_CPU.with_margins(margins(caution)),
        (Pace::Seldom, Resource::Memory) => SELDOM_MEMORY.with_margins(margins(caution)),
        (Pace::Once, Resource::Cpu) => ONCE_CPU.with_margins(margins(caution)),
        (Pace::Once, Resource::Memory) => ONCE_MEMORY.with_margins(margins(caution)),
    }
}

/// Where changes are few, the same peaks with smaller or larger margins.
fn margins(caution: Caution) -> f64 {
    match caution {
        Caution::Low => 0.85,
        Caution::Medium => 1.0,
        Caution::High => 1.25,
    }
}

impl Constants {
    fn with_margins(self, times: f64) -> Constants {
        Constants {
            fading: self.fading.map(|(margin, days)| (margin * times, days)),
            yesterday: self.yesterday * times,
            highest_of_week: self.highest_of_week * times,
            second_of_week: self.second_of_week * times,
            ..self
        }
    }
}

/// Found for weights of 40, 80 and 120 of a percent of unmet CPU, and of 40 and 100 of an episode a month; of memory
/// nothing bolder than medium was worth its episodes but with smaller margins.
fn in_place(resource: Resource, caution: Caution) -> Constants {
    match (resource, caution) {
        (Resource::Cpu, Caution::Low) => Constants {
            fading: [(0.943, 0.1071), (0.4357, 0.1844), (0.1435, 7.6109)],
            yesterday: 0.1224,
            highest_of_week: 0.1146,
            second_of_week: 0.0217,
            least: 0.0074,
            size: 1.2155,
            size_exponent: -0.0289,
            hours_ahead: 6,
            room: 0.0989,
            lower_below: 0.1902,
            most_changes_a_day: 12,
        },
        (Resource::Cpu, Caution::Medium) => Constants {
            fading: [(1.0078, 0.1914), (0.7983, 0.0795), (0.2884, 14.0945)],
            yesterday: 0.2259,
            highest_of_week: 0.2373,
            second_of_week: 0.0714,
            least: 0.0067,
            size: 1.666,
            size_exponent: 0.001,
            hours_ahead: 6,
            room: 0.1872,
            lower_below: 0.4949,
            most_changes_a_day: 12,
        },
        (Resource::Cpu, Caution::High) => Constants {
            fading: [(1.0094, 0.0928), (0.8668, 0.07), (0.3313, 5.8519)],
            yesterday: 0.3018,
            highest_of_week: 0.8179,
            second_of_week: 0.2159,
            least: 0.0025,
            size: 3.2195,
            size_exponent: -0.0109,
            hours_ahead: 6,
            room: 0.0304,
            lower_below: 0.284,
            most_changes_a_day: 12,
        },
        (Resource::Memory, Caution::Low) => in_place(Resource::Memory, Caution::Medium).with_margins(0.85),
        (Resource::Memory, Caution::Medium) => Constants {
            fading: [(0.7082, 0.0996), (2.3883, 0.1904), (1.0394, 2.1451)],
            yesterday: 0.2865,
            highest_of_week: 0.7814,
            second_of_week: 1.3524,
            least: 125_776_081.0,
            size: 137_622_133.0,
            size_exponent: 0.0847,
            hours_ahead: 6,
            room: 0.3552,
            lower_below: 0.7808,
            most_changes_a_day: 16,
        },
        (Resource::Memory, Caution::High) => Constants {
            fading: [(2.2779, 0.0415), (2.1729, 0.1639), (0.9708, 2.595)],
            yesterday: 0.0399,
            highest_of_week: 1.1091,
            second_of_week: 1.2368,
            least: 42_712_655.0,
            size: 3_488_572_633.0,
            size_exponent: 0.1405,
            hours_ahead: 6,
            room: 0.2225,
            lower_below: 0.6906,
            most_changes_a_day: 16,
        },
    }
}

/// Found for a weight of 4 of a percent of unmet CPU, with a quarter of a change a day.
const SELDOM_CPU: Constants = Constants {
    fading: [(0.6526, 0.2222), (0.6427, 0.1562), (0.234, 3.0128)],
    yesterday: 0.1534,
    highest_of_week: 0.1107,
    second_of_week: 0.0062,
    least: 0.0785,
    size: 2.5637,
    size_exponent: -0.3,
    hours_ahead: 24,
    room: 0.466,
    lower_below: 0.267,
    most_changes_a_day: 4,
};

/// The same for a weight of 5.
const SELDOM_CPU_CAREFUL: Constants = Constants {
    fading: [(0.734, 0.0694), (0.7939, 0.703), (0.2234, 5.3656)],
    yesterday: 0.6091,
    highest_of_week: 0.0365,
    second_of_week: 0.0912,
    least: 0.0239,
    size: 1.0747,
    size_exponent: -0.0722,
    hours_ahead: 24,
    room: 0.1531,
    lower_below: 0.2169,
    most_changes_a_day: 4,
};

/// Found for a weight of 6 of an episode a month, with three tenths of a change a day.
const SELDOM_MEMORY: Constants = Constants {
    fading: [(0.9913, 0.0331), (1.1364, 0.1439), (0.8125, 0.5459)],
    yesterday: 0.9853,
    highest_of_week: 0.238,
    second_of_week: 0.9565,
    least: 11_802_162.0,
    size: 806_574_530.0,
    size_exponent: 0.1096,
    hours_ahead: 24,
    room: 0.5387,
    lower_below: 0.8917,
    most_changes_a_day: 4,
};

/// By hand: the highest day of the week, and older ones that fade. What CPU lacks for a moment comes a moment later.
const ONCE_CPU: Constants = Constants {
    fading: [(0.8, 14.0), (0.0, 1.0), (0.0, 1.0)],
    yesterday: 0.85,
    highest_of_week: 0.85,
    second_of_week: 1.0,
    least: 0.005,
    size: 1.0,
    size_exponent: 0.0,
    hours_ahead: 24,
    room: 0.0,
    lower_below: 0.8,
    most_changes_a_day: 1,
};

/// By hand: a fifth above the highest day of the week, and older ones that fade slowly. Memory that lacks kills.
const ONCE_MEMORY: Constants = Constants {
    fading: [(1.15, 14.0), (0.0, 1.0), (0.0, 1.0)],
    yesterday: 1.2,
    highest_of_week: 1.2,
    second_of_week: 1.2,
    least: 16_777_216.0,
    size: 1e9,
    size_exponent: 0.0,
    hours_ahead: 24,
    room: 0.0,
    lower_below: 0.8,
    most_changes_a_day: 1,
};
