//! Standard error: progress, notes and warnings.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use observe::LiveOptions;

use crate::render::text::clean;

/// Says something on stderr.
pub fn note(message: impl AsRef<str>) {
    // Where stderr is gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{}", clean(message.as_ref()));
}

/// Shows what is being done for as long as it takes, where stderr is a terminal.
pub fn while_doing<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let Some(spinner) = spinner(what) else { return work() };
    let done = work();
    spinner.finish_and_clear();
    done
}

/// Shows how far reading a live cluster has come, where stderr is a terminal.
pub fn while_reading<T>(options: LiveOptions, read: impl FnOnce(&LiveOptions) -> T) -> T {
    let Some(spinner) = spinner("reading the cluster") else { return read(&options) };
    let heard = spinner.clone();
    let progress: observe::Progress = Arc::new(move |kind: observe::Kind, objects| {
        heard.set_message(format!("reading the cluster: {objects} {}", kind.info().plural));
    });
    let done = read(&LiveOptions { progress: Some(progress), ..options });
    spinner.finish_and_clear();
    done
}

fn spinner(what: &'static str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let spinner = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    Some(spinner)
}

/// Short work ends before the first tick, so nothing flickers.
const TICK: Duration = Duration::from_millis(200);
