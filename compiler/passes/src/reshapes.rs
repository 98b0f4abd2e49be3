//! Merges chains of reshapes, turns transposes that move only dimensions of size 1, slices of everything and reductions of nothing into
//! reshapes, drops what changes nothing.

use crate::edit::{absorb, nodes_of};
use mcompc_ir::{Graph, NodeId, Result};

fn becomes_reshape(g: &mut Graph, n: NodeId) {
    let out = g.value(g.out(n)).shape.clone();
    let node = g.node_mut(n);
    node.op = "Reshape".into();
    node.attrs = mcompc_ir::Attrs::new().with("shape", out.as_slice());
}

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Transpose"])? {
        let shape = g.value(g.inputs_of(n)[0]).shape.clone();
        let perm = g.node(n).attrs.usizes("perm")?;
        let big: Vec<usize> = perm.into_iter().filter(|&p| shape[p] != 1).collect();
        if big.windows(2).all(|w| w[0] < w[1]) {
            becomes_reshape(g, n);
            changes += 1;
        }
    }
    for n in nodes_of(g, &["Slice", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"])? {
        let (x, y) = (g.value(g.inputs_of(n)[0]), g.value(g.out(n)));
        let turned = g.node(n).op == "Slice" && g.node(n).attrs.ints("steps")?.iter().any(|&s| s != 1);
        if x.elems() == y.elems() && !turned {
            becomes_reshape(g, n);
            changes += 1;
        }
    }
    for n in nodes_of(g, &["Reshape"])? {
        let x = g.inputs_of(n)[0];
        if g.value(x).shape == g.value(g.out(n)).shape {
            // An output keeps its name by keeping a node of its own where its producer is an input.
            if g.is_output(g.out(n)) && g.node(x.node).op == "input" {
                continue;
            }
            g.replace_uses(g.out(n), x);
            g.remove_node(n);
            changes += 1;
        } else if g.node(x.node).op == "Reshape" {
            let first = g.inputs_of(x.node)[0];
            if g.sole_user(x).is_some() {
                absorb(g, n, x.node);
            }
            g.set_input(n, 0, first);
            changes += 1;
        }
    }
    Ok(changes)
}
