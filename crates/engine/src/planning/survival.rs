//! How many zones a workload of several ready pods stands in, so that it survives the loss of one less. No move lowers
//! that, and no wave takes all of its ready pods.

use model::Pod;

use crate::cluster::Cluster;
use crate::evictable::Evictable;

use super::zones::Zones;

/// Which pods count: the ready ones of workloads that have several, by a number that such workloads have here.
#[derive(Default)]
pub struct Replicated {
    of_pod: Vec<Option<u32>>,
    ready: Vec<u32>,
    /// By workload, where it has one.
    numbers: Vec<Option<u32>>,
}

impl Replicated {
    /// Counts them.
    pub fn new(cluster: &Cluster<'_>, evictable: &Evictable<'_>) -> Replicated {
        let mut numbers = vec![None; cluster.snapshot.workloads.len()];
        let mut ready: Vec<u32> = Vec::new();
        let mut number_of = |workload: u32| {
            let number = numbers.get_mut(workload as usize)?;
            if number.is_none() && evictable.ready.get(workload as usize).is_some_and(|ready| *ready > 1) {
                ready.push(0);
                *number = Some(ready.len() as u32 - 1);
            }
            *number
        };
        let pods = cluster.snapshot.pods.iter().zip(&cluster.pods);
        let of_pod: Vec<Option<u32>> = pods
            .map(|(pod, compiled)| compiled.node.filter(|_| stands(pod)).and(pod.workload).and_then(&mut number_of))
            .collect();
        of_pod.iter().flatten().for_each(|workload| ready[*workload as usize] += 1);
        Replicated { of_pod, ready, numbers }
    }

    /// The pod at this place is a new one, on a node or not.
    pub(super) fn insert(&mut self, at: usize, pod: &Pod, is_on_node: bool) {
        let counts = |workload: &u32| is_on_node && stands(pod) && (*workload as usize) < self.numbers.len();
        let number = pod.workload.filter(counts).and_then(|workload| self.numbers[workload as usize]);
        self.of_pod.insert(at, number);
        number.into_iter().for_each(|number| self.ready[number as usize] += 1);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let number = self.of_pod.remove(at);
        number.into_iter().for_each(|number| self.ready[number as usize] -= 1);
    }

    /// The workload that the pod counts for.
    pub fn workload_of(&self, pod: usize) -> Option<u32> {
        self.of_pod[pod]
    }

    /// Are these all the ready pods of a workload that has several?
    pub fn are_all_of_one(&self, pods: &[u32]) -> bool {
        pods.iter().filter_map(|pod| self.workload_of(*pod as usize)).any(|workload| {
            let of_it = pods.iter().filter(|pod| self.workload_of(**pod as usize) == Some(workload));
            self.is_all(workload, of_it.count())
        })
    }

    fn is_all(&self, workload: u32, pods: usize) -> bool {
        let ready = self.ready[workload as usize] as usize;
        ready > 1 && pods >= ready
    }
}

/// Does it count, once it is on a node?
fn stands(pod: &Pod) -> bool {
    pod.ready && !pod.terminating && !pod.is_daemon() && !pod.is_static()
}

/// How many pods of each workload stand in each zone, while pods move.
#[derive(Clone, Default)]
pub struct Survival {
    zones: usize,
    /// By workload and zone.
    standing: Vec<u32>,
    /// By workload: pods that have been lifted and not yet put down.
    lifted: Vec<u32>,
    /// By workload: the zones that it stood in before the first of those was lifted.
    needed: Vec<u32>,
}

impl Survival {
    /// As the snapshot has it.
    pub fn of_snapshot(cluster: &Cluster<'_>, zones: &Zones, replicated: &Replicated) -> Survival {
        let workloads = replicated.ready.len();
        let nothing = vec![0; workloads];
        let standing = vec![0; workloads * zones.number()];
        let mut survival = Survival { zones: zones.number(), standing, lifted: nothing.clone(), needed: nothing };
        for (pod, compiled) in cluster.pods.iter().enumerate() {
            if let (Some(workload), Some(node)) = (replicated.workload_of(pod), compiled.node) {
                survival.count(workload, zones.of(node as usize), 1);
            }
        }
        survival
    }

    /// A pod of the workload leaves this zone, for anywhere.
    pub fn lift(&mut self, workload: u32, zone: Option<u32>) {
        if self.lifted[workload as usize] == 0 {
            self.needed[workload as usize] = self.stands_in(workload);
        }
        self.lifted[workload as usize] += 1;
        self.count(workload, zone, -1);
    }

