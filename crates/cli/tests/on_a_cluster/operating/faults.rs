//! What goes wrong around the operator: its clock, its webhooks, and far too many plans.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::cluster;
use crate::operator::webhooks_at;

/// Small waves, one after the other.
fn slowly(cluster: &Cluster) {
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationProfile", "metadata": {"name": "slowly"},
        "spec": {"rules": [{"name": "small waves", "maxConcurrentMigrations": 3, "migrationCooldown": "2s"}]},
    }));
}

/// A clock that a test sets while a process runs: `libfaketime` of Debian's package. What measures time that has passed is
/// left alone, as by whoever sets a real clock.
struct Clock {
    file: std::path::PathBuf,
    library: String,
}

impl Clock {
    /// Nothing where the library is missing, which `make test` installs. Where CI is set it must not be.
    fn new(cluster: &Cluster) -> Option<Clock> {
        let library = format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
        let is_missing = !std::path::Path::new(&library).exists();
        assert!(!is_missing || std::env::var_os("CI").is_none(), "faketime is missing: apt-get install faketime");
        if is_missing {
            eprintln!("skipped: faketime is missing; make test installs it");
            return None;
        }
        let clock = Clock { file: cluster.folder.path().join("clock"), library };
        clock.set("+0");
        Some(clock)
    }

    fn set(&self, to: &str) {
        // In one piece: it may be read at any moment.
        let written = self.file.with_extension("new");
        std::fs::write(&written, to).unwrap();
        std::fs::rename(written, &self.file).unwrap();
    }

    fn environment(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }
}

#[test]
fn a_clock_that_jumps_hurts_nobody() {
    let (mut cluster, apps) = in_pieces();
    let Some(clock) = Clock::new(&cluster) else { return };
    let (granted, hear) = cluster::count_evictions();
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), |_| Fate::Forwarded, hear).unwrap();
    slowly(&cluster);
    configure(&cluster, "full-auto", json!({"profile": "slowly"}));
    let watcher = Watcher::start(&cluster.plane, least(&apps));
    let operator = Operator::start_in(&cluster, proxy.kubeconfig(), "only", &[], &clock.environment());
    let evicted = || granted.lock().unwrap().len();
    for jump in ["+5m", "-10m"] {
        let before = evicted();
        cluster.wait("pods leave", |_| evicted() > before + 3);
        clock.set(jump);
    }
    let plan = wait_for_plan(&mut cluster, "Completed", &operator);
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    assert!(granted.lock().unwrap().values().all(|times| *times == 1));
    // It has lived in the past by then, and what it wrote down says so; its lease was held all the time.
    assert!(plan["status"]["finishedAt"].as_str() < plan["status"]["startedAt"].as_str(), "{}", plan["status"]);
    assert!(!operator.log().contains("lost the lease"), "{}", operator.log());
    is_as_promised(&mut cluster, &plan, &apps);

    // It comes round every 30 seconds, and not once its clock has caught up.
    let analyzed = |plane: &controlplane::ControlPlane| config(plane)["status"]["lastAnalysis"].clone();
    let before = analyzed(&cluster.plane);
    clock.set("-20m");
    cluster.wait("it looks again", |plane| analyzed(plane).as_str() < before.as_str());
    what_others_do_is_told(&mut cluster);
}

/// Somebody drains a node and takes it away: the report says so, beside the plan that there was.
fn what_others_do_is_told(cluster: &mut Cluster) {
    configure(cluster, "observe", json!({"profile": "slowly"}));
    let shadow = |plane: &controlplane::ControlPlane| {
        plane.get(&["optimizationreport", "default"]).unwrap_or_default()["status"]["shadow"].clone()
    };
    cluster.wait("a report with nothing to tell", |plane| shadow(plane)["since"].is_string());
    assert!(shadow(&cluster.plane).get("tools").is_none(), "{}", shadow(&cluster.plane));
    let pods = items(&cluster.plane, &["pods"]);
    let on = |node: &Value| pods.iter().filter(|pod| pod["spec"]["nodeName"] == node["metadata"]["name"]).count();
    let node = cluster.nodes().into_iter().min_by_key(|node| on(node)).unwrap();
    let name = node["metadata"]["name"].as_str().unwrap();
    // By deletion: what is told is what came of it, not how it was done.
    cluster.kubectl()(&[
        "drain",
        name,
        "--force",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--disable-eviction",
    ]);
    cluster.kubectl()(&["delete", "node", name]);
    cluster.wait("it is told", |plane| shadow(plane)["tools"].as_array().is_some_and(|tools| !tools.is_empty()));
    let told = shadow(&cluster.plane)["tools"][0].clone();
    let saved = USD_PER_NODE * 730.0;
    assert!((told["usdPerMonthSaved"].as_f64().unwrap() - saved).abs() < 1e-6, "{told}");
    assert_eq!((&told["nodesRemoved"], &told["nodesAdded"]), (&json!(1), &json!(0)), "{told}");
    assert_eq!(told["podsDisrupted"], on(&node), "{told}");
    let status = words(&cluster.plimsoll(&["status"]));
    assert!(status.contains("1 nodes away, 0 added"), "{status}");
}

