//! Instructions to encodings.

use super::compressed as c;
use super::control::Riscv;
use crate::asm::{Item, Jump, Symbol, Text, assemble};
use crate::done::Done;
use crate::isa::Isa;
use crate::lir::{Alu, Cond, Ins, Op};
use crate::thumb::next_block;
use mcompc_kernel::MemElem;

const SP: u32 = 2;
/// Relocations of the RISC-V ELF psABI.
const R_RISCV_CALL_PLT: u32 = 19;
const R_RISCV_PCREL_HI20: u32 = 23;
const R_RISCV_PCREL_LO12_I: u32 = 24;

/// Arithmetic on two registers: `funct7`, `funct3`; with a constant: `funct3`.
fn arith(a: Alu) -> (u32, u32) {
    match a {
        Alu::Add => (0, 0),
        Alu::Sub | Alu::Rsb => (0x20, 0),
        Alu::Lsl => (0, 1),
        Alu::Eor => (0, 4),
        Alu::Lsr => (0, 5),
        Alu::Asr => (0x20, 5),
        Alu::Orr => (0, 6),
        Alu::And | Alu::Bic => (0, 7),
        Alu::Mul => (1, 0),
    }
}

/// `funct3` of a branch, and whether its operands change places.
fn condition(c: Cond) -> (u8, bool) {
    match c {
        Cond::Eq => (0, false),
        Cond::Ne => (1, false),
        Cond::Lt => (4, false),
        Cond::Gt => (4, true),
        Cond::Ge => (5, false),
        Cond::Le => (5, true),
        Cond::Lo => (6, false),
        Cond::Hi => (6, true),
        Cond::Hs => (7, false),
        Cond::Ls => (7, true),
    }
}

struct Emit<'a> {
    isa: &'a Isa,
    done: &'a Done,
    items: Vec<Item>,
    labels: usize,
}

/// Machine code of a function.
///
/// # Errors
/// A sentence where a branch does not reach, a frame is too large, or an operation is none of RISC-V's.
pub(crate) fn emit(done: &Done, isa: &Isa) -> Result<Text, String> {
    let mut e = Emit { isa, done, items: vec![], labels: done.blocks.len() };
    e.prologue()?;
    for (n, b) in done.blocks.iter().enumerate() {
        if n > 0 && b.ins.len() == 1 && b.ins[0].op == Op::Jump && !done.blocks.iter().any(|b| b.succs.contains(&n)) {
            continue;
        }
        e.items.push(Item::Label(n));
        for i in &b.ins {
            if i.is_branch() { e.branch(i, &b.succs, n)? } else { e.ins(i)? }
        }
    }
    assemble(e.items, &Riscv)
}

