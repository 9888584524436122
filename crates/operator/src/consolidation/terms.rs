//! What a configuration and its profile mean for a plan.

use std::sync::Arc;

use crds::optimization_config::{BinPackingStrategy, Capacity, SafetyThreshold};
use crds::{AutoRollback, OptimizationConfigSpec, OptimizationProfileSpec, SafeWindow, next_opening};
use engine::Strategy;
use kube::api::DynamicObject;
use model::{Policy, Snapshot, Time};

use crate::context::Context;
use crate::objects::part;
use crate::settings::Settings;

/// On which terms plans are made and carried out.
#[derive(Clone)]
pub struct Terms {
    pub spec: OptimizationConfigSpec,
    pub strategy: &'static dyn Strategy,
    profile: Option<OptimizationProfileSpec>,
    pub profile_generation: Option<i64>,
}

fn strategy(of: BinPackingStrategy) -> &'static dyn Strategy {
    let name = match of {
        BinPackingStrategy::FirstFit => "first-fit",
        BinPackingStrategy::BestFit => "best-fit",
        BinPackingStrategy::NetworkAware => "network-aware",
        BinPackingStrategy::Affinity => "affinity",
        BinPackingStrategy::Search => "search",
    };
    engine::strategy(name).unwrap_or_else(engine::default_strategy)
}

impl Terms {
    /// Those of a configuration, or why there are none: a reason for machines, and one for people.
    pub fn of(context: &Context, config: &Arc<DynamicObject>) -> Result<Terms, (&'static str, String)> {
        let spec: OptimizationConfigSpec = part(config, "spec").map_err(|wrong| ("Invalid", wrong))?;
        let found = match &spec.profile {
            None => None,
            Some(name) => {
                let missing = || ("ProfileMissing", format!("spec.profile: there is no OptimizationProfile {name}"));
                Some(context.objects.profiles.get(name).ok_or_else(missing)?)
            }
        };
        let in_profile = |wrong| ("InvalidProfile", format!("in its profile: {wrong}"));
        let profile = found.as_deref().map(|found| part(found, "spec").map_err(in_profile)).transpose()?;
        let profile_generation = found.and_then(|found| found.metadata.generation);
        let strategy = strategy(spec.bin_packing_strategy);
        Ok(Terms { spec, strategy, profile, profile_generation })
    }

    /// The limits of a plan on this cluster.
    pub fn policy(&self, snapshot: &Snapshot) -> Policy {
        let threshold = match self.spec.safety_threshold {
            SafetyThreshold::Conservative => Policy::conservative(),
            SafetyThreshold::Medium => Policy::medium(),
            SafetyThreshold::Aggressive => Policy::aggressive(),
        };
        let limits = match &self.profile {
            Some(profile) => profile.limit(threshold),
            None => threshold,
        };
        let mut policy = self.spec.weights.limit(limits);
        let protected = &mut policy.protected.namespaces;
        protected.extend(self.spec.exclude_namespaces.iter().map(|name| name.as_str().into()));
        if !self.spec.target_namespaces.is_empty() {
            let is_target = |name: &str| self.spec.target_namespaces.iter().any(|target| target == name);
            let others = snapshot.pods.iter().map(|pod| &pod.namespace).filter(|name| !is_target(name));
            protected.extend(others.cloned());
        }
        policy
    }

    /// When a plan is undone without being asked, where the profile says so.
    pub fn rollback(&self) -> Option<AutoRollback> {
        self.profile.as_ref().map(OptimizationProfileSpec::rollback)
    }

    /// The expression that says when a plan is undone, where the profile has one.
    pub fn rollback_query(&self) -> Option<&str> {
        self.profile.as_ref()?.rollback_query()
    }

    /// May pods be moved at this moment? Where not, when next.
    pub fn window(&self, moment: Time) -> Window {
        let windows = &self.spec.safe_windows;
        if windows.is_empty() || windows.iter().any(|window: &SafeWindow| window.is_open(moment)) {
            return Window::Open;
        }
        Window::Closed(next_opening(windows, moment))
    }

    /// May plans buy nodes?
    pub fn buys(&self) -> bool {
        self.spec.capacity == Capacity::Any
    }

    /// What of the configuration has no effect.
    pub fn remark(&self, settings: &Settings) -> String {
        let mut remarks = Vec::new();
        if self.rollback_query().is_some() && settings.rightsizing.prometheus.is_none() {
            remarks.push("nobody answers the profile's rollbackQuery, and no plan begins: start with --prometheus URL");
        }
        remarks.extend(self.spec.weights.remark());
        remarks.join("; ")
    }
}

/// Whether pods may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// They may.
    Open,
    /// They may not, until then where that is known.
    Closed(Option<Time>),
}

impl Window {
    /// Why they may not.
    pub fn why_closed(self) -> Option<String> {
        match self {
            Window::Open => None,
            Window::Closed(Some(opens)) => Some(format!("outside the safe windows; the next opens at {opens}")),
            Window::Closed(None) => Some("outside the safe windows, of which none opens again".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_chosen_is_there() {
        use BinPackingStrategy::{Affinity, BestFit, FirstFit, NetworkAware, Search};
        let all = [FirstFit, BestFit, NetworkAware, Affinity, Search];
        for of in all {
            assert_eq!(serde_json::to_value(of).unwrap(), strategy(of).name());
        }
        assert_eq!(all.len(), engine::strategies().len());
    }
}
