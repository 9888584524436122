//! The flags of each command.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};

use super::Format::{self, Csv, Json, Markdown, Name, Table, Wide, Yaml};
use super::formats::formats;
use super::values::duration;
use super::{InputArgs, PolicyArgs, PriceArgs, ScopeArgs, UsageArgs};

/// `analyze`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll analyze                                  the live cluster, in short\n  \
    plimsoll analyze --from dump.json --by node -o wide\n  \
    plimsoll analyze --by workload -n web -o csv > web.csv\n\n\
    In CSV money is in dollars, unrounded, CPU in cores and memory in bytes; what is unknown is empty.")]
pub struct AnalyzeArgs {
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Namespaces of workloads; labels of nodes.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// What blocks savings, besides.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// One whole table in place of the summary
    #[arg(long, value_enum)]
    pub by: Option<Breakdown>,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Wide, Json, Yaml, Csv, Markdown, Name]))]
    pub output: Format,
}

/// What costs are broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Breakdown {
    /// A row for each node
    Node,
    /// A row for each namespace
    Namespace,
    /// A row for each workload
    Workload,
}

/// `simulate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll simulate --from dump.json                a plan, and what keeps it from saving more\n  \
    plimsoll simulate --headroom 5% --save plan.yaml  keep 5 % of every node free; write the plan\n  \
    plimsoll simulate --safety conservative           what nobody should notice\n  \
    plimsoll simulate --curve                         how few moves save most of it\n  \
    plimsoll simulate --constraints -o wide           what budgets, affinities and the like cost, and how to lift them\n  \
    plimsoll simulate --time-limit 2s                 the best plan that is found in two seconds\n  \
    plimsoll simulate --max-moves 50                  the 50 moves that save most\n  \
    plimsoll simulate --compare first-fit,search      what another strategy would save, and how far from the best it is\n  \
    plimsoll simulate --what-if growth=20% --what-if without-zone=us-east-1a+growth=10%\n  \
    plimsoll simulate --requests recommended --usage usage.csv.gz\n  \
    plimsoll verify plan.yaml                         then have it checked\n\n\
    Premises of --what-if (docs/what-if.md): growth=20%, without-zone=ZONE, without-family=t3,m5, only-family=m6i, spot=50%, \
    prices=FILE.csv, node-pool=FILE.yaml, requests=FILE.csv, without-budget=NAMESPACE/NAME, \
    without-affinity, without-node-affinity or without-spread=NAMESPACE/KIND/NAME.")]
pub struct SimulateArgs {
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// How the plan is searched for
    #[arg(long, value_name = "NAME", default_value_t = engine::default_strategy().name(), value_parser = strategies())]
    pub strategy: &'static str,
    /// Plan by each of these strategies, and show what comes of it side by side
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = strategies(), conflicts_with_all = ["strategy", "save"])]
    pub compare: Vec<&'static str>,
    /// Show what plans of more and more moves would save
    #[arg(long, conflicts_with_all = ["compare", "save", "max_moves", "min_savings"])]
    pub curve: bool,
    /// Also say what the dearest constraints cost, each lifted and planned again, with the change that would lift it
    #[arg(long, conflicts_with_all = ["compare", "curve"])]
    pub constraints: bool,
    /// What a plan would come to if things were otherwise, beside today's; give it again for another scenario, join
    /// premises of one scenario by +
    #[arg(long, value_name = "SCENARIO", value_parser = crate::what_if::parse, conflicts_with_all = ["compare", "curve", "constraints", "save"])]
    pub what_if: Vec<crate::what_if::Scenario>,
    /// What a plan would come to if containers asked for what `rightsize` recommends, beside today's; needs --usage or
    /// --prometheus
    #[arg(long, value_enum, value_name = "WHICH", conflicts_with_all = ["compare", "curve", "constraints", "save"])]
    pub requests: Option<RequestsFrom>,
    /// What was used, for --requests.
    #[command(flatten)]
    pub usage: UsageArgs,
    /// How much work the search may take; the same plan each time
    #[arg(long, value_name = "HOW MUCH", default_value = "normal", conflicts_with = "curve")]
    pub effort: Effort,
    /// Stop searching after this time, such as 2s, and take the best plan so far; ordering and explaining it come after
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "curve")]
    pub time_limit: Option<Duration>,
    /// Which nodes may hold the pods: only those that are there, or any that the node pools could buy as well
    #[arg(long, value_name = "WHICH", default_value = "existing")]
    pub capacity: Capacity,
    /// What the plan may do.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Also write the plan to this file, .yaml or .json
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// How to write it; json and yaml are the MigrationPlan itself
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Wide, Json, Yaml, Csv, Markdown, Name]))]
    pub output: Format,
}

