//! The rescaling rule (docs/numerics.md): high half of a 64-bit product, add, arithmetic shift, clamp.

use crate::layout::layout;
use crate::translate::Translator;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use mcompc_ir::Result;
use mcompc_kernel::{Rescale, Ty, Val};

impl Translator<'_, '_, '_> {
    pub(crate) fn rescale(&mut self, dst: Val, r: Rescale, acc: Val, m: Val) -> Result<()> {
        // |high half| <= 2^31, so the sum stays in 32 bits only for a small constant.
        let c = (i64::from(r.zp) << r.shift) + (1i64 << (r.shift.max(1) - 1));
        if c.abs() >= 1 << 30 || !(1..=15).contains(&r.shift) {
            return Err(self.refuse(format!("{r:?}: zero point and shift pass 30 bits")));
        }
        let ty = self.ty(dst);
        let (accs, ms) = (self.pieces(acc), self.pieces(m));
        let raw: Vec<Value> = accs.iter().zip(&ms).map(|(&a, &m)| self.rescale_one(r, c, ty, a, m)).collect();
        let range = (i64::from(r.lo), i64::from(r.hi));
        let clamped = raw.iter().map(|&v| self.clamp(v, range)).collect();
        self.set_ranged(dst, clamped, Some(range));
        self.held[dst.0 as usize].raw = Some(raw);
        Ok(())
    }

    fn rescale_one(&mut self, r: Rescale, c: i64, ty: Ty, acc: Value, m: Value) -> Value {
        let acc = if r.pre == 0 { acc } else { self.shift_const(acc, r.pre, true) };
        let high = if ty == Ty::I32 { self.mulhi_scalar(acc, m) } else { self.mulhi(acc, m) };
        let c = self.splat_const(layout(ty).1, c);
        let v = self.b.ins().iadd(high, c);
        self.shift_const(v, r.shift, false)
    }

    /// Clamps a scalar or every lane; bounds at the ends of the lane cost nothing.
    pub(crate) fn clamp(&mut self, v: Value, (lo, hi): (i64, i64)) -> Value {
        let t = self.b.func.dfg.value_type(v);
        let limit = 1i64 << (t.lane_bits() - 1);
        let mut v = v;
        if hi < limit - 1 {
            let c = self.splat_const(t, hi);
            v = self.b.ins().smin(v, c);
        }
        if lo > -limit {
            let c = self.splat_const(t, lo);
            v = self.b.ins().smax(v, c);
        }
        v
    }

    /// Left or arithmetic right shift of a scalar or of every lane.
    fn shift_const(&mut self, v: Value, by: u8, left: bool) -> Value {
        let by = self.b.ins().iconst(types::I32, i64::from(by));
        if left { self.b.ins().ishl(v, by) } else { self.b.ins().sshr(v, by) }
    }

    /// A number, or a register full of it.
    fn splat_const(&mut self, t: Type, v: i64) -> Value {
        if t == types::I32 {
            return self.b.ins().iconst(t, v);
        }
        let (v, lane) = (v.to_le_bytes(), (t.lane_bits() / 8) as usize);
        self.vconst(t, std::array::from_fn(|i| v[i % lane]))
    }

    /// High halves of four signed 64-bit products: widening multiplications of both halves, odd words put together.
    pub(crate) fn mulhi(&mut self, x: Value, y: Value) -> Value {
        let (a, b) = (self.b.ins().swiden_low(x), self.b.ins().swiden_low(y));
        let low = self.b.ins().imul(a, b);
        let (a, b) = (self.b.ins().swiden_high(x), self.b.ins().swiden_high(y));
        let high = self.b.ins().imul(a, b);
        let odd = std::array::from_fn(|i| (i / 4 * 8 + 4 + i % 4) as u8);
        let v = self.shuffle_bytes(low, high, odd);
        self.cast(v, types::I32X4)
    }
}
