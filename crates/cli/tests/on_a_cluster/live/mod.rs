//! The command on a real Kubernetes control plane: what it reads live, what it may not read, and what it cannot reach.
//!
//! The control plane is built by `tests/controlplane/build.sh`.

mod cluster;
mod company;
mod credentials;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cluster::{Cluster, Run, lock, plimsoll, plimsoll_as, shared};
use company::Hour;
use serde_json::{Value, json};

#[test]
fn the_live_cluster_and_its_snapshot_give_the_same_plan() {
    let cluster = shared();
    let cluster = &*lock(&cluster);
    let (plan, saved, snapshot) = (cluster.path("plan.yaml"), cluster.path("plan.json"), cluster.path("s.json.zst"));

    let (live, from_snapshot) = cluster.while_nothing_changes(|cluster| {
        let analysis = cluster.plimsoll(&["analyze", "-o", "json"]);
        let (seconds, analysis) = (analysis.took, analysis.document());
        let read = cluster.plimsoll(&["simulate", "-o", "json", "--save", &saved]);
        eprintln!("live: analyze {seconds:.1?}, simulate {:.1?}", read.took);
        let live = read.document();
        assert_eq!(live, parsed(&fs::read_to_string(&saved).unwrap()), "what is saved is what is printed");
        assert_eq!(analysis["digest"], live["spec"]["snapshot"]["digest"]);
        assert_eq!(analysis["totals"]["nodes"], company::NODES);
        assert_eq!(analysis["totals"]["usdPerHour"], live["spec"]["summary"]["usdPerHourBefore"]);

        cluster.plimsoll(&["simulate", "--save", &plan]).done();
        for plan in [&plan, &saved] {
            let verdict = cluster.plimsoll(&["verify", plan]).done();
            assert!(verdict.starts_with("legal: ") && verdict.contains("0 faults"), "{verdict}");
        }
        let read = cluster.plimsoll(&["snapshot", "--save", &snapshot]);
        eprintln!("live: snapshot {:.1?}, {} bytes", read.took, fs::metadata(&snapshot).unwrap().len());
        read.done();
        (live, plimsoll(&["simulate", "--from", &snapshot, "-o", "json"]).document())
    });
    assert_eq!(without_moment(live.clone()), without_moment(from_snapshot));
    let verdict = plimsoll(&["verify", &plan, "--from", &snapshot]).done();
    assert!(verdict.starts_with("legal: "), "{verdict}");

    the_savings_are_real(cluster, &live);
    an_anonymous_snapshot_gives_the_same_figures(cluster, &live);
    the_dump_that_we_advise_gives_the_same_plan(cluster, &live);
    a_whole_dump_has_the_same_digest(cluster);
}

/// By the list prices and the nodes that the cluster itself has.
fn the_savings_are_real(cluster: &Cluster, plan: &Value) {
    let (spec, summary) = (&plan["spec"], &plan["spec"]["summary"]);
    eprintln!("plan: {summary}");
    let removed = texts(&spec["nodes"]["remove"]);
    let migrations = spec["migrations"].as_array().unwrap();
    assert!(!removed.is_empty() && !migrations.is_empty(), "{summary}");
    assert_eq!(summary["nodesBefore"], company::NODES);
    assert_eq!(summary["nodesAfter"], company::NODES - removed.len());
    // Left out where it is 0.
    assert_eq!(summary.get("nodesUnpriced"), None);
    assert_eq!(summary["migrations"], migrations.len());

    let nodes = cluster.plane.get(&["nodes"]).unwrap();
    let nodes = nodes["items"].as_array().unwrap();
    let price = |node: &&Value| company::usd_per_hour(node);
    let before: f64 = nodes.iter().map(|node| price(&node)).sum();
    let is_removed = |node: &&Value| removed.iter().any(|name| node["metadata"]["name"] == **name);
    let after = before - nodes.iter().filter(is_removed).map(|node| price(&node)).sum::<f64>();
    let dollars = |figure: &str| summary[figure].as_f64().unwrap();
    assert!((dollars("usdPerHourBefore") - before).abs() < 1e-6, "{summary}, not {before}");
    assert!((dollars("usdPerHourAfter") - after).abs() < 1e-6, "{summary}, not {after}");
    assert!((dollars("usdPerMonthSaved") - 730.0 * (before - after)).abs() < 1e-3, "{summary}");
    assert!(after < before);

    let moved = |app: &str| migrations.iter().filter(|step| step["workload"]["name"] == *app).count();
    for stays in [company::UNDER_AN_EXHAUSTED_BUDGET, company::UNDER_TWO_BUDGETS, "agent"] {
        assert_eq!(moved(stays), 0, "{stays}");
    }
}

