//! `simulate --what-if`, with the files that premises name.

#![allow(clippy::unwrap_used)]
#[allow(dead_code)] // Each test uses its part.
mod common;

use std::fs;

use common::{Run, on_small, plimsoll};
use serde_json::{Value, json};

fn rows(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn what_changes_nothing_is_todays_plan_and_can_be_executed() {
    let rows = rows(&on_small("simulate -o json --what-if growth=0% --what-if growth=0%+growth=100%"));
    let [today, same, grown] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&same["summary"], &same["executable"]), (&today["summary"], &json!(true)));
    assert_eq!((&grown["executable"], &grown["scenario"]), (&json!(false), &json!("growth=0%+growth=100%")));
    assert!(grown["notYet"][0].as_str().unwrap().starts_with("pods that do not run yet: "), "{grown}");
    let summary: Value = serde_json::from_str(&on_small("simulate -o json").stdout).unwrap();
    let mut summary = summary["spec"]["summary"].clone();
    // What a scenario leads to is nowhere to land on yet.
    summary.as_object_mut().unwrap().remove("placementHints");
    assert_eq!(today["summary"], summary);
}

#[test]
fn a_premise_of_what_is_not_there_says_what_there_is() {
    for (premise, says) in [
        ("without-zone=mars-1", "no node is in a zone mars-1; there is us-east-1a, us-east-1b, us-east-1c"),
        ("without-budget=data/q", "there is no budget data/q; there is data/queue"),
        ("without-spread=web/Deployment/nginx", "there is no Deployment web/nginx; there is Deployment web/api,"),
        ("without-spread=mars/Deployment/x", "there is no Deployment mars/x; there is namespace data,"),
        ("without-affinity=data/Deployment/queue", "Deployment data/queue has no such rule"),
        ("only-family=z9", "no instance family is called z9; there is m5"),
        ("spot=50%", "hint: add the row m5."),
        ("prices=no/such.csv", "no/such.csv"),
        ("requests=no/such.csv", "no/such.csv"),
        ("node-pool=no/such.yaml", "hint: add --capacity any"),
        ("node-pool=no/such.yaml --capacity any", "no/such.yaml"),
    ] {
        let run = on_small(&format!("simulate --what-if growth=1% --what-if {premise}"));
        assert!(run.code == 1 || run.code == 2, "{premise}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{premise}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{premise}");
    }
}

#[test]
fn files_of_prices_and_of_requests_are_premises() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let header = "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu\n";
    let row = |kind: &str, capacity: &str, price: f64| format!("{kind},,,{capacity},{price},,,,,\n");
    let dear = file(
        "dear.csv",
        &format!("{header}{}{}", row("m5.large", "on-demand", 2.0), row("m5.xlarge", "on-demand", 4.0)),
    );
    let spot =
        file("spot.csv", &format!("{header}{}{}", row("m5.large", "spot", 0.01), row("m5.xlarge", "spot", 0.02)));
    let small = file("small.csv", "name,namespace,kind,container,cpu,memory\napi,web,Deployment,main,1m,\n");
    let names = [format!("prices={dear}"), format!("prices={spot}+spot=50%"), format!("requests={small}")];
    let flags: Vec<String> = names.iter().map(|name| format!("--what-if {name}")).collect();
    let rows = rows(&on_small(&format!("simulate -o json {}", flags.join(" "))));
    let now = |row: &Value| row["summary"]["usdPerHourBefore"].as_f64().unwrap();
    assert!(now(&rows[1]) > 10.0 * now(&rows[0]), "{:?}", rows[1]);
    assert_eq!(rows[1]["executable"], json!(true), "prices are no premise of the cluster");
    assert!(now(&rows[2]) < now(&rows[0]), "half of the nodes are spot: {:?}", rows[2]);
    assert_eq!(rows[2]["notYet"], json!(["nodes that are not spot yet: 2"]));
    assert_eq!(rows[3]["notYet"], json!(["pods that still ask for other amounts: 4"]));
    for (text, says) in [
        ("namespace,kind,name,cpu,memory\n", "no column container"),
        ("namespace,kind,name,container,cpu,memory\nweb,Deployment,api,main,lots,\n", "line 2: cpu lots is no amount"),
        (
            "namespace,kind,name,container,cpu,memory\nweb,Deployment,api,mane,1,\n",
            "has no container mane; there is main",
        ),
        ("namespace,kind,name,container,cpu,memory\nweb,Deployment,,main,1,\n", "line 2 lacks a"),
    ] {
        let bad = file("bad.csv", text);
        let run = on_small(&format!("simulate --what-if requests={bad}"));
        assert!(run.code > 0 && run.stderr.contains(says), "{text}: {}", run.stderr);
    }
}

#[test]
fn with_any_capacity_nodes_are_bought_for_pods_without_room() {
    let folder = tempfile::tempdir().unwrap();
    let (dump, pool) = (folder.path().join("dump.json"), folder.path().join("pool.yaml"));
    let items: Vec<Value> = scenario::fleet(1, 12, 120).objects().collect();
    fs::write(&dump, json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()).unwrap();
    fs::write(
        &pool,
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: more}\nspec:\n  template:\n    spec:\n      \
         requirements:\n      - {key: karpenter.k8s.aws/instance-category, operator: In, values: [c, m, r]}\n",
    )
    .unwrap();
    let simulate = |flags: &str| rows(&plimsoll(&format!("simulate -o json --from {} {flags}", dump.display())));
    let growth = "growth=300%";
    let within = &simulate(&format!("--what-if {growth}"))[1];
    let short = within["podsWithoutRoom"].as_u64().unwrap();
    assert!(short > 0, "{within}");
    let pool = pool.display();
    let bought = &simulate(&format!("--capacity any --what-if {growth}+node-pool={pool}"))[1];
    assert!(bought["podsWithoutRoom"].as_u64().unwrap() * 10 < short, "{bought}");
    assert!(bought["nodesBought"].as_u64().unwrap() > 0, "{bought}");
    assert!(bought["notYet"].to_string().contains("node pool more is not so yet"), "{bought}");
    let cost = |row: &Value| row["summary"]["usdPerHourAfter"].as_f64().unwrap();
    assert!(cost(bought) > cost(within), "room has its price: {bought}");
}
