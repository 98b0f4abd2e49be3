//! Constants that a Norm's result is multiplied by, or that are added to it, become its gain and offset; a reshape may stand between.

use super::coefficient::Coefficient;
use crate::edit::{absorb, add_f32, add_reshape, nodes_of, replace_by};
use mcompc_ir::{Graph, NodeId, Result};

/// Elements of a parameter at most.
const MOST: usize = 1 << 16;

pub(super) fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Norm"])? {
        while fold(g, n)? {
            changes += 1;
        }
    }
    Ok(changes)
}

fn fold(g: &mut Graph, norm: NodeId) -> Result<bool> {
    let y = g.out(norm);
    let Some(mut user) = g.sole_user(y) else { return Ok(false) };
    let view = Some(user).filter(|&u| g.node(u).op == "Reshape");
    if view.is_some() {
        let Some(next) = g.sole_user(g.out(user)) else { return Ok(false) };
        user = next;
    }
    let shape = g.value(view.map_or(y, |u| g.out(u))).shape.clone();
    let Some((c, op)) = constant(g, user, &shape) else { return Ok(false) };
    let ins = g.inputs_of(norm);
    let (from, axis) = (g.value(y).shape.clone(), g.node(norm).attrs.int("axis")? as usize);
    let (Some(gain), Some(offset)) = (Coefficient::of(g, ins[1]), Coefficient::of(g, ins[2])) else { return Ok(false) };
    // Every dimension of either shape is a run of these.
    let Some(parts) = (if view.is_some() { refined(&from, &shape) } else { Some(from.clone()) }) else { return Ok(false) };
    let (Some(gain), Some(offset), Some(c)) = (within(&gain, &from, &parts), within(&offset, &from, &parts), within(&c, &shape, &parts))
    else {
        return Ok(false);
    };
    let (gain, offset) = match op {
        Op::Add(sign) => (Some(gain), offset.zip(&c, |o, c| o + sign * c)),
        Op::Mul => (gain.zip(&c, |g, c| g * c), offset.zip(&c, |o, c| o * c)),
    };
    let (Some(gain), Some(offset)) = (gain, offset) else { return Ok(false) };
    if gain.data.len().max(offset.data.len()) > MOST {
        return Ok(false);
    }
    let name = g.node(norm).name.clone();
    let mut next = vec![if parts == from { ins[0] } else { add_reshape(g, ins[0], &parts)? }];
    for (c, part) in [(gain, "gain"), (offset, "offset")] {
        next.push(add_f32(g, &format!("{name}.{part}"), &c.shape, &c.reals())?);
    }
    let rows: usize = from[..axis].iter().product();
    // Parts hold no dimensions of 1: there is one place with so many rows before it.
    let cut = (0..=parts.len()).find(|&a| parts[..a].iter().product::<usize>() == rows);
    let axis = if parts == from { axis } else { cut.unwrap_or(axis) };
    g.set_inputs(norm, &next);
    g.node_mut(norm).attrs.set("axis", axis);
    g.node_mut(norm).outs = mcompc_ops::infer_in(g, norm)?;
    let mut keep = norm;
    if let Some(view) = view {
        absorb(g, norm, view);
        keep = add_reshape(g, y, &shape)?.node;
    }
    let node = user;
    absorb(g, norm, node);
    replace_by(g, node, keep);
    if let Some(view) = view {
        g.remove_node(view);
    }
    Ok(true)
}

enum Op {
    Add(f64),
    Mul,
}

/// The constant operand of a node whose other operand is of `shape`, as its result is.
fn constant(g: &Graph, n: NodeId, shape: &[usize]) -> Option<(Coefficient, Op)> {
    let (node, ins) = (g.node(n), g.inputs_of(n));
    if g.value(g.out(n)).shape != shape || node.attrs.get("act_min").is_some() || node.attrs.get("act_max").is_some() {
        return None;
    }
    let op = match node.op.as_str() {
        "Add" => Op::Add(1.0),
        "Sub" => Op::Add(-1.0),
        "Mul" | "Div" => Op::Mul,
        _ => return None,
    };
    let c =
        Coefficient::of(g, *ins.get(1)?).or_else(|| Coefficient::of(g, ins[0]).filter(|_| matches!(node.op.as_str(), "Add" | "Mul")))?;
    let c = if node.op == "Div" {
        c.data.iter().all(|&v| v != 0.0).then(|| Coefficient { data: c.data.iter().map(|v| 1.0 / v).collect(), ..c })?
    } else {
        c
    };
    Some((c, op))
}

/// The dimensions of which those of both shapes are products.
fn refined(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (mut out, mut a, mut b) = (Vec::new(), a.to_vec(), b.to_vec());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        match (a.get(i).copied(), b.get(j).copied()) {
            (Some(1), _) => i += 1,
            (_, Some(1)) => j += 1,
            (Some(x), Some(y)) if x == y => (out.push(x), i += 1, j += 1).0,
            (Some(x), Some(y)) if y.is_multiple_of(x) => (out.push(x), i += 1, b[j] = y / x).0,
            (Some(x), Some(y)) if x.is_multiple_of(y) => (out.push(y), j += 1, a[i] = x / y).0,
            _ => return None,
        }
    }
    Some(out)
}

/// A constant that repeats in `shape` as one that repeats in the dimensions `parts` of it.
fn within(c: &Coefficient, shape: &[usize], parts: &[usize]) -> Option<Coefficient> {
    if shape == parts {
        return Some(c.clone());
    }
    let lead = shape.len().checked_sub(c.shape.len())?;
    let (mut out, mut at) = (Vec::new(), 0);
    for (i, &size) in shape.iter().enumerate() {
        let mut left = size;
        while left > 1 {
            let part = *parts.get(at)?;
            out.push(if i < lead || c.shape[i - lead] == 1 { 1 } else { part });
            left /= part;
            at += 1;
        }
    }
    Some(Coefficient { shape: out, data: c.data.clone() })
}
