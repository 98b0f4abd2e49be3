//! Relu and Clip behind a convolution, dense layer or residual add become its clamp.

use crate::edit::{nodes_of, replace_by};
use mcompc_ir::{Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Relu", "Clip"])? {
        let x = g.inputs_of(n)[0];
        let p = x.node;
        if !matches!(g.node(p).op.as_str(), "Conv" | "Dense" | "Add") || g.sole_user(x).is_none() {
            continue;
        }
        let a = &g.node(n).attrs;
        let (lo, hi) = if g.node(n).op == "Relu" { (0.0, f64::INFINITY) } else { (a.float("min")?, a.float("max")?) };
        let old = &g.node(p).attrs;
        let get = |k: &str, d: f64| if old.get(k).is_some() { old.float(k) } else { Ok(d) };
        let (olo, ohi) = (get("act_min", f64::NEG_INFINITY)?, get("act_max", f64::INFINITY)?);
        // clip(clip(x, olo, ohi), lo, hi)
        let (nlo, nhi) = (olo.clamp(lo, hi.max(lo)), ohi.clamp(lo, hi.max(lo)));
        let attrs = &mut g.node_mut(p).attrs;
        attrs.set("act_min", nlo);
        attrs.set("act_max", nhi);
        replace_by(g, n, p);
        changes += 1;
    }
    Ok(changes)
}
