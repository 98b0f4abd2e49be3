//! The graph of integers in the place of code, whose bytes it has.

use super::Runner;
use mcompc_interp::FastInt;
use mcompc_ir::{Graph, Result, Tensor};
use rayon::prelude::*;

/// The fast integer executor.
pub(crate) struct Integers(FastInt);

impl Integers {
    /// Of an integer graph.
    ///
    /// # Errors
    /// Those of planning.
    pub(crate) fn new(graph: &Graph) -> Result<Self> {
        Ok(Self(FastInt::new(graph)?))
    }
}

impl Runner for Integers {
    fn name(&self) -> String {
        "integers".into()
    }
    fn run_all(&self, inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>> {
        inputs.par_iter().map(|x| self.0.run(x, |_, _| {})).collect()
    }
}
