//! A quotient of computed tensors becomes a product with a reciprocal, which is a function of one value.

use crate::edit::nodes_of;
use mcompc_ir::{Attrs, Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Div"])? {
        let ins = g.inputs_of(n);
        let number = g.const_of(ins[0]).is_some_and(|t| t.elems() == 1);
        if number || g.const_of(ins[1]).is_some() {
            continue;
        }
        let name = format!("{}.reciprocal", g.node(n).name);
        let r = mcompc_ops::add_op(g, &name, "Reciprocal", Attrs::new(), &[ins[1]], &name, None)?;
        let r = g.out(r);
        g.set_inputs(n, &[ins[0], r]);
        g.node_mut(n).op = "Mul".into();
        changes += 1;
    }
    Ok(changes)
}
