//! What pods ask for and what nodes have.

use serde_json::{Value, json};

use super::edit::{change, containers, each, entries, is_sidecar, put, remove, retain};
use super::{Row, Tells::AllPods};

pub(super) const KNOBS: &[Row] = &[
    ("NodeResourcesFit", "cpu", AllPods, |items| without(items, "cpu")),
    ("NodeResourcesFit", "memory", AllPods, |items| without(items, "memory")),
    ("NodeResourcesFit", "ephemeral-storage", AllPods, |items| without(items, "ephemeral-storage")),
    ("NodeResourcesFit", "extended resources", AllPods, |items| without(items, "example.com~1gpu")),
    ("NodeResourcesFit", "huge pages", AllPods, |items| without(items, "hugepages-2Mi")),
    ("NodeResourcesFit", "allocatable pods", AllPods, |items| {
        each(items, "Node", |node| put(node, "/status/allocatable/pods", json!("1000")));
    }),
    ("NodeResourcesFit", "requests of sidecars", AllPods, |items| {
        init_containers(items, |container| {
            if is_sidecar(container) {
                remove(container, "/resources");
            }
        });
        each(items, "Pod", |pod| remove(pod, "/status/initContainerStatuses"));
    }),
    ("NodeResourcesFit", "sidecars as init containers", AllPods, |items| {
        init_containers(items, |container| {
            if is_sidecar(container) {
                remove(container, "/restartPolicy");
            }
        });
    }),
    ("NodeResourcesFit", "init containers as sidecars", AllPods, |items| {
        init_containers(items, |container| put(container, "/restartPolicy", json!("Always")));
    }),
    ("NodeResourcesFit", "requests of init containers", AllPods, |items| {
        init_containers(items, |container| {
            if !is_sidecar(container) {
                remove(container, "/resources");
            }
        });
    }),
    ("NodeResourcesFit", "sidecars before an init container", AllPods, |items| {
        each(items, "Pod", |pod| {
            change(pod, "/spec/initContainers", |list| {
                if let Some(list) = list.as_array_mut() {
                    list.sort_by_key(is_sidecar);
                }
            });
        });
    }),
    ("NodeResourcesFit", "pod-level requests", AllPods, |items| {
        each(items, "Pod", |pod| {
            remove(pod, "/spec/resources");
            remove(pod, "/status/resources");
            remove(pod, "/status/allocatedResources");
        });
    }),
    ("NodeResourcesFit", "pod-level limits without requests", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/spec/resources/limits"));
    }),
    ("NodeResourcesFit", "pod-level status.resources", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/status/resources"));
    }),
    ("NodeResourcesFit", "pod-level status.allocatedResources", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/status/allocatedResources"));
    }),
    ("NodeResourcesFit", "overhead", AllPods, |items| each(items, "Pod", |pod| remove(pod, "/spec/overhead"))),
    ("NodeResourcesFit", "limits without requests", AllPods, |items| {
        each(items, "Pod", |pod| {
            containers(pod, |container| {
                if container.pointer("/resources/requests").is_none() {
                    remove(container, "/resources/limits");
                }
            });
        });
    }),
    ("NodeResourcesFit", "containerStatuses.resources", AllPods, |items| {
        statuses(items, |status| remove(status, "/resources"))
    }),
    ("NodeResourcesFit", "containerStatuses.allocatedResources", AllPods, |items| {
        statuses(items, |status| remove(status, "/allocatedResources"));
    }),
    ("NodeResourcesFit", "initContainerStatuses of sidecars", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/status/initContainerStatuses"));
    }),
    ("NodeResourcesFit", "resize Infeasible", AllPods, |items| {
        each(items, "Pod", |pod| retain(pod, "/status/conditions", |condition| condition["reason"] != "Infeasible"));
    }),
    ("NodeResourcesFit", "resize Deferred as Infeasible", AllPods, |items| {
        each(items, "Pod", |pod| {
            entries(pod, "/status/conditions", |condition| {
                if condition["reason"] == "Deferred" {
                    put(condition, "/reason", json!("Infeasible"));
                }
            });
        });
    }),
    ("NodeResourcesFit", "held as in spec, no resize", AllPods, |items| {
        statuses(items, |status| {
            remove(status, "/resources");
            remove(status, "/allocatedResources");
        });
        each(items, "Pod", |pod| {
            remove(pod, "/status/resources");
            remove(pod, "/status/allocatedResources");
        });
    }),
    ("NodeResourcesFit", "half bytes rounded down", AllPods, |items| {
        amounts(items, "memory", |amount| {
            if let Some(whole) = amount.as_str().and_then(|text| text.strip_suffix("500m")).map(str::to_owned) {
                *amount = json!(whole);
            }
        });
    }),
    ("NodeResourcesFit", "half bytes rounded up one by one", AllPods, |items| {
        amounts(items, "memory", |amount| {
            let whole =
                amount.as_str().and_then(|text| text.strip_suffix("500m")).and_then(|text| text.parse::<i64>().ok());
            if let Some(whole) = whole {
                *amount = json!((whole + 1).to_string());
            }
        });
    }),
    ("NodeResourcesFit", "half millicores rounded down", AllPods, |items| {
        amounts(items, "cpu", |amount| {
            if let Some(whole) = amount.as_str().and_then(|text| text.strip_suffix("500u")).map(str::to_owned) {
                *amount = json!(format!("{whole}m"));
            }
        });
    }),
];

fn init_containers(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| entries(pod, "/spec/initContainers", &mut edit));
}

fn statuses(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| {
        entries(pod, "/status/containerStatuses", &mut edit);
        entries(pod, "/status/initContainerStatuses", &mut edit);
    });
}

fn amounts(items: &mut [Value], resource: &str, mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| {
        containers(pod, |container| change(container, &format!("/resources/requests/{resource}"), &mut edit));
    });
}

/// Takes a resource out of everything that pods say.
fn without(items: &mut [Value], resource: &str) {
    let pointers =
        ["/resources/requests", "/resources/limits", "/allocatedResources"].map(|at| format!("{at}/{resource}"));
    let forget = |object: &mut Value| pointers.iter().for_each(|pointer| remove(object, pointer));
    each(items, "Pod", |pod| {
        containers(pod, forget);
        change(pod, "/spec", forget);
        change(pod, "/status", forget);
        remove(pod, &format!("/spec/overhead/{resource}"));
    });
    statuses(items, forget);
}
