//! What would be if: premises, one file each, that change a snapshot, and what a plan makes of it. See README.md.

pub(crate) mod budget;
mod family;
mod growth;
mod nodes;
mod outcome;
mod planned;
mod premise;
mod requests;
pub(crate) mod rules;
mod settle;
mod spot;
mod world;
mod zone;

pub use outcome::{Outcome, outcome};
pub use premise::{Premise, PremiseError, Pricing};
pub use requests::Request;
pub use rules::Rule;
pub use world::World;
