//! Health, readiness and metrics over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

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
}

/// Listens until what it returns is dropped.
pub async fn serve(context: &Arc<Context>) -> Result<JoinSet<()>, OperatorError> {
    let settings = &context.settings;
    if !settings.metrics.ip().is_loopback() {
        return Err(OperatorError::OpenMetrics { address: settings.metrics });
    }
    let mut listeners = JoinSet::new();
    for (address, answers) in [(settings.health, Answers::Health), (settings.metrics, Answers::Metrics)] {
        let listener = bind(address).await?;
        listeners.spawn(listen(listener, answers, context.clone()));
    }
    Ok(listeners)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, OperatorError> {
    TcpListener::bind(address).await.map_err(|source| OperatorError::Listen { address, source })
}

async fn listen(listener: TcpListener, answers: Answers, context: Arc<Context>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: others will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let context = context.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| std::future::ready(answer(&request, answers, &context)));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(REQUEST).keep_alive(false);
            // Whoever hangs up needs no answer.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    answers: Answers,
    context: &Context,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match (request.method(), request.uri().path(), answers) {
        (&Method::GET, "/healthz", Answers::Health) => health(context),
        (&Method::GET, "/readyz", Answers::Health) => readiness(context),
        (&Method::GET, "/metrics", Answers::Metrics) => {
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
