//! The command line, typed. Every flag that several commands share is declared once here.

mod acting;
mod commands;
mod formats;
mod operator;
mod policy;
mod resources;
mod rightsize;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::scope::{Scope, parse_selector};

pub use acting::{ActingArgs, ApplyArgs, NodeAddition, NodeRemoval, RollbackArgs};
pub use commands::{
    AnalyzeArgs, Breakdown, Capacity, DemoArgs, DoctorArgs, ExplainArgs, ExplainNodeArgs, ExplainPodArgs, Explained,
    FitArgs, PricesArgs, SimulateArgs, SnapshotArgs, VerifyArgs,
};
pub use formats::Format;
pub use operator::{ApproveArgs, HistoryArgs, LogFormat, LogLevel, OperatorArgs, StatusArgs, WebhookCertificate};
pub use policy::PolicyArgs;
pub use resources::{ConvertArgs, CrdsArgs, LintArgs};
pub use rightsize::{CUSTOM, Caution, EndpointArgs, Limits, PrometheusArgs, RightsizeArgs, RightsizeFormat, UsageArgs};

/// Finds what a Kubernetes cluster costs and wastes, and plans the way to a cheaper one.
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Input is the live cluster of your kubeconfig, or a dump of it:\n  \
                  kubectl get nodes,pods,poddisruptionbudgets,replicasets,deployments,statefulsets -A -o json > dump.json\n  \
                  plimsoll simulate --from dump.json\n\n\
                  See it on an example cluster first:\n  plimsoll demo\n\n\
                  Exit codes: 0 done, 1 failed or faults found, 2 bad usage, 3 could not judge."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, in the order in which a newcomer needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What the cluster costs and wastes, and what blocks savings, by dollars
    Analyze(AnalyzeArgs),
    /// A plan that makes it cheaper, and what keeps it from being cheaper still; touches nothing
    Simulate(SimulateArgs),
    /// What containers should ask for, by what they use: dangers first, then savings
    Rightsize(RightsizeArgs),
    /// Check a plan, whoever made it, against a snapshot or the live cluster
    Verify(VerifyArgs),
    /// Carry a plan out on the live cluster, wave by wave
    Apply(ApplyArgs),
    /// Take back what a plan has left on the live cluster: cordons, marks and hints
    Rollback(RollbackArgs),
    /// What the operator sees, plans and does, and what that has saved
    Status(StatusArgs),
    /// Agree to a plan that waits
    Approve(ApproveArgs),
    /// Plans that have come to an end, and what each saved
    History(HistoryArgs),
    /// Watch the cluster, and plan and act by OptimizationConfigs; runs until it is stopped
    Operator(OperatorArgs),
    /// Why a pod can or cannot go to a node, or what keeps a node
    Explain(ExplainArgs),
    /// For every pod, the nodes that would take it
    Fit(FitArgs),
    /// What is missing for better answers, and how to give it
    Doctor(DoctorArgs),
    /// Save what is seen of the cluster to a file
    Snapshot(SnapshotArgs),
    /// What the nodes cost and how that is known
    Prices(PricesArgs),
    /// What is wrong with our resources in files, by field
    Lint(LintArgs),
    /// Manifests of other dialects in our words
    Convert(ConvertArgs),
    /// The definitions of our kinds, for kubectl apply
    Crds(CrdsArgs),
    /// The whole chain on an example cluster
    Demo(DemoArgs),
}

/// Where the cluster is read from, and at what prices.
#[derive(Args, Clone, Debug, Default)]
pub struct InputArgs {
    /// Files or folders to read in place of the live cluster: kubectl's JSON or YAML, also gzip or zstd; - is stdin
    #[arg(long, value_name = "PATH", num_args = 1.., action = clap::ArgAction::Append, conflicts_with_all = ["context", "kubeconfig", "request_timeout"])]
    pub from: Vec<PathBuf>,
    /// The live cluster.
    #[command(flatten)]
    pub live: LiveArgs,
}

/// Which live cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct LiveArgs {
    /// The kubeconfig context to use
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// How long to wait for one answer of the API server, such as 30s; 0 waits for ever
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub request_timeout: Option<std::time::Duration>,
}

/// Whose prices hold.
#[derive(Args, Clone, Debug, Default)]
pub struct PriceArgs {
    /// Your own prices, which go before all others: instance_type,region,zone,capacity_type,usd_per_hour,…
    #[arg(long = "prices", value_name = "FILE.csv")]
    pub prices: Option<PathBuf>,
}

/// Which objects are meant, as kubectl says it.
#[derive(Args, Clone, Debug, Default)]
pub struct ScopeArgs {
    /// Only this namespace
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// All namespaces; the default
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Only what has these labels: app=web,tier!=db,env in (a,b)
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = parse_selector)]
    pub selector: Option<model::LabelSelector>,
}

impl ScopeArgs {
    /// The objects meant.
    pub fn scope(&self) -> Scope {
        Scope { namespace: self.namespace.clone(), selector: self.selector.clone() }
    }
}
