//! The Helm charts: what they render to is taken by a real API server, and the operator runs with exactly their rights.
//!
//! The control plane and helm are built by `tests/controlplane/build.sh`.

use crate::cluster::{self, Cluster, apps, words};
use crate::operator::{Operator, config, configure, plans, wait_for_plan};
use controlplane::ControlPlane;
use serde_json::{Value, json};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/plimsoll");
const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/plimsoll-crds");
pub const NAMESPACE: &str = "plimsoll-system";
const ACCOUNT: &str = "system:serviceaccount:plimsoll-system:plimsoll";

/// Values beside the defaults, each a chart that somebody may want.
const MATRIX: [&[&str]; 18] = [
    &[],
    &["access=act", "removeNodes=node"],
    &["access=act", "removeNodes=karpenter", "replicas=2", "podDisruptionBudget.enabled=true"],
    &["access=act", "addNodes=karpenter"],
    &["webhooks.enabled=false"],
    &["webhooks.certificate=cert-manager"],
    &["webhooks.certificate=cert-manager", "webhooks.issuerRef.kind=ClusterIssuer", "webhooks.issuerRef.name=company"],
    &["metrics.dashboard.enabled=true", "metrics.serviceMonitor.enabled=true"],
    &["rightsizing.prometheus=http://prometheus:9090", "rightsizing.prometheusTokenSecret=prometheus"],
    &["rightsizing.metricsServer=true"],
    &["rightsizing.usageEndpoint=https://usage.example", "rightsizing.usageTokenSecret=usage"],
    &["rightsizing.strategyEndpoint=https://strategy.example", "rightsizing.strategyTokenSecret=strategy"],
    &["access=act", "rightsizing.dryRun=true", "rightsizing.maxSafetyFactor=1.5"],
    &["metrics.enabled=false", "otlpEndpoint=http://collector:4318"],
    &["networkPolicy.enabled=true", "priorityClassName=system-cluster-critical"],
    &["image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000"],
    &["prices=instance_type\\,region\\,zone\\,capacity_type\\,usd_per_hour"],
    &["serviceAccount.name=mine", "log.format=text", "extraArgs[0]=--log-level=debug", "nodeSelector.a=b"],
];

fn rendered(values: &[&str]) -> String {
    rendered_with(&[], values)
}

