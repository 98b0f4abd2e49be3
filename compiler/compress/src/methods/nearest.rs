//! Symmetric weights of eight bits, one scale per output channel; of nine where a file's codes less their zero point are.

use super::task::{Rounded, Settle, Task};
use mcompc_ir::Codes;
use mcompc_ops::spans_a_byte;

/// Those of [`wanted`].
pub(super) fn scales(t: &Task<'_>) -> Vec<f64> {
    wanted(t.w, t.k, most(t.codes))
}

/// Largest magnitude of a code; the smallest code stays unused so that negation and pairwise products keep their width.
fn most(codes: Codes) -> f64 {
    codes.max().into()
}

/// Whether the weights are codes of eight bits less a zero point that take a ninth.
pub(crate) fn take_nine(w: &[f32], k: usize) -> bool {
    let most = most(Codes::LESS_ZERO);
    let scales = wanted(w, k, most);
    let codes: Vec<i16> = w.iter().enumerate().map(|(i, &v)| code(v.into(), scales[i / k], most)).collect();
    let exact = |(i, &c): (usize, &i16)| (f64::from(w[i]) - f64::from(c) * scales[i / k]).abs() <= CLOSE * scales[i / k];
    codes.iter().any(|&c| f64::from(c).abs() > self::most(Codes::I8))
        && spans_a_byte(codes.iter().map(|&c| c.into()))
        && codes.iter().enumerate().all(exact)
}

/// Rounds.
pub(super) fn round(t: &Task<'_>, settle: Settle<'_>) -> Rounded {
    let scales = settle(scales(t));
    let most = most(t.codes);
    let codes = t.w.iter().enumerate().map(|(i, &v)| code(v.into(), scales[i / t.k], most)).collect();
    Rounded { codes, scales, multipliers: None }
}

/// Scales of the channels of `w` ([channels, k], row-major, finite): largest magnitude over largest code, or the step of the grid on which the
/// weights already lie, where that costs less. 0 for a channel of zeros.
///
/// Weights that were trained with simulated quantization lie on such a grid; another scale rounds all of them anew, while the grid's own
/// keeps them exactly.
fn wanted(w: &[f32], k: usize, most: f64) -> Vec<f64> {
    let common = grid(w);
    w.chunks_exact(k)
        .map(|row| {
            let top = row.iter().fold(0f32, |a, v| a.max(v.abs()));
            let widest = f64::from(top) / most;
            // A subnormal scale would lose the weights' ratios.
            if widest < f64::from(f32::MIN_POSITIVE) {
                return 0.0;
            }
            let (mut best, mut least) = (widest, error(row, widest, most));
            for s in [common, if k > 2 { grid(row) } else { None }].into_iter().flatten() {
                let e = error(row, s, most);
                if e < least {
                    (best, least) = (s, e);
                }
            }
            best
        })
        .collect()
}

/// The code of a weight.
fn code(w: f64, scale: f64, most: f64) -> i16 {
    if scale == 0.0 { 0 } else { (w / scale).round().clamp(-most, most) as i16 }
}

fn error(row: &[f32], scale: f64, most: f64) -> f64 {
    row.iter().map(|&v| f64::from(code(v.into(), scale, most)) * scale - f64::from(v)).map(|e| e * e).sum()
}

/// Parts of a step within which a weight lies on a grid.
const CLOSE: f64 = 0.01;

/// The step g of which every weight is a multiple, with multiples up to 255 (8-bit codes less any zero point); `None` if there is none.
fn grid(w: &[f32]) -> Option<f64> {
    let mut mags: Vec<f32> = w.iter().map(|v| v.abs()).collect();
    mags.push(0.0);
    mags.sort_unstable_by(f32::total_cmp);
    mags.dedup();
    let top = f64::from(*mags.last()?);
    // Neighbours closer than this are one code, rounded twice.
    let noise = top * 1e-6;
    let gap = mags.windows(2).map(|p| f64::from(p[1]) - f64::from(p[0])).filter(|&d| d > noise).fold(f64::INFINITY, f64::min);
    // The closest pair may be more than one step apart where there are few weights.
    let near = (1..=4).map(|part| gap / f64::from(part)).find_map(|g| refine(&mags, g));
    near.or_else(|| refine(&mags, divisor(&mags)))
}

/// The greatest common divisor of magnitudes that are multiples of something, each rounded to 32 bits (Euclid); of others anything.
fn divisor(mags: &[f32]) -> f64 {
    let top = mags.last().copied().map_or(0.0, f64::from);
    let least = top / (Codes::I8.steps() + 0.5);
    let mut g = top;
    for &m in mags {
        let (mut a, mut b) = (g, f64::from(m));
        while b > least / 2.0 {
            // What is left within a hundredth of a step on either side is nothing.
            (a, b) = (b, (a - (a / b).round() * b).abs());
        }
        g = a;
        if g < least {
            break;
        }
    }
    g
}

/// Least-squares step near `g`, if all magnitudes are multiples of it within a hundredth of a step.
fn refine(mags: &[f32], mut g: f64) -> Option<f64> {
    let top = f64::from(*mags.last()?);
    for _ in 0..3 {
        if !g.is_normal() || top / g > Codes::I8.steps() + 0.5 {
            return None;
        }
        let (mut wk, mut kk) = (0.0, 0.0);
        for &m in mags {
            let k = (f64::from(m) / g).round();
            wk += f64::from(m) * k;
            kk += k * k;
        }
        g = wk / kk;
    }
    let on_grid = |&m: &f32| {
        let k = f64::from(m) / g;
        (k - k.round()).abs() < CLOSE
    };
    mags.iter().all(on_grid).then_some(g)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudo(n: usize, seed: u64) -> impl Iterator<Item = u64> {
        let mut x = seed;
        (0..n).map(move |_| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            x >> 33
        })
    }

    #[test]
    fn a_grid_is_kept_exactly() {
        let step = 0.012_345_6f64;
        let w: Vec<f32> = pseudo(64 * 32, 1).map(|r| ((r % 101) as f64 - 50.0) * step).map(|v| v as f32).collect();
        for (row, s) in w.chunks(64).zip(wanted(&w, 64, 127.0)) {
            assert!((s / step - 1.0).abs() < 1e-5);
            assert!(row.iter().all(|&v| (f64::from(code(v.into(), s, 127.0)) * s - f64::from(v)).abs() < 1e-6));
        }
    }

    #[test]
    fn codes_beyond_127_fall_back_to_the_widest() {
        let mut w: Vec<f32> = pseudo(64, 2).map(|r| (r % 101) as f32 - 50.0).collect();
        w[0] = 200.0;
        let s = wanted(&w, 64, 127.0)[0];
        assert!((s - 200.0 / 127.0).abs() < 1e-9);
    }

    #[test]
    fn weights_off_any_grid_take_the_widest() {
        let w: Vec<f32> = pseudo(512, 3).map(|r| (r as f64 / (1u64 << 31) as f64 - 0.5) as f32).collect();
        for (row, s) in w.chunks(64).zip(wanted(&w, 64, 127.0)) {
            let top = row.iter().fold(0f32, |a, v| a.max(v.abs()));
            assert_eq!(s, f64::from(top) / 127.0);
        }
        assert_eq!(wanted(&[0.0; 8], 4, 127.0), [0.0, 0.0]);
    }
}
