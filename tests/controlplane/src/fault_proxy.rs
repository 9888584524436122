//! A proxy in front of the API server that does to requests what a test tells it to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::{ControlPlane, Error};

/// A request that changes something; a dry run is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// POST, PUT, PATCH or DELETE.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query.
    pub query: String,
    /// What is sent.
    pub body: String,
}

/// What a read is answered with in the API server's place.
pub enum Answer {
    /// All of it, as JSON.
    Whole(Vec<u8>),
    /// A watch: lines as they come, and its end with the channel's.
    Lines(mpsc::Receiver<Vec<u8>>),
}

/// What is done with a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The API server gets it, and its answer goes back.
    Forwarded,
    /// Nobody gets it: the connection ends.
    Lost,
    /// The API server gets it, but nobody gets its answer.
    AnswerLost,
    /// The API server never sees it: this status, and this text of a Status object, is the answer.
    Answered(u16, String),
}

/// Decides what becomes of a write.
pub type Decide = dyn Fn(&Write) -> Fate + Send + Sync;
/// Answers a read of this path and query in the API server's place, or lets it pass.
pub type Play = dyn Fn(&str, &str) -> Option<Answer> + Send + Sync;
/// Hears what the API server answered: the write and the status.
pub type Hear = dyn Fn(&Write, u16) + Send + Sync;

/// The proxy. It ends when dropped.
pub struct FaultProxy {
    kubeconfig: PathBuf,
    hung: Arc<AtomicUsize>,
    // Ends all tasks when dropped.
    _runtime: Runtime,
}

impl FaultProxy {
    /// Listens on the loopback address, and passes everything on as the user who may do everything.
    ///
    /// Reads pass as they are. Every write is decided upon and its answer told.
    pub fn start(
        plane: &ControlPlane,
        folder: &Path,
        decide: impl Fn(&Write) -> Fate + Send + Sync + 'static,
        hear: impl Fn(&Write, u16) + Send + Sync + 'static,
    ) -> Result<FaultProxy, Error> {
        FaultProxy::start_playing(plane, folder, |_, _| None, decide, hear)
    }

    /// The same, and some reads are answered in the API server's place, on the proxy's runtime.
    pub fn start_playing(
        plane: &ControlPlane,
        folder: &Path,
        play: impl Fn(&str, &str) -> Option<Answer> + Send + Sync + 'static,
        decide: impl Fn(&Write) -> Fate + Send + Sync + 'static,
        hear: impl Fn(&Write, u16) + Send + Sync + 'static,
    ) -> Result<FaultProxy, Error> {
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| Error::preparing("starting the fault proxy", source);
        let runtime = Runtime::new().map_err(|error| failed(error.into()))?;
        let target = plane.kubeconfig().to_owned();
        let hung = Arc::<AtomicUsize>::default();
        let hangs = hung.clone();
        let listening = runtime.block_on(async move {
            let config = Kubeconfig::read_from(target)?;
            let mut config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
            // Refusals are for whoever asks, not for the proxy to try again.
            config.default_retry = false;
            let client = kube::Client::try_from(config)?;
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let rules =
                Rules { client, play: Box::new(play), decide: Box::new(decide), hear: Box::new(hear), hung: hangs };
            let rules = Arc::new(rules);
            tokio::spawn(serve(listener, rules));
            Ok::<SocketAddr, Box<dyn std::error::Error + Send + Sync>>(address)
        });
        let address = listening.map_err(failed)?;
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxied",
            "clusters": [{"name": "proxied", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "proxied", "user": {}}],
            "contexts": [{"name": "proxied", "context": {"cluster": "proxied", "user": "proxied"}}],
        });
        let kubeconfig = folder.join(format!("kubeconfig-proxied-{}", address.port()));
        std::fs::write(&kubeconfig, config.to_string()).map_err(|error| failed(error.into()))?;
        Ok(FaultProxy { kubeconfig, hung, _runtime: runtime })
    }

    /// From now on nothing more comes from the watches that are open, and their connections stay open.
    pub fn hang_watches(&self) {
        self.hung.fetch_add(1, Ordering::SeqCst);
    }

    /// A kubeconfig that leads through the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

