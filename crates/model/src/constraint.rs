//! What a constraint costs, and the change that would lift it.

use std::fmt;

use crate::{Name, UsdPerHour};

/// One constraint that keeps a plan from being cheaper: without it a plan would save so much more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstraintCost {
    /// What kind of constraint.
    pub kind: ConstraintKind,
    /// The object that has it, which the change is made to.
    pub object: ObjectRef,
    /// What a plan without it costs less, plan against plan. Never zero.
    pub usd_per_hour: UsdPerHour,
    /// How many nodes fewer that plan keeps; below zero where it keeps more, cheaper ones.
    pub nodes: i64,
    /// How that was found.
    pub basis: SavingBasis,
    /// The change that lifts it, in words.
    pub change: String,
    /// The same for kubectl, where the object can be patched.
    pub patch: Option<Patch>,
}

/// An object by kind, namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Such as `PodDisruptionBudget`; `Limit` for a limit of the plan itself.
    pub kind: Name,
    /// Empty for what has none.
    pub namespace: Name,
    /// metadata.name; of a limit its flag.
    pub name: Name,
}

/// `Deployment web/api`, `Node a-17`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return write!(f, "{} {}", self.kind, self.name);
        }
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// What `kubectl patch` or `kubectl apply` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// How it is to be read.
    pub kind: PatchKind,
    /// The patch, or the object, in JSON.
    pub text: String,
}

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatchKind {
    /// `kubectl patch --type merge`.
    Merge,
    /// `kubectl patch --type json`.
    Json,
    /// A new object, for `kubectl apply`.
    Apply,
}

/// How the cost of a constraint was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SavingBasis {
    /// The cluster was planned anew without it.
    PlannedAnew,
    /// The plan was continued without it, which finds no more than planning anew.
    PlannedOn,
    /// No plan was made: the lower bound falls so much without it, and a plan may save more or less.
    Bound,
}

/// Declares the kinds and the list of them all, so that neither can lack one.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// What kind of constraint it is, stable for machines.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ConstraintKind {
            $($(#[$doc])* $kind,)*
        }

        impl ConstraintKind {
            /// All kinds, in order.
            pub const ALL: &[ConstraintKind] = &[$(ConstraintKind::$kind),*];
        }
    };
}

kinds! {
    /// A budget that allows no disruption.
    Budget,
    /// Two budgets over the same pods.
    BudgetOverlap,
    /// Pods that may not move for want of a budget.
    MissingBudget,
    /// An annotation on pods.
    PodAnnotation,
    /// An annotation on a node.
    NodeAnnotation,
    /// A toleration of cordons.
    Toleration,
    /// A topology spread constraint.
    TopologySpread,
    /// A required pod affinity.
    PodAffinity,
    /// A required pod anti-affinity.
    PodAntiAffinity,
    /// A node selector or required node affinity.
    NodeAffinity,
    /// A taint of a pool's nodes.
    Taint,
    /// A requirement of a node pool.
    NodePoolRequirement,
    /// The limits of a node pool.
    NodePoolLimits,
    /// A limit that the plan was asked to keep.
    PlanLimit,
}

impl ConstraintKind {
    /// The name as Kubernetes writes reasons: CamelCase.
    pub fn as_str(self) -> String {
        format!("{self:?}")
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<ConstraintKind> {
        ConstraintKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}
