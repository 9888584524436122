//! What everything in the operator works with.

use act::{Cluster, Fence};
use observe::{Followed, LiveOptions};

use crate::clock;
use crate::error::OperatorError;
use crate::events::Events;
use crate::metrics::{Metrics, OfWrite};
use crate::objects::Objects;
use crate::rightsizing::sampling::Samples;
use crate::settings::Settings;

/// What everything in the operator works with.
pub struct Context {
    pub settings: Settings,
    /// To write to.
    pub cluster: Cluster,
    /// To read, without asking for it again.
    pub followed: Followed,
    /// Objects of our own kinds.
    pub objects: Objects,
    pub events: Events,
    pub metrics: Metrics,
    /// What was sampled of the metrics API.
    pub samples: Samples,
}

impl Context {
    /// Connects, and begins to follow the cluster.
    pub async fn begin(settings: Settings, fence: Fence) -> Result<Context, OperatorError> {
        let live = LiveOptions { now: clock::now(), ..settings.live.clone() };
        let connection = observe::connect(&live).await?;
        let objects = Objects::begin(&connection.client).await?;
        let followed = Followed::begin(&connection, &live).await?;
        let events = Events::new(&connection.client, &settings.identity);
        let metrics = Metrics::default();
        let writes = metrics.writes.clone();
        let cluster = Cluster::new(connection, live, settings.prices.clone(), Some(fence));
        let cluster = cluster.heard_by(move |kind, result| {
            writes.get_or_create(&OfWrite { kind, result }).inc();
        });
        Ok(Context { settings, cluster, followed, objects, events, metrics, samples: Samples::default() })
    }

    pub fn client(&self) -> kube::Client {
        self.cluster.connection().client.clone()
    }
}
