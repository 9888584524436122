//! What is told while a plan is carried out, and what came of it.

use std::time::Duration;

use model::{AddedNode, Migration, Name};

/// Hears how far it has come.
pub type Listener<'l> = &'l (dyn Fn(Progress<'_>) + Send + Sync);

/// Something about to happen, or that happened.
#[derive(Debug)]
pub enum Progress<'p> {
    /// These nodes are awaited, all of them before anything leaves; said before they are asked for.
    AddingNodes(&'p [AddedNode]),
    /// A node has come, and stands for one of the plan.
    NodeAdded {
        /// The plan's name for it.
        planned: &'p Name,
        /// Its own.
        node: &'p Name,
    },
    /// Marks on nodes that were added could not be taken back; they run out by themselves.
    MarksLeft(&'p str),
    /// Nodes are cordoned and marked; said before it is done.
    Cordoning(&'p [Name]),
    /// Replacements get no hint where to go; the scheduler may place them elsewhere.
    WithoutHints(&'p str),
    /// A wave begins.
    Wave {
        /// Waves left, this one included.
        left: u32,
        /// Pods that move in it.
        pods: usize,
    },
    /// A pod is evicted; said before it is done.
    Evicting(&'p Migration),
    /// A Deployment is rolled out anew, so that its new pod comes before the old one goes; said before it is done.
    Surging(&'p Migration),
    /// A step has come to its end.
    Step(&'p StepDone),
    /// Something is awaited.
    Waiting {
        /// What.
        what: &'p str,
        /// For how long already.
        since: Duration,
    },
    /// A node stays after all, and is uncordoned.
    NodeStays {
        /// Which.
        node: &'p Name,
        /// Why.
        reason: &'p str,
    },
    /// A node is empty of all but daemons.
    NodeEmptied(&'p Name),
    /// A node goes; said before it is done.
    RemovingNode(&'p Name),
    /// All goes back.
    RollingBack(&'p str),
    /// Cordons go back, and the rest waits.
    Pausing(&'p str),
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepDone {
    /// Its pod.
    pub uid: Name,
    /// `namespace/name` of the pod.
    pub pod: String,
    /// What became of it.
    pub done: Done,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The replacement is ready, where that could be told on this node.
    Moved {
        /// The node.
        landed_on: Option<Name>,
    },
    /// The pod had gone before: by an earlier run, or by itself.
    Gone,
    /// It stays, and so does its node.
    Skipped(String),
    /// It went, and no replacement became ready in time.
    Failed(String),
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Why it stopped before its end and was rolled back, where it did.
    pub rolled_back: Option<String>,
    /// Why it stopped and waits, where it does. Its cordons were taken back, and what is left may go on later.
    pub paused: Option<String>,
    /// What became of each step that was begun or left out.
    pub steps: Vec<StepDone>,
    /// Nodes that are empty, and gone where somebody was to take them away.
    pub emptied: Vec<Name>,
    /// Nodes that were added: the plan's name for each, and its own.
    pub added: Vec<(Name, Name)>,
    /// Nodes of the plan that stay, and why.
    pub kept: Vec<(Name, String)>,
}

impl Ending {
    /// Was all of the plan done?
    pub fn is_whole(&self) -> bool {
        self.rolled_back.is_none() && self.paused.is_none() && self.kept.is_empty()
    }
}
