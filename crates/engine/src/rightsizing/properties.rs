//! What always holds of recommendations. Each property was seen to fail under the change of the code that it names.

use model::limits::{LimitRange, Range, ResourceQuota};
use model::{Name, Node, Owner, Phase, Pod, Price, PriceBasis, Prices, Resources, Snapshot, Time, UsdPerHour};
use model::{Workload, WorkloadRef, pod::ContainerRequests};
use proptest::prelude::*;

use super::percentile::Percentiles;
use super::seasonal::{Caution, Pace};
use super::{
    Bounds, Limits, Resource, Sample, Series, Settings, Skip, Usage, Used, User, Verdict, recommend, rightsize,
    strategies, strategy,
};

const DAY: i64 = 86_400;
const STEP: i64 = 1_800;

/// A cluster of one workload with one pod of these containers, and the node it is on.
fn cluster(kind: &str, containers: Vec<ContainerRequests>) -> (Snapshot, Prices) {
    let held = Resources {
        cpu: containers.iter().filter_map(|container| container.cpu).sum(),
        memory: containers.iter().filter_map(|container| container.memory).sum(),
        ..Resources::default()
    };
    let name: Name = "web".into();
    let owner = Owner { api_version: "apps/v1".into(), kind: kind.into(), name: name.clone(), uid: "u".into() };
    let pod = Pod {
        namespace: "shop".into(),
        name: "web-0".into(),
        node: Some("n".into()),
        phase: Phase::Running,
        controller: Some(owner),
        workload: Some(0),
        requests: held.clone(),
        held,
        spec: std::sync::Arc::new(model::PodSpec { containers, ..model::PodSpec::default() }),
        ..Pod::default()
    };
    let allocatable = Resources { cpu: 16_000, memory: 64 << 30, pods: 110, ..Resources::default() };
    let workload = Workload {
        reference: WorkloadRef { kind: kind.into(), namespace: "shop".into(), name },
        is_job: kind == "CronJob",
        ..Workload::default()
    };
    let snapshot = Snapshot {
        nodes: vec![Node { name: "n".into(), allocatable, ..Node::default() }],
        pods: vec![pod],
        workloads: vec![workload],
        ..Snapshot::default()
    };
    let price = Price {
        usd_per_hour: UsdPerHour::from_nanos(1_000_000_000),
        basis: PriceBasis::List,
        source: "test".into(),
        as_of: "".into(),
    };
    (snapshot, Prices { nodes: vec![Ok(price)], offers: Vec::new() })
}

fn container(name: &str, cpu: Option<i64>, memory: Option<i64>) -> ContainerRequests {
    ContainerRequests { name: name.into(), cpu, memory, ..ContainerRequests::default() }
}

/// Both are measured as long, where both are.
fn usage(cpu: &[f64], memory: &[f64]) -> Usage {
    let both = if cpu.is_empty() || memory.is_empty() { usize::MAX } else { cpu.len().min(memory.len()) };
    let (cpu, memory) = (&cpu[..cpu.len().min(both)], &memory[..memory.len().min(both)]);
    let series = |resource, amounts: &[f64]| {
        let samples =
            amounts.iter().enumerate().map(|(at, amount)| Sample { at: Time(at as i64 * STEP), amount: *amount });
        Series::new(resource, samples)
    };
    Usage { cpu: series(Resource::Cpu, cpu), memory: series(Resource::Memory, memory), events: Vec::new() }
}

fn used(container: &str, usage: Usage) -> Used {
    Used { namespace: "shop".into(), user: User::Pod("web-0".into()), container: container.into(), usage }
}

fn any_cpu() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..8.0_f64, 60..400)
}

fn any_memory() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(1e6..3e10_f64, 60..400)
}

