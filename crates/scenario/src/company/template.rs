//! The spec that all pods of a workload share.

use serde_json::{Map, Value, json};

use super::nodes::pool_label;
use super::tables::POOLS;
use super::words::{App, Kind, PROXY, Reach, SIDECAR, Trait};
use crate::object::{hash, push, set};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// Labels of its pods, without those that controllers add.
pub(super) fn labels(app: &App) -> Value {
    json!({"app": app.name, "team": if app.namespace == "kube-system" { "platform" } else { app.namespace }})
}

/// The pod spec of its template.
pub(super) fn spec(app: &App) -> Value {
    let mut spec = json!({
        "containers": containers(app),
        "restartPolicy": if app.kind == Kind::CronJob { "Never" } else { "Always" },
        "schedulerName": "default-scheduler",
        "serviceAccountName": app.name,
        "terminationGracePeriodSeconds": 30,
    });
    if app.has(Trait::Sidecar) {
        let mut sidecar = container(app, "vault-agent", SIDECAR);
        sidecar["restartPolicy"] = json!("Always");
        spec["initContainers"] = json!([sidecar]);
    }
    node_choice(app, &mut spec);
    for one in app.traits {
        relation(app, *one, &mut spec);
        match one {
            Trait::HostNetwork => spec["hostNetwork"] = json!(true),
            Trait::Priority(class) => spec["priorityClassName"] = json!(class),
            Trait::Grace(seconds) => spec["terminationGracePeriodSeconds"] = json!(seconds),
            Trait::EmptyDir => push(&mut spec, &["volumes"], json!({"name": "scratch", "emptyDir": {}})),
            Trait::HostPath(path) => {
                push(&mut spec, &["volumes"], json!({"name": "host", "hostPath": {"path": path, "type": ""}}));
            }
            _ => {}
        }
    }
    spec
}

/// `350m` or `2`.
pub(super) fn cpu(millis: i64) -> String {
    if millis % 1000 == 0 { (millis / 1000).to_string() } else { format!("{millis}m") }
}

/// `900Mi` or `2Gi`.
pub(super) fn memory(mib: i64) -> String {
    if mib > 0 && mib % 1024 == 0 { format!("{}Gi", mib / 1024) } else { format!("{mib}Mi") }
}

fn containers(app: &App) -> Vec<Value> {
    let mut main = container(app, app.name, (app.cpu, app.memory));
    if let Some(port) = app.get(|one| if let Trait::HostPort(port) = one { Some(*port) } else { None }) {
        main["ports"] = json!([{"name": "metrics", "containerPort": port, "hostPort": port, "protocol": "TCP"}]);
    } else if app.kind == Kind::Deployment {
        main["ports"] = json!([{"name": "http", "containerPort": 8080, "protocol": "TCP"}]);
    }
    for one in app.traits {
        let (name, path) = match one {
            Trait::EmptyDir => ("scratch", "/tmp/scratch"),
            Trait::HostPath(path) => ("host", *path),
            Trait::Disk(_) | Trait::LocalDisk(_) => ("data", "/var/lib/data"),
            _ => continue,
        };
        push(&mut main, &["volumeMounts"], json!({"name": name, "mountPath": path}));
    }
    let mut containers = vec![main];
    if app.has(Trait::Proxy) {
        containers.push(container(app, "istio-proxy", PROXY));
    }
    containers
}

fn container(app: &App, name: &str, requests: (i64, i64)) -> Value {
    let mut resources = Map::new();
    if !app.has(Trait::NoRequests) {
        let amounts = json!({"cpu": cpu(requests.0), "memory": memory(requests.1)});
        let limits =
            if app.has(Trait::Guaranteed) { amounts.clone() } else { json!({"memory": memory(requests.1 * 3 / 2)}) };
        resources.insert("requests".to_owned(), amounts);
        resources.insert("limits".to_owned(), limits);
    }
    json!({"name": name, "image": image(app, name), "resources": resources})
}

pub(super) fn image(app: &App, container: &str) -> String {
    let version = hash(container, if container == app.name { app.namespace } else { "" }, "version");
    format!("acme/{container}:{}.{}.{}", 1 + version % 4, version / 4 % 20, version / 80 % 10)
}

fn node_choice(app: &App, spec: &mut Value) {
    if let Some(pool) = POOLS.iter().find(|pool| app.pool() == Some(pool.name)) {
        let (key, value) = pool_label(pool);
        spec["nodeSelector"] = json!({key: value});
        if let Some((key, value)) = pool.taint {
            let toleration = json!({"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"});
            push(spec, &["tolerations"], toleration);
        }
    }
    for one in app.traits {
        let capacity_type =
            |value: &str| json!({"key": "karpenter.sh/capacity-type", "operator": "In", "values": [value]});
        let required = match one {
            Trait::Spot => {
                set(spec, &["nodeSelector", "karpenter.sh/capacity-type"], json!("spot"));
                continue;
            }
            Trait::OnDemand => capacity_type("on-demand"),
            Trait::Reach(Reach::Cloud) => {
                json!({"key": COMPUTE_TYPE, "operator": "NotIn", "values": ["fargate", "hybrid", "auto"]})
            }
            Trait::Reach(Reach::OnPremises) => {
                json!({"key": COMPUTE_TYPE, "operator": "In", "values": ["hybrid"]})
            }
            Trait::PrefersSpot => {
                let preferred = json!([{"weight": 50, "preference": {"matchExpressions": [capacity_type("spot")]}}]);
                set(spec, &["affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution"], preferred);
                continue;
            }
            _ => continue,
        };
        let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [required]}]});
        set(spec, &["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"], terms);
    }
    if app.kind == Kind::DaemonSet {
        push(spec, &["tolerations"], json!({"operator": "Exists"}));
    }
}

fn relation(app: &App, one: Trait, spec: &mut Value) {
    let term = |name: &str, key: &str| json!({"labelSelector": {"matchLabels": {"app": name}}, "topologyKey": key});
    let preferred = |name: &str| json!({"weight": 100, "podAffinityTerm": term(name, HOST)});
    let spread = |skew: i64, key: &str, when: &str| {
        json!({
            "maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": when,
            "labelSelector": {"matchLabels": {"app": app.name}},
        })
    };
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let (path, value): (&[&str], Value) = match one {
        Trait::EvenZones => (&["topologySpreadConstraints"], spread(1, ZONE, "DoNotSchedule")),
        Trait::EvenZonesSoft => (&["topologySpreadConstraints"], spread(1, ZONE, "ScheduleAnyway")),
        Trait::EvenHosts(skew) => (&["topologySpreadConstraints"], spread(skew, HOST, "DoNotSchedule")),
        Trait::EvenHostsSoft => (&["topologySpreadConstraints"], spread(1, HOST, "ScheduleAnyway")),
        Trait::OnePerHost => (&["affinity", "podAntiAffinity", REQUIRED], term(app.name, HOST)),
        Trait::OnePerZone => (&["affinity", "podAntiAffinity", REQUIRED], term(app.name, ZONE)),
        Trait::ApartSoft => (&["affinity", "podAntiAffinity", PREFERRED], preferred(app.name)),
        Trait::SameZoneAs(other) => (&["affinity", "podAffinity", REQUIRED], term(other, ZONE)),
        Trait::NearSoft(other) => (&["affinity", "podAffinity", PREFERRED], preferred(other)),
        _ => return,
    };
    push(spec, path, value);
}
