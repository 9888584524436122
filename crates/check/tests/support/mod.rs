//! Tiny builders of clusters and plans for tests.
#![allow(dead_code)]

use std::sync::Arc;

use model::placement::{
    InclusionPolicy, PodAffinityTerm, Toleration, TolerationOperator, TopologySpreadConstraint, WhenUnsatisfiable,
};
use model::storage::{AccessMode, PersistentVolume, PersistentVolumeClaim, VolumeSource};
use model::{
    LabelSelector, Labels, Method, Migration, Name, Node, Owner, Phase, Plan, PlannedNodes, Pod, PodDisruptionBudget,
    PodSpec, Price, PriceBasis, Prices, Requirement, Resources, Risk, Rollout, SelectorOperator, Snapshot, Summary,
    Taint, TaintEffect, Time, UsdPerHour, Volume, Workload, WorkloadRef,
};

pub const GI: i64 = 1 << 30;
pub const ZONE: &str = "topology.kubernetes.io/zone";
pub const HOSTNAME: &str = "kubernetes.io/hostname";
pub const NOW: Time = Time(1_800_000_000);

pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| (Name::from(*key), Name::from(*value))).collect())
}

pub fn selector(pairs: &[(&str, &str)]) -> LabelSelector {
    let requirement = |(key, value): &(&str, &str)| Requirement {
        key: (*key).into(),
        operator: SelectorOperator::In,
        values: vec![(*value).into()],
    };
    LabelSelector { requirements: pairs.iter().map(requirement).collect() }
}

/// A node of 4 CPUs, 16 GiB and 110 pods.
pub fn node(name: &str, zone: &str) -> Node {
    Node {
        name: name.into(),
        uid: format!("uid-{name}").into(),
        labels: labels(&[(HOSTNAME, name), (ZONE, zone)]),
        allocatable: Resources { cpu: 4_000, memory: 16 * GI, pods: 110, ..Resources::default() },
        ready: true,
        ..Node::default()
    }
}

pub fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.into(), value: value.into(), effect }
}

pub fn tolerate_all() -> Toleration {
    Toleration { key: "".into(), operator: TolerationOperator::Exists, value: "".into(), effect: None }
}

pub fn spread(key: &str, max_skew: i32, pairs: &[(&str, &str)]) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew,
        topology_key: key.into(),
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        selector: Some(selector(pairs)),
        min_domains: None,
        node_affinity_policy: InclusionPolicy::Honor,
        node_taints_policy: InclusionPolicy::Ignore,
        match_label_keys: Vec::new(),
    }
}

pub fn term(key: &str, pairs: &[(&str, &str)]) -> PodAffinityTerm {
    PodAffinityTerm {
        selector: Some(selector(pairs)),
        namespaces: Vec::new(),
        namespace_selector: None,
        topology_key: key.into(),
    }
}

/// A cluster under construction, and plans on it.
#[derive(Clone, Default)]
pub struct World {
    pub snapshot: Snapshot,
}

impl World {
    /// Nodes by name and zone.
    pub fn new(nodes: &[(&str, &str)]) -> World {
        let mut world = World::default();
        world.snapshot.taken_at = NOW;
        world.snapshot.digest = "sha256:test".to_owned();
        world.snapshot.nodes = nodes.iter().map(|(name, zone)| node(name, zone)).collect();
        world.snapshot.namespaces.insert("web".into(), labels(&[("team", "web")]));
        world
    }

    /// A Deployment in namespace `web` with one running pod on each of these nodes, `NAME-0` and on.
    pub fn deployment(&mut self, name: &str, cpu: i64, nodes: &[&str], shape: impl FnOnce(&mut PodSpec)) -> &mut World {
        let mut spec = PodSpec { scheduler_name: "default-scheduler".into(), ..PodSpec::default() };
        shape(&mut spec);
        let spec = Arc::new(spec);
        let workload = self.workload("Deployment", name, nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            let pod = Pod {
                node: (!node.is_empty()).then(|| (*node).into()),
                phase: if node.is_empty() { Phase::Pending } else { Phase::Running },
                ready: !node.is_empty(),
                controller: Some(owner("ReplicaSet", name)),
                workload: Some(workload),
                spec: spec.clone(),
                ..pod(&format!("{name}-{at}"), name, cpu)
            };
            self.push(pod);
        }
        self
    }

