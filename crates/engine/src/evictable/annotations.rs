//! Annotations by which people and other tools keep pods where they are.

use model::{FindingCode, Name, Pod, Time};

use super::Blocker;

/// Annotation keys whose value "true" forbids an eviction.
const FORBID_WHEN_TRUE: [&str; 5] = [
    "karpenter.sh/do-not-evict",
    "karpenter.sh/do-not-consolidate",
    "descheduler.alpha.kubernetes.io/prefer-no-eviction",
    "descheduler.alpha.kubernetes.io/eviction-in-progress",
    "descheduler.alpha.kubernetes.io/request-evict-only",
];

/// cluster-autoscaler's own, whose "false" and "on-completion" forbid.
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
/// Karpenter's own: "true", or how long after the pod's creation it holds.
pub(super) const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

pub(super) fn blocker(pod: &Pod, now: Time) -> Option<Blocker> {
    let (key, value) = forbidding(pod, now).next()?;
    let blocker = Blocker::new(FindingCode::AnnotationForbids, format!("its annotation {key}={value} forbids it"));
    Some(blocker.remedy(format!("remove the annotation {key}")))
}

/// The annotations of the pod that forbid its eviction now.
pub(super) fn forbidding(pod: &Pod, now: Time) -> impl Iterator<Item = (&'static str, &Name)> {
    let of = |key: &'static str| Some((key, pod.annotations.get(key)?));
    let safe = of(SAFE_TO_EVICT).filter(|(_, value)| matches!(&***value, "false" | "on-completion"));
    let disrupt = of(DO_NOT_DISRUPT).filter(|(_, value)| do_not_disrupt_holds(value, pod.created, now));
    // The descheduler's marks hold by being there, whatever their value.
    let holds = |(key, value): &(&'static str, &Name)| &***value == "true" || key.starts_with("descheduler.");
    let others = FORBID_WHEN_TRUE.iter().filter_map(move |key| of(key)).filter(holds);
    safe.into_iter().chain(disrupt).chain(others)
}

/// "true" always holds; a duration until it is over; what is neither is taken as a wish not to be disturbed.
fn do_not_disrupt_holds(value: &str, created: Option<Time>, now: Time) -> bool {
    if value == "false" {
        return false;
    }
    match (go_duration_seconds(value), created) {
        (Some(seconds), Some(created)) => (now.seconds_since(created) as f64) < seconds,
        _ => true,
    }
}

/// A duration as Go writes it: `5m`, `1h30m`, `1.5h`.
fn go_duration_seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..number_end].parse().ok()?;
        let unit_end =
            rest[number_end..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(rest.len(), |at| at + number_end);
        seconds += number
            * match &rest[number_end..unit_end] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn do_not_disrupt_ends_when_its_duration_is_over() {
        let created = Some(Time(1_000));
        assert!(do_not_disrupt_holds("true", created, Time(9_000_000)));
        assert!(do_not_disrupt_holds("5m", created, Time(1_299)));
        assert!(!do_not_disrupt_holds("5m", created, Time(1_300)));
        assert!(do_not_disrupt_holds("1h30m", created, Time(6_399)));
        assert!(do_not_disrupt_holds("tomorrow", created, Time(9_000_000)));
        assert!(!do_not_disrupt_holds("false", created, Time(1_001)));
    }
}
