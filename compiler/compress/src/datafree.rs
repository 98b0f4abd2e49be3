//! Ranges without calibration data.

use crate::calibrate::observe;
use crate::{RangeMethod, Stats};
use mcompc_data::Input;
use mcompc_interp::{Carry, FastExec};
use mcompc_ir::{DType, Graph, Result};

/// Made-up samples, and the fewest of a graph whose values are so large that so many would take minutes: one of either kind.
const SAMPLES: usize = 16;
const FEWEST: usize = 2;
/// Elements, of all values of all samples, from which on there are fewer.
const ELEMENTS: usize = 1 << 28;
/// Elements of an input that are made up; beyond they repeat.
const PERIOD: usize = 1 << 22;

/// The range method that goes with made-up samples: nothing is clipped that they reach.
pub(crate) const METHOD: RangeMethod = RangeMethod::MinMax;

/// Statistics from made-up samples, for a user who has no calibration data; [`Stats::synthetic`] is set, and ranges are then taken by
/// min-max. The loss is not bounded: real inputs are correlated and drive layers differently.
///
/// Half of the samples are independent Gaussian elements, half are Gaussian in sixteen constant runs over the flat tensor (real signals
/// vary slowly, which drives the first layers much harder). Raw 8-bit inputs have the middle of their codes as mean and a quarter of
/// them as deviation; other inputs mean 0 and deviation 1. States are carried from sample to sample. The generator is fixed: the same model gives the same result.
///
/// # Errors
/// Those of [`FastExec`]; `NotFinite` where the network overflows.
pub fn calibrate_without_data(graph: &Graph, inputs: &[Input]) -> Result<Stats> {
    let exec = FastExec::new(graph)?;
    let mut rng = Rng(0x853c_49e6_748f_ea9b);
    let mut stats = Stats { synthetic: true, ..Stats::default() };
    let mut carry = Carry::new(graph, None);
    let elements: usize =
        graph.ids().into_iter().map(|id| graph.out(id)).filter(|&v| graph.const_of(v).is_none()).map(|v| graph.value(v).elems()).sum();
    for i in 0..(ELEMENTS / elements.max(1)).clamp(FEWEST, SAMPLES) {
        let sample = inputs.iter().map(|input| made_up(input, i % 2 == 1, &mut rng)).collect::<Result<_>>()?;
        observe(graph, &exec, vec![sample], &mut carry, &mut stats)?;
    }
    Ok(stats)
}

fn made_up(input: &Input, smooth: bool, rng: &mut Rng) -> Result<Vec<f32>> {
    // States are carried, not made up.
    if let Some(start) = &input.start {
        return input.reals(start);
    }
    if let Some(rows) = input.rows {
        return Ok((0..input.shape.iter().product()).map(|_| (rng.next() as usize % rows) as f32).collect());
    }
    let all: usize = input.shape.iter().product();
    let n = all.min(PERIOD);
    let cell = if smooth { (n / 16).max(1) } else { 1 };
    let range = match input.spec.dtype {
        DType::U8 | DType::I8 => input.spec.dtype.int_range(),
        _ => None,
    };
    let mut v = 0.0;
    let mut sample: Vec<f32> = (0..n)
        .map(|i| {
            if i % cell == 0 {
                v = rng.gaussian();
            }
            let Some((lo, hi)) = range else { return v as f32 };
            let raw = (f64::from(lo + hi) / 2.0 + v * f64::from(hi - lo) / 4.0).round().clamp(lo.into(), hi.into());
            (input.scale.at(&input.shape, i) * (raw - input.zero.at(&input.shape, i))) as f32
        })
        .collect();
    while sample.len() < all {
        sample.extend_from_within(..n.min(all - sample.len()));
    }
    Ok(sample)
}

/// PCG-XSH-RR 64/32 (O'Neill 2014).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u32 {
        let old = self.0;
        self.0 = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((((old >> 18) ^ old) >> 27) as u32).rotate_right((old >> 59) as u32)
    }
    /// Irwin-Hall: twelve uniform numbers have variance 1; no function of the host's mathematics library is involved.
    fn gaussian(&mut self) -> f64 {
        (0..12).map(|_| f64::from(self.next()) / 4_294_967_296.0).sum::<f64>() - 6.0
    }
}
