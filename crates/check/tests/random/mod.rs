//! Random clusters that lean on the corners of every filter.

mod dump;
mod storage;

use std::sync::Arc;

use model::placement::{
    InclusionPolicy, NodeSelectorTerm, PodAffinityTerm, Toleration, TolerationOperator, TopologySpreadConstraint,
    WhenUnsatisfiable,
};
use model::{
    HostPort, LabelSelector, Labels, Name, Node, Phase, Pod, PodSpec, Requirement, Resources, SelectorOperator,
    Snapshot, Taint, TaintEffect, Time, Volume,
};

pub use dump::dump;

use crate::support::labels;
use storage::{ephemeral_claims, storage};

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

const APPS: [&str; 3] = ["a", "b", "c"];
const NAMESPACES: [&str; 3] = ["one", "two", "lost"];
const KEYS: [&str; 3] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"];
const DRIVER: &str = "disk.example.com";

/// The cluster of a seed.
pub fn cluster(seed: u64) -> Snapshot {
    let mut random = Random(seed);
    let r = &mut random;
    let mut snapshot = Snapshot::default();
    // Namespace `lost` has pods and no object.
    snapshot.namespaces.insert("one".into(), labels(&[("team", "x")]));
    snapshot.namespaces.insert("two".into(), labels(&[]));
    for at in 0..3 + r.below(6) {
        snapshot.nodes.push(node(r, at));
    }
    storage(r, &mut snapshot);
    let templates: Vec<(PodSpec, Resources)> = (0..4).map(|_| (spec(r), requests(r))).collect();
    for at in 0..6 + r.below(14) {
        let (shape, asked) = &templates[r.below(4) as usize];
        let on = match r.below(10) {
            0 | 1 => None,
            2 if r.percent(20) => Some(Name::from("gone")),
            _ => Some(snapshot.nodes[r.below(snapshot.nodes.len() as u64) as usize].name.clone()),
        };
        let pod = Pod {
            namespace: r.of(&NAMESPACES).into(),
            name: format!("pod-{at:02}").into(),
            uid: format!("uid-{at:02}").into(),
            labels: labels(&[("app", r.of(&APPS)), ("hash", r.of(&["1", "2"]))]),
            terminating: r.percent(8),
            phase: if on.is_some() { Phase::Running } else { Phase::Pending },
            node: on,
            requests: asked.clone(),
            held: asked.clone(),
            spec: Arc::new(shape.clone()),
            created: Some(Time(0)),
            ..Pod::default()
        };
        snapshot.pods.push(pod);
    }
    snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    ephemeral_claims(r, &mut snapshot);
    snapshot
}

