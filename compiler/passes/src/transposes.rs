//! Moves transposes down through operators that do not care about order, until two meet and merge or cancel.

use crate::channels_last::{TO_NCHW, TO_NHWC};
use crate::edit::{add_reshape, add_transpose, nodes_of, rewire_behind};
use mcompc_ir::{Graph, NodeId, Result, ValueId};

const BINARY: &[&str] = &["Add", "Sub", "Mul", "Div"];

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = merge(g)? + share(g)?;
    for n in g.topo()? {
        if !g.contains(n) {
            continue;
        }
        let op = g.node(n).op.clone();
        let sunk = if mcompc_ops::is_map(&op) {
            sink(g, n, |_, _, _| Ok(()))? || sink_reshape(g, n)?
        } else if BINARY.contains(&op.as_str()) {
            sink(g, n, |_, _, _| Ok(()))? || meet(g, n)?
        } else if op == "Concat" || op == "Softmax" && stays_last(g, n)? {
            sink(g, n, |g, n, perm| {
                let a = g.node(n).attrs.int("axis")? as usize;
                g.node_mut(n).attrs.set("axis", perm[a]);
                Ok(())
            })?
        } else if op == "Norm" && rows_stay(g, n)? {
            sink(g, n, |_, _, _| Ok(()))?
        } else if op == "Pad" {
            sink(g, n, |g, n, perm| {
                let p = g.node(n).attrs.usizes("pads")?;
                let r = perm.len();
                let mut q = vec![0usize; 2 * r];
                for i in 0..r {
                    q[perm[i]] = p[i];
                    q[r + perm[i]] = p[r + i];
                }
                g.node_mut(n).attrs.set("pads", q.as_slice());
                Ok(())
            })?
        } else if op == "Slice" {
            sink(g, n, |g, n, perm| {
                for name in ["starts", "sizes", "steps"] {
                    let old = g.node(n).attrs.ints(name)?.to_vec();
                    let mut new = old.clone();
                    perm.iter().zip(&old).for_each(|(&p, &v)| new[p] = v);
                    g.node_mut(n).attrs.set(name, new);
                }
                Ok(())
            })?
        } else if op.starts_with("Reduce") {
            reduce(g, n)?
        } else {
            false
        };
        changes += usize::from(sunk);
    }
    Ok(changes + merge(g)?)
}

// Transpose of a transpose is one transpose; the identity goes.
fn merge(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Transpose"])? {
        let x = g.inputs_of(n)[0];
        let perm = g.node(n).attrs.usizes("perm")?;
        if perm.iter().enumerate().all(|(i, &p)| i == p) {
            if g.is_output(g.out(n)) && g.node(x.node).op == "input" {
                continue;
            }
            g.replace_uses(g.out(n), x);
            g.remove_node(n);
            changes += 1;
        } else if g.node(x.node).op == "Transpose" {
            let inner = g.node(x.node).attrs.usizes("perm")?;
            let both: Vec<usize> = perm.iter().map(|&p| inner[p]).collect();
            g.node_mut(n).attrs.set("perm", both.as_slice());
            let src = g.inputs_of(x.node)[0];
            g.set_input(n, 0, src);
            changes += 1;
        }
    }
    Ok(changes)
}

// Transposes of one value by one permutation are one.
fn share(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Transpose"])? {
        let perm = g.node(n).attrs.usizes("perm")?;
        let x = g.inputs_of(n)[0];
        let first = g.users(x).into_iter().map(|(u, _)| u).filter(|&u| is_transpose(g, u, &perm)).min();
        if let Some(first) = first.filter(|&f| f != n) {
            g.replace_uses(g.out(n), g.out(first));
            g.remove_node(n);
            changes += 1;
        }
    }
    Ok(changes)
}

fn is_transpose(g: &Graph, n: NodeId, perm: &[usize]) -> bool {
    g.node(n).op == "Transpose" && g.node(n).attrs.usizes("perm").is_ok_and(|p| p == perm)
}

// Whether the axis of a softmax is the last one on both sides of the transpose before it: no other axis has a kernel.
fn stays_last(g: &Graph, n: NodeId) -> Result<bool> {
    let x = g.inputs_of(n)[0];
    if g.node(x.node).op != "Transpose" {
        return Ok(false);
    }
    let perm = g.node(x.node).attrs.usizes("perm")?;
    Ok(perm[g.node(n).attrs.int("axis")? as usize] + 1 == perm.len())
}

// Whether the dimensions of a row are the last ones on both sides of the transpose before it.
fn rows_stay(g: &Graph, n: NodeId) -> Result<bool> {
    let x = g.inputs_of(n)[0];
    if g.node(x.node).op != "Transpose" {
        return Ok(false);
    }
    let axis = g.node(n).attrs.int("axis")? as usize;
    Ok(g.node(x.node).attrs.usizes("perm")?[axis..].iter().all(|&p| p >= axis))
}

