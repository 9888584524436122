//! Usage from a real Prometheus, filled with two days of use and with what spoils it: counter resets, duplicate series,
//! pods that are gone, a second cluster in the same store.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::time::Duration;

use controlplane::Prometheus;
use model::Time;
use observe::prometheus::{PrometheusError, PrometheusOptions, read_prometheus_blocking};
use observe::usage::{MeasuredContainer, MeasuredUser};

/// 2026-11-20T00:00:00Z; blocks may be as old as they like, as long as nothing newer makes them expire.
const START: i64 = 1_795_132_800;
const HOURS: i64 = 48;
const SCRAPE_SECONDS: i64 = 60;

fn metrics() -> String {
    let mut cpu = "# TYPE container_cpu_usage_seconds counter\n".to_owned();
    let mut memory = "# TYPE container_memory_working_set_bytes gauge\n".to_owned();
    let mut restarts = "# TYPE kube_pod_container_status_restarts counter\n".to_owned();
    for minute in 0..HOURS * 60 {
        let at = START + minute * SCRAPE_SECONDS;
        // Half a core; begun anew after a day, as a restarted container does.
        let used = (minute % (24 * 60)) as f64 * 30.0;
        let of = |pod: &str, id: &str, cluster: &str| {
            format!("{{namespace=\"shop\",pod=\"{pod}\",container=\"main\",id=\"{id}\",cluster=\"{cluster}\"}}")
        };
        let mut row = |labels: String, times: f64| {
            writeln!(cpu, "container_cpu_usage_seconds_total{labels} {} {at}", used * times).unwrap();
            writeln!(memory, "container_memory_working_set_bytes{labels} {} {at}", 1e8 * times).unwrap();
        };
        row(of("web-0", "a", "east"), 1.0);
        // The same container seen twice, and its namesake in another cluster.
        row(of("web-0", "b", "east"), 0.5);
        row(of("web-0", "a", "west"), 4.0);
        row("{id=\"/\",cluster=\"east\"}".to_owned(), 100.0);
        row("{namespace=\"shop\",pod=\"web-0\",container=\"POD\",cluster=\"east\"}".to_owned(), 100.0);
        let restarted = i64::from(minute >= 24 * 60);
        let labels = "{namespace=\"shop\",pod=\"web-0\",container=\"main\",cluster=\"east\"}";
        writeln!(restarts, "kube_pod_container_status_restarts_total{labels} {restarted} {at}").unwrap();
    }
    format!("{cpu}{memory}{restarts}# EOF\n")
}

fn options(url: &str) -> PrometheusOptions {
    PrometheusOptions {
        url: url.to_owned(),
        bearer_token_file: None,
        basic_auth: None,
        tenant: None,
        labels: vec![("cluster".to_owned(), "east".to_owned())],
        namespace: Some("shop".to_owned()),
        until: Time(START + HOURS * 3_600 - 60),
        window_seconds: HOURS * 3_600,
        step_seconds: 300,
        most_samples: 50_000_000,
        timeout: Duration::from_secs(30),
    }
}

#[test]
fn usage_is_read_from_a_real_prometheus_and_its_traps_are_dealt_with() {
    if Prometheus::is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Prometheus::start(folder.path(), &metrics()).unwrap();
    let read = read_prometheus_blocking(&options(server.url())).unwrap();
    assert_eq!(read.usage.len(), 1, "{:?}", read.usage.keys());
    let key = MeasuredContainer {
        namespace: "shop".into(),
        user: MeasuredUser::Pod("web-0".into()),
        container: "main".into(),
    };
    let web = &read.usage[&key];
    assert!(web.cpu.len() > 500 && web.memory.len() > 500, "{} {}", web.cpu.len(), web.memory.len());
    // The larger of two series of one container, and not their sum; no leap where the counter began anew.
    assert!(web.cpu.iter().all(|(_, cores)| (0.3..0.7).contains(cores)), "{:?}", web.cpu);
    assert!(web.memory.iter().all(|(_, bytes)| *bytes == 1e8));
    assert!(!web.events.is_empty(), "the restart is seen");

    let nobody = PrometheusOptions { namespace: Some("nobody".to_owned()), ..options(server.url()) };
    assert!(matches!(read_prometheus_blocking(&nobody), Err(PrometheusError::NoSeries { .. })));
    let poor = PrometheusOptions { most_samples: 10, ..options(server.url()) };
    assert!(matches!(read_prometheus_blocking(&poor), Err(PrometheusError::OverBudget { series: 1, .. })));
}
