//! Packing of weights, biases and multipliers in the order the inner loop reads them.

use mcompc_kernel::{Form, Row};

/// Derived facts of a row: how many elements of K one step takes, and what a step loads.
#[derive(Clone, Debug)]
pub struct Steps {
    /// K elements a step.
    pub step: usize,
    /// K elements a weight group.
    pub group: usize,
}

impl Steps {
    /// Of a contraction row.
    pub fn of(row: &Row) -> Self {
        let k = row.k as usize;
        match row.form {
            Form::Packed => Self { step: 4, group: 4 },
            Form::Lane => Self { step: 16 / row.a.lane().bytes(), group: k },
            _ => Self { step: k, group: k },
        }
    }
}

/// Blocks of output channels: full ones of `nr`, then one of the rest.
pub fn blocks(o: usize, nr: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..o.div_ceil(nr)).map(move |i| (i * nr, nr.min(o - i * nr)))
}

/// Weights `[o][k]` as, per block of output channels, per group of K, per vector of `n` channels, per channel, the group's elements.
/// Missing channels and elements are 0.
pub fn pack_weights(w: &[i16], o: usize, k: usize, kpad: usize, nr: usize, row: &Row) -> Vec<u8> {
    let n = row.n as usize;
    let group = Steps::of(row).group;
    let mut out = Vec::new();
    for (first, count) in blocks(o, nr) {
        let lanes = count.div_ceil(n) * n;
        for k0 in (0..kpad).step_by(group) {
            for lane in 0..lanes {
                for t in k0..k0 + group {
                    let v = if lane < count && t < k { w[(first + lane) * k + t] } else { 0 };
                    out.extend(&v.to_le_bytes()[..row.w_mem.lane().bytes()]);
                }
            }
        }
    }
    out
}

/// Per block: the biases of its channels (rounded up to whole vectors), then their multipliers; little-endian i32.
pub fn pack_params(bias: &[i32], mult: &[i32], nr: usize, n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (first, count) in blocks(bias.len(), nr) {
        let lanes = count.div_ceil(n) * n;
        for v in [bias, mult] {
            for lane in 0..lanes {
                out.extend(if lane < count { v[first + lane] } else { 0 }.to_le_bytes());
            }
        }
    }
    out
}

/// Folds the zero point of the stored activations: `bias - zp * sum(w)` for each of the `o` rows of weights.
///
/// The proof that no accumulator overflows covers the folded form; wrapping arithmetic would give the same result in any case.
pub fn fold_zero_point(bias: &[i32], w: &[i16], zp: i32) -> Vec<i32> {
    let k = w.len() / bias.len().max(1);
    bias.iter()
        .enumerate()
        .map(|(o, &b)| {
            let sum: i64 = w[o * k..(o + 1) * k].iter().map(|&v| i64::from(v)).sum();
            (i64::from(b) - i64::from(zp) * sum) as i32
        })
        .collect()
}

/// Each run of `len` weights padded with zeros to `padded`.
pub fn padded_runs<T: Copy + Default>(w: &[T], len: usize, padded: usize) -> Vec<T> {
    w.chunks_exact(len).flat_map(|r| r.iter().copied().chain(std::iter::repeat_n(T::default(), padded - len))).collect()
}
