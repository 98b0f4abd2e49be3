//! What long stages tell the caller meanwhile.

/// Receives the stages of a compilation as they happen.
pub trait Progress: Sync {
    /// A stage begins; `total` steps where their number is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many steps of the current stage are done.
    fn step(&self, n: u64);
    /// The current stage ends.
    fn end(&self);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn step(&self, _: u64) {}
    fn end(&self) {}
}
