//! Evaluates nodes whose inputs are all constant, by the operators' reference semantics.

use mcompc_ir::{Graph, Result};

/// Larger results stay nodes: folding must not blow the model up.
const MAX_ELEMS: usize = 1 << 22;

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in g.topo()? {
        let ins = g.inputs_of(n);
        if ins.is_empty() || ins.iter().any(|&v| g.const_of(v).is_none()) || g.node(n).outs.iter().any(|v| v.elems() > MAX_ELEMS) {
            continue;
        }
        let outs = {
            let vals: Vec<_> = ins.iter().map(|&v| g.value(v)).collect();
            let tensors: Vec<_> = ins.iter().filter_map(|&v| g.const_of(v)).collect();
            mcompc_ops::eval(g.node(n), &vals, &tensors)?
        };
        for (port, t) in outs.into_iter().enumerate() {
            let from = mcompc_ir::ValueId { node: n, port: port as u32 };
            let name = g.value(from).name.clone();
            let c = g.add_const(name, t);
            g.replace_uses(from, c);
        }
        changes += 1;
    }
    Ok(changes)
}
