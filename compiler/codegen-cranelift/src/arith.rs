//! Constants, arithmetic, comparisons and choices.

use crate::layout::{element, layout, per_piece, piece};
use crate::translate::{Held, Translator};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Cmp, Lane, Ty, Val};

impl Translator<'_, '_, '_> {
    pub(crate) fn constant(&mut self, dst: Val, v: i32, ty: Ty) -> Result<()> {
        let (n, t) = layout(ty);
        let (val, known) = match ty {
            Ty::Ptr => return Err(self.refuse("a pointer constant")),
            Ty::I32 => (self.b.ins().iconst(types::I32, i64::from(v)), i64::from(v)),
            Ty::Vec(l, _) => {
                let bytes: Vec<u8> = v.to_le_bytes()[..l.bytes()].iter().copied().cycle().take(16).collect();
                let lane = match l {
                    Lane::I8 => i64::from(v as i8),
                    Lane::I16 => i64::from(v as i16),
                    Lane::I32 => i64::from(v),
                };
                let mut all = [0; 16];
                all.copy_from_slice(&bytes);
                (self.vconst(t, all), lane)
            }
        };
        let wide = (ty == Ty::I32).then(|| self.b.ins().iconst(types::I64, known));
        self.held[dst.0 as usize] = Held { vals: vec![val; n], range: Some((known, known)), wide, ..Held::default() };
        Ok(())
    }

    pub(crate) fn bin(&mut self, dst: Val, op: Bin, a: Val, b: Val) -> Result<()> {
        let ty = self.ty(dst);
        if ty == Ty::I32 && self.simple(dst, op, a, b)? {
            return Ok(());
        }
        let (av, bv) = (self.pieces(a), self.pieces(b));
        let mut out = Vec::with_capacity(av.len());
        match ty {
            Ty::Ptr => return Err(self.refuse(format!("{op:?} on pointers"))),
            Ty::Vec(l, n) if matches!(op, Bin::Shl | Bin::Sra | Bin::Srl) => match self.known(b) {
                Some(s) => {
                    let s = self.b.ins().iconst(types::I32, s & i64::from(l.bits() - 1));
                    for &x in &av {
                        out.push(self.shift(op, x, s));
                    }
                }
                None => out = self.shift_lanes(op, l, n, &av, &bv)?,
            },
            Ty::Vec(Lane::I8, _) if op == Bin::Mul => {
                for (&x, &y) in av.iter().zip(&bv) {
                    out.push(self.mul_i8(x, y));
                }
            }
            Ty::Vec(..) if op == Bin::MulHi => {
                for (&x, &y) in av.iter().zip(&bv) {
                    out.push(self.mulhi(x, y));
                }
            }
            Ty::I32 if op == Bin::MulHi => out.push(self.mulhi_scalar(av[0], bv[0])),
            _ => {
                for (&x, &y) in av.iter().zip(&bv) {
                    out.push(self.plain(op, x, y));
                }
            }
        }
        let range = self.bin_range(op, ty, a, b);
        let wide = match (ty, range, self.get(a).wide, self.get(b).wide) {
            (Ty::I32, Some(_), Some(x), Some(y)) => self.wide(op, x, y, self.known(b)),
            _ => None,
        };
        let flag = match (op, self.get(a).flag, self.get(b).flag) {
            (Bin::And | Bin::Or | Bin::Xor, Some(x), Some(y)) => Some(self.plain(op, x, y)),
            _ => None,
        };
        self.held[dst.0 as usize] = Held { vals: out, range, wide, flag, ..Held::default() };
        Ok(())
    }

    /// Scalar results that need no instruction, and products that are shifts.
    fn simple(&mut self, dst: Val, op: Bin, a: Val, b: Val) -> Result<bool> {
        let same = match (op, self.known(a), self.known(b)) {
            (Bin::Add | Bin::Sub | Bin::Mul, Some(x), Some(y)) => {
                let r = match op {
                    Bin::Add => x.wrapping_add(y),
                    Bin::Sub => x.wrapping_sub(y),
                    _ => x.wrapping_mul(y),
                };
                self.constant(dst, r as i32, Ty::I32)?;
                return Ok(true);
            }
            (Bin::Mul, Some(0), _) | (Bin::Mul, _, Some(0)) => {
                self.constant(dst, 0, Ty::I32)?;
                return Ok(true);
            }
            (Bin::Add, Some(0), _) | (Bin::Mul, Some(1), _) => b,
            (Bin::Add | Bin::Sub, _, Some(0)) | (Bin::Mul, _, Some(1)) => a,
            _ => return Ok(false),
        };
        self.held[dst.0 as usize] = self.get(same).clone();
        Ok(true)
    }

    /// The same operation in 64 bits, for results that do not wrap in 32.
    fn wide(&mut self, op: Bin, x: Value, y: Value, by: Option<i64>) -> Option<Value> {
        match (op, by) {
            (Bin::Mul, Some(c)) if c > 0 && c & (c - 1) == 0 => Some(self.b.ins().ishl_imm_u(x, i64::from(c.trailing_zeros()))),
            (Bin::Add | Bin::Sub | Bin::Mul | Bin::Smin | Bin::Smax, _) => Some(self.plain(op, x, y)),
            (Bin::Sra | Bin::Srl, Some(c)) => Some(self.b.ins().sshr_imm_u(x, c)),
            (Bin::MulHi, _) => {
                let p = self.b.ins().imul(x, y);
                Some(self.b.ins().sshr_imm_u(p, 32))
            }
            _ => None,
        }
    }

    /// Range of a result that cannot wrap; `None` where it could.
    fn bin_range(&self, op: Bin, ty: Ty, a: Val, b: Val) -> Option<(i64, i64)> {
        let ((al, ah), (bl, bh)) = (self.get(a).range?, self.get(b).range?);
        let r = match op {
            Bin::Add => (al + bl, ah + bh),
            Bin::Sub => (al - bh, ah - bl),
            Bin::Mul => {
                let p = [al * bl, al * bh, ah * bl, ah * bh];
                (p.into_iter().min()?, p.into_iter().max()?)
            }
            Bin::MulHi if ty == Ty::I32 => {
                let p = [al * bl, al * bh, ah * bl, ah * bh];
                (p.into_iter().min()? >> 32, p.into_iter().max()? >> 32)
            }
            Bin::Sra | Bin::Srl if ty == Ty::I32 && bl == bh && (0..32).contains(&bl) && (al >= 0 || op == Bin::Sra) => {
                (al >> bl, ah >> bl)
            }
            Bin::Smin => (al.min(bl), ah.min(bh)),
            Bin::Smax => (al.max(bl), ah.max(bh)),
            _ => return None,
        };
        let bits = if let Ty::Vec(l, _) = ty { l.bits() } else { 32 };
        let limit = 1i64 << (bits - 1);
        (-limit <= r.0 && r.1 < limit).then_some(r)
    }

    fn plain(&mut self, op: Bin, x: Value, y: Value) -> Value {
        let i = self.b.ins();
        match op {
            Bin::Add => i.iadd(x, y),
            Bin::Sub => i.isub(x, y),
            Bin::Mul => i.imul(x, y),
            Bin::And => i.band(x, y),
            Bin::Or => i.bor(x, y),
            Bin::Xor => i.bxor(x, y),
            Bin::Smin => i.smin(x, y),
            Bin::Smax => i.smax(x, y),
            Bin::Shl | Bin::Sra | Bin::Srl => self.shift(op, x, y),
            Bin::MulHi => self.mulhi_scalar(x, y),
        }
    }

    fn shift(&mut self, op: Bin, x: Value, by: Value) -> Value {
        match op {
            Bin::Shl => self.b.ins().ishl(x, by),
            Bin::Sra => self.b.ins().sshr(x, by),
            _ => self.b.ins().ushr(x, by),
        }
    }

    /// Shifts by an amount of each lane's own: no instruction set here has them below AVX2, so one lane at a time.
    fn shift_lanes(&mut self, op: Bin, l: Lane, n: u16, a: &[Value], b: &[Value]) -> Result<Vec<Value>> {
        let mut out = a.to_vec();
        for lane in 0..n as usize {
            let (p, i) = (lane / per_piece(l), (lane % per_piece(l)) as u8);
            let x = self.b.ins().extractlane(a[p], i);
            let by = self.b.ins().extractlane(b[p], i);
            let r = self.shift(op, x, by);
            out[p] = self.b.ins().insertlane(out[p], r, i);
        }
        Ok(out)
    }

    /// i8 products modulo 256: x86 has no such instruction, so through i16.
    fn mul_i8(&mut self, x: Value, y: Value) -> Value {
        if !self.writer.is_x86() {
            return self.b.ins().imul(x, y);
        }
        let half = |t: &mut Self, high: bool| {
            let (a, b) = if high {
                (t.b.ins().swiden_high(x), t.b.ins().swiden_high(y))
            } else {
                (t.b.ins().swiden_low(x), t.b.ins().swiden_low(y))
            };
            t.b.ins().imul(a, b)
        };
        let (lo, hi) = (half(self, false), half(self, true));
        self.even_lanes(Lane::I16, lo, hi)
    }

    pub(crate) fn mulhi_scalar(&mut self, x: Value, y: Value) -> Value {
        let (x, y) = (self.b.ins().sextend(types::I64, x), self.b.ins().sextend(types::I64, y));
        let p = self.b.ins().imul(x, y);
        let p = self.b.ins().sshr_imm_u(p, 32);
        self.b.ins().ireduce(types::I32, p)
    }

    pub(crate) fn cmp(&mut self, dst: Val, c: Cmp, a: Val, b: Val) -> Result<()> {
        let cc = match c {
            Cmp::Eq => IntCC::Equal,
            Cmp::Ne => IntCC::NotEqual,
            Cmp::Slt => IntCC::SignedLessThan,
            Cmp::Sle => IntCC::SignedLessThanOrEqual,
            Cmp::Ult => IntCC::UnsignedLessThan,
        };
        // Sign extension keeps every order, the unsigned one too.
        let (a, b) = match (self.get(a).wide, self.get(b).wide) {
            (Some(a), Some(b)) => (a, b),
            _ => (self.one(a), self.one(b)),
        };
        let flag = self.b.ins().icmp(cc, a, b);
        let v = self.b.ins().uextend(types::I32, flag);
        self.held[dst.0 as usize] = Held { vals: vec![v], range: Some((0, 1)), flag: Some(flag), ..Held::default() };
        Ok(())
    }

    /// What a branch or choice tests.
    pub(crate) fn condition(&self, c: Val) -> Value {
        self.get(c).flag.unwrap_or(self.one(c))
    }

    pub(crate) fn select(&mut self, dst: Val, args: &[Val]) -> Result<()> {
        let c = self.condition(args[0]);
        let (a, b) = (self.flat(args[1]), self.flat(args[2]));
        let v = a.iter().zip(&b).map(|(&a, &b)| self.b.ins().select(c, a, b)).collect();
        self.set(dst, v);
        Ok(())
    }

    pub(crate) fn splat(&mut self, dst: Val, x: Val, ty: Ty) -> Result<()> {
        let Ty::Vec(l, _) = ty else { return Err(self.refuse("a splat to a scalar")) };
        let s = self.one(x);
        let s = if l == Lane::I32 { s } else { self.b.ins().ireduce(element(l), s) };
        let v = self.b.ins().splat(piece(l), s);
        let limit = 1i64 << (l.bits() - 1);
        let range = self.get(x).range.filter(|r| -limit <= r.0 && r.1 < limit);
        self.set_ranged(dst, vec![v; layout(ty).0], range);
        Ok(())
    }

    pub(crate) fn splat_bits(&mut self, dst: Val, x: Val, ty: Ty) -> Result<()> {
        let (n, t) = layout(ty);
        let x = self.one(x);
        let v = self.b.ins().splat(types::I32X4, x);
        let v = self.cast(v, t);
        self.set(dst, vec![v; n]);
        Ok(())
    }

    pub(crate) fn sxtb16(&mut self, dst: Val, x: Val, ror: bool) -> Result<()> {
        // Byte b of x to bits 0..16: up to the top, then down with its sign.
        let x = self.one(x);
        let first = if ror { 16 } else { 24 };
        let lo = self.b.ins().ishl_imm_u(x, first);
        let lo = self.b.ins().sshr_imm_u(lo, 24);
        let lo = self.b.ins().band_imm_u(lo, 0xffff);
        let hi = if ror { x } else { self.b.ins().ishl_imm_u(x, 8) };
        let hi = self.b.ins().sshr_imm_u(hi, 24);
        let hi = self.b.ins().ishl_imm_u(hi, 16);
        let v = self.b.ins().bor(lo, hi);
        self.set(dst, vec![v]);
        Ok(())
    }
}
