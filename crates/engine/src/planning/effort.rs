//! How much work a plan may take, and until when.

/// So much work, whatever time it takes: the same plan each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// One sweep at a time, and one attempt: a good plan soon.
    Quick,
    /// As much as the size of the cluster makes worthwhile.
    #[default]
    Normal,
    /// More and wider sweeps, and as many attempts as on a small cluster.
    Thorough,
}

/// How much work there may be, and whether it is time to stop.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// How much.
    pub effort: Effort,
    /// Asked often, and of several threads; from when it says so the best plan so far is made ready. Only what is not
    /// begun yet is left out, so a plan is as legal as any.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
}

impl Default for Work<'_> {
    fn default() -> Self {
        Work { effort: Effort::default(), is_over: &|| false }
    }
}
