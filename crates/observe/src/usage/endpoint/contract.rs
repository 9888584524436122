//! What is asked of an endpoint for use, and what it answers. What is not in the contract is refused, by its place.

use std::collections::BTreeMap;
use std::fmt;

use model::{Name, Time};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::EndpointOptions;
use crate::usage::{Measured, MeasuredContainer, MeasuredEvent, MeasuredUsage, MeasuredUser};

/// Clocks differ by so much.
const AHEAD_SECONDS: i64 = 60;
/// No machine has more.
const MOST_CORES: f64 = 1e6;
const MOST_BYTES: f64 = 1e16;

/// What is asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked<'a> {
    from: i64,
    until: i64,
    step_seconds: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#continue: Option<&'a str>,
}

/// One page, as it is taken in.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub usage: MeasuredUsage,
    pub samples: usize,
    pub left_out: usize,
    /// The place of the first sample left out, and why.
    pub first_wrong: Option<String>,
    pub next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    containers: Vec<Container>,
    #[serde(default)]
    r#continue: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Container {
    namespace: String,
    pod: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    container: String,
    #[serde(default)]
    cpu: Vec<(Number, Number)>,
    #[serde(default)]
    memory: Vec<(Number, Number)>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Event {
    time: i64,
    event: EventKind,
    /// Of a kill the limit in bytes, of throttling the part.
    value: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EventKind {
    Oom,
    Restart,
    Throttled,
}

/// A number; anything else is none, and is left out rather than taken for zero.
struct Number(Option<f64>);

impl Asked<'_> {
    pub fn of<'a>(options: &'a EndpointOptions, from: Option<&'a str>) -> Asked<'a> {
        Asked {
            from: options.until.0.saturating_sub(options.window_seconds),
            until: options.until.0,
            step_seconds: options.step_seconds,
            namespace: options.namespace.as_deref(),
            labels: options.labels.iter().map(|(label, value)| (&**label, &**value)).collect(),
            r#continue: from,
        }
    }

    pub fn to_json(&self) -> Vec<u8> {
        // Texts and whole numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Takes in a page; what is wrong with it is named by its place.
pub(super) fn parse(body: &[u8], options: &EndpointOptions) -> Result<Page, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let document: Document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    reader.end().map_err(|error| error.to_string())?;
    let mut page = Page { next: document.r#continue.filter(|token| !token.is_empty()), ..Page::default() };
    for (at, container) in document.containers.into_iter().enumerate() {
        let place = format!("containers[{at}]");
        let key = key(&container).map_err(|wrong| format!("{place}: {wrong}"))?;
        if options.namespace.as_deref().is_some_and(|asked| *key.namespace != *asked) {
            return Err(format!("{place}.namespace: {} was not asked for", key.namespace));
        }
        let cpu = page.points(container.cpu, MOST_CORES, options, &format!("{place}.cpu"));
        let memory = page.points(container.memory, MOST_BYTES, options, &format!("{place}.memory"));
        let events = events(&container.events).map_err(|(at, wrong)| format!("{place}.events[{at}].value: {wrong}"))?;
        let known: &mut Measured = page.usage.entry(key).or_default();
        known.cpu.extend(cpu);
        known.memory.extend(memory);
        known.events.extend(events);
    }
    Ok(page)
}

fn key(container: &Container) -> Result<MeasuredContainer, &'static str> {
    let user = match (&container.pod, &container.kind, &container.name) {
        (Some(pod), None, None) if !pod.is_empty() => MeasuredUser::Pod(pod.as_str().into()),
        (None, Some(kind), Some(name)) if !kind.is_empty() && !name.is_empty() => {
            MeasuredUser::Workload { kind: kind.as_str().into(), name: name.as_str().into() }
        }
        _ => return Err("needs either pod, or kind and name"),
    };
    let name = |text: &str| -> Name { text.into() };
    if container.namespace.is_empty() || container.container.is_empty() {
        return Err("needs a namespace and a container");
    }
    Ok(MeasuredContainer { namespace: name(&container.namespace), user, container: name(&container.container) })
}

fn events(events: &[Event]) -> Result<Vec<(Time, MeasuredEvent)>, (usize, &'static str)> {
    let event = |(at, event): (usize, &Event)| {
        let kind = match (event.event, event.value) {
            (EventKind::Restart, _) => MeasuredEvent::Restart,
            (EventKind::Oom, limit) if limit.is_none_or(|limit| limit > 0.0 && limit <= MOST_BYTES) => {
                MeasuredEvent::OutOfMemory(limit)
            }
            (EventKind::Oom, _) => return Err((at, "is no limit in bytes")),
            (EventKind::Throttled, Some(part)) if (0.0..=1.0).contains(&part) => MeasuredEvent::Throttled(part),
            (EventKind::Throttled, _) => return Err((at, "is no part from 0 to 1")),
        };
        Ok((Time(event.time), kind))
    };
    events.iter().enumerate().map(event).collect()
}

impl Page {
    /// Those that are measurements of the window.
    fn points(
        &mut self,
        points: Vec<(Number, Number)>,
        most: f64,
        options: &EndpointOptions,
        place: &str,
    ) -> Vec<(Time, f64)> {
        self.samples += points.len();
        let from = options.until.0.saturating_sub(options.window_seconds + options.step_seconds);
        let last = options.until.0.saturating_add(AHEAD_SECONDS);
        let mut good = Vec::with_capacity(points.len());
        for (at, (time, amount)) in points.into_iter().enumerate() {
            let time = time.0.filter(|time| (from as f64..=last as f64).contains(time));
            let amount = amount.0.filter(|amount| (0.0..=most).contains(amount));
            match (time, amount) {
                (Some(time), Some(amount)) => good.push((Time(time as i64), amount)),
                _ => {
                    self.left_out += 1;
                    self.first_wrong.get_or_insert_with(|| format!("{place}[{at}]"));
                }
            }
        }
        good
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
        Ok(Number(Some(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number(Some(number as f64)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(Number(Some(number as f64)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_unit<E>(self) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Number, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Number(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Number(None))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn options() -> EndpointOptions {
        EndpointOptions {
            url: "http://localhost".to_owned(),
            bearer_token_file: None,
            labels: vec![("cluster".to_owned(), "prod".to_owned())],
            namespace: Some("shop".to_owned()),
            until: Time(1_000_000),
            window_seconds: 86_400,
            step_seconds: 300,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn what_is_no_measurement_is_left_out_and_counted() {
        let body = br#"{"containers": [{"namespace": "shop", "pod": "web-0", "container": "main",
            "cpu": [[999700, 0.5], [999400, "NaN"], [999100, null], [998800, -1], [2000000, 1], [3, 1], ["x", 1]],
            "memory": [[999700, 1e6], [999400, 1e300]],
            "events": [{"time": 999000, "event": "oom"}, {"time": 999000, "event": "throttled", "value": 0.2}]}],
            "continue": "more"}"#;
        let page = parse(body, &options()).unwrap();
        let measured = page.usage.values().next().unwrap();
        assert_eq!(
            (&measured.cpu[..], &measured.memory[..]),
            (&[(Time(999_700), 0.5)][..], &[(Time(999_700), 1e6)][..])
        );
        assert_eq!((page.samples, page.left_out, measured.events.len()), (9, 7, 2));
        assert_eq!((page.first_wrong.as_deref(), page.next.as_deref()), (Some("containers[0].cpu[1]"), Some("more")));
    }

    #[test]
    fn what_is_not_agreed_is_refused_by_its_place() {
        let of =
            |container: &str| format!(r#"{{"containers": [{{"namespace": "shop", {container}, "container": "c"}}]}}"#);
        for (body, place) in [
            (of(r#""pod": "a", "cpus": []"#), "containers[0].cpus: unknown field"),
            (of(r#""pod": "a", "cpu": [[1]]"#), "containers[0].cpu[0]: invalid length 1"),
            (of(r#""pod": "a", "cpu": 5"#), "containers[0].cpu: invalid type"),
            (of(r#""pod": "a", "kind": "Deployment", "name": "a""#), "containers[0]: needs either pod"),
            (of(r#""kind": "Deployment""#), "containers[0]: needs either pod"),
            (of(r#""pod": "a", "events": [{"time": 1, "event": "died"}]"#), "containers[0].events[0].event"),
            (of(r#""pod": "a", "events": [{"time": 1, "event": "throttled"}]"#), "containers[0].events[0].value"),
            (
                r#"{"containers": [{"namespace": "other", "pod": "a", "container": "c"}]}"#.to_owned(),
                "containers[0].namespace",
            ),
            ("<html>".to_owned(), "expected value"),
            ("{}".to_owned(), "missing field `containers`"),
            (r#"{"containers": []} more"#.to_owned(), "trailing characters"),
        ] {
            let wrong = parse(body.as_bytes(), &options()).unwrap_err();
            assert!(wrong.contains(place), "{body}: {wrong}");
        }
    }
}
