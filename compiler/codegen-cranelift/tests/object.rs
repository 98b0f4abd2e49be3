//! What the object looks like from outside, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_cranelift::{Options, compile, disassemble};
use mcompc_exec::{Arg, Buffer, Loaded, Need};
use mcompc_ir::Code;
use mcompc_kernel::{Builder, Data, Elem, Form, Lane, MemElem, Module, Op, Role, Row, Ty};
use mcompc_target::Target;
use object::{Object, ObjectSection, ObjectSymbol};

/// Entry, a local kernel, weights, a table and an exported string.
fn module() -> Module {
    let mut k = Builder::new("kernel");
    let out = k.ptr("out", Role::Out, 8, 4);
    let (w, t) = (k.data("weights", 0), k.data("table", 4));
    for (i, p) in [w, t].into_iter().enumerate() {
        let v = k.load(Ty::I32, MemElem::W32, p, 0);
        k.store(v, MemElem::W32, out, 4 * i as i32);
    }
    let mut e = Builder::new("net_run");
    e.export();
    let out = e.ptr("out", Role::Out, 8, 4);
    e.call("kernel", &[out]);
    let data = |name: &str, byte: u8, weights, export| Data { name: name.into(), bytes: vec![byte; 70], align: 64, weights, export };
    Module {
        funcs: vec![k.finish(), e.finish()],
        data: vec![data("weights", 1, true, false), data("table", 2, false, false), data("net_hash", 3, false, true)],
        rows: vec![],
    }
}

#[test]
fn sections_and_symbols() {
    for name in ["x86_64", "aarch64", "riscv64gc"] {
        let options = Options { weights_section: Some(".model_weights".into()), ..Options::default() };
        let bytes = compile(&module(), &Target::by_name(name).unwrap(), &options).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        assert!(file.symbols().all(|s| !s.is_undefined() || s.name() == Ok("")), "{name}: undefined symbol");
        let globals: Vec<_> = file.symbols().filter(|s| s.is_global()).map(|s| s.name().unwrap()).collect();
        assert_eq!(globals, ["net_run", "net_hash"], "{name}");
        assert!(file.section_by_name(".eh_frame").is_none(), "{name}");
        for (section, size) in [(".model_weights", 70), (".rodata", 128 + 70)] {
            let s = file.section_by_name(section).unwrap();
            assert_eq!((s.align(), s.size()), (64, size), "{name} {section}");
        }
        for s in file.sections().filter(|s| s.size() > 0) {
            assert_ne!(s.kind(), object::SectionKind::Data, "{name}: {:?}", s.name());
        }
        assert_eq!(compile(&module(), &Target::by_name(name).unwrap(), &options).unwrap(), bytes);
    }
}

#[test]
fn mach_o_for_apple_systems() {
    for (name, platform) in [("aarch64-apple-ios", 2_u32), ("aarch64-apple-darwin", 1), ("aarch64-apple-ios-sim", 7)] {
        let options = Options { weights_section: Some("__TEXT,__weights".into()), ..Options::default() };
        let bytes = compile(&module(), &Target::by_name(name).unwrap(), &options).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        assert_eq!((file.format(), file.architecture()), (object::BinaryFormat::MachO, object::Architecture::Aarch64));
        assert!(file.symbols().all(|s| !s.is_undefined()), "{name}: undefined symbol");
        let mut globals: Vec<_> = file.symbols().filter(|s| s.is_global()).map(|s| s.name().unwrap()).collect();
        globals.sort_unstable();
        assert_eq!(globals, ["_net_hash", "_net_run"], "{name}");
        for (section, size) in [("__weights", 70), ("__const", 128 + 70)] {
            let s = file.section_by_name(section).unwrap();
            assert_eq!((s.segment_name().unwrap(), s.align(), s.size()), (Some("__TEXT"), 64, size), "{name} {section}");
        }
        // LC_BUILD_VERSION: platform, oldest system.
        let words = [0x32, 24, platform].map(u32::to_le_bytes).concat();
        let command = bytes.windows(12).any(|w| w == words);
        assert!(command, "{name}");
    }
}

