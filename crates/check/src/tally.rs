//! How many pods that a constraint asks about are in each domain.
//!
//! Every spread constraint, affinity term and anti-affinity term that is asked about gets a tally: one number for each
//! value of its topology key. Tallies are made when first asked for and follow every pod that comes or goes, so that a
//! step of a large plan does not count the cluster again.
//!
//! Within a wave nobody knows who is where: a tally has two numbers, the pods that are in the domain in every order of
//! the wave's steps (`certain`), and those that are in some order (`possible`). Outside a wave they are equal.

use model::placement::NodeSelectorTerm;
use model::placement::{InclusionPolicy, PodAffinityTerm, Toleration, TopologySpreadConstraint, WhenUnsatisfiable};
use model::{LabelSelector, Labels, Name, Node, PodSpec, Requirement, SelectorOperator, Snapshot};
use rustc_hash::FxHashMap;

use crate::filters::node::{required_node_affinity_matches, untolerated_taint};

/// Which nodes belong to which domain.
#[derive(Debug)]
pub(crate) struct Domains {
    /// The domain of each node that counts; `None` where it has no such label or is left out.
    of_node: Vec<Option<u32>>,
    /// The domain of each value.
    ids: FxHashMap<Name, u32>,
    /// How many nodes each domain has; a domain whose last node is gone is none.
    nodes_in: Vec<u32>,
}

/// What decides the domains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum DomainsKey {
    /// Every node that has the label.
    Label(Name),
    /// As topology spread counts: only nodes that have all the pod's keys and pass the inclusion policies.
    Spread {
        topology_key: Name,
        all_keys: Vec<Name>,
        affinity: Option<(Labels, Option<Vec<NodeSelectorTerm>>)>,
        tolerations: Option<Vec<Toleration>>,
    },
}

/// Which pods are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Members {
    /// Pods of the namespace that the selector matches and that are not terminating.
    Spread { namespace: Name, selector: LabelSelector },
    /// Pods that all terms of a pod in this namespace select.
    Selected { own_namespace: Name, terms: Vec<PodAffinityTerm> },
    /// Pods of this namespace that have this required anti-affinity term.
    Holders { own_namespace: Name, term: PodAffinityTerm },
}

/// The counts of one constraint.
#[derive(Debug)]
struct Tally {
    domains: usize,
    ignores_terminating: bool,
    certain: Vec<i64>,
    possible: Vec<i64>,
    /// The sum of `possible`.
    total: i64,
}

/// One pod on one node, as tallies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counted {
    /// Its namespace and labels.
    pub class: usize,
    pub node: usize,
    pub terminating: bool,
    pub standing: Standing,
}

/// How sure it is that a pod is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// It is there, in every order of the wave's steps.
    Certain,
    /// It is there in some orders.
    Doubtful,
    /// It has been evicted and is not gone yet: it holds what it held and keeps off whom it kept off, but spread passes
    /// over it, and nobody may rely on it.
    Leaving,
}

/// What a pod asks of the pods around its node.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    pub spread: Vec<SpreadNeed>,
    /// A tally for each term of its pod affinity.
    pub affinity: Vec<(Name, usize)>,
    /// It matches its own affinity terms, so it may be the first.
    pub matches_own_affinity: bool,
    /// A tally for each term of its anti-affinity.
    pub anti_affinity: Vec<(Name, usize)>,
    /// Tallies of pods whose anti-affinity selects this pod.
    pub unwelcome: Vec<(Name, usize)>,
}

/// One hard spread constraint of a pod.
#[derive(Debug)]
pub(crate) struct SpreadNeed {
    pub topology_key: Name,
    pub max_skew: i64,
    pub min_domains: i64,
    /// 1 where the pod matches its own selector.
    pub own: i64,
    pub tally: usize,
}

