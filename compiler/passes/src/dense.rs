//! `x @ W` with a constant matrix becomes Dense, whose weights are [outputs, inputs] as quantization and kernels want them.

use crate::edit::{add_reshape, nodes_of};
use mcompc_ir::{Attrs, DType, Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["MatMul"])? {
        let ins = g.inputs_of(n);
        let Some(w) = g.const_of(ins[1]).filter(|t| t.shape.len() == 2 && t.dtype == DType::F32) else { continue };
        let xs = g.value(ins[0]).shape.clone();
        let Some((&k, lead)) = xs.split_last() else { continue };
        let t = w.transposed(&[1, 0])?;
        let (name, out) = (g.node(n).name.clone(), g.value(g.out(n)).clone());
        let wv = g.add_const(g.value(ins[1]).name.clone(), t);
        let rows: usize = lead.iter().product();
        let x = if xs.len() == 2 { ins[0] } else { add_reshape(g, ins[0], &[rows, k])? };
        let d = mcompc_ops::add_op(g, &name, "Dense", Attrs::new(), &[x, wv], &out.name, None)?;
        let mut v = g.out(d);
        if g.value(v).shape != out.shape {
            v = add_reshape(g, v, &out.shape)?;
        }
        g.replace_uses(g.out(n), v);
        g.remove_node(n);
        changes += 1;
    }
    changes += permute_flattened(g)?;
    Ok(changes)
}

// Dense(Reshape(Transpose(x))): the flattened order is a constant permutation of the columns of the weights.
fn permute_flattened(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Dense"])? {
        let ins = g.inputs_of(n);
        let r = ins[0].node;
        if g.node(r).op != "Reshape" {
            continue;
        }
        let tv = g.inputs_of(r)[0];
        if g.node(tv.node).op != "Transpose" {
            continue;
        }
        let (Some(w), src) = (g.const_of(ins[1]).cloned(), g.inputs_of(tv.node)[0]) else { continue };
        let t_shape = g.value(tv).shape.clone();
        let x_shape = g.value(src).shape.clone();
        let perm = g.node(tv.node).attrs.usizes("perm")?;
        // Only whole images are flattened: one row, or rows that the transpose keeps in front.
        let rows = g.value(ins[0]).shape[0];
        if rows != 1 && !(perm.first() == Some(&0) && t_shape[0] == rows) || rows == 1 && t_shape.iter().product::<usize>() != w.shape[1] {
            continue;
        }
        let (inner, inner_perm): (Vec<usize>, Vec<usize>) =
            if rows == 1 { (t_shape.clone(), perm.clone()) } else { (t_shape[1..].to_vec(), perm[1..].iter().map(|p| p - 1).collect()) };
        // Weights seen as [O, transposed dims...] go back to the order before the transpose.
        let mut view = vec![w.shape[0]];
        view.extend(&inner);
        let mut back = vec![0usize; inner_perm.len() + 1];
        for (i, &p) in inner_perm.iter().enumerate() {
            back[p + 1] = i + 1;
        }
        let wt = w.reshaped(view)?.transposed(&back)?.reshaped(w.shape.clone())?;
        let wv = g.add_const(g.value(ins[1]).name.clone(), wt);
        let cols: usize = x_shape.iter().product::<usize>() / rows;
        let flat = add_reshape(g, src, &[rows, cols])?;
        g.set_input(n, 0, flat);
        g.set_input(n, 1, wv);
        changes += 1;
    }
    Ok(changes)
}
