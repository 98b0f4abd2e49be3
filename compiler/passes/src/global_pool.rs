//! Means become average pools: over height and width of an image as they are, over any other axes through a view as one image, in which
//! windows that do not overlap follow each other from top to bottom.

use crate::edit::{add_reshape, add_transpose, nodes_of};
use mcompc_ir::{Attrs, Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["ReduceMean"])? {
        let mut x = g.inputs_of(n)[0];
        let mut shape = g.value(x).shape.clone();
        let mut axes = g.node(n).attrs.usizes("axes")?;
        axes.sort_unstable();
        let nchw = shape.len() == 4 && axes == [2, 3];
        let (mut kernel, mut strides) = ([1, 1], [1, 1]);
        if !nchw && (shape.len() != 4 || axes != [1, 2]) {
            axes.retain(|&a| shape[a] != 1);
            let kept: Vec<usize> = (0..shape.len()).filter(|i| !axes.contains(i)).collect();
            let between = |i: usize| axes.first().is_some_and(|&a| a < i) && axes.last().is_some_and(|&a| i < a);
            if kept.iter().any(|&i| between(i) && shape[i] != 1) {
                // Several runs of axes: brought together at the end.
                let perm = [kept.as_slice(), &axes].concat();
                x = add_transpose(g, x, &perm)?;
                shape = g.value(x).shape.clone();
                axes = (kept.len()..shape.len()).collect();
            }
            let size = |s: &[usize]| s.iter().product::<usize>();
            let (from, to) = (axes.first().copied().unwrap_or(0), axes.last().map_or(0, |&a| a + 1));
            let (windows, height, channels) = (size(&shape[..from]), size(&shape[from..to]), size(&shape[to..]));
            x = add_reshape(g, x, &[1, windows * height, 1, channels])?;
            (kernel[0], strides[0]) = (height, height);
        } else {
            kernel = [shape[axes[0]], shape[axes[1]]];
        }
        let (name, out) = (g.node(n).name.clone(), g.value(g.out(n)).clone());
        let mut v = x;
        if kernel != [1, 1] {
            let attrs = Attrs::new()
                .with("kernel", kernel.as_slice())
                .with("strides", strides.as_slice())
                .with("pads", vec![0i64; 4])
                .with("count_include_pad", 0i64)
                .with("layout", if nchw { "NCHW" } else { "NHWC" });
            let p = mcompc_ops::add_op(g, &name, "AveragePool", attrs, &[x], &out.name, None)?;
            v = g.out(p);
        }
        if g.value(v).shape != out.shape || g.node(v.node).op == "input" {
            v = add_reshape(g, v, &out.shape)?;
        }
        g.replace_uses(g.out(n), v);
        g.remove_node(n);
        changes += 1;
    }
    Ok(changes)
}
