//! Any bytes as a price file: an error or a table, and no price that is not above zero.
#![no_main]

use observe::prices::PriceTable;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((table, _)) = PriceTable::empty().with_csv(bytes, "fuzz.csv") {
        assert!(table.rows().all(|row| row.price.usd_per_hour.nanos() > 0));
    }
});
