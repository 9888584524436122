//! `plimsoll operator`: watches, plans and acts until it is told to stop.

use std::time::Duration;

use ::operator::{CertifiedBy, OperatorError, Reached, Rightsizing, Settings, Webhooks};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{OperatorArgs, WebhookCertificate};
use crate::commands::apply;
use crate::failure::{Exit, Failure};
use crate::telemetry::Telemetry;
use crate::{input, usage};

/// Where a pod finds the namespace that it runs in.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Runs it.
pub fn run(args: &OperatorArgs) -> Result<Exit, Failure> {
    let settings = Settings {
        live: input::live_options(&args.live),
        prices: input::price_table(&args.prices)?,
        acting: apply::options(&args.acting, &args.prometheus),
        rightsizing: Rightsizing {
            prometheus: args.prometheus.prometheus.as_deref().map(|url| usage::prometheus(url, &args.prometheus)),
            usage_endpoint: usage::usage_endpoint(&args.endpoints),
            strategy_endpoint: usage::strategy_endpoint(&args.endpoints),
            sample_every: Duration::from_secs(args.sample_interval.into()),
            checkpoint_every: Duration::from_secs(args.checkpoint_interval.into()),
            most_safety_factor: args.max_safety_factor,
            dry_run: args.rightsizing_dry_run,
        },
        namespace: namespace(args.namespace.as_deref()),
        identity: args.identity.clone().unwrap_or_else(own_identity),
        health: args.health_address,
        metrics: args.metrics_address,
        webhooks: webhooks(args),
    };
    apply::runtime()?.block_on(async {
        let telemetry = Telemetry::begin(args)?;
        let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async {
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let ran = ::operator::run(settings, stop).await;
        telemetry.end().await;
        ran.map_err(failure)?;
        Ok(Exit::Done)
    })
}

/// The namespace of an operator: as it is given, as a pod finds it, or `default`.
pub fn namespace(given: Option<&str>) -> String {
    let own = || std::fs::read_to_string(OWN_NAMESPACE).ok().map(|name| name.trim().to_owned());
    given.map(str::to_owned).or_else(own).unwrap_or_else(|| "default".to_owned())
}

/// Another one for every start: in containers every process is the first, and hosts may share a name.
fn own_identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{:x}", host.trim(), std::process::id(), since.as_nanos())
}

/// How the API server reaches the webhooks; none where nobody has said it.
fn webhooks(args: &OperatorArgs) -> Option<Webhooks> {
    let service = args.webhook_service.clone().map(Reached::Service);
    let reached = service.or_else(|| args.webhook_host.clone().map(Reached::Host))?;
    let certified_by = match args.webhook_certificate {
        WebhookCertificate::Operator => CertifiedBy::Operator,
        WebhookCertificate::CertManager => CertifiedBy::CertManager,
    };
    Some(Webhooks { address: args.webhook_address?, reached, certified_by })
}

/// What to do about it.
pub fn failure(error: OperatorError) -> Failure {
    match error {
        OperatorError::Read(error) => input::live_failure(error),
        OperatorError::Act(error) => apply::failure(error),
        error @ (OperatorError::Watch { .. } | OperatorError::NotInstalled) => {
            Failure::from(error).hint("define our kinds first: plimsoll crds | kubectl apply --server-side -f -")
        }
        error @ OperatorError::OpenMetrics { .. } => Failure::from(error)
            .hint("listen on 127.0.0.1, or give --webhook-address: its certificate serves metrics too"),
        error => Failure::from(error),
    }
}
