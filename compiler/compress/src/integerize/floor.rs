//! How fine the steps of a result may be: the largest sum that an operator can reach, in steps of the result, must leave room in 32 bits
//! for the rescaling rule (docs/numerics.md, section 2).

use super::channel::folded;
use super::inputs::Raw;
use super::pool::spread;
use super::reals_of;
use crate::range::Range;
use mcompc_ir::{Graph, NodeId, Quant, Result, ValueId};
use std::collections::BTreeMap;

/// What an operator can reach, as reals.
pub(super) struct Floor {
    lo: f64,
    hi: f64,
    /// Binary logarithm of the most steps that this may be.
    bits: i32,
}

/// The rule needs factor * accumulator below 2^28; rounded weights and moved zero points may double the accumulator twice.
const LAYER: i32 = 24;
/// Sums of two have factors of 16 bits.
const SUM: i32 = 20;

impl Floor {
    fn both(reach: f64, bits: i32) -> Self {
        Self { lo: -reach, hi: reach, bits }
    }

    /// The finest step.
    pub(super) fn step(&self) -> f64 {
        libm::ldexp(self.hi.max(-self.lo), -self.bits)
    }

    /// A range for a value that was zero on every sample: all that can be reached.
    pub(super) fn generous(&self) -> Range {
        Range::new(self.lo, self.hi)
    }

    /// `None` where any step will do. `quant` gives the quantization of the operands.
    pub(super) fn of(
        g: &Graph,
        raw: &BTreeMap<ValueId, Raw>,
        id: NodeId,
        quant: &dyn Fn(ValueId) -> Option<Quant>,
    ) -> Result<Option<Self>> {
        let (node, ins) = (g.node(id), g.inputs_of(id));
        let reach = |i: usize| {
            ins.get(i).map_or(0.0, |&v| match g.const_of(v) {
                Some(_) => magnitudes(g, v).into_iter().fold(0.0, f64::max),
                None => raw.get(&v).map_or_else(|| quant(v).map_or(0.0, reach_of), Raw::reach),
            })
        };
        Ok(match node.op.as_str() {
            "Conv" | "Dense" => Some(Self::both(weighted(g, &ins, reach(0)), LAYER)),
            "BatchNormalization" => folded(g, id)?.map(|(k, b)| {
                let top = k.iter().zip(&b).map(|(k, b)| k.abs() * reach(0) + b.abs()).fold(0.0, f64::max);
                Self::both(top, LAYER)
            }),
            "Mul" => Some(Self::both(reach(0) * reach(1), LAYER)),
            "Add" | "Sub" => Some(Self::both(reach(0) + reach(1), SUM)),
            "Div" => ins.get(1).filter(|&&v| g.const_of(v).is_some()).map(|&v| {
                let least = magnitudes(g, v).into_iter().fold(f64::INFINITY, f64::min);
                Self::both(if least > 0.0 { reach(0) / least } else { 0.0 }, LAYER)
            }),
            "AveragePool" | "ReduceMean" => Some(Self::both(reach(0), LAYER - bits_of(spread(g, id)?))),
            "Sigmoid" | "HardSigmoid" => Some(Self { lo: 0.0, hi: 1.0, bits: 31 }),
            "Relu" | "HardSwish" => Some(Self { lo: 0.0, hi: reach(0), bits: 31 }),
            "Clip" | "Tanh" | "Elu" | "LeakyRelu" => Some(Self::both(reach(0), 31)),
            "Concat" | "Pad" => {
                let top = (0..ins.len()).map(|i| if g.const_of(ins[i]).is_some() { 0.0 } else { reach(i) }).fold(0.0, f64::max);
                Some(Self::both(top, LAYER))
            }
            _ => None,
        })
    }
}

fn bits_of(n: usize) -> i32 {
    (usize::BITS - n.leading_zeros()) as i32
}

/// Largest real magnitude of a code.
fn reach_of(q: Quant) -> f64 {
    q.scale * f64::from((-128 - q.zero_point).abs().max((127 - q.zero_point).abs()))
}

fn magnitudes(g: &Graph, v: ValueId) -> Vec<f64> {
    reals_of(g, v).unwrap_or_default().into_iter().filter(|x| x.is_finite()).map(f64::abs).collect()
}

/// Largest magnitude of a layer's result for operands up to `x`.
fn weighted(g: &Graph, ins: &[ValueId], x: f64) -> f64 {
    let (w, outs) = (magnitudes(g, ins[1]), g.value(ins[1]).shape[0]);
    let bias = ins.get(2).map_or(vec![], |&b| magnitudes(g, b));
    let k = (w.len() / outs.max(1)).max(1);
    let rows = w.chunks_exact(k).enumerate();
    rows.map(|(o, row)| row.iter().sum::<f64>() * x + bias.get(o).copied().unwrap_or(0.0)).fold(0.0, f64::max)
}
