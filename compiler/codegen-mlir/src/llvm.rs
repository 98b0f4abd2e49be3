//! MLIR text to an object: parse, lower to the `llvm` dialect, then the C API ([`ffi`]).

mod ffi;

use crate::Output;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::Frames;
use mcompc_target::Target;
use melior::dialect::{DialectHandle, DialectRegistry};
use melior::ir::Module;
use melior::pass::{PassManager, conversion};
use melior::{Context, diagnostic::DiagnosticSeverity, utility};
use std::cell::RefCell;
use std::rc::Rc;

/// How LLVM is to lay out and address code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine<'a> {
    triple: &'a str,
    cpu: &'a str,
    features: &'a str,
    abi: &'a str,
    /// Position-independent: a hosted library may end up in a shared object; firmware is linked at its address.
    pic: bool,
    /// Addresses beyond the first 2 GiB, as bare-metal RISC-V boards have.
    medium: bool,
    /// Assembly of the whole module.
    directives: &'a str,
}

/// No function takes or returns a floating-point number, so the object may be linked into programs of any float ABI. LLVM derives the
/// build attribute from the triple; this overrides it: Tag_ABI_VFP_args (28), compatible with both variants (3). Addenda to, and errata
/// in, the ABI for the Arm Architecture, 3.3.5.2.
const ANY_FLOAT_ABI: &str = ".eabi_attribute 28, 3";

pub(crate) fn compile(text: &str, target: &Target, output: Output) -> Result<(Vec<u8>, Frames)> {
    let bare = target.triple.contains("-none");
    let features = features(target)?;
    let machine = Machine {
        triple: &target.triple,
        cpu: &target.llvm.cpu,
        features: &features,
        abi: &target.llvm.abi,
        pic: !bare,
        medium: bare && target.arch().starts_with("riscv"),
        directives: if ["arm", "thumb"].iter().any(|a| target.arch().starts_with(a)) { ANY_FLOAT_ABI } else { "" },
    };
    let registry = DialectRegistry::new();
    for handle in [DialectHandle::llvm(), DialectHandle::arith(), ffi::vector_dialect()] {
        handle.insert_dialect(&registry);
    }
    let context = Context::new_with_registry(&registry, false);
    utility::register_all_llvm_translations(&context);
    context.load_all_available_dialects();
    let said = Rc::new(RefCell::new(String::new()));
    let sink = Rc::clone(&said);
    context.attach_diagnostic_handler(move |d| {
        if matches!(d.severity(), DiagnosticSeverity::Error) {
            sink.borrow_mut().push_str(&format!("{d}; "));
        }
        true
    });
    let refused =
        |stage: &str| Error::new(Code::Backend, format!("MLIR refused the module ({stage}): {}", said.borrow().trim_end_matches("; ")));
    let mut module = Module::parse(&context, text).ok_or_else(|| refused("parse"))?;
    let passes = PassManager::new(&context);
    passes.add_pass(conversion::create_vector_to_llvm());
    passes.add_pass(conversion::create_arith_to_llvm());
    passes.run(&mut module).map_err(|_| refused("lowering"))?;
    ffi::emit(&module, &machine, output).map_err(|m| match m.as_str() {
        "" => refused("translation"),
        m => Error::new(Code::Backend, format!("LLVM refused the module: {m}")),
    })
}

/// The target's features, and `+strict-align` where the machine has no unaligned accesses: LLVM assumes the opposite for Arm.
fn features(target: &Target) -> Result<String> {
    let mut all = target.llvm.features.clone();
    if target.arch().starts_with("thumb") && !target.machine(mcompc_target::Backend::Mlir)?.unaligned {
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str("+strict-align");
    }
    Ok(all)
}