impl Emit<'_> {
    fn h(&mut self, v: u32) {
        self.items.push(Item::Code(v, 2));
    }
    fn w(&mut self, v: u32) {
        self.items.push(Item::Code(v, 4));
    }
    fn short_or(&mut self, short: Option<u32>, long: u32) {
        match short {
            Some(v) => self.h(v),
            None => self.w(long),
        }
    }
    fn r(&mut self, (f7, f3): (u32, u32), d: u32, a: u32, b: u32) {
        self.w(f7 << 25 | b << 20 | a << 15 | f3 << 12 | d << 7 | 0x33);
    }
    fn i(op: u32, f3: u32, d: u32, a: u32, imm: i32) -> u32 {
        (imm as u32) << 20 | a << 15 | f3 << 12 | d << 7 | op
    }
    fn s(f3: u32, t: u32, a: u32, imm: i32) -> u32 {
        let v = imm as u32;
        (v >> 5) << 25 | t << 20 | a << 15 | f3 << 12 | (v & 0x1f) << 7 | 0x23
    }
    fn mv(&mut self, d: u32, s: u32) {
        if d != s {
            self.h(c::mv(d, s));
        }
    }
    fn addi(&mut self, d: u32, a: u32, v: i32) {
        if v == 0 {
            return self.mv(d, a);
        }
        let short = if d == SP { c::addi16sp(v).filter(|_| a == SP) } else { c::addi(d, a, v) };
        self.short_or(short, Self::i(0x13, 0, d, a, v));
    }
    fn li(&mut self, d: u32, v: i32) {
        if let Some(short) = c::li(d, v) {
            return self.h(short);
        }
        if (-2048..2048).contains(&v) {
            return self.w(Self::i(0x13, 0, d, 0, v));
        }
        let low = v << 20 >> 20;
        let upper = v.wrapping_sub(low) >> 12;
        self.short_or(c::lui(d, upper << 12 >> 12), (upper as u32) << 12 | d << 7 | 0x37);
        if low != 0 {
            self.addi(d, d, low);
        }
    }
    fn prologue(&mut self) -> Result<(), String> {
        let (saved, local) = self.done.frame(self.isa);
        if saved + local > 2032 {
            return Err(format!("a frame of {} bytes", saved + local));
        }
        self.addi(SP, SP, -((saved + local) as i32));
        for (k, r) in self.done.saved.clone().into_iter().enumerate() {
            self.slot(true, r.into(), local + 4 * k as u32)?;
        }
        Ok(())
    }
    fn epilogue(&mut self) -> Result<(), String> {
        let (saved, local) = self.done.frame(self.isa);
        for (k, r) in self.done.saved.clone().into_iter().enumerate() {
            self.slot(false, r.into(), local + 4 * k as u32)?;
        }
        self.addi(SP, SP, (saved + local) as i32);
        self.h(c::RET);
        Ok(())
    }
    fn slot(&mut self, store: bool, t: u32, off: u32) -> Result<(), String> {
        if off >= 2048 {
            return Err(format!("a frame of more than {off} bytes"));
        }
        let long = if store { Self::s(2, t, SP, off as i32) } else { Self::i(0x03, 2, t, SP, off as i32) };
        self.short_or(c::stack_word(store, t, off), long);
        Ok(())
    }

    fn branch(&mut self, i: &Ins, succs: &[usize], n: usize) -> Result<(), String> {
        let next = next_block(self.done, n);
        let mut yes = succs[0];
        if let Some(&no) = succs.get(1) {
            let mut no = no;
            let (mut cond, b) = match i.op {
                Op::Branch(c) => (c, i.uses[1].0),
                Op::BranchImm(c) => (c, 0),
                Op::BranchCount => (Cond::Ne, 0),
                op => return Err(format!("{op:?} is no branch of RISC-V")),
            };
            if next == Some(yes) {
                (yes, no, cond) = (no, yes, cond.not());
            }
            self.compare(cond, i.uses[0].0, b, yes);
            yes = no;
        }
        if next != Some(yes) {
            self.items.push(Item::Jump(Jump::Always, yes));
        }
        Ok(())
    }
    fn compare(&mut self, cond: Cond, a: u32, b: u32, to: usize) {
        let (funct3, swap) = condition(cond);
        let (a, b) = if swap { (b, a) } else { (a, b) };
        self.items.push(Item::Jump(Jump::Compare { funct3, a: a as u8, b: b as u8 }, to));
    }

    fn ins(&mut self, i: &Ins) -> Result<(), String> {
        let u = |k: usize| i.uses[k].0;
        let d = i.defs.first().map_or(0, |r| r.0);
        match i.op {
            Op::Alu(a) => self.alu(a, d, u(0), u(1)),
            Op::AluImm(a) => self.alu_imm(a, d, u(0), i.imm),
            Op::Mov => self.mv(d, u(0)),
            Op::Imm => self.li(d, i.imm),
            Op::Addr(n) => {
                self.items.push(Item::Anchor);
                self.items.push(Item::Reloc(R_RISCV_PCREL_HI20, Symbol::Data(n), i.imm.into()));
                self.w(d << 7 | 0x17);
                self.items.push(Item::AnchorReloc(R_RISCV_PCREL_LO12_I));
                self.w(Self::i(0x13, 0, d, d, 0));
            }
            Op::MulHi => self.r((1, 1), d, u(0), u(1)),
            Op::Load(mem) => {
                let f3 = match mem {
                    MemElem::S8 => 0,
                    MemElem::S16 => 1,
                    MemElem::W32 => 2,
                    MemElem::U8 => 4,
                    MemElem::U16 => 5,
                };
                let short = if f3 == 2 { c::word(false, d, u(0), i.imm) } else { None };
                self.short_or(short, Self::i(0x03, f3, d, u(0), i.imm));
            }
            Op::Store(mem) => {
                let f3 = mem.bytes().trailing_zeros();
                let short = if f3 == 2 { c::word(true, u(0), u(1), i.imm) } else { None };
                self.short_or(short, Self::s(f3, u(0), u(1), i.imm));
            }
            Op::LoadArg => {
                let (saved, local) = self.done.frame(self.isa);
                self.slot(false, d, saved + local + 4 * i.imm as u32)?;
            }
            Op::StoreArg => self.slot(true, u(0), 4 * i.imm as u32)?,
            Op::SlotLoad => self.slot(false, d, self.done.outgoing + 4 * i.imm as u32)?,
            Op::SlotStore => self.slot(true, u(0), self.done.outgoing + 4 * i.imm as u32)?,
            Op::Select(cond) => self.select(cond, u(0), u(1), d, u(2)),
            Op::SelectImm(cond) => self.select(cond, u(0), 0, d, u(1)),
            Op::Set(cond) => self.set(cond, d, u(0), Some(u(1)), 0),
            Op::SetImm(cond) => self.set(cond, d, u(0), None, i.imm),
            Op::Call(n) => {
                self.items.push(Item::Reloc(R_RISCV_CALL_PLT, Symbol::Func(n), 0));
                self.w(1 << 7 | 0x17);
                self.w(Self::i(0x67, 0, 1, 1, 0));
            }
            Op::Count => self.addi(d, u(0), -1),
            Op::Entry => {}
            Op::Ret => self.epilogue()?,
            op => return Err(format!("RISC-V has no {op:?}")),
        }
        Ok(())
    }
    /// `d = s` unless the condition fails.
    fn select(&mut self, cond: Cond, a: u32, b: u32, d: u32, s: u32) {
        if d == s {
            return;
        }
        let end = self.labels;
        self.labels += 1;
        self.compare(cond.not(), a, b, end);
        self.mv(d, s);
        self.items.push(Item::Label(end));
    }
    fn set(&mut self, cond: Cond, d: u32, a: u32, b: Option<u32>, imm: i32) {
        const SLT: (u32, u32) = (0, 2);
        const SLTU: (u32, u32) = (0, 3);
        let y = b.unwrap_or(0);
        match cond {
            Cond::Lt | Cond::Lo if b.is_none() => {
                let f3 = if cond == Cond::Lt { 2 } else { 3 };
                self.w(Self::i(0x13, f3, d, a, imm));
            }
            Cond::Lt => self.r(SLT, d, a, y),
            Cond::Lo => self.r(SLTU, d, a, y),
            Cond::Gt => self.r(SLT, d, y, a),
            Cond::Hi => self.r(SLTU, d, y, a),
            Cond::Ge | Cond::Le | Cond::Hs | Cond::Ls => {
                self.set(cond.not(), d, a, Some(y), 0);
                self.w(Self::i(0x13, 4, d, d, 1));
            }
            Cond::Eq | Cond::Ne => {
                let x = match b {
                    Some(y) => {
                        self.r(arith(Alu::Sub), d, a, y);
                        d
                    }
                    None => a,
                };
                if cond == Cond::Eq { self.w(Self::i(0x13, 3, d, x, 1)) } else { self.r(SLTU, d, 0, x) }
            }
        }
    }
    fn alu(&mut self, a: Alu, d: u32, n: u32, m: u32) {
        let other = if d == n { m } else { n };
        let two = d == n || (d == m && a.commutes());
        let short = match a {
            Alu::Add if two => Some(c::add(d, other)),
            Alu::Sub if d == n => c::arith(0, d, m),
            Alu::Eor if two => c::arith(1, d, other),
            Alu::Orr if two => c::arith(2, d, other),
            Alu::And if two => c::arith(3, d, other),
            _ => None,
        };
        match short {
            Some(v) => self.h(v),
            None => self.r(arith(a), d, n, m),
        }
    }
    fn alu_imm(&mut self, a: Alu, d: u32, n: u32, v: i32) {
        let (f7, f3) = arith(a);
        match a {
            Alu::Add => self.addi(d, n, v),
            Alu::Sub => self.addi(d, n, v.wrapping_neg()),
            Alu::Lsl | Alu::Lsr | Alu::Asr if v == 0 => self.mv(d, n),
            Alu::Lsl => self.short_or(c::slli(d, n, v as u32), Self::i(0x13, f3, d, n, v)),
            Alu::Lsr => self.short_or(c::shift_right(0, d, n, v as u32), Self::i(0x13, f3, d, n, v)),
            Alu::Asr => self.short_or(c::shift_right(1, d, n, v as u32), Self::i(0x13, f3, d, n, v | (f7 as i32) << 5)),
            Alu::And => self.short_or(c::andi(d, n, v), Self::i(0x13, f3, d, n, v)),
            _ => self.w(Self::i(0x13, f3, d, n, v)),
        }
    }
}
