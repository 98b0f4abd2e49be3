//! Real factors as dyadic ones (HAWQ-V3, Yao et al. 2021, section 3.2): M = m / 2^(32+s) with 0 <= m < 2^31, so that a target needs one
//! multiply-high, one add and one shift.

use mcompc_ir::{Code, Error, Result};
use mcompc_ops::Rescale;

/// Factors of one tensor, per output channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dyadic {
    /// Left shift of the accumulator before the multiplication.
    pub pre: u32,
    /// s, common to the tensor.
    pub shift: u32,
    /// One m per factor.
    pub m: Vec<i32>,
}

/// The shifts that tensors take, the largest that fits, unless their factors need another: layers of equal shape then share one kernel.
const COMMON_SHIFTS: [u32; 2] = [3, 1];
/// Below this a multiplier has too few bits; a larger shift is taken where there is one.
const FEW: i64 = 1 << 16;

fn multiplier(factor: f64, shift: u32) -> i64 {
    // Larger ones saturate in the conversion and fail the test against i32.
    libm::ldexp(factor, 32 + shift as i32).round() as i64
}

fn fits(f: f64, shift: u32) -> bool {
    multiplier(f, shift) <= i64::from(i32::MAX)
}

/// Represents positive `factors`; `acc_max` bounds every accumulator's magnitude.
///
/// # Errors
/// [`Code::Overflow`] if a factor of a quarter or more would shift the accumulator out of 32 bits.
pub fn dyadic(factors: &[f64], acc_max: u64) -> Result<Dyadic> {
    let top = factors.iter().copied().fold(0.0, f64::max);
    let pre = Rescale::pre_for(top);
    if acc_max.checked_shl(pre).is_none_or(|a| a >> pre != acc_max || a > i32::MAX as u64) {
        return Err(Error::new(Code::Overflow, format!("a factor of {top} on accumulators up to {acc_max} leaves 32 bits"))
            .hint("the output's range is far below what the layer can compute; check the calibration data"));
    }
    let scaled: Vec<f64> = factors.iter().map(|&f| libm::ldexp(f, -(pre as i32))).collect();
    let top = libm::ldexp(top, -(pre as i32));
    let most = Rescale::SHIFT.rev().map(|s| s as u32).find(|&s| fits(top, s)).unwrap_or(1);
    let least = scaled.iter().copied().filter(|&f| f > 0.0).fold(f64::INFINITY, f64::min);
    let mut shift = COMMON_SHIFTS.into_iter().find(|&s| s <= most).unwrap_or(1);
    while shift < most && multiplier(least, shift) < FEW {
        shift += 1;
    }
    let m = scaled.iter().map(|&f| multiplier(f, shift).clamp(0, i32::MAX.into()) as i32).collect();
    Ok(Dyadic { pre, shift, m })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape in which targets compute the rule: one multiply-high, one add, one shift.
    fn machine(acc: i32, m: i32, s: u32, zp: i32) -> i32 {
        let high = ((i64::from(acc) * i64::from(m)) >> 32) as i32;
        (high + (zp << s) + (1 << (s - 1))) >> s
    }

    #[test]
    fn one_multiply_high_is_exact_rounding() {
        let mut x = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for i in 0..200_000 {
            let acc = (next() as i32) >> (next() % 31);
            let m = (next() as i32 & i32::MAX) >> (next() % 20);
            let (s, zp) = (1 + i % 15, (next() % 256) as i32 - 128);
            let exact = i128::from(zp) + ((i128::from(acc) * i128::from(m) + (1i128 << (31 + s))) >> (32 + s));
            assert_eq!(i128::from(machine(acc, m, s, zp)), exact, "{acc} {m} {s} {zp}");
        }
    }

    #[test]
    fn factors_are_met() {
        for f in [1e-5, 0.003, 0.0078, 0.1, 0.2499, 0.25, 0.9, 1.0, 3.7] {
            let d = dyadic(&[f, f / 100.0], 1 << 20).unwrap();
            for (i, want) in [(0, f), (1, f / 100.0)] {
                let got = libm::ldexp(f64::from(d.m[i]), d.pre as i32 - 32 - d.shift as i32);
                assert!((got / want - 1.0).abs() < 1e-4, "{f} {d:?}");
            }
        }
    }

    #[test]
    fn common_factors_share_a_shift() {
        for f in [1e-3, 4e-3, 7e-3] {
            assert_eq!((dyadic(&[f], 1 << 24).unwrap().shift, dyadic(&[f], 1 << 24).unwrap().pre), (3, 0));
        }
        for (f, shift) in [(0.01, 3), (0.06, 3), (0.07, 1), (0.2, 1), (1e-7, 8)] {
            assert_eq!(dyadic(&[f], 1 << 24).unwrap().shift, shift, "{f}");
        }
    }

    #[test]
    fn a_shift_out_of_range_is_refused() {
        assert_eq!(dyadic(&[100.0], 1 << 28).unwrap_err().code, Code::Overflow);
        assert_eq!(dyadic(&[f64::INFINITY], 1).unwrap().pre, 30);
    }
}
