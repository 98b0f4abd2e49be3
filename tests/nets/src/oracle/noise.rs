//! Elements of outputs that the last bit of some value decides: places of equal largest elements, comparisons at equality, rounding at halves.
//! Two executors that are both right may differ there.

use super::float::bound;
use mcompc_ir::{DType, Graph, Result, Tensor, Value, ValueId};
use std::collections::BTreeMap;

/// Runs that are shaken: an element that one bit turns over stays as it is in all of them by a chance of 1 in 64.
const RUNS: u32 = 6;

/// For each output which elements differ from `outputs`, by more than values that reach `scale` may, where results of operators are a unit
/// or two in the last place larger or smaller.
///
/// # Errors
/// Those of the operators.
pub(crate) fn undecided(g: &Graph, inputs: &[Tensor], outputs: &[Tensor], scale: f32) -> Result<Vec<Vec<bool>>> {
    let mut found: Vec<Vec<bool>> = outputs.iter().map(|t| vec![false; t.elems()]).collect();
    for seed in 1..=RUNS {
        for ((found, a), b) in found.iter_mut().zip(outputs).zip(shaken(g, inputs, seed)?) {
            let (Ok(a), Ok(b)) = (a.as_f32(), b.as_f32()) else { continue };
            found
                .iter_mut()
                .zip(a.iter().zip(b.iter()))
                .for_each(|(f, (a, b))| *f |= (a - b).abs() > bound(scale) || a.is_nan() != b.is_nan());
        }
    }
    Ok(found)
}

/// The outputs of one such run.
fn shaken(g: &Graph, inputs: &[Tensor], seed: u32) -> Result<Vec<Tensor>> {
    let mut values: BTreeMap<ValueId, Tensor> = g.inputs.iter().map(|&n| g.out(n)).zip(inputs.iter().cloned()).collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9);
    for id in g.topo()? {
        let node = g.node(id);
        if node.op == "input" {
            continue;
        }
        let ids = g.inputs_of(id);
        let ins: Vec<&Value> = ids.iter().map(|&v| g.value(v)).collect();
        let tensors: Vec<&Tensor> = ids.iter().filter_map(|v| values.get(v)).collect();
        for (port, t) in mcompc_ops::eval(node, &ins, &tensors)?.into_iter().enumerate() {
            let exact = node.op == "const" || mcompc_ops::is_move(&node.op) || t.dtype != DType::F32;
            let t = if exact { t } else { shake(&t, &mut state)? };
            values.insert(ValueId { node: id, port: port as u32 }, t);
        }
    }
    Ok(g.outputs.iter().filter_map(|o| values.get(&o.value).cloned()).collect())
}

/// A result whose elements are all whole is a count, a place or an answer, and is left alone.
fn shake(t: &Tensor, state: &mut u32) -> Result<Tensor> {
    const UNIT: f32 = 1.2e-7;
    let data = t.as_f32()?;
    if data.iter().all(|v| v.fract() == 0.0) {
        return Ok(t.clone());
    }
    let mut next = || {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        *state
    };
    let moved: Vec<f32> = data.iter().map(|v| v * (1.0 + ((next() % 5) as f32 - 2.0) * UNIT)).collect();
    Tensor::from_f32(t.shape.clone(), &moved)
}
