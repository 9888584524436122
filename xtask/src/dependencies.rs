//! Which crate may depend on which of ours. A new edge is a change of the design: change ARCHITECTURE.md with it.

use std::fs;
use std::path::Path;

/// Each crate with the crates of ours that it may depend on, tests apart.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("engine", &["model"]),
    ("check", &["model"]),
    ("crds", &["model"]),
    ("observe", &["model"]),
    ("act", &["model", "check", "crds", "observe"]),
    ("operator", &["model", "engine", "crds", "observe", "act"]),
    ("scenario", &[]),
    ("cli", &["model", "engine", "check", "crds", "observe", "act", "operator", "scenario"]),
];

/// Dependencies that the pure crates may have beside ours.
const PURE: [(&str, &[&str]); 3] = [
    ("model", &["thiserror"]),
    ("engine", &["fastrand", "microlp", "rayon", "rustc-hash"]),
    ("check", &["rustc-hash", "thiserror"]),
];

/// One line for each dependency that may not be.
pub fn broken_rules(root: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, allowed) in ALLOWED {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let Ok(manifest) = fs::read_to_string(&path) else {
            broken.push(format!("{}: cannot be read", path.display()));
            continue;
        };
        let pure = PURE.iter().find(|(pure, _)| *pure == name).map(|(_, others)| *others);
        for dependency in dependencies(&manifest) {
            let is_ours = ALLOWED.iter().any(|(ours, _)| *ours == dependency);
            if is_ours && !allowed.contains(&dependency) {
                broken.push(format!("crates/{name} may not depend on {dependency}: see ARCHITECTURE.md"));
            }
            if let Some(others) = pure
                && !is_ours
                && !others.contains(&dependency)
            {
                broken.push(format!("crates/{name} is pure and may not depend on {dependency}"));
            }
        }
    }
    broken
}

/// Names under `[dependencies]`; those for tests and builds are free.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest.split("\n[").find_map(|section| section.strip_prefix("dependencies]")).unwrap_or("");
    section
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_dependencies_section_counts() {
        let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nmodel.workspace = true\nrayon = \"1\"\n\n[dev-dependencies]\nproptest = \"1\"\n";
        assert_eq!(dependencies(manifest), ["model", "rayon"]);
    }

    #[test]
    fn this_workspace_keeps_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        assert_eq!(broken_rules(root), Vec::<String>::new());
    }
}
