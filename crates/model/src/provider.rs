//! Which cloud a node runs on, from what its kubelet and its cloud controller write.

use crate::Node;

/// The seller of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Amazon EC2.
    Aws,
    /// Google Compute Engine.
    Gcp,
    /// Microsoft Azure.
    Azure,
    /// Another cloud or a private one; its machine types are its own, even where they are named like another's.
    Other,
}

impl Provider {
    /// `aws`, `gcp`, `azure` or `other`.
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Aws => "aws",
            Provider::Gcp => "gcp",
            Provider::Azure => "azure",
            Provider::Other => "other",
        }
    }
}

/// Schemes of `spec.providerID` that name a way to run nodes, not a seller of machines: KWOK plays other clouds' nodes,
/// and kind and k3s run on whatever is there.
const SCHEMES_WITHOUT_SELLER: [&str; 4] = ["kwok", "kind", "k3s", "rke2"];

/// Prefixes of label keys that one cloud alone writes.
const LABEL_PREFIXES: [(&str, Provider); 12] = [
    ("eks.amazonaws.com/", Provider::Aws),
    ("karpenter.k8s.aws/", Provider::Aws),
    ("alpha.eksctl.io/", Provider::Aws),
    ("topology.k8s.aws/", Provider::Aws),
    ("topology.ebs.csi.aws.com/", Provider::Aws),
    ("k8s.io/cloud-provider-aws", Provider::Aws),
    ("cloud.google.com/", Provider::Gcp),
    ("topology.gke.io/", Provider::Gcp),
    ("karpenter.k8s.gcp/", Provider::Gcp),
    ("kubernetes.azure.com/", Provider::Azure),
    ("karpenter.azure.com/", Provider::Azure),
    ("topology.disk.csi.azure.com/", Provider::Azure),
];

