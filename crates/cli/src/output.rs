//! Standard output: data only, and how wide it may be.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

/// Where answers go.
pub struct Output {
    writer: BufWriter<Stdout>,
    /// The terminal's width in columns; absent where stdout is no terminal, and then nothing is cut or wrapped.
    pub width: Option<u16>,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Output {
        let stdout = io::stdout();
        let width = if stdout.is_terminal() {
            Some(terminal_size::terminal_size_of(&stdout).map_or(DEFAULT_WIDTH, |(width, _)| width.0.max(NARROWEST)))
        } else {
            None
        };
        Output { writer: BufWriter::with_capacity(BUFFER_BYTES, stdout), width }
    }
}

/// Of a terminal that does not say.
const DEFAULT_WIDTH: u16 = 80;

/// Narrower terminals get this width and wrap by themselves: columns would be a few letters wide.
const NARROWEST: u16 = 40;

const BUFFER_BYTES: usize = 64 << 10;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
