//! A suite is one module of many small kernels behind one entry: run by the interpreter, natively and under emulation, compared by case.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_cranelift::{Options, compile};
use mcompc_emu::{Argument, Calling, Program, call_main};
use mcompc_exec::{Arg, Buffer, Loaded, Need};
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::{Builder, Module, Role, Val};
use mcompc_target::Target;

/// Rounds of every kernel: a rolled loop over input sets.
pub const ROUNDS: usize = 12;

/// A fixed pseudo-random sequence (xorshift64*).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    /// Random bytes with many extremes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n)
            .map(|_| match self.below(6) {
                0 => 0x80,
                1 => 0x7f,
                2 => 0xff,
                _ => self.next() as u8,
            })
            .collect()
    }
}

struct Case {
    name: String,
    out: std::ops::Range<usize>,
}

#[derive(Default)]
pub struct Suite {
    pub module: Module,
    cases: Vec<Case>,
    calls: Vec<(usize, usize)>,
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
        let name = name.into();
        let symbol = format!("k{}", self.cases.len());
        let mut b = Builder::new(&symbol);
        let src = b.ptr("src", Role::In, in_len * ROUNDS, 1);
        let dst = b.ptr("dst", Role::Out, out_len * ROUNDS, 1);
        b.for_loop(0, ROUNDS as i32, 1, &[], |b, i, _| {
            let (pi, po) = (b.ptr_add(src, i, in_len as i32, 0), b.ptr_add(dst, i, out_len as i32, 0));
            body(b, pi, po);
            vec![]
        });
        self.module.funcs.push(b.finish());
        self.calls.push((self.input.len(), self.out_len));
        self.cases.push(Case { name, out: self.out_len..self.out_len + out_len * ROUNDS });
        for round in 0..ROUNDS {
            let bytes = make(round);
            assert_eq!(bytes.len(), in_len);
            self.input.extend(bytes);
        }
        self.out_len += out_len * ROUNDS;
    }

    fn finished(&self) -> Module {
        let mut m = self.module.clone();
        let mut b = Builder::new("suite_run");
        b.export();
        let src = b.ptr("src", Role::In, self.input.len(), 64);
        let dst = b.ptr("dst", Role::Out, self.out_len, 64);
        for (i, &(x, y)) in self.calls.iter().enumerate() {
            let (px, py) = (b.ptr_imm(src, x as i32), b.ptr_imm(dst, y as i32));
            b.call(&format!("k{i}"), &[px, py]);
        }
        m.funcs.push(b.finish());
        m
    }

    fn expected(&self, m: &Module) -> Vec<u8> {
        let mut memory = Memory::new();
        let (src, dst) = (memory.add(self.input.clone()), memory.add(vec![0xa5; self.out_len]));
        interp::run(m, "suite_run", &mut memory, &[src.into(), dst.into()]).unwrap();
        memory.bytes(dst).to_vec()
    }

    fn compare(&self, target: &str, want: &[u8], got: &[u8]) {
        let bad: Vec<String> = self
            .cases
            .iter()
            .filter(|c| want[c.out.clone()] != got[c.out.clone()])
            .map(|c| {
                let i = c.out.clone().find(|&i| want[i] != got[i]).unwrap();
                format!("{} (byte {}: {} for {})", c.name, i - c.out.start, got[i], want[i])
            })
            .collect();
        assert!(bad.is_empty(), "{target}: {} of {} cases differ:\n{}", bad.len(), self.cases.len(), bad.join("\n"));
    }

    /// Interpreter = native code of every target this computer runs; returns how many those were.
    pub fn check_native(&self) -> usize {
        let m = self.finished();
        let want = self.expected(&m);
        let mut ran = 0;
        for t in Target::all().unwrap().iter().filter(|t| t.runs_here() && t.machine_cranelift.is_some()) {
            let loaded = Loaded::new(&compile(&m, t, &Options::default()).unwrap()).unwrap();
            let src = Buffer::from_bytes(&self.input);
            let mut dst = Buffer::from_bytes(&vec![0xa5; self.out_len]);
            let needs = [Need { bytes: self.input.len(), align: 64 }, Need { bytes: self.out_len, align: 64 }];
            assert_eq!(loaded.call("suite_run", &needs, &mut [Arg::In(src.bytes()), Arg::Out(dst.bytes_mut())]).unwrap(), 0);
            self.compare(&t.name, &want, dst.bytes());
            ran += 1;
        }
        ran
    }

    /// Interpreter = code of `target` under emulation. Reports and passes where the emulator is not installed.
    pub fn check_emulated(&self, target: &str) {
        if let Some(e) = mcompc_emu::missing(target) {
            eprintln!("not run: {target}: {e}");
            return;
        }
        let m = self.finished();
        let want = self.expected(&m);
        let object = compile(&m, &Target::by_name(target).unwrap(), &Options::default()).unwrap();
        let args = [Argument::Input(self.input.len()), Argument::Output(self.out_len)];
        let main = call_main("suite_run", Calling::SeparateStatus, &args);
        let run = Program::new(target, main).object("kernel.o", object).build().unwrap().run(&self.input).unwrap();
        self.compare(target, &want, &run.output);
    }
}
