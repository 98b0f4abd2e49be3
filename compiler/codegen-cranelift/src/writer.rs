//! An object under construction.

use crate::backend;
use cranelift_codegen::ir::{AbiParam, Signature, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_module::{DataId, FuncId, Linkage, Module as _, default_libcall_names};
use cranelift_object::{ObjectBuilder, ObjectModule};
use mcompc_ir::Result;
use mcompc_kernel::{Func, Module, Role};
use std::collections::BTreeMap;

/// An object under construction, with every function and datum of the module declared.
pub(crate) struct Writer<'m> {
    pub(crate) module: &'m Module,
    pub(crate) isa: OwnedTargetIsa,
    pub(crate) out: ObjectModule,
    pub(crate) funcs: BTreeMap<&'m str, FuncId>,
    pub(crate) data: BTreeMap<&'m str, DataId>,
    pub(crate) scratch: FunctionBuilderContext,
}

/// Signature: pointers and scalars in, `i32` out of an exported function.
pub(crate) fn signature(f: &Func) -> Signature {
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
