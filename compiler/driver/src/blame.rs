//! Which layer of an object is wrong: copies of the entry function, each cut short behind another layer, and what that layer left in memory.

use crate::request::Request;
use crate::stages::{Built, object};
use mcompc_backend::{Call, Passed};
use mcompc_ir::{Graph, Result, Tensor, ValueId};
use mcompc_kernel::{Func, Inst};
use mcompc_lower::Located;
use std::collections::BTreeMap;

/// The first layer whose native result differs from `want`; `None` where each of them is right when nothing runs behind it.
///
/// # Errors
/// Those of the back end, and native code that ends badly.
pub(crate) fn first_wrong(
    o: &Request,
    g: &Graph,
    built: &Built,
    inputs: &[Tensor],
    want: &BTreeMap<ValueId, Vec<u8>>,
) -> Result<Option<usize>> {
    let l = &built.lowered;
    let mut module = l.module.clone();
    let Some(entry) = module.func(&l.entry).cloned() else { return Ok(None) };
    let symbol = |k: usize| format!("{}_{k}", l.entry);
    module.funcs.extend(l.layers.iter().enumerate().map(|(k, layer)| Func { name: symbol(k), ..cut(&entry, layer.call + 1) }));
    let code = object(&module, (&o.target, o.backend), &o.firmware)?.0;

    let mut buffers: Vec<Vec<u8>> = inputs.iter().map(|t| t.bytes().to_vec()).collect();
    let mut args: Vec<Passed> = buffers.iter().enumerate().map(|(buffer, b)| Passed::In { buffer, bytes: b.len(), align: 1 }).collect();
    let first = buffers.len();
    for out in &g.outputs {
        let bytes = g.value(out.value).bytes();
        args.push(Passed::Out { buffer: buffers.len(), bytes, align: 1 });
        buffers.push(vec![0; bytes]);
    }
    let arena = buffers.len();
    args.push(Passed::Out { buffer: arena, bytes: l.arena_bytes, align: l.arena_align });
    buffers.push(vec![0; l.arena_bytes]);

    let mut calls = Vec::new();
    let mut wanted = Vec::new();
    for (k, layer) in l.layers.iter().enumerate() {
        let Some(want) = want.get(&layer.value) else { continue };
        let keep = match layer.result {
            Located::Output(i) => (first + i, 0..want.len()),
            Located::Arena(at) => (arena, at..at + want.len()),
        };
        calls.push(Call { symbol: symbol(k), args: args.clone(), keep: vec![keep] });
        wanted.push((k, want));
    }
    let returned = mcompc_backend::run(&code, &buffers, &calls)?;
    Ok(wanted.iter().zip(&returned).find(|((_, want), r)| r.kept.concat() != **want).map(|((k, _), _)| *k))
}

/// The function with only the first `calls` of its calls.
fn cut(f: &Func, calls: usize) -> Func {
    let mut f = f.clone();
    let mut left = calls;
    f.body.insts.retain(|i| {
        // A call behind the decoder's stands in a branch.
        let one = |i: &Inst| matches!(i, Inst::Call { .. });
        let call = one(i) || matches!(i, Inst::If { then, .. } if then.insts.iter().any(one));
        let keep = !call || left > 0;
        left -= usize::from(call && left > 0);
        keep
    });
    f
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::Firmware;
    use crate::progress::Silent;
    use crate::stages::build;
    use mcompc_interp::FastInt;
    use mcompc_target::{Backend, Target};

    /// Three layers; the last one's result is the output.
    const GRAPH: &str = "graph \"g\" {\n%0 = input() \"x\" -> \"x\" i8[1, 8] q(0.5, 0)\n\
        %1 = q.rescale(%0) \"a\" {m = 1610612736, pre = 0, shift = 1, lo = -128, hi = 127} -> \"a\" i8[1, 8] q(0.5, 3)\n\
        %2 = q.rescale(%1) \"b\" {m = 1610612736, pre = 0, shift = 1, lo = -128, hi = 127} -> \"b\" i8[1, 8] q(0.5, -7)\n\
        %3 = q.add(%1, %2) \"c\" {a = 64, b = 32, c = 0, shift = 7, lo = -128, hi = 127} -> \"c\" i8[1, 8] q(0.5, 0)\n\
        inputs(%0)\noutputs(\"c\" = %3)\n}\n";

    #[test]
    fn the_first_wrong_layer_is_named() -> Result<()> {
        let host = Target::host()?;
        let o = Request {
            model: "g.onnx".into(),
            command: None,
            target: host.clone(),
            backend: Backend::Cranelift,
            name: "g".into(),
            calib: None,
            inputs: vec![],
            dims: vec![],
            cut: Default::default(),
            states: Default::default(),
            range: mcompc_compress::RangeMethod::Mse,
            firmware: Firmware::default(),
            weights: Default::default(),
            acts: Default::default(),
            scheme: None,
            ask: None,
        };
        let g = mcompc_ir::parse(GRAPH)?;
        let built = build("g", "", &g, (&host, Backend::Cranelift), &o.firmware, &Silent)?;
        let x = vec![Tensor::from_i8([1, 8], &[-128, -90, -5, 0, 1, 33, 77, 127])?];
        let mut right = BTreeMap::new();
        FastInt::new(&g)?.run(&x, |v, t| {
            right.insert(v, t.bytes().to_vec());
        })?;
        assert_eq!(first_wrong(&o, &g, &built, &x, &right)?, None);
        for (k, layer) in built.lowered.layers.iter().enumerate() {
            let mut want = right.clone();
            want.entry(layer.value).and_modify(|b| b[7] = b[7].wrapping_add(1));
            assert_eq!(first_wrong(&o, &g, &built, &x, &want)?, Some(k));
        }
        Ok(())
    }
}
