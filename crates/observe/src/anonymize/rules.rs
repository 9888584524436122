//! What is well known and stays: label keys that mean the same everywhere, and values that say what a thing is.

/// A label or taint key of a domain that everybody knows.
pub(crate) fn is_known_key(key: &str) -> bool {
    const DOMAINS: [&str; 17] = [
        "kubernetes.io",
        "k8s.io",
        "x-k8s.io",
        "karpenter.sh",
        "k8s.aws",
        "amazonaws.com",
        "aws.com",
        "eksctl.io",
        "cloud.google.com",
        "gke.io",
        "azure.com",
        "deckhouse.io",
        "nvidia.com",
        "amd.com",
        "koordinator.sh",
        "kai.scheduler",
        "volcano.sh",
    ];
    const WITHOUT_DOMAIN: [&str; 9] = [
        "agentpool",
        "pod-group.scheduling.sigs.k8s.io",
        "pod-template-hash",
        "pod-template-generation",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "k8s-app",
        "ToBeDeletedByClusterAutoscaler",
    ];
    match key.split_once('/') {
        Some((domain, _)) => is_below(domain, &DOMAINS),
        None => WITHOUT_DOMAIN.contains(&key),
    }
}

fn is_below(domain: &str, known: &[&str]) -> bool {
    known.iter().any(|known| domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Keys of known domains whose own name people choose, such as roles of nodes.
pub(crate) fn has_chosen_name(key: &str) -> bool {
    const ROLES: [&str; 9] =
        ["control-plane", "master", "worker", "node", "infra", "etcd", "ingress", "spot-worker", "agent"];
    match key.split_once('/') {
        Some(("node-role.kubernetes.io", role)) => !ROLES.contains(&role),
        Some(("node-restriction.kubernetes.io", _)) => true,
        _ => false,
    }
}

/// Keys whose values decide placement and price, and name nobody.
pub(crate) fn has_known_values(key: &str) -> bool {
    const KEYS: [&str; 22] = [
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "kubernetes.io/arch",
        "beta.kubernetes.io/arch",
        "kubernetes.io/os",
        "beta.kubernetes.io/os",
        "karpenter.sh/capacity-type",
        "eks.amazonaws.com/capacityType",
        "cloud.google.com/gke-spot",
        "cloud.google.com/gke-preemptible",
        "cloud.google.com/gke-provisioning",
        "cloud.google.com/gke-accelerator",
        "cloud.google.com/machine-family",
        "kubernetes.azure.com/scalesetpriority",
        "kubernetes.azure.com/mode",
        "node-role.kubernetes.io/spot-worker",
        "node.kubernetes.io/lifecycle",
        "node.kubernetes.io/windows-build",
        "nvidia.com/gpu.product",
        "karpenter.k8s.aws/instance-family",
    ];
    const PREFIXES: [&str; 2] = ["karpenter.k8s.aws/instance-", "karpenter.azure.com/sku-"];
    let is_topology = key.starts_with("topology.")
        && (key.ends_with("/zone") || key.ends_with("/region") || key.ends_with("/zone-id"));
    (is_topology && is_known_key(key)) || KEYS.contains(&key) || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The resources that the scheduler itself knows, and those of well-known devices.
pub(crate) fn is_known_resource(name: &str) -> bool {
    !name.contains('/') || is_known_key(name)
}

/// Drivers, provisioners and in-tree plugins that many clusters have.
pub(crate) fn is_known_driver(name: &str) -> bool {
    const DOMAINS: [&str; 10] = [
        "kubernetes.io",
        "k8s.io",
        "aws.com",
        "azure.com",
        "gke.io",
        "vmware.com",
        "openstack.org",
        "portworx.com",
        "ceph.com",
        "longhorn.io",
    ];
    is_below(name.split('/').next().unwrap_or_default(), &DOMAINS)
}

/// Names that mean the same in every cluster.
pub(crate) fn is_known_name(name: &str) -> bool {
    const NAMES: [&str; 4] = ["default-scheduler", "system-node-critical", "system-cluster-critical", "0.0.0.0"];
    NAMES.contains(&name)
}

/// An annotation's value that is a switch, a number, a time or a duration rather than a name.
pub(crate) fn is_setting(value: &str) -> bool {
    const WORDS: [&str; 7] = ["", "true", "false", "yes", "no", "api", "file"];
    let is_number = value.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'-')
        && value.bytes().all(|byte| byte.is_ascii_digit() || b"-+.:smhTZ".contains(&byte));
    WORDS.contains(&value) || is_number || value == "on-completion" || value == "http"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_domain() {
        for key in ["kubernetes.io/hostname", "topology.ebs.csi.aws.com/zone", "karpenter.sh/nodepool", "agentpool"] {
            assert!(is_known_key(key), "{key}");
        }
        for key in ["app", "example.com/team", "notkubernetes.io/x", "kubernetes.io.example.com/x"] {
            assert!(!is_known_key(key), "{key}");
        }
        assert!(has_known_values("topology.kubernetes.io/zone"));
        assert!(!has_known_values("kubernetes.io/hostname"));
        assert!(!has_known_values("topology.example.com/zone"));
        assert!(has_chosen_name("node-role.kubernetes.io/payments"));
        assert!(is_setting("10m") && is_setting("-100") && !is_setting("web"));
    }
}
