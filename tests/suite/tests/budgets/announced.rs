//! What `plan` announces, held to what boards and emulators measure: stack, flash, and the forecast of the cost tables.

use mcompc_compress::WeightBits;
use mcompc_driver::describe;
use mcompc_suite::{MODELS, prepare_with};
use mcompc_target::{Backend, Target};
use object::{Object, ObjectSection, SectionFlags, elf::SHF_ALLOC};

/// Most a forecast may be off, whole models; docs/benchmarks.md says so.
const OFF: f64 = 0.15;

/// The same of four-bit weights, whose unpacking is priced as any other operation.
const OFF_INT4: f64 = 0.2;

/// Stack of the entry function on Cortex-M.
const STACK: u64 = 1024;

/// Less than this a painted stack cannot tell apart.
const PAINT: u64 = 64;

/// Bytes of an object that a linker puts into memory.
fn allocated(object: &[u8]) -> u64 {
    let file = object::File::parse(object).unwrap();
    let alloc = |f| matches!(f, SectionFlags::Elf { sh_flags, .. } if sh_flags.0 & SHF_ALLOC.0 != 0);
    file.sections().filter(|s| alloc(s.flags())).map(|s| s.size()).sum()
}

fn check(index: usize, targets: &[(&str, Backend)]) {
    check_with(index, targets, WeightBits::default());
}

fn check_with(index: usize, targets: &[(&str, Backend)], weights: WeightBits) {
    let m = MODELS[index];
    let Some(path) = m.path() else { return };
    let most = if weights.bits < 8 { OFF_INT4 } else { OFF };
    let p = prepare_with(&m, &path, 1, weights).unwrap();
    for &(target, backend) in targets {
        if !mcompc_emu::runnable(target).unwrap() {
            continue;
        }
        let (t, name) = (Target::by_name(target).unwrap(), m.name());
        let (o, c) = p.compiled(&t, backend).unwrap();
        let r = describe(&o, &c, None).unwrap();
        let measured = mcompc_driver::bench::measure(&t, &c.built, &p.quantized.graph, &p.inputs[..1], None).unwrap();
        let (stack, counted) = (measured.stack_bytes, measured.instructions.unwrap());
        assert!(stack <= r.totals.stack_bytes.max(PAINT), "{name} on {target}: {stack} bytes of stack, {} announced", r.totals.stack_bytes);
        assert!(
            !target.starts_with("cortex") || r.totals.stack_bytes <= STACK,
            "{name} on {target}: {} bytes of stack",
            r.totals.stack_bytes
        );
        assert_eq!(allocated(&c.built.object), r.totals.flash_bytes, "{name} on {target}: flash");
        let sum: f64 = counted.layers.iter().map(|l| l.instructions).sum::<f64>() + counted.other;
        assert!((sum - counted.total).abs() < 1.0, "{name} on {target}: layers sum up to {sum} of {}", counted.total);
        let forecast = r.totals.forecast.unwrap();
        let off = forecast.cost / counted.total - 1.0;
        println!("{name:26} {target:16} {backend:?} forecast {:+.1} %, stack {stack} of {}", 100.0 * off, r.totals.stack_bytes);
        assert!(off.abs() <= most, "{name} on {target}: forecast {} of {}", forecast.cost, counted.total);
    }
}

#[test]
fn announced_figures_hold_for_cranelift() {
    for index in [0, 2, 3] {
        check(index, &[("aarch64-dotprod", Backend::Cranelift), ("x86_64", Backend::Cranelift), ("riscv64gc", Backend::Cranelift)]);
    }
}

#[cfg(feature = "mlir")]
#[test]
fn announced_figures_hold_on_every_board() {
    let boards = ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "riscv32imac", "riscv32imc"];
    check(0, &boards.map(|t| (t, Backend::Mlir)));
}

#[cfg(feature = "mlir")]
#[test]
fn announced_figures_hold_for_models() {
    for index in 1..5 {
        check(index, &["cortex-m4", "cortex-m55", "riscv32imac", "aarch64-dotprod", "riscv64gcv", "x86_64"].map(|t| (t, Backend::Mlir)));
    }
}

#[cfg(feature = "mlir")]
#[test]
fn announced_figures_hold_for_four_bits() {
    for index in [2, 3] {
        let targets = ["cortex-m4", "cortex-m55", "riscv32imac", "aarch64-dotprod"].map(|t| (t, Backend::Mlir));
        check_with(index, &targets, WeightBits { bits: 4, ..WeightBits::default() });
    }
}
