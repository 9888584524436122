//! A fleet's Kubernetes objects, as long as the real ones are.

use serde_json::{Value, json};

use super::placing::{DAEMON_MEBIBYTES, DAEMON_MILLICORES, MOST_PODS, allocatable};
use super::{FleetNode, FleetWorkload, PodRule, ZONES};
use crate::object::{controlled_by, hash, object, suffix};

const STARTED: &str = "2026-11-02T07:30:00Z";

pub(super) fn of_fleet<'a>(nodes: &'a [FleetNode], workloads: &'a [FleetWorkload]) -> impl Iterator<Item = Value> + 'a {
    let mut namespaces: Vec<&str> = workloads.iter().map(|workload| workload.namespace.as_str()).collect();
    namespaces.push("kube-system");
    namespaces.sort_unstable();
    namespaces.dedup();
    let namespaces = namespaces.into_iter().map(|name| {
        let mut namespace = object("v1", "Namespace", "", name);
        namespace["metadata"]["labels"] = json!({"kubernetes.io/metadata.name": name});
        namespace
    });
    let daemons = nodes.iter().map(daemon_pod);
    let controllers = workloads.iter().flat_map(controllers);
    let pods = workloads.iter().flat_map(move |workload| {
        (0..workload.replicas.len())
            .map(move |replica| pod(workload, replica, &nodes[workload.replicas[replica] as usize]))
    });
    namespaces
        .chain(nodes.iter().map(node))
        .chain(std::iter::once(daemon_set(nodes.len())))
        .chain(controllers)
        .chain(daemons)
        .chain(pods)
}

fn node(node: &FleetNode) -> Value {
    let [millicores, mebibytes] = allocatable(node);
    let mut value = object("v1", "Node", "", &node.name);
    value["metadata"]["labels"] = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": node.name,
        "node.kubernetes.io/instance-type": node.node_type.name,
        "topology.kubernetes.io/region": "us-east-1", "topology.kubernetes.io/zone": ZONES[node.zone],
        "karpenter.sh/capacity-type": "on-demand",
        "karpenter.sh/nodepool": if node.tainted { "batch" } else { "general" },
    });
    value["spec"] =
        json!({"providerID": format!("aws:///{}/i-{:017x}", ZONES[node.zone], hash("instance", &node.name, ""))});
    if node.tainted {
        value["spec"]["taints"] = json!([{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]);
    }
    value["status"] = json!({
        "capacity": {"cpu": node.node_type.cores.to_string(), "memory": format!("{}Gi", node.node_type.gib), "pods": MOST_PODS.to_string(), "ephemeral-storage": "104845292Ki"},
        "allocatable": {"cpu": format!("{millicores}m"), "memory": format!("{mebibytes}Mi"), "pods": MOST_PODS.to_string(), "ephemeral-storage": "95551679124"},
        "conditions": [
            {"type": "MemoryPressure", "status": "False", "reason": "KubeletHasSufficientMemory", "lastTransitionTime": STARTED},
            {"type": "DiskPressure", "status": "False", "reason": "KubeletHasNoDiskPressure", "lastTransitionTime": STARTED},
            {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": STARTED},
        ],
        "nodeInfo": {"kubeletVersion": "v1.36.1", "architecture": "amd64", "operatingSystem": "linux"},
    });
    value
}

fn replica_set_name(workload: &FleetWorkload) -> String {
    format!("{}-{}", workload.name, template_hash(workload))
}

fn template_hash(workload: &FleetWorkload) -> String {
    suffix(&workload.name, 0, 10)
}

fn controllers(workload: &FleetWorkload) -> Vec<Value> {
    let replicas = workload.replicas.len();
    let namespace = &workload.namespace;
    let selector = json!({"matchLabels": {"app": workload.name}});
    let status = json!({
        "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
        "availableReplicas": replicas,
    });
    let mut deployment = object("apps/v1", "Deployment", namespace, &workload.name);
    deployment["metadata"]["generation"] = json!(1);
    deployment["spec"] = json!({"replicas": replicas, "selector": selector});
    deployment["status"] = status.clone();
    let mut replica_set = object("apps/v1", "ReplicaSet", namespace, &replica_set_name(workload));
    replica_set["metadata"]["generation"] = json!(1);
    replica_set["metadata"]["ownerReferences"] = controlled_by("apps/v1", "Deployment", namespace, &workload.name);
    replica_set["spec"] = json!({"replicas": replicas, "selector": selector});
    replica_set["status"] = json!({"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas});
    let mut objects = vec![deployment, replica_set];
    if workload.budget {
        let allowed = (replicas / 4).max(1);
        let mut budget = object("policy/v1", "PodDisruptionBudget", namespace, &workload.name);
        budget["metadata"]["generation"] = json!(1);
        budget["spec"] = json!({"maxUnavailable": allowed, "selector": selector});
        budget["status"] = json!({
            "observedGeneration": 1, "expectedPods": replicas, "currentHealthy": replicas,
            "desiredHealthy": replicas - allowed.min(replicas), "disruptionsAllowed": allowed.min(replicas),
        });
        objects.push(budget);
    }
    objects
}

fn pod(workload: &FleetWorkload, replica: usize, node: &FleetNode) -> Value {
    let owner = replica_set_name(workload);
    let name = format!("{owner}-{}", suffix(&workload.name, replica as u64 + 1, 5));
    let mut pod = object("v1", "Pod", &workload.namespace, &name);
    pod["metadata"]["generateName"] = json!(format!("{owner}-"));
    pod["metadata"]["labels"] = json!({
        "app": workload.name, "pod-template-hash": template_hash(workload), "team": workload.namespace,
        "topology.kubernetes.io/region": "us-east-1", "topology.kubernetes.io/zone": ZONES[node.zone],
    });
    pod["metadata"]["ownerReferences"] = controlled_by("apps/v1", "ReplicaSet", &workload.namespace, &owner);
    pod["spec"] = pod_spec(workload, node);
    pod["status"] = running(&workload.name, node);
    pod
}

fn pod_spec(workload: &FleetWorkload, node: &FleetNode) -> Value {
    let name = &workload.name;
    let image = format!("registry.example.com/{}/{name}:1.{}.0", workload.namespace, name.len());
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3, "successThreshold": 1});
    let mut spec = json!({
        "nodeName": node.name,
        "schedulerName": "default-scheduler", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30, "serviceAccountName": name, "enableServiceLinks": true, "priority": 0,
        "containers": [{
            "name": "app", "image": image, "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "env": [
                {"name": "LOG_LEVEL", "value": "info"}, {"name": "OTEL_EXPORTER", "value": "http://collector.monitoring:4318"},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
            ],
            "resources": {
                "requests": {"cpu": format!("{}m", workload.millicores), "memory": format!("{}Mi", workload.mebibytes)},
                "limits": {"memory": format!("{}Mi", workload.mebibytes * 2)},
            },
            "livenessProbe": probe("/healthz"), "readinessProbe": probe("/readyz"),
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/app"},
                {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
            ],
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }],
        "volumes": [
            {"name": "config", "configMap": {"name": name, "defaultMode": 420}},
            {"name": "token", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}},
        ],
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
    });
    if workload.tolerates
        && let Some(tolerations) = spec["tolerations"].as_array_mut()
    {
        tolerations.push(json!({"key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}));
    }
    let selector = json!({"matchLabels": {"app": name}});
    match workload.rule {
        PodRule::None => {}
        PodRule::ZoneSpread | PodRule::HostSpread => {
            let key = if workload.rule == PodRule::ZoneSpread {
                "topology.kubernetes.io/zone"
            } else {
                "kubernetes.io/hostname"
            };
            spec["topologySpreadConstraints"] = json!([{
                "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector,
            }]);
        }
        PodRule::AntiAffinity => {
            spec["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"},
            ]}});
        }
    }
    spec
}

