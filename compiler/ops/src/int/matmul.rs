//! Integer product of two computed matrices.

use super::rescale::{HI, LO, M, PRE, SHIFT, multiplier};
use super::{Rescale, accumulator, bounded, centred};
use crate::Product;
use crate::def::{Ctx, Kind, OpDef, attr_error, opt, shape_error};
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.matmul",
    doc: "R(sum over k of (a[.., i, k] - zp_a) * (b[.., k, j] - zp_b), m). Both are i8, u8 or i16; the last two dimensions are matrices, those \
          before them broadcast, and operands of one dimension are a row and a column, as MatMul has it. With `transposed` the matrices of `b` \
          are [n, k]: b[.., j, k]. The result is i8 or i16.",
    inputs: &["a", "b"],
    attrs: &[
        M,
        PRE,
        SHIFT,
        LO,
        HI,
        opt("transposed", Kind::Int, "0 or 1, default 0: whether the last two dimensions of `b` are columns and rows"),
    ],
    infer: |c| {
        c.codes(0)?;
        c.codes(1)?;
        multiplier(c)?;
        if (0..2).map(|i| c.codes(i)).any(|q| q.is_ok_and(|q| q.codes.bits > 8 && q.zero_point() != 0)) {
            return shape_error("an operand of more than eight bits whose zero point is not 0");
        }
        let (p, _) = product(c)?;
        let ((l, h), (k, j), n) = (c.reach(0)?, c.reach(1)?, i64::try_from(p.k).unwrap_or(i64::MAX));
        let ends = [l * k, l * j, h * k, h * j].map(|e| e.saturating_mul(n));
        bounded((ends.into_iter().fold(0, i64::min), ends.into_iter().fold(0, i64::max)), Rescale::of(c)?.pre)?;
        c.out_codes(p.shape)
    },
    eval: |c, t| {
        let (r, mult) = (Rescale::of(c)?, multiplier(c)?);
        let (p, transposed) = product(c)?;
        let (m, k, n) = (p.m, p.k, p.n);
        let at = |ob: usize, l: usize, j: usize| if transposed { (ob * n + j) * k + l } else { (ob * k + l) * n + j };
        let (a, b) = (centred(c, 0, t[0])?, centred(c, 1, t[1])?);
        let mut y = Vec::with_capacity(p.shape.iter().product());
        for (oa, ob) in p.pairs() {
            for i in 0..m {
                for j in 0..n {
                    let dot: i64 = (0..k).map(|l| a[(oa * m + i) * k + l] * b[at(ob, l, j)]).sum();
                    y.push(r.apply(accumulator(dot)?, mult)?);
                }
            }
        }
        c.tensor(p.shape, &y)
    },
};

/// The product, and whether the right matrices are transposed.
fn product(c: &Ctx<'_>) -> Result<(Product, bool)> {
    let (a, b) = (&c.ins[0].shape, &c.ins[1].shape);
    if c.node.attrs.get("transposed").is_none() || c.int_in("transposed", 0, 1)? == 0 {
        return Ok((Product::of(a, b)?, false));
    }
    if b.len() < 2 {
        return attr_error("transposed", format_args!("on an operand of shape {b:?}"));
    }
    Ok((Product::of_transposed(a, b)?, true))
}
