//! What a profile means for a plan.

use model::{Name, Policy, ProtectedNode};

use super::OptimizationProfileSpec;
use crate::duration;

impl OptimizationProfileSpec {
    /// The policy with the profile's limits in place of its own. The profile is taken to be valid.
    pub fn limit(&self, mut policy: Policy) -> Policy {
        for rule in &self.rules {
            if let Some(fewest) = rule.min_replicas {
                policy.fewest_replicas = i64::from(fewest);
            }
            policy.most_nodes_per_workload = rule.max_nodes_per_deployment.or(policy.most_nodes_per_workload);
            policy.most_moves_per_wave = rule.max_concurrent_migrations.or(policy.most_moves_per_wave);
            if let Some(cooldown) = rule.migration_cooldown.as_deref().and_then(duration::seconds) {
                policy.cooldown_seconds = i64::from(cooldown);
            }
            let protected = &mut policy.protected;
            protected.namespaces.extend(rule.protected_namespaces.iter().map(|name| Name::from(name.as_str())));
            for workload in &rule.protected_workloads {
                if let Some((namespace, name)) = workload.split_once('/') {
                    protected.workloads.insert((namespace.into(), name.into()));
                }
            }
            for node in &rule.protected_nodes {
                protected.nodes.insert(match node.split_once('=') {
                    Some((key, value)) => ProtectedNode::Labelled(key.into(), value.into()),
                    None => ProtectedNode::Named(node.as_str().into()),
                });
            }
        }
        policy
    }

    /// Undo what went wrong, and past which percentage of moved pods.
    pub fn rollback(&self) -> AutoRollback {
        let is_off = self.rules.iter().any(|rule| rule.enable_auto_rollback == Some(false));
        let threshold = self.rules.iter().find_map(|rule| rule.error_threshold);
        if is_off { AutoRollback::Never } else { AutoRollback::Above { percent: threshold.unwrap_or(0) } }
    }

    /// The PromQL expression that says when to undo what went wrong.
    pub fn rollback_query(&self) -> Option<&str> {
        self.rules.iter().find_map(|rule| rule.rollback_query.as_deref())
    }
}

/// When a plan is undone without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoRollback {
    /// It stops, and waits for somebody.
    Never,
    /// Once more than this percentage of the pods moved restart or do not become ready.
    Above {
        /// 0 to 100.
        percent: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimization_profile::Rule;

    #[test]
    fn rules_add_up_and_leave_the_other_limits_as_they_are() {
        let rule = |name: &str| Rule { name: name.to_owned(), ..Rule::default() };
        let spec = OptimizationProfileSpec {
            rules: vec![
                Rule { min_replicas: Some(3), max_nodes_per_deployment: Some(2), ..rule("a") },
                Rule { migration_cooldown: Some("1m30s".to_owned()), error_threshold: Some(5), ..rule("b") },
                Rule { protected_nodes: vec!["gpu-1".to_owned(), "role=db".to_owned()], ..rule("c") },
                Rule { protected_namespaces: vec!["pay".to_owned()], ..rule("d") },
                Rule { protected_workloads: vec!["web/api".to_owned()], ..rule("e") },
            ],
        };
        let policy = spec.limit(Policy::conservative());
        assert_eq!((policy.fewest_replicas, policy.most_nodes_per_workload), (3, Some(2)));
        assert_eq!((policy.cooldown_seconds, policy.most_moves_per_wave), (90, Some(10)));
        assert!(policy.protected.namespaces.contains("pay"));
        assert!(policy.protected.workloads.contains(&("web".into(), "api".into())));
        assert!(policy.protected.nodes.contains(&ProtectedNode::Named("gpu-1".into())));
        assert!(policy.protected.nodes.contains(&ProtectedNode::Labelled("role".into(), "db".into())));
        assert_eq!(spec.rollback(), AutoRollback::Above { percent: 5 });
        let never = Rule { enable_auto_rollback: Some(false), ..rule("f") };
        assert_eq!(OptimizationProfileSpec { rules: vec![never] }.rollback(), AutoRollback::Never);
    }
}
