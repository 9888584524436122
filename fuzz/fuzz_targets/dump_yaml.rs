//! Any bytes as YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::dump_yaml(bytes));