fn node(r: &mut Random, at: u64) -> Node {
    let name = format!("node-{at}");
    let mut pairs = vec![("kubernetes.io/hostname", name.clone())];
    if r.percent(90) {
        pairs.push(("topology.kubernetes.io/zone", r.of(&["z1", "z2", "z3"]).to_owned()));
    }
    if r.percent(15) {
        pairs.push(("failure-domain.beta.kubernetes.io/zone", r.of(&["z1", "z2"]).to_owned()));
    }
    if r.percent(70) {
        pairs.push(("rack", r.of(&["1", "2", "30"]).to_owned()));
    }
    if r.percent(60) {
        pairs.push(("topology.ebs.csi.aws.com/zone", r.of(&["z1", "z2"]).to_owned()));
    }
    let mut taints = Vec::new();
    if r.percent(25) {
        let effects = [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute];
        let effect = effects[r.below(3) as usize];
        taints.push(Taint { key: r.of(&["dedicated", "gpu"]).into(), value: r.of(&["x", "y", ""]).into(), effect });
    }
    Node {
        labels: Labels::new(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
        name: name.into(),
        unschedulable: r.percent(8),
        taints,
        allocatable: Resources {
            cpu: 2_000 + 1_000 * r.below(4) as i64,
            memory: 8 << 30,
            ephemeral_storage: if r.percent(80) { 20 << 30 } else { 1 << 30 },
            pods: if r.percent(15) { 2 } else { 20 },
            scalar: if r.percent(40) { vec![("example.com/gpu".into(), 2)] } else { vec![] },
        },
        ready: true,
        ..Node::default()
    }
}

fn requests(r: &mut Random) -> Resources {
    Resources {
        cpu: 300 * r.below(5) as i64,
        memory: r.below(3) as i64 * (1 << 30),
        ephemeral_storage: if r.percent(20) { 2 << 30 } else { 0 },
        pods: 0,
        scalar: if r.percent(15) { vec![("example.com/gpu".into(), 1)] } else { vec![] },
    }
}

fn selector(r: &mut Random) -> LabelSelector {
    let mut requirements = Vec::new();
    for _ in 0..[0, 1, 1, 1, 2][r.below(5) as usize] {
        let operators = [
            SelectorOperator::In,
            SelectorOperator::In,
            SelectorOperator::NotIn,
            SelectorOperator::Exists,
            SelectorOperator::DoesNotExist,
        ];
        let operator = operators[r.below(5) as usize];
        let key: Name = if r.percent(80) { "app" } else { r.of(&["hash", "none"]) }.into();
        let values = match operator {
            SelectorOperator::In | SelectorOperator::NotIn => {
                vec![if &*key == "app" { r.of(&APPS) } else { r.of(&["1", "2"]) }.into()]
            }
            _ => vec![],
        };
        requirements.push(Requirement { key, operator, values });
    }
    LabelSelector { requirements }
}

fn affinity_term(r: &mut Random) -> PodAffinityTerm {
    let namespace_selector = match r.below(10) {
        0 => Some(LabelSelector::default()),
        1 => {
            let requirement = |operator, values| Requirement { key: "team".into(), operator, values };
            let either = [
                requirement(SelectorOperator::In, vec!["x".into()]),
                requirement(SelectorOperator::DoesNotExist, vec![]),
            ];
            Some(LabelSelector { requirements: vec![either[r.below(2) as usize].clone()] })
        }
        _ => None,
    };
    PodAffinityTerm {
        selector: if r.percent(95) { Some(selector(r)) } else { None },
        namespaces: if r.percent(20) { vec![r.of(&NAMESPACES).into()] } else { vec![] },
        namespace_selector,
        topology_key: r.of(&KEYS).into(),
    }
}

fn spec(r: &mut Random) -> PodSpec {
    let mut spec = PodSpec { scheduler_name: "default-scheduler".into(), ..PodSpec::default() };
    if r.percent(6) {
        spec.node_selector = labels(&[("rack", r.of(&["1", "2"]))]);
    }
    if r.percent(15) {
        spec.node_affinity = Some((0..1 + r.below(2)).map(|_| node_term(r)).collect());
    }
    for _ in 0..r.below(3) {
        let operators = [TolerationOperator::Equal, TolerationOperator::Exists];
        let operator = operators[r.below(2) as usize];
        let effects = [None, Some(TaintEffect::NoSchedule), Some(TaintEffect::NoExecute)];
        let keys: &[&str] = match operator {
            TolerationOperator::Exists => &["dedicated", "gpu", "", "node.kubernetes.io/unschedulable"],
            _ => &["dedicated", "gpu"],
        };
        let value = if operator == TolerationOperator::Equal { r.of(&["x", "y", ""]) } else { "" };
        let effect = effects[r.below(3) as usize];
        spec.tolerations.push(Toleration { key: r.of(keys).into(), operator, value: value.into(), effect });
    }
    if r.percent(25) {
        for _ in 0..1 + r.below(2) {
            spec.topology_spread.push(spread(r));
        }
    }
    if r.percent(10) {
        spec.pod_affinity = (0..1 + r.below(2)).map(|_| affinity_term(r)).collect();
    }
    if r.percent(10) {
        spec.pod_anti_affinity = (0..1 + r.below(2)).map(|_| affinity_term(r)).collect();
    }
    if r.percent(15) {
        spec.host_ports = vec![HostPort {
            ip: r.of(&["0.0.0.0", "10.0.0.1", "10.0.0.2"]).into(),
            protocol: r.of(&["TCP", "UDP"]).into(),
            port: 8_080,
        }];
    }
    for _ in 0..[0, 0, 0, 0, 1, 2][r.below(6) as usize] {
        spec.volumes.push(volume(r));
    }
    if r.percent(5) {
        spec.volumes.push(Volume::Ephemeral { volume: "scratch".into() });
    }
    spec
}

fn node_term(r: &mut Random) -> NodeSelectorTerm {
    let requirement = |key: &str, operator, values: &[&str]| Requirement {
        key: key.into(),
        operator,
        values: values.iter().map(|value| Name::from(*value)).collect(),
    };
    let name = format!("node-{}", r.below(5));
    match r.below(7) {
        0 => NodeSelectorTerm {
            match_expressions: vec![],
            match_fields: vec![requirement("metadata.name", SelectorOperator::In, &[&name])],
        },
        1 => NodeSelectorTerm {
            match_expressions: vec![requirement("rack", SelectorOperator::Exists, &[])],
            match_fields: vec![requirement("metadata.name", SelectorOperator::NotIn, &[&name])],
        },
        2 => NodeSelectorTerm::default(),
        other => {
            let expression = match other {
                3 => requirement("rack", SelectorOperator::Gt, &["1"]),
                4 => requirement("rack", SelectorOperator::Lt, &["30"]),
                5 => requirement("rack", SelectorOperator::NotIn, &["2"]),
                _ => requirement(KEYS[1], SelectorOperator::In, &["z1", "z2"]),
            };
            NodeSelectorTerm { match_expressions: vec![expression], match_fields: vec![] }
        }
    }
}

fn spread(r: &mut Random) -> TopologySpreadConstraint {
    let policies = [InclusionPolicy::Honor, InclusionPolicy::Ignore];
    TopologySpreadConstraint {
        max_skew: 1 + r.below(2) as i32,
        topology_key: r.of(&KEYS).into(),
        when_unsatisfiable: if r.percent(85) {
            WhenUnsatisfiable::DoNotSchedule
        } else {
            WhenUnsatisfiable::ScheduleAnyway
        },
        selector: if r.percent(95) { Some(selector(r)) } else { None },
        min_domains: if r.percent(25) { Some(1 + r.below(4) as i32) } else { None },
        node_affinity_policy: policies[r.below(2) as usize],
        node_taints_policy: policies[r.below(2) as usize],
        match_label_keys: if r.percent(25) { vec![r.of(&["hash", "none"]).into()] } else { vec![] },
    }
}

fn volume(r: &mut Random) -> Volume {
    match r.below(10) {
        0 => Volume::GcePersistentDisk { name: r.of(&["d1", "d2"]).into(), read_only: r.percent(50) },
        1 => Volume::AwsElasticBlockStore { id: r.of(&["vol-1", "aws://z1/vol-12345678"]).into() },
        2 => Volume::Iscsi { iqn: r.of(&["iqn.1", "iqn.2"]).into(), read_only: r.percent(50) },
        3 => Volume::Rbd {
            monitors: vec![r.of(&["m1", "m2"]).into(), "m3".into()],
            pool: r.of(&["p1", "p2"]).into(),
            image: "i".into(),
            read_only: r.percent(50),
        },
        _ => Volume::Claim { claim: format!("claim-{}", r.below(12)).into() },
    }
}
