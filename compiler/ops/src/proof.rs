//! The proof that a layer's accumulator stays within 32 bits for every input code, whatever the order of summation and whichever
//! packing a target chooses.
//!
//! Three forms of acc = bias + sum of (x - zp) * w are in use. *Centred*: as written. *Folded*: x is multiplied as stored and the constant
//! bias - zp * sum w is added. *Biased*: a signed x is stored as u8 = x + 128 (targets whose dot product wants unsigned by signed), or an
//! unsigned one as i8, and the constant follows. In each, every partial sum in any order, with or without the constant, is at most
//! |constant| + sum of |w| * max |operand|; a kernel may also add padding filled with the zero point, which the maximum covers.

use crate::int::LIMB;
use mcompc_ir::{Code, Codes, Error, Result};

/// Largest magnitude that any partial sum of one output channel can reach, over the three forms; of codes wider than eight bits the largest that
/// the whole sum can reach: kernels of those take sums modulo 2^32, and none saturates.
///
/// `w` are the channel's weights, `(lo, hi)` the codes of x's type.
pub fn bound(w: &[i16], bias: i64, zero_point: i32, (lo, hi): (i32, i32)) -> u64 {
    if i64::from(hi) - i64::from(lo) > i64::from(u8::MAX) {
        return accumulator_max(w, bias, zero_point, (lo, hi));
    }
    let abs: u64 = w.iter().map(|v| u64::from(v.unsigned_abs())).sum();
    let sum: i64 = w.iter().map(|&v| i64::from(v)).sum();
    let zp = i64::from(zero_point);
    // The other storage of the same codes: i8 as u8, or u8 as i8.
    let stored = if lo < 0 { Codes::I8 } else { Codes::U8 };
    let move_by = i64::from(stored.flipped().min() - stored.min());
    let form = |offset: i64, lo: i64, hi: i64| {
        let constant = bias.saturating_sub(offset.saturating_mul(sum)).unsigned_abs();
        constant.saturating_add(abs.saturating_mul(lo.unsigned_abs().max(hi.unsigned_abs())))
    };
    let (lo, hi) = (i64::from(lo), i64::from(hi));
    let centred = form(0, lo - zp, hi - zp);
    let folded = form(zp, lo, hi);
    let biased = form(zp + move_by, lo + move_by, hi + move_by);
    centred.max(folded).max(biased)
}

/// Largest |acc| of the centred form alone: what the rescaling may shift left.
pub fn accumulator_max(w: &[i16], bias: i64, zero_point: i32, (lo, hi): (i32, i32)) -> u64 {
    if i64::from(hi) - i64::from(lo) > i64::from(u8::MAX) {
        let ends = [lo, hi].map(|q| i64::from(q) - i64::from(zero_point));
        let products = |pick: fn(i64, i64) -> i64| w.iter().map(|&w| pick(ends[0] * i64::from(w), ends[1] * i64::from(w))).sum::<i64>();
        return bias.saturating_add(products(i64::min)).unsigned_abs().max(bias.saturating_add(products(i64::max)).unsigned_abs());
    }
    let abs: u64 = w.iter().map(|v| u64::from(v.unsigned_abs())).sum();
    let reach = (i64::from(lo) - i64::from(zero_point)).unsigned_abs().max((i64::from(hi) - i64::from(zero_point)).unsigned_abs());
    bias.unsigned_abs().saturating_add(abs.saturating_mul(reach))
}

/// Lower bits that are left out of the sums over an operand of 32 bits: as few as let all of them, and biases told in products, stay below
/// 2^30. `channels` are sums of the magnitudes of weights, and biases.
pub fn drop(channels: impl Iterator<Item = (u64, f64)>, codes: Codes) -> u32 {
    let reach = f64::from(codes.max()) + 1.0;
    let most = channels.map(|(w, b)| w as f64 * reach + b.abs()).fold(0.0, f64::max);
    (0..LIMB).find(|&d| libm::ldexp(most, -(d as i32)) < libm::ldexp(1.0, 30)).unwrap_or(LIMB)
}

