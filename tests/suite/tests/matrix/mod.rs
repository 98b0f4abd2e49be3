//! Every filetest of an integer operator on every executor, all bytes compared: the definition, the fast integer executor, the kernel
//! interpreter for each machine description, native code of both back ends, and code under QEMU.

use mcompc_interp::FastInt;
use mcompc_ir::{Code, Error, Graph};
use mcompc_kernel::Machine;
use mcompc_lower::{Options, Weights, lower};
use mcompc_suite::matrix::{Case, cases, groups, join, of_codes, spread, variants};
use mcompc_suite::{compile_with, emulate, interpret, native, reference};
use mcompc_target::{Backend, Target};
use std::collections::BTreeSet;

/// Buffers of one call in this process.
const NATIVE: usize = 23;
/// Buffers of one call under QEMU.
const EMULATED: usize = 90;

fn interpreters(c: &Case, machines: &[Machine], bad: &mut Vec<String>) {
    let mut want = Vec::new();
    let fast = FastInt::new(&c.graph).unwrap_or_else(|e| panic!("{}: {e}", c.name));
    for (i, x) in c.inputs.iter().enumerate() {
        let book = reference(&c.graph, x).unwrap_or_else(|e| panic!("{}, inputs {i}, by the book: {e}", c.name));
        if i == 0 {
            let wanted: Vec<_> = c.want.iter().map(|t| t.bytes().to_vec()).collect();
            assert_eq!(book, wanted, "{}: the definition does not give what the file wants", c.name);
        }
        match fast.run(x, |_, _| {}) {
            Ok(y) if y.iter().zip(&book).all(|(y, b)| y.bytes()[..] == b[..]) && y.len() == book.len() => {}
            Ok(_) => bad.push(format!("{}, inputs {i}: the fast integer executor differs", c.name)),
            Err(e) => bad.push(format!("{}, inputs {i}: the fast integer executor: {e}", c.name)),
        }
        want.push(book);
    }
    let mut taken = 0;
    for (i, m) in machines.iter().enumerate() {
        let run = || {
            // Weights of every second machine are coded: of each operator, some.
            let weights = if (i + c.name.len()).is_multiple_of(2) { Weights::AllCoded } else { Weights::Stored };
            let l = lower(&c.graph, m, &Options { name: "model".into(), weights, ..Default::default() })?;
            mcompc_kernel::verify(&l.module)?.complete()?;
            for (i, (x, want)) in c.inputs.iter().zip(&want).enumerate() {
                let got = interpret(&c.graph, &l, x)?;
                if &got != want {
                    let wrong = got.concat().iter().zip(want.concat()).filter(|(a, b)| **a != *b).count();
                    return Ok(Some(format!("inputs {i}, {wrong} of {} bytes differ", want.concat().len())));
                }
            }
            Ok(None)
        };
        match run() {
            Ok(None) => taken += 1,
            Err(e) if e.code == Code::Backend && e.hint.is_some() && c.refused.is_some() => {}
            Ok(Some(what)) => bad.push(format!("{}, kernels for {}: {what}", c.name, m.isa)),
            Err::<_, Error>(e) => bad.push(format!("{}, kernels for {}: {e}", c.name, m.isa)),
        }
    }
    if c.refused.is_some() && (taken == 0 || taken == machines.len()) {
        bad.push(format!("{}: some machines refuse it, says the file; {taken} of {} take it", c.name, machines.len()));
    }
}

fn none(bad: &[String]) {
    assert!(bad.is_empty(), "{} differences:\n{}", bad.len(), bad.join("\n"));
}

/// Every machine description that some target names for a back end, for itself or as a variant in a bundle.
fn machines() -> Vec<Machine> {
    let mut all: Vec<Machine> = Vec::new();
    for t in Target::all().unwrap() {
        let of = |b: &Backend| [t.machine(*b), t.bundle_machine(*b)].into_iter().flatten();
        for m in [Backend::Mlir, Backend::Cranelift, Backend::Small].iter().flat_map(of) {
            if all.iter().all(|a| a.isa != m.isa) {
                all.push(m);
            }
        }
    }
    let (named, there): (BTreeSet<&str>, BTreeSet<&str>) =
        (all.iter().map(|m| m.isa.as_str()).collect(), mcompc_target::machines().collect());
    assert_eq!(named, there, "machine descriptions that no target names");
    all
}

#[test]
fn interpreters_agree_on_every_machine() {
    let (machines, mut bad) = (machines(), Vec::new());
    variants().iter().for_each(|c| interpreters(c, &machines, &mut bad));
    none(&bad);
}

/// Found from the tables of operators and of kernels: neither has a row that no file holds.
#[test]
fn every_integer_operator_has_a_file() {
    let cases = cases();
    let have: BTreeSet<String> = cases.iter().flat_map(Case::ops).collect();
    let lowered: BTreeSet<&str> = mcompc_lower::operators().collect();
    let defined: BTreeSet<&str> = mcompc_ops::OPS.iter().map(|d| d.name).collect();
    for op in &lowered {
        assert!(defined.contains(op), "a kernel for `{op}`, which is no operator");
        assert!(have.contains(*op), "`{op}` has a kernel and no file in tests/filetests/int");
    }
    for op in defined.iter().filter(|op| op.starts_with("q.")) {
        assert!(lowered.contains(op), "`{op}` has no kernel");
    }
    assert!(cases.iter().all(|c| of_codes(&c.graph)));
}

