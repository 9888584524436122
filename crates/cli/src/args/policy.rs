//! The safety threshold and a flag for each of its limits. `docs/safety.md` explains them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use model::{Policy, UsdPerHour};

use super::values::{duration, per_mille, usd_per_month};

/// Above these flags in the help.
const HEADING: &str = "Limits of a plan (docs/safety.md)";

/// What a plan may do.
#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    /// The threshold that gives every limit not named by a flag of its own
    #[arg(long, value_name = "NAME", default_value = "medium", help_heading = HEADING)]
    pub safety: Safety,
    /// An OptimizationProfile, whose limits go before the threshold's
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pub profile: Option<PathBuf>,
    /// Part of every node's CPU and memory to leave free
    #[arg(long, value_name = "PERCENT", value_parser = per_mille, help_heading = HEADING)]
    pub headroom: Option<u32>,
    /// How many pods one wave may move
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = HEADING)]
    pub max_moves_per_wave: Option<u32>,
    /// From how many nodes one wave may take pods of one workload
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = HEADING)]
    pub max_nodes_per_workload: Option<u32>,
    /// How long to wait after a wave before the next begins, such as 5m
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = HEADING)]
    pub cooldown: Option<Duration>,
    /// Pods of workloads with fewer replicas stay
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..), help_heading = HEADING)]
    pub min_replicas: Option<i64>,
    /// Pods whose move is of higher risk stay
    #[arg(long, value_name = "RISK", help_heading = HEADING)]
    pub max_risk: Option<Risk>,
    /// Younger pods stay, such as 1h: what has just moved has its rest
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = HEADING)]
    pub min_age: Option<Duration>,
    /// Which pods of kube-system may move
    #[arg(long, value_name = "WHICH", help_heading = HEADING)]
    pub system_pods: Option<SystemPods>,
    /// Pods with emptyDir volumes stay
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, help_heading = HEADING)]
    pub keep_empty_dir: Option<bool>,
    /// Pods without a PodDisruptionBudget stay
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, help_heading = HEADING)]
    pub keep_without_budget: Option<bool>,
    /// Pods of workloads with several replicas stay in their zone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, help_heading = HEADING)]
    pub keep_zones: Option<bool>,
    /// How many pods the whole plan may move
    #[arg(long, value_name = "N", help_heading = HEADING)]
    pub max_moves: Option<u32>,
    /// A plan that saves less a month is not made
    #[arg(long, value_name = "USD", value_parser = usd_per_month, help_heading = HEADING)]
    pub min_savings: Option<UsdPerHour>,
    /// A node is emptied only where that saves at least this a month for each pod that moves for it
    #[arg(long, value_name = "USD", value_parser = usd_per_month, help_heading = HEADING)]
    pub min_savings_per_move: Option<UsdPerHour>,
    /// What it is worth a month that a preference of weight 100 holds: soft spread, preferred affinity, soft taints
    #[arg(long, value_name = "USD", value_parser = usd_per_month, help_heading = HEADING)]
    pub preference_price: Option<UsdPerHour>,
}

/// A safety threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Safety {
    /// What nobody should notice: small waves, stateless pods of several replicas, each in its zone, 10 % headroom
    Conservative,
    /// What Kubernetes and its budgets allow
    #[default]
    Medium,
    /// And kube-system pods without a budget
    Aggressive,
}

/// How risky a step may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Risk {
    /// Nobody should notice
    Low,
    /// StatefulSets, volumes to attach, pods that restart often
    Medium,
    /// The only replica, and the system's own priorities
    High,
}

/// Which pods of kube-system may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SystemPods {
    /// None of them
    None,
    /// Those with a PodDisruptionBudget
    WithBudget,
    /// All of them
    All,
}

impl PolicyArgs {
    /// The threshold's limits.
    pub fn threshold(&self) -> Policy {
        match self.safety {
            Safety::Conservative => Policy::conservative(),
            Safety::Medium => Policy::medium(),
            Safety::Aggressive => Policy::aggressive(),
        }
    }

    /// The flags' limits before those.
    pub fn override_limits(&self, limits: Policy) -> Policy {
        // Every field by name: a limit without a flag does not compile.
        Policy {
            headroom_per_mille: self.headroom.unwrap_or(limits.headroom_per_mille),
            most_moves_per_wave: self.max_moves_per_wave.or(limits.most_moves_per_wave),
            fewest_replicas: self.min_replicas.unwrap_or(limits.fewest_replicas),
            most_risk: self.max_risk.map_or(limits.most_risk, Into::into),
            least_age_seconds: self.min_age.map_or(limits.least_age_seconds, seconds),
            system_pods: self.system_pods.map_or(limits.system_pods, Into::into),
            keep_empty_dir: self.keep_empty_dir.unwrap_or(limits.keep_empty_dir),
            keep_without_budget: self.keep_without_budget.unwrap_or(limits.keep_without_budget),
            keep_zones: self.keep_zones.unwrap_or(limits.keep_zones),
            most_moves: self.max_moves.or(limits.most_moves),
            least_saved: self.min_savings.unwrap_or(limits.least_saved),
            least_saved_per_move: self.min_savings_per_move.unwrap_or(limits.least_saved_per_move),
            preference_price: self.preference_price.unwrap_or(limits.preference_price),
            start_up_seconds: limits.start_up_seconds,
            most_nodes_per_workload: self.max_nodes_per_workload.or(limits.most_nodes_per_workload),
            cooldown_seconds: self.cooldown.map_or(limits.cooldown_seconds, seconds),
            protected: limits.protected,
        }
    }

