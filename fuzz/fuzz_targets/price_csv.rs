//! Any bytes as a price file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::price_csv(bytes));