impl Node {
    /// The cloud, by spec.providerID or else by labels that only one cloud writes; `None` where nothing says.
    pub fn provider(&self) -> Option<Provider> {
        let scheme = self.provider_id.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            Some("aws") => return Some(Provider::Aws),
            Some("gce") => return Some(Provider::Gcp),
            Some("azure") => return Some(Provider::Azure),
            Some(scheme) if !SCHEMES_WITHOUT_SELLER.contains(&scheme) => return Some(Provider::Other),
            _ => {}
        }
        let by_label = |key: &str| LABEL_PREFIXES.iter().find(|(prefix, _)| key.starts_with(prefix)).map(|(_, p)| *p);
        self.labels.iter().find_map(|(key, _)| by_label(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CapacityType, Labels};

    fn node(provider_id: &str, labels: &[(&str, &str)]) -> Node {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Node { provider_id: provider_id.into(), labels: Labels::new(labels), ..Node::default() }
    }

    /// (provider, region, zone, instance type, pool, capacity type) as one line.
    fn read(node: &Node) -> String {
        let text = |name: Option<&crate::Name>| name.map_or("-".to_owned(), |name| name.to_string());
        format!(
            "{} {} {} {} {} {}",
            node.provider().map_or("-", Provider::as_str),
            text(node.region()),
            text(node.zone()),
            text(node.instance_type()),
            text(node.node_pool()),
            node.capacity_type()
        )
    }

    #[test]
    fn eks_managed_spot_node_group() {
        let node = node(
            "aws:///eu-west-1b/i-0a1b2c3d4e5f60718",
            &[
                ("alpha.eksctl.io/cluster-name", "prod"),
                ("alpha.eksctl.io/nodegroup-name", "workers"),
                ("beta.kubernetes.io/arch", "amd64"),
                ("eks.amazonaws.com/capacityType", "SPOT"),
                ("eks.amazonaws.com/nodegroup", "workers"),
                ("eks.amazonaws.com/nodegroup-image", "ami-0123456789abcdef0"),
                ("k8s.io/cloud-provider-aws", "3fe1f0aa6b4a4c1b9f4f2f3d6e9a1b2c"),
                ("kubernetes.io/os", "linux"),
                ("node.kubernetes.io/instance-type", "m5.xlarge"),
                ("topology.ebs.csi.aws.com/zone", "eu-west-1b"),
                ("topology.k8s.aws/zone-id", "euw1-az2"),
                ("topology.kubernetes.io/region", "eu-west-1"),
                ("topology.kubernetes.io/zone", "eu-west-1b"),
            ],
        );
        assert_eq!(read(&node), "aws eu-west-1 eu-west-1b m5.xlarge workers spot");
    }

    #[test]
    fn gke_preemptible_node_pool() {
        let node = node(
            "gce://acme-prod/europe-west4-a/gke-main-spot-1c2d3e4f-abcd",
            &[
                ("cloud.google.com/gke-nodepool", "spot-pool"),
                ("cloud.google.com/gke-os-distribution", "cos"),
                ("cloud.google.com/gke-provisioning", "preemptible"),
                ("cloud.google.com/machine-family", "n2d"),
                ("node.kubernetes.io/instance-type", "n2d-standard-8"),
                ("topology.gke.io/zone", "europe-west4-a"),
                ("topology.kubernetes.io/region", "europe-west4"),
                ("topology.kubernetes.io/zone", "europe-west4-a"),
            ],
        );
        assert_eq!(read(&node), "gcp europe-west4 europe-west4-a n2d-standard-8 spot-pool spot");
    }

    #[test]
    fn gke_standard_is_on_demand() {
        let node = node("gce://p/us-central1-b/x", &[("cloud.google.com/gke-provisioning", "standard")]);
        assert_eq!(node.capacity_type(), CapacityType::OnDemand);
    }

    #[test]
    fn aks_agent_pool_with_zone_and_region_of_azure() {
        let node = node(
            "azure:///subscriptions/0/resourceGroups/mc_rg/providers/Microsoft.Compute/virtualMachineScaleSets/aks-sys/virtualMachines/0",
            &[
                ("agentpool", "sys"),
                ("kubernetes.azure.com/agentpool", "sys"),
                ("kubernetes.azure.com/mode", "system"),
                ("node.kubernetes.io/instance-type", "Standard_D4s_v5"),
                ("topology.disk.csi.azure.com/zone", "westeurope-2"),
                ("topology.kubernetes.io/region", "westeurope"),
                ("topology.kubernetes.io/zone", "westeurope-2"),
            ],
        );
        assert_eq!(read(&node), "azure westeurope westeurope-2 Standard_D4s_v5 sys on-demand");
    }

    #[test]
    fn karpenter_in_a_dump_without_provider_id() {
        let node = node(
            "",
            &[
                ("karpenter.k8s.aws/instance-family", "c6g"),
                ("karpenter.sh/capacity-type", "spot"),
                ("karpenter.sh/nodepool", "general"),
                ("node.kubernetes.io/instance-type", "c6g.2xlarge"),
                ("topology.kubernetes.io/region", "us-west-2"),
                ("topology.kubernetes.io/zone", "us-west-2a"),
            ],
        );
        assert_eq!(read(&node), "aws us-west-2 us-west-2a c6g.2xlarge general spot");
    }

    #[test]
    fn kops_spot_instance_group_of_an_old_cluster() {
        let node = node(
            "aws:///us-east-1c/i-0b",
            &[
                ("beta.kubernetes.io/instance-type", "r5.large"),
                ("failure-domain.beta.kubernetes.io/region", "us-east-1"),
                ("failure-domain.beta.kubernetes.io/zone", "us-east-1c"),
                ("kops.k8s.io/instancegroup", "nodes-spot"),
                ("node-role.kubernetes.io/spot-worker", "true"),
            ],
        );
        assert_eq!(read(&node), "aws us-east-1 us-east-1c r5.large nodes-spot spot");
    }

    #[test]
    fn kubeadm_on_bare_metal_says_nothing() {
        let node = node(
            "",
            &[("kubernetes.io/hostname", "w1"), ("node.kubernetes.io/exclude-from-external-load-balancers", "")],
        );
        assert_eq!(read(&node), "- - - - - on-demand");
    }

    #[test]
    fn openshift_machine_set_on_spot_and_cluster_api_on_spot() {
        let openshift = node(
            "aws:///eu-central-1a/i-0c",
            &[
                ("machine.openshift.io/interruptible-instance", ""),
                ("node-role.kubernetes.io/worker", ""),
                ("node.kubernetes.io/instance-type", "m5.2xlarge"),
                ("node.openshift.io/os_id", "rhcos"),
                ("topology.kubernetes.io/region", "eu-central-1"),
                ("topology.kubernetes.io/zone", "eu-central-1a"),
            ],
        );
        assert_eq!(read(&openshift), "aws eu-central-1 eu-central-1a m5.2xlarge - spot");
        assert_eq!(node("", &[("cluster.x-k8s.io/interruptible", "")]).capacity_type(), CapacityType::Spot);
    }

    #[test]
    fn a_private_cloud_is_other_and_kwok_is_no_cloud() {
        assert_eq!(node("openstack:///6e1f", &[]).provider(), Some(Provider::Other));
        assert_eq!(node("kwok://n1", &[]).provider(), None);
        assert_eq!(node("kwok://n1", &[("karpenter.k8s.aws/instance-cpu", "2")]).provider(), Some(Provider::Aws));
        assert_eq!(node("kind://docker/kind/kind-worker", &[]).provider(), None);
    }
}
