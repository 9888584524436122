//! Any bytes as a dump: an error or a snapshot, never a panic, never without end.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = observe::read_bytes("fuzz", bytes);
    // Most random bytes are no JSON at all; as an item of a list they get further.
    let mut list = br#"{"apiVersion":"v1","kind":"PodList","items":["#.to_vec();
    list.extend_from_slice(bytes);
    list.extend_from_slice(b"]}");
    let _ = observe::read_bytes("fuzz", &list);
});
