//! A node of shape arithmetic with what it reads.

use super::numbers::{Numbers, misfit};
use crate::attrs::NodeAttrs;
use crate::limits::Limits;
use mcompc_ir::{Code, Error, Result, Tensor};

/// A node whose inputs are known.
pub(super) struct Args<'c, 'n> {
    pub(super) op: &'c str,
    pub(super) opset: i64,
    pub(super) attrs: &'c NodeAttrs<'n>,
    pub(super) limits: &'c Limits,
    /// Those that are left out are `None`. Empty where only shapes are asked for.
    pub(super) ins: Vec<Option<Tensor>>,
    /// Shape of the first input.
    pub(super) shape: Vec<usize>,
}

impl Args<'_, '_> {
    pub(super) fn input(&self, i: usize) -> Result<&Tensor> {
        self.ins.get(i).and_then(Option::as_ref).ok_or_else(|| {
            Error::new(Code::MissingAttr, format!("input {i} of {} is missing", self.op)).hint("the ONNX standard requires it")
        })
    }
    pub(super) fn numbers(&self, i: usize) -> Result<Numbers> {
        Numbers::of(self.input(i)?)
    }
    pub(super) fn all(&self) -> Result<Vec<Numbers>> {
        (0..self.ins.len()).map(|i| self.numbers(i)).collect()
    }
    /// Input `i` as integers, if given.
    pub(super) fn integers(&self, i: usize) -> Result<Option<Vec<i64>>> {
        match self.ins.get(i).and_then(Option::as_ref) {
            Some(t) => t.to_i64_vec().map(Some),
            None => Ok(None),
        }
    }
    /// An axis counted from the end where it is negative.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        let at = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        usize::try_from(at).ok().filter(|&a| a < rank).ok_or_else(|| misfit(format!("axis {axis} of {} on {rank} dimensions", self.op)))
    }
}