/// All tallies.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    domains: Vec<Domains>,
    domains_by_key: FxHashMap<DomainsKey, usize>,
    tallies: Vec<Tally>,
    members: Vec<Members>,
    by_key: FxHashMap<(Members, usize), usize>,
    /// Namespace and labels, each once.
    classes: Vec<(Name, Labels)>,
    class_ids: FxHashMap<(Name, Labels), usize>,
    /// For each class, the tallies that count it by its labels.
    of_class: Vec<Vec<usize>>,
    /// For each class, its pods on nodes, to fill tallies made later.
    present: Vec<FxHashMap<Counted, i64>>,
    /// Topology key and tally of each anti-affinity term that any pod has.
    holders: Vec<(Name, usize)>,
}

impl Tallies {
    /// The number of a namespace and labels.
    pub fn class(&mut self, snapshot: &Snapshot, namespace: &Name, labels: &Labels) -> usize {
        let key = (namespace.clone(), labels.clone());
        if let Some(class) = self.class_ids.get(&key) {
            return *class;
        }
        let class = self.classes.len();
        let counted_by =
            (0..self.tallies.len()).filter(|tally| self.members[*tally].include(snapshot, namespace, labels)).collect();
        self.classes.push(key.clone());
        self.class_ids.insert(key, class);
        self.of_class.push(counted_by);
        self.present.push(FxHashMap::default());
        class
    }

    /// The tallies of the pods that hold these anti-affinity terms. All are asked for before any pod is counted.
    pub fn holder_tallies(
        &mut self,
        nodes: &[Option<&Node>],
        namespace: &Name,
        terms: &[PodAffinityTerm],
    ) -> Vec<usize> {
        let mut tallies = Vec::new();
        for term in terms {
            let domains = self.label_domains(nodes, &term.topology_key);
            let members = Members::Holders { own_namespace: namespace.clone(), term: term.clone() };
            let next = self.tallies.len();
            let tally = self.tally(members, domains);
            if tally == next {
                self.holders.push((term.topology_key.clone(), tally));
            }
            tallies.push(tally);
        }
        tallies
    }

    /// A pod comes (`by` 1) or goes (`by` -1); `holds` are the tallies of its own anti-affinity terms.
    pub fn count(&mut self, pod: Counted, holds: &[usize], by: i64) {
        let Tallies { domains, tallies, of_class, present, .. } = self;
        for tally in of_class[pod.class].iter().chain(holds) {
            tallies[*tally].count(domains, pod, by);
        }
        let alike = present[pod.class].entry(pod).or_insert(0);
        *alike += by;
        if *alike == 0 {
            present[pod.class].remove(&pod);
        }
    }

    /// The node is gone, and with it, where it was the last, its domain. Its pods are taken off before.
    pub fn forget_node(&mut self, node: usize) {
        for domains in &mut self.domains {
            if let Some(domain) = domains.of_node[node].take() {
                domains.nodes_in[domain as usize] -= 1;
            }
        }
    }

    /// What a pod of this class and spec asks of its neighbours. Nodes that are gone are `None`.
    pub fn neighbours(
        &mut self,
        snapshot: &Snapshot,
        nodes: &[Option<&Node>],
        class: usize,
        spec: &PodSpec,
    ) -> Neighbours {
        let (namespace, labels) = self.classes[class].clone();
        let first_new = self.tallies.len();
        let mut neighbours = Neighbours::default();
        let hard: Vec<&TopologySpreadConstraint> = spec
            .topology_spread
            .iter()
            .filter(|constraint| constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule)
            .collect();
        for constraint in &hard {
            let selector = with_label_keys(constraint, &labels);
            let domains = self.spread_domains(nodes, spec, &hard, constraint);
            let own = selector.as_ref().is_some_and(|selector| selector.matches(&labels));
            // A selector that is absent counts nobody, and so does an empty one (yet it matches the pod itself).
            let counted = selector.unwrap_or_default();
            let members = Members::Spread { namespace: namespace.clone(), selector: counted };
            neighbours.spread.push(SpreadNeed {
                topology_key: constraint.topology_key.clone(),
                max_skew: i64::from(constraint.max_skew),
                min_domains: i64::from(constraint.min_domains.unwrap_or(1)),
                own: i64::from(own),
                tally: self.tally(members, domains),
            });
        }
        for term in &spec.pod_affinity {
            let domains = self.label_domains(nodes, &term.topology_key);
            let members = Members::Selected { own_namespace: namespace.clone(), terms: spec.pod_affinity.clone() };
            neighbours.matches_own_affinity = members.include(snapshot, &namespace, &labels);
            neighbours.affinity.push((term.topology_key.clone(), self.tally(members, domains)));
        }
        for term in &spec.pod_anti_affinity {
            let domains = self.label_domains(nodes, &term.topology_key);
            let members = Members::Selected { own_namespace: namespace.clone(), terms: vec![term.clone()] };
            neighbours.anti_affinity.push((term.topology_key.clone(), self.tally(members, domains)));
        }
        let none = Labels::default();
        let namespace_labels = snapshot.namespaces.get(&namespace).unwrap_or(&none);
        for (topology_key, tally) in &self.holders {
            if let Members::Holders { own_namespace, term } = &self.members[*tally]
                && term.selects(own_namespace, &namespace, namespace_labels, &labels)
            {
                neighbours.unwelcome.push((topology_key.clone(), *tally));
            }
        }
        self.fill_from(first_new, snapshot);
        neighbours
    }

