//! One row of a price file.

use csv::ByteRecord;
use model::{CapacityType, Name, Price, PriceBasis, UsdPerHour};

use super::columns::Columns;

/// Above this a price is taken for a mistake: the dearest machines of the three clouds cost some hundred dollars an hour.
const ABSURD_USD_PER_HOUR: f64 = 1_000.0;

/// A field longer than this is shown cut.
const SHOWN_CHARACTERS: usize = 40;

/// What one row says.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceRow {
    /// The machine type.
    pub instance_type: Name,
    /// Where it holds; every region where absent.
    pub region: Option<Name>,
    /// Where it holds; every zone where absent.
    pub zone: Option<Name>,
    /// For which capacity it holds.
    pub capacity_type: CapacityType,
    /// The price, its basis, its source and date.
    pub price: Price,
    /// What the machine is, where the row says.
    pub shape: Shape,
}

/// A machine's shape, as far as a row gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Virtual CPUs.
    pub vcpu: Option<f64>,
    /// GiB of memory.
    pub memory_gib: Option<f64>,
    /// How many pods it takes.
    pub pods: Option<u32>,
    /// Such as `amd64`.
    pub arch: Option<Name>,
    /// GPUs.
    pub gpu: Option<u32>,
}

/// Why a row is left out: the field, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowFault {
    pub(super) field: &'static str,
    pub(super) wrong: String,
}

/// Reads a record. `basis` and `source` hold where the row names no source of its own.
pub(super) fn read_row(
    columns: &Columns,
    record: &ByteRecord,
    basis: PriceBasis,
    source: &Name,
) -> Result<PriceRow, RowFault> {
    let filled_beyond = record.iter().skip(columns.width).any(|field| !field.is_empty());
    if record.len() < columns.width || filled_beyond {
        let wrong = format!("has {} fields where the header has {}", record.len(), columns.width);
        return Err(RowFault { field: "row", wrong });
    }
    let text = |field: &'static str| -> Result<&str, RowFault> {
        std::str::from_utf8(columns.field(record, field))
            .map(str::trim)
            .map_err(|_| RowFault { field, wrong: "is not UTF-8".into() })
    };
    let name = |field: &'static str| text(field).map(|text| (!text.is_empty()).then(|| Name::from(text)));

    let Some(instance_type) = name("instance_type")? else {
        return Err(RowFault { field: "instance_type", wrong: "is empty".into() });
    };
    let capacity_type = read_capacity_type(text("capacity_type")?)?;
    let usd_per_hour = read_price(text("usd_per_hour")?)?;
    let shape = Shape {
        vcpu: read_amount("vcpu", text("vcpu")?)?,
        memory_gib: read_amount("memory_gib", text("memory_gib")?)?,
        pods: read_count("pods", text("pods")?)?,
        arch: name("arch")?,
        gpu: read_count("gpu", text("gpu")?)?,
    };
    let source = name("source")?.unwrap_or_else(|| source.clone());
    let as_of = name("as_of")?.unwrap_or_default();
    let price = Price { usd_per_hour, basis, source, as_of };
    Ok(PriceRow { instance_type, region: name("region")?, zone: name("zone")?, capacity_type, price, shape })
}

fn read_capacity_type(text: &str) -> Result<CapacityType, RowFault> {
    match text.to_ascii_lowercase().as_str() {
        "on-demand" => Ok(CapacityType::OnDemand),
        "spot" => Ok(CapacityType::Spot),
        _ => Err(RowFault { field: "capacity_type", wrong: format!("{} is neither on-demand nor spot", shown(text)) }),
    }
}

fn read_price(text: &str) -> Result<UsdPerHour, RowFault> {
    let fault = |wrong: String| RowFault { field: "usd_per_hour", wrong };
    if text.is_empty() {
        return Err(fault("is empty".into()));
    }
    let Some(dollars) = text.parse::<f64>().ok().filter(|dollars| !dollars.is_nan()) else {
        return Err(fault(format!("{} is not a number such as 0.192", shown(text))));
    };
    if dollars < 0.0 {
        return Err(fault(format!("{} is negative", shown(text))));
    }
    if dollars > ABSURD_USD_PER_HOUR {
        return Err(fault(format!("{} is above {ABSURD_USD_PER_HOUR} dollars an hour", shown(text))));
    }
    // Less than half a nano-dollar is nothing too.
    match UsdPerHour::from_dollars(dollars) {
        Some(price) if price > UsdPerHour::ZERO => Ok(price),
        _ => Err(fault(format!("{} is nothing; leave out rows of unknown price", shown(text)))),
    }
}

/// A positive decimal number, or none.
fn read_amount(field: &'static str, text: &str) -> Result<Option<f64>, RowFault> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount > 0.0 => Ok(Some(amount)),
        _ => Err(RowFault { field, wrong: format!("{} is not a number above 0", shown(text)) }),
    }
}

/// A whole number, or none.
fn read_count(field: &'static str, text: &str) -> Result<Option<u32>, RowFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || RowFault { field, wrong: format!("{} is not a whole number", shown(text)) };
    text.parse().map(Some).map_err(|_| wrong())
}

/// A field's text for a message: quoted, cut, without control characters.
pub(super) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("`{}{dots}`", cut.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price_of(text: &str) -> Result<UsdPerHour, String> {
        read_price(text).map_err(|fault| fault.wrong)
    }

    #[test]
    fn prices_that_are_none_are_refused() {
        for (text, wrong) in [
            ("", "is empty"),
            ("-0.1", "`-0.1` is negative"),
            ("-inf", "`-inf` is negative"),
            ("0", "`0` is nothing; leave out rows of unknown price"),
            ("1e-12", "`1e-12` is nothing; leave out rows of unknown price"),
            ("NaN", "`NaN` is not a number such as 0.192"),
            ("inf", "`inf` is above 1000 dollars an hour"),
            ("1000.01", "`1000.01` is above 1000 dollars an hour"),
            ("$0.10", "`$0.10` is not a number such as 0.192"),
            ("0,10", "`0,10` is not a number such as 0.192"),
        ] {
            assert_eq!(price_of(text), Err(wrong.to_owned()), "{text}");
        }
        assert_eq!(price_of("1000"), Ok(UsdPerHour::from_dollars(1000.0).unwrap()));
        assert_eq!(price_of("9.6e-2"), Ok(UsdPerHour::from_nanos(96_000_000)));
    }

    #[test]
    fn long_and_odd_fields_are_shown_short_and_clean() {
        assert_eq!(shown(&"x".repeat(100)).chars().count(), SHOWN_CHARACTERS + 3);
        assert_eq!(shown("a\u{1b}[31m\n"), "`a\\u{1b}[31m\\n`");
    }
}
