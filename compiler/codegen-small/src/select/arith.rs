//! Arithmetic.

use super::{Select, alu};
use crate::backend;
use crate::isa::Kind;
use crate::lir::{Alu, Cond, Op as M, Reg};
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Cmp, MemElem, Op, Val};

/// The second operand of a comparison.
pub(super) enum Other {
    Reg(Reg),
    Imm(i32),
}

impl Select<'_> {
    /// An operation; the register of its result.
    pub(super) fn op(&mut self, op: &Op, a: &[Val]) -> Result<Reg> {
        match op {
            Op::Const(c, _) => Ok(self.const_reg(*c)),
            Op::Bin(b) => self.bin(*b, a[0], a[1]),
            Op::Cmp(c) => self.set(*c, a[0], a[1]),
            Op::Select => self.choose(a[0], a[1], a[2]),
            Op::PtrAdd { scale, imm } => match a {
                [p] => self.add_const(*p, *imm),
                [p, i, ..] => {
                    let (p, i) = (self.reg(*p)?, self.reg(*i)?);
                    Ok(match scale.trailing_zeros() {
                        0 => self.make(M::Alu(Alu::Add), &[p, i], 0),
                        by => self.make(M::AluSh(Alu::Add, Alu::Lsl, by as u8), &[p, i], 0),
                    })
                }
                [] => Err(backend(&self.f.name, "an address of nothing")),
            },
            Op::DataAddr { data, imm } => match self.data.get(data.as_str()) {
                Some(&n) => Ok(self.make(M::Addr(n), &[], *imm)),
                None => Err(backend(&self.f.name, format!("there is no data `{data}`"))),
            },
            Op::Load { mem, off, align, .. } => self.load(*mem, a[0], *off, *align),
            Op::Sxtb16 { ror } => {
                let x = self.reg(a[0])?;
                Ok(self.make(M::Sxtb16(*ror), &[x], 0))
            }
            Op::Contract { .. } => {
                let (acc, x, w) = (self.reg(a[0])?, self.reg(a[1])?, self.reg(a[2])?);
                Ok(self.make(M::Smlad, &[x, w, acc], 0))
            }
            _ => Err(backend(&self.f.name, format!("{op:?} is not expected here"))),
        }
    }
    fn add_const(&mut self, p: Val, imm: i32) -> Result<Reg> {
        let p = self.reg(p)?;
        if self.isa.immediate_fits(Alu::Add, imm) {
            return Ok(self.make(M::AluImm(Alu::Add), &[p], imm));
        }
        let c = self.const_reg(imm);
        Ok(self.make(M::Alu(Alu::Add), &[p, c], 0))
    }
    fn bin(&mut self, op: Bin, a: Val, b: Val) -> Result<Reg> {
        if let Some(r) = self.extension(op, a, b)? {
            return Ok(r);
        }
        if self.isa.is_thumb2()
            && let Some(r) = self.fused(op, a, b)?
        {
            return Ok(r);
        }
        let Some(alu) = alu(op) else {
            return match op {
                Bin::MulHi => self.mul_hi(a, b),
                _ => self.bound(op, a, b),
            };
        };
        if let Some(c) = self.known(b) {
            if self.isa.is_thumb() && alu == Alu::And && (c == 0xff || c == 0xffff) {
                let x = self.reg(a)?;
                return Ok(self.make(M::Ext(if c == 0xff { MemElem::U8 } else { MemElem::U16 }), &[x], 0));
            }
            if self.isa.immediate_fits(alu, c) {
                let x = self.reg(a)?;
                return Ok(self.make(M::AluImm(alu), &[x], c));
            }
        }
        if let (Alu::Sub, Some(c)) = (alu, self.known(a))
            && self.isa.immediate_fits(Alu::Rsb, c)
        {
            let y = self.reg(b)?;
            return Ok(self.make(M::AluImm(Alu::Rsb), &[y], c));
        }
        let (x, y) = (self.reg(a)?, self.reg(b)?);
        Ok(self.make(M::Alu(alu), &[x, y], 0))
    }
    /// Shifts left and back as one extension.
    fn extension(&mut self, op: Bin, a: Val, b: Val) -> Result<Option<Reg>> {
        let (Some((Op::Bin(Bin::Shl), inner)), Some(by)) = (self.lazy_op(a), self.known(b)) else { return Ok(None) };
        let Some(up) = self.known(inner[1]).filter(|up| self.isa.is_thumb() && (0..=by).contains(up)) else { return Ok(None) };
        let whole = match (op, by) {
            _ if up != by => None,
            (Bin::Sra, 24) => Some(MemElem::S8),
            (Bin::Sra, 16) => Some(MemElem::S16),
            (Bin::Srl, 24) => Some(MemElem::U8),
            (Bin::Srl, 16) => Some(MemElem::U16),
            _ => None,
        };
        let op = match (whole, op) {
            (Some(mem), _) => M::Ext(mem),
            (None, Bin::Sra | Bin::Srl) if self.isa.is_thumb2() && by < 32 => {
                M::Field { signed: op == Bin::Sra, low: (by - up) as u8, bits: (32 - by) as u8 }
            }
            _ => return Ok(None),
        };
        let x = self.reg(inner[0])?;
        Ok(Some(self.make(op, &[x], 0)))
    }
    /// Operations that Armv7-M does together with the one that makes an operand.
    fn fused(&mut self, op: Bin, a: Val, b: Val) -> Result<Option<Reg>> {
        if op == Bin::Smax
            && let Some(r) = self.saturation(a, b)?
        {
            return Ok(Some(r));
        }
        for (x, y, swapped) in [(a, b, false), (b, a, true)] {
            if swapped && !matches!(op, Bin::Add | Bin::And | Bin::Or | Bin::Xor) {
                continue;
            }
            let Some((Op::Bin(inner), args)) = self.lazy_op(y) else { continue };
            match (op, inner) {
                (Bin::Add | Bin::Sub, Bin::Mul) => {
                    let (p, q, acc) = (self.reg(args[0])?, self.reg(args[1])?, self.reg(x)?);
                    let m = if op == Bin::Add { M::Mla } else { M::Mls };
                    return Ok(Some(self.make(m, &[p, q, acc], 0)));
                }
                (Bin::Add, Bin::MulHi) if self.isa.dsp => {
                    let (p, q, acc) = (self.reg(args[0])?, self.reg(args[1])?, self.reg(x)?);
                    return Ok(Some(self.make(M::Smmla, &[p, q, acc], 0)));
                }
                (Bin::Add | Bin::Sub | Bin::And | Bin::Or | Bin::Xor, Bin::Shl | Bin::Sra | Bin::Srl) => {
                    let (Some(by), Some(alu), Some(shift)) = (self.known(args[1]), alu(op), alu(*inner)) else { continue };
                    let (x, y) = (self.reg(x)?, self.reg(args[0])?);
                    return Ok(Some(self.make(M::AluSh(alu, shift, by as u8), &[x, y], 0)));
                }
                _ => {}
            }
        }
        Ok(None)
    }
    /// `smax(smin(x >> s, hi), lo)` where the bounds are those of so many bits.
    fn saturation(&mut self, a: Val, b: Val) -> Result<Option<Reg>> {
        let (Some(lo), Some((Op::Bin(Bin::Smin), inner))) = (self.known(b), self.lazy_op(a)) else { return Ok(None) };
        let Some(hi) = self.known(inner[1]).filter(|h| *h >= 0 && (*h as u32 + 1).is_power_of_two()) else { return Ok(None) };
        let bits = (hi as u32).count_ones() as u8;
        let (x, asr) = match self.lazy_op(inner[0]) {
            Some((Op::Bin(Bin::Sra), args)) => match self.known(args[1]) {
                Some(by) => (args[0], by as u8),
                None => (inner[0], 0),
            },
            _ => (inner[0], 0),
        };
        let op = match lo {
            0 if bits < 32 => M::Usat { bits, asr },
            l if l == !hi => M::Ssat { bits: bits + 1, asr },
            _ => return Ok(None),
        };
        let x = self.reg(x)?;
        Ok(Some(self.make(op, &[x], 0)))
    }
    fn mul_hi(&mut self, a: Val, b: Val) -> Result<Reg> {
        let (x, y) = (self.reg(a)?, self.reg(b)?);
        let d = self.make(M::MulHi, &[x, y], 0);
        if self.isa.is_thumb2() && !self.isa.dsp {
            let low = self.code.fresh();
            if let Some(i) = self.code.blocks[self.cur].ins.last_mut() {
                i.defs.push(low);
            }
        }
        Ok(d)
    }
    /// Minimum and maximum.
    fn bound(&mut self, op: Bin, a: Val, b: Val) -> Result<Reg> {
        let cond = if op == Bin::Smin { Cond::Lt } else { Cond::Gt };
        if let Some(c) = self.known(b) {
            let x = self.reg(a)?;
            if op == Bin::Smax && c == 0 && self.isa.is_thumb2() {
                return Ok(self.make(M::AluSh(Alu::Bic, Alu::Asr, 31), &[x, x], 0));
            }
            if self.isa.clips(c) {
                return Ok(self.make(M::Clip(cond.swapped()), &[x], c));
            }
        }
        // The result takes the place of the first operand, which as a rule ends here; the second may be a constant.
        let (x, y) = (self.reg(a)?, self.reg(b)?);
        Ok(self.make(M::Select(cond.not()), &[x, y, y, x], 0))
    }
    /// A comparison as condition and operands; anything else as `is not 0`.
    pub(super) fn compare(&mut self, c: Val) -> Result<(Cond, Reg, Other)> {
        match self.lazy_op(c) {
            Some((Op::Cmp(k), args)) => self.compared(*k, args[0], args[1], false),
            _ => Ok((Cond::Ne, self.reg(c)?, Other::Imm(0))),
        }
    }
    fn compared(&mut self, k: Cmp, a: Val, b: Val, set: bool) -> Result<(Cond, Reg, Other)> {
        let mut cond = match k {
            Cmp::Eq => Cond::Eq,
            Cmp::Ne => Cond::Ne,
            Cmp::Slt => Cond::Lt,
            Cmp::Sle => Cond::Le,
            Cmp::Ult => Cond::Lo,
        };
        let (mut a, mut b) = (a, b);
        if self.known(a).is_some() && self.known(b).is_none() {
            (a, b, cond) = (b, a, cond.swapped());
        }
        let x = self.reg(a)?;
        let riscv_set = set && self.isa.kind == Kind::Riscv && matches!(cond, Cond::Lt | Cond::Lo);
        match self.known(b) {
            Some(c) if self.isa.compare_fits(c) || (riscv_set && (-2048..2048).contains(&c)) => Ok((cond, x, Other::Imm(c))),
            _ => Ok((cond, x, Other::Reg(self.reg(b)?))),
        }
    }
    fn set(&mut self, k: Cmp, a: Val, b: Val) -> Result<Reg> {
        let (cond, x, other) = self.compared(k, a, b, true)?;
        Ok(match other {
            Other::Reg(y) => self.make(M::Set(cond), &[x, y], 0),
            Other::Imm(c) => self.make(M::SetImm(cond), &[x], c),
        })
    }
    fn choose(&mut self, c: Val, a: Val, b: Val) -> Result<Reg> {
        let (cond, x, other) = self.compare(c)?;
        let (a, b) = (self.reg(a)?, self.reg(b)?);
        Ok(match other {
            Other::Reg(y) => self.make(M::Select(cond), &[x, y, a, b], 0),
            Other::Imm(c) => self.make(M::SelectImm(cond), &[x, a, b], c),
        })
    }
}
