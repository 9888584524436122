//! Where a node runs, for its price: its labels, or else what its zone or provider ID tell.

use model::{Node, Provider};

/// Region and zone, as far as known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Location {
    pub(super) region: Option<String>,
    pub(super) zone: Option<String>,
}

/// Labels of the storage drivers, for nodes whose cloud controller has not labelled them.
const STORAGE_ZONE_LABELS: [&str; 3] =
    ["topology.ebs.csi.aws.com/zone", "topology.gke.io/zone", "topology.disk.csi.azure.com/zone"];

/// Where the node runs.
pub(super) fn locate(node: &Node) -> Location {
    let provider = node.provider();
    let zone =
        node.zone().map(ToString::to_string).or_else(|| storage_zone(node)).or_else(|| zone_of_provider_id(node));
    let region = node
        .region()
        .map(ToString::to_string)
        .or_else(|| zone.as_deref().and_then(|zone| region_of_zone(provider?, zone)).map(str::to_owned));
    Location { region, zone }
}

/// Is this an ordinary zone of the region? AWS sells local and wavelength zones, such as `us-west-2-lax-1a` in
/// `us-west-2`, at other prices than the region's.
pub(super) fn is_zone_of_region(provider: Option<Provider>, location: &Location) -> bool {
    match (provider, &location.region, &location.zone) {
        (Some(Provider::Aws), Some(region), Some(zone)) => {
            region_of_zone(Provider::Aws, zone).is_none_or(|of_zone| of_zone == region)
        }
        _ => true,
    }
}

fn storage_zone(node: &Node) -> Option<String> {
    let value = STORAGE_ZONE_LABELS.iter().find_map(|key| node.labels.get(key).filter(|zone| !zone.is_empty()))?;
    Some(value.to_string())
}

/// `aws:///us-east-1a/i-0…` and `gce://project/us-central1-a/name` name the zone; Azure's does not.
fn zone_of_provider_id(node: &Node) -> Option<String> {
    let (scheme, path) = node.provider_id.split_once("://")?;
    let mut parts = path.split('/');
    let _account_or_project = parts.next()?;
    let zone = parts.next().filter(|zone| !zone.is_empty())?;
    // Without a third part the second is the instance.
    parts.next()?;
    matches!(scheme, "aws" | "gce").then(|| zone.to_owned())
}

/// `us-east-1a` is of `us-east-1`, `us-central1-a` of `us-central1`, `westeurope-2` of `westeurope`.
fn region_of_zone(provider: Provider, zone: &str) -> Option<&str> {
    let region = match provider {
        Provider::Aws => zone.strip_suffix(|letter: char| letter.is_ascii_lowercase())?,
        Provider::Gcp => zone.rsplit_once('-').filter(|(_, letter)| letter.len() == 1)?.0,
        Provider::Azure => zone.rsplit_once('-').filter(|(_, number)| number.parse::<u8>().is_ok())?.0,
        Provider::Other => return None,
    };
    (!region.is_empty()).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(provider_id: &str, labels: &[(&str, &str)]) -> (Option<String>, Option<String>) {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let node = Node { provider_id: provider_id.into(), labels: model::Labels::new(labels), ..Node::default() };
        let Location { region, zone } = locate(&node);
        (region, zone)
    }

    #[test]
    fn without_labels_the_provider_id_tells() {
        let known = |region: &str, zone: &str| (Some(region.to_owned()), Some(zone.to_owned()));
        assert_eq!(located("aws:///us-east-1a/i-0c", &[]), known("us-east-1", "us-east-1a"));
        assert_eq!(located("gce://acme/europe-west4-b/gke-x", &[]), known("europe-west4", "europe-west4-b"));
        let zone = [("topology.disk.csi.azure.com/zone", "westeurope-2")];
        assert_eq!(located("azure:///subscriptions/0/x", &zone), known("westeurope", "westeurope-2"));
    }

    #[test]
    fn odd_provider_ids_tell_nothing() {
        for id in [
            "",
            "aws",
            "aws://",
            "aws:///",
            "aws:///i-0c",
            "gce://a/b",
            "azure:///subscriptions/0",
            "://",
            "kind://docker/kind/x",
        ] {
            assert_eq!(located(id, &[]), (None, None), "{id}");
        }
    }

    #[test]
    fn a_local_zone_is_not_priced_as_its_region() {
        let at = |zone: &str| Location { region: Some("us-west-2".into()), zone: Some(zone.into()) };
        assert!(is_zone_of_region(Some(Provider::Aws), &at("us-west-2b")));
        assert!(!is_zone_of_region(Some(Provider::Aws), &at("us-west-2-lax-1a")));
    }
}