    /// A DaemonSet with a pod on each of these nodes.
    pub fn daemons(&mut self, name: &str, cpu: i64, nodes: &[&str]) -> &mut World {
        let spec = Arc::new(PodSpec {
            scheduler_name: "default-scheduler".into(),
            tolerations: vec![tolerate_all()],
            ..PodSpec::default()
        });
        let workload = self.workload("DaemonSet", name, nodes.len());
        for node in nodes {
            let pod = Pod {
                node: Some((*node).into()),
                phase: Phase::Running,
                ready: true,
                controller: Some(owner("DaemonSet", name)),
                workload: Some(workload),
                spec: spec.clone(),
                ..pod(&format!("{name}-{node}"), name, cpu)
            };
            self.push(pod);
        }
        self
    }

    pub fn workload(&mut self, kind: &str, name: &str, replicas: usize) -> u32 {
        self.snapshot.workloads.push(Workload {
            reference: WorkloadRef { kind: kind.into(), namespace: "web".into(), name: name.into() },
            replicas: Some(replicas as i64),
            rollout: Rollout::Complete,
            ..Workload::default()
        });
        self.snapshot.workloads.len() as u32 - 1
    }

    pub fn push(&mut self, pod: Pod) {
        let key = |pod: &Pod| (pod.namespace.clone(), pod.name.clone());
        let at = self.snapshot.pods.partition_point(|have| key(have) < key(&pod));
        self.snapshot.pods.insert(at, pod);
    }

    /// The Deployment's rollouts bring a new pod up first.
    pub fn surges(&mut self, name: &str) -> &mut World {
        let of_name = |workload: &&mut Workload| &*workload.reference.name == name;
        self.snapshot.workloads.iter_mut().filter(of_name).for_each(|workload| workload.surges = true);
        self
    }

    pub fn budget(&mut self, app: &str, allowed: i64) -> &mut World {
        self.snapshot.budgets.push(PodDisruptionBudget {
            namespace: "web".into(),
            name: app.into(),
            selector: Some(selector(&[("app", app)])),
            disruptions_allowed: allowed,
            current_healthy: 4,
            desired_healthy: 4,
            expected_pods: 4,
            ..PodDisruptionBudget::default()
        });
        self
    }

    /// A bound ReadWriteOnce claim, its volume reachable from everywhere.
    pub fn claim(&mut self, name: &str, mode: AccessMode, source: VolumeSource) -> &mut World {
        let volume: Name = format!("pv-{name}").into();
        let claim = PersistentVolumeClaim {
            namespace: "web".into(),
            name: name.into(),
            uid: format!("uid-{name}").into(),
            volume: volume.clone(),
            bind_completed: true,
            access_modes: vec![mode],
            request: GI,
            phase: "Bound".into(),
            ..PersistentVolumeClaim::default()
        };
        self.snapshot.claims.insert(("web".into(), name.into()), claim);
        let stored = PersistentVolume {
            name: volume.clone(),
            capacity: GI,
            access_modes: vec![mode],
            phase: "Bound".into(),
            claim: Some(("web".into(), name.into(), format!("uid-{name}").into())),
            source,
            ..PersistentVolume::default()
        };
        self.snapshot.volumes.insert(volume, stored);
        self
    }

    pub fn pod(&self, name: &str) -> &Pod {
        self.snapshot.pod("web", name).expect("the test names a pod of its world")
    }

    pub fn pod_mut(&mut self, name: &str) -> &mut Pod {
        self.snapshot.pods.iter_mut().find(|pod| &*pod.name == name).expect("the test names a pod of its world")
    }

    pub fn node_mut(&mut self, name: &str) -> &mut Node {
        self.snapshot.nodes.iter_mut().find(|node| &*node.name == name).expect("the test names a node of its world")
    }

