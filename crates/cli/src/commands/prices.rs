//! `plimsoll prices`: what the nodes cost, and how that is known.

use std::collections::BTreeMap;
use std::io::Write;

use model::{CapacityType, Name, Prices, Snapshot, Unpriced, UsdPerHour};
use observe::prices::{PriceRow, PriceTable};
use serde::Serialize;

use super::analyze::PriceDocument;
use crate::args::{Format, PricesArgs};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document::{json, yaml};
use crate::render::grid::{Cell, Column, Grid};
use crate::render::money;
use crate::render::text::{clean, count};
use crate::scope::Scope;

/// Runs it.
pub fn run(args: &PricesArgs, out: &mut Output) -> Result<Exit, Failure> {
    if args.list {
        list(args, &input::price_table(&args.prices)?, out)?;
        return Ok(Exit::Done);
    }
    let snapshot = input::snapshot(&args.input)?;
    let prices = input::prices(&snapshot, &args.prices)?;
    let scope = Scope { namespace: None, selector: args.selector.clone() };
    let nodes: Vec<usize> =
        (0..snapshot.nodes.len()).filter(|node| scope.contains("", &snapshot.nodes[*node].labels)).collect();
    match args.output {
        Format::Json => json(out, &documents(&snapshot, &prices, &nodes))?,
        Format::Yaml => yaml(out, &documents(&snapshot, &prices, &nodes))?,
        Format::Wide | Format::Csv => by_node(&snapshot, &prices, &nodes).write(out, args.output)?,
        format => {
            by_sort(&snapshot, &prices, &nodes).write(out, format)?;
            total(&prices, &nodes, out)?;
        }
    }
    Ok(Exit::Done)
}

fn total(prices: &Prices, nodes: &[usize], out: &mut Output) -> Result<(), Failure> {
    let totals = engine::analyze::Totals::of(nodes.iter().map(|node| prices.of(*node)));
    let amount = format!("{} an hour, {} a month", money::hour(totals.usd_per_hour), money::month(totals.usd_per_hour));
    writeln!(out, "\n{}: {amount}; {}", count(totals.nodes - totals.nodes_unpriced, "priced node"), money::month_is())?;
    let mut unpriced: BTreeMap<&Unpriced, usize> = BTreeMap::new();
    for node in nodes {
        if let Some(Err(reason)) = prices.nodes.get(*node) {
            *unpriced.entry(reason).or_default() += 1;
        }
    }
    if !unpriced.is_empty() {
        writeln!(out, "\n{} without a price, in no total:", count(totals.nodes_unpriced, "node"))?;
    }
    for (Unpriced { reason, remedy }, nodes) in unpriced {
        writeln!(out, "- {}: {} → {}", count(nodes, "node"), clean(reason), clean(remedy))?;
    }
    Ok(())
}

/// A row for each kind of node.
fn by_sort(snapshot: &Snapshot, prices: &Prices, nodes: &[usize]) -> Grid {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct Sort<'a> {
        instance_type: Option<&'a Name>,
        region: Option<&'a Name>,
        capacity_type: CapacityType,
        price: Option<(UsdPerHour, String, &'a Name, &'a Name)>,
    }
    let mut sorts: BTreeMap<Sort<'_>, usize> = BTreeMap::new();
    for at in nodes {
        let node = &snapshot.nodes[*at];
        let price = prices.nodes.get(*at).and_then(|price| price.as_ref().ok());
        let sort = Sort {
            instance_type: node.instance_type(),
            region: node.region(),
            capacity_type: node.capacity_type(),
            price: price.map(|price| (price.usd_per_hour, price.basis.to_string(), &price.source, &price.as_of)),
        };
        *sorts.entry(sort).or_default() += 1;
    }
    let mut grid = Grid::new(&[
        Column::words("TYPE"),
        Column::words("REGION"),
        Column::words("CAPACITY"),
        Column::numbers("NODES"),
        Column::numbers("$/HOUR EACH"),
        Column::numbers("$/MONTH ALL"),
        Column::words("BASIS"),
        Column::words("SOURCE"),
        Column::words("AS OF"),
    ]);
    let mut rows: Vec<(Sort<'_>, usize)> = sorts.into_iter().collect();
    let all = |sort: &Sort<'_>, nodes: usize| sort.price.as_ref().map(|(each, ..)| *each * nodes as i64);
    rows.sort_by_key(|(sort, nodes)| std::cmp::Reverse(all(sort, *nodes)));
    for (sort, nodes) in rows {
        let text = |name: Option<&Name>| Cell::or_none(name.filter(|name| !name.is_empty()).map(ToString::to_string));
        let month = Cell::month(all(&sort, nodes));
        let (each, basis, source, as_of) = match &sort.price {
            Some((each, basis, source, as_of)) => {
                (Some(*each), basis.clone().into(), source.to_string().into(), text(Some(as_of)))
            }
            None => (None, Cell::none(), Cell::none(), Cell::none()),
        };
        grid.row(vec![
            text(sort.instance_type),
            text(sort.region),
            sort.capacity_type.to_string().into(),
            nodes.to_string().into(),
            Cell::hour(each),
            month,
            basis,
            source,
            as_of,
        ]);
    }
    grid
}

