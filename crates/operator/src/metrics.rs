//! What is measured, as Prometheus scrapes it. The formulas stand in docs/operator.md.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Float = Gauge<f64, AtomicU64>;
type Number = Gauge<i64, AtomicI64>;

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Status {
    /// `moved`, `skipped` or `failed`.
    pub status: &'static str,
}

/// What a write to the API server was, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfWrite {
    /// `eviction` or `object`.
    pub kind: &'static str,
    /// `granted`, `gone`, `changed`, `budget`, `busy` or `refused`.
    pub result: &'static str,
}

/// Where a plan stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfPhase {
    /// As its status has it.
    pub phase: &'static str,
}

/// How a change of requests was applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfMethod {
    /// `InPlace` or `Recreate`.
    pub method: &'static str,
}

/// Why a change of requests was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfReason {
    /// As the condition has it.
    pub reason: String,
}

/// What is measured.
pub struct Metrics {
    registry: Registry,
    pub analysis_duration: Histogram,
    pub binpacking_duration: Histogram,
    pub migrations: Family<Status, Counter>,
    pub writes: Family<OfWrite, Counter>,
    pub nodes: Number,
    pub workloads: Number,
    pub potential_savings: Float,
    pub binpacking_efficiency: Float,
    pub placement_score: Float,
    pub plans: Family<OfPhase, Number>,
    pub leader: Number,
    pub rightsizing_duration: Histogram,
    pub rightsizing_workloads: Number,
    pub rightsizing_recommendations: Number,
    pub rightsizing_applied: Family<OfMethod, Counter>,
    pub rightsizing_skipped: Family<OfReason, Counter>,
    pub rightsizing_errors: Counter,
    cache_age: Float,
    beat: Mutex<Instant>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        // From 10 ms to three minutes.
        let seconds = || Histogram::new(exponential_buckets(0.01, 2.0, 15));
        let mut metrics = Metrics {
            registry: Registry::with_prefix("plimsoll"),
            analysis_duration: seconds(),
            binpacking_duration: seconds(),
            migrations: Family::default(),
            writes: Family::default(),
            nodes: Number::default(),
            workloads: Number::default(),
            potential_savings: Float::default(),
            binpacking_efficiency: Float::default(),
            placement_score: Float::default(),
            plans: Family::default(),
            leader: Number::default(),
            rightsizing_duration: seconds(),
            rightsizing_workloads: Number::default(),
            rightsizing_recommendations: Number::default(),
            rightsizing_applied: Family::default(),
            rightsizing_skipped: Family::default(),
            rightsizing_errors: Counter::default(),
            cache_age: Float::default(),
            beat: Mutex::new(Instant::now()),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let to = &mut self.registry;
        let analysis = "Time from a look at the cluster to a report or a plan";
        to.register_with_unit("analysis_duration", analysis, Unit::Seconds, self.analysis_duration.clone());
        let packing = "Time of the search for a plan";
        to.register_with_unit("binpacking_duration", packing, Unit::Seconds, self.binpacking_duration.clone());
        to.register("migrations", "Steps of plans by what became of them", self.migrations.clone());
        to.register("writes", "Writes to the API server by kind and result", self.writes.clone());
        to.register("nodes_total", "Nodes of the cluster", self.nodes.clone());
        to.register("workloads_total", "Workloads of the cluster", self.workloads.clone());
        let savings = "What the last plan would save, in dollars a month";
        to.register("potential_savings_dollars", savings, self.potential_savings.clone());
        let efficiency = "Part of the room paid for that pods ask for";
        to.register("binpacking_efficiency_percent", efficiency, self.binpacking_efficiency.clone());
        let score = "Proven lower bound of the cost over the cost now, in percent: 100 cannot be made cheaper";
        to.register("placement_score", score, self.placement_score.clone());
        to.register("plans", "MigrationPlans by phase", self.plans.clone());
        to.register("leader", "1 where this replica leads", self.leader.clone());
        let look = "Time from a look at a policy's workloads to their recommendations";
        to.register_with_unit("rightsizing_cycle_duration", look, Unit::Seconds, self.rightsizing_duration.clone());
        let monitored = "Workloads that policies reach";
        to.register("rightsizing_workloads", monitored, self.rightsizing_workloads.clone());
        let recommended = "OptimizationRecommendations";
        to.register("rightsizing_recommendations", recommended, self.rightsizing_recommendations.clone());
        let applied = "Recommendations applied, by how";
        to.register("rightsizing_applications", applied, self.rightsizing_applied.clone());
        let skipped = "Recommendations not applied, by why";
        to.register("rightsizing_skipped", skipped, self.rightsizing_skipped.clone());
        let errors = "Looks at policies that came to nothing";
        to.register("rightsizing_errors", errors, self.rightsizing_errors.clone());
        let age = "How long ago the API server last said anything of the kind that has been silent for longest";
        to.register_with_unit("cache_age", age, Unit::Seconds, self.cache_age.clone());
    }

    /// The leader's loop has come round.
    pub fn beat(&self) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago it last came round.
    pub fn since_beat(&self) -> std::time::Duration {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// As Prometheus reads it.
    pub fn to_text(&self, cache_age_seconds: f64) -> String {
        self.cache_age.set(cache_age_seconds);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
