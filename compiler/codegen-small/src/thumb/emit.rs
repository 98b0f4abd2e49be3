//! Instructions to encodings.

use super::control::Thumb;
use super::modified;
use super::table::{R_ARM_THM_CALL, access, arith, code, extension, shift, wide};
use crate::asm::{Item, Jump, Literal, Symbol, Text, assemble};
use crate::done::Done;
use crate::isa::{Isa, Kind};
use crate::lir::{Alu, Cond, Ins, Op};
use mcompc_kernel::MemElem;

const SP: u32 = 13;
const LR: u32 = 14;
const PC: u32 = 15;

struct Emit<'a> {
    isa: &'a Isa,
    done: &'a Done,
    items: Vec<Item>,
    labels: usize,
    /// Armv6-M has no 32-bit instruction that would do.
    lacking: Option<Op>,
    now: Op,
}

/// Machine code of a function.
///
/// # Errors
/// A sentence where a branch does not reach, or an operation is none of Thumb's.
pub(crate) fn emit(done: &Done, isa: &Isa) -> Result<Text, String> {
    let mut e = Emit { isa, done, items: vec![], labels: done.blocks.len(), lacking: None, now: Op::Entry };
    e.prologue();
    for (n, b) in done.blocks.iter().enumerate() {
        if n > 0 && b.ins.len() == 1 && b.ins[0].op == Op::Jump {
            // Threaded: nobody comes here, unless as the block before falls through.
            if !reached(done, n) {
                continue;
            }
        }
        e.items.push(Item::Label(n));
        for i in &b.ins {
            e.items.push(Item::Point);
            e.now = i.op;
            if i.is_branch() { e.branch(i, &b.succs, n)? } else { e.ins(i)? }
        }
    }
    if let Some(op) = e.lacking {
        return Err(format!("Armv6-M has no instruction for this {op:?}"));
    }
    assemble(e.items, &Thumb { thumb2: isa.is_thumb2() })
}

/// Whether a branch goes to a block.
fn reached(done: &Done, n: usize) -> bool {
    done.blocks.iter().any(|b| b.succs.contains(&n))
}

/// The block that comes after `n` in memory.
pub(crate) fn next_block(done: &Done, n: usize) -> Option<usize> {
    (n + 1..done.blocks.len()).find(|&m| {
        let b = &done.blocks[m];
        !(b.ins.len() == 1 && b.ins[0].op == Op::Jump && !reached(done, m))
    })
}

fn low(regs: &[u32]) -> bool {
    regs.iter().all(|r| *r < 8)
}

