//! The ELF or Mach-O object: functions through cranelift-object, constant data through the object writer it hands out.

use crate::translate::Translator;
use crate::{Options, backend, compile_function};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, Function, Signature, UserFuncName, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{DataId, FuncId, Linkage, Module as _, default_libcall_names};
use cranelift_object::{ObjectBuilder, ObjectModule};
use mcompc_ir::Result;
use mcompc_kernel::{Frames, Func, Module, Role};
use object::write::{StandardSection, SymbolSection};
use object::{SectionKind, SymbolScope};
use std::collections::BTreeMap;

/// An object under construction, with every function and datum of the module declared.
pub(crate) struct Writer<'m> {
    module: &'m Module,
    isa: OwnedTargetIsa,
    pub(crate) out: ObjectModule,
    pub(crate) funcs: BTreeMap<&'m str, FuncId>,
    pub(crate) data: BTreeMap<&'m str, DataId>,
    scratch: FunctionBuilderContext,
}

/// Signature: pointers and scalars in, `i32` out of an exported function.
fn signature(f: &Func) -> Signature {
    let mut s = Signature::new(CallConv::SystemV);
    s.params = f.params.iter().map(|p| AbiParam::new(if p.role == Role::Scalar { types::I32 } else { types::I64 })).collect();
    if f.export {
        s.returns.push(AbiParam::new(types::I32).sext());
    }
    s
}

impl<'m> Writer<'m> {
    pub(crate) fn new(module: &'m Module, isa: OwnedTargetIsa) -> Result<Self> {
        let wrong = |e: cranelift_module::ModuleError| backend("-", e);
        let builder = ObjectBuilder::new(isa.clone(), "mcompc", default_libcall_names()).map_err(wrong)?;
        let mut out = ObjectModule::new(builder);
        let mut funcs = BTreeMap::new();
        for f in &module.funcs {
            let linkage = if f.export { Linkage::Export } else { Linkage::Local };
            funcs.insert(f.name.as_str(), out.declare_function(&f.name, linkage, &signature(f)).map_err(wrong)?);
        }
        let mut data = BTreeMap::new();
        for d in &module.data {
            // Declared as imports: their bytes go into sections of our own at the end.
            data.insert(d.name.as_str(), out.declare_data(&d.name, Linkage::Import, false, false).map_err(wrong)?);
        }
        Ok(Self { module, isa, out, funcs, data, scratch: FunctionBuilderContext::new() })
    }

    /// Cranelift IR of one function.
    pub(crate) fn translate(&mut self, f: &Func) -> Result<Context> {
        let mut ctx = Context::new();
        let index = self.funcs.get(f.name.as_str()).map_or(0, |id| id.as_u32());
        ctx.func = Function::with_name_signature(UserFuncName::user(0, index), signature(f));
        let mut scratch = std::mem::take(&mut self.scratch);
        let builder = FunctionBuilder::new(&mut ctx.func, &mut scratch);
        let done = Translator::new(builder, self.module, f, self).run();
        self.scratch = scratch;
        done?;
        Ok(ctx)
    }

    /// The architecture's vectors are usable.
    pub(crate) fn has_vectors(&self) -> bool {
        self.isa.name() != "riscv64"
    }

    /// Whether memory is broadcast without passing through a register: AVX2.
    pub(crate) fn broadcasts_from_memory(&self) -> bool {
        self.is_x86() && self.isa.isa_flags().iter().any(|f| f.name == "has_avx2" && f.as_bool() == Some(true))
    }

    /// x86 packs with saturation in one instruction, but picks even lanes in three; aarch64 the other way round.
    pub(crate) fn is_x86(&self) -> bool {
        self.isa.name() == "x64"
    }
}

/// Stack bytes of return address and frame pointer, which the layout does not count. Leaf functions of aarch64 and riscv64 save neither.
const SETUP: u64 = 16;

/// Translates and writes everything.
pub(crate) fn emit(module: &Module, isa: OwnedTargetIsa, options: &Options) -> Result<(Vec<u8>, Frames)> {
    let mut frames = Frames::new();
    let mut w = Writer::new(module, isa.clone())?;
    for f in &module.funcs {
        let mut ctx = w.translate(f)?;
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
