//! Many small kernels behind one entry function: run as one program, compared case by case.

use super::Rng;
use crate::interp::{self, Memory};
use crate::{Bin, Builder, Lane, MemElem, Module, Role, Ty, Val};
use mcompc_ir::Result;
use std::ops::Range;

/// Every lane.
pub const LANES: [Lane; 3] = [Lane::I8, Lane::I16, Lane::I32];
/// Operations of two operands that there are on every type.
pub const BINS: [Bin; 11] = [Bin::Add, Bin::Sub, Bin::Mul, Bin::And, Bin::Or, Bin::Xor, Bin::Shl, Bin::Sra, Bin::Srl, Bin::Smin, Bin::Smax];

/// Lane and number of lanes; a scalar is one of 32 bits.
pub fn lane_of(ty: Ty) -> (Lane, u16) {
    match ty {
        Ty::Vec(l, n) => (l, n),
        _ => (Lane::I32, 1),
    }
}

/// The memory element as wide as a lane, signed.
pub fn own(l: Lane) -> MemElem {
    match l {
        Lane::I8 => MemElem::S8,
        Lane::I16 => MemElem::S16,
        Lane::I32 => MemElem::W32,
    }
}

/// A load of elements as wide as the lanes.
pub fn load(b: &mut Builder, ty: Ty, p: Val, off: usize) -> Val {
    b.load(ty, own(lane_of(ty).0), p, off as i32)
}

/// A store of elements as wide as the lanes.
pub fn store(b: &mut Builder, v: Val, p: Val, off: usize) {
    let l = lane_of(b.ty(v)).0;
    b.store(v, own(l), p, off as i32);
}

/// Whether the second operand is a shift amount.
pub fn is_shift(op: Bin) -> bool {
    matches!(op, Bin::Shl | Bin::Sra | Bin::Srl)
}

/// Two operands of `bytes`; shift amounts below the lane's width.
pub fn operands(rng: &mut Rng, op: Bin, lane: Lane, bytes: usize) -> Vec<u8> {
    let mut v = rng.extremes(bytes);
    for _ in 0..bytes / lane.bytes() {
        if is_shift(op) {
            let by = rng.below(lane.bits() as usize);
            v.extend(&by.to_le_bytes()[..lane.bytes()]);
        } else {
            v.extend(rng.extremes(lane.bytes()));
        }
    }
    v
}

struct Case {
    name: String,
    symbol: String,
    input: usize,
    out: Range<usize>,
}

/// The kernels with their inputs.
pub struct Suite {
    /// Holds the kernels; data and rows of theirs may be added.
    pub module: Module,
    rounds: usize,
    align: usize,
    cases: Vec<Case>,
    input: Vec<u8>,
    out_len: usize,
}

impl Suite {
    /// The entry function: (input, output).
    pub const ENTRY: &str = "suite_run";

    /// Every kernel is a rolled loop over `rounds` sets of operands; its operands lie at multiples of `align` bytes, as far as their size allows.
    pub fn new(rounds: usize, align: usize) -> Self {
        Self { module: Module::default(), rounds, align, cases: Vec::new(), input: Vec::new(), out_len: 0 }
    }

    /// Adds a kernel that reads `in_len` and writes `out_len` bytes a round; `make` yields one round's input, of which `in_len` bytes count.
    pub fn case(
        &mut self,
        name: impl Into<String>,
        in_len: usize,
        out_len: usize,
        make: impl FnMut(usize) -> Vec<u8>,
        body: impl FnOnce(&mut Builder, Val, Val),
    ) {
        let symbol = format!("k{}", self.cases.len());
        let mut b = Builder::new(&symbol);
        let align = |n: usize| (1 << n.trailing_zeros().min(6)).min(self.align) as u8;
        let src = b.ptr("src", Role::In, in_len * self.rounds, align(in_len));
        let dst = b.ptr("dst", Role::Out, out_len * self.rounds, align(out_len));
        b.for_loop(0, self.rounds as i32, 1, &[], |b, i, _| {
            let (pi, po) = (b.ptr_add(src, i, in_len as i32, 0), b.ptr_add(dst, i, out_len as i32, 0));
            body(b, pi, po);
            vec![]
        });
        self.module.funcs.push(b.finish());
        let input: Vec<u8> = (0..self.rounds).flat_map(make).collect();
        assert_eq!(input.len(), in_len * self.rounds);
        self.add(name, symbol, &input, out_len * self.rounds);
    }

    /// Adds a function of the module that is called with `input` and `out` bytes.
    pub fn add(&mut self, name: impl Into<String>, symbol: String, input: &[u8], out: usize) {
        self.input.resize(self.input.len().next_multiple_of(self.align), 0);
        let at = self.out_len.next_multiple_of(self.align);
        self.cases.push(Case { name: name.into(), symbol, input: self.input.len(), out: at..at + out });
        self.input.extend(input);
        self.out_len = at + out;
    }

    /// The inputs of all cases.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// Bytes that the entry function writes.
    pub fn out_len(&self) -> usize {
        self.out_len
    }

    /// The module with its entry function, whose two pointers are aligned to 64 bytes.
    pub fn finished(&self) -> Module {
        let mut m = self.module.clone();
        let mut b = Builder::new(Self::ENTRY);
        b.export();
        let src = b.ptr("src", Role::In, self.input.len(), 64);
        let dst = b.ptr("dst", Role::Out, self.out_len, 64);
        for c in &self.cases {
            let (px, py) = (b.ptr_imm(src, c.input as i32), b.ptr_imm(dst, c.out.start as i32));
            b.call(&c.symbol, &[px, py]);
        }
        m.funcs.push(b.finish());
        m
    }

    /// What the interpreter writes.
    ///
    /// # Errors
    /// Those of the verifier and the interpreter.
    pub fn expected(&self, m: &Module) -> Result<Vec<u8>> {
        let mut memory = Memory::new();
        let (src, dst) = (memory.add(self.input.clone()), memory.add(vec![0xa5; self.out_len]));
        interp::run(m, Self::ENTRY, &mut memory, &[src.into(), dst.into()])?;
        Ok(memory.bytes(dst).to_vec())
    }

    /// A line for every case in which two outputs differ.
    pub fn differences(&self, want: &[u8], got: &[u8]) -> Vec<String> {
        let differ = |c: &Case| {
            let i = c.out.clone().find(|&i| want.get(i) != got.get(i))?;
            Some(format!("{} (byte {}: {:?} for {:?})", c.name, i - c.out.start, got.get(i), want.get(i)))
        };
        self.cases.iter().filter_map(differ).collect()
    }
}
