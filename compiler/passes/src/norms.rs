//! LayerNorm, RMSNorm, GroupNorm, InstanceNorm and the L2 norm, spelt out in any of the ways that exporters have, become Norm.
//!
//! Spelt out, every step would be rounded to codes: a variance, which spans the square of its operand's range, first of all.

mod affine;
mod coefficient;
mod form;
mod spec;

use crate::edit::{absorb, add_f32, add_transpose, nodes_of, replace_by};
use coefficient::Coefficient;
use form::Form;
use mcompc_ir::{Attrs, Graph, NodeId, Result, ValueId};
use spec::Spec;
use std::collections::BTreeSet;

/// Readers behind an inverse root that are looked at, one behind the other.
const DEPTH: usize = 8;

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for root in nodes_of(g, &["Sqrt", "Power"])? {
        if let Some(spec) = g.contains(root).then(|| Spec::of(g, root)).flatten() {
            changes += replace(g, &spec)?;
        }
    }
    Ok(changes + affine::run(g)?)
}

/// Everything that is x normalized by this root.
fn replace(g: &mut Graph, spec: &Spec) -> Result<usize> {
    let mut behind = vec![g.out(spec.root)];
    let mut seen: BTreeSet<ValueId> = BTreeSet::new();
    for _ in 0..DEPTH {
        let users = behind.iter().flat_map(|&v| g.users(v)).map(|(n, _)| g.out(n));
        behind = users.filter(|&v| seen.insert(v)).collect();
    }
    let shape = g.value(spec.x).shape.clone();
    let found: Vec<(ValueId, Coefficient, Coefficient)> = seen
        .into_iter()
        .filter(|&v| g.value(v).shape == shape)
        .filter_map(|v| Form::of(g, spec, v)?.normal(spec.centre).map(|(gain, offset)| (v, gain, offset)))
        .collect();
    let last = |v: ValueId| g.sole_user(v).is_none_or(|n| found.iter().all(|f| f.0 != g.out(n)));
    let ends: Vec<_> = found.iter().filter(|f| last(f.0)).cloned().collect();
    let count = ends.len();
    for (v, gain, offset) in ends {
        build(g, spec, v, gain, offset)?;
    }
    Ok(count)
}

fn build(g: &mut Graph, spec: &Spec, v: ValueId, gain: Coefficient, offset: Coefficient) -> Result<()> {
    let rank = g.value(spec.x).shape.len();
    let perm: Vec<usize> = (0..rank).filter(|i| !spec.axes.contains(i)).chain(spec.axes.iter().copied()).collect();
    let moved = perm.iter().enumerate().any(|(i, &p)| i != p);
    let (name, out) = (g.node(v.node).name.clone(), g.value(v).name.clone());
    let mut ins = vec![if moved { add_transpose(g, spec.x, &perm)? } else { spec.x }];
    for (c, part) in [(gain.times(spec.factor), "gain"), (offset, "offset")] {
        let c = if moved { c.transposed(&perm) } else { c };
        ins.push(add_f32(g, &format!("{name}.{part}"), &c.shape, &c.reals())?);
    }
    let attrs = Attrs::new().with("axis", rank - spec.axes.len()).with("centre", i64::from(spec.centre)).with("epsilon", spec.epsilon);
    let norm = mcompc_ops::add_op(g, &name, "Norm", attrs, &ins, &out, None)?;
    let parts = spent(g, spec, v);
    parts.into_iter().for_each(|n| absorb(g, norm, n));
    let mut keep = norm;
    if moved {
        let mut back = vec![0; rank];
        perm.iter().enumerate().for_each(|(i, &p)| back[p] = i);
        keep = add_transpose(g, g.out(norm), &back)?.node;
    }
    replace_by(g, v.node, keep);
    Ok(())
}

/// Nodes between x and `v` that only `v` needs, without its own.
fn spent(g: &Graph, spec: &Spec, v: ValueId) -> Vec<NodeId> {
    let (mut gone, mut todo, mut out) = (BTreeSet::from([v.node]), vec![v.node], Vec::new());
    while let Some(n) = todo.pop() {
        for i in g.inputs_of(n) {
            let computed = i != spec.x && g.const_of(i).is_none() && !g.inputs_of(i.node).is_empty() && !g.is_output(i);
            if computed && !gone.contains(&i.node) && g.users(i).iter().all(|(u, _)| gone.contains(u)) {
                gone.insert(i.node);
                out.push(i.node);
                todo.push(i.node);
            }
        }
    }
    // What has several readers among them is met again behind the last.
    out.sort_unstable();
    out
}
