//! The rescaling rule: one multiply-high, one addition, one shift, one clamp, in the fewest instructions the target has for them.

use super::isa::Isa;
use super::{Emitter, refuse, ty};
use mcompc_ir::Result;
use mcompc_kernel::{Lane, Rescale, Ty};

impl Emitter<'_> {
    /// `deferred`: every reader of the result saturates it to i8.
    pub(super) fn rescale(&mut self, d: &str, r: &Rescale, t: Ty, a: &[String], deferred: bool) -> Result<()> {
        if r.check().is_err() {
            return refuse(format_args!("{r:?}"));
        }
        if !matches!(t, Ty::I32 | Ty::Vec(Lane::I32, _)) {
            return refuse(format_args!("a rescale of {t}"));
        }
        let name = ty(t);
        let acc = if r.pre == 0 {
            a[0].clone()
        } else {
            let c = self.splat_const(r.pre.into(), &name);
            self.temp(format_args!("arith.shli {}, {c} : {name}", a[0]))
        };
        let whole_i8 = (r.lo, r.hi) == (-128, 127);
        let v = match (self.isa, t) {
            (Isa::Aarch64, Ty::Vec(_, n)) if n >= 4 => self.sqdmulh(["aarch64.neon.sqdmulh", "aarch64.neon.srshl"], r, n, &acc, &a[1]),
            (Isa::Neon, Ty::Vec(_, n)) if n >= 4 => self.sqdmulh(["arm.neon.vqdmulh", "arm.neon.vrshifts"], r, n, &acc, &a[1]),
            _ => {
                let high = self.mul_hi(t, &acc, &a[1]);
                let mut c = self.splat_const((i64::from(r.zp) << r.shift) + (1 << (r.shift - 1)), &name);
                if t == Ty::I32 && self.isa.dsp() {
                    // `smmla` adds a register; a constant that LLVM can see becomes `smmul` and an `add` of an immediate.
                    c = self.hidden((r.zp << r.shift) + (1 << (r.shift - 1)));
                }
                let sum = self.temp(format_args!("arith.addi {high}, {c} : {name}"));
                let s = self.splat_const(r.shift.into(), &name);
                self.temp(format_args!("arith.shrsi {sum}, {s} : {name}"))
            }
        };
        let v = if whole_i8 && deferred {
            v
        } else if whole_i8 && t == Ty::I32 && self.isa.ssat() {
            let bits = self.iconst(8);
            self.temp(format_args!("llvm.call_intrinsic \"llvm.arm.ssat\"({v}, {bits}) : (i32, i32) -> i32"))
        } else {
            self.clamp(&v, r.lo, r.hi, &name)
        };
        self.line(format_args!("{d} = llvm.bitcast {v} : {name} to {name}"));
        Ok(())
    }

    /// `sqdmulh` is floor(acc * m / 2^31) for m < 2^31 (it saturates only for -2^31 squared), and `srshr #s+1` of it is
    /// floor((floor(acc * m / 2^31) + 2^s) / 2^(s+1)) = floor((acc * m + 2^(31+s)) / 2^(32+s)): the rule, before the zero point.
    fn sqdmulh(&mut self, [product, shift_by]: [&str; 2], r: &Rescale, n: u16, acc: &str, m: &str) -> String {
        let t = ty(Ty::Vec(Lane::I32, n));
        let q = "vector<4xi32>";
        let shift = self.splat_const(-i64::from(r.shift) - 1, q);
        let mut parts: Vec<String> = vec![];
        for first in (0..n).step_by(4) {
            let mask: Vec<u16> = (first..first + 4).collect();
            let (x, y) =
                if n == 4 { (acc.to_string(), m.to_string()) } else { (self.shuffle(&t, acc, acc, &mask), self.shuffle(&t, m, m, &mask)) };
            let h = self.temp(format_args!("llvm.call_intrinsic \"llvm.{product}.v4i32\"({x}, {y}) : ({q}, {q}) -> {q}"));
            parts.push(self.temp(format_args!("llvm.call_intrinsic \"llvm.{shift_by}.v4i32\"({h}, {shift}) : ({q}, {q}) -> {q}")));
        }
        let mut width = 4;
        while parts.len() > 1 {
            let mask: Vec<u16> = (0..2 * width).collect();
            let t = ty(Ty::Vec(Lane::I32, width));
            parts = parts.chunks(2).map(|p| self.shuffle(&t, &p[0], p.last().unwrap_or(&p[0]), &mask)).collect();
            width *= 2;
        }
        let v = parts.pop().unwrap_or_default();
        if r.zp == 0 {
            return v;
        }
        let zp = self.splat_const(r.zp.into(), &t);
        self.temp(format_args!("arith.addi {v}, {zp} : {t}"))
    }
}
