//! Small helpers that passes share.

use mcompc_ir::{Attrs, DType, Graph, NodeId, Result, Tensor, ValueId};

/// Nodes of one operator, producers first.
pub fn nodes_of(g: &Graph, ops: &[&str]) -> Result<Vec<NodeId>> {
    Ok(g.topo()?.into_iter().filter(|&n| ops.contains(&g.node(n).op.as_str())).collect())
}

/// The constant f32 data behind a value.
pub fn f32_const(g: &Graph, v: ValueId) -> Option<Vec<f32>> {
    g.const_of(v).filter(|t| t.dtype == DType::F32).and_then(|t| t.as_f32().ok().map(|d| d.to_vec()))
}

/// Adds a constant f32 tensor.
pub fn add_f32(g: &mut Graph, name: &str, shape: &[usize], data: &[f32]) -> Result<ValueId> {
    Ok(g.add_const(name, Tensor::from_f32(shape, data)?))
}

/// Records in `into` that `gone` (and what it had absorbed) is now part of it.
pub fn absorb(g: &mut Graph, into: NodeId, gone: NodeId) {
    let mut names = vec![g.node(gone).name.clone()];
    names.extend(g.node(gone).fused.iter().cloned());
    g.node_mut(into).fused.extend(names);
}

/// Makes `keep`'s output stand for `gone`'s output (its tensor name included) and records the merge.
pub fn replace_by(g: &mut Graph, gone: NodeId, keep: NodeId) {
    let (from, to) = (g.out(gone), g.out(keep));
    let name = g.value(from).name.clone();
    absorb(g, keep, gone);
    g.replace_uses(from, to);
    g.value_mut(to).name = name;
    g.remove_node(gone);
}

/// A new transposing node behind `v`.
pub fn add_transpose(g: &mut Graph, v: ValueId, perm: &[usize]) -> Result<ValueId> {
    let name = format!("{}.transposed", g.value(v).name);
    let n = mcompc_ops::add_op(g, &name, "Transpose", Attrs::new().with("perm", perm), &[v], &name, None)?;
    Ok(g.out(n))
}

/// A new reshaping node behind `v`.
pub fn add_reshape(g: &mut Graph, v: ValueId, shape: &[usize]) -> Result<ValueId> {
    let name = format!("{}.reshaped", g.value(v).name);
    let n = mcompc_ops::add_op(g, &name, "Reshape", Attrs::new().with("shape", shape), &[v], &name, None)?;
    Ok(g.out(n))
}

/// The weighted layer (Conv or Dense with constant weights, no fused activation) that alone feeds `v`, if its result goes nowhere else.
pub fn foldable_layer(g: &Graph, v: ValueId) -> Option<NodeId> {
    let n = v.node;
    let node = g.node(n);
    let weighted =
        matches!(node.op.as_str(), "Conv" | "Dense") && node.attrs.get("act_min").is_none() && node.attrs.get("act_max").is_none();
    let ins = g.inputs_of(n);
    (weighted && g.sole_user(v).is_some() && ins[1..].iter().all(|&i| f32_const(g, i).is_some())).then_some(n)
}

/// Channel dimension of the output of a layer.
pub fn channel_axis(g: &Graph, n: NodeId) -> usize {
    let rank = g.value(g.out(n)).shape.len();
    if g.node(n).op == "Conv" && g.node(n).attrs.str("layout") == Ok("NCHW") { 1 } else { rank - 1 }
}

/// Multiplies a foldable layer's output channels by `scale` and adds `shift`, in its weights and bias.
pub fn scale_layer(g: &mut Graph, n: NodeId, scale: &[f64], shift: &[f64]) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(w) = f32_const(g, ins[1]) else { return Ok(false) };
    let shape = g.value(ins[1]).shape.clone();
    let o = shape[0];
    let per = w.len() / o.max(1);
    let old = match ins.get(2) {
        Some(&b) => f32_const(g, b).unwrap_or_default(),
        None => vec![0.0; o],
    };
    let w2: Vec<f32> = w.iter().enumerate().map(|(i, &v)| (f64::from(v) * scale[i / per]) as f32).collect();
    let b2: Vec<f32> = (0..o).map(|i| (f64::from(old[i]) * scale[i] + shift[i]) as f32).collect();
    let (wn, bn) = (g.value(ins[1]).name.clone(), ins.get(2).map_or(format!("{}.bias", g.node(n).name), |&b| g.value(b).name.clone()));
    let wv = if scale.iter().all(|&s| s == 1.0) { ins[1] } else { add_f32(g, &wn, &shape, &w2)? };
    let bv = add_f32(g, &bn, &[o], &b2)?;
    g.set_inputs(n, &[ins[0], wv, bv]);
    Ok(true)
}

/// Infers `n` anew and lets its old readers read `wrap(its output)`.
pub fn rewire_behind(g: &mut Graph, n: NodeId, wrap: impl FnOnce(&mut Graph, ValueId) -> Result<ValueId>) -> Result<()> {
    let old = g.out(n);
    let users = g.users(old);
    g.node_mut(n).outs = mcompc_ops::infer_in(g, n)?;
    let y = wrap(g, old)?;
    for (u, p) in users {
        g.set_input(u, p, y);
    }
    for o in &mut g.outputs {
        if o.value == old {
            o.value = y;
        }
    }
    Ok(())
}
