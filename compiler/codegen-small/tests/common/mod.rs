//! A suite is one module of many small kernels behind one entry, run by the interpreter and under emulation, compared by case.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_small::{Options, compile};
use mcompc_emu::{Argument, Calling, Program, call_main};
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::testing::Rng;
use mcompc_kernel::{Builder, Module, Role, Val};
use mcompc_target::{Backend, Target};

/// Rounds of every kernel: a rolled loop over input sets.
pub const ROUNDS: usize = 8;

/// Targets of this back end.
pub fn targets() -> Vec<Target> {
    Target::all().unwrap().into_iter().filter(|t| t.machine(Backend::Small).is_ok()).collect()
}

/// Random bytes with many extremes.
pub fn extremes(rng: &mut Rng, n: usize) -> Vec<u8> {
    (0..n).map(|_| [0x80, 0x7f, 0xff, rng.bits() as u8, rng.bits() as u8, rng.bits() as u8][rng.below(6)]).collect()
}

struct Case {
    name: String,
    out: std::ops::Range<usize>,
}

#[derive(Default)]
pub struct Suite {
    pub module: Module,
    cases: Vec<Case>,
    calls: Vec<(String, usize, usize)>,
    input: Vec<u8>,
    out_len: usize,
}

impl Suite {
    /// Adds a kernel that reads `in_len` and writes `out_len` bytes a round; `make` yields one round's input.
    pub fn case(
        &mut self,
        name: impl Into<String>,
        in_len: usize,
        out_len: usize,
        mut make: impl FnMut(usize) -> Vec<u8>,
        body: impl FnOnce(&mut Builder, Val, Val),
    ) {
        let symbol = format!("k{}", self.cases.len());
        let mut b = Builder::new(&symbol);
        let align = |n: usize| 1 << n.trailing_zeros().min(4);
        let src = b.ptr("src", Role::In, in_len * ROUNDS, align(in_len));
        let dst = b.ptr("dst", Role::Out, out_len * ROUNDS, align(out_len));
        b.for_loop(0, ROUNDS as i32, 1, &[], |b, i, _| {
            let (pi, po) = (b.ptr_add(src, i, in_len as i32, 0), b.ptr_add(dst, i, out_len as i32, 0));
            body(b, pi, po);
            vec![]
        });
        self.module.funcs.push(b.finish());
        let mut input = vec![];
        for round in 0..ROUNDS {
            let bytes = make(round);
            assert_eq!(bytes.len(), in_len);
            input.extend(bytes);
        }
        self.add(name.into(), symbol, &input, out_len * ROUNDS);
    }

    /// Adds a function of the module that is called with `input` and `out` bytes, each aligned to 16.
    pub fn add(&mut self, name: String, symbol: String, input: &[u8], out: usize) {
        self.input.resize(self.input.len().next_multiple_of(16), 0);
        self.out_len = self.out_len.next_multiple_of(16);
        self.calls.push((symbol, self.input.len(), self.out_len));
        self.cases.push(Case { name, out: self.out_len..self.out_len + out });
        self.input.extend(input);
        self.out_len += out;
    }

    fn finished(&self) -> Module {
        let mut m = self.module.clone();
        let mut b = Builder::new("suite_run");
        b.export();
        let src = b.ptr("src", Role::In, self.input.len(), 16);
        let dst = b.ptr("dst", Role::Out, self.out_len, 16);
        for (name, x, y) in &self.calls {
            let (px, py) = (b.ptr_imm(src, *x as i32), b.ptr_imm(dst, *y as i32));
            b.call(name, &[px, py]);
        }
        m.funcs.push(b.finish());
        m
    }

    /// Interpreter = code under emulation, on every target. Says loudly where the emulator is not installed.
    pub fn check(&self) {
        let m = self.finished();
        let mut memory = Memory::new();
        let (src, dst) = (memory.add(self.input.clone()), memory.add(vec![0xa5; self.out_len]));
        interp::run(&m, "suite_run", &mut memory, &[src.into(), dst.into()]).unwrap();
        let want = memory.bytes(dst);
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
            let args = [Argument::Input(self.input.len()), Argument::Output(self.out_len)];
            let main = call_main("suite_run", Calling::SeparateStatus, &args);
            let got = Program::new(&t.name, main).object("kernel.o", object).build().unwrap().run(&self.input).unwrap().output;
            let bad: Vec<String> = self
                .cases
                .iter()
                .filter(|c| want[c.out.clone()] != got[c.out.clone()])
                .map(|c| {
                    let i = c.out.clone().find(|&i| want[i] != got[i]).unwrap();
                    format!("{} (byte {}: {} for {})", c.name, i - c.out.start, got[i], want[i])
                })
                .collect();
            assert!(bad.is_empty(), "{}: {} of {} cases differ:\n{}", t.name, bad.len(), self.cases.len(), bad.join("\n"));
        }
    }
}