fn rendered_with(flags: &[&str], values: &[&str]) -> String {
    let mut arguments = vec!["template", "plimsoll", CHART, "--namespace", NAMESPACE, "--kube-version", "1.36.1"];
    arguments.extend(flags);
    for value in values {
        arguments.extend(["--set", value]);
    }
    let output = ControlPlane::helm(&arguments).unwrap();
    assert!(output.status.success(), "{values:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Each document by itself.
fn documents(values: &[&str]) -> Vec<Value> {
    let text = rendered(values);
    let parts = text.split("\n---\n").map(|part| part.trim_start_matches("---\n"));
    let with_content = parts.filter(|part| part.lines().any(|line| !line.is_empty() && !line.starts_with('#')));
    with_content.map(|part| serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{error}: {part}"))).collect()
}

#[test]
fn helm_finds_nothing_wrong_and_values_are_checked() {
    for chart in [CHART, CRDS] {
        let linted = ControlPlane::helm(&["lint", "--strict", chart]).unwrap();
        assert!(linted.status.success(), "{}", words(&linted));
    }
    for wrong in ["access=everything", "replicas=-1", "image.digest=latest", "replica=2"] {
        let refused = ControlPlane::helm(&["template", "plimsoll", CHART, "--set", wrong]).unwrap();
        assert!(!refused.status.success(), "{wrong}");
        assert!(words(&refused).contains("schema"), "{wrong}: {}", words(&refused));
    }
}

/// The manifests for those without helm are the chart as it is.
#[test]
fn the_plain_manifests_are_the_chart_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/observe.yaml");
    // What helm runs before it uninstalls must not run when somebody applies them.
    let rendered = rendered_with(&["--no-hooks"], &[]);
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        std::fs::write(path, &rendered).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == rendered,
        "deploy/observe.yaml is stale: UPDATE_MANIFESTS=1 cargo test --workspace --test on_a_cluster the_plain"
    );
}

/// No right to everything of anything, and to look on no right to change anything that is not ours.
#[test]
fn rights_are_named_one_by_one() {
    for values in MATRIX {
        let makes_claims = values.contains(&"addNodes=karpenter");
        let acts = values.contains(&"access=act");
        for role in documents(values).iter().filter(|document| document.get("rules").is_some()) {
            for rule in role["rules"].as_array().unwrap() {
                assert!(!rule.to_string().contains('*'), "{values:?}: {rule}");
                let has = |field: &str, name: &str| {
                    rule[field].as_array().is_some_and(|all| all.iter().any(|one| one == name))
                };
                let writes = ["create", "update", "patch", "delete"].iter().any(|verb| has("verbs", verb));
                let is_theirs = ["", "apps", "batch", "karpenter.sh"].iter().any(|group| has("apiGroups", group))
                    && !has("resources", "secrets")
                    && !has("resources", "configmaps");
                assert!(acts || !(writes && is_theirs), "{values:?}: {rule}");
                assert!(
                    makes_claims || !(has("resources", "nodeclaims") && has("verbs", "create")),
                    "{values:?}: {rule}"
                );
                // What was sampled, of its own namespace alone.
                let keeps_samples = values.contains(&"rightsizing.metricsServer=true") && role["kind"] == "Role";
                assert!(keeps_samples || !has("resources", "configmaps"), "{values:?}: {rule}");
                assert!(!(has("resources", "pods") && has("verbs", "delete")), "{values:?}: {rule}");
                assert!(!(has("resources", "secrets") && (has("verbs", "list") || has("verbs", "watch"))), "{rule}");
            }
        }
    }
}

/// What the dashboard shows is measured.
#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let text = std::fs::read_to_string(format!("{CHART}/dashboards/plimsoll.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let documented = include_str!("../../../../docs/operator.md");
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() >= panels.len());
    for query in queries {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let metrics: Vec<&str> =
            query.split(|letter| !is_part(letter)).filter(|word| word.starts_with("plimsoll_")).collect();
        assert!(!metrics.is_empty(), "{query}");
        for metric in metrics {
            let metric = metric.trim_end_matches("_bucket");
            assert!(documented.contains(&format!("`{metric}")), "{metric} is not in docs/operator.md");
        }
    }
    let shown = documents(&["metrics.dashboard.enabled=true"]);
    let map = shown.iter().find(|document| document["metadata"]["name"] == "plimsoll-dashboard").unwrap();
    assert_eq!(serde_json::from_str::<Value>(map["data"]["plimsoll.json"].as_str().unwrap()).unwrap(), dashboard);
}