/// Each is approved, and each would do the same: one does it, and the others see that there is nothing left to do.
#[test]
fn of_a_hundred_plans_at_once_one_is_carried_out_at_a_time() {
    let (mut cluster, apps) = in_pieces();
    let (granted, hear) = cluster::count_evictions();
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), |_| Fate::Forwarded, hear).unwrap();
    let (_, plan) = cluster.plan();
    let removed = cluster::names(&plan["spec"]["nodes"]["remove"]).len();
    let numbered = |number: usize| {
        let mut plan = plan.clone();
        plan["metadata"]["name"] = format!("plan-{number:03}").into();
        plan["spec"]["approved"] = true.into();
        plan.as_object_mut().unwrap().remove("status");
        plan
    };
    cluster.apply(&cluster::list((0..100).map(numbered)));
    let watcher = Watcher::start(&cluster.plane, least(&apps));
    let operator = Operator::start(&cluster, proxy.kubeconfig(), "only");
    let mut most = 0;
    cluster.wait("all of them end", |plane| {
        let all = plans(plane);
        let phase = |wanted: &str| all.iter().filter(|(_, phase, _)| phase == wanted).count();
        most = most.max(phase("Executing"));
        all.len() == 100 && phase("Completed") + phase("Expired") == 100
    });
    assert_eq!(most, 1, "{}", operator.log());
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    assert!(granted.lock().unwrap().values().all(|times| *times == 1));
    assert_eq!(granted.lock().unwrap().len(), plan["spec"]["migrations"].as_array().unwrap().len());
    let left = cluster.nodes();
    assert_eq!(left.len(), NODES - removed);
    assert!(left.iter().all(is_unmarked));
    let peak = operator.peak_megabytes();
    assert!(peak < 200, "{peak} MB");
}

/// While nobody answers, pods are made all the same; objects of our own kinds wait until somebody looks at them again. The
/// certificate is cert-manager's: a Secret that somebody else writes.
#[test]
fn webhooks_that_are_down_stop_no_pod() {
    let app = App { name: "web".to_owned(), kind: "Deployment", full: 4, scaled_down: 4, has_budget: false };
    let mut cluster = Cluster::in_pieces(4, std::slice::from_ref(&app));
    define_kinds(&mut cluster);
    let address = format!("127.0.0.1:{}", controlplane::ControlPlane::free_port().unwrap());
    // Pods of the operator's own namespace would not be asked about.
    let own = ["--namespace", "plimsoll-system", "--webhook-certificate", "cert-manager"];
    let flags = [&webhooks_at(&address)[..], &own].concat();
    cluster.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plimsoll-system"}}));
    let mut operator = Operator::start_with(&cluster, cluster.plane.kubeconfig(), "only", &flags);
    cluster.wait("it says whom it waits for", |_| operator.log().contains("cert-manager has not written"));
    let parts: BTreeMap<&str, String> = cluster.plane.serving_certificate().unwrap().into();
    cluster.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "stringData": parts,
        "metadata": {"name": "plimsoll-webhook", "namespace": "plimsoll-system"},
    }));
    let version = |plane: &controlplane::ControlPlane| {
        let secret = ["secret", "plimsoll-webhook", "--namespace", "plimsoll-system"];
        plane.get(&secret).unwrap()["metadata"]["resourceVersion"].clone()
    };
    let written = version(&cluster.plane);
    let wrong = json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "wrong"},
        "spec": {"safeWindows": [{"start": "22:00", "end": "05:00", "timeZone": "Mars/Olympus"}]},
    });
    let refusal = |plane: &controlplane::ControlPlane| {
        let asked = ["create", "--dry-run=server", "-f", "-"];
        words(&plane.kubectl_with_input(&asked, &wrong.to_string()).unwrap())
    };
    let told = "is no time zone";
    cluster.wait("what is wrong is refused", |plane| refusal(plane).contains(told));
    assert_eq!(version(&cluster.plane), written, "it is not ours to write");

    // Something is in force, so that pods of this namespace are asked about.
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationRecommendation",
        "metadata": {"name": "deployment-web", "namespace": "default"},
        "spec": {
            "targetWorkload": {"kind": "Deployment", "name": "web"}, "approved": true,
            "changes": [{"container": "main", "requests": {"cpu": "110m"}, "requestsBefore": {"cpu": "100m"}}],
        },
    }));
    cluster.wait("pods that are made are asked about", |plane| {
        let found = plane.get(&["mutatingwebhookconfiguration", "plimsoll"]).unwrap_or_default();
        found["webhooks"].as_array().is_some_and(|webhooks| webhooks.len() == 2)
    });
    operator.kill();
    let scaled = App { full: 9, scaled_down: 9, ..app };
    let started = Instant::now();
    cluster.kubectl()(&["scale", "deployment/web", "--replicas=9"]);
    cluster.wait_until_whole(&[scaled], |app| app.full);
    eprintln!("five pods were made in {:.1} s beside webhooks that are down", started.elapsed().as_secs_f64());
    let refused = refusal(&cluster.plane);
    assert!(refused.contains("failed calling webhook") && refused.contains("optimizer.io"), "{refused}");

    let again = Operator::start_with(&cluster, cluster.plane.kubeconfig(), "again", &flags);
    cluster.wait("what is wrong is refused again", |plane| refusal(plane).contains(told));
    assert_eq!(again.stop(), 0);
}

