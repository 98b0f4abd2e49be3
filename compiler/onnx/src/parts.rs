//! Short ways to emit the operators that most spelt-out nodes are made of.

use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

impl Ctx<'_, '_, '_> {
    /// An operator without attributes.
    pub(crate) fn plain(&mut self, op: &str, ins: &[ValueId]) -> Result<ValueId> {
        self.part(op, Attrs::new(), ins)
    }
    /// `v` under another shape; itself where it has it.
    pub(crate) fn reshaped(&mut self, v: ValueId, shape: &[usize]) -> Result<ValueId> {
        if self.shape(v) == shape {
            return Ok(v);
        }
        self.part("Reshape", Attrs::new().with("shape", shape), &[v])
    }
    /// `v` with its dimensions in another order; itself where that is the same.
    pub(crate) fn transposed(&mut self, v: ValueId, perm: &[usize]) -> Result<ValueId> {
        if perm.iter().copied().eq(0..perm.len()) {
            return Ok(v);
        }
        self.part("Transpose", Attrs::new().with("perm", perm), &[v])
    }
    /// `len` indices of dimension `axis` from `start` on.
    pub(crate) fn sliced(&mut self, v: ValueId, axis: usize, start: usize, len: usize) -> Result<ValueId> {
        self.strided(v, axis, start, len, 1)
    }
    /// `len` indices of dimension `axis` from `start` on, `step` apart.
    pub(crate) fn strided(&mut self, v: ValueId, axis: usize, start: usize, len: usize, step: i64) -> Result<ValueId> {
        let mut sizes = self.shape(v);
        if axis >= sizes.len() {
            return self.misfit(format!("a part along axis {axis} of a tensor of shape {sizes:?}"));
        }
        if start == 0 && len == sizes[axis] && step == 1 {
            return Ok(v);
        }
        let (mut starts, mut steps) = (vec![0; sizes.len()], vec![1; sizes.len()]);
        (starts[axis], sizes[axis], steps[axis]) = (start, len, step);
        self.part("Slice", Attrs::new().with("starts", &starts[..]).with("sizes", &sizes[..]).with("steps", steps), &[v])
    }
    /// Values side by side; the value itself where it is one.
    pub(crate) fn joined(&mut self, all: &[ValueId], axis: usize) -> Result<ValueId> {
        if let [one] = all {
            return Ok(*one);
        }
        self.part("Concat", Attrs::new().with("axis", axis), all)
    }
    /// A constant of reals.
    pub(crate) fn reals(&mut self, label: &str, shape: &[usize], v: &[f32]) -> Result<ValueId> {
        self.make_const(label, Tensor::from_f32(shape, v)?)
    }
    /// `v` times a number.
    pub(crate) fn scaled(&mut self, v: ValueId, by: f32) -> Result<ValueId> {
        if by == 1.0 {
            return Ok(v);
        }
        let by = self.scalar(by)?;
        self.plain("Mul", &[v, by])
    }
    /// Makes output `i` stand for `v`.
    pub(crate) fn output(&mut self, i: usize, v: ValueId) -> Result<()> {
        let shape = self.shape(v);
        self.emit_output(i, "Reshape", Attrs::new().with("shape", &shape[..]), &[v])
    }
    /// Whether output `i` is asked for.
    pub(crate) fn wants(&self, i: usize) -> bool {
        self.node.output.get(i).is_some_and(|o| !o.is_empty())
    }
    /// `E205`: shapes do not fit.
    pub(crate) fn misfit<T>(&self, what: impl std::fmt::Display) -> Result<T> {
        Err(Error::new(Code::BadShape, format!("{}: {what}", self.op))
            .hint("the shapes do not fit; was the model made for another input size?"))
    }
    /// `E201`: a form of the operator that is not built.
    pub(crate) fn not_built<T>(&self, what: &str, hint: &str) -> Result<T> {
        Err(Error::new(Code::UnsupportedOp, format!("{} {what} is not supported", self.op)).hint(hint))
    }
}
