//! What the importer remembers of one-hot vectors.

use mcompc_ir::ValueId;

/// A tensor of vectors of which one element is 1: `index` has its shape without the last dimension.
#[derive(Clone)]
pub(crate) struct OneHot {
    pub(crate) index: ValueId,
    pub(crate) shape: Vec<usize>,
}