    /// The domain of a value of the tally's topology key, where any node has it.
    pub fn domain(&self, tally: usize, value: &Name) -> Option<u32> {
        self.domains[self.tallies[tally].domains].ids.get(value).copied()
    }

    /// Pods in the domain whatever the order.
    pub fn certain(&self, tally: usize, domain: Option<u32>) -> i64 {
        domain.map_or(0, |domain| self.tallies[tally].certain[domain as usize])
    }

    /// Pods in the domain in some order.
    pub fn possible(&self, tally: usize, domain: Option<u32>) -> i64 {
        domain.map_or(0, |domain| self.tallies[tally].possible[domain as usize])
    }

    /// Pods in any domain in some order.
    pub fn possible_anywhere(&self, tally: usize) -> i64 {
        self.tallies[tally].total
    }

    /// Every domain that has a node, with the pods that are certain to be there.
    pub fn live_domains(&self, tally: usize) -> impl Iterator<Item = (u32, i64)> {
        let tally = &self.tallies[tally];
        let nodes_in = &self.domains[tally.domains].nodes_in;
        (0u32..)
            .zip(nodes_in)
            .filter(|(_, nodes)| **nodes > 0)
            .map(|(domain, _)| (domain, tally.certain[domain as usize]))
    }

    fn label_domains(&mut self, nodes: &[Option<&Node>], topology_key: &Name) -> usize {
        self.domains_of(DomainsKey::Label(topology_key.clone()), nodes, topology_key, |_| true)
    }

    fn spread_domains(
        &mut self,
        nodes: &[Option<&Node>],
        spec: &PodSpec,
        hard: &[&TopologySpreadConstraint],
        constraint: &TopologySpreadConstraint,
    ) -> usize {
        let all_keys: Vec<Name> = hard.iter().map(|constraint| constraint.topology_key.clone()).collect();
        let honours_affinity = constraint.node_affinity_policy == InclusionPolicy::Honor;
        let honours_taints = constraint.node_taints_policy == InclusionPolicy::Honor;
        let key = DomainsKey::Spread {
            topology_key: constraint.topology_key.clone(),
            all_keys: all_keys.clone(),
            affinity: honours_affinity.then(|| (spec.node_selector.clone(), spec.node_affinity.clone())),
            tolerations: honours_taints.then(|| spec.tolerations.clone()),
        };
        self.domains_of(key, nodes, &constraint.topology_key, |node| {
            all_keys.iter().all(|key| node.labels.get(key).is_some())
                && (!honours_affinity || required_node_affinity_matches(spec, node))
                && (!honours_taints || untolerated_taint(&spec.tolerations, &node.taints).is_none())
        })
    }

