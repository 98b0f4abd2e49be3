//! Products with a constant, on either side, become Dense (or a convolution with a group for each matrix), whose weights are
//! [outputs, inputs] as quantization and kernels want them.

use crate::edit::{add_reshape, add_transpose, nodes_of};
use mcompc_ir::{Attrs, DType, Graph, NodeId, Result, Tensor, ValueId};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["MatMul"])? {
        changes += usize::from(right(g, n)? || left(g, n)?);
    }
    changes += permute_flattened(g)?;
    Ok(changes)
}

fn weights(g: &Graph, v: ValueId) -> Option<Tensor> {
    g.const_of(v).filter(|t| t.dtype == DType::F32).cloned()
}

/// The permutation that swaps the last two of `rank` dimensions.
fn swap(rank: usize) -> Vec<usize> {
    let mut p: Vec<usize> = (0..rank).collect();
    p.swap(rank - 2, rank - 1);
    p
}

// x @ W, for x of any rank. A vector W is a column.
fn right(g: &mut Graph, n: NodeId) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(mut w) = weights(g, ins[1]).filter(|_| g.const_of(ins[0]).is_none()) else { return Ok(false) };
    if let [k] = w.shape[..] {
        w = w.reshaped([k, 1])?;
    }
    let (xs, ws) = (g.value(ins[0]).shape.clone(), w.shape.clone());
    let (&[.., k, outs], Some((_, rows))) = (ws.as_slice(), xs.split_last()) else { return Ok(false) };
    let batch = w.elems() / (k * outs);
    let rows: usize = rows.iter().product();
    let name = g.value(ins[1]).name.clone();
    // Every matrix as [outputs, inputs].
    let w = w.reshaped([batch, k, outs])?.transposed(&[0, 2, 1])?;
    let shared = xs[..xs.len().saturating_sub(2)].iter().all(|&d| d == 1);
    if batch == 1 || shared {
        // All matrices read the same rows: their outputs stand side by side.
        let x = if xs.len() == 2 { ins[0] } else { add_reshape(g, ins[0], &[rows, k])? };
        let w = g.add_const(name, w.reshaped([batch * outs, k])?);
        let mut v = layer(g, n, "Dense", Attrs::new(), &[x, w])?;
        if batch > 1 {
            v = add_reshape(g, v, &[rows, batch, outs])?;
            v = add_transpose(g, v, &[1, 0, 2])?;
        }
        return replace(g, n, v);
    }
    if xs.len() != ws.len() || xs[..xs.len() - 2] != ws[..ws.len() - 2] {
        return Ok(false);
    }
    // Every matrix has rows of its own: a 1x1 convolution over the rows, with a group for each matrix.
    let rows = rows / batch;
    let x = add_reshape(g, ins[0], &[batch, rows, k])?;
    let x = add_transpose(g, x, &[1, 0, 2])?;
    let x = add_reshape(g, x, &[1, rows, 1, batch * k])?;
    let w = g.add_const(name, w.reshaped([batch * outs, 1, 1, k])?);
    let attrs = Attrs::new().with("strides", vec![1i64; 2]).with("pads", vec![0i64; 4]).with("dilations", vec![1i64; 2]);
    let v = layer(g, n, "Conv", attrs.with("group", batch).with("layout", "NHWC"), &[x, w])?;
    let v = add_reshape(g, v, &[rows, batch, outs])?;
    let v = add_transpose(g, v, &[1, 0, 2])?;
    replace(g, n, v)
}

// W @ x is the transpose of x' @ W', where ' swaps the last two dimensions; the constant is then on the right. A vector W is a row.
fn left(g: &mut Graph, n: NodeId) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(w) = weights(g, ins[0]).filter(|_| g.const_of(ins[1]).is_none()) else { return Ok(false) };
    let (wr, xr) = (w.shape.len(), g.value(ins[1]).shape.len());
    let name = g.value(ins[0]).name.clone();
    let w = if wr > 1 { w.transposed(&swap(wr))? } else { w };
    let k = g.value(ins[1]).shape[0];
    let x = match xr {
        1 if wr > 1 => add_reshape(g, ins[1], &[1, k])?,
        1 => ins[1],
        _ => add_transpose(g, ins[1], &swap(xr))?,
    };
    let w = g.add_const(name, w);
    let mut v = layer(g, n, "MatMul", Attrs::new(), &[x, w])?;
    if wr > 1 && xr > 1 {
        v = add_transpose(g, v, &swap(wr.max(xr)))?;
    }
    replace(g, n, v)
}

// A new node that takes over the name and the tensor name of `n`.
fn layer(g: &mut Graph, n: NodeId, op: &str, attrs: Attrs, ins: &[ValueId]) -> Result<ValueId> {
    let (name, out) = (g.node(n).name.clone(), g.value(g.out(n)).name.clone());
    let d = mcompc_ops::add_op(g, &name, op, attrs, ins, &out, None)?;
    Ok(g.out(d))
}

// `v`, reshaped where its shape is another, takes the place of `n`.
fn replace(g: &mut Graph, n: NodeId, v: ValueId) -> Result<bool> {
    let shape = g.value(g.out(n)).shape.clone();
    let v = if g.value(v).shape == shape { v } else { add_reshape(g, v, &shape)? };
    g.replace_uses(g.out(n), v);
    g.remove_node(n);
    Ok(true)
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
