//! What the importer remembers of tensors whose scale is computed at run time.

use mcompc_ir::{Tensor, ValueId};

/// What a tensor is that depends on a scale of run time. Which scale is said by the names of its DynamicQuantizeLinear's outputs.
#[derive(Clone)]
pub(crate) enum Dynamic {
    /// Codes of the tensor of this name.
    Codes(String, String),
    /// The scale times constants.
    Scale(String, Tensor),
    /// The zero point.
    Zero(String),
    /// Sums of products, which times the scale are these reals.
    Sums(String, ValueId),
}
