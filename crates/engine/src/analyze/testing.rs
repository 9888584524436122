//! Small clusters for tests, and the properties that hold of every analysis.

use std::sync::Arc;

use model::{
    Finding, FindingCode, KindRead, Labels, Name, Node, Owner, Phase, Pod, Price, PriceBasis, Prices, ReadState,
    Resources, Snapshot, Subject, Time, Unpriced, Usage, UsdPerHour, Volume, Workload, WorkloadRef,
};
use proptest::prelude::*;

use super::{Analysis, analyze};

pub(super) const GIB: i64 = 1 << 30;

const TAKEN_AT: Time = Time(1_795_255_200);

pub(super) fn resources(cpu: i64, memory: i64) -> Resources {
    Resources { cpu, memory, ..Resources::default() }
}

/// A cluster built step by step; the word after a step refines what the step made.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    pub(super) snapshot: Snapshot,
    prices: Vec<Option<f64>>,
}

impl Cluster {
    pub(super) fn new() -> Cluster {
        let mut cluster = Cluster::default();
        cluster.snapshot.taken_at = TAKEN_AT;
        cluster.snapshot.kinds.insert("Pod", KindRead { objects: 0, state: ReadState::Complete });
        cluster
    }

    /// Nodes must come in order of name.
    pub(super) fn node(mut self, name: &str, cpu: i64, memory: i64, price: Option<f64>) -> Cluster {
        let allocatable = Resources { pods: 110, ..resources(cpu, memory) };
        let node = Node { name: name.into(), allocatable, ready: true, ..Node::default() };
        self.snapshot.nodes.push(node);
        self.prices.push(price);
        self
    }

    pub(super) fn at_most_pods(mut self, pods: i64) -> Cluster {
        self.snapshot.nodes.last_mut().unwrap().allocatable.pods = pods;
        self
    }

    pub(super) fn aged_seconds(mut self, seconds: i64) -> Cluster {
        self.snapshot.nodes.last_mut().unwrap().created = Some(Time(TAKEN_AT.0 - seconds));
        self
    }

    pub(super) fn labelled(mut self, key: &str, value: &str) -> Cluster {
        self.snapshot.nodes.last_mut().unwrap().labels = Labels::new(vec![(key.into(), value.into())]);
        self
    }

    pub(super) fn workload(mut self, name: &str, replicas: Option<i64>) -> Cluster {
        let reference = WorkloadRef { kind: "Deployment".into(), namespace: "default".into(), name: name.into() };
        self.snapshot.workloads.push(Workload { reference, replicas, ..Workload::default() });
        self
    }

    pub(super) fn workload_aged_days(mut self, days: i64) -> Cluster {
        self.snapshot.workloads.last_mut().unwrap().created = Some(Time(TAKEN_AT.0 - days * 86_400));
        self
    }

    pub(super) fn pod(mut self, workload: &str, node: &str, cpu: i64, memory: i64) -> Cluster {
        let workload = self.snapshot.workloads.iter().position(|of| &*of.reference.name == workload);
        let name = format!("pod-{:03}", self.snapshot.pods.len());
        self.snapshot.pods.push(Pod {
            namespace: "default".into(),
            name: name.into(),
            node: Some(node.into()),
            phase: Phase::Running,
            ready: true,
            workload: workload.map(|at| at as u32),
            requests: resources(cpu, memory),
            held: resources(cpu, memory),
            ..Pod::default()
        });
        self
    }

    pub(super) fn daemon(self, node: &str, cpu: i64, memory: i64) -> Cluster {
        let mut cluster = self.pod("", node, cpu, memory);
        let owner =
            |kind: &str| Owner { api_version: "apps/v1".into(), kind: kind.into(), name: "d".into(), uid: "".into() };
        cluster.snapshot.pods.last_mut().unwrap().controller = Some(owner("DaemonSet"));
        cluster
    }

