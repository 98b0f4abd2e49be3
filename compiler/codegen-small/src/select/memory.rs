//! Loads and stores.

use super::Select;
use crate::isa::Kind;
use crate::lir::{Ins, Op as M, Reg};
use mcompc_ir::Result;
use mcompc_kernel::{MemElem, Op, Val};

impl Select<'_> {
    pub(super) fn load(&mut self, mem: MemElem, p: Val, off: i32, align: u8) -> Result<Reg> {
        if let Some((base, index, by)) = self.index(p, off)? {
            return Ok(self.make(M::LoadX(mem, by), &[base, index], 0));
        }
        let base = self.reg(p)?;
        // Armv6-M extends signs only in loads with an index register.
        if self.isa.kind == Kind::Thumb1
            && matches!(mem, MemElem::S8 | MemElem::S16)
            && self.loops.last().is_some_and(|l| l.leaf)
            && off == 0
        {
            let index = self.const_reg(off);
            return Ok(self.make(M::LoadX(mem, 0), &[base, index], 0));
        }
        let d = self.code.fresh();
        let again = self.constant[p.0 as usize];
        self.push(Ins { align, again, ..Ins::new(M::Load(mem), &[d], &[base], off) });
        Ok(d)
    }
    pub(super) fn store(&mut self, val: Val, ptr: Val, off: i32, mem: MemElem, align: u8) -> Result<()> {
        let v = self.reg(val)?;
        if let Some((base, index, by)) = self.index(ptr, off)? {
            self.push(Ins::new(M::StoreX(mem, by), &[], &[v, base, index], 0));
            return Ok(());
        }
        let base = self.reg(ptr)?;
        self.push(Ins { align, ..Ins::new(M::Store(mem), &[], &[v, base], off) });
        Ok(())
    }
    /// Base, index and its shift of an address that is read only here.
    fn index(&mut self, p: Val, off: i32) -> Result<Option<(Reg, Reg, u8)>> {
        match self.lazy_op(p) {
            Some((Op::PtrAdd { scale, .. }, &[base, index])) if off == 0 => {
                let by = scale.trailing_zeros() as u8;
                Ok(Some((self.reg(base)?, self.reg(index)?, by)))
            }
            _ => Ok(None),
        }
    }
}
