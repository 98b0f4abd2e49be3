//! Bounds on what a file may ask of the compiler.

use mcompc_ir::{Code, Error, Result};

/// Deepest nesting of protobuf messages that can be configured; keeps both recursive readers far from the stack's end.
pub const MAX_DEPTH: usize = 64;

/// Upper bounds on an input file. Work and memory of the import are linear in them, whatever the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the model file, and of each external data file.
    pub file_bytes: u64,
    /// Nodes, subgraphs included.
    pub nodes: usize,
    /// Protobuf messages and repeated strings, all kinds together.
    pub entries: usize,
    /// Nesting of protobuf messages; a plain model has 6 levels. At most [`MAX_DEPTH`].
    pub depth: usize,
    /// Dimensions of one tensor.
    pub dims: usize,
    /// Elements of one tensor, constant or computed.
    pub elements: u64,
    /// Bytes of constants that do not lie in the file as they are (typed fields, converted types, folded values).
    pub folded_bytes: u64,
    /// Bytes of one name.
    pub name_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 2 << 30,
            nodes: 100_000,
            entries: 2_000_000,
            depth: 32,
            dims: 8,
            elements: 1 << 28,
            folded_bytes: 1 << 30,
            name_bytes: 4096,
        }
    }
}

impl Limits {
    /// `E003` when `value` is above `limit`; `what` names the quantity and `flag` the field to raise.
    pub(crate) fn check(what: &str, value: u64, limit: u64, flag: &str) -> Result<()> {
        if value <= limit {
            return Ok(());
        }
        Err(Error::new(Code::Limit, format!("{what}: {value}, the limit is {limit}")).hint(format!(
            "no target holds what is so large; the command line has no flag for it, programs that link the importer set `Limits::{flag}`"
        )))
    }

    /// Number of elements of `shape`, or `E003` when it passes the limit or overflows.
    pub(crate) fn elements_of(&self, shape: &[usize]) -> Result<usize> {
        Self::check("dimensions of a tensor", shape.len() as u64, self.dims as u64, "dims")?;
        // A zero must not hide an overflow of the other dimensions: consumers multiply subsets of them.
        let product = |zero_as: u64| shape.iter().try_fold(1u64, |a, &d| a.checked_mul((d as u64).max(zero_as)));
        let (bound, n) = (product(1).unwrap_or(u64::MAX), product(0).unwrap_or(u64::MAX));
        Self::check("elements of a tensor", bound, self.elements, "elements")?;
        Ok(n as usize)
    }
}
