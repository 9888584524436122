//! Commands one after the other: what one writes the next one reads.

mod common;

use std::fs;

use common::{fixture, on_small, plimsoll, run, small};

#[test]
fn a_saved_plan_is_legal_in_yaml_and_json_and_on_stdin() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plan.yaml", "plan.yml", "plan.json"] {
        let path = folder.path().join(name);
        let saved = on_small(&format!("simulate --save {}", path.display()));
        assert_eq!(saved.code, 0, "{}", saved.stderr);
        assert!(saved.stderr.contains("check it with: plimsoll verify"), "{}", saved.stderr);
        let verified = on_small(&format!("verify {}", path.display()));
        assert_eq!(
            (verified.code, verified.stdout.lines().next().unwrap().starts_with("legal: ")),
            (0, true),
            "{}",
            verified.stdout
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "something unfinished was left behind");
    let json = on_small("simulate -o json").stdout;
    let verified = run(&["verify", "-", "--from", &small()], &json);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn the_command_to_check_a_plan_has_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.yaml").display().to_string();
    let limits = "--safety conservative --keep-zones=false --max-moves-per-wave 1 --headroom 2.5%";
    let saved = on_small(&format!("simulate --save {path} {limits}"));
    let (_, command) = saved.stderr.split_once("check it with: plimsoll ").unwrap();
    let command = command.lines().next().unwrap();
    assert!(command.contains("--safety=conservative"), "{command}");
    let verified = plimsoll(command);
    assert_eq!(verified.code, 0, "{command}: {}{}", verified.stdout, verified.stderr);
    let by_default = on_small(&format!("verify {path}"));
    let is_hinted = by_default.code == 0 || by_default.stderr.contains("made with other limits");
    assert!(is_hinted, "{}{}", by_default.stdout, by_default.stderr);
}

#[test]
fn what_is_saved_is_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let printed = on_small(&format!("simulate -o json --save {}", path.display())).stdout;
    assert_eq!(fs::read_to_string(path).unwrap(), printed);
}

#[test]
fn a_changed_plan_has_faults_and_exits_1() {
    let json = on_small("simulate -o json").stdout;
    let changed = json.replacen("\"fromNode\": \"a-", "\"fromNode\": \"b-", 1);
    assert_ne!(json, changed);
    let verified = run(&["verify", "-", "--from", &small(), "-o", "json"], &changed);
    assert_eq!(verified.code, 1);
    assert!(
        verified.stdout.contains("\"legal\": false") && verified.stdout.contains("PodOrigin"),
        "{}",
        verified.stdout
    );
}

#[test]
fn the_plan_may_stand_before_or_after_the_dumps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.yaml");
    on_small(&format!("simulate --save {}", path.display()));
    let verified = plimsoll(&format!("verify --from {} {}", small(), path.display()));
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}

#[test]
fn without_pods_nobody_can_judge() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes.json");
    let text = fs::read_to_string(fixture("small.json")).unwrap();
    let only_nodes: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("\"kind\": \"Node\""))
        .map(|line| line.trim_end_matches(','))
        .collect();
    fs::write(&nodes, format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}", only_nodes.join(",")))
        .unwrap();
    let plan = folder.path().join("plan.yaml");
    let refused = plimsoll(&format!("simulate --from {}", nodes.display()));
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("there is no complete list of Pods"), "{}", refused.stderr);
    // Where every node is to stay free nothing moves, and no step can be at fault.
    assert_eq!(on_small(&format!("simulate --headroom 90% --save {}", plan.display())).code, 0);
    let verified = plimsoll(&format!("verify {} --from {}", plan.display(), nodes.display()));
    assert_eq!(verified.code, 3, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn a_dump_without_budgets_is_planned_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unbudgeted.json");
    let text = fs::read_to_string(fixture("small.json")).unwrap();
    let rest: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("\"kind\": \"") && !line.contains("\"kind\": \"PodDisruptionBudget\""))
        .filter(|line| line.trim_start().starts_with('{') && line.contains("metadata"))
        .map(|line| line.trim_end_matches(','))
        .collect();
    fs::write(&path, format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}", rest.join(","))).unwrap();
    let made = plimsoll(&format!("simulate --from {}", path.display()));
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stderr.contains("there is no PodDisruptionBudget in the input"), "{}", made.stderr);
}

#[test]
fn a_snapshot_gives_the_same_plan_as_its_dump() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |from: &str| {
        let run = plimsoll(&format!("simulate -o csv --from {from}"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    for name in ["cluster.json", "cluster.json.gz", "cluster.json.zst"] {
        let path = folder.path().join(name).display().to_string();
        let saved = on_small(&format!("snapshot --save {path}"));
        assert_eq!((saved.code, saved.stdout.as_str()), (0, ""), "{}", saved.stderr);
        assert_eq!(plan(&path), plan(&small()), "{name}");
    }
    let path = folder.path().join("anonymous.json").display().to_string();
    assert_eq!(on_small(&format!("snapshot --anonymize --save {path}")).code, 0);
    assert!(!fs::read_to_string(&path).unwrap().contains("by-hand"));
    assert_eq!(plan(&path).lines().count(), plan(&small()).lines().count());
}

#[test]
fn the_demo_shows_the_whole_chain_and_saves_its_cluster() {
    let demo = plimsoll("demo");
    assert_eq!(demo.code, 0, "{}", demo.stderr);
    for part in ["=== 1. ", "=== 2. ", "=== 3. ", "on your own cluster: plimsoll simulate", "\nlegal: "] {
        assert!(demo.stdout.contains(part), "{part} is missing");
    }
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("example.json");
    assert_eq!(plimsoll(&format!("demo --save-dump {}", dump.display())).code, 0);
    let prices = folder.path().join("example.prices.csv");
    let simulated = plimsoll(&format!("simulate --from {} --prices {}", dump.display(), prices.display()));
    let headline = simulated.stdout.lines().next().unwrap().to_owned();
    assert!(demo.stdout.contains(&headline), "{headline}");
}

#[test]
fn same_input_same_bytes() {
    for arguments in ["simulate -o json", "analyze -o json", "fit -o json", "doctor -o json"] {
        assert_eq!(on_small(arguments).stdout, on_small(arguments).stdout, "{arguments}");
    }
}

#[test]
fn a_plan_that_buys_is_legal_and_says_what_it_buys() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump.json");
    let pool = serde_json::json!({ "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": { "name": "general" },
        "spec": { "template": { "spec": { "requirements":
            [{ "key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"] }] } } } });
    let fleet = scenario::fleet(1, 12, 120);
    let items: Vec<serde_json::Value> = fleet.objects().chain([pool]).collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    fs::write(&dump, list.to_string()).unwrap();
    let plan = folder.path().join("plan.yaml");
    let simulated = plimsoll(&format!("simulate --capacity any --from {} --save {}", dump.display(), plan.display()));
    assert_eq!(simulated.code, 0, "{}", simulated.stderr);
    assert!(simulated.stdout.contains("NODES ADDED"), "{}", simulated.stdout);
    assert!(simulated.stdout.contains("and any that could be bought"), "{}", simulated.stdout);
    let verified = plimsoll(&format!("verify {} --from {}", plan.display(), dump.display()));
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}
