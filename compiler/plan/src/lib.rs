//! Static memory plan: offsets in one arena for buffers with known lifetimes.
//!
//! [`plan`] places greedily in several orders and improves the order by local search; [`check`] shares no code with it. Finding the
//! smallest arena is NP-hard (dynamic storage allocation, Garey and Johnson, problem SR2), but the graphs here are near chains, where the
//! plan meets [`lower_bound`] nearly always.
#![forbid(unsafe_code)]

mod check;
mod place;

pub use check::{check, lower_bound};
pub use place::plan;

/// A piece of the arena that is needed from step `first` to step `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buffer {
    /// Size, with any over-read that kernels declare.
    pub bytes: usize,
    /// Alignment of the offset, a power of two.
    pub align: usize,
    /// First step that touches it.
    pub first: usize,
    /// Last step that touches it.
    pub last: usize,
    /// Index of a buffer whose place this one may take over, in whole or in part, although both are alive in one step: it dies in the
    /// step in which this one is born, and the step works in place. Both then start at the same offset.
    pub may_alias: Option<usize>,
}

/// Where the buffers lie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Byte offset of each buffer.
    pub offsets: Vec<usize>,
    /// Bytes of the arena.
    pub total: usize,
}