struct Rules {
    client: kube::Client,
    play: Box<Play>,
    decide: Box<Decide>,
    hear: Box<Hear>,
    /// How often what was open has been hung.
    hung: Arc<AtomicUsize>,
}

/// An answer that may fall silent.
struct Silenceable {
    answer: Content,
    hung: Arc<AtomicUsize>,
    /// What `hung` was when it began; what is no watch never hangs.
    began: usize,
}

/// Where an answer comes from.
enum Content {
    Body(Pin<Box<Body>>),
    Lines(mpsc::Receiver<Vec<u8>>),
}

impl From<Body> for Content {
    fn from(body: Body) -> Content {
        Content::Body(Box::pin(body))
    }
}

impl hyper::body::Body for Silenceable {
    type Data = <Body as hyper::body::Body>::Data;
    type Error = <Body as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = match &mut self.answer {
            Content::Body(body) => body.as_mut().poll_frame(context),
            Content::Lines(lines) => lines.poll_recv(context).map(|line| Some(Ok(Frame::data(line?.into())))),
        };
        // What has come is kept back, and nobody asks for more.
        if self.hung.load(Ordering::SeqCst) > self.began { Poll::Pending } else { frame }
    }
}

async fn serve(listener: TcpListener, rules: Arc<Rules>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, rules.clone()));
    }
}

async fn connection(stream: TcpStream, rules: Arc<Rules>) {
    let service = service_fn(move |request| {
        let rules = rules.clone();
        async move {
            match pass(request, &rules).await {
                Some(response) => Ok::<_, Dropped>(response),
                None => Err(Dropped),
            }
        }
    });
    // Whoever goes away is gone; a lost request ends its connection with an error.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error of a service ends its connection without an answer.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request is lost")
    }
}

impl std::error::Error for Dropped {}

/// `None` where there is to be no answer.
async fn pass(request: Request<Incoming>, rules: &Arc<Rules>) -> Option<Response<Silenceable>> {
    let (mut parts, body) = request.into_parts();
    // What only asks whether something might be written writes nothing.
    let is_dry = parts.uri.query().is_some_and(|query| query.contains("dryRun=All"));
    let is_write = !is_dry && !matches!(parts.method.as_str(), "GET" | "HEAD");
    let is_watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
    let began = if is_watch { rules.hung.load(Ordering::SeqCst) } else { usize::MAX };
    let silenceable = |answer| Silenceable { answer, hung: rules.hung.clone(), began };
    let body = body.collect().await.ok()?.to_bytes();
    let write = Write {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let played = if parts.method == "GET" { (rules.play)(&write.path, &write.query) } else { None };
    if let Some(answer) = played {
        let content = match answer {
            Answer::Whole(text) => Body::from(text).into(),
            Answer::Lines(lines) => Content::Lines(lines),
        };
        return Response::builder().header("content-type", "application/json").body(silenceable(content)).ok();
    }
    let fate = if is_write { (rules.decide)(&write) } else { Fate::Forwarded };
    match fate {
        Fate::Lost => return None,
        Fate::Answered(status, text) => {
            let answer = Response::builder().status(status).header("content-type", "application/json");
            return answer.body(silenceable(Body::from(text.into_bytes()).into())).ok();
        }
        Fate::Forwarded | Fate::AnswerLost => {}
    }
    parts.headers.remove(hyper::header::HOST);
    parts.headers.remove(hyper::header::AUTHORIZATION);
    // Whoever asked may be gone before there is an answer: what was sent is sent.
    let sent = tokio::spawn({
        let rules = rules.clone();
        async move {
            let answer = rules.client.send(Request::from_parts(parts, Body::from(body))).await.ok()?;
            if is_write {
                (rules.hear)(&write, answer.status().as_u16());
            }
            Some(answer)
        }
    });
    let answer = sent.await.ok()??;
    (fate == Fate::Forwarded).then(|| answer.map(|body| silenceable(body.into())))
}
