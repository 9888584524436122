//! A node's price, split between the pods on it and what is idle, to the nano-dollar.

use std::ops::AddAssign;

use model::{Node, Resources, UsdPerHour};

/// Relative prices of a core, a GiB of memory and a GPU for an hour, in millionths of a dollar: OpenCost's defaults, which
/// are those of Google's N1 machines. Only their ratio matters: it says what part of a node's price is for its memory.
const CORE_MICROS: i128 = 31_611;
const GIB_MICROS: i128 = 4_237;
const GPU_MICROS: i128 = 950_000;

/// Extended resources that are whole GPUs.
const GPU_RESOURCES: [&str; 5] =
    ["nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi"];

/// Amounts above this are taken for this when weighing, so that no absurd node overflows: a million million.
const LARGEST_AMOUNT: i64 = 1_000_000_000_000;

/// The resources that bear a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Billed {
    Cpu,
    Memory,
    Gpu,
}

const BILLED: [Billed; 3] = [Billed::Cpu, Billed::Memory, Billed::Gpu];

impl Billed {
    /// How much of it there is: millicores, bytes, GPUs; never negative.
    pub(super) fn amount(self, resources: &Resources) -> i64 {
        let amount = match self {
            Billed::Cpu => resources.cpu,
            Billed::Memory => resources.memory,
            Billed::Gpu => GPU_RESOURCES.iter().fold(0, |sum: i64, name| sum.saturating_add(resources.scalar(name))),
        };
        amount.max(0)
    }

    /// What so much of it weighs in a node's price.
    fn weight(self, amount: i64) -> i128 {
        let capped = |amount: i64| i128::from(amount.min(LARGEST_AMOUNT));
        match self {
            // Thousandths of a core and 1024ths of a GiB are brought to one denominator.
            Billed::Cpu => capped(amount) * CORE_MICROS * 1_024,
            Billed::Memory => capped(amount >> 20) * GIB_MICROS * 1_000,
            Billed::Gpu => capped(amount) * GPU_MICROS * 1_000 * 1_024,
        }
    }
}

/// What a pod, or several, cost by resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCost {
    /// For its CPU.
    pub cpu: UsdPerHour,
    /// For its memory.
    pub memory: UsdPerHour,
    /// For its GPUs.
    pub gpu: UsdPerHour,
}

impl PodCost {
    /// All of it.
    pub fn total(&self) -> UsdPerHour {
        self.cpu + self.memory + self.gpu
    }
}

impl AddAssign for PodCost {
    fn add_assign(&mut self, other: PodCost) {
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.gpu += other.gpu;
    }
}

/// A sum of shares, with what is missing in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The shares of the pods on priced nodes.
    pub usd_per_hour: UsdPerHour,
    /// Bound pods on nodes without a price, whose shares are not in the sum.
    pub pods_unpriced: usize,
}

impl Cost {
    /// The whole cost, where nothing is missing in it.
    pub fn known(&self) -> Option<UsdPerHour> {
        (self.pods_unpriced == 0).then_some(self.usd_per_hour)
    }

    /// Adds a pod's share, unknown where its node has no price.
    pub(super) fn add(&mut self, share: Option<PodCost>) {
        match share {
            Some(share) => self.usd_per_hour += share.total(),
            None => self.pods_unpriced += 1,
        }
    }
}

/// One node's price in its parts.
#[derive(Clone, Debug)]
pub(super) struct NodeCost {
    price: Option<UsdPerHour>,
    /// By `BILLED`: the part of the price, what is asked for in all, what there is.
    parts: [Part; 3],
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    weight: i128,
    price: UsdPerHour,
    charged: UsdPerHour,
    requested: i128,
    allocatable: i128,
}

impl Part {
    /// What part of it nobody asks for, 0 to 1; of nothing, all.
    fn free(&self) -> f64 {
        if self.allocatable <= 0 { 1.0 } else { (1.0 - self.requested as f64 / self.allocatable as f64).max(0.0) }
    }
}

