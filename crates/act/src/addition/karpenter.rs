//! Nodes that Karpenter makes: a NodeClaim for each, from the template of its pool, under a name that the plan alone
//! decides, so that none is bought twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use model::{AddedNode, Name};

use super::Adder;
use super::claim::{claim_name, claim_of};
use super::limits::room_for;
use super::stand_in::{self, StandIn};
use crate::answer::Refusal;
use crate::carry_out::Stop;
use crate::cluster::Cluster;
use crate::marks::refused;
use crate::node_claims::{claims, conditions, is_true, node_of, of_pool, pools};

/// A machine takes a minute; this is soon enough.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Karpenter, asked by one plan.
pub(super) struct Karpenter<'c> {
    cluster: &'c Cluster,
    plan: String,
    until: jiff::Timestamp,
    /// As they were when they were last looked at, by the plan's name for the node.
    claims: BTreeMap<Name, DynamicObject>,
}

impl<'c> Karpenter<'c> {
    pub fn new(cluster: &'c Cluster, plan: &str, until: jiff::Timestamp) -> Karpenter<'c> {
        Karpenter { cluster, plan: plan.to_owned(), until, claims: BTreeMap::new() }
    }

    async fn ask(&mut self, planned: &AddedNode) -> Result<(), Stop> {
        let pool = pool_of(planned)?;
        let name = claim_name(pool, &self.plan, &planned.node.name);
        let found = match self.cluster.answer(claims(self.cluster).get(&name)).await {
            Ok(found) => found,
            Err(Refusal::Gone) => {
                return match self.claims.get(&planned.node.name) {
                    Some(last) => Err(Stop::RollBack(format!("Karpenter gave NodeClaim {name} up; {}", how(last)))),
                    None => self.create(planned, pool, &name).await,
                };
            }
            Err(refusal) => return later(&format!("get NodeClaim {name}"), refusal),
        };
        let is_ours = stand_in::of(&found.metadata)
            .is_some_and(|found| found.plan == self.plan && found.planned == planned.node.name);
        if !is_ours {
            return Err(Stop::RollBack(format!("NodeClaim {name} is there already and not this plan's")));
        }
        let is_going = found.metadata.deletion_timestamp.is_some();
        if is_going && !self.claims.contains_key(&planned.node.name) {
            // An earlier run has given it back: its name is free once it is gone.
            return Ok(());
        }
        if is_going {
            return Err(Stop::RollBack(format!("NodeClaim {name} is being deleted; {}", how(&found))));
        }
        self.claims.insert(planned.node.name.clone(), found);
        Ok(())
    }

    async fn create(&self, planned: &AddedNode, pool: &str, name: &str) -> Result<(), Stop> {
        let found = match self.cluster.answer(pools(self.cluster).get(pool)).await {
            Ok(found) => found,
            Err(Refusal::Gone) => return Err(Stop::RollBack(format!("there is no NodePool {pool} any more"))),
            Err(refusal) => return later(&format!("get NodePool {pool}"), refusal),
        };
        let there = match of_pool(self.cluster, pool).await {
            Ok(there) => there,
            Err(refusal) => return later("list nodeclaims", refusal),
        };
        room_for(&found, &there, planned).map_err(Stop::RollBack)?;
        let stand_in = StandIn::new(&self.plan, &planned.node.name, self.until);
        let claim = claim_of(&found, planned, &stand_in, name).map_err(Stop::RollBack)?;
        match self.cluster.write(claims(self.cluster).create(&PostParams::default(), &claim)).await {
            // Whoever made it meanwhile was us: it is looked at next.
            Ok(_) | Err(Refusal::Changed) => Ok(()),
            Err(refusal) => later(&format!("create NodeClaim {name}"), refusal),
        }
    }

    async fn node(&self, planned: &AddedNode) -> Result<Node, String> {
        let Some(claim) = self.claims.get(&planned.node.name) else {
            return Err("its NodeClaim is being made".to_owned());
        };
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        let node = node_of(claim).filter(|_| is_true(claim, "Initialized"));
        let Some(node) = node else { return Err(format!("NodeClaim {name}: {}", how(claim))) };
        let nodes: Api<Node> = Api::all(self.cluster.client.clone());
        self.cluster.answer(nodes.get(node)).await.map_err(|refusal| format!("node {node}: {}", refusal.in_words()))
    }
}

impl Adder for Karpenter<'_> {
    fn ask_for<'a>(&'a mut self, planned: &'a AddedNode) -> BoxFuture<'a, Result<(), Stop>> {
        self.ask(planned).boxed()
    }

    fn come<'a>(&'a self, planned: &'a AddedNode, _: &'a BTreeSet<Name>) -> BoxFuture<'a, Result<Node, String>> {
        self.node(planned).boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        tokio::time::sleep(LOOK_AGAIN).boxed()
    }
}

/// Asks the API server whether it would take the NodeClaim; the error says why not.
pub(super) async fn rehearse(cluster: &Cluster, plan: &str, planned: &AddedNode) -> Result<(), String> {
    let words = |stop: Stop| match stop {
        Stop::RollBack(reason) | Stop::Pause(reason) => reason,
        Stop::Failed(error) => error.to_string(),
    };
    let pool = pool_of(planned).map_err(words)?;
    let in_words = |refusal: Refusal| refusal.in_words();
    let found = cluster.answer(pools(cluster).get(pool)).await.map_err(in_words)?;
    let there = of_pool(cluster, pool).await.map_err(in_words)?;
    room_for(&found, &there, planned)?;
    let name = claim_name(pool, plan, &planned.node.name);
    let claim = claim_of(&found, planned, &StandIn::new(plan, &planned.node.name, jiff::Timestamp::now()), &name)?;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    match cluster.answer(claims(cluster).create(&dry, &claim)).await {
        // It is there already, from an earlier run.
        Ok(_) | Err(Refusal::Changed) => Ok(()),
        Err(refusal) => Err(refusal.in_words()),
    }
}

/// Only Karpenter's own pools can make it.
fn pool_of(planned: &AddedNode) -> Result<&Name, Stop> {
    let why = || format!("node {} is of no NodePool of Karpenter's: it cannot add it", planned.node.name);
    planned.node.labels.get(crate::node_claims::NODE_POOL).ok_or_else(|| Stop::RollBack(why()))
}

/// What a busy server did not answer is asked again at the next look.
fn later(what: &str, refusal: Refusal) -> Result<(), Stop> {
    match refusal {
        Refusal::Busy(..) | Refusal::Changed => Ok(()),
        refusal => Err(Stop::Failed(refused(what, &refusal))),
    }
}

/// How far it has come, in Karpenter's words.
fn how(claim: &DynamicObject) -> String {
    for wanted in ["Launched", "Registered", "Initialized"] {
        let Some(found) = conditions(claim).iter().find(|found| found["type"] == wanted) else {
            return format!("it is not {wanted} yet");
        };
        if found["status"] != "True" {
            let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
            return format!("it is not {wanted} yet ({}: {})", text("reason"), text("message"));
        }
    }
    "it was Initialized".to_owned()
}