fn an_anonymous_snapshot_gives_the_same_figures(cluster: &Cluster, live: &Value) {
    let anonymous = cluster.path("a.json.zst");
    cluster.plimsoll(&["snapshot", "--save", &anonymous, "--anonymize"]).done();
    let plan = plimsoll(&["simulate", "--from", &anonymous, "-o", "json"]).document();
    assert_eq!(plan["spec"]["summary"], live["spec"]["summary"]);
    let removed = |plan: &Value| texts(&plan["spec"]["nodes"]["remove"]).len();
    assert_eq!(removed(&plan), removed(live));
    let waves = |plan: &Value| -> Vec<u64> {
        let migrations = plan["spec"]["migrations"].as_array().unwrap();
        migrations.iter().map(|step| step["wave"].as_u64().unwrap()).collect()
    };
    assert_eq!(waves(&plan), waves(live));
    assert!(!plan.to_string().contains("ip-10-0-"), "a node's name is in it");
}

/// Whoever has no dump yet is told how to make one; that one must do.
fn the_dump_that_we_advise_gives_the_same_plan(cluster: &Cluster, live: &Value) {
    let nothing = cluster.path("nothing.json");
    fs::write(&nothing, "").unwrap();
    let refused = plimsoll(&["simulate", "--from", &nothing]);
    assert_eq!(refused.code, 1);
    let advice = refused.stderr.lines().find_map(|line| line.strip_prefix("hint: a dump is made by: kubectl "));
    let advice = advice.and_then(|advice| advice.strip_suffix(" > dump.json")).expect("how to make a dump");
    let dump = cluster.plane.kubectl(&advice.split(' ').collect::<Vec<_>>()).unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    fs::write(cluster.path("dump.json"), dump.stdout).unwrap();

    let plan = plimsoll(&["simulate", "--from", &cluster.path("dump.json"), "-o", "json"]).document();
    for part in ["nodes", "summary"] {
        assert_eq!(plan["spec"][part], live["spec"][part]);
    }
    // A dump is of the latest moment that an object names, so its pods may be a little younger, and that is a risk.
    assert_eq!(steps(&plan), steps(live));
}

fn a_whole_dump_has_the_same_digest(cluster: &Cluster) {
    let (dump, again) = cluster.while_nothing_changes(|cluster| {
        let dump = cluster.path("whole.json");
        fs::write(&dump, cluster.dump().to_string()).unwrap();
        let digest = |run: Run| run.document()["spec"]["snapshot"]["digest"].clone();
        let again = digest(cluster.plimsoll(&["simulate", "-o", "json"]));
        (digest(plimsoll(&["simulate", "--from", &dump, "-o", "json"])), again)
    });
    assert_eq!(dump, again);
}

#[test]
fn a_heartbeat_leaves_a_plan_valid() {
    let cluster = shared();
    let cluster = &*lock(&cluster);
    let plan = cluster.path("heartbeat.yaml");
    cluster.plimsoll(&["simulate", "--save", &plan]).done();
    let node = &cluster.plane.get(&["nodes"]).unwrap()["items"][0];
    let mut conditions = node["status"]["conditions"].clone();
    for condition in conditions.as_array_mut().unwrap() {
        condition["lastHeartbeatTime"] = "2020-01-01T00:00:00Z".into();
    }
    let patch = json!({"status": {"conditions": conditions}}).to_string();
    let name = node["metadata"]["name"].as_str().unwrap();
    let arguments = ["patch", "node", name, "--subresource=status", "--type=merge", "--patch", &patch];
    assert!(cluster.plane.kubectl(&arguments).unwrap().status.success());
    cluster.plimsoll(&["verify", &plan]).done();
}

