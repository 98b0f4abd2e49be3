//! Integer magnitude of complex numbers: squares of what is shifted up to 30 bits, and the root of the normalization of rows.

use super::centred;
use super::norm::Norm;
use super::rescale::{HI, LO, M, multiplier, range};
use crate::def::{AttrDef, Ctx, Kind, OpDef, attr_error, req, shape_error};
use mcompc_ir::Result;

const SHIFT: AttrDef = req("shift", Kind::Int, "right shift beside that of the operands, -29..=15");

pub(crate) const OP: OpDef = OpDef {
    name: "q.hypot",
    doc: "sqrt(u^2 + v^2) of two operands of one shape and one scale, u and v their codes less their zero points (i8, u8, i16 or i32), element by \
          element. Where both are 0 the result is clamp(lo, hi, zp). Else, with t the larger magnitude:\n\n\
          - k with t * 2^k in 2^29..2^30, U = u * 2^k, V = v * 2^k\n\
          - n = floor(U^2 / 2^32) + floor(V^2 / 2^32), in 2^26..2^29\n\
          - j = 0, d = 8 n where n < 2^28, else j = 1, d = 2 n\n\
          - w = floor(d * `Norm::root`(d) / 2^32) * 2^j, which is sqrt(U^2 + V^2) / 4\n\
          - e = min(31, shift + k), never below 0\n\
          - y = clamp(lo, hi, zp + floor((floor(w * m / 2^32) + floor(2^e / 2)) / 2^e))",
    inputs: &["a", "b"],
    attrs: &[M, SHIFT, LO, HI],
    infer: |c| {
        Hypot::of(c)?;
        c.out_any_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let h = Hypot::of(c)?;
        let (a, b) = (centred(c, 0, t[0])?, centred(c, 1, t[1])?);
        let y: Vec<i64> = a.into_iter().zip(b).map(|(u, v)| h.code(u, v)).collect();
        c.tensor(t[0].shape.clone(), &y)
    },
};

/// What a q.hypot is, read from its node.
#[derive(Clone, Copy, Debug)]
pub struct Hypot {
    /// Multiplier of the magnitude.
    pub m: i64,
    /// Right shift beside that of the operands.
    pub shift: i32,
    /// Smallest and largest code of the result.
    pub range: (i64, i64),
    /// Zero point of the result.
    pub zero_point: i64,
}

impl Hypot {
    /// Bits that the larger operand is shifted up to.
    pub const BITS: u32 = 30;
    /// Right shift at most: what is shifted farther is 0.
    pub const MOST: u32 = 31;

    /// From a node.
    ///
    /// # Errors
    /// An attribute that is missing or out of range, operands of different shapes or scales.
    pub fn of(c: &Ctx<'_>) -> Result<Self> {
        let (a, b) = (c.any_codes(0)?, c.any_codes(1)?);
        if c.ins[0].shape != c.ins[1].shape || a.step() != b.step() {
            return shape_error("operands of different shapes or scales");
        }
        let shift = c.int_in("shift", -i64::from(Self::BITS - 1), 15)? as i32;
        let most = [c.reach(0)?, c.reach(1)?].iter().flat_map(|(l, h)| [l.unsigned_abs(), h.unsigned_abs()]).max().unwrap_or(1);
        if shift + (Self::up(most) as i32) < 0 {
            return attr_error(
                "shift",
                format_args!("is {shift}, and operands of {most} are shifted up by no more than {}", Self::up(most)),
            );
        }
        Ok(Self { m: multiplier(c)?, shift, range: range(c)?, zero_point: c.out_quant()?.zero_point().into() })
    }
    /// k: the left shift of a magnitude between 1 and 2^29.
    pub fn up(most: u64) -> u32 {
        (Self::BITS + most.max(1).leading_zeros()).saturating_sub(u64::BITS)
    }
    fn code(&self, u: i64, v: i64) -> i64 {
        let t = u.unsigned_abs().max(v.unsigned_abs());
        if t == 0 {
            return self.zero_point.clamp(self.range.0, self.range.1);
        }
        let k = Self::up(t);
        let high = |a: i64, b: i64| (a * b) >> 32;
        let n = high(u << k, u << k) + high(v << k, v << k);
        let (j, d) = if n < 1 << 28 { (0, n << 3) } else { (1, n << 1) };
        let w = high(d, Norm::root(d)) << j;
        let e = (self.shift + k as i32).min(Self::MOST as i32);
        (self.zero_point + ((high(w, self.m) + ((1 << e) >> 1)) >> e)).clamp(self.range.0, self.range.1)
    }
}
