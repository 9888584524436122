//! Disks that a pod names itself, without a claim: two users of one may not meet, and those that have moved to a CSI
//! driver count against its limit.

use serde_json::{Value, json};

use super::Cluster;
use crate::object::push;
use crate::random::Random;

pub(super) fn inline_disk(cluster: &mut Cluster, pod: &mut Value) {
    for _ in 0..cluster.random.between(1, 4) {
        let mut volume = disk(&mut cluster.random);
        let position = pod["spec"]["volumes"].as_array().map_or(0, Vec::len);
        volume["name"] = json!(format!("disk-{position}"));
        push(pod, &["spec", "volumes"], volume);
    }
}

fn disk(random: &mut Random) -> Value {
    match random.below(14) {
        0..=1 => gce(random),
        2..=3 => {
            json!({"awsElasticBlockStore": {"volumeID": random.pick(&["vol-0a1", "vol-0a2", "aws://eu-north1-a/vol-0a1"])}})
        }
        4..=6 => json!({"iscsi": {
            "targetPortal": random.pick(&["10.1.0.1:3260", "10.1.0.2:3260"]), "lun": random.between(0, 1),
            "iqn": random.pick(&["iqn.2001-04.com.example:a", "iqn.2001-04.com.example:b"]),
            "iscsiInterface": "default", "readOnly": random.chance(70),
        }}),
        7..=11 => rbd(random),
        12 => json!({"azureDisk": {
            "diskName": "data", "kind": "Managed", "cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": false,
            "diskURI": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d{}", random.between(1, 2)),
        }}),
        _ => json!({"cinder": {"volumeID": format!("cinder-{}", random.between(1, 3))}}),
    }
}

fn gce(random: &mut Random) -> Value {
    let mut disk = json!({"pdName": random.pick(&["pd-1", "pd-2"])});
    if random.chance(65) {
        disk["readOnly"] = json!(true);
    }
    json!({"gcePersistentDisk": disk})
}

fn rbd(random: &mut Random) -> Value {
    let monitors =
        [["10.2.0.1:6789", "10.2.0.2:6789"], ["10.2.0.2:6789", "10.2.0.3:6789"], ["10.2.0.4:6789", "10.2.0.5:6789"]];
    let mut disk = json!({
        "monitors": random.weighted(&[(2, monitors[0]), (2, monitors[1]), (1, monitors[2])]),
        "image": random.weighted(&[(4, "image-a"), (1, "image-b")]),
        "user": "admin", "keyring": "/etc/ceph/keyring",
        "pool": random.weighted(&[(4, "rbd"), (1, "fast")]),
    });
    if random.chance(60) {
        disk["readOnly"] = json!(true);
    }
    // What the API server fills in; an older object may lack it.
    if random.chance(30) && disk["pool"] == "rbd" {
        disk.as_object_mut().map(|fields| fields.remove("pool"));
    }
    json!({"rbd": disk})
}
