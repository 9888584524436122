//! VolumeZone: a bound volume with zone or region labels goes to nodes with the same ones.

use model::{Name, Node, Pod, Snapshot, Volume};

use crate::rule::{Rejection, Rule};

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
const LABELS: [&str; 4] = [BETA_ZONE, BETA_REGION, ZONE, REGION];

pub(super) fn rejects(snapshot: &Snapshot, pod: &Pod, node: &Node) -> Option<Rejection> {
    let reject = |detail: String| Some(Rejection::new(Rule::VolumeZone, detail));
    let has_zone = LABELS.iter().any(|key| node.labels.get(key).is_some());
    for volume in &pod.spec.volumes {
        // Generic ephemeral volumes are not looked at.
        let Volume::Claim { claim: name } = volume else { continue };
        let Some(claim) = snapshot.claims.get(&(pod.namespace.clone(), name.clone())) else {
            return reject(format!("claim {name} does not exist"));
        };
        if claim.volume.is_empty() {
            let class = claim.storage_class.as_ref().and_then(|class| snapshot.storage_classes.get(class));
            if !class.is_some_and(|class| class.waits_for_consumer) {
                return reject(format!("claim {name} has no volume, and its class does not wait for a pod"));
            }
            continue;
        }
        let Some(volume) = snapshot.volumes.get(&claim.volume) else {
            return reject(format!("volume {} of claim {name} does not exist", claim.volume));
        };
        for key in LABELS {
            let Some(zones) = volume.labels.get(key).and_then(zones) else { continue };
            let at = node.labels.get(key).or_else(|| node.labels.get(current_name(key)));
            if has_zone && !at.is_some_and(|at| zones.contains(&&**at)) {
                return reject(format!("volume {} is in {}", claim.volume, zones.join(", ")));
            }
        }
    }
    None
}

/// A list of zones; one with an empty part is ignored as a whole.
fn zones(value: &Name) -> Option<Vec<&str>> {
    let zones: Vec<&str> = value.split("__").map(str::trim).collect();
    zones.iter().all(|zone| !zone.is_empty()).then_some(zones)
}

fn current_name(key: &str) -> &str {
    match key {
        BETA_ZONE => ZONE,
        BETA_REGION => REGION,
        _ => key,
    }
}
