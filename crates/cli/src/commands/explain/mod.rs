//! `plimsoll explain`: why this pod can or cannot go there, and what keeps this node.

mod every_rule;
mod node;
mod pod;

use model::Snapshot;

use crate::args::{ExplainArgs, Explained};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Runs it.
pub fn run(args: ExplainArgs, out: &mut Output) -> Result<Exit, Failure> {
    match args.what {
        Explained::Pod(args) => pod::run(args, out),
        Explained::Node(args) => node::run(args, out),
    }
}

/// The index of a node, or who is meant instead.
fn find_node(snapshot: &Snapshot, name: &str) -> Result<usize, Failure> {
    snapshot.nodes.binary_search_by(|node| (*node.name).cmp(name)).map_err(|_| {
        let like = near(name, snapshot.nodes.iter().map(|node| &*node.name));
        not_found(format!("there is no node {name}"), like)
    })
}

fn not_found(message: String, like: Option<&str>) -> Failure {
    let failure = Failure::new(message);
    match like {
        Some(like) => failure.hint(format!("did you mean {like}?")),
        None => failure,
    }
}

/// The first name that contains the one given, or is contained in it.
fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut names = names;
    names.find(|have| !name.is_empty() && (have.contains(name) || name.contains(have)))
}
