//! Functions of one value of 32 bits: a table over its octaves.

use super::rescale::{HI, LO, range};
use super::{Constants, centred};
use crate::def::{Ctx, Kind, OpDef, req, shape_error};
use mcompc_ir::{Code, DType, Error, Result};

pub(crate) const OP: OpDef = OpDef {
    name: "q.curve",
    doc: "Any function of one value of 32 bits, whose table has the same resolution in every octave: logarithms, roots, powers and reciprocals. `x` is \
          i32 (codes of b bits around 0), `table` i32 [32 (b - 6) + 33] for x >= 0 (a negative x counts as 0), or twice that with those of -x behind. With u \
          the magnitude of x, at most 2^(b-1) - 1:\n\n\
          - s = max(0, bits of u - 6), i = 32 s + floor(u / 2^s), f = u mod 2^s: 32 entries an octave, and one for each u below 64\n\
          - y = clamp(lo, hi, floor((table[i] + floor((table[i+1] - table[i]) * f / 2^s)) / 2^shift))\n\n\
          Entries are below 2^29 in size. The result is i8, i16 or i32.",
    inputs: &["x", "table"],
    attrs: &[req("shift", Kind::Int, "fraction bits of the table, 0..=15"), LO, HI],
    infer: |c| {
        Curve::of(c)?;
        c.out_any_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let (curve, table) = (Curve::of(c)?, t[1].to_i64_vec()?);
        fits(&table)?;
        let y: Vec<i64> = centred(c, 0, t[0])?.into_iter().map(|x| curve.code(x, &table)).collect();
        c.tensor(t[0].shape.clone(), &y)
    },
};

/// What a q.curve is, read from its node.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    /// The largest magnitude.
    pub most: i64,
    /// Entries for one sign: those of all magnitudes, and the one behind.
    pub entries: usize,
    /// Whether the table has a half for negative codes.
    pub signed: bool,
    /// Fraction bits of the table.
    pub shift: u32,
    /// Smallest and largest code of the result.
    pub range: (i64, i64),
}

impl Curve {
    /// Binary logarithm of the entries an octave.
    pub const FINE: u32 = 5;
    /// Entries are smaller than this.
    pub const BOUND: i64 = 1 << 29;

    /// From a node.
    ///
    /// # Errors
    /// An attribute that is missing or out of range, another operand than i32, a table of another size.
    pub fn of(c: &Ctx<'_>) -> Result<Self> {
        c.any_codes(0)?;
        if !c.is_wide(0) {
            return shape_error("an operand that is not i32");
        }
        let most = c.any_codes(0)?.codes.max().into();
        let entries = Self::entries(most);
        let signed = c.ins[1].shape == [2 * entries];
        c.exactly(1, DType::I32, &[if signed { 2 * entries } else { entries }])?;
        Ok(Self { most, entries, signed, shift: c.int_in("shift", 0, 15)? as u32, range: range(c)? })
    }
    /// The entry at or below a magnitude, and the bits that are left.
    pub const fn place(u: i64) -> (usize, u32) {
        let bits = i64::BITS - u.leading_zeros();
        let s = bits.saturating_sub(Self::FINE + 1);
        (((s as usize) << Self::FINE) + (u >> s) as usize, s)
    }
    /// Entries for one sign of values of at most this magnitude.
    pub const fn entries(most: i64) -> usize {
        Self::place(most).0 + 2
    }
    /// The magnitude of every entry of one sign.
    pub fn magnitudes(most: i64) -> impl Iterator<Item = i64> + Clone {
        let per = 1usize << Self::FINE;
        (0..Self::entries(most)).map(move |i| if i < 2 * per { i as i64 } else { ((i % per + per) as i64) << (i / per - 1) })
    }
    fn code(&self, x: i64, table: &[i64]) -> i64 {
        let u = if x < 0 && !self.signed { 0 } else { x.abs().min(self.most) };
        let (i, s) = Self::place(u);
        let at = i + if x < 0 && self.signed { self.entries } else { 0 };
        let y = table[at] + (((table[at + 1] - table[at]) * (u & ((1 << s) - 1))) >> s);
        (y >> self.shift).clamp(self.range.0, self.range.1)
    }
}

fn fits(table: &[i64]) -> Result<()> {
    match table.iter().find(|v| v.abs() >= Curve::BOUND) {
        Some(v) => Err(Error::new(Code::BadTensor, format!("an entry of {v}")).hint("entries are below 2^29 in size")),
        None => Ok(()),
    }
}

/// Checks the table.
pub(crate) fn constants(c: &Ctx<'_>, t: &Constants<'_>) -> Result<()> {
    Curve::of(c)?;
    t.get(1).copied().flatten().map_or(Ok(()), |t| fits(&t.to_i64_vec()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_where_they_are_looked_for() {
        for bits in 17..=30 {
            let most = (1 << (bits - 1)) - 1;
            assert_eq!(Curve::entries(most), 32 * (bits - 6) + 33);
            assert_eq!(Curve::magnitudes(most).last(), Some(most + 1));
            for (i, u) in Curve::magnitudes(most).enumerate().take(Curve::entries(most) - 1) {
                assert_eq!(Curve::place(u).0, i);
                assert!(u == 0 || Curve::place(u - 1).0 == i - 1, "{u}");
            }
        }
    }
}
