//! Products with one constant matrix, on either side, become Dense, whose weights are [outputs, inputs] as quantization and kernels want
//! them.

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

/// A constant operand of a product as one matrix: leading dimensions of 1 go, a vector is a column on the right and a row on the left.
fn matrix(g: &Graph, v: ValueId, right: bool) -> Result<Option<Tensor>> {
    let Some(t) = g.const_of(v).filter(|t| t.dtype == DType::F32) else { return Ok(None) };
    Ok(match t.shape[..] {
        [k] if right => Some(t.reshaped([k, 1])?),
        [k] => Some(t.reshaped([1, k])?),
        [.., a, b] if t.elems() == a * b => Some(t.reshaped([a, b])?),
        _ => None,
    })
}

// x @ W, for x of any rank.
fn right(g: &mut Graph, n: NodeId) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(w) = matrix(g, ins[1], true)? else { return Ok(false) };
    let xs = g.value(ins[0]).shape.clone();
    let Some((&k, lead)) = xs.split_last() else { return Ok(false) };
    let rows: usize = lead.iter().product();
    let x = if xs.len() == 2 { ins[0] } else { add_reshape(g, ins[0], &[rows, k])? };
    let v = dense(g, n, x, w.transposed(&[1, 0])?, &g.value(ins[1]).name.clone())?;
    replace(g, n, v)
}

// W @ x is the transpose of x' @ W', where ' swaps the last two dimensions; a vector x is its own transpose.
fn left(g: &mut Graph, n: NodeId) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(w) = matrix(g, ins[0], false)? else { return Ok(false) };
    let xs = g.value(ins[1]).shape.clone();
    let r = xs.len();
    let mut swap: Vec<usize> = (0..r).collect();
    let (k, mut rows_of) = match xs[..] {
        [k] => (k, vec![1]),
        [.., k, _] => {
            swap.swap(r - 2, r - 1);
            (k, swap[..r - 1].iter().map(|&i| xs[i]).collect())
        }
        [] => return Ok(false),
    };
    let x = if r > 1 { add_transpose(g, ins[1], &swap)? } else { ins[1] };
    let x = if r == 2 { x } else { add_reshape(g, x, &[rows_of.iter().product(), k])? };
    let m = w.shape[0];
    let mut v = dense(g, n, x, w, &g.value(ins[0]).name.clone())?;
    if r > 2 {
        rows_of.push(m);
        v = add_reshape(g, v, &rows_of)?;
    }
    if r > 1 {
        v = add_transpose(g, v, &swap)?;
    }
    replace(g, n, v)
}

fn dense(g: &mut Graph, n: NodeId, x: ValueId, w: Tensor, weights: &str) -> Result<ValueId> {
    let (name, out) = (g.node(n).name.clone(), g.value(g.out(n)).name.clone());
    let w = g.add_const(weights, w);
    let d = mcompc_ops::add_op(g, &name, "Dense", Attrs::new(), &[x, w], &out, None)?;
    Ok(g.out(d))
}

// `v`, in the shape of `n`'s result, takes the place of `n`.
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
