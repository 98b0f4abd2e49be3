//! Static memory plan: every buffer of an inference at a fixed offset of one arena, and a small independent checker.
#![forbid(unsafe_code)]

mod check;
mod search;

pub use check::check;
pub use search::{lower_bound, plan};

/// Memory that holds something from step `first` to step `last`, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Size.
    pub bytes: usize,
    /// Alignment of the offset, a power of two.
    pub align: usize,
    /// Step that writes it.
    pub first: usize,
    /// Last step that reads it.
    pub last: usize,
    /// An earlier buffer of at least this size whose last step is this one's first, and whose memory this one may take over.
    pub may_alias: Option<usize>,
}

/// Offsets of all buffers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Offset of each buffer, in the order given.
    pub offsets: Vec<usize>,
    /// Size of the arena.
    pub total: usize,
}