impl Emit<'_> {
    fn h(&mut self, v: u32) {
        self.items.push(Item::Code(v, 2));
    }
    fn w(&mut self, v: u32) {
        if !self.t2() && !matches!(self.now, Op::Call(_)) {
            self.lacking = self.lacking.or(Some(self.now));
        }
        self.items.push(Item::Code(wide(v), 4));
    }
    /// Halfwords of a 32-bit instruction.
    fn w2(&mut self, a: u32, b: u32) {
        self.w(a << 16 | b);
    }
    fn t2(&self) -> bool {
        self.isa.is_thumb2()
    }
    fn label(&mut self) -> usize {
        self.labels += 1;
        self.labels - 1
    }

    fn prologue(&mut self) {
        let mask = self.done.saved.iter().fold(0u32, |m, r| m | 1 << r);
        if mask & !0x40ff == 0 {
            if mask != 0 {
                self.h(0xb400 | mask & 0xff | mask >> 6 & 0x100);
            }
        } else if mask.count_ones() == 1 {
            // STMDB of one register is unpredictable: str r, [sp, #-4]!
            self.w2(0xf84d, mask.trailing_zeros() << 12 | 0xd04);
        } else {
            self.w2(0xe92d, mask);
        }
        self.stack(true);
    }
    /// Makes room below the saved registers, or gives it back.
    fn stack(&mut self, down: bool) {
        let mut left = self.done.frame(self.isa).1;
        while left > 0 {
            let part = left.min(508);
            self.h(0xb000 | if down { 0x80 } else { 0 } | (part / 4));
            left -= part;
        }
    }
    fn epilogue(&mut self) {
        self.stack(false);
        let mask = self.done.saved.iter().fold(0u32, |m, r| m | 1 << r);
        if mask & 1 << LR == 0 {
            if mask & !0xff == 0 {
                if mask != 0 {
                    self.h(0xbc00 | mask);
                }
            } else if mask.count_ones() == 1 {
                // ldr r, [sp], #4
                self.w2(0xf85d, mask.trailing_zeros() << 12 | 0xb04);
            } else {
                self.w2(0xe8bd, mask);
            }
            self.h(0x4770);
        } else if mask & !0x40ff == 0 {
            self.h(0xbd00 | mask & 0xff);
        } else {
            self.w2(0xe8bd, mask & !(1 << LR) | 1 << PC);
        }
        self.items.push(Item::Barrier);
    }

    fn branch(&mut self, i: &Ins, succs: &[usize], n: usize) -> Result<(), String> {
        let next = next_block(self.done, n);
        let (mut yes, no) = (succs[0], succs.get(1).copied());
        let Some(mut no) = no else {
            if next != Some(yes) {
                self.items.push(Item::Jump(Jump::Always, yes));
                self.items.push(Item::Barrier);
            }
            return Ok(());
        };
        let u = |k: usize| i.uses[k].0;
        let mut cond = match i.op {
            Op::Branch(c) => {
                self.compare(u(0), u(1));
                c
            }
            Op::BranchImm(c) => {
                if i.imm == 0 && matches!(c, Cond::Eq | Cond::Ne) && self.t2() && u(0) < 8 {
                    let mut not = c == Cond::Ne;
                    if next == Some(yes) {
                        (yes, no, not) = (no, yes, !not);
                    }
                    self.items.push(Item::Jump(Jump::Zero { reg: u(0) as u8, not }, yes));
                    self.goto(no, next);
                    return Ok(());
                }
                self.compare_imm(u(0), i.imm)?;
                c
            }
            // `subs` set the flags; what stands between it and this only moves.
            Op::BranchCount => Cond::Ne,
            op => return Err(format!("{op:?} is no branch of Thumb")),
        };
        if next == Some(yes) {
            (yes, no, cond) = (no, yes, cond.not());
        }
        self.items.push(Item::Jump(Jump::Cond(code(cond)), yes));
        self.goto(no, next);
        Ok(())
    }
    fn goto(&mut self, to: usize, next: Option<usize>) {
        if next != Some(to) {
            self.items.push(Item::Jump(Jump::Always, to));
            self.items.push(Item::Barrier);
        }
    }

    fn compare(&mut self, a: u32, b: u32) {
        if low(&[a, b]) { self.h(0x4280 | b << 3 | a) } else { self.h(0x4500 | (a & 8) << 4 | b << 3 | a & 7) }
    }
    fn compare_imm(&mut self, a: u32, v: i32) -> Result<(), String> {
        if a < 8 && (0..256).contains(&v) {
            self.h(0x2800 | a << 8 | v as u32);
        } else if let Some(m) = modified(v as u32).filter(|_| self.t2()) {
            self.modified(13, true, PC, a, m);
        } else if let Some(m) = modified(v.wrapping_neg() as u32).filter(|_| self.t2()) {
            self.modified(8, true, PC, a, m);
        } else {
            return Err(format!("a comparison with {v} has no encoding"));
        }
        Ok(())
    }
    /// Data processing with a modified immediate.
    fn modified(&mut self, op: u32, flags: bool, d: u32, n: u32, imm12: u32) {
        self.w2(0xf000 | imm12 >> 11 << 10 | op << 5 | u32::from(flags) << 4 | n, (imm12 >> 8 & 7) << 12 | d << 8 | imm12 & 0xff);
    }
    /// Data processing with a shifted register.
    fn shifted(&mut self, op: u32, d: u32, n: u32, m: u32, sh: Alu, by: u32) {
        self.w2(0xea00 | op << 5 | n, by >> 2 << 12 | d << 8 | (by & 3) << 6 | shift(sh) << 4 | m);
    }
    fn mov(&mut self, d: u32, s: u32) {
        if d != s {
            self.h(0x4600 | (d & 8) << 4 | s << 3 | d & 7);
        }
    }
    /// A constant without regard to flags, in one instruction where there is one.
    fn constant(&mut self, d: u32, v: i32) {
        let bits = v as u32;
        if d < 8 && bits < 256 {
            self.h(0x2000 | d << 8 | bits);
        } else if !self.t2() {
            self.items.push(Item::Load(d as u8, Literal::Word(v)));
        } else if let Some(m) = modified(bits) {
            self.modified(2, false, d, PC, m);
        } else if let Some(m) = modified(!bits) {
            self.modified(3, false, d, PC, m);
        } else if bits < 65536 {
            self.w2(0xf240 | bits >> 11 << 10 & 0x400 | bits >> 12, (bits >> 8 & 7) << 12 | d << 8 | bits & 0xff);
        } else {
            self.items.push(Item::Load(d as u8, Literal::Word(v)));
        }
    }
    fn it(&mut self, c: Cond) {
        self.h(0xbf08 | u32::from(code(c)) << 4);
    }

    fn ins(&mut self, i: &Ins) -> Result<(), String> {
        let u = |k: usize| i.uses[k].0;
        let d = i.defs.first().map_or(0, |r| r.0);
        match i.op {
            Op::Alu(a) => self.alu(a, d, u(0), u(1)),
            Op::AluImm(a) => self.alu_imm(a, d, u(0), i.imm)?,
            Op::AluSh(a, sh, by) => self.shifted(arith(a).op, d, u(0), u(1), sh, by.into()),
            Op::Mov => self.mov(d, u(0)),
            Op::Imm => self.constant(d, i.imm),
            Op::Addr(n) => self.items.push(Item::Load(d as u8, Literal::Address(n, i.imm))),
            Op::Ext(mem) => {
                let (narrow, wide) = extension(mem);
                if low(&[d, u(0)]) { self.h(narrow | u(0) << 3 | d) } else { self.w2(wide, 0xf080 | d << 8 | u(0)) }
            }
            Op::Field { signed, low, bits } => {
                let low = u32::from(low);
                let place = (low >> 2) << 12 | d << 8 | (low & 3) << 6;
                self.w2(if signed { 0xf340 } else { 0xf3c0 } | u(0), place | (u32::from(bits) - 1));
            }
            Op::Sxtb16(ror) => self.w2(0xfa2f, 0xf080 | d << 8 | u32::from(ror) << 4 | u(0)),
            Op::MulHi if self.isa.dsp => self.w2(0xfb50 | u(0), 0xf000 | d << 8 | u(1)),
            Op::MulHi if self.t2() => self.w2(0xfb80 | u(0), i.defs[1].0 << 12 | d << 8 | u(1)),
            Op::Mla => self.w2(0xfb00 | u(0), u(2) << 12 | d << 8 | u(1)),
            Op::Mls => self.w2(0xfb00 | u(0), u(2) << 12 | d << 8 | 0x10 | u(1)),
            Op::Smlad => self.w2(0xfb20 | u(0), u(2) << 12 | d << 8 | u(1)),
            Op::Smmla => self.w2(0xfb50 | u(0), u(2) << 12 | d << 8 | u(1)),
            Op::Ssat { bits, asr } => self.saturate(0xf300, u32::from(bits) - 1, asr.into(), d, u(0)),
            Op::Usat { bits, asr } => self.saturate(0xf380, bits.into(), asr.into(), d, u(0)),
            Op::Load(mem) => self.access(mem, false, d, u(0), i.imm),
            Op::Store(mem) => self.access(mem, true, u(0), u(1), i.imm),
            Op::LoadX(mem, by) => self.indexed(mem, false, d, u(0), u(1), by.into()),
            Op::StoreX(mem, by) => self.indexed(mem, true, u(0), u(1), u(2), by.into()),
            Op::LoadPost(mem) => self.post(access(mem, false).wide, d, u(0), i.imm),
            Op::StorePost(mem) => self.post(access(mem, true).wide, u(0), u(1), i.imm),
            Op::LoadPair => self.pair(0xe850, d, i.defs[1].0, u(0), i.imm),
            Op::LoadArg => {
                let (saved, local) = self.done.frame(self.isa);
                self.slot(false, d, saved + local + 4 * i.imm as u32)?;
            }
            Op::StoreArg => self.slot(true, u(0), 4 * i.imm as u32)?,
            Op::SlotLoad => self.slot(false, d, self.done.outgoing + 4 * i.imm as u32)?,
            Op::SlotStore => self.slot(true, u(0), self.done.outgoing + 4 * i.imm as u32)?,
            Op::Select(c) => {
                self.compare(u(0), u(1));
                self.select(c, d, u(2));
            }
            Op::SelectImm(c) => {
                self.compare_imm(u(0), i.imm)?;
                self.select(c, d, u(1));
            }
            Op::Clip(c) => {
                self.compare_imm(u(0), i.imm)?;
                if self.t2() {
                    self.it(c);
                    self.constant(d, i.imm);
                } else {
                    self.over(c, |e| e.constant(d, i.imm));
                }
            }
            Op::Set(c) => {
                self.compare(u(0), u(1));
                self.set(c, d);
            }
            Op::SetImm(c) => {
                self.compare_imm(u(0), i.imm)?;
                self.set(c, d);
            }
            Op::Call(n) => {
                self.items.push(Item::Reloc(R_ARM_THM_CALL, Symbol::Func(n), -4));
                self.w(0xf7ff_fffe);
            }
            Op::Count => self.count(d, u(0)),
            Op::Entry => {}
            Op::Ret => self.epilogue(),
            op => return Err(format!("Thumb has no {op:?}")),
        }
        Ok(())
    }
    /// `subs d, a, #1`.
    fn count(&mut self, d: u32, a: u32) {
        if low(&[d, a]) { self.h(0x1e40 | a << 3 | d) } else { self.modified(13, true, d, a, 1) }
    }
    fn saturate(&mut self, hw: u32, sat: u32, asr: u32, d: u32, n: u32) {
        let sh = u32::from(asr > 0) << 5;
        self.w2(hw | sh | n, asr >> 2 << 12 | d << 8 | (asr & 3) << 6 | sat);
    }
    fn select(&mut self, c: Cond, d: u32, s: u32) {
        if d == s {
            return;
        }
        if self.t2() {
            self.it(c);
            self.mov(d, s);
        } else {
            self.over(c, |e| e.mov(d, s));
        }
    }
    fn set(&mut self, c: Cond, d: u32) {
        if self.t2() {
            // `ite`: the mask's top bit is the low bit of the opposite condition.
            self.h(0xbf04 | u32::from(code(c)) << 4 | u32::from(code(c.not()) & 1) << 3);
            self.constant(d, 1);
            self.constant(d, 0);
            return;
        }
        let (one, end) = (self.label(), self.label());
        self.items.push(Item::Jump(Jump::Cond(code(c)), one));
        self.constant(d, 0);
        self.items.push(Item::Jump(Jump::Always, end));
        self.items.push(Item::Label(one));
        self.constant(d, 1);
        self.items.push(Item::Label(end));
    }
    /// Jumps over what `body` emits unless the condition holds.
    fn over(&mut self, c: Cond, body: impl FnOnce(&mut Self)) {
        let end = self.label();
        self.items.push(Item::Jump(Jump::Cond(code(c.not())), end));
        body(self);
        self.items.push(Item::Label(end));
    }

    fn alu(&mut self, a: Alu, d: u32, n: u32, m: u32) {
        let row = arith(a);
        match a {
            Alu::Add | Alu::Sub if low(&[d, n, m]) => self.h(if a == Alu::Add { 0x1800 } else { 0x1a00 } | m << 6 | n << 3 | d),
            Alu::Add if d == n => self.h(0x4400 | (d & 8) << 4 | m << 3 | d & 7),
            Alu::Add if d == m => self.h(0x4400 | (d & 8) << 4 | n << 3 | d & 7),
            _ if row.narrow.is_some() && low(&[d, n, m]) && (d == n || a.commutes() && d == m) => {
                let other = if d == n { m } else { n };
                self.h(0x4000 | row.narrow.unwrap_or(0) << 6 | other << 3 | d);
            }
            Alu::Mul => self.w2(0xfb00 | n, 0xf000 | d << 8 | m),
            _ if a.is_shift() => self.w2(0xfa00 | row.op << 5 | n, 0xf000 | d << 8 | m),
            _ => self.shifted(row.op, d, n, m, Alu::Lsl, 0),
        }
    }
    fn alu_imm(&mut self, a: Alu, d: u32, n: u32, v: i32) -> Result<(), String> {
        match a {
            Alu::Lsl | Alu::Lsr | Alu::Asr if v == 0 => self.mov(d, n),
            Alu::Lsl | Alu::Lsr | Alu::Asr => {
                let by = v as u32;
                if low(&[d, n]) { self.h(shift(a) << 11 | by << 6 | n << 3 | d) } else { self.shifted(2, d, PC, n, a, by) }
            }
            Alu::Add | Alu::Sub => return self.add_imm(d, n, if a == Alu::Add { v } else { v.wrapping_neg() }),
            Alu::Rsb if v == 0 && low(&[d, n]) => self.h(0x4240 | n << 3 | d),
            _ => match (modified(v as u32), modified(!v as u32)) {
                (Some(m), _) if self.t2() => self.modified(arith(a).op, false, d, n, m),
                (_, Some(m)) if self.t2() && a == Alu::And => self.modified(arith(Alu::Bic).op, false, d, n, m),
                _ => return Err(format!("{a:?} with {v} has no encoding")),
            },
        }
        Ok(())
    }
    fn add_imm(&mut self, d: u32, n: u32, v: i32) -> Result<(), String> {
        let size = v.unsigned_abs();
        let sub = v < 0;
        if low(&[d, n]) && size < 8 {
            self.h(if sub { 0x1e00 } else { 0x1c00 } | size << 6 | n << 3 | d);
        } else if d < 8 && d == n && size < 256 {
            self.h(if sub { 0x3800 } else { 0x3000 } | d << 8 | size);
        } else if !self.t2() {
            return Err(format!("a sum with {v} has no encoding"));
        } else if let Some(m) = modified(size) {
            self.modified(if sub { 13 } else { 8 }, false, d, n, m);
        } else if size < 4096 {
            self.w2(if sub { 0xf2a0 } else { 0xf200 } | size >> 11 << 10 | n, (size >> 8 & 7) << 12 | d << 8 | size & 0xff);
        } else if let Some(m) = modified(v as u32) {
            // The sum wraps: a large pattern is added although it reads as a negative number, or the other way round.
            self.modified(8, false, d, n, m);
        } else if let Some(m) = modified(v.wrapping_neg() as u32) {
            self.modified(13, false, d, n, m);
        } else {
            return Err(format!("a sum with {v} has no encoding"));
        }
        Ok(())
    }

    fn access(&mut self, mem: MemElem, store: bool, t: u32, n: u32, off: i32) {
        let row = access(mem, store);
        let size = mem.bytes() as i32;
        if let Some(narrow) = row.offset
            && low(&[t, n])
            && off >= 0
            && off % size == 0
            && off / size < 32
        {
            return self.h(narrow | ((off / size) as u32) << 6 | n << 3 | t);
        }
        if self.isa.kind == Kind::Thumb1 {
            // A signed load: as an unsigned one, then extended.
            self.access(if size == 1 { MemElem::U8 } else { MemElem::U16 }, store, t, n, off);
            return self.h(extension(mem).0 | t << 3 | t);
        }
        if off >= 0 {
            self.w2(row.wide | n, t << 12 | off as u32)
        } else {
            self.w2((row.wide - 0x80) | n, t << 12 | 0xc00 | off.unsigned_abs())
        }
    }
    fn indexed(&mut self, mem: MemElem, store: bool, t: u32, n: u32, m: u32, by: u32) {
        let row = access(mem, store);
        if low(&[t, n, m]) && by == 0 {
            self.h(row.index | m << 6 | n << 3 | t)
        } else {
            self.w2((row.wide - 0x80) | n, t << 12 | by << 4 | m)
        }
    }
    /// Access, then the address steps.
    fn post(&mut self, wide: u32, t: u32, n: u32, by: i32) {
        self.w2((wide - 0x80) | n, t << 12 | 0x900 | u32::from(by >= 0) << 9 | by.unsigned_abs());
    }
    fn pair(&mut self, hw: u32, t: u32, t2: u32, n: u32, off: i32) {
        self.w2(hw | 0x100 | u32::from(off >= 0) << 7 | n, t << 12 | t2 << 8 | (off.unsigned_abs() / 4));
    }
    /// A word on the stack.
    fn slot(&mut self, store: bool, t: u32, off: u32) -> Result<(), String> {
        if t < 8 && off < 1024 {
            self.h(if store { 0x9000 } else { 0x9800 } | t << 8 | (off / 4));
        } else if self.t2() && off < 4096 {
            self.w2(access(MemElem::W32, store).wide | SP, t << 12 | off);
        } else {
            return Err(format!("a frame of more than {off} bytes"));
        }
        Ok(())
    }
}
