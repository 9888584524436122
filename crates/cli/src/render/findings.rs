//! Findings as rows and as documents.

use std::collections::BTreeMap;

use model::{Finding, FindingCode, Subject, UsdPerHour};

use super::grid::{Cell, Column, Grid};

/// What it is about: `node a-17`, `Deployment web/api`.
pub fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Cluster => "cluster".to_owned(),
        Subject::Node(name) => format!("node {name}"),
        Subject::Pod { namespace, name } => format!("pod {namespace}/{name}"),
        Subject::Workload(workload) => workload.to_string(),
        Subject::Object { kind, name, source } => {
            let what = [kind.as_str(), name.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            if what.is_empty() { source.clone() } else { format!("{} ({source})", what.join(" ")) }
        }
    }
}

/// `$/MONTH WHAT WHY HINT`, in the order given.
pub fn grid<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Grid {
    let mut grid = Grid::new(&[
        Column::numbers("$/MONTH"),
        Column::words("WHAT"),
        Column::words("CODE").wide(),
        Column::words("WHY"),
        Column::words("HINT"),
    ]);
    for finding in findings {
        grid.row(vec![
            // Not every finding costs something that is known.
            finding.usd_per_hour.map_or_else(Cell::none, |cost| Cell::month(Some(cost))),
            subject(&finding.subject).into(),
            finding.code.as_str().into(),
            finding.message.clone().into(),
            Cell::or_none(finding.hint.clone()),
        ]);
    }
    grid
}

/// What could be changed to save more, dearest first. A node that a pod keeps is told once, with the pod's workload, and
/// one that a limit on the whole plan keeps with the cluster; a node that receives pods is no loss.
pub fn dearest(findings: &[Finding]) -> Vec<&Finding> {
    let is_told_elsewhere = |finding: &Finding| {
        use FindingCode::{MoveLimit, PodNotEvictable, ReceivesPods, TooLittleSaved};
        let codes = [PodNotEvictable, ReceivesPods, MoveLimit, TooLittleSaved];
        matches!(finding.subject, Subject::Node(_)) && codes.contains(&finding.code)
    };
    let costs = |finding: &&Finding| finding.usd_per_hour.is_some_and(|cost| cost.nanos() > 0);
    let mut dearest: Vec<&Finding> =
        findings.iter().filter(costs).filter(|finding| !is_told_elsewhere(finding)).collect();
    // They come ordered; a stable sort keeps what they agreed on.
    dearest.sort_by_key(|finding| std::cmp::Reverse(finding.usd_per_hour));
    dearest
}

/// Nodes that stay, a row for each kind of reason, dearest first.
pub fn kept_by_reason(findings: &[Finding]) -> Grid {
    #[derive(Default)]
    struct Kept {
        nodes: usize,
        usd_per_hour: UsdPerHour,
        unpriced: usize,
    }
    let mut reasons: BTreeMap<FindingCode, Kept> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| matches!(finding.subject, Subject::Node(_))) {
        let kept = reasons.entry(finding.code).or_default();
        kept.nodes += 1;
        match finding.usd_per_hour {
            Some(cost) => kept.usd_per_hour += cost,
            None => kept.unpriced += 1,
        }
    }
    let mut reasons: Vec<(FindingCode, Kept)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(code, kept)| (std::cmp::Reverse(kept.usd_per_hour), *code));
    let mut grid = Grid::new(&[Column::numbers("NODES KEPT"), Column::numbers("$/MONTH"), Column::words("BECAUSE")]);
    for (code, kept) in reasons {
        let known = (kept.unpriced < kept.nodes).then_some(kept.usd_per_hour);
        grid.row(vec![kept.nodes.to_string().into(), Cell::month(known), why_kept(code).into()]);
    }
    grid
}

fn why_kept(code: FindingCode) -> String {
    match code {
        FindingCode::ReceivesPods => "they receive pods of the nodes that go".to_owned(),
        FindingCode::PodNotEvictable => "a pod on them may not be moved".to_owned(),
        FindingCode::PodsDoNotFit => "their pods do not all fit elsewhere".to_owned(),
        FindingCode::PendingPods => "they keep room for pods that are pending".to_owned(),
        FindingCode::NoLegalOrder => "no legal order of moves empties them".to_owned(),
        FindingCode::NodeUnpriced => "nobody knows what they cost".to_owned(),
        FindingCode::NodeAnnotationForbids => "an annotation on them forbids it".to_owned(),
        FindingCode::ProtectedNode => "the policy protects them".to_owned(),
        FindingCode::NodeNotReady => "they are not ready".to_owned(),
        FindingCode::ControlPlaneNode => "they belong to the control plane".to_owned(),
        FindingCode::NodeUnreadable => "something on them could not be read".to_owned(),
        FindingCode::NothingSaved => "removing them saves nothing".to_owned(),
        FindingCode::MoveLimit => "more pods would move than the policy allows".to_owned(),
        FindingCode::TooLittleSavedPerMove => "they save too little for the pods that would move".to_owned(),
        FindingCode::TooLittleSaved => "the plan that empties them saves too little".to_owned(),
        other => in_words(other),
    }
}

/// `IdleNode` as `idle node`.
pub fn in_words(code: FindingCode) -> String {
    let mut words = String::new();
    for letter in code.as_str().chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
