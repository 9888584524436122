//! Topology spread.

use serde_json::{Value, json};

use super::edit::{change, each, entries, put, remove};
use super::node_choice::cut;
use super::{Row, Tells::AllPods};

const CONSTRAINTS: &str = "/spec/topologySpreadConstraints";

pub(super) const KNOBS: &[Row] = &[
    ("PodTopologySpread", "topologySpreadConstraints", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, CONSTRAINTS))
    }),
    ("PodTopologySpread", "constraints after the first", AllPods, |items| {
        each(items, "Pod", |pod| change(pod, CONSTRAINTS, |list| cut(list, 1)));
    }),
    ("PodTopologySpread", "maxSkew", AllPods, |items| {
        constraints(items, |constraint| put(constraint, "/maxSkew", json!(1)))
    }),
    ("PodTopologySpread", "minDomains", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/minDomains"))
    }),
    ("PodTopologySpread", "topologyKey", AllPods, |items| {
        constraints(items, |constraint| put(constraint, "/topologyKey", json!("kubernetes.io/hostname")));
    }),
    ("PodTopologySpread", "ScheduleAnyway as DoNotSchedule", AllPods, |items| {
        constraints(items, |constraint| put(constraint, "/whenUnsatisfiable", json!("DoNotSchedule")));
    }),
    ("PodTopologySpread", "selector", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/labelSelector"))
    }),
    ("PodTopologySpread", "selector matchLabels", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/labelSelector/matchLabels"));
    }),
    ("PodTopologySpread", "selector matchExpressions", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/labelSelector/matchExpressions"));
    }),
    ("PodTopologySpread", "absent selector as all", AllPods, |items| {
        constraints(items, |constraint| {
            if constraint.get("labelSelector").is_none() {
                put(
                    constraint,
                    "/labelSelector",
                    json!({"matchExpressions": [{"key": "no-such-label", "operator": "DoesNotExist"}]}),
                );
            }
        });
    }),
    // The scheduler counts nobody under {}, but the pod itself still matches it.
    ("PodTopologySpread", "empty selector counting pods", AllPods, |items| {
        constraints(items, |constraint| {
            if constraint["labelSelector"] == json!({}) {
                put(
                    constraint,
                    "/labelSelector",
                    json!({"matchExpressions": [{"key": "no-such-label", "operator": "DoesNotExist"}]}),
                );
            }
        });
    }),
    ("PodTopologySpread", "empty selector as none", AllPods, |items| {
        constraints(items, |constraint| {
            if constraint["labelSelector"] == json!({}) {
                remove(constraint, "/labelSelector");
            }
        });
    }),
    ("PodTopologySpread", "matchLabelKeys", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/matchLabelKeys"))
    }),
    ("PodTopologySpread", "nodeAffinityPolicy", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/nodeAffinityPolicy"));
    }),
    ("PodTopologySpread", "nodeAffinityPolicy default Honor", AllPods, |items| {
        constraints(items, |constraint| put(constraint, "/nodeAffinityPolicy", json!("Ignore")));
    }),
    ("PodTopologySpread", "nodeTaintsPolicy", AllPods, |items| {
        constraints(items, |constraint| remove(constraint, "/nodeTaintsPolicy"));
    }),
    ("PodTopologySpread", "nodeTaintsPolicy default Ignore", AllPods, |items| {
        constraints(items, |constraint| put(constraint, "/nodeTaintsPolicy", json!("Honor")));
    }),
    ("PodTopologySpread", "nodes without the key as a domain", AllPods, |items| {
        each(items, "Node", |node| {
            if node.pointer("/metadata/labels/rack").is_none() {
                put(node, "/metadata/labels/rack", json!(""));
            }
        });
    }),
    ("PodTopologySpread", "terminating pods as counted", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/metadata/deletionTimestamp"));
    }),
];

fn constraints(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| entries(pod, CONSTRAINTS, &mut edit));
}
