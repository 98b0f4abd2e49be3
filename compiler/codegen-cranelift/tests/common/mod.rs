//! Kernels of a suite, run natively and under emulation, compared with the interpreter.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_cranelift::{Options, compile};
use mcompc_emu::{Argument, Calling, Program, call_main};
use mcompc_exec::{Arg, Buffer, Loaded, Need};
use mcompc_kernel::testing::Suite;
use mcompc_target::Target;

/// A suite whose kernels know no alignment.
pub fn suite() -> Suite {
    Suite::new(12, 1)
}

fn compare(s: &Suite, target: &str, want: &[u8], got: &[u8]) {
    let bad = s.differences(want, got);
    assert!(bad.is_empty(), "{target}: {} cases differ:\n{}", bad.len(), bad.join("\n"));
}

/// Interpreter = native code of every target this computer runs; returns how many those were.
pub fn check_native(s: &Suite) -> usize {
    let m = s.finished();
    let want = s.expected(&m).unwrap();
    let mut ran = 0;
    for t in Target::all().unwrap().iter().filter(|t| t.runs_here() && t.machine_cranelift.is_some()) {
        let loaded = Loaded::new(&compile(&m, t, &Options::default()).unwrap()).unwrap();
        let src = Buffer::from_bytes(s.input());
        let mut dst = Buffer::from_bytes(&vec![0xa5; s.out_len()]);
        let needs = [Need { bytes: s.input().len(), align: 64 }, Need { bytes: s.out_len(), align: 64 }];
        assert_eq!(loaded.call(Suite::ENTRY, &needs, &mut [Arg::In(src.bytes()), Arg::Out(dst.bytes_mut())]).unwrap(), 0);
        compare(s, &t.name, &want, dst.bytes());
        ran += 1;
    }
    ran
}

/// Interpreter = code of `target` under emulation. Reports and passes where the emulator is not installed.
pub fn check_emulated(s: &Suite, target: &str) {
    if let Some(e) = mcompc_emu::missing(target) {
        eprintln!("not run: {target}: {e}");
        return;
    }
    let m = s.finished();
    let want = s.expected(&m).unwrap();
    let object = compile(&m, &Target::by_name(target).unwrap(), &Options::default()).unwrap();
    let args = [Argument::Input(s.input().len()), Argument::Output(s.out_len())];
    let main = call_main(Suite::ENTRY, Calling::SeparateStatus, &args);
    let run = Program::new(target, main).object("kernel.o", object).build().unwrap().run(s.input()).unwrap();
    compare(s, target, &want, &run.output);
}
