//! Bad flags, bad files, hostile names, readers that go away.

mod common;

use std::io::Read;
use std::process::Stdio;

use common::{command, fixture, on_small, plimsoll, small};

#[test]
fn bad_usage_exits_2_and_names_what_is_valid() {
    for (arguments, says) in [
        ("", "Usage: plimsoll"),
        ("frobnicate", "unrecognized subcommand"),
        ("fit -o markdown", "[possible values: table, json, csv]"),
        ("simulate --strategy magic", "[possible values: best-fit, first-fit]"),
        ("simulate --capacity any", "[possible values: existing]"),
        ("simulate --headroom 120%", "write it as 5%"),
        ("simulate --save plan.txt", "the name must end in .yaml, .yml or .json"),
        ("analyze -l a=(b", "parentheses"),
        ("analyze -n web -A", "cannot be used with"),
        ("analyze --context x --from y", "cannot be used with"),
        ("simulate --request-timeout soon", "write it as 30s"),
        ("prices --region x", "--list"),
        ("verify", "PLAN is missing"),
        ("explain pod", "POD is missing"),
        ("explain pod -n a b/c", "b/c is in b, but -n says a"),
    ] {
        let run = plimsoll(arguments);
        assert_eq!(run.code, 2, "{arguments}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{arguments}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments}");
    }
}

#[test]
fn help_and_version_are_data() {
    for arguments in ["--help", "--version", "simulate --help", "explain pod --help"] {
        let run = plimsoll(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments}");
        assert!(!run.stdout.is_empty(), "{arguments}");
    }
    assert_eq!(plimsoll("--version").stdout, format!("plimsoll {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn bad_files_exit_1_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (empty, binary) = (file("empty.json", b""), file("binary.json", b"\x7fELF\x02\x01\0\0"));
    let cut = file("cut.json", br#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"No"#);
    let secrets = file("secrets.json", br#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}"#);
    for (arguments, says) in [
        ("analyze --from no/such.json".to_owned(), "hint: check the path"),
        (format!("analyze --from {empty}"), "is empty"),
        (format!("analyze --from {binary}"), "binary.json"),
        (format!("analyze --from {cut}"), "cut.json"),
        (format!("analyze --from {secrets}"), "hint: a dump is made by: kubectl get nodes,pods"),
        (format!("analyze --from {} --prices no/such.csv", small()), "cannot open the price file no/such.csv"),
        (format!("verify no/such.yaml --from {}", small()), "cannot read the plan no/such.yaml"),
        (format!("verify {} --from {}", small(), small()), "kind is List, expected MigrationPlan"),
        (format!("explain pod web/api --from {}", small()), "hint: did you mean web/api-6d4f-a?"),
        (format!("explain pod by-hand --from {}", small()), "hint: did you mean data/by-hand?"),
        (format!("explain node a- --from {}", small()), "hint: did you mean a-1?"),
        (
            format!("simulate --from {} --save no/such/folder/plan.yaml", small()),
            "cannot write no/such/folder/plan.yaml",
        ),
    ] {
        let run = plimsoll(&arguments);
        assert_eq!(run.code, 1, "{arguments}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{arguments}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: ") && !run.stderr.contains("panicked"), "{arguments}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments}");
    }
}

#[test]
fn without_a_cluster_the_error_says_what_to_do() {
    let run = plimsoll("analyze --request-timeout 2s");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("error: ") && run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let from = small();
    // More than a pipe holds, so that writing must fail.
    let mut child = command(&["prices", "--list", "-o", "json", "--prices"]);
    child.arg(fixture("no-prices.csv"));
    for mut child in [child, {
        let mut fit = command(&["fit", "-o", "json", "--from"]);
        fit.arg(&from);
        fit
    }] {
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn hostile_names_reach_no_terminal_and_no_spreadsheet() {
    let from = fixture("hostile.yaml").display().to_string();
    let commands = [
        "analyze",
        "analyze --by node -o markdown",
        "analyze --by node -o csv",
        "analyze --by node -o name",
        "simulate",
        "simulate -o markdown",
        "fit",
        "fit -o csv",
        "doctor",
        "prices",
        "prices -o csv",
    ];
    for arguments in commands {
        let run = plimsoll(&format!("{arguments} --from {from}"));
        assert_eq!(run.code, 0, "{arguments}: {}", run.stderr);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{arguments}: {text:?}");
        }
        if arguments.ends_with("csv") {
            let is_formula = |line: &str| line.split(',').any(|cell| cell.trim_start_matches('"').starts_with('='));
            assert!(!run.stdout.lines().any(is_formula), "{arguments}: {}", run.stdout);
        }
    }
}

#[test]
fn a_pipe_is_never_cut_or_wrapped() {
    let run = on_small("simulate -o wide");
    assert!(run.stdout.lines().any(|line| line.chars().count() > 120), "{}", run.stdout);
}

#[test]
fn both_names_run_the_same_command() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kubectl-optimize")).arg("--help").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("Usage: kubectl optimize"));
}
