//! Mean over axes.

use crate::def::{Ctx, Kind, OpDef, attr_error, req, shape_error};
use mcompc_ir::{DType, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "ReduceMean",
    doc: "Mean over the named axes, which stay as dimensions of 1 with keepdims and go without.",
    inputs: &["x"],
    attrs: &[req("axes", Kind::Ints, "distinct, non-negative; none given reduces nothing"), req("keepdims", Kind::Int, "0 or 1")],
    infer: |c| {
        c.floats()?;
        let (kept, _) = reduced(c)?;
        if c.ins[0].shape.contains(&0) {
            return shape_error("a mean over no elements");
        }
        let keep = c.int_in("keepdims", 0, 1)? == 1;
        c.out(DType::F32, result(&kept, keep), None)
    },
    eval: |c, t| {
        let s = &t[0].shape;
        let (kept, count) = reduced(c)?;
        let ones: Vec<usize> = kept.iter().map(|d| d.unwrap_or(1)).collect();
        let mut sums = vec![0f64; ones.iter().product()];
        for (&x, o) in t[0].as_f32()?.iter().zip(crate::broadcast::offsets(&ones, s)) {
            sums[o] += f64::from(x);
        }
        let y: Vec<f32> = sums.iter().map(|v| (v / count as f64) as f32).collect();
        Ok(vec![Tensor::from_f32(result(&kept, c.int_in("keepdims", 0, 1)? == 1), &y)?])
    },
};

fn result(kept: &[Option<usize>], keepdims: bool) -> Vec<usize> {
    if keepdims { kept.iter().map(|d| d.unwrap_or(1)).collect() } else { kept.iter().copied().flatten().collect() }
}

/// Every dimension that stays (`None` for those that go), and how many elements make one mean.
fn reduced(c: &Ctx<'_>) -> Result<(Vec<Option<usize>>, usize)> {
    let s = &c.ins[0].shape;
    let mut kept: Vec<Option<usize>> = s.iter().copied().map(Some).collect();
    let mut count = 1;
    for a in c.node.attrs.usizes("axes")? {
        match kept.get_mut(a).and_then(Option::take) {
            Some(d) => count *= d,
            None => return attr_error("axes", format_args!("names {a} twice, or beyond shape {s:?}")),
        }
    }
    Ok((kept, count))
}
