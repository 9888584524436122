//! What pods use, as metrics-server says it.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use controlplane::ControlPlane;

/// It needs two looks at a pod, ten seconds apart.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn metrics_server_says_what_pods_use() {
    let mut plane = ControlPlane::start().unwrap();
    let path = ControlPlane::metrics_path("one");
    plane
        .apply(&format!(
            "apiVersion: v1
kind: Node
metadata: {{name: one, annotations: {{metrics.k8s.io/resource-metrics-path: {path}}}}}
status: {{capacity: {{cpu: '4', memory: 8Gi, pods: '10'}}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: busy
  annotations: {{kwok.x-k8s.io/usage-cpu: 250m, kwok.x-k8s.io/usage-memory: 300Mi}}
spec: {{containers: [{{name: main, image: example/app}}]}}
"
        ))
        .unwrap();
    plane.start_metrics_server().unwrap();
    let read = |plane: &ControlPlane| plane.get_raw("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/busy");
    plane.wait_until("the pod is measured", PATIENCE, |plane| read(plane)["containers"].is_array()).unwrap();
    let busy = read(&plane);
    assert_eq!(busy["containers"][0]["name"], "main", "{busy}");
    assert_eq!(busy["containers"][0]["usage"]["memory"], "300Mi", "{busy}");
}
