//! Operators over one axis or a set of them: softmax, normalizations, reductions.

use super::moves::repeat;
use super::{Kernel, Site, not_float};
use mcompc_ir::{Code, Error, Result};

struct Softmax {
    n: usize,
    inner: usize,
}

impl Kernel for Softmax {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let Self { n, inner } = *self;
        for (x, y) in ins[0].chunks_exact(n * inner).zip(out.chunks_exact_mut(n * inner)) {
            for j in 0..inner {
                let at = move |k: usize| k * inner + j;
                let m = (0..n).map(|k| x[at(k)]).fold(f32::NEG_INFINITY, f32::max);
                let mut sum = 0f32;
                for k in 0..n {
                    let e = libm::expf(x[at(k)] - m);
                    y[at(k)] = e;
                    sum += e;
                }
                (0..n).for_each(|k| y[at(k)] /= sum);
            }
        }
        Ok(())
    }
}

struct Norm {
    n: usize,
    centre: bool,
    epsilon: f64,
    /// For each element, where its gain and its offset are.
    at: [Vec<u32>; 2],
}

impl Kernel for Norm {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let n = self.n;
        for (r, (x, y)) in ins[0].chunks_exact(n).zip(out.chunks_exact_mut(n)).enumerate() {
            let sum = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x.into())).sum::<f64>() / n as f64;
            let m = if self.centre { sum(&|x| x) } else { 0.0 };
            let root = (sum(&|x| (x - m) * (x - m)) + self.epsilon).sqrt();
            let inverse = if root > 0.0 { 1.0 / root } else { 0.0 };
            for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
                let [gain, offset] = [1, 2].map(|p| f64::from(ins[p][self.at[p - 1][r * n + i] as usize]));
                *y = ((f64::from(x) - m) * inverse * gain + offset) as f32;
            }
        }
        Ok(())
    }
}

struct BatchNorm {
    channels: usize,
    inner: usize,
    eps: f32,
}

impl Kernel for BatchNorm {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], work: &mut Vec<f32>) -> Result<()> {
        let Self { channels, inner, eps } = *self;
        work.clear();
        work.extend((0..channels).map(|c| ins[1][c] / (ins[4][c] + eps).sqrt()));
        let blocks = ins[0].chunks_exact(inner).zip(out.chunks_exact_mut(inner));
        for (i, (x, y)) in blocks.enumerate() {
            let c = i % channels;
            let (a, mean, b) = (work[c], ins[3][c], ins[2][c]);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * a + b);
        }
        Ok(())
    }
}

struct Reduce<F> {
    /// Where each input element goes.
    to: Vec<u32>,
    start: f32,
    f: F,
    mean: bool,
}

impl<F: Fn(f32, f32) -> f32 + Send + Sync> Kernel for Reduce<F> {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        out.fill(self.start);
        ins[0].iter().zip(&self.to).for_each(|(x, &o)| out[o as usize] = (self.f)(out[o as usize], *x));
        if self.mean {
            let n = (ins[0].len() / out.len()) as f32;
            out.iter_mut().for_each(|y| *y /= n);
        }
        Ok(())
    }
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let (a, x) = (&s.node.attrs, &s.ins[0].shape);
    let axis = || a.int("axis").map(|i| (x[i as usize], x[i as usize + 1..].iter().product()));
    match s.node.op.as_str() {
        "Softmax" => axis().map(|(n, inner)| Box::new(Softmax { n, inner }) as Box<dyn Kernel>),
        "Norm" => {
            let n = x[a.int("axis")? as usize..].iter().product();
            let at = [1, 2].map(|i| repeat(&s.ins[i].shape, x));
            Ok(Box::new(Norm { n, centre: a.int("centre")? == 1, epsilon: a.float("epsilon")?, at }))
        }
        "BatchNormalization" => {
            let eps = a.float("epsilon")? as f32;
            axis().map(|(channels, inner)| Box::new(BatchNorm { channels, inner, eps }) as Box<dyn Kernel>)
        }
        op @ ("ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin") => {
            if s.ins[0].elems() > u32::MAX as usize {
                return Err(Error::new(Code::Limit, "a tensor of more than 2^32 elements").hint("bind smaller dimensions"));
            }
            let mut kept = x.clone();
            a.usizes("axes")?.into_iter().for_each(|i| kept[i] = 1);
            let to = repeat(&kept, x);
            Ok(match op {
                "ReduceMax" => Box::new(Reduce { to, start: f32::NEG_INFINITY, f: f32::max, mean: false }),
                "ReduceMin" => Box::new(Reduce { to, start: f32::INFINITY, f: f32::min, mean: false }),
                op => Box::new(Reduce { to, start: 0.0, f: |a, x| a + x, mean: op == "ReduceMean" }),
            })
        }
        op => Err(not_float(op)),
    }
}
