//! Constants that multiply a term: small tensors of f64 under numpy's rule.

use crate::edit::f32_const;
use mcompc_ir::{Graph, ValueId};

/// A constant.
#[derive(Clone, Debug)]
pub(super) struct Coefficient {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Coefficient {
    pub(super) fn number(v: f64) -> Self {
        Self { shape: Vec::new(), data: vec![v] }
    }
    /// A constant of the graph, finite.
    pub(super) fn of(g: &Graph, v: ValueId) -> Option<Self> {
        let data: Vec<f64> = f32_const(g, v)?.into_iter().map(f64::from).collect();
        let shape: Vec<usize> = g.value(v).shape.iter().copied().skip_while(|&d| d == 1).collect();
        data.iter().all(|x| x.is_finite()).then_some(Self { shape, data })
    }
    pub(super) fn zip(&self, o: &Self, f: impl Fn(f64, f64) -> f64) -> Option<Self> {
        let shape = mcompc_ops::broadcast(&self.shape, &o.shape).ok()?;
        let (a, b) = (mcompc_ops::offsets(&self.shape, &shape), mcompc_ops::offsets(&o.shape, &shape));
        let data = a.into_iter().zip(b).map(|(i, j)| f(self.data[i], o.data[j])).collect();
        Some(Self { shape, data })
    }
    pub(super) fn times(&self, k: f64) -> Self {
        Self { shape: self.shape.clone(), data: self.data.iter().map(|v| v * k).collect() }
    }
    /// Whether the sum is 0 everywhere.
    pub(super) fn cancels(&self, o: &Self) -> bool {
        self.zip(o, |a, b| a + b).is_some_and(|s| s.data.iter().all(|&v| v == 0.0))
    }
    /// Of a tensor whose dimensions are permuted.
    pub(super) fn transposed(&self, perm: &[usize]) -> Self {
        let mut full = vec![1; perm.len() - self.shape.len()];
        full.extend(&self.shape);
        let to: Vec<usize> = perm.iter().map(|&p| full[p]).collect();
        let mut strides = vec![1; full.len()];
        for i in (1..full.len()).rev() {
            strides[i - 1] = strides[i] * full[i];
        }
        let mut at = vec![0usize];
        for (&size, &p) in to.iter().zip(perm) {
            at = at.into_iter().flat_map(|o| (0..size).map(move |k| (o, k))).map(|(o, k)| o + k * strides[p]).collect();
        }
        Self { shape: to, data: at.into_iter().map(|i| self.data[i]).collect() }
    }
    pub(super) fn reals(&self) -> Vec<f32> {
        self.data.iter().map(|&v| v as f32).collect()
    }
}
