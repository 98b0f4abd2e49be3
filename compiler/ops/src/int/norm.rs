//! Integer normalization of rows: exact sums, an inverse square root by Newton's method in fixed point.

use super::Constants;
use super::rescale::{HI, LO, range};
use crate::def::{Ctx, Kind, OpDef, attr_error, req, shape_error};
use crate::float::norm::rows;
use mcompc_ir::{Code, DType, Error, Result};

pub(crate) const OP: OpDef = OpDef {
    name: "q.norm",
    doc: "Rows are the n elements of the dimensions from `axis` on, n at most 2^15; u are the codes of a row less zp_x (i8, u8, or i16 with zero \
          point 0), gain and offset i32 of one shape, which repeats in that of x. With h = ceil(log2(n) / 2):\n\n\
          - S1 = sum of u where `centre` is 1, else 0; S2 = sum of u^2\n\
          - D = max(1, n * S2 - S1^2 + epsilon), below 2^63\n\
          - j the largest with D * 4^j < 2^64, k = 32 - j, d = floor(D * 4^j / 2^33), which is D / 4^k in 31 fraction bits\n\
          - r, about 2^29 / sqrt(d / 2^31): `Norm::root`, three steps of Newton's method\n\
          - a = max(0, 30 - h - k), b = max(0, h + k - 30)\n\
          - z_i = ((n * u_i - S1) * 2^a * (r >> b)) >> 32, which is the normalized value in 27 - h fraction bits\n\
          - y_i = clamp(lo, hi, (((z_i * gain_i) >> 32) + offset_i) >> shift)",
    inputs: &["x", "gain", "offset"],
    attrs: &[
        req("axis", Kind::Int, "first dimension of a row"),
        req("centre", Kind::Int, "0 or 1: whether the mean is subtracted"),
        req("epsilon", Kind::Int, "in squared steps of x, times n^2; 0 <= epsilon <= 2^62"),
        req("shift", Kind::Int, "right shift at the end, 1..=15"),
        LO,
        HI,
    ],
    infer: |c| {
        Norm::of(c)?;
        c.out_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let norm = Norm::of(c)?;
        let x = super::centred(c, 0, t[0])?;
        let (gain, offset) = (t[1].to_i64_vec()?, t[2].to_i64_vec()?);
        fits(&offset)?;
        let at = crate::broadcast::offsets(&t[1].shape, &t[0].shape);
        let mut y = Vec::with_capacity(x.len());
        for (row, at) in x.chunks_exact(norm.n).zip(at.chunks_exact(norm.n)) {
            let s = norm.row(row);
            y.extend(row.iter().zip(at).map(|(&u, &p)| norm.code(&s, u, gain[p], offset[p])));
        }
        c.tensor(t[0].shape.clone(), &y)
    },
};

/// Largest magnitude of an offset: it leaves room for the product.
pub(crate) const OFFSET: i64 = 1 << 30;

/// What a q.norm is, read from its node.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Elements of a row.
    pub n: usize,
    /// Whether the mean is subtracted.
    pub centre: bool,
    /// In squared steps of x, times n^2.
    pub epsilon: i64,
    /// Right shift at the end.
    pub shift: u32,
    /// Smallest and largest code of the result.
    pub range: (i64, i64),
}

/// What the elements of a row share.
struct Row {
    s1: i64,
    /// Left shift of a difference, and the inverse root that it is multiplied by.
    up: u32,
    root: i64,
}

impl Norm {
    /// Elements of a row at most: n times a difference of 16-bit codes fits 32 bits.
    pub const MOST: usize = 1 << 15;
    /// Linear start of the inverse root: 1.75 b - b d, relative error below 0.09 for d in [1/4, 1); 29 fraction bits, and 30 for the slope.
    pub const START: (i32, i32) = (1_144_993_109, 1_308_563_554);
    /// Steps of Newton's method: each squares the relative error, times 1.5; three leave less than 2^-24.
    pub const STEPS: usize = 3;

