//! The price of each node, or why it has none and what would give it one.

use std::collections::BTreeMap;

use model::{CapacityType, Node, Price, Prices, Provider, Unpriced};

use super::location::{Location, is_zone_of_region, locate};
use super::table::{PriceTable, Wanted};

/// What a node's price depends on; nodes that agree in it are priced once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sort {
    instance_type: String,
    capacity_type: CapacityType,
    provider: Option<Provider>,
    location: Location,
    surcharge: Option<Surcharge>,
}

/// Why a machine's list price is not what the node costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Surcharge {
    /// List prices are for Linux.
    Windows,
    /// GPUs attached to a machine are billed beside it.
    AttachedGpu,
}

/// The prices of these nodes, in their order. The user's rows come before list prices; a spot node never gets an
/// on-demand price.
pub fn price_nodes(nodes: &[Node], table: &PriceTable) -> Prices {
    let mut priced: BTreeMap<Sort, Result<Price, Unpriced>> = BTreeMap::new();
    let price = |node: &Node| {
        let Some(sort) = sort(node) else {
            return Err(without_instance_type(node));
        };
        priced.entry(sort).or_insert_with_key(|sort| price_of(sort, table)).clone()
    };
    Prices { nodes: nodes.iter().map(price).collect(), offers: Vec::new() }
}

fn sort(node: &Node) -> Option<Sort> {
    let is_labelled = |key: &str| node.labels.get(key).is_some_and(|value| !value.is_empty());
    let is_windows = ["kubernetes.io/os", "beta.kubernetes.io/os"]
        .iter()
        .any(|key| node.labels.get(key).is_some_and(|os| &**os == "windows"));
    let surcharge = if is_windows {
        Some(Surcharge::Windows)
    } else if is_labelled("cloud.google.com/gke-accelerator") {
        Some(Surcharge::AttachedGpu)
    } else {
        None
    };
    Some(Sort {
        instance_type: node.instance_type()?.to_string(),
        capacity_type: node.capacity_type(),
        provider: node.provider(),
        location: locate(node),
        surcharge,
    })
}

fn price_of(sort: &Sort, table: &PriceTable) -> Result<Price, Unpriced> {
    let wanted = Wanted {
        instance_type: &sort.instance_type,
        capacity_type: sort.capacity_type,
        region: sort.location.region.as_deref(),
        zone: sort.location.zone.as_deref(),
    };
    if let Some(row) = table.find_contract(&wanted) {
        return Ok(row.price.clone());
    }
    let listed = table.find_list(sort.provider, &wanted);
    match listed.filter(|_| sort.surcharge.is_none() && is_zone_of_region(sort.provider, &sort.location)) {
        Some(row) => Ok(row.price.clone()),
        None => Err(unpriced(sort)),
    }
}

fn unpriced(sort: &Sort) -> Unpriced {
    let Sort { instance_type, capacity_type, provider, location, surcharge } = sort;
    let region = location.region.as_deref();
    let in_region = region.map_or(" in an unknown region".to_owned(), |region| format!(" in {region}"));
    let is_ordinary_zone = is_zone_of_region(*provider, location);
    let because = match surcharge {
        Some(Surcharge::Windows) => ": list prices are for Linux",
        Some(Surcharge::AttachedGpu) => ": its attached GPUs are billed beside the machine",
        None if !is_ordinary_zone => ": local zones have prices of their own",
        None if *provider == Some(Provider::Other) => ": no list prices of its provider",
        None => "",
    };
    // The zone matters where it has a price of its own: local zones, and AWS's spot prices.
    let zonal = !is_ordinary_zone || (*capacity_type == CapacityType::Spot && *provider == Some(Provider::Aws));
    let zone = location.zone.as_deref().filter(|_| zonal).unwrap_or_default();
    let in_zone = if zone.is_empty() { String::new() } else { format!(", zone {zone}") };
    Unpriced {
        reason: format!("no price for {instance_type}{in_region}{in_zone} ({capacity_type}){because}"),
        remedy: remedy(instance_type, region.unwrap_or_default(), zone, *capacity_type),
    }
}