#[test]
fn the_operator_runs_with_exactly_the_charts_rights() {
    let apps = apps(14);
    let mut cluster = Cluster::in_pieces(26, &apps);
    prepare(&mut cluster);
    for kinds in [CERT_MANAGER, PROMETHEUS_OPERATOR] {
        define(&mut cluster, kinds);
    }
    every_chart_is_taken(&cluster);

    // To look on.
    install(&cluster, &["replicas=0"]);
    let account = cluster.plane.kubeconfig_of(NAMESPACE, "plimsoll").unwrap();
    configure(&cluster, "observe", json!({}));
    let operator = Operator::start_with_webhooks(&cluster, &account, "looks-on", NAMESPACE);
    cluster.wait("there is a report", |plane| config(plane)["status"]["phase"] == "Ready");
    for (verb, resource) in [
        ("patch", "nodes"),
        ("create", "pods/eviction"),
        ("patch", "pods/resize"),
        ("patch", "deployments"),
        ("get", "secrets"),
    ] {
        assert!(!may(&cluster, verb, resource), "{verb} {resource}");
    }
    // With a plan to carry out and without the rights it says which one is missing, and nothing has happened.
    let before = cluster.uids();
    configure(&cluster, "full-auto", json!({}));
    let plan = wait_for_plan(&mut cluster, "Failed", &operator);
    let conditions = plan["status"]["conditions"].to_string();
    assert!(conditions.contains("cannot patch resource") && conditions.contains("nodes"), "{conditions}");
    assert_eq!(cluster.uids(), before);
    configure(&cluster, "observe", json!({}));
    cluster.plane.kubectl(&["delete", "migrationplans", "--all", "--wait=false"]).unwrap();
    cluster.wait("the plan is gone", |plane| plans(plane).is_empty());
    assert_eq!(operator.stop(), 0);

    // To act.
    install(&cluster, &["replicas=0", "access=act", "removeNodes=node"]);
    cluster.wait("the rights are known", |plane| {
        plane
            .kubectl(&["auth", "can-i", "delete", "nodes", "--as", ACCOUNT])
            .is_ok_and(|answer| answer.status.success())
    });
    assert!(!may(&cluster, "delete", "pods"));
    let operator = Operator::start_with_webhooks(&cluster, &account, "acts", NAMESPACE);
    configure(&cluster, "full-auto", json!({}));
    let plan = wait_for_plan(&mut cluster, "Completed", &operator);
    assert_eq!(plan["status"]["executedMigrations"], plan["spec"]["summary"]["migrations"], "{}", plan["status"]);
    assert!(plans(&cluster.plane).iter().all(|(_, phase, _)| phase == "Completed"));
    assert!(!operator.log().contains("forbidden"), "{}", operator.log());
    assert!(!operator.log().contains("get no hint"), "{}", operator.log());
    cluster.wait_until_whole(&apps, |app| app.scaled_down);

    // Somebody's own recommendation is applied in place, and pods made later are sized by the webhook.
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationRecommendation",
        "metadata": {"name": "deployment-app-0", "namespace": "default"},
        "spec": {
            "targetWorkload": {"kind": "Deployment", "name": "app-0"}, "approved": true,
            "changes": [{"container": "main", "requests": {"cpu": "110m"}, "requestsBefore": {"cpu": "100m"}}],
        },
    }));
    cluster.wait("it is applied", |plane| {
        plane.get(&["optrec", "deployment-app-0"]).is_ok_and(|found| found["status"]["phase"] == "Applied")
    });
    let resized = cluster.plane.get(&["pods", "--selector", "app=app-0"]).unwrap();
    let requests = |pod: &Value| pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "110m";
    assert!(resized["items"].as_array().unwrap().iter().all(requests), "{}", operator.log());
    cluster.wait("pods that are made are asked about", |plane| {
        let found = plane.get(&["mutatingwebhookconfiguration", "plimsoll"]).unwrap_or_default();
        found["webhooks"].as_array().is_some_and(|webhooks| webhooks.len() == 2)
    });
    assert!(!operator.log().contains("forbidden"), "{}", operator.log());
    assert_eq!(operator.stop(), 0);

    runs_in_an_empty_root(&cluster, &account);

    // Uninstalled, nothing of it stands in anybody's way.
    let undone = cluster::command(&account, &["rollback", "--all", "--namespace", NAMESPACE]).output().unwrap();
    assert!(undone.status.success(), "{}", words(&undone));
    for kind in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
        assert_eq!(cluster::items(&cluster.plane, &[kind]).len(), 0, "{}", words(&undone));
    }

    // A restricted namespace takes its pods.
    install(&cluster, &["replicas=1"]);
    cluster.wait("its pod runs", |plane| {
        let pods = plane.get(&["pods", "--namespace", NAMESPACE]).unwrap();
        pods["items"].as_array().is_some_and(|pods| pods.iter().any(|pod| pod["status"]["phase"] == "Running"))
    });
}

/// The API server takes whatever the charts render to, and knows every field of it.
fn every_chart_is_taken(cluster: &Cluster) {
    for values in MATRIX {
        let asked = ["apply", "--dry-run=server", "--validate=strict", "--namespace", NAMESPACE, "-f", "-"];
        let taken = cluster.plane.kubectl_with_input(&asked, &rendered(values)).unwrap();
        assert!(taken.status.success(), "{values:?}: {}", words(&taken));
    }
}

/// What the base of the image has, beside certificates: distroless/cc.
const IN_THE_IMAGE: [&str; 4] = ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux"];