    /// From a node.
    ///
    /// # Errors
    /// An attribute that is missing or out of range, a row that is too long, i16 around another zero point than 0.
    pub fn of(c: &Ctx<'_>) -> Result<Self> {
        let (n, centre) = rows(c)?;
        let (lo, hi) = c.reach(0)?;
        if c.ins[0].dtype == DType::I16 && c.codes(0)?.zero_point() != 0 {
            return shape_error(format!("`{}` is i16 around another zero point than 0", c.ins[0].name));
        }
        if n > Self::MOST || n == 0 || lo < -(1 << 15) || hi > 1 << 15 {
            return shape_error(format!("rows of {n} elements of {lo} to {hi}, {} elements are the most", Self::MOST));
        }
        for i in [1, 2] {
            c.exactly(i, DType::I32, &c.ins[1].shape)?;
        }
        Ok(Self { n, centre, epsilon: c.int_in("epsilon", 0, 1 << 62)?, shift: c.int_in("shift", 1, 15)? as u32, range: range(c)? })
    }
    /// h: the magnitude of a normalized value is at most sqrt(n) <= 2^h.
    pub fn head(n: usize) -> u32 {
        n.next_power_of_two().trailing_zeros().div_ceil(2)
    }
    /// Fraction bits of a normalized value.
    pub fn fraction(n: usize) -> u32 {
        27 - Self::head(n)
    }
    /// 2^29 / sqrt(d / 2^31), for d in 2^29..2^31.
    pub fn root(d: i64) -> i64 {
        let high = |a: i64, b: i64| (a * b) >> 32;
        let mut r = i64::from(Self::START.0) - high(d, Self::START.1.into());
        for _ in 0..Self::STEPS {
            // 26, 27 and 29 fraction bits.
            let square = high(r, r);
            let left = (3 << 27) - high(d, square << 2);
            r = high(r, left << 2) << 2;
        }
        r
    }
    fn row(&self, u: &[i64]) -> Row {
        let n = self.n as i64;
        let s1 = if self.centre { u.iter().sum::<i64>() } else { 0 };
        let s2: i64 = u.iter().map(|u| u * u).sum();
        // At most 2^60 + 2^62.
        let variance = (n * s2 - s1 * s1 + self.epsilon).max(1) as u64;
        let j = variance.leading_zeros() / 2;
        let (k, d) = (32 - j, (variance << (2 * j)) >> 33);
        let reach = Self::head(self.n) + k;
        Row { s1, up: 30u32.saturating_sub(reach), root: Self::root(d as i64) >> reach.saturating_sub(30) }
    }
    fn code(&self, row: &Row, u: i64, gain: i64, offset: i64) -> i64 {
        let z = (((self.n as i64 * u - row.s1) << row.up) * row.root) >> 32;
        ((((z * gain) >> 32) + offset) >> self.shift).clamp(self.range.0, self.range.1)
    }
}

/// Offsets leave room for the product.
fn fits(offset: &[i64]) -> Result<()> {
    match offset.iter().find(|o| o.abs() > OFFSET) {
        Some(o) => Err(Error::new(Code::BadTensor, format!("an offset of {o}, {OFFSET} is the most"))),
        None => Ok(()),
    }
}

pub(crate) fn constants(_: &Ctx<'_>, t: &Constants<'_>) -> Result<()> {
    match t {
        [_, Some(_), Some(offset)] => fits(&offset.to_i64_vec()?),
        _ => attr_error("gain", "and offset must be constants"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_root_is_within_two_to_the_minus_24() {
        for i in 0..=200_000i64 {
            let d = ((1 << 29) + i * ((3i64 << 29) - 1) / 200_000).min((1 << 31) - 1);
            let want = libm::ldexp(1.0 / libm::sqrt(libm::ldexp(d as f64, -31)), 29);
            let got = Norm::root(d);
            assert!((got as f64 / want - 1.0).abs() < libm::ldexp(1.3, -24), "{d} {got} {want}");
            assert!((0..=1 << 30).contains(&got));
        }
    }

    #[test]
    fn every_intermediate_fits_32_bits() {
        let mut x = 7u64;
        let mut next = |n: i64| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 33) as i64 % n
        };
        for n in [1usize, 2, 3, 5, 64, 100, 1000, Norm::MOST] {
            for (reach, centre) in [(1i64, true), (255, true), (255, false), (32768, true), (32768, false)] {
                let norm = Norm { n, centre, epsilon: next(9), shift: 9, range: (-32768, 32767) };
                let ends: Vec<i64> = (0..n).map(|i| if i == 0 { -reach } else { reach - 1 }).collect();
                let any: Vec<i64> = (0..n).map(|_| next(2 * reach) - reach).collect();
                for u in [ends, any, vec![reach - 1; n]] {
                    let s = norm.row(&u);
                    for &u in &u {
                        let t = (n as i64 * u - s.s1) << s.up;
                        assert!(i32::try_from(t).is_ok() && ((t * s.root) >> 32).abs() <= 1 << 29, "{n} {reach} {t}");
                    }
                }
            }
        }
    }
}
