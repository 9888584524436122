//! Opens files, folders and stdin, undoes gzip and zstd, and tells formats apart by their content.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use super::json::Cutter;
use super::pipeline::Feeder;
use super::yaml::Splitter;
use super::{Limits, ReadError};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// How far into an input its format must show.
const HEAD_BYTES: usize = 16 << 10;

/// Reads all paths in order; `-` is stdin.
pub(crate) fn feed_paths(paths: &[PathBuf], limits: &Limits, feeder: &mut Feeder) -> Result<(), ReadError> {
    let mut budget = limits.total_bytes;
    for path in paths {
        if path.as_os_str() == "-" {
            feed(Box::new(std::io::stdin()), "stdin", limits, &mut budget, feeder)?;
        } else if path.is_dir() {
            let files = files_below(path)?;
            for file in &files {
                match feed_file(file, limits, &mut budget, feeder) {
                    // Dumps of empty namespaces leave empty files behind.
                    Err(ReadError::Empty { .. }) => {}
                    result => result?,
                }
            }
        } else {
            feed_file(path, limits, &mut budget, feeder)?;
        }
    }
    Ok(())
}

/// All files of a folder and the folders in it that could be dumps, in sorted order.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let open = |source| ReadError::Open { path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(open)? {
            let entry = entry.map_err(open)?;
            let path = entry.path();
            // Links to folders are not followed: they can form circles.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.is_file() && is_dump_name(&path) {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        return Err(ReadError::EmptyFolder { path: folder.to_owned() });
    }
    files.sort();
    Ok(files)
}

fn is_dump_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    [".json", ".yaml", ".yml"].iter().any(|suffix| name.ends_with(suffix))
}

fn feed_file(path: &Path, limits: &Limits, budget: &mut u64, feeder: &mut Feeder) -> Result<(), ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
    feed(Box::new(file), &path.to_string_lossy(), limits, budget, feeder)
}

/// Reads one stream, whatever it is.
pub(crate) fn feed(
    stream: Box<dyn Read + '_>,
    name: &str,
    limits: &Limits,
    budget: &mut u64,
    feeder: &mut Feeder,
) -> Result<(), ReadError> {
    feeder.begin_input(name);
    let io = |source| ReadError::Io { input: name.to_owned(), offset: 0, source };
    let stream = decompressed(stream).map_err(io)?;
    let mut stream = BufReader::with_capacity(CHUNK_BYTES, stream);
    let head = read_head(&mut stream).map_err(io)?;
    let format = format_of(&head);
    let skip = if head.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut whole = Metered { stream: Cursor::new(head).chain(stream), name, left: budget, read: 0 };
    match format {
        Format::Empty => Err(ReadError::Empty { input: name.to_owned() }),
        Format::Binary => Err(ReadError::Syntax { input: name.to_owned(), problem: "it is binary".to_owned() }),
        Format::Json => {
            let mut cutter = Cutter::new(name, limits);
            whole.each_chunk(skip, |chunk| cutter.push(chunk, feeder))?;
            cutter.finish()
        }
        Format::Yaml => {
            let mut splitter = Splitter::new(name, limits);
            whole.each_chunk(skip, |chunk| splitter.push(chunk, feeder))?;
            splitter.finish(feeder)
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

enum Format {
    Empty,
    Json,
    Yaml,
    Binary,
}

/// Told by the first bytes, not by the name.
fn format_of(head: &[u8]) -> Format {
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    if text.contains(&0) {
        return Format::Binary;
    }
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None if head.len() < HEAD_BYTES => Format::Empty,
        Some(b'{' | b'[') => Format::Json,
        _ => match std::str::from_utf8(text) {
            Ok(_) => Format::Yaml,
            // The head may end within a character.
            Err(error) if error.valid_up_to() + 4 > text.len() => Format::Yaml,
            Err(_) => Format::Binary,
        },
    }
}

fn decompressed<'a>(stream: Box<dyn Read + 'a>) -> std::io::Result<Box<dyn Read + 'a>> {
    let mut stream = BufReader::with_capacity(CHUNK_BYTES, stream);
    let magic = stream.fill_buf()?;
    Ok(match magic {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(stream)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::stream::read::Decoder::with_buffer(stream)?),
        _ => Box::new(stream),
    })
}

fn read_head(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Counts what was read against what may be read in all.
struct Metered<'a, R> {
    stream: R,
    name: &'a str,
    left: &'a mut u64,
    read: u64,
}

impl<R: Read> Metered<'_, R> {
    /// Hands on all chunks, the first without its first `skip` bytes.
    fn each_chunk(
        &mut self,
        skip: usize,
        mut take: impl FnMut(&[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut skip = skip;
        loop {
            let read = self.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            let skipped = skip.min(read);
            skip -= skipped;
            take(&chunk[skipped..read])?;
        }
    }

    fn read(&mut self, chunk: &mut [u8]) -> Result<usize, ReadError> {
        let read = match self.stream.read(chunk) {
            Ok(read) => read,
            Err(source) if source.kind() == std::io::ErrorKind::Interrupted => return self.read(chunk),
            Err(source) => return Err(ReadError::Io { input: self.name.to_owned(), offset: self.read, source }),
        };
        self.read += read as u64;
        *self.left = self.left.checked_sub(read as u64).ok_or_else(|| ReadError::TooLarge {
            input: self.name.to_owned(),
            problem: format!("all input together is larger than the limit, reached at byte {}", self.read),
        })?;
        Ok(read)
    }
}
