//! Integer residual sum.

use super::rescale::{HI, LO, range};
use super::{accumulator, bounded};
use crate::broadcast;
use crate::def::{Ctx, Kind, OpDef, req};
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.add",
    doc: "clamp(lo, hi, floor((qa * a + qb * b + c) / 2^shift)) on two i8, u8 or i16 tensors, whose shapes broadcast as numpy's do. The \
          zero points of all three values and the rounding term are inside `c`; the sum fits 32 bits. The result is i8 or i16.",
    inputs: &["a", "b"],
    attrs: &[
        req("a", Kind::Int, "factor of the first input, up to 2^22 in magnitude; kernels have faster forms for i16"),
        req("b", Kind::Int, "factor of the second input, likewise"),
        req("c", Kind::Int, "constant term, i32"),
        req("shift", Kind::Int, "right shift, 0..=31"),
        LO,
        HI,
    ],
    infer: |c| {
        c.codes(0)?;
        c.codes(1)?;
        let ([a, b, k], _) = terms(c)?;
        range(c)?;
        let ends = |i: usize, f: i64| -> Result<(i64, i64)> {
            let (zp, (lo, hi)) = (i64::from(c.codes(i)?.zero_point()), c.reach(i)?);
            let (x, y) = ((lo + zp) * f, (hi + zp) * f);
            Ok((x.min(y), x.max(y)))
        };
        let (x, y) = (ends(0, a)?, ends(1, b)?);
        bounded((x.0 + y.0 + k, x.1 + y.1 + k), 0)?;
        c.out_codes(broadcast::shape(&c.ins[0].shape, &c.ins[1].shape)?)
    },
    eval: |c, t| {
        let ([a, b, k], shift) = terms(c)?;
        let (lo, hi) = range(c)?;
        let (qa, qb) = (t[0].to_i64_vec()?, t[1].to_i64_vec()?);
        let (to, pairs) = broadcast::pairs(t)?;
        let sum = |(i, j): (usize, usize)| Ok((accumulator(qa[i] * a + qb[j] * b + k)? >> shift).clamp(lo, hi));
        let y = pairs.map(sum).collect::<Result<Vec<i64>>>()?;
        c.tensor(to, &y)
    },
};

/// Largest magnitude of a factor: with codes of eight bits a product stays far below 32.
const MOST: i64 = 1 << 22;

fn terms(c: &Ctx<'_>) -> Result<([i64; 3], u32)> {
    let (a, b) = (c.int_in("a", -MOST, MOST)?, c.int_in("b", -MOST, MOST)?);
    let k = c.int_in("c", i64::from(i32::MIN), i64::from(i32::MAX))?;
    Ok(([a, b, k], c.int_in("shift", 0, 31)? as u32))
}
