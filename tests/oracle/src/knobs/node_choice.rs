//! Node selectors and affinity, host ports, declared features, and which pods count at all.

use serde_json::{Value, json};

use super::edit::{change, containers, each, entries, is_sidecar, put, remove, retain};
use super::{Row, Tells::AllPods};

const AFFINITY: &str = "/spec/affinity/nodeAffinity";
const TERMS: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";

pub(super) const KNOBS: &[Row] = &[
    ("NodeAffinity", "nodeSelector", AllPods, |items| each(items, "Pod", |pod| remove(pod, "/spec/nodeSelector"))),
    ("NodeAffinity", "required node affinity", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, &format!("{AFFINITY}/requiredDuringSchedulingIgnoredDuringExecution")));
    }),
    ("NodeAffinity", "terms after the first", AllPods, |items| {
        each(items, "Pod", |pod| change(pod, TERMS, |terms| cut(terms, 1)));
    }),
    ("NodeAffinity", "expressions after the first", AllPods, |items| {
        each(items, "Pod", |pod| entries(pod, TERMS, |term| change(term, "/matchExpressions", |list| cut(list, 1))));
    }),
    ("NodeAffinity", "matchExpressions", AllPods, |items| terms(items, |term| remove(term, "/matchExpressions"))),
    ("NodeAffinity", "matchFields", AllPods, |items| terms(items, |term| remove(term, "/matchFields"))),
    ("NodeAffinity", "matchFields In", AllPods, |items| without_operator(items, "/matchFields", "In")),
    ("NodeAffinity", "matchFields NotIn", AllPods, |items| without_operator(items, "/matchFields", "NotIn")),
    ("NodeAffinity", "operator In", AllPods, |items| without_operator(items, "/matchExpressions", "In")),
    ("NodeAffinity", "operator NotIn", AllPods, |items| without_operator(items, "/matchExpressions", "NotIn")),
    ("NodeAffinity", "operator Exists", AllPods, |items| without_operator(items, "/matchExpressions", "Exists")),
    ("NodeAffinity", "operator DoesNotExist", AllPods, |items| {
        without_operator(items, "/matchExpressions", "DoesNotExist")
    }),
    ("NodeAffinity", "operator Gt", AllPods, |items| without_operator(items, "/matchExpressions", "Gt")),
    ("NodeAffinity", "operator Lt", AllPods, |items| without_operator(items, "/matchExpressions", "Lt")),
    ("NodeAffinity", "label that is no number as 0", AllPods, |items| {
        each(items, "Node", |node| {
            if node.pointer("/metadata/labels/gen").is_some_and(|value| value == "x4") {
                put(node, "/metadata/labels/gen", json!("0"));
            }
        });
    }),
    ("NodeAffinity", "empty term as matching all", AllPods, |items| {
        terms(items, |term| {
            if term.as_object().is_some_and(|fields| fields.is_empty()) {
                *term = json!({"matchExpressions": [{"key": "no-such-label", "operator": "DoesNotExist"}]});
            }
        });
    }),
    ("NodeAffinity", "preferred as required", AllPods, |items| {
        each(items, "Pod", |pod| {
            let preferred = format!("{AFFINITY}/preferredDuringSchedulingIgnoredDuringExecution/0/preference");
            if let Some(preference) = pod.pointer(&preferred).cloned()
                && pod.pointer(TERMS).is_none()
            {
                let required = json!({"nodeSelectorTerms": [preference]});
                put(pod, &format!("{AFFINITY}/requiredDuringSchedulingIgnoredDuringExecution"), required);
            }
        });
    }),
    ("NodePorts", "hostPort", AllPods, |items| {
        each(items, "Pod", |pod| containers(pod, |container| remove(container, "/ports")))
    }),
    ("NodePorts", "hostIP", AllPods, |items| ports(items, |port| remove(port, "/hostIP"))),
    ("NodePorts", "hostIP 0.0.0.0 as one address", AllPods, |items| {
        ports(items, |port| {
            if port["hostIP"] == "0.0.0.0" {
                put(port, "/hostIP", json!("10.9.9.9"));
            }
        });
    }),
    ("NodePorts", "protocol", AllPods, |items| ports(items, |port| remove(port, "/protocol"))),
    ("NodePorts", "port number", AllPods, |items| {
        ports(items, |port| change(port, "/hostPort", |number| *number = json!(1)))
    }),
    ("NodePorts", "ports of sidecars", AllPods, |items| {
        each(items, "Pod", |pod| entries(pod, "/spec/initContainers", |container| remove(container, "/ports")));
    }),
    ("NodePorts", "ports of init containers as held", AllPods, |items| {
        each(items, "Pod", |pod| {
            let mut held = Vec::new();
            entries(pod, "/spec/initContainers", |container| {
                if !is_sidecar(container)
                    && let Some(ports) = container["ports"].as_array()
                {
                    held.extend(ports.clone());
                }
            });
            if !held.is_empty() {
                let container = json!({"name": "held", "image": "registry.example.com/held:1", "ports": held});
                change(pod, "/spec/containers", |list| {
                    list.as_array_mut().into_iter().for_each(|list| list.push(container.clone()))
                });
            }
        });
    }),
    ("NodePorts", "hostNetwork without hostPort", AllPods, |items| {
        each(items, "Pod", |pod| {
            if pod["spec"]["hostUsers"].is_null() {
                remove(pod, "/spec/hostNetwork");
            }
        });
    }),
    ("NodeDeclaredFeatures", "hostUsers with hostNetwork", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/spec/hostUsers"));
    }),
    ("NodeDeclaredFeatures", "restartPolicyRules", AllPods, |items| {
        each(items, "Pod", |pod| containers(pod, |container| remove(container, "/restartPolicyRules")));
    }),
    ("NodeDeclaredFeatures", "restartPolicyRules of init containers", AllPods, |items| {
        each(items, "Pod", |pod| {
            entries(pod, "/spec/initContainers", |container| remove(container, "/restartPolicyRules"))
        });
    }),
    ("NodeDeclaredFeatures", "rule Restart as RestartAllContainers", AllPods, |items| {
        each(items, "Pod", |pod| {
            containers(pod, |container| {
                entries(container, "/restartPolicyRules", |rule| put(rule, "/action", json!("RestartAllContainers")));
            });
        });
    }),
    ("NodeDeclaredFeatures", "status.declaredFeatures", AllPods, |items| {
        each(items, "Node", |node| remove(node, "/status/declaredFeatures"));
    }),
    ("every filter", "status.phase of finished pods", AllPods, |items| {
        each(items, "Pod", |pod| {
            if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
                put(pod, "/status/phase", json!("Running"));
            }
        });
    }),
    ("every filter", "pods on missing nodes as on the first", AllPods, |items| {
        let first = items.iter().find(|item| item["kind"] == "Node").map(|node| node["metadata"]["name"].clone());
        each(items, "Pod", |pod| {
            if pod["spec"]["nodeName"] == "node-that-left" {
                put(pod, "/spec/nodeName", first.clone().unwrap_or_default());
            }
        });
    }),
];

fn terms(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| entries(pod, TERMS, &mut edit));
}

fn without_operator(items: &mut [Value], list: &str, operator: &str) {
    terms(items, |term| retain(term, list, |expression| expression["operator"] != operator));
}

fn ports(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| containers(pod, |container| entries(container, "/ports", &mut edit)));
}

pub(super) fn cut(list: &mut Value, length: usize) {
    if let Some(list) = list.as_array_mut() {
        list.truncate(length);
    }
}
