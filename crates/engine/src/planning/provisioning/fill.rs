//! What to put on a node of a size: arithmetic on shapes alone.

use crate::cluster::{CPU, MEMORY};

use super::waiting::Shape;

/// How much it counts that a pod asks in the proportions of what is left: this power of the cosine between the two.
const PROPORTION: i32 = 4;
/// Of what still fits of a shape on its own, this part at most is taken at a time.
const AT_ONCE: usize = 8;
/// No more pods are exchanged for others that fill better.
const MOST_EXCHANGES: usize = 6;

/// What fits on a node, and what that is worth.
#[derive(Clone, Debug, Default)]
pub(super) struct Filling {
    /// Shapes and how many of each, in the order chosen.
    pub pods: Vec<(usize, usize)>,
    pub worth: f64,
    room: Vec<i64>,
}

/// What a shape has to offer.
pub(super) struct Available<'w> {
    pub shapes: &'w [Shape],
    /// By shape: what a pod is worth.
    pub worth: &'w [f64],
    /// By shape: pods to be had.
    pub left: &'w [usize],
    /// Places that are taken on the node.
    pub taken: &'w [u32],
}

/// Fills the room with what is available. `whole` is what a node of its size has.
pub(super) fn fill(room: &[i64], whole: &[i64], available: &Available<'_>) -> Filling {
    let mut filling = Filling { room: room.to_vec(), ..Filling::default() };
    let mut left = available.left.to_vec();
    for (shape, left) in available.shapes.iter().zip(&mut left) {
        if shape.places.iter().any(|place| available.taken.contains(place)) {
            *left = 0;
        }
    }
    let whole = [whole[CPU].max(1) as f64, whole[MEMORY].max(1) as f64];
    let parts = |amounts: &[i64]| [amounts[CPU] as f64 / whole[0], amounts[MEMORY] as f64 / whole[1]];
    loop {
        let free = parts(&filling.room);
        let mut best: Option<(f64, usize)> = None;
        for (at, shape) in available.shapes.iter().enumerate() {
            if left[at] == 0 || !fits(&shape.amounts, &filling.room) {
                continue;
            }
            let score = score(parts(&shape.amounts), free);
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, at));
            }
        }
        let Some((_, at)) = best else { break };
        let shape = &available.shapes[at];
        let count = if shape.places.is_empty() { at_once(&shape.amounts, &filling.room, left[at]) } else { 1 };
        left[at] -= count;
        filling.put(available, at, count);
        if !shape.places.is_empty() {
            let conflicts = |other: &Shape| other.places.iter().any(|place| shape.places.contains(place));
            let each = available.shapes.iter().zip(&mut left).filter(|(other, _)| conflicts(other));
            each.for_each(|(_, left)| *left = 0);
        }
    }
    for _ in 0..MOST_EXCHANGES {
        if !exchange(&mut filling, available, &mut left) {
            break;
        }
    }
    filling
}

impl Filling {
    fn put(&mut self, available: &Available<'_>, at: usize, count: usize) {
        let amounts = &available.shapes[at].amounts;
        self.room.iter_mut().zip(amounts).for_each(|(room, amount)| *room -= amount * count as i64);
        self.worth += available.worth[at] * count as f64;
        match self.pods.iter_mut().find(|(shape, _)| *shape == at) {
            Some((_, have)) => *have += count,
            None => self.pods.push((at, count)),
        }
    }
}

/// One pod less of a shape for one more of another that is worth more.
fn exchange(filling: &mut Filling, available: &Available<'_>, left: &mut [usize]) -> bool {
    let mut best: Option<(f64, usize, usize)> = None;
    for (position, (out, _)) in filling.pods.iter().enumerate() {
        let given_up = &available.shapes[*out];
        if !given_up.places.is_empty() {
            continue;
        }
        for (at, shape) in available.shapes.iter().enumerate() {
            let gain = available.worth[at] - available.worth[*out];
            if left[at] == 0 || !shape.places.is_empty() || best.is_some_and(|(most, ..)| gain <= most) {
                continue;
            }
            let mut each = shape.amounts.iter().zip(&given_up.amounts).zip(&filling.room);
            if gain > 1e-9 && each.all(|((amount, back), room)| amount - back <= *room) {
                best = Some((gain, position, at));
            }
        }
    }
    let Some((_, position, at)) = best else { return false };
    let out = filling.pods[position].0;
    filling.pods[position].1 -= 1;
    if filling.pods[position].1 == 0 {
        filling.pods.remove(position);
    }
    left[out] += 1;
    left[at] -= 1;
    filling.worth -= available.worth[out];
    filling.room.iter_mut().zip(&available.shapes[out].amounts).for_each(|(room, amount)| *room += amount);
    filling.put(available, at, 1);
    true
}

fn fits(amounts: &[i64], room: &[i64]) -> bool {
    amounts.iter().zip(room).all(|(amount, room)| amount <= room)
}

/// A large pod before a small one, and one that asks in the proportions of what is left before another.
fn score(asked: [f64; 2], free: [f64; 2]) -> f64 {
    let length = |v: [f64; 2]| v[0].hypot(v[1]).max(1e-12);
    let cosine = (asked[0] * free[0] + asked[1] * free[1]) / (length(asked) * length(free));
    cosine.powi(PROPORTION) * length(asked)
}

/// How many of the shape to take at a time: few enough that the proportions of what is left stay as they are.
fn at_once(amounts: &[i64], room: &[i64], left: usize) -> usize {
    let most = amounts.iter().zip(room).filter(|(amount, _)| **amount > 0).map(|(amount, room)| room / amount).min();
    (most.unwrap_or(1).max(1) as usize / AT_ONCE).clamp(1, left)
}
