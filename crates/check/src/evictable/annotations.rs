//! Annotations by which people and other tools forbid an eviction or a node's removal.

use model::{Node, Pod, Time};

/// The annotation that forbids the pod's eviction at this moment.
pub(crate) fn forbids_eviction(pod: &Pod, now: Time) -> Option<&'static str> {
    const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
    const DO_NOT_EVICT: &str = "karpenter.sh/do-not-evict";
    /// The descheduler only asks; whoever set it evicts by itself.
    const REQUEST_ONLY: &str = "descheduler.alpha.kubernetes.io/request-evict-only";
    const IN_PROGRESS: &str = "descheduler.alpha.kubernetes.io/eviction-in-progress";

    let value = |key: &str| pod.annotations.get(key).map(|value| &**value);
    if matches!(value(SAFE_TO_EVICT), Some("false" | "on-completion")) {
        return Some(SAFE_TO_EVICT);
    }
    if value(DO_NOT_DISRUPT).is_some_and(|value| pauses(value, pod.created, now)) {
        return Some(DO_NOT_DISRUPT);
    }
    if value(DO_NOT_EVICT) == Some("true") {
        return Some(DO_NOT_EVICT);
    }
    [REQUEST_ONLY, IN_PROGRESS].into_iter().find(|key| value(key).is_some())
}

/// The annotation that forbids the node's removal.
pub(crate) fn forbids_removal(node: &Node) -> Option<&'static str> {
    // Durations count on pods alone; on nodes only "true" does.
    const KEYS: [&str; 3] = [
        "cluster-autoscaler.kubernetes.io/scale-down-disabled",
        "karpenter.sh/do-not-disrupt",
        "karpenter.sh/do-not-consolidate",
    ];
    KEYS.into_iter().find(|key| node.annotations.get(key).is_some_and(|value| &**value == "true"))
}

/// Karpenter's pause of a pod: for ever, or for a time after its creation. What cannot be read forbids.
fn pauses(value: &str, created: Option<Time>, now: Time) -> bool {
    match value {
        "true" => true,
        "false" => false,
        _ => match (go_duration_seconds(value), created) {
            (Some(seconds), Some(created)) => (now.0.saturating_sub(created.0) as f64) < seconds,
            _ => true,
        },
    }
}

/// A duration as Go's `time.ParseDuration` reads it: `1h30m`, `-1.5s`, `300ms`.
fn go_duration_seconds(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if unsigned == "0" {
        return Some(0.0);
    }
    let mut rest = unsigned;
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let unit_seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        if !number.contains(|c: char| c.is_ascii_digit()) || number.matches('.').count() > 1 {
            return None;
        }
        // Rust reads `5.` and `.5` as Go does.
        seconds += number.parse::<f64>().ok()? * unit_seconds;
        rest = next;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;

    #[test]
    fn go_durations_are_read_as_go_reads_them() {
        for (text, seconds) in
            [("1h30m", 5_400.0), ("300ms", 0.3), ("1.5h", 5_400.0), ("0", 0.0), ("-2s", -2.0), (".5s", 0.5)]
        {
            assert_eq!(go_duration_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "1", "h", "1d", "1h 2m", "..5s", "1.2.3s", "-", "yes"] {
            assert_eq!(go_duration_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_pause_ends_when_its_time_since_creation_is_over() {
        let created = Some(Time(1_000));
        assert!(pauses("1h", created, Time(1_000 + 3_599)));
        assert!(!pauses("1h", created, Time(1_000 + 3_600)));
        assert!(pauses("1h", None, Time(i64::MAX)), "unknown age is not old age");
        assert!(pauses("soon", created, Time(1_000_000)), "malformed forbids");
        assert!(pauses("true", created, Time(1_000_000)));
        assert!(!pauses("false", created, Time(1_000)));
    }

    #[test]
    fn annotations_that_forbid_name_themselves() {
        let with = |key: &str, value: &str| Pod {
            annotations: Labels::new(vec![(key.into(), value.into())]),
            created: Some(Time(0)),
            ..Pod::default()
        };
        let now = Time(100);
        for value in ["false", "on-completion"] {
            assert!(forbids_eviction(&with("cluster-autoscaler.kubernetes.io/safe-to-evict", value), now).is_some());
        }
        assert_eq!(forbids_eviction(&with("cluster-autoscaler.kubernetes.io/safe-to-evict", "true"), now), None);
        assert!(forbids_eviction(&with("karpenter.sh/do-not-disrupt", "2m"), now).is_some());
        assert_eq!(forbids_eviction(&with("karpenter.sh/do-not-disrupt", "1m"), now), None);
    }
}
