//! What can be broken in one step.

use std::sync::Arc;

use check::Rule;
use model::placement::{Toleration, TolerationOperator};
use model::storage::{AccessMode, CsiNode, VolumeSource};
use model::{
    DisruptionsSpent, HostPort, LabelSelector, Labels, Method, Owner, Phase, Pod, PodDisruptionBudget, Requirement,
    Risk, Rollout, SelectorOperator, Taint, TaintEffect, Time, Volume,
};

use super::change::*;
use super::{Case, Mutations};

impl Mutations<'_> {
    pub(super) fn identity(&mut self, at: usize) {
        self.add("another uid", &[Rule::PodIdentity], |case| case.plan.migrations[at].uid = "another".into());
        self.add("a pod that is not there", &[Rule::PodIdentity], |case| {
            case.plan.migrations[at].pod = "nobody".into()
        });
        self.add("another origin", &[Rule::PodOrigin], |case| {
            case.plan.migrations[at].from_node = case.plan.migrations[at].to_node.clone();
        });
        self.add("another workload", &[Rule::PodWorkload], |case| {
            case.plan.migrations[at].workload.name = "another".into();
        });
        self.add("a step twice", &[Rule::MovesOnce], |case| {
            let step = case.plan.migrations[at].clone();
            case.plan.migrations.insert(at + 1, step);
        });
        let Case { plan, .. } = self.case;
        if plan.nodes.remove.contains(&plan.migrations[at].from_node) {
            self.add("a step missing", &[Rule::RemovedNode], |case| {
                case.plan.migrations.remove(at);
            });
        }
    }

    pub(super) fn order(&mut self, at: usize) {
        self.add("wave 0", &[Rule::WaveOrder], |case| case.plan.migrations[at].wave = 0);
        self.add("a wave skipped", &[Rule::WaveOrder], |case| {
            for migration in &mut case.plan.migrations[at..] {
                migration.wave += 2;
            }
        });
        if self.case.plan.migrations[at].wave > 1 {
            self.add("a later wave first", &[Rule::WaveOrder], |case| {
                let step = case.plan.migrations.remove(at);
                case.plan.migrations.insert(0, step);
            });
        }
    }

    pub(super) fn targets(&mut self, at: usize) {
        self.add("a foreign target", &[Rule::TargetNode], |case| case.plan.migrations[at].to_node = "nowhere".into());
        self.add("no move at all", &[Rule::TargetNode], |case| {
            case.plan.migrations[at].to_node = case.plan.migrations[at].from_node.clone();
        });
        let from = self.case.plan.migrations[at].from_node.clone();
        if let Some(removed) = self.case.plan.nodes.remove.iter().find(|name| **name != from).cloned() {
            self.add("a target that goes", &[Rule::TargetNode], |case| case.plan.migrations[at].to_node = removed);
        }
        if self.target(at).is_none() {
            return;
        }
        self.add("a target that is not ready", &[Rule::TargetNode], |case| target_mut(case, at).ready = false);
        self.add("a target being deleted", &[Rule::TargetNode], |case| target_mut(case, at).terminating = true);
        self.add("an unreadable target", &[Rule::TargetNode], |case| target_mut(case, at).unreadable = true);
    }

    pub(super) fn placement(&mut self, at: usize) {
        let pod = self.pod(at);
        self.add("headroom that nobody leaves", &[Rule::Headroom], |case| case.policy.headroom_per_mille = 1_000);
        self.add("no node of its selector", &[Rule::NodeAffinity], |case| {
            spec_mut(case, at).node_selector = Labels::new(vec![("no-such-label".into(), "x".into())]);
        });
        self.add("an affinity of no terms", &[Rule::NodeAffinity], |case| {
            spec_mut(case, at).node_affinity = Some(Vec::new());
        });
        self.add("a feature that nobody declares", &[Rule::NodeDeclaredFeatures], |case| {
            spec_mut(case, at).required_features = vec!["NoSuchFeature".into()];
        });
        self.add("resource claims", &[Rule::DynamicResources], |case| spec_mut(case, at).has_resource_claims = true);
        self.add("more than any node has", &[Rule::NodeResourcesFit], |case| pod_mut(case, at).requests.cpu = 1 << 40);
        self.add("an unknown resource", &[Rule::NodeResourcesFit], |case| {
            pod_mut(case, at).requests.scalar.push(("example.com/none".into(), 1));
        });
        if self.target(at).is_none() {
            return;
        }
        if !tolerates_all(pod) {
            for effect in [TaintEffect::NoSchedule, TaintEffect::NoExecute] {
                self.add("a tainted target", &[Rule::TaintToleration], |case| {
                    target_mut(case, at).taints.push(Taint { key: "no".into(), value: "entry".into(), effect });
                });
            }
            self.add("a target that somebody cordoned", &[Rule::NodeUnschedulable], |case| {
                target_mut(case, at).unschedulable = true;
            });
        }
        self.add("a full target", &[Rule::NodeResourcesFit], |case| target_mut(case, at).allocatable.pods = 0);
        if let Some(other) = self.stays_on_target(at) {
            self.add("a port that is taken", &[Rule::NodePorts], |case| {
                let port = HostPort { ip: "0.0.0.0".into(), protocol: "TCP".into(), port: 65_000 };
                spec_mut(case, at).host_ports.push(port.clone());
                Arc::make_mut(&mut case.snapshot.pods[other].spec)
                    .host_ports
                    .push(HostPort { ip: "10.1.2.3".into(), ..port });
            });
            self.add("a disk that is in use", &[Rule::VolumeRestrictions], |case| {
                let disk = Volume::AwsElasticBlockStore { id: "vol-shared".into() };
                spec_mut(case, at).volumes.push(disk.clone());
                Arc::make_mut(&mut case.snapshot.pods[other].spec).volumes.push(disk);
            });
        }
    }

    pub(super) fn neighbours(&mut self, at: usize) {
        let namespace = self.pod(at).namespace.clone();
        self.add("spread over a label that the target lacks", &[Rule::PodTopologySpread], |case| {
            spec_mut(case, at).topology_spread.push(spread("no-such-label", None));
        });
        self.add("affinity to nobody", &[Rule::InterPodAffinity], |case| {
            let nobody = selector("no-such-label", SelectorOperator::Exists);
            spec_mut(case, at).pod_affinity.push(term(nobody));
        });
        let Some(other) = self.stays_on_target(at) else { return };
        if self.case.snapshot.pods[other].namespace == namespace {
            self.add("too many in one domain", &[Rule::PodTopologySpread], |case| {
                spec_mut(case, at).topology_spread.push(spread("kubernetes.io/hostname", Some(1_000_000)));
            });
        }
        let everybody = || selector("no-such-label", SelectorOperator::DoesNotExist);
        self.add("anti-affinity to all", &[Rule::InterPodAffinity], |case| {
            spec_mut(case, at).pod_anti_affinity.push(term(everybody()));
        });
        self.add("anti-affinity of one that is there", &[Rule::InterPodAffinity], |case| {
            Arc::make_mut(&mut case.snapshot.pods[other].spec).pod_anti_affinity.push(term(everybody()));
        });
    }

    pub(super) fn volumes(&mut self, at: usize) {
        let pod = self.pod(at);
        let from = pod.node.clone();
        let here = |mode: AccessMode| move |case: &mut Case| add_claim(case, at, mode);
        self.add("a claim that is not there", &[Rule::VolumeRestrictions], |case| {
            spec_mut(case, at).volumes.push(Volume::Claim { claim: "no-such-claim".into() });
        });
        self.add("a volume that stays behind", &[Rule::VolumeBinding], |case| {
            here(AccessMode::ReadWriteOnce)(case);
            let volume = case.snapshot.volumes.get_mut("mutation").unwrap();
            volume.node_affinity = Some(vec![model::placement::NodeSelectorTerm {
                match_expressions: vec![Requirement {
                    key: "no-such-label".into(),
                    operator: SelectorOperator::Exists,
                    values: Vec::new(),
                }],
                match_fields: Vec::new(),
            }]);
        });
        self.add("a claim being deleted", &[Rule::VolumeBinding], |case| {
            here(AccessMode::ReadWriteOnce)(case);
            case.snapshot
                .claims
                .values_mut()
                .filter(|claim| &*claim.name == "mutation")
                .for_each(|claim| claim.terminating = true);
        });
        self.add("a local volume", &[Rule::NotEvictable], |case| {
            here(AccessMode::ReadWriteOnce)(case);
            case.snapshot.volumes.get_mut("mutation").unwrap().source = VolumeSource::Local;
        });
        if self.target(at).is_some_and(|node| node.zone().is_some()) {
            self.add("a volume of another zone", &[Rule::VolumeZone], |case| {
                here(AccessMode::ReadWriteOnce)(case);
                let zone = Labels::new(vec![("topology.kubernetes.io/zone".into(), "no-such-zone".into())]);
                case.snapshot.volumes.get_mut("mutation").unwrap().labels = zone;
            });
        }
        self.add("more volumes than can be attached", &[Rule::NodeVolumeLimits], |case| {
            here(AccessMode::ReadWriteOnce)(case);
            let source = VolumeSource::Csi { driver: "disk.example.com".into(), handle: "mutation".into() };
            case.snapshot.volumes.get_mut("mutation").unwrap().source = source;
            let node = case.plan.migrations[at].to_node.clone();
            let csi_node =
                case.snapshot.csi_nodes.entry(node.clone()).or_insert(CsiNode { node, ..CsiNode::default() });
            csi_node.drivers.push(("disk.example.com".into(), Some(0)));
        });
        let Case { snapshot, plan, .. } = self.case;
        let moved = |other: &Pod| {
            plan.migrations.iter().any(|step| step.namespace == other.namespace && step.pod == other.name)
        };
        let another = |on_same_node: bool| {
            snapshot.pods.iter().position(|other| {
                other.namespace == pod.namespace
                    && other.name != pod.name
                    && other.node.is_some()
                    && (other.node == from) == on_same_node
                    && !other.is_finished()
                    && !moved(other)
            })
        };
        if let Some(other) = another(true) {
            self.add("users of one claim apart", &[Rule::SharedClaim], |case| {
                here(AccessMode::ReadWriteOnce)(case);
                share_claim(case, other);
            });
        }
        if let Some(other) = another(false) {
            self.add("a claim for one pod that two use", &[Rule::VolumeRestrictions], |case| {
                here(AccessMode::ReadWriteOncePod)(case);
                share_claim(case, other);
            });
        }
    }

    pub(super) fn evictions(&mut self, at: usize) {
        let not = [Rule::NotEvictable, Rule::CannotSurge];
        let workload = self.pod(at).workload;
        self.add("a bare pod", &not, |case| pod_mut(case, at).controller = None);
        for kind in ["Job", "DaemonSet", "Node"] {
            self.add(&format!("a pod of a {kind}"), &not, |case| {
                let owner = Owner { api_version: "v1".into(), kind: kind.into(), name: "x".into(), uid: "x".into() };
                pod_mut(case, at).controller = Some(owner);
            });
        }
        for (key, value) in [
            ("kubernetes.io/config.mirror", "x"),
            ("kubernetes.io/config.source", "file"),
            ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
            ("cluster-autoscaler.kubernetes.io/safe-to-evict", "on-completion"),
            ("karpenter.sh/do-not-disrupt", "true"),
            ("karpenter.sh/do-not-disrupt", "100000h"),
            ("karpenter.sh/do-not-disrupt", "for ever"),
            ("karpenter.sh/do-not-evict", "true"),
        ] {
            self.add(&format!("{key}: {value}"), &not, |case| {
                let taken_at = case.snapshot.taken_at;
                let pod = pod_mut(case, at);
                pod.annotations = Labels::new(vec![(key.into(), value.into())]);
                pod.created = Some(Time(taken_at.0 - 60));
            });
        }
        self.add("a pod being deleted", &not, |case| pod_mut(case, at).terminating = true);
        self.add("a finished pod", &not, |case| pod_mut(case, at).phase = Phase::Succeeded);
        self.add("a gated pod", &not, |case| spec_mut(case, at).scheduling_gates = vec!["gate".into()]);
        self.add("another scheduler", &not, |case| spec_mut(case, at).scheduler_name = "volcano".into());
        self.add("a gang", &not, |case| spec_mut(case, at).gang = Some("gang".into()));
        self.add("hostPath", &not, |case| spec_mut(case, at).volumes.push(Volume::HostPath { volume: "x".into() }));
        self.add("tolerates a cordon", &not, |case| {
            let operator = TolerationOperator::Exists;
            let any = Toleration { key: "".into(), operator, value: "".into(), effect: None };
            spec_mut(case, at).tolerations.push(any);
        });
        type MakeRisky = fn(&mut Pod);
        let risky: [(&str, MakeRisky); 4] = [
            ("the system's priority", |pod| Arc::make_mut(&mut pod.spec).priority = 2_000_000_000),
            ("a StatefulSet", |pod| pod.controller.iter_mut().for_each(|owner| owner.kind = "StatefulSet".into())),
            ("many restarts", |pod| pod.restarts = 5),
            ("a volume to attach", |pod| Arc::make_mut(&mut pod.spec).volumes.push(claim_of_nobody())),
        ];
        for (name, make_risky) in risky {
            self.add(&format!("{name}, where the policy allows low risk alone"), &not, |case| {
                case.policy.most_risk = Risk::Low;
                let (namespace, claim) = (pod_mut(case, at).namespace.clone(), "of-nobody".into());
                case.snapshot.claims.insert((namespace, claim), Default::default());
                make_risky(pod_mut(case, at));
            });
        }
        self.add("a young pod, where the policy keeps it", &not, |case| {
            case.policy.least_age_seconds = 600;
            let now = case.snapshot.taken_at;
            pod_mut(case, at).created = Some(Time(now.0 - 599));
        });
        self.add("emptyDir, where the policy keeps it", &not, |case| {
            case.policy.keep_empty_dir = true;
            spec_mut(case, at).volumes.push(Volume::EmptyDir { volume: "x".into(), in_memory: false });
        });
        let Some(workload) = workload.map(|workload| workload as usize) else { return };
        self.add("a rollout under way", &not, |case| {
            case.snapshot.workloads[workload].rollout = Rollout::InProgress("1 of 2 updated".to_owned());
        });
        self.add("an owner that is gone", &not, |case| case.snapshot.workloads[workload].owner_gone = true);
        self.add("a Job's pod by its workload", &not, |case| case.snapshot.workloads[workload].is_job = true);
        self.add("few replicas, where the policy keeps them", &not, |case| {
            case.policy.fewest_replicas = 4;
            case.snapshot.workloads[workload].replicas = Some(3);
        });
        self.add("the only replica evicted, where the policy allows no high risk", &not, |case| {
            case.plan.migrations[at].method = Method::Evict;
            case.policy.most_risk = Risk::Medium;
            case.snapshot.workloads[workload].replicas = Some(1);
        });
        self.surges(at, workload);
        self.zones(at, workload);
        self.survival(at, workload as u32);
        self.add("no pod of its workload ready", &not, |case| {
            let of_workload = |pod: &&mut Pod| pod.workload == Some(workload as u32);
            case.snapshot.pods.iter_mut().filter(of_workload).for_each(|pod| pod.ready = false);
        });
    }

    /// Restarted, where that does not bring the new pod up first, or takes others along.
    fn surges(&mut self, at: usize, workload: usize) {
        self.add("a surge of one of several", &[Rule::CannotSurge], |case| {
            case.plan.migrations[at].method = Method::Surge;
            case.snapshot.workloads[workload].surges = true;
            case.snapshot.workloads[workload].replicas = Some(2);
        });
        self.add("a surge that comes too late", &[Rule::CannotSurge], |case| {
            case.plan.migrations[at].method = Method::Surge;
            case.snapshot.workloads[workload].surges = false;
        });
        if self.case.plan.migrations[at].method == Method::Evict {
            return;
        }
        for mode in [AccessMode::ReadWriteOnce, AccessMode::ReadWriteOncePod] {
            self.add("a surge with a volume of one node", &[Rule::CannotSurge], |case| add_claim(case, at, mode));
        }
        self.add("a surge of what is spread over zones", &[Rule::CannotSurge], |case| {
            spec_mut(case, at).topology_spread.push(spread("topology.kubernetes.io/zone", None));
        });
    }

    fn zones(&mut self, at: usize, workload: usize) {
        if self.target(at).is_none() {
            return;
        }
        self.add("another zone, where the policy keeps zones", &[Rule::ZoneKept], |case| {
            case.policy.keep_zones = true;
            case.snapshot.workloads[workload].replicas = Some(2);
            set_zone(case, &case.plan.migrations[at].from_node.clone(), "here");
            set_zone(case, &case.plan.migrations[at].to_node.clone(), "there");
        });
    }

    /// The step's pod is one of two, or of three, that stand where the plan takes too much at a time.
    fn survival(&mut self, at: usize, workload: u32) {
        let Case { snapshot, plan, .. } = self.case;
        let step = &plan.migrations[at];
        if self.target(at).is_none() || step.method != Method::Evict {
            return;
        }
        let is_moved =
            |pod: &Pod| plan.migrations.iter().any(|step| step.namespace == pod.namespace && step.pod == pod.name);
        let only = |case: &mut Case, pods: &[usize]| {
            for pod in case.snapshot.pods.iter_mut().filter(|pod| pod.workload == Some(workload)) {
                pod.workload = None;
            }
            pods.iter().for_each(|pod| case.snapshot.pods[*pod].workload = Some(workload));
            pods.iter().for_each(|pod| case.snapshot.pods[*pod].ready = true);
        };
        let Some(this) = snapshot.pods.iter().position(|pod| pod.namespace == step.namespace && pod.name == step.pod)
        else {
            return;
        };
        let stays = |pod: &Pod| {
            pod.node.as_ref() == Some(&step.to_node)
                && !is_moved(pod)
                && !pod.is_finished()
                && !pod.terminating
                && !pod.is_daemon()
                && !pod.is_static()
        };
        if let Some(other) = snapshot.pods.iter().position(stays) {
            self.add("the last pod of its zone", &[Rule::ZonesSurvived], |case| {
                only(case, &[this, other]);
                set_zone(case, &step.from_node, "here");
                set_zone(case, &step.to_node, "there");
            });
        }
        let with = plan.migrations.iter().find(|other| {
            let is_another = other.wave == step.wave && (&other.namespace, &other.pod) != (&step.namespace, &step.pod);
            is_another && other.method == Method::Evict
        });
        let Some(with) = with else { return };
        let Some(other) = snapshot.pods.iter().position(|pod| pod.namespace == with.namespace && pod.name == with.pod)
        else {
            return;
        };
        self.add("all ready pods at once", &[Rule::LastReadyPod], |case| only(case, &[this, other]));
        let third = snapshot.pods.iter().position(stays).filter(|_| step.from_node != with.from_node);
        if let Some(third) = third.filter(|_| step.to_node != with.from_node) {
            self.add("two zones at once", &[Rule::ZonesSurvived], |case| {
                only(case, &[this, other, third]);
                set_zone(case, &step.from_node, "here");
                set_zone(case, &with.from_node, "there");
                set_zone(case, &step.to_node, "elsewhere");
            });
        }
    }

    pub(super) fn budgets(&mut self, at: usize) {
        let pod = self.pod(at).clone();
        let covering: Vec<usize> = (0..self.case.snapshot.budgets.len())
            .filter(|budget| self.case.snapshot.budgets[*budget].covers(&pod))
            .collect();
        let own = |name: &str| PodDisruptionBudget {
            namespace: pod.namespace.clone(),
            name: name.into(),
            selector: Some(LabelSelector::default()),
            disruptions_allowed: 1_000,
            ..PodDisruptionBudget::default()
        };
        self.add("two budgets", &[Rule::BudgetDoubled], |case| {
            case.snapshot.budgets.push(own("first-more"));
            case.snapshot.budgets.push(own("second-more"));
        });
        if self.case.plan.migrations[at].method == Method::Surge {
            // What a surge takes from a budget is nothing.
            return;
        }
        if let [budget] = covering[..]
            && self.case.snapshot.budgets[budget].spends(&pod) == DisruptionsSpent::One
        {
            let over = [Rule::BudgetExceeded];
            self.add("a budget of none", &over, |case| case.snapshot.budgets[budget].disruptions_allowed = 0);
            self.add("a budget below zero", &over, |case| case.snapshot.budgets[budget].disruptions_allowed = -1);
            self.add("a budget not observed", &over, |case| {
                let budget = &mut case.snapshot.budgets[budget];
                budget.generation = budget.observed_generation + 1;
            });
            self.add("a budget with too many disrupted", &over, |case| {
                case.snapshot.budgets[budget].disrupted_pods = 2_001;
            });
        }
        if covering.is_empty() {
            self.add("no budget, where the policy keeps such pods", &[Rule::NotEvictable], |case| {
                case.policy.keep_without_budget = true;
            });
            self.add("a new budget of none", &[Rule::BudgetExceeded], |case| {
                pod_mut(case, at).phase = Phase::Running;
                pod_mut(case, at).ready = true;
                case.snapshot.budgets.push(PodDisruptionBudget { disruptions_allowed: 0, ..own("none") });
            });
        }
    }
}
