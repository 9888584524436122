//! Every built-in list price against the price data kept for tests, which the product never reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::CapacityType;

use super::PriceTable;

/// How far ours may be from theirs.
const TOLERANCE: f64 = 0.05;

/// The Azure data keeps either the Linux or the Windows meter of the AMD families of v5, differently by size and region
/// (`Standard_D2as_v5` at $0.178 and `Standard_D4as_v5` at $0.172 in eastus); Windows costs this much more for each core.
const AZURE_WINDOWS_USD_PER_CORE: f64 = 0.046;

/// (instance type, region, capacity type) and its price.
type Data = BTreeMap<(String, String, CapacityType), f64>;

fn data_folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    if folder.join("prices").is_dir() {
        return Some(folder.join("prices"));
    }
    assert!(std::env::var_os("CI").is_none(), "no price data in {}, and CI is set", folder.display());
    eprintln!("skipped: no price data in {}; set PLIMSOLL_DATA to where it is", folder.display());
    None
}

fn read(data: &mut Data, file: &Path, name: &str, columns: &[(CapacityType, &str)]) {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |column: &str| header.iter().position(|have| have == column).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        for (capacity_type, column) in columns {
            if let Ok(dollars) = record[at(column)].parse() {
                data.insert((record[at(name)].to_owned(), record[at("region")].to_owned(), *capacity_type), dollars);
            }
        }
    }
}

#[test]
fn built_in_list_prices_are_within_five_per_cent_of_the_data() {
    let Some(folder) = data_folder() else { return };
    let mut data = Data::new();
    read(&mut data, &folder.join("aws.csv"), "instance_type", &[(CapacityType::OnDemand, "od_usd_h")]);
    read(&mut data, &folder.join("azure.csv"), "sku", &[(CapacityType::OnDemand, "od_usd_h")]);
    let both = [(CapacityType::OnDemand, "od_usd_h"), (CapacityType::Spot, "spot_usd_h")];
    read(&mut data, &folder.join("gcp.csv"), "machine_type", &both);

    let mut compared = 0;
    let mut off = Vec::new();
    let table = PriceTable::list();
    for row in table.rows() {
        let region = row.region.as_deref().unwrap().to_owned();
        let Some(theirs) = data.get(&(row.instance_type.to_string(), region, row.capacity_type)) else { continue };
        compared += 1;
        let ours = row.price.usd_per_hour.dollars();
        let windows = ours + AZURE_WINDOWS_USD_PER_CORE * row.shape.vcpu.unwrap();
        let is_windows_meter = row.instance_type.ends_with("as_v5") && (windows / theirs - 1.0).abs() < 0.01;
        if (ours / theirs - 1.0).abs() > TOLERANCE && !is_windows_meter {
            off.push(format!("{} {:?}: ours {ours}, theirs {theirs}", row.instance_type, row.region));
        }
    }
    assert!(compared > 2_000, "only {compared} rows are in the data");
    assert!(off.is_empty(), "{} of {compared} are off: {off:#?}", off.len());
}
