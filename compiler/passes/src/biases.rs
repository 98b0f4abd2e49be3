//! Constant per-channel Add, Sub, Mul and Div behind a convolution or dense layer go into its weights and bias.

use crate::edit::{channel_axis, f32_const, foldable_layer, nodes_of, replace_by, scale_layer};
use mcompc_ir::{Graph, NodeId, Result, ValueId};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Add", "Sub", "Mul", "Div"])? {
        let ins = g.inputs_of(n);
        let op = g.node(n).op.clone();
        if ins.len() != 2 || g.node(n).attrs.get("act_min").is_some() || g.node(n).attrs.get("act_max").is_some() {
            continue;
        }
        let (x, k, first) = if g.const_of(ins[1]).is_some() { (ins[0], ins[1], true) } else { (ins[1], ins[0], false) };
        if op == "Div" && !first {
            continue;
        }
        let Some(l) = foldable_layer(g, x) else { continue };
        let Some(k) = per_channel(g, l, n, k) else { continue };
        let one = vec![1.0; k.len()];
        let zero = vec![0.0; k.len()];
        let neg: Vec<f64> = k.iter().map(|v| -v).collect();
        let done = match (op.as_str(), first) {
            ("Add", _) => scale_layer(g, l, &one, &k)?,
            ("Sub", true) => scale_layer(g, l, &one, &neg)?,
            ("Sub", false) => scale_layer(g, l, &vec![-1.0; k.len()], &k)?,
            ("Mul", _) => scale_layer(g, l, &k, &zero)?,
            ("Div", _) if k.iter().all(|&v| v != 0.0) => {
                let inv: Vec<f64> = k.iter().map(|v| 1.0 / v).collect();
                scale_layer(g, l, &inv, &zero)?
            }
            _ => false,
        };
        if done {
            replace_by(g, n, l);
            changes += 1;
        }
    }
    Ok(changes)
}

// The constant as one number for each output channel of layer `l`, if it broadcasts so and does not enlarge the result.
fn per_channel(g: &Graph, l: NodeId, n: NodeId, k: ValueId) -> Option<Vec<f64>> {
    let out = &g.value(g.out(l)).shape;
    if g.value(g.out(n)).shape != *out {
        return None;
    }
    let axis = channel_axis(g, l);
    let data = f32_const(g, k)?;
    let ks = &g.value(k).shape;
    let c = out[axis];
    if data.len() == 1 {
        return Some(vec![f64::from(data[0]); c]);
    }
    // Aligned at the right, only the channel dimension may be more than 1.
    let ok = ks.len() <= out.len() && ks.iter().rev().enumerate().all(|(i, &d)| d == 1 || (out.len() - 1 - i == axis && d == c));
    (ok && data.len() == c).then(|| data.iter().map(|&v| f64::from(v)).collect())
}
