//! From the flags of usage to ready objects: what containers used, and how requests are made of it.

use std::path::PathBuf;
use std::time::Duration;

use engine::rightsizing::answers::questions;
use engine::rightsizing::seasonal::{self, Pace};
use engine::rightsizing::{Chooser, ContainerAdvice, Limits, Settings, Used, rightsize, rightsize_by};
use model::{Prices, Snapshot};
use observe::prometheus::{PrometheusOptions, read_prometheus_blocking};
use observe::strategy_endpoint::ask_strategy_endpoint_blocking;
use observe::usage::{EndpointOptions, MeasuredUsage, UsageFileError, read_usage, read_usage_endpoint_blocking};

use crate::args::{self, CUSTOM, Caution, EndpointArgs, PrometheusArgs, UsageArgs};
use crate::failure::Failure;
use crate::{input, talk};

const DAY_SECONDS: i64 = 86_400;
/// What Prometheus is asked for: a sample every five minutes, and an answer before its own limit of two minutes.
const STEP_SECONDS: i64 = 300;
const QUERY_TIMEOUT: Duration = Duration::from_secs(130);
/// So many bad rows are told.
const TOLD: usize = 3;

/// What containers used.
pub fn used(args: &UsageArgs, namespace: Option<&str>) -> Result<Vec<Used>, Failure> {
    if let Some(url) = &args.prometheus.prometheus {
        return from_prometheus(url, args, namespace);
    }
    if let Some(options) = usage_endpoint(&args.endpoints) {
        return from_endpoint(options, args, namespace);
    }
    let Some(path) = &args.usage else {
        let failure = Failure::usage("nothing says what containers use");
        return Err(failure.hint("give --usage FILE.csv or --prometheus URL; docs/rightsizing.md has the columns"));
    };
    let file = talk::while_doing("reading usage", || read_usage(path)).map_err(|error| {
        let hint = match &error {
            UsageFileError::Open { .. } => "check the path",
            UsageFileError::Read { .. } => "it is read as gzip where it ends in .gz and as zstd where it ends in .zst",
            UsageFileError::TooManyRows { .. } => "give fewer days, or a longer step",
            _ => "its first line is time,namespace,pod,container,cpu,memory; kind and name may stand for pod",
        };
        Failure::from(error).hint(hint)
    })?;
    for bad in file.bad.iter().take(TOLD) {
        talk::note(format!("warning: {}: line {}: {}; left out", path.display(), bad.line, bad.wrong));
    }
    if file.bad_rows > TOLD as u64 {
        talk::note(format!("warning: {} more rows left out", file.bad_rows - TOLD as u64));
    }
    Ok(::operator::used(file.usage))
}

/// How a Prometheus is asked, for two weeks until now where nobody says otherwise.
pub fn prometheus(url: &str, args: &PrometheusArgs) -> PrometheusOptions {
    PrometheusOptions {
        url: url.to_owned(),
        bearer_token_file: args.prometheus_token_file.clone(),
        basic_auth: args.prometheus_user.clone().zip(args.prometheus_password_file.clone()),
        tenant: args.prometheus_tenant.clone(),
        labels: args.prometheus_label.clone(),
        namespace: None,
        until: input::now(),
        window_seconds: 14 * DAY_SECONDS,
        step_seconds: STEP_SECONDS,
        most_samples: args.prometheus_max_samples,
        timeout: QUERY_TIMEOUT,
    }
}

fn from_prometheus(url: &str, args: &UsageArgs, namespace: Option<&str>) -> Result<Vec<Used>, Failure> {
    let options = PrometheusOptions {
        namespace: namespace.map(str::to_owned),
        window_seconds: i64::from(args.window) * DAY_SECONDS,
        ..prometheus(url, &args.prometheus)
    };
    let read = || read_prometheus_blocking(&options);
    let read = talk::while_doing("asking Prometheus", read).map_err(|error| {
        let hint = error.hint();
        Failure::from(error).hint(hint)
    })?;
    Ok(told(read.usage, &read.warnings))
}

