//! CSI drivers that a new node must have registered before pods with volumes of theirs go there.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::storage::v1::CSINode;
use kube::Api;
use model::storage::VolumeSource;
use model::{Migration, Name, Plan, Snapshot};

use crate::answer::Refusal;
use crate::cluster::Cluster;

/// By the name of each planned node the drivers of the volumes that come with its pods.
pub(super) fn needed(snapshot: &Snapshot, plan: &Plan) -> BTreeMap<Name, BTreeSet<Name>> {
    let mut needed: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for step in &plan.migrations {
        if plan.nodes.add.iter().any(|added| added.node.name == step.to_node) {
            needed.entry(step.to_node.clone()).or_default().extend(of_step(snapshot, step));
        }
    }
    needed
}

/// Those drivers of the node where the pod is now that its claims need. Of an in-tree volume nobody says which it is.
fn of_step(snapshot: &Snapshot, step: &Migration) -> Vec<Name> {
    let there = snapshot.csi_nodes.get(&step.from_node);
    let drivers = || there.iter().flat_map(|there| &there.drivers).map(|(driver, _)| driver);
    let Some(pod) = snapshot.pod(&step.namespace, &step.pod) else { return Vec::new() };
    let claims = pod.spec.volumes.iter().filter_map(|volume| match volume {
        model::Volume::Claim { claim } => Some(claim.clone()),
        model::Volume::Ephemeral { volume } => Some(format!("{}-{volume}", pod.name).into()),
        _ => None,
    });
    let claims = claims.filter_map(|claim| snapshot.claims.get(&(pod.namespace.clone(), claim)));
    claims
        .flat_map(|claim| match snapshot.volumes.get(&claim.volume).map(|volume| &volume.source) {
            Some(VolumeSource::Csi { driver, .. }) => drivers().filter(|known| *known == driver).cloned().collect(),
            Some(VolumeSource::InTree { .. }) => drivers().cloned().collect(),
            Some(_) => Vec::new(),
            None => {
                let class = claim.storage_class.as_ref().and_then(|class| snapshot.storage_classes.get(class));
                let is_its = |known: &&Name| class.is_some_and(|class| class.provisioner == **known);
                drivers().filter(is_its).cloned().collect::<Vec<Name>>()
            }
        })
        .collect()
}

/// What is missing of these on the node.
pub(super) async fn missing(cluster: &Cluster, node: &str, needed: &BTreeSet<Name>) -> Option<String> {
    if needed.is_empty() {
        return None;
    }
    let api: Api<CSINode> = Api::all(cluster.client.clone());
    let registered = match cluster.answer(api.get(node)).await {
        Ok(found) => found.spec.drivers,
        Err(Refusal::Gone) => Vec::new(),
        Err(refusal) => return Some(format!("has CSI drivers that cannot be read: {}", refusal.in_words())),
    };
    let is_there = |driver: &&Name| registered.iter().any(|known| *known.name == ***driver);
    needed.iter().find(|driver| !is_there(driver)).map(|driver| format!("has not registered the CSI driver {driver}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_volumes_need_of_what_is_registered_where_they_are() {
        let claim = |name: &str, class: &str, volume: &str| {
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "d"},
                "spec": {"storageClassName": class, "volumeName": volume}})
        };
        let objects = [
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "old"}}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "old"},
                "spec": {"drivers": [{"name": "ebs.csi", "nodeID": "1"}, {"name": "efs.csi", "nodeID": "1"}]}}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "shared"},
                "provisioner": "efs.csi"}),
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"},
                "spec": {"csi": {"driver": "ebs.csi", "volumeHandle": "1"}}}),
            claim("bound", "", "disk"),
            claim("unbound", "shared", ""),
            claim("elsewhere", "gone", ""),
        ];
        let pod = |name: &str, claims: &[&str]| {
            let volumes: Vec<_> = claims
                .iter()
                .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}}))
                .collect();
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "d", "uid": name},
                "spec": {"nodeName": "old", "containers": [], "volumes": volumes}})
        };
        let pods = [pod("a", &["bound"]), pod("b", &["unbound", "elsewhere"]), pod("c", &[])];
        let snapshot = observe::read_values("", objects.into_iter().chain(pods)).unwrap();
        let of = |pod: &str| {
            let step = crate::addition::tests::step(pod, "old", "new");
            of_step(&snapshot, &step)
        };
        assert_eq!(of("a"), ["ebs.csi".into()]);
        assert_eq!(of("b"), ["efs.csi".into()]);
        assert_eq!(of("c"), Vec::<Name>::new());
    }
}
