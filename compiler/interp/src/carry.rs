//! States from step to step: what one run's outputs leave, the next run's inputs are given.

use mcompc_ir::{Graph, State};

/// The states of a sequence under way; `T` is a value as its executor has it.
#[derive(Clone, Debug)]
pub struct Carry<T> {
    ties: Vec<(usize, usize)>,
    /// Samples of a sequence; without it all are one.
    length: Option<usize>,
    /// In the order of `ties`, once a step has run.
    now: Vec<T>,
}

impl<T: Clone> Carry<T> {
    /// The states of a graph. They start anew at every sample whose index is a multiple of `length`, or at the first alone.
    pub fn new(g: &Graph, length: Option<usize>) -> Self {
        Self { ties: g.states.iter().map(|s: &State| (s.input, s.output)).collect(), length, now: Vec::new() }
    }
    /// Whether there are none: samples then have no order.
    pub fn is_empty(&self) -> bool {
        self.ties.is_empty()
    }
    /// Puts what the last step left in the place of what a sequence starts at; `inputs` are those of sample `index`.
    pub fn enter(&mut self, index: usize, inputs: &mut [T]) {
        if index == 0 || self.length.is_some_and(|n| index.is_multiple_of(n.max(1))) {
            self.now.clear();
        }
        for ((input, _), v) in self.ties.iter().zip(&self.now) {
            if let Some(x) = inputs.get_mut(*input) {
                x.clone_from(v);
            }
        }
    }
    /// Keeps what the step left for the next.
    pub fn leave(&mut self, outputs: &[T]) {
        self.now = self.ties.iter().filter_map(|&(_, output)| outputs.get(output).cloned()).collect();
    }
}