impl NodeCost {
    /// Splits a node's price between the pods that hold these amounts.
    pub(super) fn split<'a>(
        node: &Node,
        price: Option<UsdPerHour>,
        held: impl Iterator<Item = &'a Resources> + Clone,
    ) -> NodeCost {
        let weights = BILLED.map(|billed| billed.weight(billed.amount(&node.allocatable)));
        let whole: i128 = weights.iter().sum();
        let mut parts = [Part::default(); 3];
        for (at, billed) in BILLED.into_iter().enumerate() {
            parts[at] = Part {
                weight: weights[at],
                price: part_of(price.unwrap_or_default(), weights[at], whole),
                charged: UsdPerHour::ZERO,
                requested: held.clone().map(|held| i128::from(billed.amount(held))).sum(),
                allocatable: i128::from(billed.amount(&node.allocatable)),
            };
        }
        let mut cost = NodeCost { price, parts };
        for held in held {
            let share = cost.share_of_priced(held);
            for (part, charged) in cost.parts.iter_mut().zip([share.cpu, share.memory, share.gpu]) {
                part.charged += charged;
            }
        }
        cost
    }

    /// A pod's share of the price, unknown where the price is.
    pub(super) fn share(&self, held: &Resources) -> Option<PodCost> {
        self.price?;
        Some(self.share_of_priced(held))
    }

    /// By what it holds of what there is, or of what is held in all where that is more: never more than the price in sum.
    fn share_of_priced(&self, held: &Resources) -> PodCost {
        let [cpu, memory, gpu] = [0, 1, 2].map(|at: usize| {
            let part = &self.parts[at];
            part_of(part.price, i128::from(BILLED[at].amount(held)), part.allocatable.max(part.requested))
        });
        PodCost { cpu, memory, gpu }
    }

    /// What of the price no pod bears, rounding included.
    pub(super) fn idle(&self) -> Option<UsdPerHour> {
        let charged = self.parts.iter().map(|part| part.charged).sum();
        self.price.map(|price| price - charged)
    }

    /// What of the price of CPU and memory no pod bears.
    pub(super) fn idle_cpu_and_memory(&self) -> Option<UsdPerHour> {
        self.price?;
        Some(self.parts[..2].iter().map(|part| part.price - part.charged).sum())
    }

    /// What part of the room is asked for, each resource by its weight in the price, in percent.
    pub(super) fn efficiency(&self) -> Option<f64> {
        let whole: i128 = self.parts.iter().map(|part| part.weight).sum();
        if whole <= 0 {
            return None;
        }
        let sum: f64 = self.parts.iter().map(|part| (1.0 - part.free()) * (part.weight as f64 / whole as f64)).sum();
        Some((sum * 100.0).clamp(0.0, 100.0))
    }

    /// What part of the node's CPU and memory, by their weights, nobody asks for.
    pub(super) fn free_cpu_and_memory(&self) -> Option<f64> {
        let [cpu, memory, _] = &self.parts;
        let whole = (cpu.weight + memory.weight) as f64;
        (whole > 0.0).then(|| (cpu.free() * cpu.weight as f64 + memory.free() * memory.weight as f64) / whole)
    }

    /// The largest part of any billed resource that is asked for, 0 to 1 and above; none where there is no room at all.
    pub(super) fn fullest(&self) -> Option<f64> {
        let there = self.parts.iter().filter(|part| part.allocatable > 0);
        there.map(|part| part.requested as f64 / part.allocatable as f64).reduce(f64::max)
    }
}