    /// The flags as given, each after a space, for a command to type next.
    pub fn flags(&self) -> String {
        fn name<T: ValueEnum>(value: T) -> Option<String> {
            value.to_possible_value().map(|name| name.get_name().to_owned())
        }
        let flag =
            |name: &str, value: Option<String>| value.map(|value| format!(" --{name}={value}")).unwrap_or_default();
        // Nano-dollars of an hour are no round numbers of a month.
        let per_month = |saved: UsdPerHour| ((saved.dollars_per_month() * 1e4).round() / 1e4).to_string();
        let percent = |per_mille: u32| format!("{}%", f64::from(per_mille) / 10.0);
        [
            flag("safety", Some(self.safety).filter(|safety| *safety != Safety::Medium).and_then(name)),
            flag("profile", self.profile.as_ref().map(|file| file.display().to_string())),
            flag("max-nodes-per-workload", self.max_nodes_per_workload.map(|most| most.to_string())),
            flag("cooldown", self.cooldown.map(|time| format!("{}s", seconds(time)))),
            flag("headroom", self.headroom.map(percent)),
            flag("max-moves-per-wave", self.max_moves_per_wave.map(|most| most.to_string())),
            flag("min-replicas", self.min_replicas.map(|fewest| fewest.to_string())),
            flag("max-risk", self.max_risk.and_then(name)),
            flag("min-age", self.min_age.map(|age| format!("{}s", seconds(age)))),
            flag("system-pods", self.system_pods.and_then(name)),
            flag("keep-empty-dir", self.keep_empty_dir.map(|keep| keep.to_string())),
            flag("keep-without-budget", self.keep_without_budget.map(|keep| keep.to_string())),
            flag("keep-zones", self.keep_zones.map(|keep| keep.to_string())),
            flag("max-moves", self.max_moves.map(|most| most.to_string())),
            flag("min-savings", self.min_savings.map(per_month)),
            flag("min-savings-per-move", self.min_savings_per_move.map(per_month)),
            flag("preference-price", self.preference_price.map(per_month)),
        ]
        .concat()
    }
}

fn seconds(age: Duration) -> i64 {
    i64::try_from(age.as_secs()).unwrap_or(i64::MAX)
}

impl From<Risk> for model::Risk {
    fn from(risk: Risk) -> model::Risk {
        match risk {
            Risk::Low => model::Risk::Low,
            Risk::Medium => model::Risk::Medium,
            Risk::High => model::Risk::High,
        }
    }
}

impl From<SystemPods> for model::SystemPods {
    fn from(pods: SystemPods) -> model::SystemPods {
        match pods {
            SystemPods::None => model::SystemPods::None,
            SystemPods::WithBudget => model::SystemPods::WithBudget,
            SystemPods::All => model::SystemPods::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        policy: PolicyArgs,
    }

    fn given(flags: &str) -> PolicyArgs {
        Given::try_parse_from(std::iter::once("plimsoll").chain(flags.split_whitespace())).unwrap().policy
    }

    impl PolicyArgs {
        /// Without a profile.
        fn policy_alone(&self) -> Policy {
            self.override_limits(self.threshold())
        }
    }

    #[test]
    fn a_threshold_by_its_name() {
        assert_eq!(given("").policy_alone(), Policy::default());
        assert_eq!(given("--safety conservative").policy_alone(), Policy::conservative());
        assert_eq!(given("--safety medium").policy_alone(), Policy::medium());
        assert_eq!(given("--safety aggressive").policy_alone(), Policy::aggressive());
    }

    #[test]
    fn every_limit_of_a_threshold_is_overridden_by_its_flag() {
        let flags = "--preference-price=7.3 --max-moves=7 --min-savings=730 --min-savings-per-move=0.73 --min-age=0 --headroom=0% --max-moves-per-wave=1000 --min-replicas=1 --max-risk=high --system-pods=with-budget \
                     --max-nodes-per-workload=3 --cooldown=5m --keep-empty-dir=false --keep-without-budget=false --keep-zones=false";
        let medium = Policy {
            most_moves_per_wave: Some(1_000),
            most_nodes_per_workload: Some(3),
            cooldown_seconds: 300,
            most_moves: Some(7),
            least_saved: UsdPerHour::from_nanos(1_000_000_000),
            least_saved_per_move: UsdPerHour::from_nanos(1_000_000),
            preference_price: UsdPerHour::from_nanos(10_000_000),
            ..Policy::medium()
        };
        assert_eq!(given(&format!("--safety conservative {flags}")).policy_alone(), medium);
        assert_eq!(
            given("--keep-zones --keep-empty-dir").policy_alone(),
            Policy { keep_zones: true, keep_empty_dir: true, ..Policy::medium() }
        );
    }

    #[test]
    fn the_flags_can_be_typed_again() {
        for flags in [
            "",
            "--safety aggressive --headroom 2.5% --max-risk low",
            "--min-replicas 3 --keep-zones --system-pods all",
            "--max-nodes-per-workload 2 --cooldown 90s",
            "--min-age 90m --max-moves 3 --min-savings 100 --min-savings-per-move 0.5 --preference-price 3",
        ] {
            let args = given(flags);
            assert_eq!(given(&args.flags()).policy_alone(), args.policy_alone(), "{flags}");
        }
    }
}