/// What was measured, once its warnings are told.
fn told(usage: MeasuredUsage, warnings: &[String]) -> Vec<Used> {
    for warning in warnings.iter().take(TOLD) {
        talk::note(format!("warning: {warning}"));
    }
    ::operator::used(usage)
}

/// How requests are made.
fn settings(args: &UsageArgs) -> Settings {
    let caution = match args.caution {
        Caution::Low => seasonal::Caution::Low,
        Caution::Medium => seasonal::Caution::Medium,
        Caution::High => seasonal::Caution::High,
    };
    Settings {
        window_seconds: i64::from(args.window) * DAY_SECONDS,
        percentile: args.percentile,
        limits: if args.limits == args::Limits::Follow { Limits::InProportion } else { Limits::Keep },
        safety_factor: args.safety_factor,
        ..Settings::new(Pace::Once, caution)
    }
}

/// The endpoint that says what containers use, for two weeks until now where nobody says otherwise.
pub fn usage_endpoint(args: &EndpointArgs) -> Option<EndpointOptions> {
    let labels = args.usage_label.clone();
    Some(endpoint(args.usage_endpoint.as_deref()?, args.usage_token_file.as_ref(), labels))
}

/// The endpoint that says what containers should ask for.
pub fn strategy_endpoint(args: &EndpointArgs) -> Option<EndpointOptions> {
    Some(endpoint(args.strategy_endpoint.as_deref()?, args.strategy_token_file.as_ref(), Vec::new()))
}

fn endpoint(url: &str, token: Option<&PathBuf>, labels: Vec<(String, String)>) -> EndpointOptions {
    EndpointOptions {
        url: url.to_owned(),
        bearer_token_file: token.cloned(),
        labels,
        namespace: None,
        until: input::now(),
        window_seconds: 14 * DAY_SECONDS,
        step_seconds: STEP_SECONDS,
        timeout: QUERY_TIMEOUT,
    }
}

fn from_endpoint(options: EndpointOptions, args: &UsageArgs, namespace: Option<&str>) -> Result<Vec<Used>, Failure> {
    let options = EndpointOptions {
        namespace: namespace.map(str::to_owned),
        window_seconds: i64::from(args.window) * DAY_SECONDS,
        ..options
    };
    let read = || read_usage_endpoint_blocking(&options);
    let read = talk::while_doing("asking the usage endpoint", read).map_err(|error| {
        let hint = error.hint();
        Failure::from(error).hint(hint)
    })?;
    Ok(told(read.usage, &read.warnings))
}

/// What every container should ask for.
pub fn advise(
    args: &UsageArgs,
    snapshot: &Snapshot,
    prices: &Prices,
    used: &[Used],
) -> Result<Vec<ContainerAdvice>, Failure> {
    let settings = settings(args);
    if args.request_strategy != CUSTOM {
        let strategy = engine::rightsizing::strategy(args.request_strategy);
        let strategy = strategy.unwrap_or(engine::rightsizing::default_strategy());
        return Ok(talk::while_doing("rightsizing", || rightsize(snapshot, prices, used, strategy, &settings)));
    }
    let options = strategy_endpoint(&args.endpoints).ok_or_else(|| {
        let failure = Failure::usage("the strategy custom is an endpoint, and none is given");
        failure.hint("give --strategy-endpoint URL; docs/rightsizing.md has its contract")
    })?;
    let options = EndpointOptions { window_seconds: settings.window_seconds, ..options };
    let asked = ::operator::asked(&questions(snapshot, used, &settings, |_| true));
    let ask = || ask_strategy_endpoint_blocking(&options, &asked);
    let answered = talk::while_doing("asking the strategy endpoint", ask).map_err(|error| {
        Failure::from(error).hint("docs/rightsizing.md says what is asked and what is to be answered")
    })?;
    let chooser = Chooser::Answers(&::operator::answered(answered));
    Ok(rightsize_by(snapshot, prices, used, chooser, &settings))
}