    pub(super) fn using(mut self, cpu: i64, memory: i64) -> Cluster {
        let pod = self.snapshot.pods.last().unwrap();
        self.snapshot.usage.insert((pod.namespace.clone(), pod.name.clone()), Usage { cpu, memory });
        self
    }

    pub(super) fn mounting(mut self, claim: &str) -> Cluster {
        let pod = self.snapshot.pods.last_mut().unwrap();
        Arc::make_mut(&mut pod.spec).volumes.push(Volume::Claim { claim: claim.into() });
        self
    }

    pub(super) fn pod_aged_days(mut self, days: i64) -> Cluster {
        self.snapshot.pods.last_mut().unwrap().created = Some(Time(TAKEN_AT.0 - days * 86_400));
        self
    }

    pub(super) fn without_kind(mut self, kind: &str) -> Cluster {
        self.snapshot.kinds.remove(kind);
        self
    }

    pub(super) fn analyze(&self) -> Analysis {
        let price = |dollars: &Option<f64>| {
            let unpriced = Unpriced { reason: "no price".into(), remedy: "give one".into() };
            let usd_per_hour = dollars.and_then(UsdPerHour::from_dollars).ok_or(unpriced)?;
            Ok(Price { usd_per_hour, basis: PriceBasis::Contract, source: "test".into(), as_of: "".into() })
        };
        let prices = Prices { nodes: self.prices.iter().map(price).collect(), offers: Vec::new() };
        analyze(&self.snapshot, &prices, &|_| Vec::new())
    }
}

impl Analysis {
    /// The waste of a kind, each as `SUBJECT COST: MESSAGE`, by subject.
    pub(super) fn of(&self, code: FindingCode) -> Vec<String> {
        let subject = |finding: &Finding| match &finding.subject {
            Subject::Node(name) => name.to_string(),
            Subject::Workload(reference) => reference.to_string(),
            Subject::Object { kind, name, .. } => format!("{kind} {name}"),
            other => format!("{other:?}"),
        };
        let cost = |finding: &Finding| finding.usd_per_hour.map_or("unknown".to_owned(), |cost| cost.to_string());
        let line = |finding: &Finding| format!("{} {}: {}", subject(finding), cost(finding), finding.message);
        let mut lines: Vec<String> = self.waste.iter().filter(|finding| finding.code == code).map(line).collect();
        lines.sort();
        lines
    }
}

fn any_cluster() -> impl Strategy<Value = Cluster> {
    let amount = || prop_oneof![1 => Just(0), 6 => 0..8_000_i64];
    let node = (amount(), 0..32_i64, prop::option::weighted(0.8, 0.0001..50.0));
    // (node, workload, namespace, cpu, memory, phase, use): nodes and workloads beyond those there are none.
    let pod = (0..8_usize, 0..6_u32, 0..3_usize, amount(), 0..GIB * 4, 0..4_u8, prop::option::of((0..900_i64, 0..GIB)));
    (prop::collection::vec(node, 0..6), 0..5_usize, prop::collection::vec(pod, 0..40)).prop_map(
        |(nodes, workloads, pods)| {
            let mut cluster = Cluster::new();
            for (at, (cpu, gib, price)) in nodes.into_iter().enumerate() {
                cluster = cluster.node(&format!("node-{at}"), cpu, gib * GIB, price);
            }
            for at in 0..workloads {
                cluster = cluster.workload(&format!("w{at}"), Some(1));
            }
            for (node, workload, namespace, cpu, memory, phase, usage) in pods {
                cluster = cluster.pod("", &format!("node-{node}"), cpu, memory);
                let pod = cluster.snapshot.pods.last_mut().unwrap();
                pod.workload = Some(workload);
                pod.namespace = Name::from(["default", "shop", "kube-system"][namespace]);
                match phase {
                    0 => pod.phase = Phase::Succeeded,
                    1 => (pod.phase, pod.node) = (Phase::Pending, None),
                    _ => {}
                }
                if let Some((cpu, memory)) = usage {
                    cluster = cluster.using(cpu, memory);
                }
            }
            cluster
        },
    )
}

