//! The operator's resources as people outside of it ask for them: what there is, and an approval.

use std::time::Duration;

use crds::{MigrationPlan, OptimizationConfig, OptimizationPolicy, OptimizationRecommendation, OptimizationReport};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use observe::LiveOptions;
use serde_json::json;

use crate::error::OperatorError;
use crate::leader;
use crate::plans::FINALIZER;
use crate::webhooks::NAME;

/// Holds the lease of an operator that is about to be uninstalled, for as long as that takes.
const NOBODY: &str = "uninstalling";
const ASIDE_SECONDS: i32 = 120;

/// All there is, each kind by name.
pub struct Resources {
    /// OptimizationConfigs.
    pub configs: Vec<DynamicObject>,
    /// MigrationPlans.
    pub plans: Vec<DynamicObject>,
    /// OptimizationReports.
    pub reports: Vec<DynamicObject>,
    /// OptimizationPolicies.
    pub policies: Vec<DynamicObject>,
    /// OptimizationRecommendations.
    pub recommendations: Vec<DynamicObject>,
}

/// What somebody agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// A MigrationPlan.
    Plan {
        /** Its name. */
        name: String,
    },
    /// An OptimizationRecommendation.
    Recommendation {
        /** Its namespace. */
        namespace: String,
        /** Its name. */
        name: String,
    },
}

/// A cluster whose resources are asked for.
pub struct Outside {
    client: Client,
    timeout: Duration,
}

impl Outside {
    /// Connects as kubectl would.
    pub async fn connect(live: &LiveOptions) -> Result<Outside, OperatorError> {
        let client = observe::connect(live).await?.client;
        Ok(Outside { client, timeout: live.request_timeout })
    }

    /// Everything there is of our kinds.
    pub async fn all(&self) -> Result<Resources, OperatorError> {
        Ok(Resources {
            configs: self.list::<OptimizationConfig>().await?,
            plans: self.list::<MigrationPlan>().await?,
            reports: self.list::<OptimizationReport>().await?,
            policies: self.list::<OptimizationPolicy>().await?,
            recommendations: self.list::<OptimizationRecommendation>().await?,
        })
    }

    /// Agrees to it, in the name that the API server knows us by.
    pub async fn approve(&self, what: &Approved) -> Result<String, OperatorError> {
        let review: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let (params, nobody) = (PostParams::default(), SelfSubjectReview::default());
        let asked = review.create(&params, &nobody);
        let user = self.answer("ask who we are", asked).await?.status.and_then(|status| status.user_info);
        let by = user.and_then(|user| user.username).unwrap_or_else(|| "unknown".to_owned());
        let change = Patch::Merge(json!({"spec": {"approved": true, "approvedBy": by}}));
        let (client, params) = (self.client.clone(), PatchParams::default());
        let (api, name, words): (Api<DynamicObject>, _, _) = match what {
            Approved::Plan { name } => {
                let resource = ApiResource::erase::<MigrationPlan>(&());
                (Api::all_with(client, &resource), name, format!("approve plan {name}"))
            }
            Approved::Recommendation { namespace, name } => {
                let resource = ApiResource::erase::<OptimizationRecommendation>(&());
                let words = format!("approve recommendation {namespace}/{name}");
                (Api::namespaced_with(client, namespace, &resource), name, words)
            }
        };
        self.answer(&words, api.patch(name, &params, &change)).await?;
        Ok(by)
    }

    /// Has whatever operator runs in this namespace stand aside for a while, before it is uninstalled.
    pub async fn stand_aside(&self, namespace: &str) -> Result<(), OperatorError> {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
        let Some(mut lease) = self.answer("read its lease", api.get_opt(leader::NAME)).await? else { return Ok(()) };
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(NOBODY.to_owned());
        spec.lease_duration_seconds = Some(ASIDE_SECONDS);
        let now = jiff::Timestamp::now();
        spec.renew_time = Some(MicroTime(now));
        let params = PostParams::default();
        self.answer("take its lease", api.replace(leader::NAME, &params, &lease)).await.map(|_| ())
    }

    /// Tells the API server to ask our webhooks no more.
    pub async fn unregister(&self) -> Result<(), OperatorError> {
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
            let resource = ApiResource::from_gvk(&gvk);
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
            let params = DeleteParams::default();
            let deleted = async {
                match api.delete(NAME, &params).await {
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                    deleted => deleted.map(|_| ()),
                }
            };
            self.answer(&format!("delete {kind} {NAME}"), deleted).await?;
        }
        Ok(())
    }

    /// Lets every plan go without the operator, which is about to be gone itself; the names of those that waited for it.
    pub async fn release(&self) -> Result<Vec<String>, OperatorError> {
        let resource = ApiResource::erase::<MigrationPlan>(&());
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
        let plans = match self.list::<MigrationPlan>().await {
            Err(OperatorError::NotInstalled) => return Ok(Vec::new()),
            plans => plans?,
        };
        let waits = |plan: &DynamicObject| plan.metadata.finalizers.iter().flatten().any(|name| name == FINALIZER);
        let mut released = Vec::new();
        for plan in plans.into_iter().filter(waits) {
            let name = plan.metadata.name.unwrap_or_default();
            let others: Vec<&String> =
                plan.metadata.finalizers.iter().flatten().filter(|name| *name != FINALIZER).collect();
            let change = Patch::Merge(json!({"metadata": {
                "finalizers": others, "resourceVersion": plan.metadata.resource_version,
            }}));
            let params = PatchParams::default();
            self.answer(&format!("release plan {name}"), api.patch(&name, &params, &change)).await?;
            released.push(name);
        }
        Ok(released)
    }

    async fn list<K: Resource<DynamicType = ()>>(&self) -> Result<Vec<DynamicObject>, OperatorError> {
        let resource = ApiResource::erase::<K>(&());
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
        let what = format!("list {}.{}", resource.plural, resource.group);
        let mut all = self.answer(&what, api.list(&Default::default())).await?.items;
        all.sort_by(|a, b| (&a.metadata.namespace, &a.metadata.name).cmp(&(&b.metadata.namespace, &b.metadata.name)));
        Ok(all)
    }

    async fn answer<T>(&self, what: &str, ask: impl Future<Output = kube::Result<T>>) -> Result<T, OperatorError> {
        let refused = |problem: String| OperatorError::Refused { what: what.to_owned(), problem };
        match tokio::time::timeout(self.timeout, ask).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 && what.starts_with("list") => {
                Err(OperatorError::NotInstalled)
            }
            Ok(Err(kube::Error::Api(status))) => Err(refused(status.message.clone())),
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(_) => Err(refused(format!("no answer within {} s", self.timeout.as_secs()))),
        }
    }
}