    /// One that was lifted comes to this zone.
    pub fn put(&mut self, workload: u32, zone: Option<u32>) {
        self.lifted[workload as usize] = self.lifted[workload as usize].saturating_sub(1);
        self.count(workload, zone, 1);
    }

    /// May so many lifted pods come there? Those that are then still lifted can stand in as many zones more.
    pub fn allows(&self, workload: u32, zone: Option<u32>, pods: u32) -> bool {
        let is_new = zone.is_some_and(|zone| self.of(workload)[zone as usize] == 0);
        let still_lifted = self.lifted[workload as usize].saturating_sub(pods);
        self.stands_in(workload) + u32::from(is_new) + still_lifted >= self.needed[workload as usize]
    }

    /// May one wave make these moves, from zone to zone, of pods of the workload? Some ready pod must stay where it is,
    /// no more than one zone may be without one at any moment, and it ends in no fewer zones.
    pub fn outlives(&self, replicated: &Replicated, workload: u32, moves: &[(Option<u32>, Option<u32>)]) -> bool {
        if replicated.is_all(workload, moves.len()) {
            return false;
        }
        let before = self.of(workload);
        let mut stay = before.to_vec();
        moves.iter().filter_map(|(from, _)| *from).for_each(|from| stay[from as usize] -= 1);
        let emptied = before.iter().zip(&stay).filter(|(before, stay)| **before > 0 && **stay == 0).count();
        moves.iter().filter_map(|(_, to)| *to).for_each(|to| stay[to as usize] += 1);
        let after = stay.iter().filter(|pods| **pods > 0).count();
        emptied <= 1 && after as u32 >= self.stands_in(workload)
    }

    /// One wave later.
    pub fn moved(&mut self, workload: u32, from: Option<u32>, to: Option<u32>) {
        self.count(workload, from, -1);
        self.count(workload, to, 1);
    }

    fn of(&self, workload: u32) -> &[u32] {
        let first = workload as usize * self.zones;
        &self.standing[first..first + self.zones]
    }

    /// In how many zones; pods whose zone nobody knows are in none.
    fn stands_in(&self, workload: u32) -> u32 {
        self.of(workload).iter().filter(|pods| **pods > 0).count() as u32
    }

    fn count(&mut self, workload: u32, zone: Option<u32>, by: i32) {
        if let Some(zone) = zone {
            let pods = &mut self.standing[workload as usize * self.zones + zone as usize];
            *pods = pods.saturating_add_signed(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workload with so many pods in each zone.
    fn survival(standing: &[u32]) -> (Replicated, Survival) {
        let ready = vec![standing.iter().sum()];
        let survival =
            Survival { zones: standing.len(), standing: standing.to_vec(), lifted: vec![0], needed: vec![0] };
        (Replicated { of_pod: Vec::new(), ready, numbers: Vec::new() }, survival)
    }

    #[test]
    fn a_pod_may_leave_its_zone_where_others_stay_or_for_a_new_one() {
        let (_, mut survival) = survival(&[2, 1, 0]);
        survival.lift(0, Some(0));
        assert!(survival.allows(0, Some(1), 1), "another stays in its zone");
        survival.put(0, Some(1));
        survival.lift(0, Some(0));
        assert!(!survival.allows(0, Some(1), 1), "it was the last of its zone");
        assert!(!survival.allows(0, None, 1), "what is no zone is none more");
        assert!(survival.allows(0, Some(2), 1), "one zone for another");
    }

    #[test]
    fn of_pods_lifted_together_the_last_ones_make_up_for_the_first() {
        let (_, mut survival) = survival(&[1, 1]);
        survival.lift(0, Some(0));
        survival.lift(0, Some(1));
        assert!(survival.allows(0, Some(1), 1));
        assert!(!survival.allows(0, Some(1), 2), "both in one zone");
        survival.put(0, Some(1));
        assert!(!survival.allows(0, Some(1), 1));
        assert!(survival.allows(0, Some(0), 1));
    }

    #[test]
    fn a_wave_leaves_somebody_and_empties_one_zone_at_most() {
        let zone = |number: u32| Some(number);
        let (replicated, survival) = survival(&[1, 1, 0, 0]);
        assert!(survival.outlives(&replicated, 0, &[(zone(0), zone(2))]));
        assert!(!survival.outlives(&replicated, 0, &[(zone(0), zone(1))]), "one zone fewer");
        assert!(!survival.outlives(&replicated, 0, &[(zone(0), zone(2)), (zone(1), zone(3))]), "all at once");
        let (replicated, survival) = self::survival(&[1, 1, 1, 0]);
        let two = [(zone(0), zone(3)), (zone(1), zone(0))];
        assert!(!survival.outlives(&replicated, 0, &two), "two zones without it for a while");
    }
}
