//! The flags of the operator, and of those who ask what it does.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use super::Format::{self, Json, Table, Wide, Yaml};
use super::formats::formats;
use super::rightsize::{EndpointArgs, PrometheusArgs, factor};
use super::{ActingArgs, LiveArgs, PriceArgs};

/// `operator`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll crds | kubectl apply --server-side -f -   define the kinds first\n  \
    plimsoll operator                                  with your kubeconfig, beside you\n  \
    plimsoll operator --remove-nodes karpenter         hand emptied nodes to Karpenter\n\n\
    It does what OptimizationConfigs ask for: docs/operator.md. Several replicas may run: one leads, by a Lease.")]
pub struct OperatorArgs {
    /// The cluster.
    #[command(flatten)]
    pub live: LiveArgs,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// How plans are carried out.
    #[command(flatten)]
    pub acting: ActingArgs,
    /// Where policies of rightsizing read use.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// Where the provider and the strategy `custom` are asked.
    #[command(flatten)]
    pub endpoints: EndpointArgs,
    /// How often the metrics API is sampled where a policy's provider is metrics-server, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub sample_interval: u32,
    /// How often what was sampled is written into ConfigMaps of its namespace, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub checkpoint_interval: u32,
    /// The most that the safety factor of a policy counts for
    #[arg(long, value_name = "FACTOR", default_value_t = 3.0, value_parser = factor)]
    pub max_safety_factor: f64,
    /// Recommend and ask the API server, whatever policies say, but change no request
    #[arg(long)]
    pub rightsizing_dry_run: bool,
    /// The namespace of its Lease; by default that of its pod, else `default`
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    pub namespace: Option<String>,
    /// Which replica it is: the name of its pod
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub identity: Option<String>,
    /// Where health and readiness are asked for
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub health_address: SocketAddr,
    /// Where metrics are asked for
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub metrics_address: SocketAddr,
    /// Where the API server asks about objects of our kinds; without it they are checked by their schemas alone
    #[arg(long, value_name = "ADDRESS", requires = "webhook_reached")]
    pub webhook_address: Option<SocketAddr>,
    /// The Service in its namespace by which the API server reaches the webhooks
    #[arg(long, value_name = "NAME", group = "webhook_reached")]
    pub webhook_service: Option<String>,
    /// The host by which it reaches them where there is no Service
    #[arg(long, value_name = "HOST", group = "webhook_reached", conflicts_with = "webhook_service")]
    pub webhook_host: Option<String>,
    /// Who makes their certificate, and renews it: it is in the Secret plimsoll-webhook
    #[arg(long, value_name = "BY", default_value = "operator")]
    pub webhook_certificate: WebhookCertificate,
    /// Where traces go, by OTLP over HTTP (JSON), such as http://collector:4318; nowhere where absent
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// How much to write down
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// Who makes the webhooks' certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WebhookCertificate {
    /// The operator itself
    Operator,
    /// cert-manager, or whoever keeps such a Secret
    CertManager,
}

/// How much to write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What failed
    Error,
    /// And what went otherwise than it should
    Warn,
    /// And everything that is done
    Info,
    /// And why
    Debug,
    /// And everything else
    Trace,
}

/// How to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// An object a line
    Json,
}

/// `status`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    kubectl optimize status\n  \
    kubectl optimize status --watch          until it is stopped")]
pub struct StatusArgs {
    /// The cluster.
    #[command(flatten)]
    pub live: LiveArgs,
    /// Show it anew whenever it changes
    #[arg(short, long, conflicts_with = "output")]
    pub watch: bool,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Wide, Json, Yaml]))]
    pub output: Format,
}

/// `approve`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    kubectl optimize status                                   which plans wait\n  \
    kubectl get mplan consolidate-2026-11-21-a1b2c3 -o yaml   look at one\n  \
    kubectl optimize approve consolidate-2026-11-21-a1b2c3\n  \
    kubectl optimize approve optrec/deployment-web -n shop    requests that fit\n\n\
    From then on it cannot be changed. Deleting a plan stops it, and undoes its cordons.")]
pub struct ApproveArgs {
    /// The plan's name, or optrec/NAME
    #[arg(value_name = "WHAT")]
    pub what: String,
    /// The recommendation's namespace; `default` where absent
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The cluster.
    #[command(flatten)]
    pub live: LiveArgs,
}

/// `history`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    kubectl optimize history\n  \
    kubectl optimize history -o json")]
pub struct HistoryArgs {
    /// The cluster.
    #[command(flatten)]
    pub live: LiveArgs,
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Wide, Json, Yaml]))]
    pub output: Format,
}