/// By its place in the list.
fn any_strategy() -> std::ops::Range<usize> {
    0..strategies().len()
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let pace = prop_oneof![Just(Pace::Once), Just(Pace::Seldom), Just(Pace::InPlace)];
    let caution = prop_oneof![Just(Caution::Low), Just(Caution::Medium), Just(Caution::High)];
    let percentile = prop_oneof![Just(50), Just(90), Just(99)];
    (pace, caution, percentile, 1.0..3.0_f64, 2..30_i64).prop_map(|(pace, caution, percentile, safety_factor, days)| {
        Settings { percentile, safety_factor, window_seconds: days * DAY, ..Settings::new(pace, caution) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Seen to fail without `Bounds::clamp` in `recommend`.
    #[test]
    fn property_03_limits_stay_unless_asked_and_no_request_goes_above_one(
        cpu in any_cpu(), memory in any_memory(), of_all in any_strategy(), settings in any_settings(),
        asked in 1..8_000_i64, room in 0..8_000_i64, follow in any::<bool>(),
    ) {
        let mut main = container("main", Some(asked), Some(1 << 30));
        (main.cpu_limit, main.memory_limit) = (Some(asked + room), None);
        let (snapshot, prices) = cluster("Deployment", vec![main]);
        let limits = if follow { Limits::InProportion } else { Limits::Keep };
        let settings = Settings { limits, ..settings };
        let advice = rightsize(&snapshot, &prices, &[used("main", usage(&cpu, &memory))], strategies()[of_all], &settings);
        let of = &advice[0].advice[0];
        let new = of.recommended.as_ref().unwrap().request;
        prop_assert!(follow || of.new_limit == Some(asked + room));
        prop_assert!(new <= of.new_limit.unwrap() || of.change().is_none());
        prop_assert_eq!(advice[0].advice[1].new_limit, None);
    }

    /// Seen to fail without `Bounds::clamp` in `recommend`.
    #[test]
    fn property_04_bounds_hold(
        cpu in any_cpu(), memory in any_memory(), of_all in any_strategy(), settings in any_settings(),
        bounds in prop::collection::vec((1..10_000_i64, 0..10_000_i64), 2),
    ) {
        let bounds = [(0, 1), (1, 1 << 20)].map(|(at, unit)| {
            let (least, more): (i64, i64) = bounds[at];
            Bounds::new(least * unit, (least + more) * unit)
        });
        let settings = Settings { bounds, ..settings };
        let usage = usage(&cpu, &memory);
        for resource in Resource::ALL {
            let of = recommend(&usage, resource, None, strategies()[of_all], &settings, usage.last().unwrap()).unwrap();
            let Bounds { least, most, .. } = settings.bounds[resource.index()];
            prop_assert!((least..=most).contains(&of.request), "{} {least} {most}", of.request);
            prop_assert_eq!(of.bound.is_some(), of.request != resource.to_request(of.estimate.amount));
        }
    }

    /// Seen to fail without each `at_least` and `at_most` in `Candidate::settings`.
    #[test]
    fn requests_keep_to_limit_ranges_and_java_heaps(
        cpu in any_cpu(), memory in any_memory(), of_all in any_strategy(), settings in any_settings(),
        least in 1..16_000_i64, more in 0..8_000_i64, heap in 1..100_i64, of_another in any::<bool>(),
    ) {
        let mut main = container("main", Some(500), Some(1 << 30));
        main.java_heap = Some(heap << 30);
        let (mut snapshot, prices) = cluster("Deployment", vec![main]);
        let namespace: Name = if of_another { "another" } else { "shop" }.into();
        let range = Range { least: Some(least), most: Some(least + more), limit_to_request: None };
        snapshot.limit_ranges = vec![LimitRange { namespace, name: "limits".into(), containers: [range, Range::default()] }];
        let used = [used("main", usage(&cpu, &memory))];
        let advice = rightsize(&snapshot, &prices, &used, strategies()[of_all], &settings);
        let [cpu, memory] = advice[0].advice.each_ref().map(|of| of.recommended.as_ref().unwrap());
        prop_assert!(of_another || (least..=least + more).contains(&cpu.request), "{}", cpu.request);
        prop_assert_eq!(cpu.bound.is_some(), cpu.words(Resource::Cpu).contains("LimitRange"));
        prop_assert!(!of_another || cpu.bound.is_none());
        prop_assert!(memory.request >= heap << 30, "{}", memory.request);
        prop_assert_eq!(memory.bound.is_some(), memory.words(Resource::Memory).contains("Java heap"));
    }

    /// Seen to fail without `beyond_quota` in `advice`.
    #[test]
    fn what_a_quota_does_not_leave_is_skipped(
        cpu in any_cpu(), of_all in any_strategy(), settings in any_settings(),
        room in 0..20_000_i64, of_another in any::<bool>(),
    ) {
        let (mut snapshot, prices) = cluster("Deployment", vec![container("main", Some(500), None)]);
        let used = [used("main", usage(&cpu, &[]))];
        let needs = |snapshot: &Snapshot| {
            let of = rightsize(snapshot, &prices, &used, strategies()[of_all], &settings).remove(0).advice;
            of[0].recommended.as_ref().map(|of| of.request).map_err(Clone::clone)
        };
        let free = needs(&snapshot).unwrap();
        let namespace: Name = if of_another { "another" } else { "shop" }.into();
        snapshot.quotas = vec![ResourceQuota { namespace, name: "compute".into(), room: [Some(room), None] }];
        match needs(&snapshot) {
            Ok(request) => {
                prop_assert_eq!(request, free);
                prop_assert!(of_another || request - 500 <= room, "{request}");
            }
            Err(Skip::NoQuota(why)) => {
                prop_assert!(!of_another && free - 500 > room && why.contains("ResourceQuota compute leaves"), "{why}");
            }
            Err(skip) => prop_assert!(false, "{skip}"),
        }
    }

    /// Seen to fail without `at_least` of the ratio in `Candidate::settings`.
    #[test]
    fn a_limit_that_stays_is_no_more_than_so_many_times_its_request(
        cpu in any_cpu(), settings in any_settings(), limit in 1..8_000_i64, ratio in 1.0..10.0_f64,
    ) {
        let mut main = container("main", Some(limit), None);
        main.cpu_limit = Some(limit);
        let (mut snapshot, prices) = cluster("Deployment", vec![main]);
        let range = Range { limit_to_request: Some(ratio), ..Range::default() };
        let containers = [range, Range::default()];
        snapshot.limit_ranges = vec![LimitRange { namespace: "shop".into(), name: "limits".into(), containers }];
        let advice = rightsize(&snapshot, &prices, &[used("main", usage(&cpu, &[]))], strategies()[0], &settings);
        let request = advice[0].advice[0].recommended.as_ref().unwrap().request;
        prop_assert!(limit as f64 <= request as f64 * ratio && request <= limit, "{request}");
    }

    /// Seen to fail without the floor of few samples in `recommend`.
    #[test]
    fn property_07_without_metrics_nothing_changes_and_the_reason_is_told(
        cpu in prop::collection::vec(0.0..8.0_f64, 0..49), of_all in any_strategy(), settings in any_settings(),
        kind in prop_oneof![Just("Deployment"), Just("StatefulSet"), Just("DaemonSet"), Just("CronJob")],
    ) {
        let (snapshot, prices) = cluster(kind, vec![container("main", Some(500), Some(1 << 30))]);
        let some = used("main", usage(&cpu, &[]));
        for used in [vec![], vec![some]] {
            for advice in rightsize(&snapshot, &prices, &used, strategies()[of_all], &settings) {
                for of in &advice.advice {
                    let skip = of.recommended.as_ref().unwrap_err();
                    let is_expected = matches!(skip, Skip::NoMetrics | Skip::TooFewSamples { .. });
                    prop_assert!(is_expected);
                    prop_assert!(!skip.to_string().is_empty());
                    prop_assert_eq!((of.change(), of.saved, of.verdict()), (None, None, Verdict::Skipped));
                }
            }
        }
    }

    /// Seen to fail where `rightsize` looks at a pod's first container alone.
    #[test]
    fn property_11_each_container_has_cpu_and_memory_of_its_own(
        cpu in any_cpu(), memory in any_memory(), of_all in any_strategy(), settings in any_settings(), number in 1..5_usize,
    ) {
        let names: Vec<String> = (0..number).map(|at| format!("c{at}")).collect();
        let containers = names.iter().map(|name| container(name, Some(500), Some(1 << 30))).collect();
        let (snapshot, prices) = cluster("Deployment", containers);
        let times = |at: usize, amounts: &[f64]| -> Vec<f64> { amounts.iter().map(|amount| amount * (at + 1) as f64).collect() };
        let used: Vec<Used> =
            names.iter().enumerate().map(|(at, name)| used(name, usage(&times(at, &cpu), &times(at, &memory)))).collect();
        let advice = rightsize(&snapshot, &prices, &used, strategies()[of_all], &settings);
        prop_assert_eq!(advice.len(), number);
        for (at, of) in advice.iter().enumerate() {
            prop_assert_eq!(&*of.container, &names[at]);
            let alone = &used[at].usage;
            for resource in Resource::ALL {
                let expected = recommend(alone, resource, of.advice[resource.index()].asked, strategies()[of_all], &settings, alone.last().unwrap());
                prop_assert_eq!(&of.advice[resource.index()].recommended, &expected);
            }
        }
    }

    /// Seen to fail where `recommend` feeds the whole series to the strategy rather than the window.
    #[test]
    fn property_12_only_the_rolling_window_counts(
        cpu in any_cpu(), memory in any_memory(), of_all in any_strategy(), settings in any_settings(), before in 1.0..1e3_f64,
    ) {
        let recent = usage(&cpu, &memory);
        let last = recent.last().unwrap();
        let old = (1..200).map(|at| Sample { at: Time(last.0 - settings.window_seconds - (at - 1) * STEP), amount: before });
        let series = Series::new(Resource::Cpu, old.chain(recent.cpu.window(last, settings.window_seconds).iter().copied()));
        let longer = Usage { cpu: series, ..recent.clone() };
        let of = |usage: &Usage| recommend(usage, Resource::Cpu, None, strategies()[of_all], &settings, last).map(|of| (of.request, of.percentiles));
        prop_assert_eq!(of(&longer), of(&recent));
    }

    /// Seen to fail where `nearest_rank` rounds its rank down.
    #[test]
    fn property_13_percentiles_are_in_order_and_were_measured(cpu in any_cpu(), memory in any_memory()) {
        let usage = usage(&cpu, &memory);
        for resource in Resource::ALL {
            let samples = usage.of(resource).samples();
            let Percentiles { p50, p90, p99, highest } = Percentiles::of(samples).unwrap();
            prop_assert!(p50 <= p90 && p90 <= p99 && p99 <= highest);
            for (percentile, value) in [(50, p50), (90, p90), (99, p99), (100, highest)] {
                let within = samples.iter().filter(|sample| sample.amount <= value).count();
                prop_assert!(within * 100 >= samples.len() * percentile, "{percentile}");
                prop_assert!(samples.iter().any(|sample| sample.amount == value));
            }
        }
    }

    /// Seen to fail without `Bounds::clamp` in `recommend`.
    #[test]
    fn property_14_the_percentile_times_the_factor_is_applied_before_bounds(
        cpu in any_cpu(), settings in any_settings(), most in 1..10_000_i64,
    ) {
        let settings = Settings { bounds: [Bounds::new(1, most); 2], window_seconds: 30 * DAY, ..settings };
        let usage = usage(&cpu, &[]);
        let of = recommend(&usage, Resource::Cpu, None, strategy("percentile").unwrap(), &settings, usage.last().unwrap()).unwrap();
        let Percentiles { p50, p90, p99, .. } = of.percentiles;
        let value = match settings.percentile { 50 => p50, 90 => p90, _ => p99 };
        prop_assert_eq!(of.request, Resource::Cpu.to_request(value * settings.safety_factor).min(most).max(1));
        let words = of.words(Resource::Cpu);
        prop_assert!(words.contains(&format!("P{}", settings.percentile)), "{words}");
    }

    /// Seen to fail where `skip` forgets static pods.
    #[test]
    fn property_24_every_skip_has_its_reason(
        cpu in any_cpu(), memory in any_memory(), of_all in any_strategy(), settings in any_settings(), which in 0..3_usize,
    ) {
        let mut main = container("main", Some(500), Some(1 << 30));
        if which == 0 {
            (main.cpu_limit, main.memory_limit) = (main.cpu, main.memory);
        }
        let (mut snapshot, prices) = cluster("Deployment", vec![main]);
        let expected = match which {
            0 => [Some(Skip::Guaranteed), Some(Skip::Guaranteed)],
            1 => {
                snapshot.workloads[0].autoscaled_on = vec!["cpu".into()];
                [Some(Skip::Autoscaled), None]
            }
            _ => {
                snapshot.pods[0].controller.as_mut().unwrap().kind = "Node".into();
                [Some(Skip::Static), Some(Skip::Static)]
            }
        };
        let advice = rightsize(&snapshot, &prices, &[used("main", usage(&cpu, &memory))], strategies()[of_all], &settings);
        for (of, expected) in advice[0].advice.iter().zip(expected) {
            prop_assert_eq!(of.recommended.as_ref().err(), expected.as_ref());
            prop_assert!(of.recommended.is_ok() || (of.change().is_none() && of.saved.is_none()));
        }
    }
}
