//! Means over height and width of an image become average pools. Means over other axes stay: they have a kernel that takes any.

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
        let layout = match axes[..] {
            [2, 3] => "NCHW",
            [1, 2] => "NHWC",
            _ => continue,
        };
        let kernel = [shape[axes[0]], shape[axes[1]]];
        if shape.len() != 4 || kernel == [1, 1] {
            continue;
        }
        let (name, out) = (g.node(n).name.clone(), g.value(g.out(n)).clone());
        let attrs = Attrs::new()
            .with("kernel", kernel.as_slice())
            .with("strides", vec![1i64; 2])
            .with("pads", vec![0i64; 4])
            .with("count_include_pad", 0i64)
            .with("layout", layout);
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