/// A watch that hangs looks like a cluster in which nothing happens: it is given up after a while, and what was missed is
/// read.
#[test]
fn watches_that_hang_silently_are_given_up() {
    let app = App { name: "web".to_owned(), kind: "Deployment", full: 4, scaled_down: 4, has_budget: false };
    let mut cluster = Cluster::in_pieces(4, std::slice::from_ref(&app));
    define_kinds(&mut cluster);
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), |_| Fate::Forwarded, |_, _| {}).unwrap();
    configure(&cluster, "observe", json!({}));
    let operator = Operator::start(&cluster, proxy.kubeconfig(), "only");
    let counts = |plane: &controlplane::ControlPlane, nodes: usize| config(plane)["status"]["nodeCount"] == nodes;
    cluster.wait("all nodes are counted", |plane| counts(plane, 4));
    proxy.hang_watches();
    cluster.apply(&cluster::list([cluster::node(4)]));
    cluster.wait("what it missed is counted", |plane| counts(plane, 5));
    assert_eq!(operator.stop(), 0);
}

/// The kind of a write: not of which pod, of which node or of which plan, but of which phase.
fn kind_of(write: &controlplane::Write) -> String {
    let phase = write.body.split(r#""phase":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let parts = write.path.split('/').filter(|part| !part.chars().any(|letter| letter.is_ascii_digit()));
    format!("{} {} {phase}", write.method, parts.collect::<Vec<_>>().join("/"))
}

/// Killed before the first write of each kind and after the second and third: another process goes on where it ended.
#[test]
fn killed_at_every_write_it_ends_as_if_it_had_not_been() {
    let apps = apps(5);
    let mut cluster = Cluster::in_pieces(16, &apps);
    define_kinds(&mut cluster);
    slowly(&cluster);
    let running: Arc<Mutex<Option<Operator>>> = Arc::default();
    let (kills, times) = (Arc::new(AtomicUsize::new(0)), Mutex::new(BTreeMap::<String, usize>::new()));
    let (granted, hear) = cluster::count_evictions();
    let decide = {
        let (running, kills) = (running.clone(), kills.clone());
        move |write: &controlplane::Write| {
            if write.path.contains("/leases") || write.path.contains("/events") {
                return Fate::Forwarded;
            }
            let mut times = times.lock().unwrap();
            let nth = times.entry(kind_of(write)).or_default();
            *nth += 1;
            if *nth > 3 {
                return Fate::Forwarded;
            }
            if let Some(mut operator) = running.lock().unwrap().take() {
                operator.kill();
                kills.fetch_add(1, Ordering::SeqCst);
            }
            if *nth == 1 { Fate::Lost } else { Fate::AnswerLost }
        }
    };
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), decide, hear).unwrap();
    configure(&cluster, "full-auto", json!({"profile": "slowly"}));
    let watcher = Watcher::start(&cluster.plane, least(&apps));
    let start = Instant::now();
    while !is_over(&cluster) {
        assert!(start.elapsed() < cluster::PATIENCE * 2, "killed {} times", kills.load(Ordering::SeqCst));
        let mut held = running.lock().unwrap();
        if held.is_none() {
            *held = Some(Operator::start(&cluster, proxy.kubeconfig(), "only"));
        }
        drop(held);
        std::thread::sleep(Duration::from_millis(50));
    }
    let kills = kills.load(Ordering::SeqCst);
    eprintln!("killed {kills} times in {:.0} s", start.elapsed().as_secs_f64());
    assert!(kills > 10, "{kills}");
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    let evicted = granted.lock().unwrap();
    assert!(evicted.values().all(|times| *times == 1), "{evicted:?}");
    let (_, _, plan) = plans(&cluster.plane).into_iter().find(|(_, phase, _)| phase == "Completed").unwrap();
    let steps = plan["spec"]["migrations"].as_array().unwrap();
    let planned: Vec<&str> = steps.iter().map(|step| step["pod"]["uid"].as_str().unwrap()).collect();
    assert!(evicted.keys().all(|uid| planned.contains(&uid.as_str())), "{evicted:?}");
    assert_eq!(evicted.len(), planned.len(), "{}", plan["status"]);
    drop(evicted);
    let promised = plan["spec"]["summary"]["usdPerHourAfter"].as_f64().unwrap();
    let left = cluster.nodes();
    assert!((promised - left.len() as f64 * USD_PER_NODE).abs() < 1e-9, "{} nodes: {}", left.len(), plan["status"]);
    assert!(left.iter().all(is_unmarked));
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
}
