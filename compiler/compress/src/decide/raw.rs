//! Which values hold the caller's codes as they are.

use mcompc_data::Input;
use mcompc_ir::{Codes, Graph, Per, Quant, Result, ValueId};
use mcompc_ops::is_move;
use std::collections::BTreeMap;

/// Every value that holds raw codes other than plain i8: 8-bit inputs, and their reshapes, transposes and slices as far as channels can be
/// followed.
/// Convolutions and dense layers take it as it is; for all others it is made plain, that is i8 codes under one scale.
pub(crate) fn raw_values(g: &Graph, inputs: &[Input]) -> Result<BTreeMap<ValueId, Quant>> {
    let mut raw = BTreeMap::new();
    for (input, &id) in inputs.iter().zip(&g.inputs) {
        if let Some(q) = input.quant().filter(|q| q.codes.bits == Codes::I8.bits && !q.is_plain_i8()) {
            raw.insert(g.out(id), q);
        }
    }
    for id in g.topo()? {
        let node = g.node(id);
        if !is_move(&node.op) && node.op != "Quantize" {
            continue;
        }
        let Some(r) = raw.get(&g.inputs_of(id)[0]).cloned() else { continue };
        if node.op == "Quantize" {
            // The caller gives the very codes that the file says.
            if mcompc_ops::given_codes(node)?.as_ref() == Some(&r) {
                raw.insert(g.out(id), r);
            }
            continue;
        }
        let Some(from) = r.axis() else {
            raw.insert(g.out(id), r);
            continue;
        };
        if node.op == "Transpose"
            && let Some(axis) = node.attrs.usizes("perm")?.iter().position(|&p| p == from)
        {
            let moved = |p: Per<f64>| if p.one().is_some() { p } else { Per::along(axis as u8, p.all().to_vec()) };
            raw.insert(g.out(id), Quant { scale: moved(r.scale), zero: moved(r.zero), ..r });
        } else if node.op == "Slice"
            && node.attrs.ints("steps")?[from] == 1
            && g.value(g.out(id)).shape[from] == g.value(g.inputs_of(id)[0]).shape[from]
        {
            raw.insert(g.out(id), r);
        }
    }
    Ok(raw)
}
