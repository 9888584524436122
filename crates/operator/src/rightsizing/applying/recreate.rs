//! The template gets it, and its controller replaces the pods.

use std::time::Instant;

use act::{Unchanged, size_template};
use crds::Moment;
use crds::optimization_recommendation::Method;
use model::Rollout;
use tracing::warn;

use super::case::Case;
use super::threshold::Thresholds;
use super::{Done, Known, MOST_PATIENCE, SOON};
use crate::clock;
use crate::rightsizing::recommendation::{Side, has, sizes};

impl Case<'_> {
    /// The template gets it, and its controller replaces the pods. Pods in trouble go back whatever a query says.
    pub(super) async fn replace(self, known: &mut Known, thresholds: &mut Thresholds) -> Done {
        match self.standing.step_since {
            Some(since) => self.watch_replacements(since, known, thresholds).await,
            None => match self.unless_crossed(thresholds, known).await? {
                Some(case) => case.write_template(known).await,
                None => Ok(()),
            },
        }
    }

    async fn write_template(mut self, known: &mut Known) -> Done {
        let (kind, of, name) =
            (self.workload.kind.clone(), self.workload.namespace.clone(), self.workload.name.clone());
        if let Some((reason, words)) = self.stopped() {
            known.again = Some(Instant::now() + SOON);
            return self.skip(reason, words).await;
        }
        if self.context.settings.rightsizing.dry_run {
            return Ok(());
        }
        let after = sizes(&self.spec.changes, Side::After);
        match size_template(&self.context.cluster, (&kind, &of, &name), &after, false).await {
            Ok(()) => {}
            Err(Unchanged::Later(why)) => {
                warn!(workload = %self.workload, why, "asked again");
                known.again = Some(Instant::now() + SOON);
                return Ok(());
            }
            Err(Unchanged::Refused(why)) => return self.reject("Refused", why).await,
        }
        self.standing.step_since = Some(Moment(clock::now()));
        self.write().await.map(|_| ())
    }

    async fn watch_replacements(self, since: Moment, known: &mut Known, thresholds: &mut Thresholds) -> Done {
        let pods = self.pods();
        let with = || pods.iter().filter(|pod| has(&self.spec.changes, pod));
        let trouble = with().find(|pod| pod.restarts > 0).map(|pod| format!("pod {} restarts", pod.name));
        if let Some(trouble) = trouble {
            return self.roll_back("Unhealthy", trouble, known).await;
        }
        let waits_since = *known.waits_since.get_or_insert_with(Instant::now);
        let seconds = clock::now().seconds_since(since.0);
        let is_rolled_out = self.found().is_some_and(|workload| workload.rollout == Rollout::Complete);
        let is_done = is_rolled_out && with().count() == pods.len() && pods.iter().all(|pod| pod.ready);
        if !is_done && waits_since.elapsed() > MOST_PATIENCE && seconds > MOST_PATIENCE.as_secs() as i64 {
            let words = format!("new pods are not ready after {} minutes", MOST_PATIENCE.as_secs() / 60);
            return self.roll_back("NotReady", words, known).await;
        }
        let words = format!("{} pods were replaced", pods.len());
        let Some(case) = self.unless_crossed(thresholds, known).await? else { return Ok(()) };
        if is_done {
            return case.applied(Method::Recreate, words).await;
        }
        Ok(())
    }
}
