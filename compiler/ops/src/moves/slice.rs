//! Slice.

use crate::def::{Ctx, Kind, OpDef, attr_error, req};
use mcompc_ir::{Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Slice",
    doc: "Index i of dimension d of the result is index starts[d] + i * steps[d] of `x`, for i below sizes[d]. Split becomes this, too.",
    inputs: &["x"],
    attrs: &[
        req("starts", Kind::Ints, "the first index in every dimension"),
        req("sizes", Kind::Ints, "all dimensions of the result, positive"),
        req("steps", Kind::Ints, "from one index to the next in every dimension, not 0; negative ones go backwards"),
    ],
    infer: |c| c.out(c.ins[0].dtype, Cut::of(c)?.sizes, c.ins[0].quant.clone()),
    eval: |c, t| {
        let (cut, x) = (Cut::of(c)?, t[0]);
        let es = x.dtype.size();
        // Offsets of whole blocks, dimension by dimension; every index was checked to lie inside.
        let mut at = vec![0i64];
        for d in 0..cut.sizes.len() {
            let index = |i: usize| cut.starts[d] as i64 + i as i64 * cut.steps[d];
            at = at.iter().flat_map(|o| (0..cut.sizes[d]).map(move |i| o * x.shape[d] as i64 + index(i))).collect();
        }
        let bytes: Vec<u8> = at.iter().flat_map(|&o| &x.bytes()[o as usize * es..][..es]).copied().collect();
        Ok(vec![Tensor::new(x.dtype, cut.sizes, bytes.into())?])
    },
};

/// What is taken, in every dimension.
struct Cut {
    starts: Vec<usize>,
    sizes: Vec<usize>,
    steps: Vec<i64>,
}

impl Cut {
    fn of(c: &Ctx<'_>) -> Result<Self> {
        let (a, s) = (&c.node.attrs, &c.ins[0].shape);
        let (starts, sizes, steps) = (a.usizes("starts")?, a.usizes("sizes")?, a.ints("steps")?.to_vec());
        for (name, n) in [("starts", starts.len()), ("sizes", sizes.len()), ("steps", steps.len())] {
            if n != s.len() {
                return attr_error(name, format_args!("has {n} entries, expected {}", s.len()));
            }
        }
        for (d, &n) in s.iter().enumerate() {
            let last = i128::from(steps[d]) * (sizes[d] as i128 - 1) + starts[d] as i128;
            if sizes[d] == 0 || steps[d] == 0 || starts[d] >= n || !(0..n as i128).contains(&last) {
                return attr_error(
                    "starts",
                    format_args!("{} with sizes {} and steps {} leaves dimension {d} of {s:?}", starts[d], sizes[d], steps[d]),
                );
            }
        }
        Ok(Self { starts, sizes, steps })
    }
}
