//! `model`, `engine` and `check` are pure: same input, same bytes out. No files, no network, no clock, no randomness.

use std::fs;
use std::path::Path;

const PURE_CRATES: [&str; 3] = ["model", "engine", "check"];

/// What would let the outside in.
const FORBIDDEN: [&str; 14] = [
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread::sleep",
    "Instant::now",
    "SystemTime",
    "println!",
    "eprintln!",
    "thread_rng",
    "RandomState",
    "tokio",
    "Timestamp::now",
];

/// One line for each use.
pub fn broken_rules(root: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for name in PURE_CRATES {
        visit(&root.join("crates").join(name).join("src"), root, &mut broken);
    }
    broken
}

fn visit(folder: &Path, root: &Path, broken: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        broken.push(format!("{}: cannot be read", folder.display()));
        return;
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            visit(&path, root, broken);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            broken.extend(impure_lines(&text).map(|(line, found)| format!("{shown}:{line}: {found} in a pure crate")));
        }
    }
}

/// Lines before the tests that use something forbidden.
fn impure_lines(text: &str) -> impl Iterator<Item = (usize, &'static str)> + '_ {
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).filter_map(|(at, line)| {
        FORBIDDEN.iter().find(|forbidden| line.contains(**forbidden)).map(|forbidden| (at + 1, *forbidden))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_found_and_a_comment_is_not() {
        let text = "// Instant::now is forbidden\nlet now = std::time::Instant::now();\n#[cfg(test)]\nuse std::fs;";
        assert_eq!(impure_lines(text).collect::<Vec<_>>(), [(2, "Instant::now")]);
    }

    #[test]
    fn this_workspace_keeps_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        assert_eq!(broken_rules(root), Vec::<String>::new());
    }
}
