//! Any text as a quantity; its two roundings agree on its sign.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(quantity) = model::Quantity::parse(text) {
        assert_eq!(quantity.value() < 0, quantity.is_negative());
        assert!(quantity.rounded_up_to_milli() >= quantity || quantity.is_negative());
    }
});
