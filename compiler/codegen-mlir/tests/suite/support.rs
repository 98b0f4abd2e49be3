//! Compiling, disassembling and running kernels.

use mcompc_codegen_mlir::{Options, Output, compile};
use mcompc_emu::{Argument, Calling, Program, Run, call_main};
use mcompc_kernel::{Module, Role};
use mcompc_target::Target;

/// Machine code for a target.
pub fn object(m: &Module, target: &str) -> Vec<u8> {
    let t = Target::by_name(target).unwrap();
    compile(m, &t, &Options::default()).unwrap_or_else(|e| panic!("{target}: {e}\n{}", mlir(m, target)))
}

/// Text of the module before any pass, for messages.
pub fn mlir(m: &Module, target: &str) -> String {
    mcompc_codegen_mlir::to_mlir(m, &Target::by_name(target).unwrap(), &Options::default()).unwrap()
}

fn text(m: &Module, target: &str, output: Output) -> String {
    let t = Target::by_name(target).unwrap();
    let text = compile(m, &t, &Options { output, ..Options::default() }).unwrap_or_else(|e| panic!("{target}: {e}"));
    String::from_utf8(text).unwrap()
}

/// Assembly for a target.
pub fn assembly(m: &Module, target: &str) -> String {
    text(m, target, Output::Assembly)
}

/// LLVM IR as it reaches the code generator.
pub fn llvm_ir(m: &Module, target: &str) -> String {
    text(m, target, Output::LlvmIr)
}

/// Whether the machine can be used here; only a feature that this CPU lacks is let pass.
pub fn runnable(target: &str) -> bool {
    match mcompc_emu::missing(target) {
        None => true,
        Some(mcompc_emu::Error::CpuLacks(what)) => {
            eprintln!("not run: {target}: this CPU lacks {what}");
            false
        }
        Some(e) => panic!("{target}: {e}"),
    }
}

/// Runs the exported function `name`, counting its instructions where `counted`. Parameters by role: `In` and `Const` are filled from
/// `input` in order, `Out` comes back.
pub fn run(m: &Module, name: &str, target: &str, input: &[u8], counted: bool) -> Run {
    let f = m.func(name).unwrap();
    let args: Vec<Argument> = f
        .params
        .iter()
        .map(|p| match p.role {
            Role::Out => Argument::Output(p.bytes as usize),
            Role::Scratch => Argument::Scratch(p.bytes as usize),
            _ => Argument::Input(p.bytes as usize),
        })
        .collect();
    let main = call_main(name, Calling::SeparateStatus, &args);
    let program = Program::new(target, main).object("kernel.o", object(m, target)).build().unwrap();
    let done = if counted { program.run_counted(input) } else { program.run(input) };
    done.unwrap_or_else(|e| panic!("{target}: {e}"))
}

/// xorshift: the same data everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}
