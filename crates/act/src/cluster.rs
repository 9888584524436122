//! The cluster that is acted on: read as a whole, written to at a measured pace.

use std::time::Duration;

use jiff::Timestamp;
use model::{Prices, Snapshot, Time};
use observe::prices::{PriceTable, offers, price_nodes};
use observe::{Connection, LiveOptions};
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::answer::Refusal;
use crate::error::ActError;

/// Twenty writes a second, which no API server notices.
const BETWEEN_WRITES: Duration = Duration::from_millis(50);

/// A cluster to act on.
pub struct Cluster {
    pub(crate) client: kube::Client,
    connection: Connection,
    live: LiveOptions,
    prices: PriceTable,
    pace: Mutex<Interval>,
}

impl Cluster {
    /// Connects as kubectl would.
    pub async fn connect(live: LiveOptions, prices: PriceTable) -> Result<Cluster, ActError> {
        let connection = observe::connect(&live).await?;
        let mut pace = interval(BETWEEN_WRITES);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Cluster { client: connection.client.clone(), connection, live, prices, pace: Mutex::new(pace) })
    }

    /// The cluster as it is now, and what it costs.
    pub(crate) async fn observe(&self) -> Result<(Snapshot, Prices), ActError> {
        let live = LiveOptions { now: Time(Timestamp::now().as_second()), ..self.live.clone() };
        let snapshot = observe::read_from(&self.connection, &live).await?;
        let mut prices = price_nodes(&snapshot.nodes, &self.prices);
        prices.offers = offers(&snapshot, &self.prices);
        Ok((snapshot, prices))
    }

    /// Waits for the turn of the next write.
    pub(crate) async fn turn(&self) {
        self.pace.lock().await.tick().await;
    }

    /// An answer within the time that one request may take.
    pub(crate) async fn answer<T>(&self, ask: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        match tokio::time::timeout(self.live.request_timeout, ask).await {
            Ok(answer) => answer.map_err(|error| Refusal::of(&error)),
            Err(_) => {
                let seconds = self.live.request_timeout.as_secs();
                Err(Refusal::Busy(Duration::ZERO, format!("no answer within {seconds} s")))
            }
        }
    }
}
