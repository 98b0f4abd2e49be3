//! sqrt(a^2 + b^2), spelt out, becomes one operator.
//!
//! Squares span twice the octaves of what they are made of: rounded to codes on their way to the root, all quiet parts of a spectrum are gone.

use crate::edit::{absorb, nodes_of, replace_by};
use mcompc_ir::{Attrs, Graph, NodeId, Result, ValueId};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for root in nodes_of(g, &["Sqrt"])? {
        let sum = g.inputs_of(root)[0];
        let ins = g.inputs_of(sum.node);
        let plain = g.node(sum.node).op == "Add" && g.node(sum.node).attrs.0.is_empty() && g.sole_user(sum).is_some();
        let (Some(a), Some(b)) = (if plain { square(g, ins[0]) } else { None }, ins.get(1).and_then(|&v| square(g, v))) else { continue };
        if g.value(a).shape != g.value(b).shape {
            continue;
        }
        let (name, out) = (g.node(root).name.clone(), g.value(g.out(root)).name.clone());
        let hypot = mcompc_ops::add_op(g, &name, "Hypot", Attrs::new(), &[a, b], &out, None)?;
        gone(g, hypot, &ins, sum.node);
        replace_by(g, root, hypot);
        changes += 1;
    }
    Ok(changes)
}

/// Squares and their sum are part of the new node.
fn gone(g: &mut Graph, into: NodeId, squares: &[ValueId], sum: NodeId) {
    squares.iter().for_each(|v| absorb(g, into, v.node));
    absorb(g, into, sum);
}

/// What a value is the square of, where only the sum reads it.
fn square(g: &Graph, v: ValueId) -> Option<ValueId> {
    let (node, ins) = (g.node(v.node), g.inputs_of(v.node));
    let squared = match node.op.as_str() {
        "Mul" => ins[0] == ins[1],
        "Power" => node.attrs.float("exponent") == Ok(2.0),
        _ => false,
    };
    (squared && g.sole_user(v).is_some() && g.const_of(ins[0]).is_none()).then(|| ins[0])
}