/// As [`bound`], over an operand of 32 bits: of the sum less its lower bits, with a bias in units of what is left, and of the sums over its lower
/// and its upper bits.
pub fn wide_bound(w: &[i16], bias: i64, codes: Codes, drop: u32) -> u64 {
    let all = w.iter().map(|v| u64::from(v.unsigned_abs())).sum::<u64>();
    let sum = (all.saturating_mul(codes.max() as u64 + 1) >> drop).saturating_add(1 + bias.unsigned_abs());
    sum.max(all.saturating_mul(1 << LIMB))
}

/// Refuses a channel whose [`bound`] leaves 32 bits; otherwise returns it.
///
/// # Errors
/// [`Code::Overflow`], naming the channel.
pub fn prove(channel: usize, w: &[i16], bias: i64, zero_point: i32, codes: (i32, i32)) -> Result<u64> {
    proven(channel, w.len(), bound(w, bias, zero_point, codes))
}

/// As [`prove`], of a bound that is known.
///
/// # Errors
/// [`Code::Overflow`], naming the channel.
pub fn proven(channel: usize, products: usize, b: u64) -> Result<u64> {
    if b > i32::MAX as u64 {
        return Err(Error::new(
            Code::Overflow,
            format!("output channel {channel}: a partial sum of {products} products could reach {b}, beyond 2^31 - 1"),
        )
        .hint("split the layer, or reduce its number of input channels"));
    }
    Ok(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every partial sum of every form, for every input code, by brute force.
    fn worst(w: &[i16], bias: i64, zp: i32, lo: i32, hi: i32) -> u64 {
        let move_by = if lo < 0 { 128 } else { -128 };
        let mut worst = 0;
        for (offset, sub, add) in [(0, zp, 0), (zp, 0, 0), (zp + move_by, 0, move_by)] {
            let constant = bias - w.iter().map(|&v| i64::from(v) * i64::from(offset)).sum::<i64>();
            // The extremes of a linear sum are at extreme codes; every subset of terms may be summed first.
            for x in 0..1u32 << w.len() {
                for subset in 0..1u32 << w.len() {
                    let part = |start: i64| {
                        (0..w.len()).filter(|i| subset >> i & 1 == 1).fold(start, |a, i| {
                            let code = if x >> i & 1 == 1 { hi } else { lo };
                            a + i64::from(code - sub + add) * i64::from(w[i])
                        })
                    };
                    worst = worst.max(part(0).unsigned_abs()).max(part(constant).unsigned_abs());
                }
            }
        }
        worst
    }

    #[test]
    fn nothing_exceeds_the_bound() {
        let sets: [&[i16]; 5] = [&[127, -127, 3], &[127, 127, 127, 127], &[0, -1], &[-128, 5, 90], &[-255, 0, 17]];
        for w in sets {
            for bias in [-70_000, 0, 12_345] {
                for (zp, lo, hi) in [(-128, -128, 127), (0, -128, 127), (83, -128, 127), (0, 0, 255), (128, 0, 255)] {
                    let (b, seen) = (bound(w, bias, zp, (lo, hi)), worst(w, bias, zp, lo, hi));
                    assert!(seen <= b, "{w:?} {bias} {zp}: {seen} > {b}");
                    assert!(accumulator_max(w, bias, zp, (lo, hi)) <= b);
                }
            }
        }
    }

    #[test]
    fn the_limit_is_sharp() {
        // 127 * (128 + 128) a product in the folded form: 66052 fit beside no bias, one more does not.
        let w = vec![127i16; 66_052];
        assert!(prove(0, &w, 0, -128, (-128, 127)).is_ok());
        let w = vec![127i16; 66_053];
        assert_eq!(prove(3, &w, 0, -128, (-128, 127)).unwrap_err().code, Code::Overflow);
        assert_eq!(prove(0, &[1], i64::from(i32::MAX), 0, (-128, 127)).unwrap_err().code, Code::Overflow);
    }
}
