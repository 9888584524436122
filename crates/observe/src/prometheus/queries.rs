//! What is asked, and in which pieces.

use std::fmt::Write as _;

use super::PrometheusOptions;

/// The most points of one series in one answer; Prometheus refuses more than 11,000.
const MOST_POINTS: i64 = 10_000;
/// The most samples that one answer should have: some 40 MB of JSON.
const MOST_SAMPLES_AN_ANSWER: u64 = 1_000_000;
/// How often a usual Prometheus scrapes: what a range query reads is estimated by it.
const USUAL_SCRAPE_SECONDS: i64 = 30;
/// A rate needs four scrapes, and most are at most a minute apart.
const SHORTEST_RANGE_SECONDS: i64 = 300;
/// Throttling is looked at by the hour.
const THROTTLING_STEP_SECONDS: i64 = 3_600;

/// What a query measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Cpu,
    Memory,
    Restarts,
    Kills,
    Throttling,
}

impl Measure {
    /// Recommendations can be made without it.
    pub(super) fn is_optional(self) -> bool {
        !matches!(self, Measure::Cpu | Measure::Memory)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Measure::Cpu => "CPU use",
            Measure::Memory => "memory use",
            Measure::Restarts => "which containers restarted",
            Measure::Kills => "which containers were killed for want of memory",
            Measure::Throttling => "which containers were throttled",
        }
    }
}

/// One query; a range of it where `from` is before `until`.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) measure: Measure,
    pub(super) text: String,
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) step: i64,
}

impl Query {
    /// How many containers there are series of, over the whole window.
    pub(super) fn count(options: &PrometheusOptions) -> Query {
        let selector = format!("container_memory_working_set_bytes{}", matcher(options));
        let text = format!("count(count by (namespace, pod, container) (last_over_time({selector}[1d])))");
        let until = options.until.0;
        Query { measure: Measure::Memory, text, from: until, until, step: options.step_seconds }
    }

    /// One number that is nobody's.
    pub(super) fn nothing(options: &PrometheusOptions) -> Query {
        let until = options.until.0;
        Query { measure: Measure::Cpu, text: "vector(1)".to_owned(), from: until, until, step: options.step_seconds }
    }

    /// As a form: what is long does not fit into a URL.
    pub(super) fn form(&self) -> (&'static str, String) {
        let query = escaped(&self.text);
        if self.from == self.until {
            return ("/api/v1/query", format!("query={query}&time={}", self.until));
        }
        let form = format!("query={query}&start={}&end={}&step={}", self.from, self.until, self.step);
        ("/api/v1/query_range", form)
    }
}

/// How many samples all queries read: every point of memory and of CPU, and every scrape that their ranges cover.
pub(super) fn samples_touched(options: &PrometheusOptions, series: u64) -> u64 {
    let scrapes = options.window_seconds / USUAL_SCRAPE_SECONDS * 2;
    series.saturating_mul(scrapes.max(0).unsigned_abs())
}

/// All queries, each measure's time cut into pieces that a server can answer.
pub(super) fn all(options: &PrometheusOptions, series: u64) -> Vec<Query> {
    let matcher = matcher(options);
    let step = options.step_seconds.max(1);
    let range = step.max(SHORTEST_RANGE_SECONDS);
    let by = "max by (namespace, pod, container)";
    let restarted = format!("({by} (increase(kube_pod_container_status_restarts_total{matcher}[{step}s])) > 0)");
    let killed = format!(
        "{restarted} and on (namespace, pod, container) \
         ({by} (kube_pod_container_status_last_terminated_reason{}) == 1)",
        with(&matcher, "reason=\"OOMKilled\"")
    );
    let throttled = format!(
        "{by} (rate(container_cpu_cfs_throttled_periods_total{matcher}[1h])) \
         / {by} (rate(container_cpu_cfs_periods_total{matcher}[1h]))"
    );
    // Of a container that restarted or is nested there are several series: the largest is the one that counts.
    let measures = [
        (Measure::Cpu, format!("{by} (rate(container_cpu_usage_seconds_total{matcher}[{range}s]))"), step),
        (Measure::Memory, format!("{by} (max_over_time(container_memory_working_set_bytes{matcher}[{step}s]))"), step),
        (Measure::Restarts, restarted, step),
        (Measure::Kills, killed, step),
        (Measure::Throttling, throttled, THROTTLING_STEP_SECONDS.max(step)),
    ];
    let mut queries = Vec::new();
    for (measure, text, step) in measures {
        let points = i64::try_from(MOST_SAMPLES_AN_ANSWER / series.max(1)).unwrap_or(MOST_POINTS).clamp(1, MOST_POINTS);
        let piece = points * step;
        let start = options.until.0.saturating_sub(options.window_seconds);
        let mut from = start;
        while from < options.until.0 {
            // A range of one point is still a range.
            let until = (from + piece - step).clamp(from + 1, options.until.0);
            queries.push(Query { measure, text: text.clone(), from, until, step });
            from += piece;
        }
    }
    queries
}

/// `{container!="",…}`: containers themselves, not the pods around them.
pub(super) fn matcher(options: &PrometheusOptions) -> String {
    let mut matcher = "{container!=\"\",container!=\"POD\"".to_owned();
    let namespace = options.namespace.iter().map(|namespace| ("namespace", namespace.as_str()));
    let labels = options.labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
    for (label, value) in namespace.chain(labels) {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        // Writing to a String cannot fail.
        let _ = write!(matcher, ",{label}=\"{value}\"");
    }
    matcher + "}"
}

fn with(matcher: &str, more: &str) -> String {
    format!("{},{more}}}", matcher.trim_end_matches('}'))
}

/// Percent-encoded for a form.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Time;
    use std::time::Duration;

    fn options() -> PrometheusOptions {
        PrometheusOptions {
            url: "http://localhost:9090".into(),
            bearer_token_file: None,
            basic_auth: None,
            tenant: None,
            labels: vec![("cluster".into(), "a\"b".into())],
            namespace: None,
            until: Time(14 * 86_400),
            window_seconds: 14 * 86_400,
            step_seconds: 300,
            most_samples: 50_000_000,
            timeout: Duration::from_secs(30),
        }
    }

    #[test]
    fn pieces_cover_the_window_once_and_none_is_too_large() {
        for series in [1, 500, 20_000, 10_000_000] {
            let queries = all(&options(), series);
            for measure in [Measure::Cpu, Measure::Memory, Measure::Throttling] {
                let mut next = 0;
                for query in queries.iter().filter(|query| query.measure == measure) {
                    assert_eq!(query.from, next, "{series}");
                    assert!(query.until > query.from || query.until == 14 * 86_400);
                    let points = (query.until - query.from) / query.step + 1;
                    assert!(points <= MOST_POINTS && (points == 1 || points as u64 * series <= MOST_SAMPLES_AN_ANSWER));
                    next = query.from + ((query.until - query.from) / query.step + 1) * query.step;
                }
                assert!(next >= 14 * 86_400, "{series} {next}");
            }
        }
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        assert_eq!(matcher(&options()), "{container!=\"\",container!=\"POD\",cluster=\"a\\\"b\"}");
    }
}
