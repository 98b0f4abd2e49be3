//! Figures over many samples, in one pass: same prediction, squared error over variance, paired difference of top-1.

use mcompc_ir::{Code, Error, Graph, Quant, Result, Tensor};
use mcompc_report::{Criterion, Loss};
use serde::Serialize;

/// Top-1 of both sides on labelled samples, in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Top1 {
    /// Labelled samples.
    pub samples: usize,
    /// The float model's.
    pub float: f64,
    /// The integer library's.
    pub int: f64,
    /// `int - float`.
    pub difference: f64,
    /// 95 % interval of the difference: normal approximation over the paired differences of the samples.
    pub interval: (f64, f64),
}

#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
    error: f64,
}

impl Moments {
    fn error_over_variance(self) -> f64 {
        if self.n == 0.0 || self.error == 0.0 {
            return 0.0;
        }
        let mean = self.sum / self.n;
        let variance = self.squares / self.n - mean * mean;
        if variance > 0.0 { self.error / self.n / variance } else { f64::MAX }
    }
    fn plus(self, o: Self) -> Self {
        Self { n: self.n + o.n, sum: self.sum + o.sum, squares: self.squares + o.squares, error: self.error + o.error }
    }
}

/// Running sums.
pub struct Agreement {
    criterion: Criterion,
    outputs: Vec<(String, Option<Quant>, Moments)>,
    samples: usize,
    same: usize,
    labelled: usize,
    float_right: usize,
    int_right: usize,
    /// Samples only one side gets right: float, integer.
    only: (usize, usize),
}

/// Index of the largest element, the first of equal ones.
fn argmax(v: &[f64]) -> usize {
    v.iter().enumerate().fold(0, |best, (i, x)| if *x > v[best] { i } else { best })
}

/// A classifier's first output ends in a softmax, or is one vector shorter than the inputs together; an autoencoder's is not.
fn criterion(g: &Graph) -> Criterion {
    let Some(out) = g.outputs.first() else { return Criterion::Error };
    let mut n = out.value.node;
    while g.node(n).op == "Reshape"
        && let Some(v) = g.inputs_of(n).first()
    {
        n = v.node;
    }
    let (shape, inputs) = (&g.value(out.value).shape, g.inputs.iter().map(|&n| g.value(g.out(n)).elems()).sum());
    let vector = shape.iter().filter(|&&d| d > 1).count() == 1 && g.value(out.value).elems() < inputs;
    if g.node(n).op == "q.softmax" || vector { Criterion::Top1 } else { Criterion::Error }
}

impl Agreement {
    /// For the outputs of an integer graph.
    pub fn new(integer: &Graph) -> Self {
        let outputs = integer.outputs.iter().map(|o| (o.name.clone(), integer.value(o.value).quant, Moments::default())).collect();
        Self { criterion: criterion(integer), outputs, samples: 0, same: 0, labelled: 0, float_right: 0, int_right: 0, only: (0, 0) }
    }

    /// One sample: outputs of the float model, those of the library, and the label if there is one.
    ///
    /// # Errors
    /// E009 if the two sides have outputs of different sizes.
    pub fn add(&mut self, real: &[Vec<f32>], int: &[Tensor], label: Option<i64>) -> Result<()> {
        self.samples += 1;
        for (i, ((_, quant, m), (r, q))) in self.outputs.iter_mut().zip(real.iter().zip(int)).enumerate() {
            let r: Vec<f64> = r.iter().map(|&v| f64::from(v)).collect();
            let (scale, zero) = quant.map_or((1.0, 0), |q| (q.scale, q.zero_point));
            let q: Vec<f64> = q.to_i64_vec()?.iter().map(|&v| scale * (v - i64::from(zero)) as f64).collect();
            if r.len() != q.len() || r.is_empty() {
                return Err(Error::new(Code::Internal, format!("{} outputs of the float model, {} of the library", r.len(), q.len())));
            }
            for (r, q) in r.iter().zip(&q) {
                m.n += 1.0;
                m.sum += r;
                m.squares += r * r;
                m.error += (r - q) * (r - q);
            }
            if i == 0 {
                let (a, b) = (argmax(&r), argmax(&q));
                self.same += usize::from(a == b);
                if let Some(y) = label {
                    let (fr, ir) = (a as i64 == y, b as i64 == y);
                    self.labelled += 1;
                    self.float_right += usize::from(fr);
                    self.int_right += usize::from(ir);
                    self.only.0 += usize::from(fr && !ir);
                    self.only.1 += usize::from(ir && !fr);
                }
            }
        }
        Ok(())
    }

