//! Random modules: native code gives the interpreter's bytes, on every target this computer runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_cranelift::{Options, compile};
use mcompc_exec::{Arg, Buffer, Loaded, Need};
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::testing::{IN_BYTES, OUT_BYTES, Rng, Vocabulary, random_module};
use mcompc_kernel::{Builder, MemElem, Module, Role, Row, Ty, print};
use mcompc_target::{Target, machine, machines};

/// A random module behind an entry that takes its scalar from memory.
fn module(seed: u64, voc: &Vocabulary) -> Module {
    let mut m = random_module(seed, voc, 40);
    m.funcs.iter_mut().for_each(|f| f.export = false);
    let mut b = Builder::new("start");
    b.export();
    let x = b.ptr("x", Role::In, IN_BYTES, 16);
    let y = b.ptr("y", Role::Out, OUT_BYTES, 16);
    let n = b.load(Ty::I32, MemElem::W32, x, 0);
    b.call("f", &[x, y, n]);
    m.funcs.push(b.finish());
    m
}

#[test]
fn random_modules_equal_the_interpreter() {
    let rows: Vec<Row> = machines().flat_map(|m| machine(m).unwrap().contract).filter(|r| r.cranelift != "none").collect();
    let vocabularies = [16, 32, 64].map(|bytes| Vocabulary::up_to(bytes, &rows));
    for t in Target::all().unwrap().iter().filter(|t| t.runs_here() && t.machine_cranelift.is_some()) {
        for seed in 0..90 {
            let m = module(seed, &vocabularies[seed as usize % 3]);
            let input = Rng(seed + 77).bytes(IN_BYTES);
            let mut mem = Memory::new();
            let (x, y) = (mem.add(input.clone()), mem.add(vec![0xa5; OUT_BYTES]));
            interp::run(&m, "start", &mut mem, &[x.into(), y.into()]).unwrap();
            let loaded = Loaded::new(&compile(&m, t, &Options::default()).unwrap()).unwrap();
            let src = Buffer::from_bytes(&input);
            let mut dst = Buffer::from_bytes(&[0xa5; OUT_BYTES]);
            let needs = [Need { bytes: IN_BYTES, align: 16 }, Need { bytes: OUT_BYTES, align: 16 }];
            assert_eq!(loaded.call("start", &needs, &mut [Arg::In(src.bytes()), Arg::Out(dst.bytes_mut())]).unwrap(), 0);
            assert!(dst.bytes() == mem.bytes(y), "{}: random module {seed} differs\n{}", t.name, print(&m));
        }
    }
}
