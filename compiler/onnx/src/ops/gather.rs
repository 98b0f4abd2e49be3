//! Gather with constant indices: rows that follow each other are a Slice, others are joined.

use super::embedding;
use super::shape::misfit;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

/// Runs of indices at most, of a tensor that is computed.
const RUNS: usize = 1 << 8;

/// Gather 1, 11, 13.
pub(super) fn gather(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let Ok(Some(indices)) = c.constant(1) else { return embedding::gather(c) };
    let x = c.data(0)?;
    let shape = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", 0)?, shape.len(), false)?;
    let n = shape[axis] as i64;
    let at: Option<Vec<usize>> = indices
        .to_i64_vec()?
        .into_iter()
        .map(|i| if i < 0 { i + n } else { i })
        .map(|i| usize::try_from(i).ok().filter(|&i| i < shape[axis]))
        .collect();
    let at = at.filter(|a| !a.is_empty()).ok_or_else(|| misfit(format!("indices of a Gather outside 0..{n}")))?;
    let result: Vec<usize> = shape[..axis].iter().chain(&indices.shape).chain(&shape[axis + 1..]).copied().collect();
    c.b.limits().elements_of(&result)?;
    if let Some(t) = c.b.graph.const_of(x).cloned() {
        let t = taken(&t, axis, &at)?.reshaped(result)?;
        c.b.reader.materialise(t.bytes().len() as u64)?;
        c.bind(crate::node::Bound::Const(t));
        return Ok(());
    }
    let y = rows(c, x, axis, &at)?;
    c.emit("Reshape", Attrs::new().with("shape", &result[..]), &[y])
}

/// Rows `at` of dimension `axis` of a constant.
fn taken(t: &Tensor, axis: usize, at: &[usize]) -> Result<Tensor> {
    let row = t.shape[axis + 1..].iter().product::<usize>() * t.dtype.size();
    let block = row * t.shape[axis];
    let mut bytes = Vec::new();
    for b in t.bytes().chunks_exact(block.max(1)) {
        at.iter().for_each(|&i| bytes.extend_from_slice(&b[i * row..][..row]));
    }
    let mut shape = t.shape.clone();
    shape[axis] = at.len();
    Tensor::new(t.dtype, shape, bytes.into())
}

/// Indices with one step between them.
fn run(at: &[usize]) -> (i64, usize) {
    let step = |i: usize| at[i] as i64 - at[i - 1] as i64;
    if at.len() == 1 || step(1) == 0 {
        return (1, 1);
    }
    let n = (2..at.len()).find(|&i| step(i) != step(1)).unwrap_or(at.len());
    (step(1), n)
}

/// Rows `at` of dimension `axis` of a value.
pub(super) fn rows(c: &mut Ctx<'_, '_, '_>, x: ValueId, axis: usize, at: &[usize]) -> Result<ValueId> {
    let shape = c.shape(x);
    let (mut parts, mut rest) = (Vec::new(), at);
    while !rest.is_empty() {
        let (step, n) = run(rest);
        if parts.len() == RUNS {
            return Err(Error::new(Code::UnsupportedOp, format!("{} of more than {RUNS} runs of indices is not supported", c.op))
                .hint("indices that follow each other cost one run"));
        }
        let (mut starts, mut sizes, mut steps) = (vec![0; shape.len()], shape.clone(), vec![1; shape.len()]);
        (starts[axis], sizes[axis], steps[axis]) = (rest[0], n, step);
        let attrs = Attrs::new().with("starts", &starts[..]).with("sizes", &sizes[..]).with("steps", steps);
        parts.push(c.part("Slice", attrs, &[x])?);
        rest = &rest[n..];
    }
    if let [one] = parts[..] {
        return Ok(one);
    }
    c.part("Concat", Attrs::new().with("axis", axis), &parts)
}
