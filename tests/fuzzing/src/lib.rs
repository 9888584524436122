//! What holds of any input of the parsers. `fuzz` looks for inputs of which it does not; the tests here try some.

use observe::prices::PriceTable;

/// Any bytes as a dump: an error or a snapshot, never a panic, never without end.
pub fn dump_json(bytes: &[u8]) {
    let _ = observe::read_bytes("fuzz", bytes);
    // Most random bytes are no JSON at all; as an item of a list they get further.
    let list = [br#"{"apiVersion":"v1","kind":"PodList","items":["#, bytes, b"]}"].concat();
    let _ = observe::read_bytes("fuzz", &list);
}

/// Any bytes as YAML, alone and as an item of a list.
pub fn dump_yaml(bytes: &[u8]) {
    let _ = observe::read_bytes("fuzz", &[b"---\n", bytes].concat());
    let item = b"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n";
    let _ = observe::read_bytes("fuzz", &[item, bytes].concat());
}

/// Any text as a quantity; its two roundings agree on its sign.
pub fn quantity(text: &str) {
    if let Ok(quantity) = model::Quantity::parse(text) {
        assert_eq!(quantity.value() < 0, quantity.is_negative());
        assert!(quantity.rounded_up_to_milli() >= quantity || quantity.is_negative());
    }
}

/// Any bytes as a price file: an error or a table, and no price that is not above zero.
pub fn price_csv(bytes: &[u8]) {
    if let Ok((table, _)) = PriceTable::empty().with_csv(bytes, "fuzz.csv") {
        assert!(table.rows().all(|row| row.price.usd_per_hour.nanos() > 0));
    }
}
