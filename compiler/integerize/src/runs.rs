//! Weights as small integers: codes, times a multiplier where runs of a channel have scales of their own.

use mcompc_ir::{Code, Codes, Error, Per, Quant, Result, Tensor};

/// Integer weights of a layer and what a step of each output channel is.
pub(crate) struct Products {
    /// Code times multiplier, `[o][k]`.
    pub w: Vec<i16>,
    /// Step of a channel's products.
    pub scales: Vec<f64>,
    /// Multipliers of runs, and the length of a run.
    pub runs: Option<(Vec<i8>, usize)>,
}

/// How far from a whole number a ratio of scales may be: they are products of one f64.
const CLOSE: f64 = 1e-9;

fn refuse<T>(what: String) -> Result<T> {
    Err(Error::new(Code::NoInteger, what).hint("kernels take weights of two to nine bits, zero point 0, with a scale per output channel"))
}

/// The products of the weight codes `w` of `outs` channels.
///
/// # Errors
/// [`Code::NoInteger`] for codes that are no such products.
pub(crate) fn products(w: &Tensor, q: &Quant, outs: usize) -> Result<Products> {
    if !q.codes.signed || q.codes.bits > Codes::LESS_ZERO.bits || q.zero.all().iter().any(|&z| z != 0.0) {
        return refuse(format!("weights in {} codes with zero point {:?}", q.codes.name(), q.zero.all().first()));
    }
    let codes: Vec<i16> = w.to_i64_vec()?.into_iter().map(|c| c as i16).collect();
    let k = codes.len() / outs.max(1);
    match &q.scale {
        Per::Tensor(s) => Ok(Products { w: codes, scales: vec![*s; outs], runs: None }),
        Per::Axis(0, s) => Ok(Products { w: codes, scales: s.to_vec(), runs: None }),
        Per::Axis(a, _) => refuse(format!("weights with a scale for each index of axis {a}")),
        Per::Runs(len, all) => {
            let (len, per) = (*len as usize, k.div_ceil(*len as usize));
            // A product and its negation fit i8.
            let most = Codes::I8.max() / -q.codes.min();
            let (mut scales, mut r) = (Vec::with_capacity(outs), Vec::with_capacity(all.len()));
            for (o, row) in all.chunks_exact(per).enumerate() {
                let Some((step, multipliers)) = common(row, most) else {
                    return refuse(format!("runs of weights of channel {o} whose scales are no multiples, up to {most}, of one step"));
                };
                scales.push(step);
                r.extend(multipliers);
            }
            let w = codes.iter().enumerate().map(|(i, &c)| c * i16::from(r[i / k * per + i % k / len])).collect();
            Ok(Products { w, scales, runs: Some((r, len)) })
        }
    }
}

/// The coarsest step of which all scales are multiples up to `most`, and the multiples: sums and biases are as small as they can be.
fn common(scales: &[f64], most: i32) -> Option<(f64, Vec<i8>)> {
    let top = scales.iter().copied().fold(0.0, f64::max);
    (1..=most).find_map(|largest| {
        let ratios = scales.iter().map(|s| s / top * f64::from(largest));
        let whole = |r: f64| (r.round() >= 1.0 && (r - r.round()).abs() < CLOSE * r).then_some(r.round() as i8);
        Some((top / f64::from(largest), ratios.map(whole).collect::<Option<Vec<i8>>>()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_of_one_step() {
        assert_eq!(common(&[0.5, 0.25, 0.75], 15).unwrap().1, [2, 1, 3]);
        let s = 0.123_456_789;
        let (step, r) = common(&[14.0 * s, s, 3.0 * s], 15).unwrap();
        assert!(r == [14, 1, 3] && (step / s - 1.0).abs() < 1e-12);
        assert_eq!(common(&[1.0, 0.3141], 15), None);
        assert_eq!(common(&[1.0, 1e-9], 15), None);
    }

    #[test]
    fn products_of_runs() {
        let w = Tensor::from_i8([2, 3], &[1, -8, 7, 2, 3, -4]).unwrap();
        let scale = Per::Runs(2, vec![0.5, 1.5, 0.25, 0.25].into());
        let p = products(&w, &Quant { codes: Codes::signed(4), scale, zero: Per::Tensor(0.0) }, 2).unwrap();
        assert_eq!((p.runs, p.w), (Some((vec![1, 3, 1, 1], 2)), vec![1, -8, 21, 2, 3, -4]));
        assert!(p.scales == [0.5, 0.25]);
        assert!(products(&w, &Quant::new(Codes::I8, 0.5, 3), 2).is_err() && products(&w, &Quant::new(Codes::I16, 0.5, 0), 2).is_err());
    }
}
