//! What other tools did to nodes since we last did something, beside the plan that we had then.

use crds::Moment;
use crds::optimization_report::{Shadow, ToolDeeds};
use engine::shadow::{Before, Deeds, Tool};
use kube::runtime::events::EventType;

use super::analysis::Found;
use crate::context::Context;
use crate::events::{self, Subject};

/// A plan of yesterday says little of today.
const LONGEST_SECONDS: i64 = 86_400;

/// What one configuration's analyses hold against each other.
#[derive(Default)]
pub struct Watched {
    before: Option<Before>,
    told: Vec<Deeds>,
}

impl Watched {
    /// What happens from now on is ours too.
    pub fn forget(&mut self) {
        *self = Watched::default();
    }

    /// What others did, for the report; an event says it where it is news.
    pub async fn hold(&mut self, context: &Context, config: &str, found: &Found) -> Option<Shadow> {
        let now = found.snapshot.taken_at;
        let is_old = |before: &Before| now.seconds_since(before.at) > LONGEST_SECONDS || now < before.at;
        if self.before.as_ref().is_none_or(is_old) {
            self.before = Some(Before::of(&found.snapshot, &found.prices, &found.plan.summary));
            self.told = Vec::new();
        }
        let before = self.before.as_ref()?;
        let deeds = before.since(&found.snapshot, &found.prices);
        if deeds != self.told {
            let words: Vec<String> = deeds.iter().map(in_words).collect();
            let planned = before.saved.dollars_per_month();
            let ours = format!("the plan of then: ${planned:.2} a month by {} moves", before.migrations);
            let note = format!("since {}: {}; {ours}", before.at, words.join(", "));
            events::tell(context, Subject::Config(config), EventType::Normal, "OthersActed", note).await;
        }
        self.told = deeds;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let of_tool = |deeds: &Deeds| ToolDeeds {
            tool: name(deeds.tool).to_owned(),
            nodes_removed: count(deeds.nodes_removed),
            nodes_added: count(deeds.nodes_added),
            pods_disrupted: count(deeds.pods_disrupted),
            usd_per_month_saved: deeds.saved.map(|saved| saved.dollars_per_month()),
        };
        Some(Shadow {
            since: Moment(before.at),
            planned_usd_per_month_saved: before.saved.dollars_per_month(),
            planned_migrations: count(before.migrations),
            tools: self.told.iter().map(of_tool).collect(),
        })
    }
}

fn name(tool: Tool) -> &'static str {
    match tool {
        Tool::Karpenter => "Karpenter",
        Tool::NodeGroup => "NodeGroup",
        Tool::Unknown => "Unknown",
    }
}

fn in_words(deeds: &Deeds) -> String {
    let saved =
        deeds.saved.map_or("an unknown amount".to_owned(), |saved| format!("${:.2}", saved.dollars_per_month()));
    let (removed, added, pods) = (deeds.nodes_removed, deeds.nodes_added, deeds.pods_disrupted);
    format!(
        "{} took {removed} nodes away and added {added}, {pods} pods disrupted, {saved} a month saved",
        name(deeds.tool)
    )
}
