//! When a wave is over: everything that left has a replacement that is ready.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Migration, Name};

use crate::pods::Pods;

/// What a wave has to see before it is over.
#[derive(Clone, Debug, Default)]
pub struct Settling {
    /// Pods that were there when the wave began, by the controllers that lose pods in it.
    before: BTreeMap<Name, BTreeSet<Name>>,
    /// How many of those were ready.
    ready_before: BTreeMap<Name, usize>,
    /// Pods evicted in this wave, by controller.
    evicted: BTreeMap<Name, BTreeSet<Name>>,
}

impl Settling {
    /// Before anything leaves: what the controllers of these pods have.
    pub fn new<'u>(pods: &Pods, uids: impl Iterator<Item = &'u Name>) -> Settling {
        let mut settling = Settling::default();
        let controllers: BTreeSet<Name> = uids.filter_map(|uid| pods.by_uid.get(uid)?.controller.clone()).collect();
        for controller in controllers {
            let ready = pods.of_controller(&controller).filter(|(_, pod)| pod.ready).count();
            let all = pods.of_controller(&controller).map(|(uid, _)| uid.clone()).collect();
            settling.ready_before.insert(controller.clone(), ready);
            settling.before.insert(controller, all);
        }
        settling
    }

    /// A pod has been evicted.
    pub fn evicted(&mut self, controller: Option<Name>, uid: Name) {
        if let Some(controller) = controller {
            self.evicted.entry(controller).or_default().insert(uid);
        }
    }

    /// Every pod evicted is gone, and as many are ready as were before.
    pub fn is_over(&self, pods: &Pods) -> bool {
        self.evicted.iter().all(|(controller, evicted)| {
            let are_gone = evicted.iter().all(|uid| !pods.by_uid.contains_key(uid));
            are_gone && self.is_whole(pods, controller)
        })
    }

    /// Controllers of which something evicted has no replacement with a node yet: where it goes is not decided.
    pub fn undecided(&self, pods: &Pods) -> BTreeSet<Name> {
        let mut awaited: HashMap<&Name, usize> =
            self.evicted.iter().map(|(controller, evicted)| (controller, evicted.len())).collect();
        for (uid, pod) in pods.by_uid.iter().filter(|(_, pod)| pod.node.is_some() && pod.is_to_stay()) {
            if let Some(controller) = &pod.controller
                && let Some(awaited) = awaited.get_mut(controller)
                && self.before.get(controller).is_none_or(|before| !before.contains(uid))
            {
                *awaited = awaited.saturating_sub(1);
            }
        }
        awaited.into_iter().filter(|(_, awaited)| *awaited > 0).map(|(controller, _)| controller.clone()).collect()
    }

    /// Pods that have come since the wave began, with their nodes: what has landed where.
    pub fn replacements<'p>(
        &'p self,
        pods: &'p Pods,
        controller: &'p Name,
    ) -> impl Iterator<Item = (&'p Name, &'p crate::pods::Seen)> {
        let before = self.before.get(controller);
        pods.of_controller(controller).filter(move |(uid, _)| before.is_none_or(|before| !before.contains(*uid)))
    }

    /// The uids of all of them.
    pub fn all_replacements(&self, pods: &Pods) -> Vec<Name> {
        let of = |controller| self.replacements(pods, controller).map(|(uid, _)| uid.clone());
        self.evicted.keys().flat_map(of).collect()
    }

    /// The node on which each step's replacement landed: its target where one did, else any that is not another's.
    pub fn landings<'s>(
        &self,
        pods: &Pods,
        steps: &[(&'s Migration, Option<Name>)],
    ) -> Vec<(&'s Migration, Option<Name>)> {
        let mut landed: BTreeMap<&Name, Vec<Name>> = BTreeMap::new();
        for controller in self.evicted.keys() {
            let mut nodes: Vec<Name> =
                self.replacements(pods, controller).filter_map(|(_, pod)| pod.node.clone()).collect();
            nodes.sort_unstable();
            landed.insert(controller, nodes);
        }
        let mut take = |controller: &Option<Name>, wanted: Option<&Name>| {
            let nodes = landed.get_mut(controller.as_ref()?)?;
            let at = match wanted {
                Some(wanted) => nodes.iter().position(|node| node == wanted)?,
                None => nodes.len().checked_sub(1)?,
            };
            Some(nodes.remove(at))
        };
        let on_target: Vec<Option<Name>> =
            steps.iter().map(|(step, controller)| take(controller, Some(&step.to_node))).collect();
        let all = steps.iter().zip(on_target);
        all.map(|((step, controller), on_target)| (*step, on_target.or_else(|| take(controller, None)))).collect()
    }

    /// What is still awaited, for people.
    pub fn awaited(&self, pods: &Pods) -> String {
        let mut awaited = Vec::new();
        for (controller, evicted) in &self.evicted {
            for uid in evicted.iter().filter(|uid| pods.by_uid.contains_key(*uid)) {
                awaited.push(format!("{} to be gone", pods.by_uid[uid].key));
            }
            if self.is_whole(pods, controller) {
                continue;
            }
            let mut unready = 0;
            for (_, pod) in self.replacements(pods, controller).filter(|(_, pod)| !pod.ready) {
                unready += 1;
                awaited.push(match (&pod.node, &pod.unschedulable) {
                    (Some(node), _) => format!("{} to be ready on {node}", pod.key),
                    (None, Some(why)) => format!("{} to find a node ({why})", pod.key),
                    (None, None) => format!("{} to find a node", pod.key),
                });
            }
            if unready == 0 {
                let gone = evicted.len();
                awaited.push(format!("{gone} replacements that its controller has not made yet"));
            }
        }
        awaited.sort();
        let more = awaited.len().saturating_sub(3);
        let said = awaited.into_iter().take(3).collect::<Vec<String>>().join(", ");
        if more > 0 { format!("{said} and {more} more") } else { said }
    }

    /// Has the controller as many ready pods as it had?
    fn is_whole(&self, pods: &Pods, controller: &Name) -> bool {
        let ready = pods.of_controller(controller).filter(|(_, pod)| pod.ready).count();
        ready >= self.ready_before.get(controller).copied().unwrap_or(0)
    }
}
