//! The only unsafe code of this crate: LLVM's C API, each object owned by a guard that disposes of it.
//!
//! melior owns the MLIR objects; `mlirTranslateModuleToLLVMIR` reads the module and makes a new one in an LLVM context of our own.
//! The context types of the two bindings name the same C type.
#![allow(unsafe_code)]

use super::Machine;
use crate::Output;
use llvm_sys::core::*;
use llvm_sys::error::{LLVMDisposeErrorMessage, LLVMGetErrorMessage};
use llvm_sys::prelude::*;
use llvm_sys::support::LLVMParseCommandLineOptions;
use llvm_sys::target::*;
use llvm_sys::target_machine::*;
use llvm_sys::transforms::pass_builder::*;
use llvm_sys::{LLVMAttributeFunctionIndex, LLVMDiagnosticSeverity};
use mcompc_kernel::Frames;
use melior::dialect::DialectHandle;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::Once;

/// Registered by handle; melior has no name for it.
pub(super) fn vector_dialect() -> DialectHandle {
    // SAFETY: the function returns a handle with static lifetime.
    unsafe { DialectHandle::from_raw(mlir_sys::mlirGetDialectHandle__vector__()) }
}

/// A C object and the function that frees it.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from the C API together with its disposer, is owned by this guard alone, and is freed once.
            unsafe { (self.1)(self.0) }
        }
    }
}

fn targets() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the functions set LLVM's global settings and fill its target registry; `Once` keeps them from running at the same time,
        // and before any other use of LLVM here.
        unsafe {
            LLVMParseCommandLineOptions(SETTINGS.len() as i32, SETTINGS.map(CStr::as_ptr).as_ptr(), ptr::null());
            LLVMInitializeX86TargetInfo();
            LLVMInitializeX86Target();
            LLVMInitializeX86TargetMC();
            LLVMInitializeX86AsmPrinter();
            LLVMInitializeAArch64TargetInfo();
            LLVMInitializeAArch64Target();
            LLVMInitializeAArch64TargetMC();
            LLVMInitializeAArch64AsmPrinter();
            LLVMInitializeARMTargetInfo();
            LLVMInitializeARMTarget();
            LLVMInitializeARMTargetMC();
            LLVMInitializeARMAsmPrinter();
            LLVMInitializeARMAsmParser();
            LLVMInitializeRISCVTargetInfo();
            LLVMInitializeRISCVTarget();
            LLVMInitializeRISCVTargetMC();
            LLVMInitializeRISCVAsmPrinter();
        }
    });
}

fn c(s: &str) -> Result<CString, String> {
    CString::new(s).map_err(|_| format!("`{s}` holds a zero byte"))
}

/// Takes a message of LLVM's allocator.
///
/// # Safety
/// `m` is null or a string that `LLVMDisposeMessage` frees.
unsafe fn take(m: *mut c_char) -> String {
    if m.is_null() {
        return "no message".into();
    }
    // SAFETY: by the contract of this function.
    unsafe {
        let text = CStr::from_ptr(m).to_string_lossy().into_owned();
        LLVMDisposeMessage(m);
        text
    }
}

/// What LLVM reported while it generated code.
#[derive(Default)]
struct Said {
    frames: Frames,
    errors: Vec<String>,
}

/// Called by LLVM with each diagnostic; `said` is the [`Said`] of the running [`emit`].
extern "C" fn report(info: LLVMDiagnosticInfoRef, said: *mut c_void) {
    // SAFETY: LLVM passes a diagnostic that lives during the call, and the pointer that `emit` registered for its own duration.
    let (severity, text, said) =
        unsafe { (LLVMGetDiagInfoSeverity(info), take(LLVMGetDiagInfoDescription(info)), &mut *said.cast::<Said>()) };
    if let Some((name, bytes)) = frame(&text) {
        said.frames.insert(name, bytes);
    } else if matches!(severity, LLVMDiagnosticSeverity::LLVMDSError) {
        said.errors.push(text);
    }
}

/// Reads `<unknown>:0:0: stack frame size (24) exceeds limit (0) in function 'f'`.
fn frame(text: &str) -> Option<(String, u64)> {
    let (bytes, rest) = text.split_once("stack frame size (")?.1.split_once(')')?;
    let name = rest.split_once("in function '")?.1.strip_suffix('\'')?;
    Some((name.to_owned(), bytes.parse().ok()?))
}

/// Asks for a diagnostic with the frame's size of each function whose frame is not empty.
///
/// # Safety
/// Both arguments are live, and the module belongs to the context.
unsafe fn ask_for_frames(context: LLVMContextRef, module: LLVMModuleRef) {
    const KEY: &CStr = c"warn-stack-size";
    const LIMIT: &CStr = c"0";
    // SAFETY: by the contract of this function; attributes belong to the context.
    unsafe {
        let attribute =
            LLVMCreateStringAttribute(context, KEY.as_ptr(), KEY.count_bytes() as u32, LIMIT.as_ptr(), LIMIT.count_bytes() as u32);
        let mut f = LLVMGetFirstFunction(module);
        while !f.is_null() {
            if LLVMIsDeclaration(f) == 0 {
                LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, attribute);
            }
            f = LLVMGetNextFunction(f);
        }
    }
}