/// `amount × numerator / denominator`, rounded down; nothing where the denominator is not positive.
fn part_of(amount: UsdPerHour, numerator: i128, denominator: i128) -> UsdPerHour {
    if denominator <= 0 {
        return UsdPerHour::ZERO;
    }
    let part = i128::from(amount.nanos()).saturating_mul(numerator) / denominator;
    UsdPerHour::from_nanos(i64::try_from(part).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::testing::{GIB, resources};
    use proptest::prelude::*;

    fn node(allocatable: Resources) -> Node {
        Node { allocatable, ..Node::default() }
    }

    #[test]
    fn four_cores_and_sixteen_gib_are_two_thirds_cpu() {
        let price = UsdPerHour::from_dollars(0.192).unwrap();
        let whole = resources(4_000, 16 * GIB);
        let cost = NodeCost::split(&node(whole.clone()), Some(price), [&whole].into_iter());
        let share = cost.share(&whole).unwrap();
        // 4 × 0.031611 of 4 × 0.031611 + 16 × 0.004237.
        assert_eq!(share.cpu.nanos(), 192_000_000 * 126_444 / 194_236);
        assert!(cost.idle().unwrap().nanos() <= 2, "{cost:?}");
        assert_eq!(cost.efficiency(), Some(100.0));
    }

    #[test]
    fn what_nobody_asks_for_is_idle() {
        let price = UsdPerHour::from_dollars(1.0).unwrap();
        let cost = NodeCost::split(&node(resources(4_000, 16 * GIB)), Some(price), [].into_iter());
        assert_eq!((cost.idle(), cost.efficiency()), (Some(price), Some(0.0)));
    }

    #[test]
    fn a_gpu_bears_the_most_of_its_nodes_price() {
        let mut allocatable = resources(4_000, 16 * GIB);
        allocatable.scalar = vec![("nvidia.com/gpu".into(), 1)];
        let price = UsdPerHour::from_dollars(1.0).unwrap();
        let pod = resources(4_000, 16 * GIB);
        let cost = NodeCost::split(&node(allocatable), Some(price), [&pod].into_iter());
        assert!(cost.share(&pod).unwrap().total() < UsdPerHour::from_dollars(0.2).unwrap());
        assert!(cost.efficiency().unwrap() < 20.0);
    }

    #[test]
    fn a_node_without_room_has_no_efficiency_and_is_all_idle() {
        let price = UsdPerHour::from_dollars(1.0).unwrap();
        let pod = resources(100, GIB);
        let cost = NodeCost::split(&node(Resources::default()), Some(price), [&pod].into_iter());
        assert_eq!((cost.efficiency(), cost.idle(), cost.fullest()), (None, Some(price), None));
    }

    #[test]
    fn an_unpriced_node_has_no_shares_and_no_idle_cost() {
        let pod = resources(100, GIB);
        let cost = NodeCost::split(&node(resources(4_000, GIB)), None, [&pod].into_iter());
        assert_eq!((cost.share(&pod), cost.idle(), cost.idle_cpu_and_memory()), (None, None, None));
        assert!(cost.efficiency().is_some());
    }

    fn any_resources() -> impl Strategy<Value = Resources> {
        let amount = || prop_oneof![Just(0), Just(-1), Just(i64::MAX), 0..100_000_i64, 0..1_i64 << 40];
        (amount(), amount(), amount()).prop_map(|(cpu, memory, gpu)| Resources {
            scalar: if gpu > 0 { vec![("nvidia.com/gpu".into(), gpu)] } else { vec![] },
            ..resources(cpu, memory)
        })
    }

    proptest! {
        #[test]
        fn shares_and_idle_sum_to_the_price_exactly(
            allocatable in any_resources(),
            pods in prop::collection::vec(any_resources(), 0..20),
            nanos in 1..=1_000_000_000_000_000_i64,
        ) {
            let price = UsdPerHour::from_nanos(nanos);
            let cost = NodeCost::split(&node(allocatable), Some(price), pods.iter());
            let shares: UsdPerHour = pods.iter().map(|pod| cost.share(pod).unwrap().total()).sum();
            let idle = cost.idle().unwrap();
            prop_assert_eq!(shares + idle, price);
            prop_assert!(idle >= UsdPerHour::ZERO && cost.idle_cpu_and_memory().unwrap() <= idle);
            prop_assert!(cost.efficiency().is_none_or(|percent| (0.0..=100.0).contains(&percent)));
        }
    }
}
