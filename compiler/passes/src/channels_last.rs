//! Convolutions and pools on NCHW become the same on NHWC between two transposes, which the next pass cancels.

use crate::edit::{add_transpose, nodes_of, rewire_behind};
use mcompc_ir::{Code, Error, Graph, Result};

pub(crate) const TO_NHWC: [usize; 4] = [0, 2, 3, 1];
pub(crate) const TO_NCHW: [usize; 4] = [0, 3, 1, 2];

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Conv", "AveragePool", "MaxPool"])? {
        if g.node(n).attrs.str("layout")? != "NCHW" {
            continue;
        }
        let ins = g.inputs_of(n);
        if g.node(n).op == "Conv" {
            let Some(w) = g.const_of(ins[1]) else {
                return Err(Error::new(Code::UnsupportedOp, "a convolution with weights that are not constant")
                    .at(g.node(n).name.clone())
                    .hint("only weights stored in the model can be compiled; export it with the weights as initializers"));
            };
            let w = w.transposed(&TO_NHWC)?;
            let name = g.value(ins[1]).name.clone();
            let wv = g.add_const(name, w);
            g.set_input(n, 1, wv);
        }
        let x = add_transpose(g, ins[0], &TO_NHWC)?;
        g.set_input(n, 0, x);
        g.node_mut(n).attrs.set("layout", "NHWC");
        rewire_behind(g, n, |g, v| add_transpose(g, v, &TO_NCHW))?;
        changes += 1;
    }
    Ok(changes)
}