    /// A dollar an hour for each node.
    pub fn prices(&self) -> Prices {
        let price = Price {
            usd_per_hour: UsdPerHour::from_nanos(1_000_000_000),
            basis: PriceBasis::List,
            source: "test".into(),
            as_of: "2026-11-21".into(),
        };
        Prices { nodes: vec![Ok(price); self.snapshot.nodes.len()], offers: Vec::new() }
    }

    /// A plan of moves (wave, pod, target) and of nodes to remove, its figures right.
    pub fn plan(&self, moves: &[(u32, &str, &str)], remove: &[&str]) -> Plan {
        let migrations: Vec<Migration> = moves.iter().map(|(wave, pod, to)| self.migration(*wave, pod, to)).collect();
        let mut plan = Plan {
            name: "consolidate-test".to_owned(),
            cluster: self.snapshot.cluster.clone(),
            taken_at: self.snapshot.taken_at,
            digest: self.snapshot.digest.clone(),
            migrations,
            nodes: PlannedNodes { remove: remove.iter().map(|name| Name::from(*name)).collect(), add: Vec::new() },
            summary: Summary::default(),
            bound: None,
            findings: Vec::new(),
            constraints: Vec::new(),
        };
        summarise(&self.snapshot, &self.prices(), &mut plan);
        plan
    }

    pub fn migration(&self, wave: u32, pod: &str, to: &str) -> Migration {
        let pod = self.pod(pod);
        Migration {
            wave,
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            uid: pod.uid.clone(),
            workload: self.snapshot.workload_of(pod).map(|known| known.reference.clone()).unwrap_or_default(),
            from_node: pod.node.clone().unwrap_or_default(),
            to_node: to.into(),
            method: Method::Evict,
            landing: Default::default(),
            risk: Risk::Low,
            risk_reasons: Vec::new(),
            reason: "Consolidation for cost savings".to_owned(),
        }
    }
}

/// Sets the plan's figures right.
pub fn summarise(snapshot: &Snapshot, prices: &Prices, plan: &mut Plan) {
    let goes = |node: &Node| plan.nodes.remove.contains(&node.name);
    let price = |at: usize| prices.of(at).unwrap_or(UsdPerHour::ZERO);
    let nodes = || snapshot.nodes.iter().enumerate();
    let comes: UsdPerHour = plan.nodes.add.iter().map(|added| added.usd_per_hour).sum();
    let mut waves: Vec<u32> = plan.migrations.iter().map(|migration| migration.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    plan.summary = Summary {
        usd_per_hour_before: nodes().map(|(at, _)| price(at)).sum(),
        usd_per_hour_after: nodes().filter(|(_, node)| !goes(node)).map(|(at, _)| price(at)).sum::<UsdPerHour>()
            + comes,
        usd_per_hour_lower_bound: None,
        nodes_before: snapshot.nodes.len(),
        nodes_after: nodes().filter(|(_, node)| !goes(node)).count() + plan.nodes.add.len(),
        nodes_unpriced: nodes().filter(|(at, _)| prices.of(*at).is_none()).count(),
        migrations: plan.migrations.len(),
        waves: waves.len(),
        minutes_expected: 1,
    };
}

/// A pod of namespace `web` with label `app`, on no node and nobody's.
pub fn pod(name: &str, app: &str, cpu: i64) -> Pod {
    let requests = Resources { cpu, memory: GI, ..Resources::default() };
    Pod {
        namespace: "web".into(),
        name: name.into(),
        uid: format!("uid-{name}").into(),
        labels: labels(&[("app", app)]),
        created: Some(Time(NOW.0 - 86_400)),
        requests: requests.clone(),
        held: requests,
        ..Pod::default()
    }
}

pub fn owner(kind: &str, name: &str) -> Owner {
    Owner { api_version: "apps/v1".into(), kind: kind.into(), name: name.into(), uid: format!("uid-{name}").into() }
}

pub fn claim_volume(name: &str) -> Volume {
    Volume::Claim { claim: name.into() }
}
