//! Does a pod fit on a node? Kube-scheduler's default filters, on counts.

use std::fmt;

use super::State;
use crate::cluster::{AttachError, CPU, Class, EPHEMERAL_STORAGE, FIRST_SCALAR, MEMORY, NO_DOMAIN, PODS, SpreadUse};

/// The filter that refuses, in the scheduler's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The plan takes the node away.
    NodeClosed,
    /// Cordon, taints, node selector and affinity, declared features, and what volumes fix.
    NodeFixed,
    /// Host ports.
    NodePorts,
    /// Resources.
    NodeResourcesFit,
    /// Disks and claims that only one may use.
    VolumeRestrictions,
    /// How many volumes a driver can attach.
    NodeVolumeLimits,
    /// Topology spread.
    PodTopologySpread,
    /// Required pod affinity.
    PodAffinity,
    /// Required anti-affinity, the pod's own.
    PodAntiAffinity,
    /// Required anti-affinity of pods that are there.
    ExistingPodAntiAffinity,
}

impl Rule {
    /// `insufficient room` and the like, after a number of nodes.
    pub fn in_words(self) -> &'static str {
        match self {
            Rule::NodeClosed => "being removed",
            Rule::NodeFixed => "with taints, node affinity or volumes that do not match",
            Rule::NodePorts => "with a host port taken",
            Rule::NodeResourcesFit => "without enough room",
            Rule::VolumeRestrictions => "with a volume in use",
            Rule::NodeVolumeLimits => "with no volume attachment left",
            Rule::PodTopologySpread => "against its topology spread",
            Rule::PodAffinity => "without the pods its affinity asks for",
            Rule::PodAntiAffinity => "with pods its anti-affinity excludes",
            Rule::ExistingPodAntiAffinity => "with pods whose anti-affinity excludes it",
        }
    }
}

