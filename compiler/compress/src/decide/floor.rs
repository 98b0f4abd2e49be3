//! How fine the steps of a result may be: the largest sum that an operator can reach, in steps of the result, must leave room in 32 bits
//! for the rescaling rule (docs/numerics.md, section 2).

use super::masks::Masks;
use super::reals_of;
use crate::range::Range;
use crate::scheme::weighted;
use mcompc_ir::{DType, Graph, NodeId, Quant, Result, ValueId};
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
/// Results of 32 bits may be finer: they lose nothing where a factor has few bits.
const WIDE: i32 = 26;
/// Magnitudes are computed in 28 bits.
const MAGNITUDE: i32 = 26;
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
}

/// What is known of a graph's constants, read once: they may be large.
pub(super) struct Floors<'a> {
    g: &'a Graph,
    raw: &'a BTreeMap<ValueId, Quant>,
    /// Sum of the weights' magnitudes, and the bias's, of every output channel of a layer.
    layers: BTreeMap<NodeId, Vec<(f64, f64)>>,
    /// Smallest and largest magnitude of other constants.
    consts: BTreeMap<ValueId, (f64, f64)>,
}

impl<'a> Floors<'a> {
    pub(super) fn new(g: &'a Graph, raw: &'a BTreeMap<ValueId, Quant>, masks: &Masks) -> Result<Self> {
        let (mut layers, mut consts) = (BTreeMap::new(), BTreeMap::new());
        for id in g.ids() {
            let ins = g.inputs_of(id);
            let layer = weighted(g.node(id));
            if layer {
                layers.insert(id, channels(g, &ins)?);
            }
            for &v in ins.iter().filter(|&&v| !layer && g.const_of(v).is_some()) {
                let ends = |(lo, hi): (f64, f64), x: f64| (lo.min(x.abs()), hi.max(x.abs()));
                let finite = reals_of(g, v)?.into_iter().filter(|x| x.is_finite());
                let (least, most) = finite.fold((f64::INFINITY, 0.0), ends);
                consts.insert(v, (least, masks.magnitude(v, most)));
            }
        }
        Ok(Self { g, raw, layers, consts })
    }

    /// `None` where any step will do. `quant` gives the quantization of the operands, `wide` says whether the result has 32 bits.
    pub(super) fn of(&self, id: NodeId, wide: bool, quant: &dyn Fn(ValueId) -> Option<Quant>) -> Result<Option<Floor>> {
        let Self { g, raw, layers, consts } = self;
        let (node, ins) = (g.node(id), g.inputs_of(id));
        let reach = |i: usize| {
            ins.get(i).map_or(0.0, |&v| match consts.get(&v) {
                Some(&(_, most)) => most,
                None => raw.get(&v).cloned().or_else(|| quant(v)).map_or(0.0, |q| q.reach()),
            })
        };
        Ok(match node.op.as_str() {
            "Conv" | "Dense" => layers.get(&id).map(|rows| {
                let x = reach(0);
                let bits = if wide { WIDE } else { LAYER };
                Floor::both(rows.iter().map(|(w, b)| w * x + b).fold(0.0, f64::max), bits)
            }),
            "MatMul" => {
                let k = g.value(ins[0]).shape.last().copied().unwrap_or(1);
                Some(Floor::both(reach(0) * reach(1) * k as f64, LAYER))
            }
            // A normalized value is at most the root of its row's length.
            "Norm" => {
                let n: usize = g.value(ins[0]).shape[node.attrs.int("axis")? as usize..].iter().product();
                Some(Floor::both(reach(1) * (n as f64).sqrt() + reach(2), LAYER))
            }
            "Hypot" => Some(Floor::both(core::f64::consts::SQRT_2 * reach(0).max(reach(1)), MAGNITUDE)),
            "Mul" => Some(Floor::both(reach(0) * reach(1), LAYER)),
            "Add" | "Sub" => Some(Floor::both(reach(0) + reach(1), SUM)),
            "Div" => ins
                .get(1)
                .and_then(|v| consts.get(v))
                .map(|&(least, _)| Floor::both(if least > 0.0 { reach(0) / least } else { 0.0 }, LAYER)),
            "AveragePool" => Some(Floor::both(reach(0), LAYER - bits_of(mcompc_ops::spread(g, id)?))),
            "ReduceMean" => Some(Floor::both(reach(0), LAYER - bits_of(1))),
            "ReduceSum" => {
                let elems = |v: ValueId| g.value(v).elems() as f64;
                Some(Floor::both(reach(0) * elems(ins[0]) / elems(g.out(id)), LAYER))
            }
            "Sigmoid" | "HardSigmoid" => Some(Floor { lo: 0.0, hi: 1.0, bits: 31 }),
            "Relu" | "HardSwish" => Some(Floor { lo: 0.0, hi: reach(0), bits: 31 }),
            "Clip" | "Tanh" | "Elu" | "LeakyRelu" => Some(Floor::both(reach(0), 31)),
            "Concat" | "Pad" => {
                let top = (0..ins.len()).map(|i| if g.const_of(ins[i]).is_some() { 0.0 } else { reach(i) }).fold(0.0, f64::max);
                Some(Floor::both(top, LAYER))
            }
            _ => None,
        })
    }
}

fn bits_of(n: usize) -> i32 {
    (usize::BITS - n.leading_zeros()) as i32
}

/// Sum of the weights' magnitudes and magnitude of the bias, per output channel.
fn channels(g: &Graph, ins: &[ValueId]) -> Result<Vec<(f64, f64)>> {
    let bias = ins.get(2).map_or(Ok(vec![]), |&b| reals_of(g, b))?;
    let Some(t) = g.const_of(ins[1]).filter(|t| t.dtype == DType::F32) else { return Ok(vec![]) };
    let (w, outs) = (t.as_f32()?, t.shape.first().copied().unwrap_or(1).max(1));
    let magnitude = |x: f64| if x.is_finite() { x.abs() } else { 0.0 };
    let rows = w.chunks_exact((w.len() / outs).max(1)).enumerate();
    let channel = |(o, row): (usize, &[f32])| (row.iter().map(|&x| magnitude(x.into())).sum(), bias.get(o).copied().map_or(0.0, magnitude));
    Ok(rows.map(channel).collect())
}
