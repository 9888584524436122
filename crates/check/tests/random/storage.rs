//! Volumes, claims, classes and drivers of a random cluster.

use model::placement::NodeSelectorTerm;
use model::storage::*;
use model::{LabelSelector, Name, Requirement, SelectorOperator, Snapshot, Volume};

use super::{DRIVER, KEYS, NAMESPACES, Random};
use crate::support::labels;

pub(super) fn storage(r: &mut Random, snapshot: &mut Snapshot) {
    for (name, provisioner, waits) in [
        ("late", DRIVER, true),
        ("static", "kubernetes.io/no-provisioner", true),
        ("intree", "kubernetes.io/aws-ebs", true),
        ("early", DRIVER, false),
    ] {
        let allowed_topologies = match r.below(4) {
            0 => vec![vec![(Name::from(KEYS[1]), vec![Name::from("z1"), Name::from("z2")])], vec![]],
            _ => vec![],
        };
        let waits_for_consumer = waits;
        let class =
            StorageClass { name: name.into(), provisioner: provisioner.into(), waits_for_consumer, allowed_topologies };
        snapshot.storage_classes.insert(name.into(), class);
    }
    let driver =
        CsiDriver { name: DRIVER.into(), storage_capacity: r.percent(50), prevent_scheduling_if_missing: false };
    snapshot.csi_drivers.insert(DRIVER.into(), driver);
    for at in 0..2 {
        snapshot.csi_capacities.push(CsiStorageCapacity {
            namespace: "one".into(),
            name: format!("capacity-{at}").into(),
            storage_class: "late".into(),
            topology: if r.percent(80) {
                let values = vec![Name::from(r.of(&["z1", "z2", "z3"]))];
                let requirement = Requirement { key: KEYS[1].into(), operator: SelectorOperator::In, values };
                Some(LabelSelector { requirements: vec![requirement] })
            } else {
                None
            },
            capacity: Some(r.below(6) as i64 * (1 << 30)),
            maximum_volume_size: if r.percent(30) { Some(2 << 30) } else { None },
        });
    }
    for node in snapshot.nodes.clone() {
        if r.percent(15) {
            continue;
        }
        let limits = [Some(1), Some(2), Some(3), None];
        snapshot.csi_nodes.insert(
            node.name.clone(),
            CsiNode {
                node: node.name.clone(),
                drivers: vec![
                    (DRIVER.into(), limits[r.below(4) as usize]),
                    ("ebs.csi.aws.com".into(), limits[r.below(4) as usize]),
                ],
                migrated_plugins: if r.percent(60) { vec!["kubernetes.io/aws-ebs".into()] } else { vec![] },
            },
        );
    }
    for at in 0..14u64 {
        let namespace: Name = NAMESPACES[(at % 3) as usize].into();
        let name: Name = format!("pv-{at:02}").into();
        snapshot.volumes.insert(name.clone(), persistent_volume(r, name, at));
        for namespace in
            NAMESPACES.iter().filter(|other| **other == &*namespace || r.percent(60)).copied().collect::<Vec<_>>()
        {
            let claim = claim(r, namespace.into(), at, snapshot);
            snapshot.claims.insert((namespace.into(), claim.name.clone()), claim);
        }
    }
    for at in 0..r.below(5) {
        snapshot.volume_attachments.push(VolumeAttachment {
            name: format!("attachment-{at}").into(),
            node: snapshot.nodes[r.below(snapshot.nodes.len() as u64) as usize].name.clone(),
            attacher: DRIVER.into(),
            volume: Some(format!("pv-{:02}", r.below(16)).into()),
        });
    }
}

