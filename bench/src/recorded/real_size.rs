//! What objects of real clusters have beyond a fleet's: whoever reads them has to read past it.

use serde_json::{Map, Value, json};

/// As many images as a kubelet names in its node's status.
const IMAGES: usize = 50;
const WHEN: &str = "2026-11-02T07:30:00Z";
const DIGEST: &str = "7f1c0a8be2ad8b6e0cb4f0a3e31c1e3d2a5d6b9c8e7f4a1b2c3d4e5f60718293";

/// Makes an object as large as it would be.
pub fn grow(object: &mut Value) {
    match object["kind"].as_str() {
        Some("Pod") => grow_pod(object),
        Some("Node") => grow_node(object),
        _ => {}
    }
    let manager = |name: &str, fields: Value| {
        json!({
            "manager": name, "operation": "Update", "apiVersion": object["apiVersion"], "time": WHEN,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    };
    let metadata = json!({"annotations": object["metadata"]["annotations"], "labels": object["metadata"]["labels"]});
    let spec = fields(&json!({"metadata": metadata, "spec": object["spec"]}));
    let mut status = manager("kubelet", fields(&json!({"status": object["status"]})));
    status["subresource"] = json!("status");
    let fields = json!([manager("kube-controller-manager", spec), status]);
    object["metadata"]["managedFields"] = fields;
}

fn grow_pod(pod: &mut Value) {
    let containers = &pod["spec"]["containers"];
    let (resources, mounts) = (containers[0]["resources"].clone(), containers[0]["volumeMounts"].clone());
    pod["metadata"]["annotations"] = json!({
        "checksum/config": DIGEST, "kubectl.kubernetes.io/restartedAt": WHEN,
        "prometheus.io/path": "/metrics", "prometheus.io/port": "8080", "prometheus.io/scrape": "true",
    });
    for number in 0..10 {
        let variable = json!({"name": format!("SETTING_{number}"), "value": "a value of forty letters, as some are."});
        if let Some(env) = pod["spec"]["containers"][0]["env"].as_array_mut() {
            env.push(variable);
        }
    }
    let status = &mut pod["status"];
    status["hostIPs"] = json!([{"ip": "10.0.0.1"}]);
    status["podIPs"] = json!([{"ip": "10.1.0.1"}]);
    status["observedGeneration"] = json!(1);
    let container = &mut status["containerStatuses"][0];
    container["allocatedResources"] = resources["requests"].clone();
    container["resources"] = resources;
    container["user"] = json!({"linux": {"uid": 1000, "gid": 1000, "supplementalGroups": [1000]}});
    container["volumeMounts"] = mounts;
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastProbeTime"] = Value::Null;
        condition["observedGeneration"] = json!(1);
    }
}

fn grow_node(node: &mut Value) {
    let name = node["metadata"]["name"].clone();
    node["metadata"]["annotations"] = json!({
        "csi.volume.kubernetes.io/nodeid": format!("{{\"ebs.csi.aws.com\":{name}}}"),
        "node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    });
    let images: Vec<Value> = (0..IMAGES)
        .map(|number| {
            let image = format!("registry.example.com/team-{}/service-{number}", number % 7);
            json!({"names": [format!("{image}@sha256:{DIGEST}"), format!("{image}:1.{number}.0")], "sizeBytes": 104_857_600})
        })
        .collect();
    let status = &mut node["status"];
    status["addresses"] = json!([{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": name}]);
    status["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": 10250}});
    status["images"] = json!(images);
    for field in ["machineID", "systemUUID", "bootID"] {
        status["nodeInfo"][field] = json!(&DIGEST[..32]);
    }
    status["nodeInfo"]["osImage"] = json!("Amazon Linux 2023.9.20261020");
    status["nodeInfo"]["containerRuntimeVersion"] = json!("containerd://2.1.4");
    status["nodeInfo"]["kernelVersion"] = json!("6.12.46-66.121.amzn2023.x86_64");
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastHeartbeatTime"] = json!(WHEN);
        condition["message"] = json!("kubelet has sufficient of what this condition is about");
    }
}

/// A value's fields as FieldsV1 has them: those of lists by name or type, where their items have one.
fn fields(value: &Value) -> Value {
    let mut set = Map::new();
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                set.insert(format!("f:{key}"), fields(value));
            }
        }
        Value::Array(items) => {
            for item in items {
                let Some(key) = ["name", "type", "ip"].into_iter().find(|key| item.get(key).is_some()) else {
                    continue;
                };
                let mut of_item = fields(item);
                of_item["."] = json!({});
                set.insert(format!("k:{}", json!({key: item[key]})), of_item);
            }
        }
        _ => {}
    }
    Value::Object(set)
}
