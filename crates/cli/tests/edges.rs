//! Bad flags, bad files, huge files, hostile names, readers that go away.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use common::{Run, command, fixture, on_small, plimsoll, small};

#[test]
fn bad_usage_exits_2_and_names_what_is_valid() {
    for (arguments, says) in [
        ("", "Usage: plimsoll"),
        ("frobnicate", "unrecognized subcommand"),
        ("fit -o markdown", "[possible values: table, json, csv]"),
        ("simulate --strategy magic", "[possible values: search, best-fit, first-fit, affinity, network-aware]"),
        ("simulate --capacity all", "[possible values: existing, any]"),
        ("simulate --headroom 120%", "write it as 5%"),
        ("simulate --max-moves many", "invalid digit"),
        ("simulate --min-savings lots", "write it in dollars a month"),
        ("simulate --min-savings-per-move=-1", "write it in dollars a month"),
        ("simulate --compare search,magic", "[possible values: search, best-fit, first-fit, affinity, network-aware]"),
        ("simulate --compare search --save plan.yaml", "cannot be used with"),
        ("simulate --curve --max-moves 3", "cannot be used with"),
        ("simulate --curve --capacity any", "leave --capacity any out"),
        ("simulate --curve -o name", "make several"),
        ("simulate --compare search -o name", "make several"),
        ("simulate --constraints --compare search", "cannot be used with"),
        ("simulate --what-if growth=5% --save plan.yaml", "cannot be used with"),
        ("simulate --what-if growth=5% -o name", "make several"),
        ("simulate --what-if growth", "`growth` is no premise; there are growth=20%,"),
        ("simulate --what-if spot=101%", "no whole percentage from 0% to 100%"),
        ("simulate --what-if without-budget=a", "write it as without-budget=NAMESPACE/NAME"),
        ("simulate --safety reckless", "[possible values: conservative, medium, aggressive]"),
        ("simulate --max-moves-per-wave 0", "0 is not in 1.."),
        ("verify p.yaml --max-risk none", "[possible values: low, medium, high]"),
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

/// What a run on a huge input may hold in memory, in MB.
const LITTLE_MEMORY: f64 = 200.0;
const MEBIBYTE: usize = 1 << 20;
/// So many pieces of a mebibyte are more than 2 GiB.
const PIECES: usize = 2_100;

#[test]
fn more_than_2_gib_are_read_in_little_memory() {
    let beginning = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a-1"},
            "status": {"allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"}}}"#;
    let end = r#", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "web"},
        "spec": {"nodeName": "a-1", "containers": [{"name": "a"}]}, "status": {"phase": "Running"}}]}"#;
    let space = " ".repeat(MEBIBYTE);
    let secret = format!(r#", {{"apiVersion": "v1", "kind": "Secret", "data": {{"a": "{}"}}}}"#, "x".repeat(MEBIBYTE));
    for (shape, piece) in [("space", space), ("objects that are not used", secret)] {
        let (run, megabytes) = fed("analyze -o json", beginning, &piece, end);
        assert_eq!(run.code, 0, "{shape}: {}", run.stderr);
        let analysis: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&analysis["totals"]["nodes"], &analysis["totals"]["pods"]), (&1.into(), &1.into()), "{shape}");
        assert!(megabytes < LITTLE_MEMORY, "{shape}: {megabytes} MB");
    }
}

#[test]
fn one_object_of_more_than_2_gib_is_refused_in_little_memory() {
    let text = "x".repeat(MEBIBYTE);
    let lines = "# note\n".repeat(MEBIBYTE / 7);
    for (shape, beginning, piece, says) in [
        ("a JSON string", r#"[{"kind": "Pod", "a": ""#, &text, "item 1 is larger than 8 MiB"),
        ("a YAML line", "kind: Pod\na: ", &text, "item 1, up to line 1, is larger than 64 MiB"),
        ("a YAML document", "kind: Pod\n", &lines, "is larger than 64 MiB"),
        ("a YAML item", "kind: List\nitems:\n- kind: Pod\n", &lines, "is larger than 8 MiB"),
    ] {
        let (run, megabytes) = fed("analyze", beginning, piece, "");
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{shape}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: stdin is beyond what is read: "), "{shape}: {}", run.stderr);
        assert!(run.stderr.contains(says) && run.stderr.contains("hint: a dump is made by"), "{shape}: {}", run.stderr);
        assert!(megabytes < LITTLE_MEMORY, "{shape}: {megabytes} MB");
    }
}

/// Runs with a huge dump on stdin; what came of it, and the most memory that it held, in MB (10⁶ bytes).
fn fed(arguments: &str, beginning: &str, piece: &str, end: &str) -> (Run, f64) {
    let mut command = command(&arguments.split(' ').chain(["--from", "-"]).collect::<Vec<_>>());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let pieces = std::iter::repeat_n(piece, PIECES);
    let mut texts = std::iter::once(beginning).chain(pieces).chain([end]);
    let mut kibibytes = 0.0f64;
    std::thread::scope(|scope| {
        // Who refuses the input does not read it to its end.
        scope.spawn(move || texts.try_for_each(|text| stdin.write_all(text.as_bytes())));
        // The kernel keeps the peak for as long as the process runs.
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let peak =
                status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
            kibibytes = kibibytes.max(peak.unwrap_or(0.0));
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    assert!(kibibytes > 0.0);
    let megabytes = kibibytes * 1_024.0 / 1e6;
    eprintln!("{megabytes:.0} MB for {PIECES} times {:?}", &piece[..piece.len().min(20)]);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run =
        Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    (run, megabytes)
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

#[test]
fn pods_that_ask_for_exbibytes_fit_nowhere_and_overflow_nothing() {
    let node = |name: &str| {
        serde_json::json!({ "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": name, "labels": { "node.kubernetes.io/instance-type": "m6i.xlarge",
                "topology.kubernetes.io/region": "us-east-1", "kubernetes.io/hostname": name } },
            "spec": { "providerID": format!("aws:///us-east-1a/{name}") },
            "status": { "allocatable": { "cpu": "4", "memory": "16Gi", "pods": "58" },
                "conditions": [{ "type": "Ready", "status": "True" }] } })
    };
    let pod = |number: usize| {
        serde_json::json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": format!("huge-{number}"), "namespace": "web",
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "huge", "controller": true }] },
            "spec": { "nodeName": format!("n{}", number % 3), "containers": [{ "name": "a",
                "resources": { "requests": { "memory": "7Ei" } } }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } })
    };
    let items: Vec<_> = (0..3).map(|at| node(&format!("n{at}"))).chain((0..12).map(pod)).collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string();
    for arguments in ["simulate --from - -o json", "fit --from - -o json", "analyze --from -"] {
        let run = common::run(&arguments.split(' ').collect::<Vec<_>>(), &list);
        assert_eq!(run.code, 0, "{arguments}: {}", run.stderr);
        assert!(!run.stdout.contains("toNode"), "{arguments}: {}", run.stdout);
    }
}