/// As in its image: nothing but the binary, its libraries and certificates, and a user who may write nothing.
fn runs_in_an_empty_root(cluster: &Cluster, account: &std::path::Path) {
    let root = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    let put = |from: &str, to: &str| {
        let to = root.path().join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap_or_else(|error| panic!("{from}: {error}"));
    };
    let needed = std::process::Command::new("ldd").arg(binary).output().unwrap();
    for library in words(&needed).split_whitespace().filter(|word| word.starts_with('/')) {
        let name = library.rsplit('/').next().unwrap();
        assert!(IN_THE_IMAGE.iter().any(|known| name.starts_with(known)), "the image has no {name}");
        put(library, library);
    }
    put(binary, "/usr/local/bin/plimsoll");
    put("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt");
    put(account.to_str().unwrap(), "/kubeconfig");
    let readable = std::os::unix::fs::PermissionsExt::from_mode;
    for path in [root.path().to_owned(), root.path().join("kubeconfig")] {
        std::fs::set_permissions(path, readable(0o755)).unwrap();
    }
    let run = |user: &[&str], command: &[&str]| {
        let mut chroot = std::process::Command::new(user[0]);
        chroot.args(&user[1..]).arg(root.path()).arg("/usr/local/bin/plimsoll").args(command).env_clear();
        chroot.env("PATH", std::env::var_os("PATH").unwrap_or_default()).output().unwrap()
    };
    let analyze = ["analyze", "--kubeconfig", "/kubeconfig", "-o", "json"];
    let by_root: &[&str] = &["chroot", "--userspec=65532:65532"];
    let by_anybody: &[&str] = &["unshare", "--user", "--map-root-user", "chroot"];
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let ran = run(if is_root { by_root } else { by_anybody }, &analyze);
    assert!(ran.status.success(), "{}", words(&ran));
    let found: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let beside = cluster::command(account, &["analyze", "-o", "json"]).output().unwrap();
    let beside: Value = serde_json::from_slice(&beside.stdout).unwrap();
    assert_eq!(found["totals"], beside["totals"], "{} nodes", cluster.nodes().len());
}

/// A module, the folder of its definitions, how their files are called, and what they define.
type Kinds = (&'static str, &'static str, &'static [&'static str], &'static str);

const CERT_MANAGER: Kinds = (
    "github.com/cert-manager/cert-manager@v1.18.2",
    "deploy/crds",
    &["crd-certificates.yaml", "crd-issuers.yaml"],
    "certificates.cert-manager.io,issuers.cert-manager.io",
);
const PROMETHEUS_OPERATOR: Kinds = (
    "github.com/prometheus-operator/prometheus-operator@v0.79.2",
    "example/prometheus-operator-crd",
    &["monitoring.coreos.com_servicemonitors.yaml"],
    "servicemonitors.monitoring.coreos.com",
);

/// Defines kinds of others as their own project does.
fn define(cluster: &mut Cluster, (module, folder, files, kinds): Kinds) {
    let found = std::process::Command::new("go").args(["mod", "download", "-json", module]).output().unwrap();
    assert!(found.status.success(), "{module}: {}", words(&found));
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let folder = std::path::Path::new(found["Dir"].as_str().unwrap()).join(folder);
    for file in files {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        // cert-manager's are templates too, of labels and of whether they are wanted.
        let plain: Vec<&str> = text.lines().filter(|line| !line.contains("{{")).collect();
        let taken =
            cluster.plane.kubectl_with_input(&["apply", "--server-side", "-f", "-"], &plain.join("\n")).unwrap();
        assert!(taken.status.success(), "{file}: {}", words(&taken));
    }
    cluster.wait("kinds of others are served", |plane| plane.get(&[kinds]).is_ok());
}

/// Its namespace, restricted, and our kinds.
pub fn prepare(cluster: &mut Cluster) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    }});
    cluster.apply(&namespace);
    let crds = ControlPlane::helm(&["template", "plimsoll-crds", CRDS]).unwrap();
    assert!(crds.status.success(), "{}", words(&crds));
    let crds = String::from_utf8(crds.stdout).unwrap();
    let taken = cluster.plane.kubectl_with_input(&["apply", "--server-side", "-f", "-"], &crds).unwrap();
    assert!(taken.status.success(), "{}", words(&taken));
    cluster.wait("our kinds are served", |plane| plane.get(&["migrationplans,optimizationconfigs"]).is_ok());
}

pub fn install(cluster: &Cluster, values: &[&str]) {
    let asked = ["apply", "--namespace", NAMESPACE, "-f", "-"];
    let documents = documents(values);
    // Hooks are none of what is installed.
    let installed =
        documents.into_iter().filter(|document| document["metadata"]["annotations"]["helm.sh/hook"].is_null());
    let taken = cluster.plane.kubectl_with_input(&asked, &cluster::list(installed).to_string()).unwrap();
    assert!(taken.status.success(), "{values:?}: {}", words(&taken));
}

fn may(cluster: &Cluster, verb: &str, resource: &str) -> bool {
    let asked = cluster.plane.kubectl(&["auth", "can-i", verb, resource, "--namespace", "default", "--as", ACCOUNT]);
    asked.unwrap().status.success()
}