fn without_instance_type(node: &Node) -> Unpriced {
    let is_fargate = node.labels.get("eks.amazonaws.com/compute-type").is_some_and(|kind| &**kind == "fargate");
    if is_fargate {
        return Unpriced {
            reason: "Fargate bills each pod, not the node".to_owned(),
            remedy: "none yet: pods on Fargate are left out of the totals".to_owned(),
        };
    }
    let row = remedy("TYPE", "", "", node.capacity_type());
    Unpriced {
        reason: "the node has no label node.kubernetes.io/instance-type, so nothing tells what machine it is"
            .to_owned(),
        remedy: format!("kubectl label node NODE node.kubernetes.io/instance-type=TYPE, and {row}"),
    }
}

/// The row that would price it, with the price left to fill in.
fn remedy(instance_type: &str, region: &str, zone: &str, capacity_type: CapacityType) -> String {
    // A comma or quote in a label cannot be; but the input is whatever a file said.
    let field = |text: &str| {
        let needs_quotes = text.contains([',', '"', '\n', '\r']);
        if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    format!(
        "add the row {},{},{},{capacity_type},USD_PER_HOUR,,,,, to --prices",
        field(instance_type),
        field(region),
        field(zone)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Labels, PriceBasis};

    const HEADER: &str = "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu\n";

    fn node(provider_id: &str, labels: &[(&str, &str)]) -> Node {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Node { provider_id: provider_id.into(), labels: Labels::new(labels), ..Node::default() }
    }

    fn aws(instance_type: &str, zone: &str, more: &[(&str, &str)]) -> Node {
        let id = format!("aws:///{zone}/i-0");
        node(&id, &[&[("node.kubernetes.io/instance-type", instance_type)], more].concat())
    }

    /// `DOLLARS BASIS SOURCE`, or `REASON | REMEDY`.
    fn priced(node: Node, rows: &str) -> String {
        let (table, findings) = PriceTable::list().with_csv(format!("{HEADER}{rows}").as_bytes(), "ours.csv").unwrap();
        assert_eq!(findings, []);
        match price_nodes(&[node], &table).nodes.remove(0) {
            Ok(price) => format!("{} {} {}", price.usd_per_hour.dollars(), price.basis, price.source),
            Err(unpriced) => format!("{} | {}", unpriced.reason, unpriced.remedy),
        }
    }

    #[test]
    fn list_prices_hold_where_nothing_else_does() {
        assert_eq!(priced(aws("m5.large", "us-east-1a", &[]), ""), "0.096 list aws on-demand list price");
        let gcp = [("node.kubernetes.io/instance-type", "n2-standard-4"), ("cloud.google.com/gke-spot", "true")];
        assert_eq!(priced(node("gce://p/us-central1-a/n", &gcp), ""), "0.09212 list gcp spot list price");
        let azure =
            [("node.kubernetes.io/instance-type", "Standard_D4s_v5"), ("topology.kubernetes.io/region", "westeurope")];
        assert_eq!(priced(node("azure:///subscriptions/0/x", &azure), ""), "0.23 list azure on-demand list price");
        let played =
            [("node.kubernetes.io/instance-type", "m5.xlarge"), ("topology.kubernetes.io/region", "us-west-2")];
        assert_eq!(priced(node("kwok://n", &played), ""), "0.192 list aws on-demand list price");
    }

    #[test]
    fn the_most_specific_of_the_users_rows_wins() {
        let rows = "m5.large,,,on-demand,4,,,,,\nm5.large,us-east-1,,on-demand,3,,,,,\n\
                    m5.large,,us-east-1a,on-demand,2,,,,,\nm5.large,us-east-1,us-east-1b,on-demand,1,,,,,\n";
        for (zone, dollars) in [("us-east-1a", "2"), ("us-east-1b", "1"), ("us-east-1c", "3"), ("eu-west-1a", "4")] {
            assert_eq!(priced(aws("m5.large", zone, &[]), rows), format!("{dollars} contract ours.csv"), "{zone}");
        }
    }

    #[test]
    fn the_users_row_prices_any_provider_and_any_surcharge() {
        let openstack = node("openstack:///1", &[("node.kubernetes.io/instance-type", "M1.Large")]);
        assert_eq!(priced(openstack, "m1.large,,,on-demand,0.05,,,,,\n"), "0.05 contract ours.csv");
        let windows = aws("m5.large", "us-east-1a", &[("kubernetes.io/os", "windows")]);
        assert_eq!(priced(windows, "m5.large,,,on-demand,0.188,,,,,\n"), "0.188 contract ours.csv");
    }

    #[test]
    fn a_spot_node_never_gets_an_on_demand_price() {
        let spot = aws("m5.large", "us-east-1a", &[("karpenter.sh/capacity-type", "spot")]);
        assert_eq!(
            priced(spot.clone(), "m5.large,,,on-demand,4,,,,,\n"),
            "no price for m5.large in us-east-1, zone us-east-1a (spot) | \
             add the row m5.large,us-east-1,us-east-1a,spot,USD_PER_HOUR,,,,, to --prices"
        );
        assert_eq!(priced(spot, "m5.large,us-east-1,us-east-1a,spot,0.03,,,,,\n"), "0.03 contract ours.csv");
    }

    #[test]
    fn what_the_list_price_does_not_cover_stays_unknown() {
        let reason = |node: Node| priced(node, "").split(" | ").next().unwrap().to_owned();
        assert_eq!(
            reason(aws("m5.large", "us-east-1a", &[("kubernetes.io/os", "windows")])),
            "no price for m5.large in us-east-1 (on-demand): list prices are for Linux"
        );
        let local = aws("t3.medium", "us-west-2-lax-1a", &[("topology.kubernetes.io/region", "us-west-2")]);
        assert_eq!(
            reason(local),
            "no price for t3.medium in us-west-2, zone us-west-2-lax-1a (on-demand): local zones have prices of their own"
        );
        let gpu = [
            ("node.kubernetes.io/instance-type", "n1-standard-4"),
            ("cloud.google.com/gke-accelerator", "nvidia-tesla-t4"),
        ];
        assert_eq!(
            reason(node("gce://p/us-central1-a/n", &gpu)),
            "no price for n1-standard-4 in us-central1 (on-demand): its attached GPUs are billed beside the machine"
        );
        let private =
            [("node.kubernetes.io/instance-type", "m5.large"), ("topology.kubernetes.io/region", "us-east-1")];
        assert_eq!(
            reason(node("openstack:///1", &private)),
            "no price for m5.large in us-east-1 (on-demand): no list prices of its provider"
        );
    }

    #[test]
    fn a_plain_kubeadm_node_is_unpriced_with_what_to_do() {
        assert_eq!(
            priced(node("", &[("kubernetes.io/hostname", "w1")]), ""),
            "the node has no label node.kubernetes.io/instance-type, so nothing tells what machine it is | \
             kubectl label node NODE node.kubernetes.io/instance-type=TYPE, \
             and add the row TYPE,,,on-demand,USD_PER_HOUR,,,,, to --prices"
        );
    }

    #[test]
    fn the_remedy_is_a_row_that_works() {
        let odd = node("", &[("node.kubernetes.io/instance-type", "big, \"red\"")]);
        let remedy = priced(odd.clone(), "").split("add the row ").nth(1).unwrap().to_owned();
        let row = remedy.strip_suffix(" to --prices").unwrap().replace("USD_PER_HOUR", "0.5");
        assert_eq!(priced(odd, &format!("{row}\n")), "0.5 contract ours.csv");
        assert_eq!(PriceBasis::Contract.to_string(), "contract");
    }
}
