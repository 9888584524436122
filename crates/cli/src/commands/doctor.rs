//! `plimsoll doctor`: what is missing for better answers, and how to give it.

use std::collections::BTreeMap;
use std::io::Write;

use model::{Finding, FindingCode, Pod, Prices, ReadState, Severity, Snapshot, Subject, Unpriced};

use super::analyze::finding_documents;
use crate::args::{DoctorArgs, Format};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document::{json, yaml};
use crate::render::findings::subject;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::count;

/// Runs it.
pub fn run(args: &DoctorArgs, out: &mut Output) -> Result<Exit, Failure> {
    let snapshot = input::snapshot(&args.input)?;
    let prices = input::prices(&snapshot, &args.prices)?;
    let findings = examine(&snapshot, &prices);
    match args.output {
        Format::Json => json(out, &finding_documents(&findings))?,
        Format::Yaml => yaml(out, &finding_documents(&findings))?,
        Format::Table if findings.is_empty() => {
            writeln!(
                out,
                "nothing is missing: {} and {}, all priced",
                count(snapshot.nodes.len(), "node"),
                count(snapshot.pods.len(), "pod")
            )?;
        }
        format => grid(&findings).write(out, format)?,
    }
    Ok(Exit::Done)
}

/// Everything that makes answers less than they could be, the most serious first.
pub fn examine(snapshot: &Snapshot, prices: &Prices) -> Vec<Finding> {
    let mut findings = snapshot.findings.clone();
    findings.extend(kinds_worth_adding(snapshot));
    findings.extend(metrics(snapshot));
    findings.extend(unpriced(prices));
    findings.extend(pods_not_modelled(snapshot));
    findings.extend(autoscaler(snapshot));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn grid(findings: &[Finding]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("SEVERITY"),
        Column::words("CODE").wide(),
        Column::words("ABOUT"),
        Column::words("WHAT"),
        Column::words("REMEDY"),
    ]);
    for finding in findings {
        let alike = if finding.count > 1 { format!(" ({} alike)", finding.count) } else { String::new() };
        grid.row(vec![
            format!("{:?}", finding.severity).to_lowercase().into(),
            finding.code.as_str().into(),
            subject(&finding.subject).into(),
            format!("{}{alike}", finding.message).into(),
            Cell::or_none(finding.hint.clone()),
        ]);
    }
    grid
}

/// Kinds that the reader does not warn of, but by which answers get better: each with whether it matters here.
fn kinds_worth_adding(snapshot: &Snapshot) -> Vec<Finding> {
    let owned_by =
        |kind: &str| snapshot.pods.iter().any(|pod| pod.controller.as_ref().is_some_and(|owner| &*owner.kind == kind));
    let uses_claims = snapshot.pods.iter().any(|pod| pod.claims().next().is_some());
    let by_karpenter = snapshot.nodes.iter().any(|node| node.labels.get("karpenter.sh/nodepool").is_some());
    let worth = [
        ("DaemonSet", owned_by("DaemonSet"), "what a new node would run at once is guessed from the nodes there are"),
        ("Job", owned_by("Job"), "Jobs are known by their pods alone"),
        ("CSINode", uses_claims, "how many volumes a node can attach is unknown, so no limit is kept"),
        ("VolumeAttachment", uses_claims, "volumes that are attached without a pod are not counted"),
        ("NodePool", by_karpenter, "Karpenter's own budgets and limits are unknown"),
    ];
    let told = |kind: &str| {
        let word = format!(" {kind} ");
        snapshot
            .findings
            .iter()
            .any(|finding| finding.code == FindingCode::MissingKind && finding.message.contains(&word))
    };
    let mut findings = Vec::new();
    for (kind, matters, weakens) in worth {
        let is_absent = matters && snapshot.kinds.get(kind).is_some_and(|read| read.state == ReadState::NotInInput);
        let Some(info) = observe::KINDS.iter().find(|info| info.name == kind).filter(|_| is_absent && !told(kind))
        else {
            continue;
        };
        let plural =
            if info.group.is_empty() { info.plural.to_owned() } else { format!("{}.{}", info.plural, info.group) };
        let message = format!("there is no {kind} in the input: {weakens}");
        let hint = format!("add the output of: kubectl get {plural} -A -o json");
        findings.push(Finding::new(FindingCode::MissingKind, Subject::Cluster, message).hint(hint));
    }
    findings
}

