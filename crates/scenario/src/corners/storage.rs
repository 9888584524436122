//! Storage classes, drivers and what they say of nodes, and free volumes that wait for a claim.

use serde_json::{Value, json};

use super::nodes::{HOSTNAME, ZONE, ZONES};
use super::{Cluster, name_of, selectors};
use crate::object::{object, set};

pub(super) const EBS: &str = "ebs.csi.aws.com";
pub(super) const GCE: &str = "pd.csi.storage.gke.io";
pub(super) const POOL: &str = "pool.csi.example.com";
const AZURE: &str = "disk.csi.azure.com";

pub(super) fn add(cluster: &mut Cluster) {
    classes(cluster);
    drivers(cluster);
    csi_nodes(cluster);
    capacities(cluster);
    for _ in 0..cluster.random.between(4, 9) {
        free_volume(cluster);
    }
}

fn classes(cluster: &mut Cluster) {
    let mut add = |name: &str, provisioner: &str, mode: Option<&str>, topologies: Value| {
        let mut class = object("storage.k8s.io/v1", "StorageClass", "", name);
        class["provisioner"] = json!(provisioner);
        class["reclaimPolicy"] = json!("Delete");
        if let Some(mode) = mode {
            class["volumeBindingMode"] = json!(mode);
        }
        if !topologies.is_null() {
            class["allowedTopologies"] = topologies;
        }
        cluster.others.push(class);
    };
    let waits = Some("WaitForFirstConsumer");
    add("fast", EBS, waits, Value::Null);
    add("old", "kubernetes.io/aws-ebs", waits, Value::Null);
    add("manual", "kubernetes.io/no-provisioner", waits, Value::Null);
    add("pool", POOL, waits, Value::Null);
    add("now", EBS, Some("Immediate"), Value::Null);
    add("unsaid", EBS, None, Value::Null);
    add(
        "zonal",
        EBS,
        waits,
        json!([
            {"matchLabelExpressions": [{"key": ZONE, "values": [ZONES[0]]}, {"key": "disk", "values": ["ssd", "hdd"]}]},
            {"matchLabelExpressions": [{"key": ZONE, "values": [ZONES[1]]}]},
        ]),
    );
}

fn drivers(cluster: &mut Cluster) {
    let pool_publishes = cluster.random.chance(75);
    for (name, publishes) in [(EBS, false), (POOL, pool_publishes)] {
        let mut driver = object("storage.k8s.io/v1", "CSIDriver", "", name);
        driver["spec"] = json!({"attachRequired": true, "podInfoOnMount": false, "storageCapacity": publishes});
        // Behind a gate that is off: it must not matter.
        if cluster.random.chance(20) {
            driver["spec"]["preventPodSchedulingIfMissing"] = json!(true);
        }
        cluster.others.push(driver);
    }
}

fn csi_nodes(cluster: &mut Cluster) {
    let names: Vec<String> = cluster.nodes.iter().map(|node| name_of(node).to_owned()).collect();
    for name in names {
        if cluster.random.chance(10) {
            continue;
        }
        let mut csi_node = object("storage.k8s.io/v1", "CSINode", "", &name);
        let mut drivers = Vec::new();
        for driver in [EBS, GCE, POOL, AZURE] {
            if cluster.random.chance(15) {
                continue;
            }
            let mut said = json!({"name": driver, "nodeID": name, "topologyKeys": [ZONE]});
            match cluster.random.below(10) {
                0..=4 => said["allocatable"] = json!({"count": cluster.random.between(1, 2)}),
                5..=6 => said["allocatable"] = json!({"count": cluster.random.between(3, 5)}),
                7 => said["allocatable"] = json!({}),
                8 => said["allocatable"] = json!({"count": 0}),
                _ => {}
            }
            drivers.push(said);
        }
        csi_node["spec"] = json!({"drivers": drivers});
        if cluster.random.chance(70) {
            let all =
                ["kubernetes.io/aws-ebs", "kubernetes.io/gce-pd", "kubernetes.io/azure-disk", "kubernetes.io/cinder"];
            let migrated = cluster.random.some(&all, 3).join(",");
            set(
                &mut csi_node,
                &["metadata", "annotations", "storage.alpha.kubernetes.io/migrated-plugins"],
                json!(migrated),
            );
        }
        cluster.others.push(csi_node);
    }
}

/// How much room the pool driver has, and from where it can be reached.
fn capacities(cluster: &mut Cluster) {
    for number in 0..cluster.random.between(2, 5) {
        let random = &mut cluster.random;
        let mut capacity = object("storage.k8s.io/v1", "CSIStorageCapacity", "kube-system", &format!("pool-{number}"));
        capacity["storageClassName"] = json!(if random.chance(75) { "pool" } else { "fast" });
        match random.below(10) {
            0..=4 => capacity["nodeTopology"] = json!({"matchLabels": {ZONE: random.pick(&ZONES)}}),
            5..=6 => {
                capacity["nodeTopology"] =
                    json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]})
            }
            7 => capacity["nodeTopology"] = json!({}),
            _ => {}
        }
        if random.chance(90) {
            capacity["capacity"] = json!(random.pick(&["2Gi", "8Gi", "50Gi", "0"]));
        }
        if random.chance(35) {
            capacity["maximumVolumeSize"] = json!(random.pick(&["1Gi", "5Gi", "20Gi"]));
        }
        cluster.others.push(capacity);
    }
}

/// A volume of the class that nobody provisions. Most could be taken; some not, each for its own reason.
fn free_volume(cluster: &mut Cluster) {
    let number = cluster.unique();
    let node = cluster.node_name();
    let random = &mut cluster.random;
    let mut volume = object("v1", "PersistentVolume", "", &format!("free-{number}"));
    let gibibytes = random.pick(&[2, 6, 20]);
    volume["spec"] = json!({
        // No two sizes are equal.
        "capacity": {"storage": format!("{}Mi", gibibytes * 1024 + number)},
        "accessModes": if random.chance(85) { json!(["ReadWriteOnce", "ReadOnlyMany"]) } else { json!(["ReadOnlyMany"]) },
        "storageClassName": random.weighted(&[(7, "manual"), (1, "fast"), (1, "now")]),
        "volumeMode": random.weighted(&[(8, "Filesystem"), (2, "Block")]),
        "persistentVolumeReclaimPolicy": "Retain",
        "local": {"path": "/mnt/disk"},
    });
    let term = match random.below(10) {
        0..=1 => json!({"key": HOSTNAME, "operator": "In", "values": [node]}),
        2..=6 => json!({"key": ZONE, "operator": "In", "values": random.some(&ZONES, 2)}),
        _ => json!({"key": "disk", "operator": "Exists"}),
    };
    set(&mut volume, &["spec", "nodeAffinity", "required", "nodeSelectorTerms"], json!([{"matchExpressions": [term]}]));
    volume["metadata"]["labels"] = json!({"tier": random.pick(&selectors::TIERS)});
    volume["status"] = json!({"phase": random.weighted(&[(7, "Available"), (2, "Released"), (1, "Pending")])});
    if random.chance(20) {
        volume["metadata"]["deletionTimestamp"] = json!("2026-11-21T09:00:00Z");
    }
    if random.chance(20) {
        volume["spec"]["volumeAttributesClassName"] = json!("gold");
    }
    if random.chance(12) {
        volume["spec"]["claimRef"] = json!({"kind": "PersistentVolumeClaim", "namespace": "alpha", "name": "somebody"});
    }
    cluster.others.push(volume);
}