    fn domains_of(
        &mut self,
        key: DomainsKey,
        nodes: &[Option<&Node>],
        topology_key: &Name,
        counts: impl Fn(&Node) -> bool,
    ) -> usize {
        if let Some(known) = self.domains_by_key.get(&key) {
            return *known;
        }
        let mut made = Domains { of_node: vec![None; nodes.len()], ids: FxHashMap::default(), nodes_in: Vec::new() };
        for (at, node) in nodes.iter().enumerate() {
            let Some(node) = node.filter(|node| counts(node)) else { continue };
            let Some(value) = node.labels.get(topology_key) else { continue };
            let next = made.nodes_in.len() as u32;
            let domain = *made.ids.entry(value.clone()).or_insert(next);
            if domain == next {
                made.nodes_in.push(0);
            }
            made.nodes_in[domain as usize] += 1;
            made.of_node[at] = Some(domain);
        }
        self.domains.push(made);
        self.domains_by_key.insert(key, self.domains.len() - 1);
        self.domains.len() - 1
    }

    fn tally(&mut self, members: Members, domains: usize) -> usize {
        let key = (members, domains);
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        let empty = vec![0; self.domains[domains].nodes_in.len()];
        self.tallies.push(Tally {
            domains,
            ignores_terminating: matches!(key.0, Members::Spread { .. }),
            certain: empty.clone(),
            possible: empty,
            total: 0,
        });
        self.members.push(key.0.clone());
        self.by_key.insert(key, self.tallies.len() - 1);
        self.tallies.len() - 1
    }

    /// Counts the pods that are there into the tallies made since `first_new`.
    fn fill_from(&mut self, first_new: usize, snapshot: &Snapshot) {
        let Tallies { domains, tallies, members, classes, of_class, present, .. } = self;
        for (class, (namespace, labels)) in classes.iter().enumerate() {
            for tally in first_new..tallies.len() {
                if !members[tally].include(snapshot, namespace, labels) {
                    continue;
                }
                of_class[class].push(tally);
                for (pod, alike) in &present[class] {
                    tallies[tally].count(domains, *pod, *alike);
                }
            }
        }
    }
}

impl Tally {
    fn count(&mut self, domains: &[Domains], pod: Counted, by: i64) {
        let Some(domain) = domains[self.domains].of_node[pod.node] else { return };
        if self.ignores_terminating && (pod.terminating || pod.standing == Standing::Leaving) {
            return;
        }
        self.possible[domain as usize] += by;
        self.total += by;
        if pod.standing == Standing::Certain {
            self.certain[domain as usize] += by;
        }
    }
}

impl Members {
    /// Is a pod of this namespace and these labels counted? Holders are counted by their terms, not by labels.
    fn include(&self, snapshot: &Snapshot, namespace: &Name, labels: &Labels) -> bool {
        match self {
            Members::Spread { namespace: own, selector } => {
                own == namespace && !selector.is_empty() && selector.matches(labels)
            }
            Members::Selected { own_namespace, terms } => {
                terms.iter().all(|term| selects(snapshot, own_namespace, term, namespace, labels))
            }
            Members::Holders { .. } => false,
        }
    }
}

/// Does a term of the incoming pod select a pod? Its namespace selector picks among the namespaces that exist. Then the
/// scheduler (1.36: `mergeAffinityTermNamespacesIfNotEmpty` changes only a copy) asks it once more of no labels at all,
/// so that one of nothing but DoesNotExist and NotIn picks every namespace, as the empty one does.
fn selects(snapshot: &Snapshot, own: &Name, term: &PodAffinityTerm, namespace: &Name, labels: &Labels) -> bool {
    let none = Labels::default();
    let namespace_labels = snapshot.namespaces.get(namespace).unwrap_or(&none);
    term.selects(own, namespace, namespace_labels, labels) || term.selects(own, namespace, &none, labels)
}

/// The constraint's selector with the pod's own values of `matchLabelKeys`; an absent selector stays absent.
fn with_label_keys(constraint: &TopologySpreadConstraint, labels: &Labels) -> Option<LabelSelector> {
    let mut selector = constraint.selector.clone()?;
    for key in &constraint.match_label_keys {
        if let Some(value) = labels.get(key) {
            selector.requirements.push(Requirement {
                key: key.clone(),
                operator: SelectorOperator::In,
                values: vec![value.clone()],
            });
        }
    }
    Some(selector)
}
