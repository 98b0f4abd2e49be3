//! Softmax over another axis than the last becomes one over the last between two transposes: rows of neighbours are what the kernels have.

use crate::edit::{add_reshape, add_transpose, nodes_of, rewire_behind};
use mcompc_ir::{Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Softmax"])? {
        let x = g.inputs_of(n)[0];
        let shape = g.value(x).shape.clone();
        let axis = g.node(n).attrs.int("axis")? as usize;
        if axis + 1 == shape.len() {
            continue;
        }
        if shape[axis + 1..].iter().all(|&d| d == 1) {
            // Only dimensions of size 1 follow.
            let flat = add_reshape(g, x, &shape[..=axis])?;
            g.set_input(n, 0, flat);
            rewire_behind(g, n, |g, v| add_reshape(g, v, &shape))?;
        } else {
            let last = shape.len() - 1;
            let to: Vec<usize> = (0..shape.len()).filter(|&i| i != axis).chain([axis]).collect();
            let back: Vec<usize> = (0..axis).chain([last]).chain(axis..last).collect();
            let y = add_transpose(g, x, &to)?;
            g.set_input(n, 0, y);
            g.node_mut(n).attrs.set("axis", last);
            rewire_behind(g, n, |g, v| add_transpose(g, v, &back))?;
        }
        changes += 1;
    }
    Ok(changes)
}
