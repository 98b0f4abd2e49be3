//! States: inputs that the next step is given as this one's outputs left them.

use crate::Tensor;

/// A graph input and the output that is its next value. Both have one type, one shape and one quantization, so that a step's output is the next
/// step's input, byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Position among the graph's inputs.
    pub input: usize,
    /// Position among the graph's outputs.
    pub output: usize,
    /// What the first step is given: reals (f32) of the input's shape, at every level; zeros where there are none.
    pub init: Option<Tensor>,
}
