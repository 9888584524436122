//! Buys one node after the other, each for a pod that needs one, and fills it.

use std::collections::BTreeSet;

use super::fill::{Available, Filling, fill};
use super::sizes::{Size, Sizes};
use super::stage::Stage;
use super::waiting::{Shape, Waiting};
use crate::bound::Worth;
use crate::cluster::{CPU, Cluster, MEMORY};
use crate::state::{Holds, State};

/// No more sizes are tried for a node, from the smallest that will do.
const MOST_SIZES: usize = 12;
/// Places are as good as one another where what they give for a dollar differs by less.
const EQUAL: f64 = 1e-9;

/// A place has no slot left for another node.
pub(super) struct OutOfSlots;

/// A node bought.
pub(super) struct Bought {
    /// An index among all offers.
    pub offer: usize,
    /// In the order in which they came.
    pub pods: Vec<u32>,
}

/// What has been bought so far, and what waits.
pub(super) struct Buyer<'b> {
    state: State<'b, 'b>,
    pub(super) waiting: Waiting,
    stage: &'b Stage,
    sizes: &'b Sizes,
    /// By shape: what a pod of it counts for.
    worth: Vec<f64>,
    /// By place: slots used, and dollars spent.
    used: Vec<usize>,
    spent: Vec<f64>,
    /// By pool: the part of its limits that is left.
    left_of_pool: Vec<f64>,
    /// By kind: the groups where it may be.
    groups: Vec<Vec<u32>>,
    /// Kinds with places where a node's own daemons, or what the kind itself uses, keep its pods away.
    refused: BTreeSet<(usize, usize)>,
    pub(super) nodes: Vec<Bought>,
}

/// A node that could be bought next.
struct Choice {
    place: usize,
    size: usize,
    /// Dollars for what a dollar's worth of pods takes.
    price: f64,
}

