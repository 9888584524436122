//! Whose pod it was: by the snapshot where it is still there, else by its name.

use std::collections::BTreeMap;

use model::{Name, Snapshot};

use super::workloads::User;

/// Workloads by their pods and by their names.
pub struct Owners {
    pods: BTreeMap<(Name, Name), usize>,
    workloads: BTreeMap<(Name, Name), Vec<(Name, usize)>>,
}

impl Owners {
    /// Of a snapshot.
    pub fn new(snapshot: &Snapshot) -> Owners {
        let mut pods = BTreeMap::new();
        for pod in &snapshot.pods {
            if let Some(workload) = pod.workload {
                pods.insert((pod.namespace.clone(), pod.name.clone()), workload as usize);
            }
        }
        let mut workloads: BTreeMap<(Name, Name), Vec<(Name, usize)>> = BTreeMap::new();
        for (at, workload) in snapshot.workloads.iter().enumerate() {
            let reference = &workload.reference;
            let key = (reference.namespace.clone(), reference.name.clone());
            workloads.entry(key).or_default().push((reference.kind.clone(), at));
        }
        Owners { pods, workloads }
    }

    /// The index of the workload, where there is one.
    pub fn of(&self, namespace: &Name, user: &User) -> Option<usize> {
        match user {
            User::Workload(kind, name) => {
                let of_name = self.workloads.get(&(namespace.clone(), name.clone()))?;
                of_name.iter().find(|(of, _)| of.eq_ignore_ascii_case(kind)).map(|(_, at)| *at)
            }
            User::Pod(name) => {
                let there = self.pods.get(&(namespace.clone(), name.clone())).copied();
                there.or_else(|| self.by_name(namespace, name))
            }
        }
    }

    /// A pod that is gone: its controller's name and what that kind of controller puts behind it.
    fn by_name(&self, namespace: &Name, pod: &str) -> Option<usize> {
        // The longest name first: of `web-api-1` the StatefulSet web-api rather than one called web.
        let ends = pod.rmatch_indices('-').map(|(at, _)| at);
        ends.filter_map(|end| {
            let of_name = self.workloads.get(&(namespace.clone(), pod[..end].into()))?;
            let of_kind = of_name.iter().find(|(kind, _)| could_be_of(kind, &pod[end + 1..]));
            of_kind.map(|(_, at)| *at)
        })
        .next()
    }
}

/// Whether a controller of this kind puts this behind its name.
fn could_be_of(kind: &str, rest: &str) -> bool {
    let is_random = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = rest.split('-').collect();
    match (kind, parts.as_slice()) {
        // A ReplicaSet's hash, then the pod's own.
        ("Deployment", [hash, own]) => is_random(hash, 1..=10) && is_random(own, 5..=5),
        ("StatefulSet", [ordinal]) => is_number(ordinal),
        ("CronJob", [minute, own]) => is_number(minute) && is_random(own, 5..=5),
        ("CronJob" | "Job", [minute, index, own]) => is_number(minute) && is_number(index) && is_random(own, 5..=5),
        ("Job", [index, own]) => is_number(index) && is_random(own, 5..=5),
        ("DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job", [own]) => is_random(own, 5..=5),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Workload, WorkloadRef};

    #[test]
    fn pods_that_are_gone_are_known_by_their_names() {
        let workload = |kind: &str, name: &str| Workload {
            reference: WorkloadRef { kind: kind.into(), namespace: "n".into(), name: name.into() },
            ..Workload::default()
        };
        let kinds = [("Deployment", "web"), ("StatefulSet", "web-api"), ("CronJob", "nightly"), ("DaemonSet", "agent")];
        let snapshot = Snapshot {
            workloads: kinds.into_iter().map(|(kind, name)| workload(kind, name)).collect(),
            ..Snapshot::default()
        };
        let owners = Owners::new(&snapshot);
        let of = |pod: &str| owners.of(&"n".into(), &User::Pod(pod.into()));
        assert_eq!(of("web-7d9c5f8b6-x2x9z"), Some(0));
        assert_eq!(of("web-api-0"), Some(1));
        assert_eq!(of("nightly-28912345-abcde"), Some(2));
        assert_eq!(of("agent-abcde"), Some(3));
        assert_eq!(
            (of("web"), of("web-0"), of("other-7d9c5f8b6-x2x9z"), of("-"), of("ünï-0")),
            (None, None, None, None, None)
        );
        let by_kind = |kind: &str| owners.of(&"n".into(), &User::Workload(kind.into(), "web".into()));
        assert_eq!((by_kind("deployment"), by_kind("StatefulSet")), (Some(0), None));
    }
}
