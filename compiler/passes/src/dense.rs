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

// x @ W, for leading dimensions of any kind. A vector x is a row, a vector W a column.
//
// Along a leading dimension W is one matrix (rows of x follow each other), or a matrix for each of x's (a group of a convolution), or several
// for the same x (their outputs stand side by side).
fn right(g: &mut Graph, n: NodeId) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(w) = weights(g, ins[1]).filter(|_| g.const_of(ins[0]).is_none()) else { return Ok(false) };
    let (mut xs, mut ws) = (g.value(ins[0]).shape.clone(), w.shape.clone());
    if xs.len() == 1 {
        xs.insert(0, 1);
    }
    if ws.len() == 1 {
        ws.push(1);
    }
    let lead = xs.len().max(ws.len()) - 2;
    for s in [&mut xs, &mut ws] {
        s.splice(0..0, std::iter::repeat_n(1, lead + 2 - s.len()));
    }
    let of = |rule: &dyn Fn(usize) -> bool| (0..lead).filter(|&i| rule(i)).collect::<Vec<_>>();
    let (rows, each, beside) = (of(&|i| ws[i] == 1), of(&|i| ws[i] > 1 && xs[i] > 1), of(&|i| ws[i] > 1 && xs[i] == 1));
    let (m, k) = (lead, lead + 1);
    let sizes = |s: &[usize], axes: &[usize]| axes.iter().map(|&i| s[i]).collect::<Vec<_>>();
    let groups: usize = sizes(&ws, &each).iter().product();

    let order = [&rows[..], &[m], &each, &beside, &[k]].concat();
    let height = sizes(&xs, &rows).iter().product::<usize>() * xs[m];
    let x = moved(g, ins[0], &xs, &order)?;
    let x = reshaped(g, x, &if groups == 1 { vec![height, xs[k]] } else { vec![1, height, 1, groups * xs[k]] })?;

    // W as [each, beside, outputs, inputs].
    let order = [&each[..], &beside, &[k, m], &rows].concat();
    let outs = w.elems() / ws[m];
    let shape = if groups == 1 { vec![outs, ws[m]] } else { vec![outs, 1, 1, ws[m]] };
    let name = g.value(ins[1]).name.clone();
    let w = g.add_const(name, w.reshaped(ws.clone())?.transposed(&order)?.reshaped(shape)?);
    let attrs = Attrs::new();
    let v = if groups == 1 {
        layer(g, n, "Dense", attrs, &[x, w])?
    } else {
        let attrs = attrs.with("strides", vec![1i64; 2]).with("pads", vec![0i64; 4]).with("dilations", vec![1i64; 2]);
        layer(g, n, "Conv", attrs.with("group", groups).with("layout", "NHWC"), &[x, w])?
    };

    // [rows, m, each, beside, outputs], back in the order of the result.
    let made = [&rows[..], &[m], &each, &beside, &[k]].concat();
    let mut shape = sizes(&xs, &rows);
    shape.push(xs[m]);
    shape.extend(sizes(&ws, &each));
    shape.extend(sizes(&ws, &beside));
    shape.push(ws[k]);
    let order: Vec<usize> = (0..lead + 2).filter_map(|i| made.iter().position(|&a| a == i)).collect();
    let v = moved(g, v, &shape, &order)?;
    replace(g, n, v)
}

// `v` seen as of shape `shape`, its dimensions in this order.
fn moved(g: &mut Graph, v: ValueId, shape: &[usize], order: &[usize]) -> Result<ValueId> {
    if order.windows(2).all(|w| w[0] < w[1]) {
        return Ok(v);
    }
    let v = reshaped(g, v, shape)?;
    add_transpose(g, v, order)
}

fn reshaped(g: &mut Graph, v: ValueId, shape: &[usize]) -> Result<ValueId> {
    if g.value(v).shape == shape { Ok(v) } else { add_reshape(g, v, shape) }
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
    let v = reshaped(g, v, &shape)?;
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