impl<'b> Buyer<'b> {
    pub(super) fn new(
        state: State<'b, 'b>,
        waiting: Waiting,
        stage: &'b Stage,
        sizes: &'b Sizes,
        worth: &'b Worth,
    ) -> Buyer<'b> {
        let places = stage.slots.len();
        let cluster = state.cluster;
        let groups = |class: u32| sizes.groups_for(cluster, stage, &cluster.classes[class as usize]);
        let groups = waiting.kinds.iter().map(|kind| groups(kind.class)).collect();
        let pools = sizes.pool.iter().max().map_or(0, |most| most + 1);
        Buyer {
            worth: counts_for(&waiting, worth),
            state,
            waiting,
            stage,
            sizes,
            used: vec![0; places],
            spent: vec![0.0; places],
            left_of_pool: vec![1.0; pools],
            groups,
            refused: BTreeSet::new(),
            nodes: Vec::new(),
        }
    }

    /// Buys until nothing waits that could be helped.
    pub(super) fn buy_all(&mut self) -> Result<(), OutOfSlots> {
        while !self.waiting.is_empty() {
            let Some((shape, kind, choice)) = self.next()? else { break };
            self.buy(shape, kind, &choice);
        }
        Ok(())
    }

    /// The next pod that gets a node, and the node: pods that need a node each come first, then the dearest.
    fn next(&self) -> Result<Option<(usize, usize, Choice)>, OutOfSlots> {
        let most = self.waiting.places.iter().copied().max().unwrap_or(0);
        let place = self.waiting.places.iter().position(|waiting| *waiting == most && most > 0);
        let mut shapes: Vec<usize> =
            (0..self.waiting.shapes.len()).filter(|shape| self.waiting.shapes[*shape].left > 0).collect();
        let takes =
            |shape: usize| place.is_some_and(|place| self.waiting.shapes[shape].places.contains(&(place as u32)));
        shapes.sort_by(|a, b| takes(*b).cmp(&takes(*a)).then(self.worth[*b].total_cmp(&self.worth[*a])).then(a.cmp(b)));
        let left: f64 = shapes.iter().map(|shape| self.waiting.shapes[*shape].left as f64 * self.worth[*shape]).sum();
        let share = left / most.max(1) as f64;
        for shape in shapes {
            for kind in &self.waiting.shapes[shape].kinds {
                if let Some(choice) = self.choose(shape, *kind, share)? {
                    return Ok(Some((shape, *kind, choice)));
                }
            }
        }
        Ok(None)
    }

    /// The best node for a pod of the kind.
    fn choose(&self, shape: usize, kind: usize, share: f64) -> Result<Option<Choice>, OutOfSlots> {
        let class = &self.state.cluster.classes[self.waiting.kinds[kind].class as usize];
        let mut tried: Vec<(usize, Option<(usize, f64)>)> = Vec::new();
        let mut found: Vec<Choice> = Vec::new();
        for place in 0..self.stage.slots.len() {
            let Some(slot) = self.stage.slots[place].get(self.used[place]).map(|slot| *slot as usize) else {
                if self.groups[kind].contains(&self.sizes.group[place]) {
                    return Err(OutOfSlots);
                }
                continue;
            };
            let is_allowed = !self.refused.contains(&(kind, place))
                && self.state.cluster.eligible(class).contains(slot)
                && self.state.others_allow(class, slot);
            if !is_allowed {
                continue;
            }
            let alike = self.sizes.alike[place];
            let known = tried.iter().find(|(other, _)| *other == alike).map(|(_, best)| *best);
            let best = known.unwrap_or_else(|| self.best_size(place, shape, share));
            tried.push((alike, best));
            if let Some((size, price)) = best {
                found.push(Choice { place, size, price });
            }
        }
        let least = found.iter().map(|choice| choice.price).fold(f64::INFINITY, f64::min);
        found.retain(|choice| choice.price <= least + EQUAL);
        if found.len() > 1 {
            let bound: Vec<f64> = found.iter().map(|choice| -self.bound_to(choice.place)).collect();
            let key = |at: usize| (bound[at], self.spent[found[at].place]);
            let best = (0..found.len()).min_by(|a, b| {
                let (a, b) = (key(*a), key(*b));
                a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
            return Ok(best.map(|best| found.swap_remove(best)));
        }
        Ok(found.pop())
    }

    /// The worth of what can only go to this place, because pods that it must be near are there.
    fn bound_to(&self, place: usize) -> f64 {
        let next = |place: usize| self.stage.slots[place].get(self.used[place]).map(|slot| *slot as usize);
        let slots: Vec<Option<usize>> = (0..self.stage.slots.len()).map(next).collect();
        let mut worth = 0.0;
        for (shape, of_pod) in self.waiting.shapes.iter().zip(&self.worth) {
            for kind in shape.kinds.iter().map(|kind| &self.waiting.kinds[*kind]) {
                let class = &self.state.cluster.classes[kind.class as usize];
                if class.affinity.is_none() {
                    continue;
                }
                let mut allowed = (0..slots.len())
                    .filter(|place| slots[*place].is_some_and(|slot| self.state.affinity_allows(class, slot)));
                if allowed.next() == Some(place) && allowed.next().is_none() {
                    worth += of_pod * kind.pods.len() as f64;
                }
            }
        }
        worth
    }

    /// The size that gives most for a dollar, with what it costs for what a dollar's worth of pods takes.
    fn best_size(&self, place: usize, shape: usize, share: f64) -> Option<(usize, f64)> {
        let asked = &self.waiting.shapes[shape];
        let fits = |size: &Size| asked.amounts.iter().zip(&size.room).all(|(asked, room)| asked <= room);
        let within_limits = |size: &Size| size.share_of_pool <= self.left_of_pool[self.sizes.pool[place]];
        let sold = &self.sizes.of_place[place];
        let mut sizes: Vec<usize> =
            (0..sold.len()).filter(|at| fits(&sold[*at]) && within_limits(&sold[*at])).collect();
        let least = sold[*sizes.first()?].usd_per_hour;
        sizes.retain(|at| sold[*at].usd_per_hour <= share.max(least));
        let left = self.left_in(place);
        let best = thinned(&sizes).into_iter().map(|at| {
            let filling = self.filled(&sold[at], shape, &left);
            (at, sold[at].usd_per_hour / (filling.worth + self.worth[shape]).max(1e-12))
        });
        best.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
    }

    /// By shape: pods left that may be in the place.
    fn left_in(&self, place: usize) -> Vec<usize> {
        let group = self.sizes.group[place];
        let may_be = |kind: &&usize| self.groups[**kind].contains(&group);
        let count = |kind: &usize| self.waiting.kinds[*kind].pods.len();
        self.waiting.shapes.iter().map(|shape| shape.kinds.iter().filter(may_be).map(count).sum()).collect()
    }

    /// What a node of the size could hold beside a pod of the shape.
    fn filled(&self, size: &Size, shape: usize, left: &[usize]) -> Filling {
        let asked = &self.waiting.shapes[shape];
        let room: Vec<i64> = size.room.iter().zip(&asked.amounts).map(|(room, asked)| room - asked).collect();
        let mut left = left.to_vec();
        left[shape] = left[shape].saturating_sub(1);
        let available =
            Available { shapes: &self.waiting.shapes, worth: &self.worth, left: &left, taken: &asked.places };
        fill(&room, &size.whole, &available)
    }

    fn buy(&mut self, shape: usize, kind: usize, choice: &Choice) {
        let place = choice.place;
        let slot = self.stage.slots[place][self.used[place]] as usize;
        let size = &self.sizes.of_place[place][choice.size];
        self.used[place] += 1;
        self.state.grow(slot, &size.whole);
        for daemon in &self.stage.daemons[place] {
            self.state.put(*daemon as usize, slot, Holds::Requests);
        }
        let class = &self.state.cluster.classes[self.waiting.kinds[kind].class as usize];
        if !self.state.fits(class, slot) {
            for daemon in &self.stage.daemons[place] {
                self.state.take(*daemon as usize, slot, Holds::Requests);
            }
            let nothing: Vec<i64> = size.whole.iter().map(|whole| -whole).collect();
            self.state.grow(slot, &nothing);
            self.used[place] -= 1;
            self.refused.insert((kind, place));
            return;
        }
        let mut node = Bought { offer: size.offer, pods: Vec::new() };
        let mut taken: Vec<u32> = self.waiting.shapes[shape].places.clone();
        self.put(shape, kind, slot, &mut node);
        let mut left = self.left_in(place);
        loop {
            let room = self.room(slot);
            let available = Available { shapes: &self.waiting.shapes, worth: &self.worth, left: &left, taken: &taken };
            let filling = fill(&room, &size.whole, &available);
            let mut is_refused = false;
            for (shape, count) in filling.pods {
                for _ in 0..count {
                    let Some(kind) = self.kind_that_fits(shape, slot) else {
                        left[shape] = 0;
                        is_refused = true;
                        break;
                    };
                    left[shape] -= 1;
                    taken.extend(&self.waiting.shapes[shape].places);
                    self.put(shape, kind, slot, &mut node);
                }
            }
            if !is_refused {
                break;
            }
        }
        let bought = self.smallest_that_holds(place, choice.size, slot);
        node.offer = bought.offer;
        self.spent[place] += bought.usd_per_hour;
        self.left_of_pool[self.sizes.pool[place]] -= bought.share_of_pool;
        self.nodes.push(node);
    }

    fn put(&mut self, shape: usize, kind: usize, slot: usize, node: &mut Bought) {
        if let Some(pod) = self.waiting.take(shape, kind) {
            self.state.put(pod as usize, slot, Holds::Requests);
            node.pods.push(pod);
        }
    }

    fn kind_that_fits(&self, shape: usize, slot: usize) -> Option<usize> {
        let classes = &self.state.cluster.classes;
        let fits = |kind: &&usize| self.state.fits(&classes[self.waiting.kinds[**kind].class as usize], slot);
        self.waiting.shapes[shape].kinds.iter().find(fits).copied()
    }

    /// Rules may have kept away what was to fill it.
    fn smallest_that_holds(&mut self, place: usize, size: usize, slot: usize) -> &'b Size {
        let sold = &self.sizes.of_place[place];
        let chosen = &sold[size];
        let spare = self.room(slot);
        let is_enough = |size: &&Size| {
            let each = size.whole.iter().zip(&chosen.whole).zip(&spare);
            size.share_of_pool <= chosen.share_of_pool
                && each.into_iter().all(|((whole, had), spare)| had - whole <= *spare)
        };
        let bought = sold.iter().find(is_enough).unwrap_or(chosen);
        let by: Vec<i64> = bought.whole.iter().zip(&chosen.whole).map(|(whole, had)| whole - had).collect();
        self.state.grow(slot, &by);
        bought
    }

    fn room(&self, slot: usize) -> Vec<i64> {
        let cluster: &Cluster<'_> = self.state.cluster;
        (0..cluster.resources).map(|resource| self.state.free(slot, resource)).collect()
    }
}

