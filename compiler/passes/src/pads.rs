//! Zero padding before a convolution becomes the convolution's own.

use crate::edit::{absorb, nodes_of};
use mcompc_ir::{Graph, Result};
use mcompc_ops::PadMode;

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Conv"])? {
        let x = g.inputs_of(n)[0];
        let p = x.node;
        if g.node(p).op != "Pad"
            || g.node(p).attrs.float("value")? != 0.0
            || PadMode::of(&g.node(p).attrs)? != PadMode::Constant
            || g.is_output(x)
        {
            continue;
        }
        let pads = g.node(p).attrs.usizes("pads")?;
        let (h, w) = if g.node(n).attrs.str("layout")? == "NCHW" { (2, 3) } else { (1, 2) };
        if pads.len() != 8 || (0..4).any(|d| d != h && d != w && pads[d] + pads[4 + d] > 0) {
            continue;
        }
        let own = g.node(n).attrs.usizes("pads")?;
        let sum = [own[0] + pads[h], own[1] + pads[w], own[2] + pads[4 + h], own[3] + pads[4 + w]];
        let src = g.inputs_of(p)[0];
        if g.users(x).len() == 1 {
            absorb(g, n, p);
        }
        g.node_mut(n).attrs.set("pads", sum.as_slice());
        g.set_input(n, 0, src);
        changes += 1;
    }
    Ok(changes)
}
