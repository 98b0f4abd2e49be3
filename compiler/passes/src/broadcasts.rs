//! Add, Sub, Mul and Div on tensors of one rank: numpy's rule for ranks is spelt out by reshapes.
//!
//! A constant of a higher rank than its partner raises the rank of the result, even where it has one element. Later passes and stages ask
//! for shapes, not for ranks; after this pass the result has the rank of every computed operand.

use crate::edit::{add_reshape, nodes_of, rewire_behind};
use mcompc_ir::{Graph, NodeId, Result, ValueId};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Add", "Sub", "Mul", "Div"])? {
        changes += usize::from(lower_constant(g, n)? || raise_computed(g, n)?);
    }
    Ok(changes)
}

fn rank(g: &Graph, v: ValueId) -> usize {
    g.value(v).shape.len()
}

// op(x, k) with k of leading ones beyond the rank of x: the ones go from k and come back on the result.
fn lower_constant(g: &mut Graph, n: NodeId) -> Result<bool> {
    let ins = g.inputs_of(n);
    for (x, k) in [(0, 1), (1, 0)].map(|(i, j)| (ins[i], j)) {
        let Some(t) = g.const_of(ins[k]).cloned() else { continue };
        let extra = t.shape.len().saturating_sub(rank(g, x));
        if extra == 0 || t.shape[..extra].iter().any(|&d| d != 1) {
            continue;
        }
        let name = g.value(ins[k]).name.clone();
        let lower = g.add_const(name, t.reshaped(&t.shape[extra..])?);
        let shape = g.value(g.out(n)).shape.clone();
        g.set_input(n, k as u32, lower);
        rewire_behind(g, n, |g, v| add_reshape(g, v, &shape))?;
        return Ok(true);
    }
    Ok(false)
}

// A computed operand of a lower rank than the result gets leading ones.
fn raise_computed(g: &mut Graph, n: NodeId) -> Result<bool> {
    let want = rank(g, g.out(n));
    let mut raised = false;
    for (port, v) in g.inputs_of(n).into_iter().enumerate() {
        let have = g.value(v).shape.clone();
        if have.len() < want && g.const_of(v).is_none() {
            let mut shape = vec![1; want - have.len()];
            shape.extend(have);
            let r = add_reshape(g, v, &shape)?;
            g.set_input(n, port as u32, r);
            raised = true;
        }
    }
    Ok(raised)
}
