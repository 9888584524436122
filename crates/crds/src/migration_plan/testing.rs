//! Plans at random, for property tests.

use model::{
    AddedNode, BoundCertificate, CapacityType, ConstraintCost, ConstraintKind, Finding, FindingCode, Labels, Landing,
    Method, Migration, Name, Node, NodePrices, ObjectRef, Patch, PatchKind, Plan, PlannedNodes, Resources, Risk,
    SavingBasis, Severity, Subject, Summary, Taint, TaintEffect, Time, UsdPerHour, WorkloadRef,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Anything a name or sentence may hold, with what YAML and JSON find hard.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9-]{1,12}",
        Just("1e5".to_owned()),
        Just("no".to_owned()),
        Just("~".to_owned()),
        "\\PC{0,12}",
        Just("a: b # c\n- 'd'\t\"e\"".to_owned())
    ]
}

fn name() -> impl Strategy<Value = Name> {
    text().prop_map(|text| text.as_str().into())
}

fn real_name() -> impl Strategy<Value = Name> {
    "[a-z0-9][a-z0-9.-]{0,12}".prop_map(|text| text.as_str().into())
}

fn money() -> impl Strategy<Value = UsdPerHour> {
    (0..2_000_000_000_000_000_i64).prop_map(UsdPerHour::from_nanos)
}

/// Years 1 to 9999.
fn time() -> impl Strategy<Value = Time> {
    (-62_135_000_000..253_402_000_000_i64).prop_map(Time)
}

fn workload() -> impl Strategy<Value = WorkloadRef> {
    ("Deployment|StatefulSet|Rollout", real_name(), real_name()).prop_map(|(kind, namespace, name)| WorkloadRef {
        kind: kind.as_str().into(),
        namespace,
        name,
    })
}

fn migration() -> impl Strategy<Value = Migration> {
    let pod = (name(), name(), name(), workload());
    let nodes = (name(), name());
    let risk = prop_oneof![Just(Risk::Low), Just(Risk::Medium), Just(Risk::High)];
    let method = prop_oneof![Just(Method::Evict), Just(Method::Surge)];
    let landings = [Landing::Only, Landing::First, Landing::Tied, Landing::Elsewhere, Landing::Unknown];
    let method = (method, select(landings.to_vec()));
    (any::<u32>(), pod, nodes, method, risk, vec(text(), 0..3), text()).prop_map(
        |(
            wave,
            (namespace, pod, uid, workload),
            (from_node, to_node),
            (method, landing),
            risk,
            risk_reasons,
            reason,
        )| Migration {
            wave,
            namespace,
            pod,
            uid,
            workload,
            from_node,
            to_node,
            method,
            landing,
            risk,
            risk_reasons,
            reason,
        },
    )
}

fn labels() -> impl Strategy<Value = Labels> {
    vec((name(), name()), 0..4).prop_map(Labels::new)
}

fn resources() -> impl Strategy<Value = Resources> {
    let amount = || 0..1_i64 << 50;
    (amount(), amount(), amount(), 0..1_000_i64, option::of(1..9_i64)).prop_map(
        |(cpu, memory, ephemeral_storage, pods, gpu)| Resources {
            cpu,
            memory,
            ephemeral_storage,
            pods,
            scalar: gpu.map(|gpu| ("nvidia.com/gpu".into(), gpu)).into_iter().collect(),
        },
    )
}

fn taint() -> impl Strategy<Value = Taint> {
    let effect =
        prop_oneof![Just(TaintEffect::NoSchedule), Just(TaintEffect::PreferNoSchedule), Just(TaintEffect::NoExecute)];
    (name(), name(), effect).prop_map(|(key, value, effect)| Taint { key, value, effect })
}

fn node() -> impl Strategy<Value = Node> {
    let meta = (real_name(), name(), labels(), labels(), option::of(time()));
    let spec = (any::<bool>(), vec(taint(), 0..3), name());
    let status = (resources(), resources(), any::<bool>());
    (meta, spec, status).prop_map(
        |(
            (name, uid, labels, annotations, created),
            (unschedulable, taints, provider_id),
            (allocatable, capacity, ready),
        )| {
            Node {
                name,
                uid,
                labels,
                annotations,
                created,
                unschedulable,
                taints,
                allocatable,
                capacity,
                ready,
                provider_id,
                declared_features: vec!["A".into(), "B".into()],
                ..Node::default()
            }
        },
    )
}

