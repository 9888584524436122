//! What a plan may do: the safety threshold and its limits.

use std::collections::BTreeSet;

use crate::{HOURS_PER_MONTH, Name, Risk, UsdPerHour};

/// The limits that a plan keeps. The defaults are those of the threshold `medium`; `docs/safety.md` has all three.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Part of each node's allocatable CPU and memory to leave free, in thousandths: 50 is 5 %.
    pub headroom_per_mille: u32,
    /// No wave moves more pods.
    pub most_moves_per_wave: Option<u32>,
    /// No wave takes pods of one workload from more nodes.
    pub most_nodes_per_workload: Option<u32>,
    /// Pods of workloads with fewer replicas stay: 2 keeps the only replica.
    pub fewest_replicas: i64,
    /// Pods whose move would be of higher risk stay.
    pub most_risk: Risk,
    /// Younger pods stay, in seconds: a pod that was moved is a new one, and has its rest.
    pub least_age_seconds: i64,
    /// Which pods of kube-system may move.
    pub system_pods: SystemPods,
    /// Pods with emptyDir volumes stay.
    pub keep_empty_dir: bool,
    /// Pods without a budget stay.
    pub keep_without_budget: bool,
    /// Pods of workloads with several replicas stay in their zone.
    pub keep_zones: bool,
    /// A plan moves no more pods.
    pub most_moves: Option<u32>,
    /// A plan that saves less is not made.
    pub least_saved: UsdPerHour,
    /// A node goes only where that saves at least this for each pod that moves for it.
    pub least_saved_per_move: UsdPerHour,
    /// What it is worth, for an hour, that a preference of weight 100 holds.
    pub preference_price: UsdPerHour,
    /// Seconds expected between a pod's eviction and its replacement's readiness, beside its grace period.
    pub start_up_seconds: i64,
    /// Seconds to wait after a wave before the next begins.
    pub cooldown_seconds: i64,
    /// What stays, whatever else holds of it.
    pub protected: Protected,
}

/// What stays, whatever else holds of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Pods of these namespaces.
    pub namespaces: BTreeSet<Name>,
    /// Pods of these workloads, by namespace and name.
    pub workloads: BTreeSet<(Name, Name)>,
    /// These nodes, and the pods on them.
    pub nodes: BTreeSet<ProtectedNode>,
}

/// A node that stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProtectedNode {
    /// The one of this name.
    Named(Name),
    /// All with this label, by key and value.
    Labelled(Name, Name),
}

/// Pods of kube-system that may move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemPods {
    /// None of them.
    None,
    /// Those with a budget.
    #[default]
    WithBudget,
    /// Those without a budget too.
    All,
}

impl Policy {
    /// For clusters where no disruption goes unnoticed.
    pub fn conservative() -> Policy {
        Policy {
            headroom_per_mille: 100,
            most_moves_per_wave: Some(10),
            most_nodes_per_workload: None,
            fewest_replicas: 2,
            most_risk: Risk::Low,
            least_age_seconds: 3_600,
            system_pods: SystemPods::None,
            keep_empty_dir: true,
            keep_without_budget: false,
            keep_zones: true,
            most_moves: None,
            least_saved: UsdPerHour::ZERO,
            least_saved_per_move: UsdPerHour::ZERO,
            preference_price: PREFERENCE_PRICE,
            start_up_seconds: START_UP_SECONDS,
            cooldown_seconds: 0,
            protected: Protected::default(),
        }
    }

    /// The default.
    pub fn medium() -> Policy {
        Policy {
            headroom_per_mille: 0,
            most_moves_per_wave: None,
            most_nodes_per_workload: None,
            fewest_replicas: 1,
            most_risk: Risk::High,
            least_age_seconds: 0,
            system_pods: SystemPods::WithBudget,
            keep_empty_dir: false,
            keep_without_budget: false,
            keep_zones: false,
            most_moves: None,
            least_saved: UsdPerHour::ZERO,
            least_saved_per_move: UsdPerHour::ZERO,
            preference_price: PREFERENCE_PRICE,
            start_up_seconds: START_UP_SECONDS,
            cooldown_seconds: 0,
            protected: Protected::default(),
        }
    }

    /// For clusters whose add-ons may be disrupted like any other pod.
    pub fn aggressive() -> Policy {
        Policy { system_pods: SystemPods::All, ..Policy::medium() }
    }
}

/// A dollar a month: a pod's share of a small node is several, and no node stays for one preference.
const PREFERENCE_PRICE: UsdPerHour = UsdPerHour::from_nanos(1_000_000_000 / HOURS_PER_MONTH);

/// Usual for a service that loads something before it answers.
const START_UP_SECONDS: i64 = 60;

impl Default for Policy {
    fn default() -> Policy {
        Policy::medium()
    }
}
