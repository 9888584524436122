//! The order in which findings are shown: by money.

use std::cmp::Reverse;

use model::Finding;

/// Dearest first; those of unknown cost after those of known; alike ones by code and subject.
pub fn rank_by_dollars(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (Reverse(finding.usd_per_hour), finding.code);
        key(a).cmp(&key(b)).then_with(|| a.subject.cmp(&b.subject)).then_with(|| a.message.cmp(&b.message))
    });
}