/// Whose requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RequestsFrom {
    /// Those that rightsize recommends
    Recommended,
}

/// How much work a search may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Effort {
    /// A good plan soon
    Quick,
    /// What is worthwhile at the cluster's size
    Normal,
    /// Several times that
    Thorough,
}

impl From<Effort> for engine::Effort {
    fn from(effort: Effort) -> engine::Effort {
        match effort {
            Effort::Quick => engine::Effort::Quick,
            Effort::Normal => engine::Effort::Normal,
            Effort::Thorough => engine::Effort::Thorough,
        }
    }
}

/// Which nodes may hold the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Capacity {
    /// Only those that are there
    Existing,
    /// Any priced type, zone and capacity type that the node pools allow, too
    Any,
}

fn strategies() -> impl TypedValueParser<Value = &'static str> {
    let names = || engine::strategies().into_iter().map(|strategy| strategy.name());
    PossibleValuesParser::new(names())
        .map(move |given| names().find(|name| *name == given).unwrap_or(engine::default_strategy().name()))
}

/// `verify`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll verify plan.yaml --from dump.json\n  \
    plimsoll simulate -o json | plimsoll verify -     against the live cluster\n\n\
    Exits 0 where the plan is legal, 1 where it has faults, 3 where the snapshot lacks what is needed to judge.")]
pub struct VerifyArgs {
    /// The plan: a MigrationPlan in YAML or JSON; - is stdin
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// The limits that it must keep: those that it was made with.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Json, Yaml, Csv, Markdown]))]
    pub output: Format,
}

/// `explain`.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub struct ExplainArgs {
    /// Of what.
    #[command(subcommand)]
    pub what: Explained,
}

/// What is explained.
#[derive(Debug, Subcommand)]
pub enum Explained {
    /// Where a pod could run, whether it may be evicted, and what refuses it elsewhere
    #[command(visible_alias = "po", alias = "pods")]
    Pod(ExplainPodArgs),
    /// What a node costs, what pins it, and what would free it
    #[command(visible_alias = "no", alias = "nodes")]
    Node(ExplainNodeArgs),
}

/// `explain pod`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll explain pod web/api-5d8f-x2x --from dump.json\n  \
    plimsoll explain pod -n web api-5d8f-x2x --node a-17")]
pub struct ExplainPodArgs {
    /// NAMESPACE/NAME, or NAME with -n
    #[arg(value_name = "POD")]
    pub pod: Option<String>,
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// Its namespace
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// What may be evicted.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Only this node, precisely
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Wide, Json, Yaml]))]
    pub output: Format,
}

/// `explain node`.
#[derive(Args, Debug)]
pub struct ExplainNodeArgs {
    /// Its name
    #[arg(value_name = "NODE")]
    pub node: Option<String>,
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// What may be evicted.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Json, Yaml]))]
    pub output: Format,
}

/// `fit`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll fit --from dump.json\n  \
    plimsoll fit --from dump.json -o json             {\"namespace/pod\": [\"node\", …], …}")]
pub struct FitArgs {
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// Which pods.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Json, Csv]))]
    pub output: Format,
}

/// `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Json, Yaml, Csv, Markdown]))]
    pub output: Format,
}

/// `snapshot`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll snapshot --save cluster.json.zst\n  \
    plimsoll snapshot --from dump.json --anonymize --save to-share.json.gz")]
pub struct SnapshotArgs {
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The file to write; .gz and .zst compress it
    #[arg(long, value_name = "FILE", required = true)]
    pub save: PathBuf,
    /// Replace every name, label value, image and environment, such that plans on it stay the same
    #[arg(long)]
    pub anonymize: bool,
}

/// `prices`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll prices --from dump.json                  what each kind of node costs, and says who\n  \
    plimsoll prices --list --type m5 --region us-east-1")]
pub struct PricesArgs {
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Only nodes with these labels
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = crate::scope::parse_selector, conflicts_with = "list")]
    pub selector: Option<model::LabelSelector>,
    /// The prices known, in place of the cluster's nodes
    #[arg(long, conflicts_with_all = ["from", "context", "kubeconfig"])]
    pub list: bool,
    /// Of the list, only this region
    #[arg(long, value_name = "REGION", requires = "list")]
    pub region: Option<String>,
    /// Of the list, only machine types that begin so
    #[arg(long = "type", value_name = "TYPE", requires = "list")]
    pub instance_type: Option<String>,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Wide, Json, Yaml, Csv, Markdown]))]
    pub output: Format,
}

/// `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Write the example cluster to this file, for the other commands' --from
    #[arg(long, value_name = "FILE")]
    pub save_dump: Option<PathBuf>,
}
