//! Loads and stores, in accesses that the core has.

use super::expand::{Expand, lane_align, lanes};
use mcompc_kernel::{Bin, Inst, MemElem, Op, Ty, Val};

impl Expand<'_> {
    /// Base and offset of an access; what the instruction cannot carry is added before, once for neighbouring offsets.
    fn address(&mut self, mem: MemElem, p: Val, off: i32) -> (Val, i32) {
        let (q, more) = self.b.base(p);
        let off = off.wrapping_add(more);
        if self.isa().offset_fits(mem, off) {
            return (q, off);
        }
        let span = match self.isa().kind {
            crate::isa::Kind::Thumb1 => 32 * mem.bytes() as i32,
            crate::isa::Kind::Thumb2 => 2048,
            crate::isa::Kind::Riscv => 1024,
        };
        let low = off.rem_euclid(span);
        let low = if low % mem.bytes() as i32 == 0 { low } else { 0 };
        let high = off.wrapping_sub(low);
        if high == 0 { (q, off) } else { (self.b.op(Ty::Ptr, Op::PtrAdd { scale: 0, imm: high }, &[q]), low) }
    }
    /// Bytes that one access may take.
    fn piece(&self, mem: MemElem, align: u8) -> usize {
        if self.isa().unaligned { mem.bytes() } else { mem.bytes().min(align.into()) }
    }
    /// One element as an `i32`.
    pub fn load(&mut self, mem: MemElem, p: Val, off: i32, align: u8) -> Val {
        let whole = |e: &mut Self, mem: MemElem, off: i32, align: u8| {
            let (p, off) = e.address(mem, p, off);
            e.b.op(Ty::I32, Op::Load { ty: Ty::I32, mem, off, align }, &[p])
        };
        let piece = self.piece(mem, align);
        if piece == mem.bytes() {
            return whole(self, mem, off, align);
        }
        let (part, last) = match (piece, mem) {
            (2, _) => (MemElem::U16, MemElem::U16),
            (_, MemElem::S16) => (MemElem::U8, MemElem::S8),
            _ => (MemElem::U8, MemElem::U8),
        };
        let count = (mem.bytes() / piece) as i32;
        let mut sum = None;
        for k in 0..count {
            let at = k * piece as i32;
            let v = whole(self, if k + 1 == count { last } else { part }, off.wrapping_add(at), piece as u8);
            let v = self.b.bin_imm(Bin::Shl, v, 8 * at);
            sum = Some(match sum {
                None => v,
                Some(s) => self.b.bin(Bin::Or, s, v),
            });
        }
        sum.unwrap_or(p)
    }
    pub fn store(&mut self, val: Val, ptr: Val, off: i32, mem: MemElem, align: u8) {
        let p = self.one(ptr);
        for (k, v) in self.get(val).to_vec().into_iter().enumerate().take(lanes(self.f.ty(val)).0) {
            let k = k as i32;
            self.store_one(v, p, off.wrapping_add(k * mem.bytes() as i32), mem, lane_align(align, mem, k));
        }
    }
    fn store_one(&mut self, v: Val, p: Val, off: i32, mem: MemElem, align: u8) {
        let piece = self.piece(mem, align);
        let part = match piece {
            1 => MemElem::S8,
            2 => MemElem::S16,
            _ => MemElem::W32,
        };
        for at in (0..mem.bytes()).step_by(piece) {
            let val = self.b.bin_imm(Bin::Srl, v, 8 * at as i32);
            let (ptr, off) = self.address(part, p, off.wrapping_add(at as i32));
            self.b.push(Inst::Store { val, ptr, off, mem: part, align: align.max(1) });
        }
    }
}
