//! What was sampled, written into ConfigMaps and read again: it survives whoever sampled it.

use std::io::{Read, Write};

use engine::rightsizing::sketch::Sketch;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use model::{Name, WorkloadRef};

use super::history::Key;

/// What it begins with; another version begins with something else.
const HEAD: &[u8] = b"plimsoll samples 1\n";
/// A ConfigMap holds a MiB, in base64 and with its metadata.
const MOST_BYTES: usize = 700_000;
/// A part that unpacks to more was not written by us.
const MOST_UNPACKED: u64 = 64 << 20;
/// As many containers are tried at first: they come to some 700 kB before they are packed.
const CONTAINERS: usize = 400;

/// Packed parts, none of them larger than a ConfigMap holds.
pub fn packed(sketches: &[(Key, Sketch)]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for some in sketches.chunks(CONTAINERS) {
        pack(some, &mut parts);
    }
    parts
}

fn pack(some: &[(Key, Sketch)], parts: &mut Vec<Vec<u8>>) {
    let mut packer = ZlibEncoder::new(HEAD.to_vec(), Compression::default());
    let mut write = || -> std::io::Result<()> {
        for (key, sketch) in some {
            let WorkloadRef { kind, namespace, name } = &key.workload;
            for bytes in [namespace.as_bytes(), kind.as_bytes(), name.as_bytes(), key.container.as_bytes()] {
                field(&mut packer, bytes)?;
            }
            field(&mut packer, &sketch.to_bytes())?;
        }
        Ok(())
    };
    // Into memory nothing fails but a name longer than Kubernetes has any: nothing is kept of that one then.
    let is_written = write().is_ok();
    let part = packer.finish().unwrap_or_default();
    if is_written && part.len() <= MOST_BYTES {
        parts.push(part);
    } else if some.len() > 1 {
        let (first, second) = some.split_at(some.len() / 2);
        pack(first, parts);
        pack(second, parts);
    }
}

fn field(to: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(std::io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

/// What a part holds, or what is wrong with it.
pub fn unpacked(part: &[u8]) -> Result<Vec<(Key, Sketch)>, &'static str> {
    let packed = part.strip_prefix(HEAD).ok_or("it is of another version")?;
    let mut bytes = Vec::new();
    let read = ZlibDecoder::new(packed).take(MOST_UNPACKED + 1).read_to_end(&mut bytes);
    read.map_err(|_| "it cannot be unpacked")?;
    if bytes.len() as u64 > MOST_UNPACKED {
        return Err("it is larger than any of ours");
    }
    let mut rest = &bytes[..];
    let mut sketches = Vec::new();
    while !rest.is_empty() {
        let mut next = || taken(&mut rest).ok_or("it ends early");
        let fields = [next()?, next()?, next()?, next()?, next()?];
        let text = |at: usize| std::str::from_utf8(fields[at]).map(Name::from).map_err(|_| "a name is no text");
        let workload = WorkloadRef { namespace: text(0)?, kind: text(1)?, name: text(2)? };
        let sketch = Sketch::from_bytes(fields[4]).ok_or("a sketch is none")?;
        sketches.push((Key { workload, container: text(3)? }, sketch));
    }
    Ok(sketches)
}

fn taken<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (field, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *rest = after;
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::rightsizing::Resource;
    use model::Time;

    fn sketches(containers: usize, days: i64) -> Vec<(Key, Sketch)> {
        let mut random = 7_u64;
        let one = |number: usize| {
            let workload = WorkloadRef {
                kind: "Deployment".into(),
                namespace: "shop".into(),
                name: format!("web-{number}").into(),
            };
            let mut sketch = Sketch::default();
            for slot in 0..days * 288 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let amount = (random >> 33) as f64 / 1e9;
                sketch.put(Resource::Cpu, Time(1_795_132_800 + slot * 300), amount);
                sketch.put(Resource::Memory, Time(1_795_132_800 + slot * 300), amount * 1e9);
            }
            (Key { workload, container: "main".into() }, sketch)
        };
        (0..containers).map(one).collect()
    }

    #[test]
    fn everything_is_read_again_and_no_part_is_too_large_for_a_config_map() {
        let sketches = sketches(900, 14);
        let parts = packed(&sketches);
        assert!(parts.len() > 3 && parts.iter().all(|part| part.len() <= MOST_BYTES), "{}", parts.len());
        let read: Vec<(Key, Sketch)> = parts.iter().flat_map(|part| unpacked(part).unwrap()).collect();
        assert!(read == sketches);
    }

    #[test]
    fn what_is_broken_or_foreign_is_named_and_never_a_panic() {
        let part = packed(&sketches(3, 1)).remove(0);
        assert_eq!(unpacked(b"plimsoll samples 2\n..."), Err("it is of another version"));
        for end in 0..part.len() {
            assert!(unpacked(&part[..end]).is_err(), "{end}");
        }
        for at in 0..part.len() {
            let mut broken = part.clone();
            broken[at] ^= 0x10;
            assert!(unpacked(&broken).is_err(), "{at}");
        }
    }
}
