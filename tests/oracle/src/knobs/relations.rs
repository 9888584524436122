//! Affinity and anti-affinity between pods.

use serde_json::{Value, json};

use super::edit::{change, each, entries, put, remove, retain};
use super::node_choice::cut;
use super::{Row, Tells::AllPods, Tells::UnboundPods};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const KINDS: [&str; 2] = ["podAffinity", "podAntiAffinity"];

pub(super) const KNOBS: &[Row] = &[
    ("InterPodAffinity", "podAffinity", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/spec/affinity/podAffinity"))
    }),
    ("InterPodAffinity", "podAffinity terms after the first", AllPods, |items| {
        each(items, "Pod", |pod| change(pod, &format!("/spec/affinity/podAffinity/{REQUIRED}"), |terms| cut(terms, 1)));
    }),
    ("InterPodAffinity", "podAntiAffinity terms after the first", AllPods, |items| {
        each(items, "Pod", |pod| {
            change(pod, &format!("/spec/affinity/podAntiAffinity/{REQUIRED}"), |terms| cut(terms, 1))
        });
    }),
    ("InterPodAffinity", "podAntiAffinity of the pod itself", UnboundPods, |items| {
        each(items, "Pod", |pod| {
            if pod["spec"]["nodeName"].is_null() {
                remove(pod, "/spec/affinity/podAntiAffinity");
            }
        });
    }),
    ("InterPodAffinity", "podAntiAffinity of pods that are there", UnboundPods, |items| {
        each(items, "Pod", |pod| {
            if !pod["spec"]["nodeName"].is_null() {
                remove(pod, "/spec/affinity/podAntiAffinity");
            }
        });
    }),
    ("InterPodAffinity", "the first of its kind may go anywhere", AllPods, |items| {
        let groups: Vec<_> = items.iter().filter(|item| item["kind"] == "Pod").filter_map(group).collect();
        let is_alone = |own: &(Value, Value)| groups.iter().filter(|group| *group == own).count() == 1;
        each(items, "Pod", |pod| {
            if group(pod).is_some_and(|own| is_alone(&own)) {
                remove(pod, "/metadata/labels/group");
            }
        });
    }),
    ("InterPodAffinity", "namespaces", AllPods, |items| terms(items, |term| remove(term, "/namespaces"))),
    ("InterPodAffinity", "namespaceSelector", AllPods, |items| terms(items, |term| remove(term, "/namespaceSelector"))),
    ("InterPodAffinity", "empty namespaceSelector as absent", AllPods, |items| {
        terms(items, |term| {
            if term["namespaceSelector"] == json!({}) {
                remove(term, "/namespaceSelector");
            }
        });
    }),
    ("InterPodAffinity", "labels of namespaces", AllPods, |items| {
        each(items, "Namespace", |namespace| remove(namespace, "/metadata/labels"));
    }),
    ("InterPodAffinity", "topologyKey", AllPods, |items| {
        terms(items, |term| put(term, "/topologyKey", json!("kubernetes.io/hostname")));
    }),
    ("InterPodAffinity", "selector matchLabels", AllPods, |items| {
        terms(items, |term| remove(term, "/labelSelector/matchLabels"))
    }),
    ("InterPodAffinity", "selector In", AllPods, |items| without_operator(items, "In")),
    ("InterPodAffinity", "selector NotIn", AllPods, |items| without_operator(items, "NotIn")),
    ("InterPodAffinity", "selector Exists", AllPods, |items| without_operator(items, "Exists")),
    ("InterPodAffinity", "selector DoesNotExist", AllPods, |items| without_operator(items, "DoesNotExist")),
    ("InterPodAffinity", "absent selector as all", AllPods, |items| {
        terms(items, |term| {
            if term.get("labelSelector").is_none() {
                put(term, "/labelSelector", json!({}));
            }
        });
    }),
    ("InterPodAffinity", "empty selector as none", AllPods, |items| {
        terms(items, |term| {
            if term["labelSelector"] == json!({}) {
                remove(term, "/labelSelector");
            }
        });
    }),
    ("InterPodAffinity", "matchLabelKeys as not merged yet", AllPods, |items| {
        each(items, "Pod", |pod| {
            let version = pod["metadata"]["labels"]["version"].clone();
            if version.is_null() {
                return;
            }
            pod_terms(pod, |term| {
                for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
                    if term.get(field).is_some()
                        && let Some(selector) = term["labelSelector"].as_object_mut()
                    {
                        let list = selector.entry("matchExpressions").or_insert_with(|| json!([]));
                        let again = json!({"key": "version", "operator": operator, "values": [version]});
                        list.as_array_mut().into_iter().for_each(|list| list.push(again.clone()));
                    }
                }
            });
        });
    }),
    ("InterPodAffinity", "terminating pods", AllPods, |items| {
        each(items, "Pod", |pod| {
            if pod["metadata"].get("deletionTimestamp").is_some() && !pod["spec"]["nodeName"].is_null() {
                remove(pod, "/metadata/labels");
            }
        });
    }),
    ("InterPodAffinity", "preferred as required", AllPods, |items| {
        each(items, "Pod", |pod| {
            for kind in KINDS {
                let at = format!("/spec/affinity/{kind}");
                if let Some(term) = pod.pointer(&format!("{at}/{PREFERRED}/0/podAffinityTerm")).cloned()
                    && pod.pointer(&format!("{at}/{REQUIRED}")).is_none()
                {
                    put(pod, &format!("{at}/{REQUIRED}"), json!([term]));
                }
            }
        });
    }),
];

/// The namespace and the group of a pod that wants to be with its group.
fn group(pod: &Value) -> Option<(Value, Value)> {
    Some((pod["metadata"]["namespace"].clone(), pod["metadata"]["labels"].get("group")?.clone()))
}

fn pod_terms(pod: &mut Value, mut edit: impl FnMut(&mut Value)) {
    for kind in KINDS {
        entries(pod, &format!("/spec/affinity/{kind}/{REQUIRED}"), &mut edit);
    }
}

fn terms(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| pod_terms(pod, &mut edit));
}

fn without_operator(items: &mut [Value], operator: &str) {
    terms(items, |term| {
        retain(term, "/labelSelector/matchExpressions", |expression| expression["operator"] != operator)
    });
}
