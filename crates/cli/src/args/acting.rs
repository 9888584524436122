//! The flags of the commands that change a cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Format::{self, Csv, Json, Markdown, Table, Yaml};
use super::formats::formats;
use super::{LiveArgs, PolicyArgs, PriceArgs, PrometheusArgs, values};

/// `apply`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll simulate --save plan.yaml                make a plan, and look at it\n  \
    plimsoll apply plan.yaml --dry-run                have it checked, and ask the API server without doing anything\n  \
    plimsoll apply plan.yaml                          carry it out; the emptied nodes stay, cordoned and marked\n  \
    plimsoll apply plan.yaml --remove-nodes karpenter hand each emptied node to Karpenter\n  \
    plimsoll apply plan.yaml --add-nodes wait         a plan that buys nodes: it waits until you have added them\n  \
    plimsoll apply plan.yaml --prometheus http://127.0.0.1:9090 --rollback-query 'ALERTS{severity=\"page\"}'\n  \
    plimsoll rollback consolidate-2026-11-21-a1b2c3   take cordons, marks and hints back\n\n\
    Every wave is checked on the state of its moment. Where a budget refuses for long the node stays; where a pod finds\n\
    no place or does not become ready in time all cordons are taken back. Run again, it goes on where it was stopped.\n\n\
    Exits 0 where all of it was done, 1 where not, 3 where the cluster cannot be judged.")]
pub struct ApplyArgs {
    /// The plan: a MigrationPlan in YAML or JSON; - is stdin
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The cluster.
    #[command(flatten)]
    pub live: LiveArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// The limits that it must keep: those that it was made with.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Check it and ask the API server for the first wave, without doing anything
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask whether to begin
    #[arg(short, long)]
    pub yes: bool,
    /// How it is carried out.
    #[command(flatten)]
    pub acting: ActingArgs,
    /// Who answers the rollback query.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// How to write what came of it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Json, Yaml, Csv, Markdown]))]
    pub output: Format,
}

/// How plans are carried out.
#[derive(Args, Clone, Debug)]
pub struct ActingArgs {
    /// Who takes an emptied node away
    #[arg(long, value_name = "WHO", default_value = "none")]
    pub remove_nodes: NodeRemoval,
    /// Who adds the nodes that a plan buys; all of them are there before anything leaves
    #[arg(long, value_name = "WHO", default_value = "none")]
    pub add_nodes: NodeAddition,
    /// How long they are awaited
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration)]
    pub added_within: Duration,
    /// How long a wave may take, beyond grace periods, until every replacement is ready
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = values::duration)]
    pub ready_within: Duration,
    /// How long an eviction that a budget refuses is asked again
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = values::duration)]
    pub refused_for: Duration,
    /// Roll back once more than this percentage of the replacements start again or are not ready; 100 never does. The
    /// profile's, where there is one, else 10
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub most_troubled: Option<u32>,
    /// Do not begin, and roll back, where this PromQL expression has a result: any sample, or a scalar other than 0
    #[arg(long, value_name = "PROMQL", requires = "prometheus", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub rollback_query: Option<String>,
}

/// Who takes an emptied node away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NodeRemoval {
    /// Nobody: it stays, cordoned and marked
    None,
    /// The Node object is deleted: bare metal, KWOK
    Node,
    /// Its NodeClaim is deleted, and Karpenter removes the machine
    Karpenter,
}

/// Who adds the nodes that a plan buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NodeAddition {
    /// Nobody: plans that buy nodes are refused
    None,
    /// You or another tool: the plan waits for nodes that match
    Wait,
    /// A NodeClaim is made for each, from the template of its NodePool
    Karpenter,
}

/// `rollback`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll rollback consolidate-2026-11-21-a1b2c3\n  \
    plimsoll rollback --all                   before the operator is uninstalled\n\n\
    Pods stay where they are: what was evicted runs elsewhere by now. Cordons of others stay.")]
pub struct RollbackArgs {
    /// The plan's name, as kubectl describe node shows it under optimizer.io/cordoned-by
    #[arg(value_name = "PLAN", required_unless_present = "all", conflicts_with = "all")]
    pub plan: Option<String>,
    /// Of every plan: before the operator is uninstalled
    #[arg(long)]
    pub all: bool,
    /// The operator's namespace, whose operator stands aside
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    pub namespace: Option<String>,
    /// The cluster.
    #[command(flatten)]
    pub live: LiveArgs,
}
