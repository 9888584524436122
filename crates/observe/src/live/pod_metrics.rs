//! What pods use at this moment, as the metrics API says it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::{Name, Quantity, Time};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::list::{Listed, Lister, list};
use super::{Connection, LiveError, LiveOptions, PAGES_AHEAD, Page, right_to_list};
use crate::kinds::Kind;

/// What one pod used.
#[derive(Clone, Debug, PartialEq)]
pub struct PodReading {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub pod: Name,
    /// The end of the time for which it was measured.
    pub at: Time,
    /// By container: cores on average, and bytes.
    pub containers: Vec<(Name, f64, f64)>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct PodReadings {
    /// By pod.
    pub readings: Vec<PodReading>,
    /// Pods and containers left out: without a moment or a window, or with amounts that are none.
    pub left_out: usize,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    items: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct PodMetrics {
    metadata: Metadata,
    timestamp: String,
    window: String,
    containers: Vec<ContainerMetrics>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
struct ContainerMetrics {
    name: String,
    usage: BTreeMap<String, String>,
}

/// Lists the metrics of one namespace's pods, or of all.
pub async fn read_pod_metrics(
    cluster: &Connection,
    options: &LiveOptions,
    namespace: Option<&str>,
) -> Result<PodReadings, LiveError> {
    let info = Kind::PodMetrics.info();
    let refused = |status: u16, problem: &str| LiveError::Status {
        server: cluster.server.clone(),
        what: right_to_list(info),
        status,
        message: problem.to_owned(),
    };
    let (pages, mut received) = mpsc::channel(PAGES_AHEAD);
    let lister = Lister {
        client: cluster.client.clone(),
        server: cluster.server.clone(),
        info,
        namespace: namespace.map(str::to_owned),
        timeout: options.request_timeout,
        pages,
        progress: None,
    };
    // The pages end with the lister.
    let listing = async move {
        let lister = lister;
        list(&lister).await
    };
    let taking = async {
        let mut all = PodReadings::default();
        while let Some(page) = received.recv().await {
            match page {
                Page::Items { bytes, .. } => all.take(&bytes),
                Page::Restart(_) => all = PodReadings::default(),
            }
        }
        all
    };
    let (listed, all) = tokio::join!(listing, taking);
    match listed? {
        Listed::Whole { .. } => Ok(all),
        Listed::Forbidden => Err(refused(403, "the right to do so is missing")),
        Listed::NotServed => Err(refused(404, "the metrics API is not served: metrics-server is missing or away")),
    }
}

impl PodReadings {
    fn take(&mut self, page: &[u8]) {
        let Ok(list) = serde_json::from_slice::<List>(page) else {
            self.left_out += 1;
            return;
        };
        for item in list.items {
            match serde_json::from_value(item).ok().and_then(|metrics| self.reading(metrics)) {
                Some(reading) => self.readings.push(reading),
                None => self.left_out += 1,
            }
        }
    }

    fn reading(&mut self, metrics: PodMetrics) -> Option<PodReading> {
        let at = metrics.timestamp.parse::<Timestamp>().ok()?.as_second();
        let window = metrics.window.parse::<SignedDuration>().ok()?;
        if at <= 0 || !window.is_positive() {
            return None;
        }
        let mut containers = Vec::new();
        for container in metrics.containers {
            let amount = |name: &str| {
                let quantity = Quantity::parse(container.usage.get(name)?).ok()?;
                (!quantity.is_negative()).then(|| quantity.as_f64())
            };
            // Nothing runs in no memory: who says so has not measured it.
            match (amount("cpu"), amount("memory").filter(|bytes| *bytes > 0.0)) {
                (Some(cores), Some(bytes)) => containers.push((container.name.as_str().into(), cores, bytes)),
                _ => self.left_out += 1,
            }
        }
        let Metadata { name, namespace } = metrics.metadata;
        Some(PodReading { namespace: namespace.as_str().into(), pod: name.as_str().into(), at: Time(at), containers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_not_measured_is_left_out_and_never_zero() {
        let item = |timestamp: &str, window: &str, cpu: &str, memory: &str| {
            json!({"metadata": {"name": "web-0", "namespace": "shop"}, "timestamp": timestamp, "window": window,
                   "containers": [{"name": "main", "usage": {"cpu": cpu, "memory": memory}}]})
        };
        let now = "2026-11-21T10:00:00Z";
        let mut all = PodReadings::default();
        let page = json!({"items": [
            item(now, "10.062s", "250001999n", "300Mi"),
            item(now, "1m0s", "0", "1Ki"),
            item(now, "0s", "1", "1Mi"),
            item(now, "", "1", "1Mi"),
            item("", "10s", "1", "1Mi"),
            item("0001-01-01T00:00:00Z", "10s", "1", "1Mi"),
            json!({"metadata": {"name": "x", "namespace": "y"}, "containers": []}),
            item(now, "10s", "NaN", "1Mi"),
            item(now, "10s", "-1", "1Mi"),
            item(now, "10s", "1", "0"),
        ]});
        all.take(page.to_string().as_bytes());
        all.take(b"no list");
        let measured: Vec<(f64, f64)> = all
            .readings
            .iter()
            .flat_map(|reading| &reading.containers)
            .map(|(_, cpu, memory)| (*cpu, *memory))
            .collect();
        assert_eq!(measured, [(0.250_001_999, 314_572_800.0), (0.0, 1_024.0)]);
        assert_eq!(all.left_out, 9);
    }
}
