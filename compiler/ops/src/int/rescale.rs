//! The rescaling rule: the only place where an accumulator becomes a code.

use super::accumulator;
use crate::def::{AttrDef, Ctx, Kind, attr_error, req};
use mcompc_ir::{Result, Tensor};
use std::ops::RangeInclusive;

pub(crate) const PRE: AttrDef = req("pre", Kind::Int, "left shift before the multiplication, 0..=30");
pub(crate) const SHIFT: AttrDef = req("shift", Kind::Int, "s of the rule, 1..=15");
pub(crate) const LO: AttrDef = req("lo", Kind::Int, "smallest code, one of the result's type");
pub(crate) const HI: AttrDef = req("hi", Kind::Int, "largest code, one of the result's type");
pub(crate) const M: AttrDef = req("m", Kind::Int, "multiplier of the rule, 0 <= m < 2^31");

/// R(acc, m) = clamp(lo, hi, zp + floor(((acc << pre) * m + 2^(31+shift)) / 2^(32+shift))), computed in 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Left shift of the accumulator, in [`Rescale::PRE`].
    pub pre: u32,
    /// s of the rule, in [`Rescale::SHIFT`].
    pub shift: u32,
    /// Smallest code.
    pub lo: i64,
    /// Largest code.
    pub hi: i64,
    /// Zero point of the output.
    pub zero_point: i64,
}

impl Rescale {
    /// What `pre` may be.
    pub const PRE: RangeInclusive<i64> = mcompc_ir::RESCALE_PRE;
    /// What `shift` may be.
    pub const SHIFT: RangeInclusive<i64> = mcompc_ir::RESCALE_SHIFT;

    /// The left shift that factors of at most `top` need: the least that brings their multipliers, under the smallest right shift, within 31
    /// bits.
    pub fn pre_for(top: f64) -> u32 {
        let right = 32 + *Self::SHIFT.start() as i32;
        let fits = |p: &i64| libm::ldexp(libm::ldexp(top, -(*p as i32)), right).round() as i64 <= i64::from(i32::MAX);
        Self::PRE.into_iter().find(fits).unwrap_or(*Self::PRE.end()) as u32
    }
    /// From a node's attributes and its output's quantization.
    ///
    /// # Errors
    /// A missing attribute, or one out of range.
    pub fn of(c: &Ctx<'_>) -> Result<Self> {
        let (lo, hi) = range(c)?;
        Ok(Self {
            pre: c.int_in("pre", *Self::PRE.start(), *Self::PRE.end())? as u32,
            shift: c.int_in("shift", *Self::SHIFT.start(), *Self::SHIFT.end())? as u32,
            lo,
            hi,
            zero_point: c.out_quant()?.zero_point().into(),
        })
    }
    /// The rule.
    ///
    /// # Errors
    /// [`mcompc_ir::Code::Overflow`] where `acc << pre` leaves 32 bits: no target could compute it.
    pub fn apply(&self, acc: i64, m: i64) -> Result<i64> {
        let a = accumulator(accumulator(acc)? << self.pre)?;
        let num = i128::from(a) * i128::from(m) + (1i128 << (31 + self.shift));
        // An arithmetic shift right divides and rounds down.
        let q = i128::from(self.zero_point) + (num >> (32 + self.shift));
        Ok(q.clamp(self.lo.into(), self.hi.into()) as i64)
    }
}

/// lo and hi.
pub(crate) fn range(c: &Ctx<'_>) -> Result<(i64, i64)> {
    let codes = c.out_quant()?.codes;
    let (least, most) = (codes.min().into(), codes.max().into());
    let (lo, hi) = (c.int_in("lo", least, most)?, c.int_in("hi", least, most)?);
    if lo <= hi { Ok((lo, hi)) } else { attr_error("lo", format_args!("is {lo}, above hi {hi}")) }
}

/// One multiplier as an attribute.
pub(crate) fn multiplier(c: &Ctx<'_>) -> Result<i64> {
    c.int_in("m", 0, i64::from(i32::MAX))
}

/// Multipliers as a tensor, one per output channel.
pub(crate) fn multipliers(t: &Tensor) -> Result<Vec<i64>> {
    let m = t.to_i64_vec()?;
    match m.iter().find(|&&m| m < 0) {
        Some(m) => attr_error("m", format_args!("holds {m}, multipliers are not negative")),
        None => Ok(m),
    }
}