proptest! {
    #[test]
    fn parts_sum_to_the_total_to_the_nano_dollar(cluster in any_cluster()) {
        let analysis = cluster.analyze();
        let workloads: UsdPerHour = analysis.workloads.iter().map(|of| of.cost.usd_per_hour).sum();
        let namespaces: UsdPerHour = analysis.namespaces.iter().map(|of| of.cost.usd_per_hour).sum();
        let nodes: UsdPerHour = analysis.nodes.iter().filter_map(|of| of.price.as_ref().ok()).map(|of| of.usd_per_hour).sum();
        let total = analysis.totals.usd_per_hour;
        prop_assert_eq!(workloads + analysis.bare_pods.usd_per_hour + analysis.idle, total);
        prop_assert_eq!(namespaces + analysis.idle, total);
        prop_assert_eq!(nodes, total);
        prop_assert_eq!(analysis.nodes.iter().filter_map(|of| of.idle).sum::<UsdPerHour>(), analysis.idle);
        for of in &analysis.workloads {
            prop_assert_eq!(of.cost_by_resource.total(), of.cost.usd_per_hour);
        }
    }

    #[test]
    fn efficiency_is_a_percentage_and_waste_of_nodes_is_no_more_than_what_is_idle(cluster in any_cluster()) {
        let analysis = cluster.analyze();
        let scores = analysis.nodes.iter().map(|of| of.efficiency).chain([analysis.efficiency]).flatten();
        for score in scores {
            prop_assert!((0.0..=100.0).contains(&score), "{}", score);
        }
        let of_nodes = [FindingCode::Fragmentation, FindingCode::OversizedNode];
        let wasted: UsdPerHour = analysis.waste.iter().filter(|of| of_nodes.contains(&of.code)).filter_map(|of| of.usd_per_hour).sum();
        prop_assert!(wasted <= analysis.idle, "{:?} of {:?}", wasted, analysis.idle);
    }

    #[test]
    fn unknown_usage_never_counts_as_zero(cluster in any_cluster()) {
        let mut cluster = cluster;
        cluster.snapshot.usage.clear();
        let analysis = cluster.analyze();
        prop_assert!(analysis.nodes.iter().all(|of| of.used.is_none()));
        prop_assert!(analysis.namespaces.iter().all(|of| of.used.is_none()));
        for of in &analysis.workloads {
            prop_assert_eq!((of.used, of.part_used.is_over_provisioned(), of.over_provisioned_cost), (None, None, None));
        }
        prop_assert!(analysis.of(FindingCode::OverProvisioned).is_empty());
    }

    #[test]
    fn same_input_same_analysis(cluster in any_cluster()) {
        prop_assert_eq!(format!("{:?}", cluster.analyze()), format!("{:?}", cluster.analyze()));
    }
}

#[test]
fn unpriced_nodes_are_reported_once_a_reason_and_are_in_no_total() {
    let analysis = Cluster::new().node("a", 1, 1, None).node("b", 1, 1, None).node("c", 1, 1, Some(2.0)).analyze();
    assert_eq!((analysis.totals.nodes_unpriced, analysis.totals.usd_per_hour.dollars()), (2, 2.0));
    let finding = &analysis.findings[0];
    assert_eq!(
        (finding.code, finding.count, finding.hint.as_deref()),
        (FindingCode::UnknownPrice, 2, Some("give one"))
    );
    assert_eq!(finding.message, "no price; 2 nodes are in no total");
}

#[test]
fn an_empty_cluster_costs_nothing_and_has_no_efficiency() {
    let analysis = Cluster::new().analyze();
    assert_eq!((analysis.totals, analysis.efficiency), (super::Totals::default(), None));
}
