//! Which of several replicas leads: a Lease, as client-go's leaderelection holds it, with a fence for every write.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tracing::debug;

use crate::context::Context;

/// The Lease's name.
pub const NAME: &str = "plimsoll-operator";
/// Whoever has not renewed it for so long has lost it.
const LEASE: Duration = Duration::from_secs(15);
/// Whoever leads writes nothing once so long has passed since it last asked for the lease and got it.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often it is asked for.
const RETRY: Duration = Duration::from_secs(2);
/// An answer that takes longer is none.
const REQUEST: Duration = Duration::from_secs(5);

/// A turn at leading.
pub struct Lease {
    api: Api<LeaseObject>,
    identity: String,
    /// Writes are held back from then on.
    may_write_until: watch::Sender<Option<Instant>>,
    seen: Mutex<Option<Seen>>,
}

/// What the Lease said, and since when, by our own clock: those of others may be wrong.
struct Seen {
    holder: Option<String>,
    renewed: Option<MicroTime>,
    since: Instant,
}

impl Lease {
    pub fn new(context: &Context, may_write_until: watch::Sender<Option<Instant>>) -> Lease {
        let client: Client = context.client();
        let (namespace, identity) = (&context.settings.namespace, context.settings.identity.clone());
        Lease { api: Api::namespaced(client, namespace), identity, may_write_until, seen: Mutex::new(None) }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&self) {
        while !self.ask().await {
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Keeps the lease, and returns when it is lost.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(RETRY).await;
            // Once the deadline has passed writes were held back, and whoever had work under way begins anew.
            let is_over = self.may_write_until.borrow().is_none_or(|until| Instant::now() >= until);
            if is_over || (!self.ask().await && self.is_anothers()) {
                self.may_write_until.send_replace(None);
                return;
            }
        }
    }

    /// Gives the lease back, so that another need not wait.
    pub async fn release(&self) {
        let is_ours = self.may_write_until.borrow().is_some();
        self.may_write_until.send_replace(None);
        if !is_ours {
            return;
        }
        let released = async {
            let mut lease = self.api.get(NAME).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(&self.identity) {
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                self.api.replace(NAME, &PostParams::default(), &lease).await?;
            }
            Ok::<(), kube::Error>(())
        };
        // Where it cannot be given back it expires.
        let _ = tokio::time::timeout(REQUEST, released).await;
    }

    /// Asks once for the lease or its renewal.
    async fn ask(&self) -> bool {
        let asked = Instant::now();
        let answer = tokio::time::timeout(REQUEST, self.hold()).await;
        match answer {
            Ok(Ok(true)) => {
                self.may_write_until.send_replace(Some(asked + RENEW_DEADLINE));
                // Who held it before does not any more.
                *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
                true
            }
            Ok(Ok(false)) => false,
            Ok(Err(error)) => {
                debug!(%error, "no lease");
                false
            }
            Err(_) => false,
        }
    }

    async fn hold(&self) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(NAME).await? else {
            let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
            let lease = LeaseObject { metadata, spec: Some(self.spec(0, None)) };
            self.api.create(&PostParams::default(), &lease).await?;
            return Ok(true);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty());
        let is_ours = holder.as_deref() == Some(&self.identity);
        if !is_ours && holder.is_some() && !self.has_expired(&spec) {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0) + i32::from(!is_ours);
        let acquired = spec.acquire_time.filter(|_| is_ours);
        lease.spec = Some(self.spec(transitions, acquired));
        // Its resourceVersion goes along: where somebody else was faster this fails.
        self.api.replace(NAME, &PostParams::default(), &lease).await?;
        Ok(true)
    }

    fn spec(&self, transitions: i32, acquired: Option<MicroTime>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    /// Has it stood as it stands for as long as it lasts?
    fn has_expired(&self, spec: &LeaseSpec) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let stands =
            seen.as_ref().filter(|seen| seen.holder == spec.holder_identity && seen.renewed == spec.renew_time);
        if let Some(seen) = stands {
            let lasts = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
            return seen.since.elapsed() > lasts.map_or(LEASE, Duration::from_secs);
        }
        let (holder, renewed) = (spec.holder_identity.clone(), spec.renew_time.clone());
        *seen = Some(Seen { holder, renewed, since: Instant::now() });
        false
    }

    fn is_anothers(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let holder = seen.as_ref().and_then(|seen| seen.holder.as_deref());
        holder.is_some_and(|holder| !holder.is_empty() && holder != self.identity)
    }
}
