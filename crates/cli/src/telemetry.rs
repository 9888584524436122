//! What the operator writes down as it goes: its log, and traces for whoever collects them by OTLP.

use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::args::{LogFormat, LogLevel, OperatorArgs};
use crate::failure::Failure;

/// A collector that takes longer has not taken it.
const EXPORT: Duration = Duration::from_secs(10);
/// A collector says little.
const MOST_BYTES: usize = 1 << 20;
/// Whose spans go out: those of others say how they work, not what we do.
const OURS: [&str; 4] = ["act", "cli", "observe", "operator"];

/// Traces go out as long as there is one.
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Begins to write; within a runtime, which sends what goes out.
    pub fn begin(args: &OperatorArgs) -> Result<Telemetry, Failure> {
        let provider = args.otlp_endpoint.as_deref().map(provider).transpose()?;
        let traces = provider.as_ref().map(|provider| {
            let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("plimsoll"));
            spans.with_filter(filter_fn(|about| {
                about.is_span() && OURS.contains(&about.target().split("::").next().unwrap_or_default())
            }))
        });
        tracing_subscriber::registry().with(log(args)).with(traces).init();
        Ok(Telemetry(provider))
    }

    /// Sends what has not gone out yet.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It waits for our runtime, so it must not hold one of its threads.
        let _ = tokio::task::spawn_blocking(move || provider.shutdown()).await;
    }
}

fn log(args: &OperatorArgs) -> Box<dyn Layer<Registry> + Send + Sync> {
    let level = match args.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    match args.log_format {
        LogFormat::Text => log.with_ansi(false).with_filter(level).boxed(),
        LogFormat::Json => log.json().with_filter(level).boxed(),
    }
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, Failure> {
    let client = Collector::new(endpoint)?;
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/').trim_end_matches("/v1/traces"));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_http_client(client)
        .with_endpoint(url)
        .with_timeout(EXPORT)
        .build()
        .map_err(|error| Failure::from(error).hint("--otlp-endpoint is a URL such as http://collector:4318"))?;
    let resource = Resource::builder().with_service_name("plimsoll").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Who collects traces, asked by the client that talks to Kubernetes too. Exporting has a thread of its own; what it sends
/// goes over the runtime.
struct Collector {
    client: kube::Client,
    runtime: Handle,
}

impl Collector {
    fn new(endpoint: &str) -> Result<Collector, Failure> {
        let wrong = || {
            Failure::from(anyhow::anyhow!("--otlp-endpoint: {endpoint:?} is no http or https URL"))
                .hint("such as http://collector:4318")
        };
        let uri: http::Uri = endpoint.parse().map_err(|_| wrong())?;
        let (Some("http" | "https"), Some(_)) = (uri.scheme_str(), uri.host()) else { return Err(wrong()) };
        let base =
            format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |it| it.as_str()));
        let mut config = kube::Config::new(base.parse().map_err(|_| wrong())?);
        config.connect_timeout = Some(EXPORT);
        config.read_timeout = Some(EXPORT);
        config.default_retry = false;
        let client = kube::Client::try_from(config)?;
        Ok(Collector { client, runtime: Handle::current() })
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let send = async move {
            let (parts, body) = request.into_parts();
            let answer = client.send(Request::from_parts(parts, Body::from(body.to_vec()))).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        self.runtime.spawn(send).await?
    }
}