    /// Agreement with the float model; `data` names the samples.
    pub fn loss(&self, data: &str) -> Loss {
        let all = self.outputs.iter().fold(Moments::default(), |a, o| a.plus(o.2));
        Loss {
            data: data.into(),
            samples: self.samples,
            top1_agreement: if self.samples == 0 { 0.0 } else { self.same as f64 / self.samples as f64 },
            error_over_variance: all.error_over_variance(),
            per_output: self.outputs.iter().map(|(n, _, m)| (n.clone(), m.error_over_variance())).collect(),
            criterion: self.criterion,
            limit: None,
        }
    }

    /// Top-1 of both sides, if there were labels.
    pub fn top1(&self) -> Option<Top1> {
        if self.labelled == 0 {
            return None;
        }
        let n = self.labelled as f64;
        let (lost, won) = (self.only.0 as f64 / n, self.only.1 as f64 / n);
        let difference = won - lost;
        // Each sample's difference is -1, 0 or 1: its variance follows from the two counts.
        let deviation = ((won + lost - difference * difference).max(0.0) / n).sqrt();
        Some(Top1 {
            samples: self.labelled,
            float: self.float_right as f64 / n,
            int: self.int_right as f64 / n,
            difference,
            interval: (difference - 1.96 * deviation, difference + 1.96 * deviation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_ir::{DType, Output, Value};

    fn graph() -> Graph {
        let mut g = Graph::new("g");
        let v = g.add_input(Value::new("y", DType::I8, [1, 2]).with_quant(0.5, 0));
        g.outputs.push(Output { name: "y".into(), value: v });
        g
    }

    #[test]
    fn figures_by_hand() {
        let mut a = Agreement::new(&graph());
        let t = |v: [f32; 2]| vec![v.to_vec()];
        let q = |v: [i8; 2]| vec![Tensor::from_i8([1, 2], &v).unwrap()];
        a.add(&t([1.0, 0.0]), &q([2, 0]), Some(0)).unwrap(); // both right, no error
        a.add(&t([1.0, 0.0]), &q([0, 2]), Some(0)).unwrap(); // only float right, error 2
        a.add(&t([1.0, 0.0]), &q([0, 0]), Some(1)).unwrap(); // both wrong: of equal codes the first counts, error 1
        a.add(&t([0.0, 1.0]), &q([0, 2]), None).unwrap(); // without label
        let l = a.loss("x");
        assert_eq!((l.samples, l.top1_agreement), (4, 0.75));
        // Mean squared error 3/8 over the variance of four ones and four zeros.
        assert!((l.error_over_variance - (3.0 / 8.0) / 0.25).abs() < 1e-12);
        let t = a.top1().unwrap();
        assert_eq!(t.samples, 3);
        assert!((t.float - 2.0 / 3.0).abs() < 1e-12 && (t.int - 1.0 / 3.0).abs() < 1e-12);
        // Differences 0, -1, 0: mean -1/3, variance 2/9, deviation of the mean sqrt(2/27).
        let d = (2f64 / 27.0).sqrt();
        assert!((t.difference + 1.0 / 3.0).abs() < 1e-12 && (t.interval.1 - (1.96 * d - 1.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn nothing_measured_is_nothing_claimed() {
        let a = Agreement::new(&graph());
        assert_eq!((a.loss("x").top1_agreement, a.top1()), (0.0, None));
    }
}
