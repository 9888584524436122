//! What each program is told when it starts. They run in the state's folder and name the files there without a path.

use std::path::Path;

use crate::ControlPlane;

pub(crate) fn etcd(port: u16, peer_port: u16) -> Vec<String> {
    let url = format!("https://127.0.0.1:{port}");
    let peer_url = format!("https://127.0.0.1:{peer_port}");
    [
        "--data-dir=etcd-data",
        "--log-level=error",
        // What is lost in a crash is thrown away at the end anyway.
        "--unsafe-no-fsync",
        &format!("--listen-client-urls={url}"),
        &format!("--advertise-client-urls={url}"),
        "--client-cert-auth",
        "--trusted-ca-file=ca.crt",
        "--cert-file=etcd.crt",
        "--key-file=etcd.key",
        &format!("--listen-peer-urls={peer_url}"),
        &format!("--initial-advertise-peer-urls={peer_url}"),
        &format!("--initial-cluster=default={peer_url}"),
        "--peer-client-cert-auth",
        "--peer-trusted-ca-file=ca.crt",
        "--peer-cert-file=etcd.crt",
        "--peer-key-file=etcd.key",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(crate) fn apiserver(port: u16, etcd_port: u16) -> Vec<String> {
    [
        "--bind-address=127.0.0.1",
        &format!("--secure-port={port}"),
        "--tls-cert-file=kube-apiserver.crt",
        "--tls-private-key-file=kube-apiserver.key",
        &format!("--tls-sni-cert-key=expired.crt,expired.key:{}", ControlPlane::EXPIRED_NAME),
        "--client-ca-file=ca.crt",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        &format!("--etcd-servers=https://127.0.0.1:{etcd_port}"),
        "--etcd-cafile=ca.crt",
        "--etcd-certfile=kube-apiserver.crt",
        "--etcd-keyfile=kube-apiserver.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=service-accounts.pub",
        "--service-account-signing-key-file=service-accounts.key",
        "--service-cluster-ip-range=10.96.0.0/16",
        // How it introduces whoever asks to the servers of aggregated APIs.
        "--proxy-client-cert-file=front-proxy.crt",
        "--proxy-client-key-file=front-proxy.key",
        "--requestheader-client-ca-file=ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        // Tests come in bursts, and throttling is not what they are about.
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(crate) fn controller_manager() -> Vec<String> {
    [
        "--kubeconfig=kubeconfig",
        "--leader-elect=false",
        // Nobody asks it anything.
        "--secure-port=0",
        "--root-ca-file=ca.crt",
        "--service-account-private-key-file=service-accounts.key",
        // KWOK hands out the pods' addresses.
        "--controllers=*,-node-ipam-controller",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--concurrent-deployment-syncs=50",
        "--concurrent-replicaset-syncs=50",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(crate) fn scheduler() -> Vec<String> {
    ["--config=kube-scheduler.yaml", "--secure-port=0"].map(str::to_owned).to_vec()
}

pub(crate) fn kwok(port: u16) -> Vec<String> {
    let stages = Path::new(env!("CARGO_MANIFEST_DIR")).join("stages");
    let mut arguments = [
        "--kubeconfig=kubeconfig",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        &format!("--server-address=127.0.0.1:{port}"),
        // metrics-server asks every kubelet here, and over TLS alone.
        "--node-ip=127.0.0.1",
        "--tls-cert-file=kube-apiserver.crt",
        "--tls-private-key-file=kube-apiserver.key",
    ]
    .map(str::to_owned)
    .to_vec();
    for stage in [
        "node-initialize",
        "node-heartbeat",
        "pod-ready",
        "pod-resize",
        "pod-complete",
        "pod-delete",
        "metrics-resource",
        "usage",
    ] {
        arguments.push(format!("--config={}", stages.join(stage).with_extension("yaml").display()));
    }
    arguments
}

pub(crate) fn metrics_server(port: u16, kubelet_port: u16) -> Vec<String> {
    [
        "--kubeconfig=kubeconfig",
        "--authentication-kubeconfig=kubeconfig",
        "--authorization-kubeconfig=kubeconfig",
        "--bind-address=127.0.0.1",
        &format!("--secure-port={port}"),
        "--tls-cert-file=kube-apiserver.crt",
        "--tls-private-key-file=kube-apiserver.key",
        &format!("--kubelet-port={kubelet_port}"),
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-insecure-tls",
        // The least it takes, and it wants its requests to be over before.
        "--kubelet-request-timeout=5s",
        "--metric-resolution=10s",
    ]
    .map(str::to_owned)
    .to_vec()
}