/// A comparison of three values says nothing about the low bits: of n elements half are distinct, up to 12, and they span half of the type.
#[test]
fn outputs_use_their_range() {
    let mut wide = BTreeSet::new();
    for c in cases() {
        match &c.narrow {
            Some(why) => assert!(why.len() > 8, "{}: say why", c.name),
            None => {
                for t in &c.want {
                    let (values, span) = spread(t).unwrap();
                    let least = t.elems().min(24).div_ceil(2);
                    assert!(values >= least && span >= 128, "{}: {values} values of {}, span {span}", c.name, t.elems());
                }
                wide.extend(c.ops());
            }
        }
    }
    for op in mcompc_lower::operators() {
        assert!(wide.contains(op), "no file of `{op}` uses the range");
    }
}

/// Wanted outputs of all input sets, by the definition.
fn wanted(c: &Case) -> Vec<Vec<Vec<u8>>> {
    c.inputs.iter().map(|x| reference(&c.graph, x).unwrap()).collect()
}

fn differences(group: &[Case], what: &str, want: &[Vec<Vec<u8>>], got: &[Vec<Vec<u8>>], bad: &mut Vec<String>) {
    if got.len() != want.len() {
        bad.push(format!("{what}: {} results for {} inputs", got.len(), want.len()));
    }
    let names: Vec<&str> = group.iter().flat_map(|c| c.graph.outputs.iter().map(|_| c.name.as_str())).collect();
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        for ((name, got), want) in names.iter().zip(got).zip(want) {
            if got != want {
                bad.push(format!("{name}: {what}, inputs {i}"));
            }
        }
    }
}

fn executed(backend: Backend, target: &Target) {
    let (mut all, mut bad) = (cases(), Vec::new());
    all.retain(|c| c.refused.is_none());
    let layers: Vec<Case> = all.iter().filter(|c| c.ops().iter().any(|o| matches!(o.as_str(), "q.conv" | "q.dense"))).cloned().collect();
    let most = if target.runs_here() { NATIVE } else { EMULATED };
    let stored = groups(&all, most).into_iter().map(|g| (g, Weights::Stored));
    for (group, weights) in stored.chain(groups(&layers, most).into_iter().map(|g| (g, Weights::AllCoded))) {
        let c = join(group).unwrap();
        let what = format!("{} by {backend:?}, weights {weights:?}", target.name);
        let (l, object) = match compile_with(&c.graph, target, backend, weights) {
            Ok(built) => built,
            Err(e) => {
                bad.push(format!("{}: {what}: {e}", c.name));
                continue;
            }
        };
        let run = |g: &Graph| {
            if target.runs_here() {
                return native(g, &l, &object, &c.inputs);
            }
            Ok(emulate(&target.name, g, &l, &object, &c.inputs, false)?.into_iter().map(|m| m.outputs).collect())
        };
        match run(&c.graph) {
            Ok(got) => differences(group, &what, &wanted(&c), &got, &mut bad),
            Err(e) => bad.push(format!("{}: {what}: {e}", c.name)),
        }
    }
    none(&bad);
}

#[test]
fn native_code_by_cranelift() {
    let here: Vec<Target> = Target::all().unwrap().into_iter().filter(|t| t.runs_here() && t.machine_cranelift.is_some()).collect();
    assert!(!here.is_empty());
    here.iter().for_each(|t| executed(Backend::Cranelift, t));
}

#[cfg(feature = "mlir")]
#[test]
fn native_code_by_mlir() {
    Target::all().unwrap().iter().filter(|t| t.runs_here()).for_each(|t| executed(Backend::Mlir, t));
}

/// Through QEMU's user-mode emulators and boards, one test each, so that they run side by side.
macro_rules! emulated {
    ($($(#[$m:meta])* $name:ident $target:literal $backend:ident;)*) => { $(
        $(#[$m])*
        #[test]
        fn $name() {
            if mcompc_emu::runnable($target).unwrap() {
                executed(Backend::$backend, &Target::by_name($target).unwrap());
            }
        }
    )* };
}

emulated! {
    emulated_aarch64_by_cranelift "aarch64" Cranelift;
    emulated_aarch64_dotprod_by_cranelift "aarch64-dotprod" Cranelift;
    emulated_riscv64gc_by_cranelift "riscv64gc" Cranelift;
    emulated_cortex_m0plus_by_small "cortex-m0plus" Small;
    emulated_cortex_m3_by_small "cortex-m3" Small;
    emulated_cortex_m4_by_small "cortex-m4" Small;
    emulated_cortex_m33_by_small "cortex-m33" Small;
    emulated_riscv32imac_by_small "riscv32imac" Small;
    #[cfg(feature = "mlir")] emulated_aarch64_by_mlir "aarch64" Mlir;
    #[cfg(feature = "mlir")] emulated_armv7a_neon_by_mlir "armv7a-neon" Mlir;
    #[cfg(feature = "mlir")] emulated_riscv64gcv_by_mlir "riscv64gcv" Mlir;
    #[cfg(feature = "mlir")] emulated_cortex_m4_by_mlir "cortex-m4" Mlir;
    #[cfg(feature = "mlir")] emulated_cortex_m55_by_mlir "cortex-m55" Mlir;
    #[cfg(feature = "mlir")] emulated_riscv32imac_by_mlir "riscv32imac" Mlir;
}
