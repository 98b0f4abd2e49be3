//! ReduceMean over height and width of an image is an average pool over all of it.

use crate::edit::{add_reshape, nodes_of};
use mcompc_ir::{Attrs, Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["ReduceMean"])? {
        let x = g.inputs_of(n)[0];
        let shape = g.value(x).shape.clone();
        let mut axes = g.node(n).attrs.usizes("axes")?;
        axes.sort_unstable();
        if shape.len() != 4 || !(axes == [2, 3] || axes == [1, 2]) {
            continue;
        }
        let nchw = axes == [2, 3];
        let (h, w) = (shape[axes[0]], shape[axes[1]]);
        let attrs = Attrs::new()
            .with("kernel", [h, w].as_slice())
            .with("strides", [1usize, 1].as_slice())
            .with("pads", vec![0i64; 4])
            .with("count_include_pad", 0i64)
            .with("layout", if nchw { "NCHW" } else { "NHWC" });
        let (name, out) = (g.node(n).name.clone(), g.value(g.out(n)).clone());
        let p = mcompc_ops::add_op(g, &name, "AveragePool", attrs, &[x], &out.name, None)?;
        let mut v = g.out(p);
        if g.value(v).shape != out.shape {
            v = add_reshape(g, v, &out.shape)?;
        }
        g.replace_uses(g.out(n), v);
        g.remove_node(n);
        changes += 1;
    }
    Ok(changes)
}