/// Translates a module of the `llvm` dialect, optimises it and writes the output. An empty message means that MLIR reported the error.
pub(super) fn emit(module: &melior::ir::Module<'_>, machine: &Machine<'_>, output: Output) -> Result<(Vec<u8>, Frames), String> {
    targets();
    let mut said = Said::default();
    let tm = target_machine(machine)?;
    // SAFETY: all arguments are live objects of the C API; guards are declared so that the module goes before its context.
    unsafe {
        let context = Owned(LLVMContextCreate(), LLVMContextDispose);
        LLVMContextSetDiagnosticHandler(context.0, Some(report), ptr::from_mut(&mut said).cast());
        let raw = mlir_sys::mlirTranslateModuleToLLVMIR(module.as_operation().to_raw(), context.0.cast()) as LLVMModuleRef;
        if raw.is_null() {
            return Err(String::new());
        }
        let ir = Owned(raw, LLVMDisposeModule);
        LLVMSetTarget(ir.0, c(machine.triple)?.as_ptr());
        let layout = Owned(LLVMCreateTargetDataLayout(tm.0), LLVMDisposeTargetData);
        LLVMSetModuleDataLayout(ir.0, layout.0);
        LLVMAppendModuleInlineAsm(ir.0, machine.directives.as_ptr().cast(), machine.directives.len());
        optimise(ir.0, tm.0)?;
        let kind = match output {
            Output::LlvmIr => return Ok((take(LLVMPrintModuleToString(ir.0)).into_bytes(), Frames::new())),
            Output::Object => LLVMCodeGenFileType::LLVMObjectFile,
            Output::Assembly => LLVMCodeGenFileType::LLVMAssemblyFile,
        };
        ask_for_frames(context.0, ir.0);
        let (mut message, mut buffer) = (ptr::null_mut(), ptr::null_mut());
        if LLVMTargetMachineEmitToMemoryBuffer(tm.0, ir.0, kind, &mut message, &mut buffer) != 0 {
            return Err(take(message));
        }
        let buffer = Owned(buffer, LLVMDisposeMemoryBuffer);
        let bytes = std::slice::from_raw_parts(LLVMGetBufferStart(buffer.0).cast::<u8>(), LLVMGetBufferSize(buffer.0));
        let bytes = bytes.to_vec();
        match said.errors.is_empty() {
            true => Ok((bytes, said.frames)),
            false => Err(said.errors.join("; ")),
        }
    }
}

fn target_machine(m: &Machine<'_>) -> Result<Owned<LLVMOpaqueTargetMachine>, String> {
    let (triple, cpu, features, abi) = (c(m.triple)?, c(m.cpu)?, c(m.features)?, c(m.abi)?);
    // SAFETY: strings outlive the calls; options are disposed of after the machine is made, as the API asks.
    unsafe {
        let (mut target, mut message) = (ptr::null_mut(), ptr::null_mut());
        if LLVMGetTargetFromTriple(triple.as_ptr(), &mut target, &mut message) != 0 {
            return Err(take(message));
        }
        let options = Owned(LLVMCreateTargetMachineOptions(), LLVMDisposeTargetMachineOptions);
        LLVMTargetMachineOptionsSetCPU(options.0, cpu.as_ptr());
        LLVMTargetMachineOptionsSetFeatures(options.0, features.as_ptr());
        if !m.abi.is_empty() {
            LLVMTargetMachineOptionsSetABI(options.0, abi.as_ptr());
        }
        LLVMTargetMachineOptionsSetCodeGenOptLevel(options.0, LLVMCodeGenOptLevel::LLVMCodeGenLevelDefault);
        let reloc = if m.pic { LLVMRelocMode::LLVMRelocPIC } else { LLVMRelocMode::LLVMRelocStatic };
        LLVMTargetMachineOptionsSetRelocMode(options.0, reloc);
        let model = if m.medium { LLVMCodeModel::LLVMCodeModelMedium } else { LLVMCodeModel::LLVMCodeModelDefault };
        LLVMTargetMachineOptionsSetCodeModel(options.0, model);
        let tm = LLVMCreateTargetMachineWithOptions(target, triple.as_ptr(), options.0);
        if tm.is_null() {
            return Err(format!("no target machine for {}", m.triple));
        }
        Ok(Owned(tm, LLVMDisposeTargetMachine))
    }
}

/// Kernels arrive in the shape the code generator is to see: pointers carried by the loops, tiles in values. So this is what O2 does to
/// a function without its loop canonicalisation, which would merge the pointers into one index and undo post-indexed addressing, and
/// without inlining. In a pipeline given as text, `instcombine` ends the process where a second round would still change something (a
/// check for LLVM's own tests); O2 itself asks for one round without that check, and so do we.
const PASSES: &CStr = c"globaldce,function(early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),\
    gvn<no-pre;no-load-pre>,loop(loop-unroll-full),instcombine<no-verify-fixpoint>,early-cse<memssa>,dse,adce,simplifycfg)";

/// Settings LLVM has for the whole process only. Loop strength reduction rewrites the carried pointers for the same reason; without the
/// second the register allocator spills in the inner loops of Armv7E-M, which need every register.
const SETTINGS: [&CStr; 3] = [c"mcompc", c"-disable-lsr", c"-greedy-reverse-local-assignment"];

/// The vectorisers stay off: kernels are already tiled, and their scalar parts are tails.
unsafe fn optimise(module: LLVMModuleRef, tm: LLVMTargetMachineRef) -> Result<(), String> {
    // SAFETY: the caller passes live objects; the error is consumed exactly once.
    unsafe {
        let options = Owned(LLVMCreatePassBuilderOptions(), LLVMDisposePassBuilderOptions);
        LLVMPassBuilderOptionsSetLoopVectorization(options.0, 0);
        LLVMPassBuilderOptionsSetSLPVectorization(options.0, 0);
        LLVMPassBuilderOptionsSetLoopInterleaving(options.0, 0);
        let error = LLVMRunPasses(module, PASSES.as_ptr(), tm, options.0);
        if error.is_null() {
            return Ok(());
        }
        let message = LLVMGetErrorMessage(error);
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        LLVMDisposeErrorMessage(message);
        Err(text)
    }
}