// op(T(a), b) = T(op(a, T^-1(b))) for images that were brought back from channels-last, where it is needed (a gate on the channels has a
// kernel in channels-last only) or where a convolution, which wants b so as well, or what follows pays for the transpose.
fn meet(g: &mut Graph, n: NodeId) -> Result<bool> {
    let (ins, out) = (g.inputs_of(n), g.out(n));
    let shape = g.value(out).shape.clone();
    let back = |g: &Graph, v: ValueId| is_transpose(g, v.node, &TO_NCHW);
    // A gate [N,C,1,1] may be behind a reshape in place of the transpose.
    let gate = |g: &Graph, v: ValueId| shape.len() == 4 && g.value(v).shape == [shape[0], shape[1], 1, 1] && g.const_of(v).is_none();
    let wanted = |g: &Graph, v: ValueId| g.users(v).iter().any(|&(u, _)| is_transpose(g, u, &TO_NHWC));
    if ins.len() != 2 || shape.len() != 4 || ins.iter().any(|&v| g.value(v).shape.len() != 4) {
        return Ok(false);
    }
    let Some(other) = [(0, 1), (1, 0)].into_iter().find_map(|(i, j)| {
        let (a, b) = (ins[i], ins[j]);
        let here = back(g, a) || gate(g, a) && g.value(b).shape == shape && wanted(g, b);
        let pays = g.value(a).shape != g.value(b).shape || wanted(g, b) || !g.is_output(out);
        (here && !back(g, b) && pays).then_some(j)
    }) else {
        return Ok(false);
    };
    let mut next = ins.clone();
    for (i, &v) in ins.iter().enumerate() {
        next[i] = if i != other && back(g, v) { g.inputs_of(v.node)[0] } else { add_transpose(g, v, &TO_NHWC)? };
    }
    g.set_inputs(n, &next);
    rewire_behind(g, n, |g, v| add_transpose(g, v, &TO_NCHW))?;
    Ok(true)
}

// op(T(a), T(b), const...) = T(op(a, b, T^-1(const)...)). `fix` adapts attributes from the order behind the transpose to the one before it.
fn sink(g: &mut Graph, n: NodeId, fix: impl Fn(&mut Graph, NodeId, &[usize]) -> Result<()>) -> Result<bool> {
    let ins = g.inputs_of(n);
    let Some(perm) = ins.iter().find(|v| g.node(v.node).op == "Transpose").map(|v| g.node(v.node).attrs.usizes("perm")).transpose()? else {
        return Ok(false);
    };
    let rank = perm.len();
    let same = |v: &ValueId| g.node(v.node).op == "Transpose" && g.node(v.node).attrs.usizes("perm").as_ref() == Ok(&perm);
    let constant = |v: &ValueId| g.const_of(*v).is_some() && (g.value(*v).shape.len() <= rank);
    if g.value(g.out(n)).shape.len() != rank || !ins.iter().all(|v| same(v) || constant(v)) {
        return Ok(false);
    }
    let mut inverse = vec![0usize; rank];
    for (i, &p) in perm.iter().enumerate() {
        inverse[p] = i;
    }
    let mut next = Vec::with_capacity(ins.len());
    for v in &ins {
        if let Some(t) = g.const_of(*v) {
            let mut shape = vec![1usize; rank - t.shape.len()];
            shape.extend(&t.shape);
            let t = t.reshaped(shape)?.transposed(&inverse)?;
            let name = g.value(*v).name.clone();
            next.push(g.add_const(name, t));
        } else {
            next.push(g.inputs_of(v.node)[0]);
        }
    }
    fix(g, n, &perm)?;
    g.set_inputs(n, &next);
    rewire_behind(g, n, |g, v| add_transpose(g, v, &perm))?;
    Ok(true)
}

// A reshape before a function of single elements goes behind it.
fn sink_reshape(g: &mut Graph, n: NodeId) -> Result<bool> {
    let x = g.inputs_of(n)[0];
    if g.node(x.node).op != "Reshape" || g.sole_user(x).is_none() {
        return Ok(false);
    }
    let shape = g.value(x).shape.clone();
    let src = g.inputs_of(x.node)[0];
    g.set_input(n, 0, src);
    rewire_behind(g, n, |g, v| add_reshape(g, v, &shape))?;
    Ok(true)
}

// A reduction over transposed axes; without keepdims the rest must keep its order.
fn reduce(g: &mut Graph, n: NodeId) -> Result<bool> {
    let x = g.inputs_of(n)[0];
    if g.node(x.node).op != "Transpose" {
        return Ok(false);
    }
    let perm = g.node(x.node).attrs.usizes("perm")?;
    let axes = g.node(n).attrs.usizes("axes")?;
    let rest: Vec<usize> = (0..perm.len()).filter(|i| !axes.contains(i)).map(|i| perm[i]).collect();
    if !rest.windows(2).all(|w| w[0] < w[1]) {
        return Ok(false);
    }
    let moved: Vec<usize> = axes.iter().map(|&a| perm[a]).collect();
    let out = g.value(g.out(n)).shape.clone();
    g.node_mut(n).attrs.set("axes", moved.as_slice());
    let src = g.inputs_of(x.node)[0];
    g.set_input(n, 0, src);
    rewire_behind(g, n, |g, v| if g.value(v).shape == out { Ok(v) } else { add_reshape(g, v, &out) })?;
    Ok(true)
}