fn persistent_volume(r: &mut Random, name: Name, at: u64) -> PersistentVolume {
    let source = match r.below(4) {
        0 => VolumeSource::InTree { plugin: "kubernetes.io/aws-ebs".into(), handle: format!("vol-{at}").into() },
        1 => VolumeSource::Local,
        _ => VolumeSource::Csi { driver: DRIVER.into(), handle: format!("handle-{}", at / 2).into() },
    };
    let affine = r.percent(40) || source == VolumeSource::Local;
    let expression = |key: &str, value: &str| Requirement {
        key: key.into(),
        operator: SelectorOperator::In,
        values: vec![value.into()],
    };
    let keys = [KEYS[1], "failure-domain.beta.kubernetes.io/zone", "rack"];
    let node_affinity = affine.then(|| {
        vec![NodeSelectorTerm {
            match_expressions: vec![expression(r.of(&keys), r.of(&["z1", "z2", "1"]))],
            match_fields: vec![],
        }]
    });
    let pairs: &[(&str, &str)] = match r.below(6) {
        0 => &[("topology.kubernetes.io/zone", "z1__z2")],
        1 => &[("failure-domain.beta.kubernetes.io/zone", "z1")],
        2 => &[("topology.kubernetes.io/zone", "z2")],
        _ => &[],
    };
    PersistentVolume {
        name,
        labels: labels(pairs),
        node_affinity,
        storage_class: r.of(&["late", "static", "static", "intree"]).into(),
        capacity: (1 + r.below(3) as i64) << 30,
        access_modes: if r.percent(80) { vec![AccessMode::ReadWriteOnce] } else { vec![AccessMode::ReadWriteMany] },
        is_block: r.percent(5),
        phase: if r.percent(80) { "Available" } else { "Released" }.into(),
        claim: None,
        source,
        terminating: r.percent(5),
        attributes_class: None,
        created: None,
    }
}

fn claim(r: &mut Random, namespace: Name, at: u64, snapshot: &mut Snapshot) -> PersistentVolumeClaim {
    let is_bound = r.percent(70);
    let class: Option<Name> = match r.below(8) {
        0 => None,
        1 => Some("early".into()),
        2 => Some("nowhere".into()),
        3 => Some("intree".into()),
        4 | 5 => Some("late".into()),
        _ => Some("static".into()),
    };
    let name: Name = format!("claim-{at}").into();
    let uid: Name = format!("uid-{namespace}-{name}").into();
    let volume: Name =
        if is_bound { format!("pv-{:02}", if r.percent(95) { at } else { 99 }).into() } else { "".into() };
    if r.percent(15)
        && let Some(volume) = snapshot.volumes.get_mut(&*format!("pv-{at:02}"))
    {
        volume.claim = Some((namespace.clone(), name.clone(), if r.percent(70) { uid.clone() } else { "".into() }));
    }
    PersistentVolumeClaim {
        namespace,
        name,
        uid,
        storage_class: class,
        volume,
        bind_completed: is_bound && r.percent(95),
        selected_node: if r.percent(5) { Some("node-1".into()) } else { None },
        access_modes: vec![if r.percent(15) { AccessMode::ReadWriteOncePod } else { AccessMode::ReadWriteOnce }],
        request: (1 + r.below(3) as i64) << 30,
        selector: None,
        is_block: false,
        controller_uid: None,
        attributes_class: None,
        terminating: r.percent(3),
        phase: if r.percent(3) { "Lost" } else { "Pending" }.into(),
        created: None,
    }
}

pub(super) fn ephemeral_claims(r: &mut Random, snapshot: &mut Snapshot) {
    for pod in snapshot.pods.clone() {
        if pod.spec.volumes.contains(&Volume::Ephemeral { volume: "scratch".into() }) && r.percent(85) {
            let mut claim = claim(r, pod.namespace.clone(), 50, snapshot);
            claim.name = format!("{}-scratch", pod.name).into();
            claim.controller_uid = Some(if r.percent(85) { pod.uid.clone() } else { "another".into() });
            claim.volume = "".into();
            claim.bind_completed = false;
            claim.storage_class = Some("late".into());
            snapshot.claims.insert((pod.namespace.clone(), claim.name.clone()), claim);
        }
    }
}