fn running(container: &str, node: &FleetNode) -> Value {
    let conditions: Vec<Value> = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
        .iter()
        .map(|condition| json!({"type": condition, "status": "True", "lastTransitionTime": STARTED}))
        .collect();
    json!({
        "phase": "Running", "qosClass": "Burstable", "startTime": STARTED, "conditions": conditions,
        "hostIP": "10.0.0.1", "podIP": "10.1.0.1",
        "containerStatuses": [{
            "name": "app", "ready": true, "started": true, "restartCount": 0, "image": format!("registry.example.com/{container}"),
            "imageID": format!("sha256:{:064x}", hash(container, &node.name, "image")),
            "containerID": format!("containerd://{:064x}", hash(container, &node.name, "container")),
            "state": {"running": {"startedAt": STARTED}}, "lastState": {},
        }],
    })
}

fn daemon_set(nodes: usize) -> Value {
    let mut daemon_set = object("apps/v1", "DaemonSet", "kube-system", "node-agent");
    daemon_set["metadata"]["generation"] = json!(1);
    daemon_set["spec"] = json!({"selector": {"matchLabels": {"app": "node-agent"}}});
    daemon_set["status"] = json!({
        "observedGeneration": 1, "desiredNumberScheduled": nodes, "currentNumberScheduled": nodes,
        "updatedNumberScheduled": nodes, "numberReady": nodes,
    });
    daemon_set
}

fn daemon_pod(node: &FleetNode) -> Value {
    let name = format!("node-agent-{}", suffix(&node.name, 1, 5));
    let mut pod = object("v1", "Pod", "kube-system", &format!("{name}-{}", &node.name[5..]));
    pod["metadata"]["labels"] = json!({"app": "node-agent"});
    pod["metadata"]["ownerReferences"] = controlled_by("apps/v1", "DaemonSet", "kube-system", "node-agent");
    pod["spec"] = json!({
        "nodeName": node.name, "schedulerName": "default-scheduler", "restartPolicy": "Always",
        "containers": [{
            "name": "app", "image": "registry.example.com/node-agent:2.1",
            "resources": {"requests": {"cpu": format!("{DAEMON_MILLICORES}m"), "memory": format!("{DAEMON_MEBIBYTES}Mi")}},
        }],
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node.name]}]},
        ]}}},
    });
    pod["status"] = running("node-agent", node);
    pod
}
