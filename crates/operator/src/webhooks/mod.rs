//! Admission webhooks: what is wrong with our own kinds is refused, who approves is stamped, and pods of workloads that
//! were rightsized in place are sized as they are made.
//!
//! - `review`: the answer to one question, pure
//! - `certificate`: made and renewed by whoever leads, kept in a Secret that all replicas read
//! - `contention`: policies that mean one workload
//! - `registration`: what the API server is told of them, by whoever leads

mod certificate;
mod contention;
mod registration;
mod review;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use act::Refusal;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use crate::context::Context;
use crate::error::OperatorError;
use crate::rightsizing::sizing;
use certificate::Served;
pub use registration::NAME;
use registration::SIZE;
use review::Answer;

/// The API server reaches them so.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Where they listen.
    pub address: SocketAddr,
    /// How the API server reaches them.
    pub reached: Reached,
    /// Who makes their certificate.
    pub certified_by: CertifiedBy,
}

/// Who makes the webhooks' certificate, and renews it: it is in the Secret `plimsoll-webhook` either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertifiedBy {
    /// The operator itself.
    Operator,
    /// cert-manager, or whoever else keeps that Secret as it does: `tls.crt`, `tls.key` and `ca.crt`.
    CertManager,
}

/// How the API server reaches the webhooks.
#[derive(Clone, Debug)]
pub enum Reached {
    /// By a Service in the operator's namespace, on port 443.
    Service(String),
    /// By this host, on the port where they listen.
    Host(String),
}

/// The API server sends objects of at most 3 MiB, the old one beside the new one.
const LARGEST_REVIEW: usize = 8 << 20;
/// Whoever has not asked by then is closed out: the API server itself waits for two seconds.
const REQUEST: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 64;
/// Each may take a hundred megabytes for a moment, where somebody means harm.
const REVIEWS_AT_ONCE: usize = 2;
/// The API server sends at once what it sends.
const BODY: Duration = Duration::from_secs(2);
/// How often the certificate is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Webhooks that are being served, until this is dropped.
#[derive(Debug)]
pub struct Serving {
    terms: Webhooks,
    served: Arc<Served>,
    tasks: JoinSet<()>,
}

impl Serving {
    /// TLS with the certificate of the webhooks, for others to be served with it too.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.served.config()))
    }
}

/// Listens where the settings have webhooks, and shows a certificate once there is one.
pub async fn serve(context: &Arc<Context>) -> Result<Option<Serving>, OperatorError> {
    let Some(terms) = context.settings.webhooks.clone() else { return Ok(None) };
    let bound = TcpListener::bind(terms.address).await;
    let listener = bound.map_err(|source| OperatorError::Listen { address: terms.address, source })?;
    let mut serving = Serving { terms, served: Arc::default(), tasks: JoinSet::new() };
    let (follower, served) = (context.clone(), serving.served.clone());
    let acceptor = serving.acceptor();
    serving.tasks.spawn(async move {
        loop {
            if let Err(error) = certificate::load(&follower, &served).await {
                warn!(%error, "cannot read the webhooks' certificate");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    serving.tasks.spawn(listen(listener, acceptor, context.clone()));
    Ok(Some(serving))
}

/// What the leader does for them, for ever: a certificate that holds, and an API server that knows it.
pub async fn keep(context: &Context, serving: Option<&Serving>) {
    let Some(serving) = serving else { return std::future::pending().await };
    let mut authorities = certificate::Authorities::default();
    loop {
        let kept = async {
            let authority = certificate::ensure(context, &serving.terms).await?;
            // The first is shown before anybody is told of it; a later one only after, since it has another authority.
            if !serving.served.shows_any() {
                certificate::load(context, &serving.served).await?;
            }
            let authority = authorities.with_last(authority);
            registration::register(context, &serving.terms, &authority).await
        };
        if let Err(error) = kept.await {
            warn!(%error, "cannot register the webhooks");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, context: Arc<Context>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // Plans that we make ourselves say themselves by which mode.
    let own = Arc::new(own_name(&context).await);
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (acceptor, own, context) = (acceptor.clone(), own.clone(), context.clone());
        tokio::spawn(async move {
            let Ok(Ok(stream)) = tokio::time::timeout(REQUEST, acceptor.accept(stream)).await else { return };
            let service = service_fn(|request| answer(request, &context, own.as_deref()));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(REQUEST);
            // Whoever hangs up needs no answer.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

/// Who we are to the API server, once it says so; none where it does not know us.
async fn own_name(context: &Context) -> Option<String> {
    let review: Api<SelfSubjectReview> = Api::all(context.client());
    let (params, question) = (PostParams::default(), SelfSubjectReview::default());
    loop {
        match context.cluster.answer(review.create(&params, &question)).await {
            Ok(answer) => return answer.status?.user_info?.username,
            Err(Refusal::Final(_)) => return None,
            Err(refusal) => warn!(problem = %refusal.in_words(), "cannot ask who we are"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    context: &Arc<Context>,
    own: Option<&str>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_validation = request.uri().path() == "/validate";
    let judge: fn(&Context, &Value, Option<&str>) -> Answer = match (request.method(), request.uri().path()) {
        (&Method::POST, "/validate") => |_, request, own| review::validate(request, own),
        (&Method::POST, "/stamp") => |_, request, own| review::stamp(request, own),
        (&Method::POST, SIZE) => |context, request, _| {
            review::size(request, |namespace, kind, name| sizing::in_force(context, namespace, kind, name))
        },
        _ => return Ok(text(StatusCode::NOT_FOUND, "there is nothing here")),
    };
    // Anybody who reaches the port may send: what is held in memory is bounded before anything is known of it.
    static READING: Semaphore = Semaphore::const_new(REVIEWS_AT_ONCE);
    let Ok(_place) = READING.acquire().await else { return Ok(text(StatusCode::SERVICE_UNAVAILABLE, "busy")) };
    let body = Limited::new(request.into_body(), LARGEST_REVIEW);
    let Ok(Ok(body)) = tokio::time::timeout(BODY, body.collect()).await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the review is too large, or does not come"));
    };
    let Ok(review) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
        return Ok(text(StatusCode::BAD_REQUEST, "that is no AdmissionReview"));
    };
    if !review["request"]["uid"].is_string() {
        return Ok(text(StatusCode::BAD_REQUEST, "that is no AdmissionReview"));
    }
    let mut said = judge(context, &review["request"], own);
    if is_validation && said == Answer::Allowed {
        said = contention::refusal(context, &review["request"]).await.map_or(said, Answer::Refused);
    }
    let answered = review::response(&review, said);
    let mut response = Response::new(Full::new(Bytes::from(answered.to_string())));
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