/// What a pod of each shape counts for where nodes are compared: half of it what linear programming says, which leaves
/// whatever is not scarce without a price, and half its part of all CPU and all memory that waits. Were memory to count
/// for nothing because CPU is scarcer, pods that want much of it would be left to the end, and have nothing beside them.
fn counts_for(waiting: &Waiting, worth: &Worth) -> Vec<f64> {
    let count = |kind: &usize| waiting.kinds[*kind].pods.len() as f64;
    let of_all = |shape: &Shape| shape.kinds.iter().map(|kind| worth.of_pods[*kind] * count(kind)).sum::<f64>();
    let all: f64 = waiting.shapes.iter().map(of_all).sum();
    let total = |resource: usize| {
        let each = waiting.shapes.iter().map(|shape| shape.amounts[resource] as f64 * shape.left as f64);
        each.sum::<f64>().max(1.0)
    };
    let (cpu, memory) = (total(CPU), total(MEMORY));
    let part = |shape: &Shape| shape.amounts[CPU] as f64 / cpu + shape.amounts[MEMORY] as f64 / memory;
    let counts = |shape: &Shape| of_all(shape) / shape.left as f64 / 2.0 + all * part(shape) / 4.0;
    waiting.shapes.iter().map(counts).collect()
}

/// As many as are tried: the smallest, and ever fewer of the larger ones.
fn thinned(sizes: &[usize]) -> Vec<usize> {
    if sizes.len() <= MOST_SIZES {
        return sizes.to_vec();
    }
    let last = (sizes.len() - 1) as f64;
    let at = |step: usize| last.powf(step as f64 / (MOST_SIZES - 1) as f64).round() as usize;
    let mut chosen: Vec<usize> = std::iter::once(0).chain((0..MOST_SIZES).map(at)).map(|at| sizes[at]).collect();
    chosen.dedup();
    chosen
}