#[test]
fn fit_equals_the_oracle_on_the_live_cluster() {
    let cluster = shared();
    let cluster = &*lock(&cluster);
    let (ours, theirs) = cluster.while_nothing_changes(|cluster| {
        let run = cluster.plimsoll(&["fit", "-o", "json"]);
        eprintln!("live: fit {:.1?}", run.took);
        (fits(&run.done()), fits(&oracle(&cluster.dump())))
    });
    assert_eq!(ours.len(), company::pods(Hour::Night));
    for (pod, nodes) in &theirs {
        assert_eq!(ours.get(pod), Some(nodes), "{pod}");
    }
    assert_eq!(ours.len(), theirs.len());
    let pairs: usize = ours.values().map(Vec::len).sum();
    let all = ours.len() * company::NODES;
    assert!(pairs > 0 && pairs < all, "rules that refuse nothing or everything prove nothing");
    eprintln!("fit: {} pods, {pairs} of {all} pairs fit, as the scheduler's plugins have it", ours.len());
}

/// The scheduler's own plugins on the same objects.
fn oracle(dump: &Value) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/controlplane/bin/oracle");
    let mut child = Command::new(program).arg("fit").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{dump}\n");
    let writing = std::thread::spawn(move || stdin.write_all(line.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn fits(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut fits: BTreeMap<String, Vec<String>> = serde_json::from_str(text).unwrap();
    fits.values_mut().for_each(|nodes| nodes.sort());
    fits
}

#[test]
fn what_may_not_be_read_is_named() {
    let cluster = shared();
    let cluster = &mut *lock(&cluster);
    let rules = r#"[{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]}]"#;
    let some = cluster.plane.kubeconfig_for("nodes-and-pods", rules).unwrap();
    let right = "list poddisruptionbudgets.policy";
    let plan = cluster.path("half-blind.yaml");
    let simulated = plimsoll_as(&some, &["simulate", "--save", &plan]);
    assert_eq!(simulated.code, 0, "{}", simulated.stderr);
    assert!(simulated.stderr.contains(right), "{}", simulated.stderr);
    let advice = plimsoll_as(&some, &["doctor"]).done();
    assert!(advice.contains(right) && advice.contains("list deployments.apps"), "{advice}");
    let verified = plimsoll_as(&some, &["verify", &plan]);
    assert_eq!(verified.code, 3, "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains(right), "{}", verified.stdout);

    let none = cluster.plane.kubeconfig_for("nobody", "[]").unwrap();
    for command in ["analyze", "simulate", "fit", "doctor"] {
        let refused = plimsoll_as(&none, &[command]);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
        for right in ["list nodes", "list pods", "hint: grant these rights"] {
            assert!(refused.stderr.contains(right), "{}", refused.stderr);
        }
    }
}

#[test]
fn only_reading_verbs_are_used() {
    let cluster = shared();
    let cluster = &mut *lock(&cluster);
    let rule =
        |info: &observe::KindInfo| json!({"apiGroups": [info.group], "resources": [info.plural], "verbs": ["list"]});
    let rules: Vec<Value> = observe::KINDS.iter().map(rule).collect();
    let reader = cluster.plane.kubeconfig_for("reader", &json!(rules).to_string()).unwrap();
    let denied = cluster.requests_denied();
    let (plan, snapshot) = (cluster.path("reader.yaml"), cluster.path("reader.json.zst"));
    let node = "ip-10-0-0-0.ec2.internal";
    for arguments in [
        &["analyze"][..],
        &["simulate", "--save", &plan],
        &["fit", "-n", "web"],
        &["explain", "node", node],
        &["doctor"],
        &["prices"],
        &["snapshot", "--save", &snapshot],
        &["snapshot", "--save", &snapshot, "--anonymize"],
    ] {
        let run = plimsoll_as(&reader, arguments);
        assert!(!run.stderr.contains("not allowed"), "{arguments:?}: {}", run.stderr);
        assert!(!run.done().contains("not allowed"), "{arguments:?}");
    }
    cluster.while_nothing_changes(|_| {
        plimsoll_as(&reader, &["simulate", "--save", &plan]).done();
        plimsoll_as(&reader, &["verify", &plan]).done();
    });
    // Nothing was even tried that this user may not do.
    assert_eq!(cluster.requests_denied(), denied);
}

#[test]
fn an_unreachable_server_and_a_bad_certificate_are_clear_errors() {
    let cluster = shared();
    let cluster = &mut *lock(&cluster);
    let stranger = cluster.plane.kubeconfig_for("stranger", "[]").unwrap();
    let config = parsed(&fs::read_to_string(cluster.plane.kubeconfig()).unwrap());
    let changed = |name: &str, key: &str, value: Value| {
        let mut config = config.clone();
        config["clusters"][0]["cluster"][key] = value;
        written(cluster, name, &config)
    };

    // A port where nobody listens: somebody just stopped.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = changed("closed", "server", format!("https://127.0.0.1:{port}").into());
    let refused = failed(&closed, &["analyze", "--request-timeout", "10s"]);
    assert!(refused.took < Duration::from_secs(10), "{:?}", refused.took);
    assert!(
        refused.stderr.contains(&format!("cannot reach the API server at https://127.0.0.1:{port}")),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: check that the server is up"), "{}", refused.stderr);

    // A port where somebody listens and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mute = changed("mute", "server", format!("https://127.0.0.1:{port}").into());
    let refused = failed(&mute, &["analyze", "--request-timeout", "1s"]);
    // The time that it was given, and what a busy machine adds.
    assert!(refused.took < Duration::from_secs(10), "{:?}", refused.took);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);

    // The authority of a cluster of the same name that was here before, and a certificate that is no authority's.
    let before = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/on_a_cluster/live/another-authority.crt");
    let stranger = parsed(&fs::read_to_string(stranger).unwrap());
    let mut replaced = config.clone();
    replaced["clusters"][0]["cluster"] = json!({"server": cluster.plane.server(), "certificate-authority": before});
    let replaced = written(cluster, "replaced", &replaced);
    let key = "certificate-authority-data";
    let foreign = changed("foreign", key, stranger["users"][0]["user"]["client-certificate-data"].clone());
    for config in [replaced, foreign] {
        let refused = failed(&config, &["analyze"]);
        assert!(refused.stderr.contains("do not trust each other's certificates (not trusted)"), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint: check certificate-authority and server"), "{}", refused.stderr);
    }
}

/// The steps of a plan without their risks.
fn steps(plan: &Value) -> Vec<Value> {
    let mut steps = plan["spec"]["migrations"].as_array().unwrap().clone();
    for step in &mut steps {
        step["risk"].take();
        step["riskReasons"].take();
    }
    steps
}

/// Fails with exit code 1 and words for people.
fn failed(kubeconfig: &Path, arguments: &[&str]) -> Run {
    let run = plimsoll_as(kubeconfig, arguments);
    eprintln!("{arguments:?} after {:.1?}: {}", run.took, run.stderr.trim());
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    run
}

fn written(cluster: &Cluster, name: &str, config: &Value) -> PathBuf {
    let path = PathBuf::from(cluster.path(name));
    fs::write(&path, config.to_string()).unwrap();
    path
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// A plan without what the moment of its making says.
fn without_moment(mut plan: Value) -> Value {
    plan["spec"]["snapshot"]["takenAt"].take();
    plan["metadata"]["name"].take();
    plan
}
