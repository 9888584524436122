//! Health, readiness and metrics over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::access::Access;
use crate::context::Context;
use crate::error::OperatorError;

/// What was last heard of the cluster is too old to act on.
const STALE: Duration = Duration::from_secs(300);
/// A leader whose loop has not come round for so long is stuck: the longest search takes a minute.
const STUCK: Duration = Duration::from_secs(600);
/// Whoever has not asked by then is closed out.
const REQUEST: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 64;

/// Which questions an address answers.
#[derive(Clone, Copy)]
enum Answers {
    Health,
    Metrics,
    /// To those who may read them.
    GuardedMetrics,
}

/// Listens until what it returns is dropped. Metrics beyond the loopback address are for those who may read them, and
/// over TLS, with the certificate of the webhooks.
pub async fn serve(context: &Arc<Context>, tls: Option<TlsAcceptor>) -> Result<JoinSet<()>, OperatorError> {
    let settings = &context.settings;
    let mut listeners = JoinSet::new();
    let health = bind(settings.health).await?;
    listeners.spawn(listen(health, Answers::Health, None, context.clone()));
    let metrics = bind(settings.metrics).await?;
    if settings.metrics.ip().is_loopback() {
        listeners.spawn(listen(metrics, Answers::Metrics, None, context.clone()));
        return Ok(listeners);
    }
    let Some(tls) = tls else { return Err(OperatorError::OpenMetrics { address: settings.metrics }) };
    listeners.spawn(listen(metrics, Answers::GuardedMetrics, Some(tls), context.clone()));
    Ok(listeners)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, OperatorError> {
    TcpListener::bind(address).await.map_err(|source| OperatorError::Listen { address, source })
}

async fn listen(listener: TcpListener, answers: Answers, tls: Option<TlsAcceptor>, context: Arc<Context>) {
    let access = Arc::new(Access::default());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: others will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (context, access, tls) = (context.clone(), access.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, answers, &context, &access).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(REQUEST, tls.accept(stream)).await {
                        connection(stream, answers, &context, &access).await;
                    }
                }
            }
            drop(place);
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, answers: Answers, context: &Context, access: &Access) {
    let service = service_fn(|request| answer(request, answers, context, access));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(REQUEST).keep_alive(false);
    // Whoever hangs up needs no answer.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    answers: Answers,
    context: &Context,
    access: &Access,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_let_in = match answers {
        Answers::GuardedMetrics => access.judge(context, authorization).await,
        Answers::Health | Answers::Metrics => StatusCode::OK,
    };
    if is_let_in != StatusCode::OK {
        let mut response = Response::new(Full::new(Bytes::from("show a token of somebody who may get /metrics\n")));
        *response.status_mut() = is_let_in;
        return Ok(response);
    }
    let (status, text) = match (request.method(), request.uri().path(), answers) {
        (&Method::GET, "/healthz", Answers::Health) => health(context),
        (&Method::GET, "/readyz", Answers::Health) => readiness(context),
        (&Method::GET, "/metrics", Answers::Metrics | Answers::GuardedMetrics) => {
            (StatusCode::OK, context.metrics.to_text(context.followed.silent_for().as_secs_f64()))
        }
        (&Method::GET, ..) => (StatusCode::NOT_FOUND, "there is nothing here\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    Ok(response)
}

fn health(context: &Context) -> (StatusCode, String) {
    let is_stuck = context.metrics.leader.get() == 1 && context.metrics.since_beat() > STUCK;
    match is_stuck {
        true => (StatusCode::SERVICE_UNAVAILABLE, "the loop has not come round for ten minutes\n".to_owned()),
        false => (StatusCode::OK, "ok\n".to_owned()),
    }
}

fn readiness(context: &Context) -> (StatusCode, String) {
    let silent = context.followed.silent_for();
    match silent > STALE {
        true => {
            let text = format!("the API server has said nothing for {} s\n", silent.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
        false => (StatusCode::OK, "ok\n".to_owned()),
    }
}