fn added() -> impl Strategy<Value = AddedNode> {
    let capacity_type = prop_oneof![Just(CapacityType::OnDemand), Just(CapacityType::Spot)];
    (name(), capacity_type, name(), money(), node()).prop_map(
        |(instance_type, capacity_type, zone, usd_per_hour, node)| AddedNode {
            instance_type,
            capacity_type,
            zone,
            usd_per_hour,
            node,
        },
    )
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::Cluster),
        name().prop_map(Subject::Node),
        (name(), name()).prop_map(|(namespace, name)| Subject::Pod { namespace, name }),
        workload().prop_map(Subject::Workload),
        (text(), text(), text()).prop_map(|(kind, name, source)| Subject::Object { kind, name, source }),
    ]
}

fn finding() -> impl Strategy<Value = Finding> {
    let code = prop_oneof![Just(FindingCode::BudgetExhausted), Just(FindingCode::NodeUnpriced)];
    let severity = prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Error)];
    (code, severity, subject(), text(), option::of(money()), any::<u32>(), option::of(text())).prop_map(
        |(code, severity, subject, message, usd_per_hour, count, hint)| Finding {
            code,
            severity,
            subject,
            message,
            usd_per_hour,
            count,
            hint,
        },
    )
}

fn summary() -> impl Strategy<Value = Summary> {
    let counts = (0..9_usize, 0..9_usize, 0..3_usize, 0..99_usize, 0..9_usize, any::<u32>());
    (money(), money(), option::of(money()), counts).prop_map(
        |(before, after, bound, (nodes_before, nodes_after, nodes_unpriced, migrations, waves, minutes_expected))| {
            Summary {
                usd_per_hour_before: before,
                usd_per_hour_after: after,
                usd_per_hour_lower_bound: bound,
                nodes_before,
                nodes_after,
                nodes_unpriced,
                migrations,
                waves,
                minutes_expected,
            }
        },
    )
}

fn bound() -> impl Strategy<Value = BoundCertificate> {
    let price = (name(), 0.0..9.0).prop_map(|(name, price)| (name, price));
    let workload = (name(), name(), name()).prop_map(|(kind, namespace, name)| WorkloadRef { kind, namespace, name });
    let class = (vec(name(), 1..3), vec(price, 1..2), vec((workload, 0.0..9.0), 0..2))
        .prop_map(|(nodes, usd_per_hour, one_per_node)| NodePrices { nodes, usd_per_hour, one_per_node })
        .boxed();
    (money(), vec(class.clone(), 0..3), vec(class, 0..2)).prop_map(|(usd_per_hour, classes, offers)| BoundCertificate {
        usd_per_hour,
        classes,
        offers,
    })
}

fn constraint() -> impl Strategy<Value = ConstraintCost> {
    let kind = (0..ConstraintKind::ALL.len()).prop_map(|at| ConstraintKind::ALL[at]);
    let object = ("Deployment|Limit", name(), real_name()).prop_map(|(kind, namespace, name)| ObjectRef {
        kind: kind.as_str().into(),
        namespace,
        name,
    });
    let bases = [SavingBasis::PlannedAnew, SavingBasis::PlannedOn, SavingBasis::Bound];
    let patch = (0..3_usize).prop_map(|at| {
        let (kind, text) = [
            (PatchKind::Merge, "{\"spec\":{\"maxUnavailable\":1,\"minAvailable\":null}}"),
            (PatchKind::Json, "[{\"op\":\"remove\",\"path\":\"/spec/a\"}]"),
            (PatchKind::Apply, "{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\"}"),
        ][at];
        Patch { kind, text: text.to_owned() }
    });
    let cost = (1..2_000_000_000_000_000_i64).prop_map(UsdPerHour::from_nanos);
    let basis = (0..3_usize).prop_map(move |at| bases[at]);
    (kind, object, cost, -9..9_i64, basis, text(), option::of(patch)).prop_map(
        |(kind, object, usd_per_hour, nodes, basis, change, patch)| ConstraintCost {
            kind,
            object,
            usd_per_hour,
            nodes,
            basis,
            change,
            patch,
        },
    )
}

/// Any plan at all: it need not be legal, only sayable.
pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let snapshot = (text(), text(), time(), text());
    let nodes = (vec(name(), 0..4), vec(added(), 0..2));
    let proof = (summary(), option::of(bound()));
    let told = (vec(finding(), 0..4), vec(constraint(), 0..3));
    (snapshot, vec(migration(), 0..6), nodes, proof, told).prop_map(
        |((name, cluster, taken_at, digest), migrations, (remove, add), (summary, bound), (findings, constraints))| {
            Plan {
                name,
                cluster,
                taken_at,
                digest,
                migrations,
                nodes: PlannedNodes { remove, add },
                summary,
                bound,
                findings,
                constraints,
            }
        },
    )
}
