//! A cluster, what it costs, and what a plan may do: all that a plan is made of.

use model::{Plan, Policy, Prices, Snapshot, UsdPerHour};

use super::planned;
use crate::cluster::Cluster;
use crate::planning::{Problem, Strategy, lower_bound, pending, plan};

/// A cluster, what it costs, and what a plan may do.
#[derive(Clone, Debug)]
pub struct World {
    /// The cluster.
    pub snapshot: Snapshot,
    /// What its nodes cost, and what could be bought.
    pub prices: Prices,
    /// What a plan may do.
    pub policy: Policy,
}

impl World {
    /// The plan for it.
    pub fn plan(&self, strategy: &dyn Strategy) -> Plan {
        plan(&self.snapshot, &self.prices, &self.policy, strategy)
    }

    /// What no plan for it goes below.
    pub fn lower_bound(&self) -> UsdPerHour {
        let cluster = Cluster::new(&self.snapshot);
        lower_bound(&Problem::new(&cluster, &self.prices, &self.policy)).usd_per_hour
    }

    /// As it would be after the plan.
    pub fn after(&self, plan: &Plan) -> World {
        planned::after(self, plan)
    }

    /// Pods that wait for a node and find none, by their index.
    pub fn without_room(&self) -> Vec<usize> {
        let cluster = Cluster::new(&self.snapshot);
        let problem = Problem::new(&cluster, &self.prices, &self.policy);
        let start = pending::start(&problem);
        let pods = self.snapshot.pods.iter().enumerate();
        let waits = pods.filter(|(_, pod)| pod.is_unbound() && !pod.terminating);
        waits.filter(|(pod, _)| start.at[*pod].is_none()).map(|(pod, _)| pod).collect()
    }
}