#[test]
fn default_weights_are_read_only_data() {
    let bytes = compile(&module(), &Target::by_name("x86_64").unwrap(), &Options::default()).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    assert_eq!(file.section_by_name(".rodata").unwrap().size(), 128 + 128 + 70);
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
fn data_are_reached_after_loading() {
    let bytes = compile(&module(), &Target::host().unwrap(), &Options::default()).unwrap();
    let loaded = Loaded::new(&bytes).unwrap();
    assert_eq!(loaded.symbols().collect::<Vec<_>>(), ["net_hash", "net_run"]);
    assert_eq!(loaded.data("net_hash").unwrap()[..70], [3; 70]);
    let mut out = Buffer::new(8);
    let need = [Need { bytes: 8, align: 4 }];
    assert_eq!(loaded.call("net_run", &need, &mut [Arg::Out(out.bytes_mut())]).unwrap(), 0);
    assert_eq!(out.bytes(), [1, 1, 1, 1, 2, 2, 2, 2]);

    let short = loaded.call("net_run", &need, &mut [Arg::Out(&mut out.bytes_mut()[..7])]).unwrap_err();
    assert_eq!((short.code, short.message.contains("7 bytes")), (Code::Usage, true));
    let shifted = Need { bytes: 4, align: 4 };
    let odd = loaded.call("net_run", &[shifted], &mut [Arg::Out(&mut out.bytes_mut()[1..])]).unwrap_err();
    assert!(odd.message.contains("aligned"));
    assert_eq!(loaded.call("kernel", &need, &mut [Arg::Out(out.bytes_mut())]).unwrap_err().code, Code::Usage);
    assert_eq!(loaded.call("net_run", &[], &mut [Arg::Out(out.bytes_mut())]).unwrap_err().code, Code::Usage);
}

#[test]
fn foreign_and_broken_objects_are_refused() {
    let foreign = if cfg!(target_arch = "aarch64") { "x86_64" } else { "aarch64" };
    let bytes = compile(&module(), &Target::by_name(foreign).unwrap(), &Options::default()).unwrap();
    assert_eq!(Loaded::new(&bytes).unwrap_err().code, Code::Backend);
    assert_eq!(Loaded::new(&bytes[..100]).unwrap_err().code, Code::Backend);
    assert_eq!(Loaded::new(b"no object").unwrap_err().code, Code::Backend);
}

fn one(func: Builder, rows: Vec<Row>) -> Module {
    Module { funcs: vec![func.finish()], data: vec![], rows }
}

#[test]
fn refusals_name_function_and_reason() {
    let mut b = Builder::new("vectors");
    let p = b.ptr("p", Role::Out, 16, 1);
    let v = b.vconst(1, Ty::Vec(Lane::I32, 4));
    b.store(v, MemElem::W32, p, 0);
    let e = compile(&one(b, vec![]), &Target::by_name("riscv64gc").unwrap(), &Options::default()).unwrap_err();
    assert_eq!(e.code, Code::Backend);
    assert!(e.message.contains("`vectors`") && e.message.contains("i32x4"), "{e}");

    let text = |s: &str| s.to_string();
    let packed = Row {
        name: text("smlad"),
        form: Form::Packed,
        a: Elem::I16,
        w: Elem::I16,
        w_mem: Elem::I8,
        k: 2,
        n: 1,
        m: 1,
        tile: [2, 2],
        tile_fc: 4,
        unroll: 1,
        llvm: text("llvm.arm.smlad"),
        cranelift: text("none"),
        mnemonic: text("smlad"),
    };
    let mut b = Builder::new("packed");
    let p = b.ptr("p", Role::Out, 4, 1);
    let x = b.iconst(3);
    let v = b.op(Ty::I32, Op::Contract { row: 0, lane: 0 }, &[x, x, x]);
    b.store(v, MemElem::W32, p, 0);
    let e = compile(&one(b, vec![packed]), &Target::by_name("x86_64").unwrap(), &Options::default()).unwrap_err();
    assert_eq!(e.code, Code::Backend);
    assert!(e.message.contains("contract.smlad"), "{e}");

    let e = compile(&module(), &Target::by_name("cortex-m4").unwrap(), &Options::default()).unwrap_err();
    assert_eq!(e.code, Code::NeedsMlir);
    assert!(e.hint.unwrap().contains("--features mlir"));
    let e = disassemble(&module(), &Target::by_name("x86_64").unwrap(), "absent").unwrap_err();
    assert_eq!(e.code, Code::Usage);
}
