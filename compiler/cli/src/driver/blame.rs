//! Which layer of an object is wrong: the entry function is cut short behind a layer, and what the layer left in memory is compared.

use super::{Built, Options, object};
use mcompc_exec::{Arg, Buffer, Loaded, Need};
use mcompc_ir::{Graph, Result, Tensor, ValueId};
use mcompc_kernel::{Inst, Module};
use mcompc_lower::Located;
use std::collections::BTreeMap;

/// The first layer whose native result differs from `want`, `None` where all agree when they are cut short (a fault of what the object
/// has beside kernels).
///
/// # Errors
/// Those of the back end and the loader.
pub(super) fn first_wrong(
    o: &Options,
    g: &Graph,
    built: &Built,
    inputs: &[Tensor],
    want: &BTreeMap<ValueId, Vec<u8>>,
) -> Result<Option<usize>> {
    for (k, layer) in built.lowered.layers.iter().enumerate() {
        let Some(want) = want.get(&layer.value) else { continue };
        let module = cut(&built.lowered.module, &built.lowered.entry, k + 1);
        let code = object(&module, (&o.target, o.backend), &o.firmware)?.0;
        let (outs, arena) = call(&Loaded::new(&code)?, built, g, inputs)?;
        let have = match layer.result {
            Located::Output(i) => outs.get(i).map(Vec::as_slice),
            Located::Arena(at) => arena.get(at..at + want.len()),
        };
        if have != Some(want.as_slice()) {
            return Ok(Some(k));
        }
    }
    Ok(None)
}

/// The module with only the first `calls` calls of its entry function.
fn cut(module: &Module, entry: &str, calls: usize) -> Module {
    let mut m = module.clone();
    for f in m.funcs.iter_mut().filter(|f| f.name == entry) {
        let mut left = calls;
        f.body.insts.retain(|i| {
            let call = matches!(i, Inst::Call { .. });
            let keep = !call || left > 0;
            left -= usize::from(call && left > 0);
            keep
        });
    }
    m
}

fn call(loaded: &Loaded, built: &Built, g: &Graph, inputs: &[Tensor]) -> Result<(Vec<Vec<u8>>, Vec<u8>)> {
    let l = &built.lowered;
    let mut arena = Buffer::new(l.arena_bytes);
    let mut outs: Vec<Vec<u8>> = g.outputs.iter().map(|o| vec![0; g.value(o.value).bytes()]).collect();
    let mut needs: Vec<Need> = inputs.iter().map(|t| Need { bytes: t.bytes().len(), align: 1 }).collect();
    needs.extend(outs.iter().map(|o| Need { bytes: o.len(), align: 1 }));
    needs.push(Need { bytes: l.arena_bytes, align: l.arena_align });
    let mut args: Vec<Arg<'_>> = inputs.iter().map(|t| Arg::In(t.bytes())).collect();
    args.extend(outs.iter_mut().map(|o| Arg::Out(o)));
    args.push(Arg::Out(arena.bytes_mut()));
    loaded.call(&l.entry, &needs, &mut args)?;
    drop(args);
    Ok((outs, arena.bytes().to_vec()))
}
