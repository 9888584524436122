//! The flags of `rightsize`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{InputArgs, PriceArgs, ScopeArgs};

/// The strategy that is an endpoint.
pub const CUSTOM: &str = "custom";

/// `rightsize`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll rightsize --usage usage.csv.gz --from dump.json\n  \
    plimsoll rightsize --prometheus http://prometheus.monitoring:9090\n  \
    plimsoll rightsize --usage-endpoint https://usage.example  docs/rightsizing.md has its contract\n  \
    plimsoll rightsize deploy/web -n shop --usage usage.csv    a picture of use against request\n  \
    plimsoll rightsize --usage usage.csv -o patch > patch.yaml   then: kubectl apply --server-side -f patch.yaml\n\n\
    Columns of --usage: time,namespace,container,cpu,memory and pod, or kind and name; event besides. In CSV money is in \
    dollars, CPU in cores and memory in bytes; what is unknown is empty. docs/rightsizing.md has every formula.")]
pub struct RightsizeArgs {
    /// Only this workload, with a picture: KIND/NAME or NAME
    #[arg(value_name = "WORKLOAD")]
    pub workload: Option<String>,
    /// The cluster.
    #[command(flatten)]
    pub input: InputArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Which workloads.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// What was used.
    #[command(flatten)]
    pub usage: UsageArgs,
    /// How to write it
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub output: RightsizeFormat,
}

/// Where usage comes from, and how requests are made of it.
#[derive(Args, Clone, Debug, Default)]
pub struct UsageArgs {
    /// What containers used over time, as CSV, also gzip or zstd
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prometheus", "usage_endpoint"])]
    pub usage: Option<PathBuf>,
    /// Prometheus.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// An endpoint of one's own.
    #[command(flatten)]
    pub endpoints: EndpointArgs,
    /// How requests are chosen; custom is --strategy-endpoint
    #[arg(long = "request-strategy", value_name = "NAME", default_value_t = engine::rightsizing::default_strategy().name(), value_parser = strategies())]
    pub request_strategy: &'static str,
    /// How much a breach is to be avoided, against what room costs; of the strategy seasonal
    #[arg(long, value_enum, value_name = "HOW MUCH", default_value = "medium")]
    pub caution: Caution,
    /// The percentile, of the strategy of that name
    #[arg(long, value_name = "P", default_value_t = 90, value_parser = percentile())]
    pub percentile: u8,
    /// The factor on top of the percentile, 1 to 5
    #[arg(long, value_name = "FACTOR", default_value_t = 1.2, value_parser = factor)]
    pub safety_factor: f64,
    /// What becomes of limits: they stay, and pods whose limits equal their requests are skipped; or they follow in
    /// proportion
    #[arg(long, value_enum, value_name = "WHAT", default_value = "keep")]
    pub limits: Limits,
    /// How many days to look back, 1 to 90
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=90))]
    pub window: u16,
}

/// Where usage is read live.
#[derive(Args, Clone, Debug, Default)]
pub struct PrometheusArgs {
    /// Where Prometheus is, or what speaks its API
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// A file with the bearer token for it
    #[arg(long, value_name = "FILE", requires = "prometheus", conflicts_with = "prometheus_user")]
    pub prometheus_token_file: Option<PathBuf>,
    /// The user to log in as
    #[arg(long, value_name = "NAME", requires = "prometheus_password_file")]
    pub prometheus_user: Option<String>,
    /// A file with that user's password
    #[arg(long, value_name = "FILE", requires = "prometheus_user")]
    pub prometheus_password_file: Option<PathBuf>,
    /// The tenant to ask for, as the header X-Scope-OrgID
    #[arg(long, value_name = "NAME", requires = "prometheus")]
    pub prometheus_tenant: Option<String>,
    /// A label that every series must have, such as cluster=prod; may be given again
    #[arg(long, value_name = "LABEL=VALUE", value_parser = label, requires = "prometheus")]
    pub prometheus_label: Vec<(String, String)>,
    /// The most samples that it may read
    #[arg(long, value_name = "NUMBER", default_value_t = 500_000_000)]
    pub prometheus_max_samples: u64,
}

/// Endpoints of one's own, by the contracts of docs/rightsizing.md.
#[derive(Args, Clone, Debug, Default)]
pub struct EndpointArgs {
    /// An HTTP endpoint that says what containers use
    #[arg(long, value_name = "URL")]
    pub usage_endpoint: Option<String>,
    /// A file with the bearer token for it
    #[arg(long, value_name = "FILE", requires = "usage_endpoint")]
    pub usage_token_file: Option<PathBuf>,
    /// A label that says which cluster is meant, such as cluster=prod; may be given again
    #[arg(long, value_name = "LABEL=VALUE", value_parser = label, requires = "usage_endpoint")]
    pub usage_label: Vec<(String, String)>,
    /// An HTTP endpoint that says what containers should ask for: the strategy custom
    #[arg(long, value_name = "URL")]
    pub strategy_endpoint: Option<String>,
    /// A file with the bearer token for it
    #[arg(long, value_name = "FILE", requires = "strategy_endpoint")]
    pub strategy_token_file: Option<PathBuf>,
}

/// How much a breach is to be avoided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Caution {
    /// Breaches are cheap
    Low,
    /// What is best for most
    #[default]
    Medium,
    /// Breaches are dear
    High,
}

/// What becomes of limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Limits {
    /// They stay
    #[default]
    Keep,
    /// They change in the proportion in which their requests do
    Follow,
}

/// How recommendations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RightsizeFormat {
    /// For people
    Table,
    /// For people, with more columns
    Wide,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
    /// For pull requests
    Markdown,
    /// Objects with nothing but the new requests, for kubectl apply --server-side
    Patch,
    /// A kustomization whose patches change the requests
    Kustomize,
    /// Values for a chart, by workload and container
    HelmValues,
}

fn strategies() -> impl TypedValueParser<Value = &'static str> {
    let names = || engine::rightsizing::strategies().into_iter().map(|strategy| strategy.name()).chain([CUSTOM]);
    let default = engine::rightsizing::default_strategy().name();
    PossibleValuesParser::new(names()).map(move |given| names().find(|name| *name == given).unwrap_or(default))
}

fn percentile() -> impl TypedValueParser<Value = u8> {
    PossibleValuesParser::new(["50", "90", "99"]).map(|given| given.parse().unwrap_or(90))
}

pub(super) fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (1.0..=5.0).contains(factor));
    factor.ok_or_else(|| format!("`{text}` is no factor; write a number from 1 to 5"))
}

fn label(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("`{text}` is no label; write it as cluster=prod");
    let (label, value) = text.split_once('=').ok_or_else(wrong)?;
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_label = label.chars().all(is_letter) && label.chars().next().is_some_and(|first| !first.is_ascii_digit());
    if is_label { Ok((label.to_owned(), value.to_owned())) } else { Err(wrong()) }
}
