//! Who asks: by a login plugin, by a pod's own account, or with certificates that have expired.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use controlplane::ControlPlane;
use serde_json::{Value, json};

use super::cluster::{Cluster, Run, lock, plimsoll_as, run, shared};
use super::company;
use super::{failed, parsed, written};

const READS_EVERYTHING: &str = r#"[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}]"#;

#[test]
fn a_login_plugin_gives_a_token_or_a_certificate() {
    let cluster = shared();
    let cluster = &mut *lock(&cluster);
    let token = administrators_token(cluster);
    let user = cluster.plane.kubeconfig_for("with-plugin", READS_EVERYTHING).unwrap();
    let (certificate, key) = (pem(cluster, &user, "client-certificate-data"), pem(cluster, &user, "client-key-data"));
    for status in [
        json!({"token": token}),
        json!({"token": token, "expirationTimestamp": "2100-01-01T00:00:00Z"}),
        json!({"clientCertificateData": certificate, "clientKeyData": key}),
    ] {
        let credential =
            json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status});
        let answer = PathBuf::from(cluster.path("credential.json"));
        fs::write(&answer, credential.to_string()).unwrap();
        let config = with_plugin(cluster, &plugin(cluster, &format!("cat {}", answer.display())));
        let analysis = plimsoll_as(&config, &["analyze", "-o", "json"]);
        hides(&analysis, &token);
        assert_eq!(analysis.document()["totals"]["nodes"], company::NODES);
    }
}

#[test]
fn a_login_plugin_that_fails_is_named_and_its_output_is_not_shown() {
    let cluster = shared();
    let cluster = &*lock(&cluster);
    let token = administrators_token(cluster);
    for (script, says) in [
        ("echo TOKEN; echo the session is over >&2; exit 3", "failed (exit status: 3): the session is over"),
        ("echo 'token: [TOKEN'", "wrote something that is no ExecCredential"),
        (r#"echo '{"kind": "ExecCredential", "token": "TOKEN"}'"#, "gave no credentials"),
    ] {
        let plugin = plugin(cluster, &script.replace("TOKEN", &token));
        refuses(cluster, &plugin, says, &token);
    }
    refuses(cluster, Path::new("/nonexistent/login-plugin"), "cannot be started: No such file", &token);
}

fn refuses(cluster: &Cluster, plugin: &Path, says: &str, token: &str) {
    let refused = failed(&with_plugin(cluster, plugin), &["analyze"]);
    let message = format!("error: the login plugin {} {says}", plugin.display());
    assert!(refused.stderr.starts_with(&message), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: install the plugin or log in again"), "{}", refused.stderr);
    hides(&refused, token);
}

#[test]
fn a_pod_reads_with_its_own_account() {
    let cluster = shared();
    let cluster = &mut *lock(&cluster);
    allow_reading(cluster, "system:serviceaccount:default:default");
    let output = cluster.plane.kubectl(&["create", "token", "default"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    let token = token.trim();
    // Every namespace has it, for its pods.
    let authority = cluster.plane.get(&["configmap", "kube-root-ca.crt"]).unwrap();
    let account = PathBuf::from(cluster.path("account"));
    fs::create_dir(&account).unwrap();
    fs::write(account.join("ca.crt"), authority["data"]["ca.crt"].as_str().unwrap()).unwrap();
    fs::write(account.join("namespace"), "default").unwrap();
    fs::write(account.join("token"), token).unwrap();

    let analysis = in_a_pod(cluster, &account, &["analyze", "-o", "json"]);
    hides(&analysis, token);
    let analysis = analysis.document();
    assert_eq!(analysis["cluster"], "in-cluster");
    assert_eq!(analysis["totals"]["nodes"], company::NODES);

    let foreign = format!("{token}x");
    fs::write(account.join("token"), &foreign).unwrap();
    let refused = in_a_pod(cluster, &account, &["analyze"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("does not accept our credentials: Unauthorized"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: log in again"), "{}", refused.stderr);
    hides(&refused, &foreign);

    fs::remove_file(account.join("ca.crt")).unwrap();
    let refused = in_a_pod(cluster, &account, &["analyze"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert!(refused.stderr.starts_with("error: cannot find out how to reach the cluster"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
}

/// Runs the command as in a container of a pod: with its variables, and its account where containers have it, which is
/// a place that only this process sees. It takes util-linux and the right to make a user namespace.
fn in_a_pod(cluster: &Cluster, account: &Path, arguments: &[&str]) -> Run {
    const AS_IN_A_CONTAINER: &str = r#"mount -t tmpfs none /var/run && mkdir -p /var/run/secrets/kubernetes.io &&
        cp -R "$1" /var/run/secrets/kubernetes.io/serviceaccount && shift && exec "$@""#;
    let (host, port) = cluster.plane.server().trim_start_matches("https://").split_once(':').unwrap();
    run(Command::new("unshare")
        .args(["--mount", "--map-root-user", "--", "sh", "-c", AS_IN_A_CONTAINER, "sh"])
        .arg(account)
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port))
}

#[test]
fn expired_certificates_are_clear_errors() {
    let cluster = shared();
    let cluster = &*lock(&cluster);
    let mut config = parsed(&fs::read_to_string(cluster.plane.kubeconfig()).unwrap());
    config["clusters"][0]["cluster"]["tls-server-name"] = ControlPlane::EXPIRED_NAME.into();
    let refused = failed(&written(cluster, "expired", &config), &["analyze"]);
    assert!(refused.stderr.contains("do not trust each other's certificates (expired)"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: renew the certificate"), "{}", refused.stderr);

    // The server does not say why it refuses ours.
    let config = cluster.plane.expired_kubeconfig_for("late").unwrap();
    let refused = failed(&config, &["analyze"]);
    assert!(refused.stderr.contains("does not accept our credentials: Unauthorized"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("hint: log in again: a token or certificate may have expired"),
        "{}",
        refused.stderr
    );
}

/// A program that does this when it is asked for credentials.
fn plugin(cluster: &Cluster, script: &str) -> PathBuf {
    let path = PathBuf::from(cluster.path("login-plugin"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn with_plugin(cluster: &Cluster, plugin: &Path) -> PathBuf {
    let mut config = parsed(&fs::read_to_string(cluster.plane.kubeconfig()).unwrap());
    config["users"][0]["user"] = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
    }});
    written(cluster, "with-plugin", &config)
}

fn administrators_token(cluster: &Cluster) -> String {
    let config = parsed(&fs::read_to_string(cluster.plane.kubeconfig()).unwrap());
    config["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}

/// A field of the kubeconfig's user, decoded.
fn pem(cluster: &Cluster, kubeconfig: &Path, field: &str) -> String {
    let template =
        format!(r#"go-template={{{{with index .users 0}}}}{{{{index .user "{field}" | base64decode}}}}{{{{end}}}}"#);
    let output = cluster.plane.kubectl_as(kubeconfig, &["config", "view", "--raw", "--output", &template]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn allow_reading(cluster: &mut Cluster, account: &str) {
    let name = "pods-own-account";
    let rules: Value = parsed(READS_EVERYTHING);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": account}]});
    cluster.plane.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]}).to_string()).unwrap();
    let may_read = |plane: &ControlPlane| {
        let asked = plane.kubectl(&["auth", "can-i", "list", "nodes", "--as", account]);
        asked.is_ok_and(|output| output.status.success())
    };
    cluster.plane.wait_until("the account may read", Duration::from_secs(60), may_read).unwrap();
}

fn hides(run: &Run, secret: &str) {
    assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}\n{}", run.stdout, run.stderr);
}
