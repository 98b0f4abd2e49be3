//! Slice and Split.

use super::shape::{misfit, normal_axes};
use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result};

/// What is taken of every dimension.
struct Cut {
    starts: Vec<usize>,
    sizes: Vec<usize>,
    steps: Vec<i64>,
}

impl Cut {
    fn all(shape: &[usize]) -> Self {
        Self { starts: vec![0; shape.len()], sizes: shape.to_vec(), steps: vec![1; shape.len()] }
    }
    fn attrs(self) -> Attrs {
        Attrs::new().with("starts", &self.starts[..]).with("sizes", &self.sizes[..]).with("steps", self.steps)
    }
}

/// First index and number of indices of `start:end:step` in a dimension of `n`, as the standard clamps them.
fn range(n: usize, start: i64, end: i64, step: i64) -> (usize, usize) {
    let n = n as i64;
    let from_end = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    // Backwards an end of -1 is in front of the first element.
    let (least, most) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (s, e) = (from_end(start).clamp(least.max(0), most), from_end(end).clamp(least, most));
    let span = if step > 0 { e - s } else { s - e };
    (s.max(0) as usize, span.max(0).unsigned_abs().div_ceil(step.unsigned_abs()) as usize)
}

/// Slice 1 (attributes), 10 (inputs, steps), 11, 13 with constant ranges.
pub(super) fn slice(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let shape = c.shape(x);
    let missing = |what: &str| Error::new(Code::MissingAttr, format!("Slice without {what}")).hint("the ONNX standard requires them");
    let (starts, ends, axes, steps) = if c.opset < 10 {
        if c.input_name(1).is_some() {
            return Err(Error::new(Code::UnsupportedOpset, format!("Slice with ranges as inputs in opset {}", c.opset))
                .hint("they came with opset 10"));
        }
        let list = |name: &str| Ok::<_, Error>(c.attrs.ints(name)?.map(<[i64]>::to_vec));
        (list("starts")?, list("ends")?, list("axes")?, None)
    } else {
        (c.constant_ints(1)?, c.constant_ints(2)?, c.constant_ints(3)?, c.constant_ints(4)?)
    };
    let (starts, ends) = (starts.ok_or_else(|| missing("starts"))?, ends.ok_or_else(|| missing("ends"))?);
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || starts.len() > shape.len() {
        return Err(misfit(format!(
            "starts {}, ends {}, axes {} and steps {} of a Slice of {} dimensions",
            show_ints(&starts),
            show_ints(&ends),
            show_ints(&axes),
            show_ints(&steps),
            shape.len()
        )));
    }
    normal_axes(c, &axes, shape.len())?;
    if steps.contains(&0) {
        return Err(unsupported("steps", show_ints(&steps)).hint("a step of 0 stands still"));
    }
    let mut cut = Cut::all(&shape);
    for (i, &a) in axes.iter().enumerate() {
        let d = c.axis(a, shape.len(), false)?;
        let (first, size) = range(shape[d], starts[i], ends[i], steps[i]);
        if size == 0 {
            return Err(misfit(format!("{}:{}:{} takes nothing of dimension {d} of {shape:?}", starts[i], ends[i], steps[i])));
        }
        (cut.starts[d], cut.sizes[d]) = (first, size);
        cut.steps[d] = if size == 1 { 1 } else { steps[i] };
    }
    c.emit("Slice", cut.attrs(), &[x])
}

/// Split 2, 11 (attribute), 13 (input), 18 (num_outputs): a Slice for every part.
pub(super) fn split(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let shape = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", 0)?, shape.len(), false)?;
    let given = if c.opset >= 13 {
        c.constant_ints(1)?
    } else if c.input_name(1).is_some() {
        return Err(Error::new(Code::UnsupportedOpset, format!("Split with sizes as an input in opset {}", c.opset))
            .hint("they came with opset 13"));
    } else {
        c.attrs.ints("split")?.map(<[i64]>::to_vec)
    };
    let (n, parts) = (shape[axis], c.node.output.len());
    let count = if c.opset >= 18 { c.attrs.int("num_outputs")? } else { None };
    if count.is_some_and(|k| k != parts as i64) {
        return Err(misfit(format!("num_outputs {} of a Split with {parts} outputs", count.unwrap_or(0))));
    }
    let sizes: Vec<usize> = match given {
        Some(v) => v.iter().map(|&s| usize::try_from(s).unwrap_or(0)).collect(),
        None if count.is_none() && !n.is_multiple_of(parts.max(1)) => Vec::new(),
        None => {
            // Equal parts, the last one what is left.
            let each = n.div_ceil(parts.max(1));
            (0..parts).map(|i| each.min(n.saturating_sub(i * each))).collect()
        }
    };
    let sum = sizes.iter().try_fold(0usize, |a, &s| a.checked_add(s));
    if sizes.len() != parts || sizes.contains(&0) || sum != Some(n) {
        return Err(misfit(format!("a Split of dimension {axis} of {shape:?} into {parts} parts of {sizes:?}")));
    }
    let mut first = 0;
    for (i, size) in sizes.into_iter().enumerate() {
        let mut cut = Cut::all(&shape);
        (cut.starts[axis], cut.sizes[axis]) = (first, size);
        first += size;
        c.emit_output(i, "Slice", cut.attrs(), &[x])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::range;

    /// As Python slices a list of 5.
    #[test]
    fn ranges() {
        let (least, most) = (i64::MIN, i64::MAX);
        for (start, end, step, want) in [
            (0, 5, 1, (0, 5)),
            (1, -1, 1, (1, 3)),
            (-3, most, 2, (2, 2)),
            (-100, 100, 3, (0, 2)),
            (4, least, -1, (4, 5)),
            (most, least, -2, (4, 3)),
            (-1, 0, -1, (4, 4)),
            (3, 3, 1, (3, 0)),
            (1, 4, -1, (1, 0)),
            (-100, least, -1, (0, 1)),
            (0, most, most, (0, 1)),
            (4, least, least, (4, 1)),
        ] {
            assert_eq!(range(5, start, end, step), want, "{start}:{end}:{step}");
        }
    }
}
