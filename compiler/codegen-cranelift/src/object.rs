//! The ELF or Mach-O object: functions through cranelift-object, constant data through the object writer it hands out.

use crate::translate::Translator;
use crate::writer::{Writer, signature};
use crate::{Options, backend, compile_function};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{Function, UserFuncName};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_frontend::FunctionBuilder;
use cranelift_module::{DataId, Module as _};
use mcompc_ir::Result;
use mcompc_kernel::{Frames, Func, Module};
use object::write::{StandardSection, SymbolSection};
use object::{SectionKind, SymbolScope};
use std::collections::BTreeMap;

/// Stack bytes of return address and frame pointer, which the layout does not count. Leaf functions of aarch64 and riscv64 save neither.
const SETUP: u64 = 16;

/// Cranelift IR of one function.
pub(crate) fn translate(w: &mut Writer<'_>, f: &Func) -> Result<Context> {
    let mut ctx = Context::new();
    let index = w.funcs.get(f.name.as_str()).map_or(0, |id| id.as_u32());
    ctx.func = Function::with_name_signature(UserFuncName::user(0, index), signature(f));
    let mut scratch = std::mem::take(&mut w.scratch);
    let builder = FunctionBuilder::new(&mut ctx.func, &mut scratch);
    let done = Translator::new(builder, w.module, f, w).run();
    w.scratch = scratch;
    done?;
    Ok(ctx)
}

/// Translates and writes everything.
pub(crate) fn emit(module: &Module, isa: OwnedTargetIsa, options: &Options) -> Result<(Vec<u8>, Frames)> {
    let mut frames = Frames::new();
    let mut w = Writer::new(module, isa.clone())?;
    for f in &module.funcs {
        let mut ctx = translate(&mut w, f)?;
        let code = compile_function(&mut ctx, &*isa, &f.name)?;
        let below = code.buffer.frame_layout().map_or(0, |l| u64::from(l.frame_to_fp_offset));
        frames.insert(f.name.clone(), below + SETUP);
        let id = w.funcs[f.name.as_str()];
        w.out.define_function(id, &mut ctx).map_err(|e| backend(&f.name, e))?;
    }
    let ids: Vec<DataId> = module.data.iter().map(|d| w.data[d.name.as_str()]).collect();
    let mut product = w.out.finish();
    let mut sections = BTreeMap::new();
    for (d, id) in module.data.iter().zip(ids) {
        let symbol = match product.data_objects[id] {
            Some((symbol, _)) => symbol,
            None => return Err(backend("-", format!("`{}` has no symbol", d.name))),
        };
        if options.elsewhere.contains(&d.name) {
            product.object.symbol_mut(symbol).scope = SymbolScope::Linkage;
            continue;
        }
        let name = options.weights_section.as_deref().filter(|_| d.weights);
        let out = &mut product.object;
        let section = *sections.entry(name).or_insert_with(|| {
            let Some(name) = name else { return out.section_id(StandardSection::ReadOnlyData) };
            // Mach-O names are SEGMENT,section; ELF has no segments here.
            let (segment, name) = name.split_once(',').unwrap_or(("", name));
            out.add_section(segment.into(), name.into(), SectionKind::ReadOnlyData)
        });
        let s = out.symbol_mut(symbol);
        s.scope = if d.export { SymbolScope::Linkage } else { SymbolScope::Compilation };
        s.section = SymbolSection::Undefined;
        out.add_symbol_data(symbol, section, &d.bytes, u64::from(d.align.max(1)));
    }
    Ok((product.emit().map_err(|e| backend("-", e))?, frames))
}