fn by_node(snapshot: &Snapshot, prices: &Prices, nodes: &[usize]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("NODE"),
        Column::words("TYPE"),
        Column::words("REGION"),
        Column::words("ZONE"),
        Column::words("CAPACITY"),
        Column::numbers("USD PER HOUR"),
        Column::words("BASIS"),
        Column::words("SOURCE"),
        Column::words("AS OF"),
        Column::words("UNKNOWN BECAUSE"),
        Column::words("REMEDY"),
    ]);
    for at in nodes {
        let node = &snapshot.nodes[*at];
        let text = |name: Option<&Name>| Cell::or_none(name.map(ToString::to_string));
        let mut row = vec![
            node.name.to_string().into(),
            text(node.instance_type()),
            text(node.region()),
            text(node.zone()),
            node.capacity_type().to_string().into(),
            Cell::hour(prices.of(*at)),
        ];
        let none = Cell::none;
        match prices.nodes.get(*at) {
            Some(Ok(price)) => row.extend([
                price.basis.to_string().into(),
                price.source.to_string().into(),
                text(Some(&price.as_of).filter(|as_of| !as_of.is_empty())),
                none(),
                none(),
            ]),
            Some(Err(unpriced)) => {
                row.extend([none(), none(), none(), unpriced.reason.clone().into(), unpriced.remedy.clone().into()]);
            }
            None => row.extend(std::iter::repeat_with(none).take(5)),
        }
        grid.row(row);
    }
    grid
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodePrice {
    node: String,
    instance_type: Option<String>,
    region: Option<String>,
    zone: Option<String>,
    capacity_type: String,
    /// Null where unknown.
    usd_per_hour: Option<f64>,
    price: PriceDocument,
}

fn documents(snapshot: &Snapshot, prices: &Prices, nodes: &[usize]) -> Vec<NodePrice> {
    let document = |at: &usize| {
        let node = &snapshot.nodes[*at];
        let text = |name: Option<&Name>| name.map(ToString::to_string);
        Some(NodePrice {
            node: node.name.to_string(),
            instance_type: text(node.instance_type()),
            region: text(node.region()),
            zone: text(node.zone()),
            capacity_type: node.capacity_type().to_string(),
            usd_per_hour: prices.of(*at).map(UsdPerHour::dollars),
            price: prices.nodes.get(*at)?.into(),
        })
    };
    nodes.iter().filter_map(document).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedPrice {
    instance_type: String,
    region: Option<String>,
    zone: Option<String>,
    capacity_type: String,
    usd_per_hour: f64,
    basis: String,
    source: String,
    as_of: String,
}

/// The prices known, the user's first.
fn list(args: &PricesArgs, table: &PriceTable, out: &mut Output) -> Result<(), Failure> {
    let begins = |have: &str, wanted: &str| have.to_ascii_lowercase().starts_with(&wanted.to_ascii_lowercase());
    let is_meant = |row: &&PriceRow| {
        let of_type = args.instance_type.as_ref().is_none_or(|wanted| begins(&row.instance_type, wanted));
        let region = row.region.as_deref();
        // A row without a region holds in all of them.
        let in_region =
            args.region.as_ref().is_none_or(|wanted| region.is_none_or(|region| region.eq_ignore_ascii_case(wanted)));
        of_type && in_region
    };
    let rows: Vec<&PriceRow> = table.rows().filter(is_meant).collect();
    let text = |name: &Option<Name>| name.as_ref().map(ToString::to_string);
    let document = |row: &&PriceRow| ListedPrice {
        instance_type: row.instance_type.to_string(),
        region: text(&row.region),
        zone: text(&row.zone),
        capacity_type: row.capacity_type.to_string(),
        usd_per_hour: row.price.usd_per_hour.dollars(),
        basis: row.price.basis.to_string(),
        source: row.price.source.to_string(),
        as_of: row.price.as_of.to_string(),
    };
    let documents = || rows.iter().map(document).collect::<Vec<_>>();
    match args.output {
        Format::Json => return json(out, &documents()),
        Format::Yaml => return yaml(out, &documents()),
        _ => {}
    }
    // These are the columns that --prices takes, so that a row can be copied and changed.
    let mut grid = Grid::new(&[
        Column::words("INSTANCE TYPE"),
        Column::words("REGION"),
        Column::words("ZONE"),
        Column::words("CAPACITY TYPE"),
        Column::numbers("USD PER HOUR"),
        Column::numbers("VCPU"),
        Column::numbers("MEMORY GIB"),
        Column::numbers("PODS").wide(),
        Column::words("ARCH"),
        Column::numbers("GPU").wide(),
        Column::words("SOURCE"),
        Column::words("AS OF"),
    ]);
    for row in &rows {
        let number = |number: Option<f64>| Cell::or_none(number.map(|number| number.to_string()));
        let whole = |number: Option<u32>| Cell::or_none(number.map(|number| number.to_string()));
        let cell = |name: &Option<Name>| Cell::or_none(text(name));
        grid.row(vec![
            row.instance_type.to_string().into(),
            cell(&row.region),
            cell(&row.zone),
            row.capacity_type.to_string().into(),
            Cell::hour(Some(row.price.usd_per_hour)),
            number(row.shape.vcpu),
            number(row.shape.memory_gib),
            whole(row.shape.pods),
            cell(&row.shape.arch),
            whole(row.shape.gpu),
            row.price.source.to_string().into(),
            row.price.as_of.to_string().into(),
        ]);
    }
    grid.write(out, args.output)
}
