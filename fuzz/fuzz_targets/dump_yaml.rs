//! Any bytes as YAML, alone and as an item of a list.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut document = b"---\n".to_vec();
    document.extend_from_slice(bytes);
    let _ = observe::read_bytes("fuzz", &document);
    let mut list = b"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n".to_vec();
    list.extend_from_slice(bytes);
    let _ = observe::read_bytes("fuzz", &list);
});
