//! Whoever has a say in whether a plan goes on: asked before each wave, with its steps.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Migration;

/// Asked before each wave. What is to be written down before it is done, is written down before it answers.
pub trait Gate: Send + Sync {
    /// May these steps be done?
    fn before<'g>(&'g self, wave: &'g [Migration]) -> BoxFuture<'g, Verdict>;

    /// Asked before nodes that the plan buys are asked for, and every few seconds while they are awaited: may it go on?
    fn adding<'g>(&'g self, awaited: &'g str) -> BoxFuture<'g, Verdict>;

    /// Told once nothing is left to move, before what became of it is looked at.
    fn all_moved(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// Whether a plan goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    GoOn,
    /// Not now: cordons are taken back, and the rest may go on later.
    Pause(String),
    /// No more: what can be undone is undone.
    Stop(String),
}

/// Nobody has anything against it.
pub struct Open;

impl Gate for Open {
    fn before<'g>(&'g self, _: &'g [Migration]) -> BoxFuture<'g, Verdict> {
        std::future::ready(Verdict::GoOn).boxed()
    }

    fn adding<'g>(&'g self, _: &'g str) -> BoxFuture<'g, Verdict> {
        std::future::ready(Verdict::GoOn).boxed()
    }
}
