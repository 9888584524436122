//! The cluster that is acted on: read as a whole, written to at a measured pace.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::{Prices, Snapshot, Time};
use observe::prices::{PriceTable, offers, price_nodes};
use observe::{Connection, LiveOptions};
use tokio::sync::{Mutex, watch};

use crate::answer::Refusal;
use crate::error::ActError;

/// Twenty writes a second, which no API server notices.
const BETWEEN_WRITES: Duration = Duration::from_millis(50);
/// So long others go before what only tells of something.
const ASIDE: Duration = Duration::from_secs(10);
/// A turn that was missed while nobody was ready is made up for.
const MADE_UP: u32 = 2;

/// A fence opens again with the next renewal, or whatever is under way ends.
const FENCED: Duration = Duration::from_secs(1);

/// Until when this process may write, where it has to ask: what holds a lease holds no write back once it has lost it.
pub type Fence = watch::Receiver<Option<Instant>>;

/// Hears of every write what it was, `eviction` or `object`, and what came of it: `granted`, or why not.
pub type WriteListener = Box<dyn Fn(&'static str, &'static str) + Send + Sync>;

/// A cluster to act on.
pub struct Cluster {
    pub(crate) client: kube::Client,
    connection: Connection,
    live: LiveOptions,
    prices: PriceTable,
    /// When the next write has its turn.
    next: Mutex<Instant>,
    /// How many writes wait for theirs.
    waiting: AtomicUsize,
    fence: Option<Fence>,
    listener: WriteListener,
}

impl Cluster {
    /// Connects as kubectl would.
    pub async fn connect(live: LiveOptions, prices: PriceTable) -> Result<Cluster, ActError> {
        Ok(Cluster::new(observe::connect(&live).await?, live, prices, None))
    }

    /// The same over a connection that there is already, by a process that may write only behind its fence.
    pub fn new(connection: Connection, live: LiveOptions, prices: PriceTable, fence: Option<Fence>) -> Cluster {
        let (client, listener) = (connection.client.clone(), Box::new(|_, _| ()));
        Cluster {
            client,
            connection,
            live,
            prices,
            next: Mutex::new(Instant::now()),
            waiting: AtomicUsize::new(0),
            fence,
            listener,
        }
    }

    /// The same, and somebody hears of every write.
    pub fn heard_by(self, listener: impl Fn(&'static str, &'static str) + Send + Sync + 'static) -> Cluster {
        Cluster { listener: Box::new(listener), ..self }
    }

    /// How it is reached.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What these nodes cost, and what could be bought in their place.
    pub fn prices(&self, snapshot: &Snapshot) -> Prices {
        let mut prices = price_nodes(&snapshot.nodes, &self.prices);
        prices.offers = offers(snapshot, &self.prices);
        prices
    }

    /// The cluster as it is now, and what it costs.
    pub(crate) async fn observe(&self) -> Result<(Snapshot, Prices), ActError> {
        let live = LiveOptions { now: Time(Timestamp::now().as_second()), ..self.live.clone() };
        let snapshot = observe::read_from(&self.connection, &live).await?;
        let prices = self.prices(&snapshot);
        Ok((snapshot, prices))
    }

    /// Writes when its turn has come, and only while this process may.
    pub async fn write<T>(&self, write: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        self.write_of("object", write).await
    }

    /// The same of what can wait until nothing else does, for a while: what only tells of something.
    pub async fn write_aside<T>(&self, write: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        let start = Instant::now();
        while self.waiting.load(Ordering::Relaxed) > 0 && start.elapsed() < ASIDE {
            tokio::time::sleep(BETWEEN_WRITES).await;
        }
        self.write(write).await
    }

    /// The same of an eviction.
    pub(crate) async fn write_eviction<T>(&self, write: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        self.write_of("eviction", write).await
    }

    async fn write_of<T>(
        &self,
        kind: &'static str,
        write: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Refusal> {
        let answer = self.write_in_turn(write).await;
        (self.listener)(kind, answer.as_ref().map_or_else(Refusal::name, |_| "granted"));
        answer
    }

    async fn write_in_turn<T>(&self, write: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        self.turn().await;
        if let Some(fence) = &self.fence {
            let until = *fence.borrow();
            if until.is_none_or(|until| Instant::now() >= until) {
                return Err(Refusal::Busy(FENCED, "this replica does not lead now".to_owned()));
            }
        }
        self.answer(write).await
    }

    /// Waits for the turn of one write.
    async fn turn(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        let mut next = self.next.lock().await;
        let earliest = Instant::now().checked_sub(BETWEEN_WRITES * MADE_UP);
        let turn = earliest.map_or(*next, |earliest| earliest.max(*next));
        *next = turn + BETWEEN_WRITES;
        // Whoever comes later waits behind it.
        tokio::time::sleep_until(turn.into()).await;
    }

    /// An answer within the time that one request may take.
    pub async fn answer<T>(&self, ask: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        match tokio::time::timeout(self.live.request_timeout, ask).await {
            Ok(answer) => answer.map_err(|error| Refusal::of(&error)),
            Err(_) => {
                let seconds = self.live.request_timeout.as_secs();
                Err(Refusal::Busy(Duration::ZERO, format!("no answer within {seconds} s")))
            }
        }
    }
}

/// One write that waits, for as long as it does.
struct Waits<'w>(&'w AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
