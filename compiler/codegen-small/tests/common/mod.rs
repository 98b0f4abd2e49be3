//! Kernels of a suite, run under emulation and compared with the interpreter.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_small::{Options, compile};
use mcompc_emu::{Argument, Calling, Program, call_main};
use mcompc_kernel::testing::Suite;
use mcompc_target::{Backend, Target};

/// Targets of this back end.
pub fn targets() -> Vec<Target> {
    Target::all().unwrap().into_iter().filter(|t| t.machine(Backend::Small).is_ok()).collect()
}

/// A suite whose kernels know what alignment they have.
pub fn suite() -> Suite {
    Suite::new(8, 16)
}

/// Interpreter = code under emulation, on every target. Says loudly where the emulator is not installed.
pub fn check(s: &Suite) {
    let m = s.finished();
    let want = s.expected(&m).unwrap();
    let only = std::env::var("MCOMPC_TARGET").ok();
    for t in targets().iter().filter(|t| only.as_ref().is_none_or(|o| *o == t.name)) {
        if let Some(e) = mcompc_emu::missing(&t.name) {
            eprintln!("not run: {}: {e}", t.name);
            continue;
        }
        let object = compile(&m, t, &Options::default()).unwrap();
        if let Ok(path) = std::env::var("MCOMPC_DUMP") {
            std::fs::write(format!("{path}.o"), &object).unwrap();
            std::fs::write(format!("{path}.mk"), mcompc_kernel::print(&m)).unwrap();
        }
        let args = [Argument::Input(s.input().len()), Argument::Output(s.out_len())];
        let main = call_main(Suite::ENTRY, Calling::SeparateStatus, &args);
        let got = Program::new(&t.name, main).object("kernel.o", object).build().unwrap().run(s.input()).unwrap().output;
        let bad = s.differences(&want, &got);
        assert!(bad.is_empty(), "{}: {} cases differ:\n{}", t.name, bad.len(), bad.join("\n"));
    }
}