fn metrics(snapshot: &Snapshot) -> Option<Finding> {
    if !snapshot.usage.is_empty() {
        return None;
    }
    let message = "what pods use is unknown: waste is judged by what they ask for alone";
    let hint =
        "install metrics-server; to a dump add: kubectl get --raw /apis/metrics.k8s.io/v1beta1/pods > metrics.json";
    Some(Finding::new(FindingCode::MissingKind, Subject::Cluster, message).severity(Severity::Warning).hint(hint))
}

/// Nodes without a price, those alike together.
fn unpriced(prices: &Prices) -> Vec<Finding> {
    let mut reasons: BTreeMap<&Unpriced, u32> = BTreeMap::new();
    for reason in prices.nodes.iter().filter_map(|price| price.as_ref().err()) {
        *reasons.entry(reason).or_default() += 1;
    }
    let finding = |(unpriced, nodes): (&Unpriced, u32)| {
        let message = format!(
            "{} without a price, which stay and are in no total: {}",
            count(nodes as usize, "node"),
            unpriced.reason
        );
        let finding = Finding::new(FindingCode::UnknownPrice, Subject::Cluster, message).severity(Severity::Warning);
        finding.hint(unpriced.remedy.clone())
    };
    reasons.into_iter().map(finding).collect()
}

fn pods_not_modelled(snapshot: &Snapshot) -> Vec<Finding> {
    type Test = fn(&Pod) -> bool;
    const SORTS: [(FindingCode, Test, &str); 5] = [
        (
            FindingCode::OtherScheduler,
            |pod| &*pod.spec.scheduler_name != "default-scheduler",
            "placed by another scheduler, whose rules are not modelled: they stay where they are",
        ),
        (
            FindingCode::ResourceClaims,
            |pod| pod.spec.has_resource_claims,
            "with resource claims, which are not modelled: they stay where they are",
        ),
        (
            FindingCode::GangScheduled,
            |pod| pod.spec.gang.is_some(),
            "in gangs, which move as one or not at all: they stay",
        ),
        (FindingCode::SchedulingGated, |pod| !pod.spec.scheduling_gates.is_empty(), "behind a scheduling gate"),
        (FindingCode::PodsPending, Pod::is_unbound, "waiting for a node: a plan keeps room for those that have any"),
    ];
    let mut findings = Vec::new();
    for (code, test, what) in SORTS {
        let pods = snapshot.pods.iter().filter(|pod| !pod.is_finished() && test(pod)).count();
        if pods > 0 {
            findings.push(Finding::new(code, Subject::Cluster, format!("{} {what}", count(pods, "pod"))));
        }
    }
    findings
}

/// Karpenter or the cluster autoscaler acts on the same nodes.
fn autoscaler(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    let by_karpenter = snapshot.nodes.iter().filter(|node| node.labels.get("karpenter.sh/nodepool").is_some()).count();
    if by_karpenter > 0 || !snapshot.node_pools.is_empty() {
        let pools: Vec<String> = snapshot
            .node_pools
            .values()
            .filter(|pool| !pool.disruption.is_empty())
            .map(|pool| format!("{}: {}", pool.name, pool.disruption))
            .collect();
        let pools = if pools.is_empty() { String::new() } else { format!(" ({})", pools.join("; ")) };
        let message = format!("Karpenter runs {}{pools}", count(by_karpenter, "node"));
        let hint = "its pauses and budgets govern what it does itself; plans are made all the same";
        findings.push(Finding::new(FindingCode::AutoscalerPresent, Subject::Cluster, message).hint(hint));
    }
    let is_autoscaler =
        |pod: &&Pod| !pod.is_finished() && pod.labels.iter().any(|(_, value)| value.contains("cluster-autoscaler"));
    if let Some(pod) = snapshot.pods.iter().find(is_autoscaler) {
        let subject = Subject::Pod { namespace: pod.namespace.clone(), name: pod.name.clone() };
        let message = "the cluster autoscaler runs here, and may remove or add nodes between plan and act";
        findings.push(Finding::new(FindingCode::AutoscalerPresent, subject, message));
    }
    findings
}
