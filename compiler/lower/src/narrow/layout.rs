//! Packed codes of a full convolution or dense layer, and what becomes of bias and rescale.

use super::{Narrow, Split};
use crate::pack::{Steps, blocks, padded_runs};
use crate::spec::ConvSpec;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Form, Machine, Method, Rescale, Row};

/// Everything that packing decides.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Containers.
    pub split: Split,
    /// Per block of output channels all containers in the order of the inner loop; then, per block of channels, per run of K, the
    /// multipliers of its channels as bytes.
    pub bytes: Vec<u8>,
    /// Where the multipliers begin, if there are any.
    pub multipliers: Option<usize>,
    /// Steps of the row that a run of K takes: all of them where there are no multipliers.
    pub run: usize,
    /// Biases as the kernel adds them, folded and scaled.
    pub bias: Vec<i32>,
    /// Rescaling of the kernel's sums.
    pub rescale: Rescale,
}

/// Weights `(channel, k)` of each unit of one step, relative to its block of channels and its first k, in the order the step uses them.
pub fn units(row: &Row, nv: usize) -> Vec<Vec<(usize, usize)>> {
    let (n, k) = (row.n as usize, row.k as usize);
    if row.form == Form::Packed {
        // The two halves of a word meet activations in the order of sxtb16.
        return (0..nv).flat_map(|j| (0..2).map(move |h| vec![(j, h), (j, 2 + h)])).collect();
    }
    let unit = |l: usize, j: usize| (0..n * k).map(move |i| (j * n + i / k, l * k + i % k)).collect();
    (0..Steps::of(row).step / k).flat_map(|l| (0..nv).map(move |j| unit(l, j))).collect()
}

impl Layout {
    /// Packs a layer whose K is `runs` runs, each padded to `kpad`, in blocks of `nr` channels. `bias` is folded. Runs with multipliers of
    /// their own divide a K of one run.
    ///
    /// # Errors
    /// [`Code::Backend`] where the machine has no entry for the width, or runs of K are no whole steps.
    pub fn new(n: &Narrow, s: &ConvSpec, m: &Machine, row: &Row, [runs, kpad, nr]: [usize; 3], bias: Vec<i32>) -> Result<Self> {
        let k = s.weights.len() / s.o;
        let (bias, rescale, method) = scaled(m.unpack(n.bits)?, n.bits, s, row, bias, k);
        let split = Split::of(row, method, n.bits);
        let step = Steps::of(row).step;
        let run_k = n.blocks.as_ref().map_or(kpad, |b| b.len);
        if !run_k.is_multiple_of(step) {
            return Err(Error::new(Code::Backend, format!("weights in groups of {run_k} do not fit steps of {step} on `{}`", m.isa))
                .hint("use a --group that is a multiple of 32"));
        }
        let codes = padded_runs(&n.codes(&s.weights, k)?, k / runs, kpad);
        let all_k = runs * kpad;
        let (mut bytes, mut mult) = (Vec::new(), Vec::new());
        for (first, count) in blocks(s.o, nr) {
            let nv = count.div_ceil(row.n as usize);
            let code = |c: usize, t: usize| if c < count { codes[(first + c) * all_k + t] } else { 0 };
            for k0 in (0..all_k).step_by(run_k) {
                let steps = (k0..all_k.min(k0 + run_k)).step_by(step);
                let all: Vec<Vec<i8>> = steps
                    .flat_map(|at| units(row, nv).into_iter().map(move |u| (at, u)))
                    .map(|(at, u)| u.into_iter().map(|(c, t)| code(c, at + t)).collect())
                    .collect();
                all.chunks(split.per()).for_each(|u| bytes.extend(split.pack(u)));
                if let Some(b) = &n.blocks {
                    let (per, i) = (k.div_ceil(b.len), k0 / b.len);
                    mult.extend((0..nv * row.n as usize).map(|c| if c < count { b.r[(first + c) * per + i] } else { 0 }));
                }
            }
        }
        let multipliers = n.blocks.is_some().then_some(bytes.len());
        bytes.extend(mult);
        Ok(Self { split, bytes, multipliers, run: run_k / step, bias, rescale })
    }
}

// Method::Top makes sums 2^up times too large: the bias follows, and the rescale shifts by so much more, which is exact. Where that does
// not fit, codes are sign-extended.
fn scaled(method: Method, bits: u8, s: &ConvSpec, row: &Row, bias: Vec<i32>, k: usize) -> (Vec<i32>, Rescale, Method) {
    let up = Split::of(row, method, bits).up();
    if up == 0 {
        return (bias, s.rescale, method);
    }
    // Every partial sum of the stored activations: the same bound that `compress` proves, for the form used here or a larger one.
    let most = s.weights.chunks(k).zip(&bias).map(|(w, b)| {
        let abs: i64 = w.iter().map(|&v| i64::from(v).abs()).sum();
        i64::from(*b).abs() + abs * 255
    });
    let fits = most.max().unwrap_or(0) << up << s.rescale.pre <= i64::from(i32::MAX);
    if !fits || u32::from(s.rescale.shift) + up > 15 {
        return (bias, s.rescale, Method::Shift);
    }
    let rescale = Rescale { shift: s.rescale.shift + up as u8, ..s.rescale };
    (bias.into_iter().map(|b| b << up).collect(), rescale, method)
}