/// Why a pod does not fit on a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rejection {
    /// The filter.
    pub rule: Rule,
    /// What lacks or is in the way, for people.
    pub detail: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl State<'_, '_> {
    /// Does a pod of this class fit on the node as things are? The pod itself must have been taken out.
    #[inline]
    pub fn fits(&self, class: &Class, node: usize) -> bool {
        self.fits_alone(class, node) && self.others_allow(class, node)
    }

    /// The filters that look at this node and what is on it alone.
    #[inline]
    pub(crate) fn fits_alone(&self, class: &Class, node: usize) -> bool {
        self.cluster.eligible(class).contains(node)
            && !self.tally.closed.contains(node)
            && self.has_room(class, node)
            && self.devices_allow(class, node)
    }

    /// The filters that look at pods wherever they are.
    #[inline]
    pub(crate) fn others_allow(&self, class: &Class, node: usize) -> bool {
        class.spread.iter().all(|constraint| self.spread_allows(constraint, node))
            && self.affinity_allows(class, node)
            && self.anti_affinity_allows(class, node)
    }

    /// The first filter that refuses, in an order that answers soonest.
    pub fn refusing_rule(&self, class: &Class, node: usize) -> Option<Rule> {
        if self.tally.closed.contains(node) {
            return Some(Rule::NodeClosed);
        }
        if !self.cluster.eligible(class).contains(node) {
            return Some(Rule::NodeFixed);
        }
        if !self.has_room(class, node) {
            return Some(Rule::NodeResourcesFit);
        }
        if !self.ports_allow(class, node) {
            return Some(Rule::NodePorts);
        }
        if !self.restrictions_allow(class, node) {
            return Some(Rule::VolumeRestrictions);
        }
        if !self.limits_allow(class, node) {
            return Some(Rule::NodeVolumeLimits);
        }
        if !class.spread.iter().all(|constraint| self.spread_allows(constraint, node)) {
            return Some(Rule::PodTopologySpread);
        }
        if !self.affinity_allows(class, node) {
            return Some(Rule::PodAffinity);
        }
        if !self.own_anti_affinity_allows(class, node) {
            return Some(Rule::PodAntiAffinity);
        }
        (!self.existing_anti_affinity_allows(class, node)).then_some(Rule::ExistingPodAntiAffinity)
    }

    /// The first filter that refuses, and why.
    pub fn rejects(&self, class: &Class, node: usize) -> Option<Rejection> {
        let rule = self.refusing_rule(class, node)?;
        let detail = match rule {
            Rule::NodeClosed => "the plan removes the node".to_owned(),
            Rule::NodeFixed => "taints, node affinity or volumes do not match".to_owned(),
            Rule::NodePorts => "a host port is taken".to_owned(),
            Rule::NodeResourcesFit => format!("insufficient {}", self.lacking(class, node)),
            Rule::VolumeRestrictions => "a volume that only one may use is in use".to_owned(),
            Rule::NodeVolumeLimits => "the driver can attach no more volumes".to_owned(),
            Rule::PodTopologySpread => {
                let refuses = |constraint: &&SpreadUse| !self.spread_allows(constraint, node);
                let key = class.spread.iter().find(refuses).map_or("", |constraint| {
                    let group = &self.cluster.spread_groups[constraint.group as usize];
                    &self.cluster.topologies[group.topology as usize].key
                });
                format!("topology spread over {key} would exceed its skew")
            }
            Rule::PodAffinity => "no pod that its affinity asks for is there".to_owned(),
            Rule::PodAntiAffinity => "a pod that its anti-affinity excludes is there".to_owned(),
            Rule::ExistingPodAntiAffinity => "a pod is there whose anti-affinity excludes it".to_owned(),
        };
        Some(Rejection { rule, detail })
    }

    #[inline]
    pub(crate) fn has_room(&self, class: &Class, node: usize) -> bool {
        let row = &self.tally.free[node * self.cluster.resources..][..self.cluster.resources];
        row[PODS] >= 1 && class.requests.iter().all(|(resource, amount)| *amount <= row[*resource as usize])
    }

    fn lacking(&self, class: &Class, node: usize) -> &str {
        let lacks = |request: &&(u16, i64)| request.1 > self.free(node, request.0 as usize);
        match class.requests.iter().find(lacks).map(|(resource, _)| *resource as usize) {
            None => "pods",
            Some(CPU) => "cpu",
            Some(MEMORY) => "memory",
            Some(EPHEMERAL_STORAGE) => "ephemeral-storage",
            Some(other) => &self.cluster.scalar_names[other - FIRST_SCALAR],
        }
    }

    #[inline]
    pub(crate) fn devices_allow(&self, class: &Class, node: usize) -> bool {
        self.ports_allow(class, node) && self.restrictions_allow(class, node) && self.limits_allow(class, node)
    }

    fn ports_allow(&self, class: &Class, node: usize) -> bool {
        class.ports.is_empty()
            || self.tally.ports.get(&(node as u32)).is_none_or(|used| {
                !used.iter().any(|(other, at)| {
                    let taken = &self.cluster.classes[*other as usize].ports[*at as usize];
                    class.ports.iter().any(|port| port.conflicts(taken))
                })
            })
    }

    fn restrictions_allow(&self, class: &Class, node: usize) -> bool {
        class.single_pod_claims.iter().all(|claim| self.tally.claim_users[*claim as usize] == 0)
            && (class.disks.is_empty()
                || self.tally.disks.get(&(node as u32)).is_none_or(|used| {
                    !used.iter().any(|disk| class.disks.iter().any(|own| crate::cluster::disks_conflict(own, disk)))
                }))
    }

    fn limits_allow(&self, class: &Class, node: usize) -> bool {
        if class.attach_error != AttachError::None {
            return false;
        }
        if class.attaches.is_empty() {
            return true;
        }
        let allowed = &self.cluster.attachments[node];
        if allowed.limits.is_empty() {
            return true;
        }
        if self.tally.attach_errors.get(&(node as u32)).is_some_and(|errors| *errors > 0) {
            return false;
        }
        let attached = self.tally.attached.get(&(node as u32));
        let is_attached = |driver: &_, handle: &_| {
            attached
                .is_some_and(|volumes| volumes.contains_key(&(model::Name::clone(driver), model::Name::clone(handle))))
        };
        allowed.limits.iter().all(|(driver, limit)| {
            let new = class
                .attaches
                .iter()
                .filter(|attach| attach.driver == *driver && !is_attached(&attach.driver, &attach.handle))
                .count();
            if new == 0 {
                return true;
            }
            let by_pods = attached.map_or(0, |volumes| volumes.keys().filter(|(other, _)| other == driver).count());
            // Attachments that no pod accounts for count too, and once more as new: so does the scheduler.
            let by_attachments = allowed
                .attached
                .iter()
                .filter(|(other, handle)| other == driver && !is_attached(other, handle))
                .count();
            (by_pods + by_attachments + new) as i64 <= *limit
        })
    }

    #[inline]
    pub(crate) fn spread_allows(&self, constraint: &SpreadUse, node: usize) -> bool {
        let group = &self.cluster.spread_groups[constraint.group as usize];
        let domain = self.cluster.topologies[group.topology as usize].domain_of[node];
        if domain == NO_DOMAIN {
            return false;
        }
        let counts = &self.tally.spread[constraint.group as usize];
        let has_enough_domains = i64::from(counts.domains()) >= constraint.min_domains;
        let minimum = if has_enough_domains { i64::from(counts.minimum()) } else { 0 };
        i64::from(counts.get(domain)) + i64::from(constraint.selects_itself) - minimum <= constraint.max_skew
    }

    /// The count of the domain of a node in a spread group, where the node has the key.
    pub(crate) fn spread_count(&self, group: u32, node: usize) -> Option<u32> {
        let topology = self.cluster.spread_groups[group as usize].topology;
        let domain = self.cluster.topologies[topology as usize].domain_of[node];
        (domain != NO_DOMAIN).then(|| self.tally.spread[group as usize].get(domain))
    }

    /// The smallest count of the domains other than the node's own, by the constraint's minDomains rule; `None` where
    /// there is no other.
    pub(crate) fn spread_minimum_of_others(&self, constraint: &SpreadUse, node: usize) -> Option<u32> {
        let topology = self.cluster.spread_groups[constraint.group as usize].topology;
        let domain = self.cluster.topologies[topology as usize].domain_of[node];
        let counts = &self.tally.spread[constraint.group as usize];
        if i64::from(counts.domains()) < constraint.min_domains {
            return Some(0);
        }
        counts.minimum_of_others(domain)
    }

    #[inline]
    pub(crate) fn affinity_allows(&self, class: &Class, node: usize) -> bool {
        let Some((group, selects_itself)) = class.affinity else { return true };
        let topologies = &self.cluster.affinity_groups[group as usize].topologies;
        let mut is_near = true;
        for (counts, topology) in self.tally.affinity[group as usize].iter().zip(topologies) {
            let domain = self.cluster.topologies[*topology as usize].domain_of[node];
            if domain == NO_DOMAIN {
                return false;
            }
            is_near &= counts.get(domain) > 0;
        }
        // The first pod of a group that asks for itself may go anywhere.
        is_near || (selects_itself && self.tally.affinity_total[group as usize] == 0)
    }

    /// How many (pod, term) pairs an affinity group counts anywhere.
    pub(crate) fn affinity_total(&self, group: u32) -> u64 {
        self.tally.affinity_total[group as usize]
    }

    #[inline]
    pub(crate) fn anti_affinity_allows(&self, class: &Class, node: usize) -> bool {
        self.own_anti_affinity_allows(class, node) && self.existing_anti_affinity_allows(class, node)
    }

    /// The same, of terms for which the test holds alone.
    pub(crate) fn terms_allow(&self, class: &Class, node: usize, asks: &dyn Fn(u32) -> bool) -> bool {
        let nobody = |counts: &[super::Counts], term: &u32| {
            let domain = self.domain_of_term(*term, node);
            domain == NO_DOMAIN || counts[*term as usize].get(domain) == 0
        };
        class.anti_affinity.iter().filter(|term| asks(**term)).all(|term| nobody(&self.tally.selected, term))
            && class.repelled_by.iter().filter(|term| asks(**term)).all(|term| nobody(&self.tally.holders, term))
    }

    /// Is a pod that holds the anti-affinity term in the node's domain?
    pub(crate) fn has_holder_near(&self, term: u32, node: usize) -> bool {
        let domain = self.domain_of_term(term, node);
        domain != NO_DOMAIN && self.tally.holders[term as usize].get(domain) > 0
    }

    /// Are the two nodes in one domain of the anti-affinity term?
    pub(crate) fn share_domain(&self, term: u32, one: usize, other: usize) -> bool {
        let domain = self.domain_of_term(term, one);
        domain != NO_DOMAIN && domain == self.domain_of_term(term, other)
    }

    fn own_anti_affinity_allows(&self, class: &Class, node: usize) -> bool {
        class.anti_affinity.iter().all(|term| {
            let domain = self.domain_of_term(*term, node);
            domain == NO_DOMAIN || self.tally.selected[*term as usize].get(domain) == 0
        })
    }

    fn existing_anti_affinity_allows(&self, class: &Class, node: usize) -> bool {
        class.repelled_by.iter().all(|term| {
            let domain = self.domain_of_term(*term, node);
            domain == NO_DOMAIN || self.tally.holders[*term as usize].get(domain) == 0
        })
    }
}

impl State<'_, '_> {
    /// Does the node take part in what the spread group counts?
    pub(crate) fn counts_in_spread(&self, group: u32, node: usize) -> bool {
        self.takes_part(group, node)
    }

    /// Are the two nodes in one domain of the spread group?
    pub(crate) fn is_same_domain(&self, group: u32, a: usize, b: usize) -> bool {
        let topology = self.cluster.spread_groups[group as usize].topology;
        let domains = &self.cluster.topologies[topology as usize].domain_of;
        domains[a] != NO_DOMAIN && domains[a] == domains[b]
    }
}
