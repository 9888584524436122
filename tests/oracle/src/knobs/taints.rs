//! Cordons, taints and tolerations.

use serde_json::{Value, json};

use super::edit::{each, entries, put, remove, retain};
use super::{Row, Tells::AllPods};

const TAINTS: &str = "/spec/taints";
const TOLERATIONS: &str = "/spec/tolerations";

pub(super) const KNOBS: &[Row] = &[
    ("NodeUnschedulable", "node spec.unschedulable", AllPods, |items| {
        each(items, "Node", |node| remove(node, "/spec/unschedulable"));
    }),
    ("NodeUnschedulable", "toleration of a cordon", AllPods, |items| {
        keep_tolerations(items, |toleration| toleration["key"] != "node.kubernetes.io/unschedulable");
    }),
    ("TaintToleration", "taint NoSchedule", AllPods, |items| keep_taints(items, "NoSchedule")),
    ("TaintToleration", "taint NoExecute", AllPods, |items| keep_taints(items, "NoExecute")),
    ("TaintToleration", "PreferNoSchedule as NoSchedule", AllPods, |items| {
        each(items, "Node", |node| {
            entries(node, TAINTS, |taint| {
                if taint["effect"] == "PreferNoSchedule" {
                    put(taint, "/effect", json!("NoSchedule"));
                }
            });
        });
    }),
    ("TaintToleration", "toleration", AllPods, |items| keep_tolerations(items, |_| false)),
    ("TaintToleration", "toleration key", AllPods, |items| {
        tolerations(items, |toleration| {
            remove(toleration, "/key");
            put(toleration, "/operator", json!("Exists"));
        });
    }),
    ("TaintToleration", "toleration without key", AllPods, |items| {
        keep_tolerations(items, |toleration| toleration.get("key").is_some());
    }),
    ("TaintToleration", "toleration value", AllPods, |items| {
        tolerations(items, |toleration| put(toleration, "/operator", json!("Exists")));
    }),
    ("TaintToleration", "toleration operator Exists", AllPods, |items| {
        tolerations(items, |toleration| {
            if toleration.get("key").is_some() {
                remove(toleration, "/operator");
            }
        });
    }),
    ("TaintToleration", "toleration without operator", AllPods, |items| {
        keep_tolerations(items, |toleration| toleration.get("operator").is_some());
    }),
    ("TaintToleration", "toleration effect", AllPods, |items| {
        tolerations(items, |toleration| remove(toleration, "/effect"));
    }),
    ("TaintToleration", "toleration without effect", AllPods, |items| {
        keep_tolerations(items, |toleration| toleration.get("effect").is_some());
    }),
    ("TaintToleration", "toleration with tolerationSeconds", AllPods, |items| {
        keep_tolerations(items, |toleration| toleration.get("tolerationSeconds").is_none());
    }),
];

fn keep_taints(items: &mut [Value], ignored_effect: &str) {
    each(items, "Node", |node| retain(node, TAINTS, |taint| taint["effect"] != ignored_effect));
}

fn tolerations(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| entries(pod, TOLERATIONS, &mut edit));
}

fn keep_tolerations(items: &mut [Value], mut keep: impl FnMut(&Value) -> bool) {
    each(items, "Pod", |pod| retain(pod, TOLERATIONS, &mut keep));
}
