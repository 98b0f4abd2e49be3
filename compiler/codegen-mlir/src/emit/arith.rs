//! Scalar and lane-wise arithmetic.

use super::isa::Isa;
use super::{Emitter, refuse, ty, vec_ty};
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Cmp, Lane, Ty};

impl Emitter<'_> {
    pub(super) fn constant(&mut self, d: &str, v: i32, t: Ty) {
        match t {
            Ty::Vec(l, _) => {
                let v = match l {
                    Lane::I8 => i32::from(v as i8),
                    Lane::I16 => i32::from(v as i16),
                    Lane::I32 => v,
                };
                self.line(format_args!("{d} = arith.constant dense<{v}> : {}", ty(t)));
            }
            _ => self.line(format_args!("{d} = arith.constant {v} : i32")),
        }
    }

    /// `uniform`: the second operand is a constant.
    pub(super) fn bin(&mut self, d: &str, op: Bin, t: Ty, a: &[String], uniform: bool) -> Result<()> {
        let (x, y) = (&a[0], &a[1]);
        if let (Isa::Sse, Bin::Shl, Ty::Vec(l, n), false) = (self.isa, op, t, uniform) {
            self.shl_by_lane(d, l, n, x, y);
            return Ok(());
        }
        let name = match op {
            Bin::Add => "addi",
            Bin::Sub => "subi",
            Bin::Mul => "muli",
            Bin::And => "andi",
            Bin::Or => "ori",
            Bin::Xor => "xori",
            Bin::Shl => "shli",
            Bin::Sra => "shrsi",
            Bin::Srl => "shrui",
            Bin::Smin => "minsi",
            Bin::Smax => "maxsi",
            Bin::MulHi => {
                let v = match t {
                    Ty::I32 | Ty::Vec(Lane::I32, _) => self.mul_hi(t, x, y),
                    t => return refuse(format_args!("mulhi of {t}")),
                };
                self.line(format_args!("{d} = llvm.bitcast {v} : {0} to {0}", ty(t)));
                return Ok(());
            }
        };
        if t == Ty::Ptr {
            return refuse(format_args!("{op:?} of pointers"));
        }
        self.line(format_args!("{d} = arith.{name} {x}, {y} : {}", ty(t)));
        Ok(())
    }

    /// Lanes shifted by amounts of their own, one lane after the other: without AVX2, LLVM makes powers of two in floating point to
    /// multiply with. Kernels shift by constants; this is for completeness.
    fn shl_by_lane(&mut self, d: &str, l: Lane, n: u16, x: &str, y: &str) {
        let (t, e) = (vec_ty(l.bits(), n), format!("i{}", l.bits()));
        let mut v = x.to_string();
        for i in 0..n {
            let a = self.temp(format_args!("vector.extract {x}[{i}] : {e} from {t}"));
            let b = self.temp(format_args!("vector.extract {y}[{i}] : {e} from {t}"));
            let s = self.temp(format_args!("arith.shli {a}, {b} : {e}"));
            v = self.temp(format_args!("vector.insert {s}, {v}[{i}] : {e} into {t}"));
        }
        self.line(format_args!("{d} = llvm.bitcast {v} : {t} to {t}"));
    }

    /// High half of the signed product, by what the instruction set has.
    pub(super) fn mul_hi(&mut self, t: Ty, x: &str, y: &str) -> String {
        match (self.isa, t) {
            (Isa::Sse | Isa::Avx, Ty::Vec(_, n)) => self.mul_hi_pmuldq(n, x, y),
            (Isa::Thumb1, t) => self.mul_hi_16(&ty(t), x, y),
            _ => {
                let (t, wide) = match t {
                    Ty::Vec(_, n) => (ty(t), vec_ty(64, n)),
                    t => (ty(t), "i64".to_string()),
                };
                let p = self.product(&t, &wide, x, y);
                let c = self.splat_const(32, &wide);
                let h = self.temp(format_args!("arith.shrsi {p}, {c} : {wide}"));
                self.temp(format_args!("arith.trunci {h} : {wide} to {t}"))
            }
        }
    }

    fn product(&mut self, t: &str, wide: &str, x: &str, y: &str) -> String {
        let x = self.temp(format_args!("arith.extsi {x} : {t} to {wide}"));
        let y = self.temp(format_args!("arith.extsi {y} : {t} to {wide}"));
        self.temp(format_args!("arith.muli {x}, {y} : {wide}"))
    }

    /// `pmuldq` multiplies the even lanes; the odd ones are moved down, multiplied likewise and blended. Both factors are spelt as
    /// sign extensions of the low halves of 64-bit lanes by two shifts: the form LLVM moves beside the product, if a loop was to keep
    /// it outside, and turns into `pmuldq` without the shifts.
    fn mul_hi_pmuldq(&mut self, n: u16, x: &str, y: &str) -> String {
        let (t, wide) = (vec_ty(32, n), vec_ty(64, n / 2));
        let c = self.splat_const(32, &wide);
        let down: Vec<u16> = (0..n).map(|i| i | 1).collect();
        let mut halves = vec![];
        for odd in [false, true] {
            let mut ops = vec![];
            for v in [x, y] {
                let v = if odd { self.shuffle(&t, v, v, &down) } else { v.to_string() };
                let w = self.temp(format_args!("llvm.bitcast {v} : {t} to {wide}"));
                let up = self.temp(format_args!("arith.shli {w}, {c} : {wide}"));
                ops.push(self.temp(format_args!("arith.shrsi {up}, {c} : {wide}")));
            }
            let p = self.temp(format_args!("arith.muli {}, {} : {wide}", ops[0], ops[1]));
            halves.push(self.temp(format_args!("llvm.bitcast {p} : {wide} to {t}")));
        }
        let mask: Vec<u16> = (0..n).map(|i| if i % 2 == 0 { i + 1 } else { n + i }).collect();
        self.shuffle(&t, &halves[0], &halves[1], &mask)
    }

    /// From 16-bit halves: Armv6-M has no 64-bit product, and a library call is not allowed.
    fn mul_hi_16(&mut self, t: &str, x: &str, y: &str) -> String {
        let c16 = self.splat_const(16, t);
        let low = self.splat_const(0xffff, t);
        let split = |e: &mut Self, v: &str| {
            let l = e.temp(format_args!("arith.andi {v}, {low} : {t}"));
            let h = e.temp(format_args!("arith.shrsi {v}, {c16} : {t}"));
            (l, h)
        };
        let ((xl, xh), (yl, yh)) = (split(self, x), split(self, y));
        let mut mul = |a: &str, b: &str| self.temp(format_args!("arith.muli {a}, {b} : {t}"));
        let (ll, hl, lh, hh) = (mul(&xl, &yl), mul(&xh, &yl), mul(&xl, &yh), mul(&xh, &yh));
        let carry = self.temp(format_args!("arith.shrui {ll}, {c16} : {t}"));
        let mid = self.temp(format_args!("arith.addi {hl}, {carry} : {t}"));
        let (mid_low, mid_high) = split(self, &mid);
        let mid2 = self.temp(format_args!("arith.addi {lh}, {mid_low} : {t}"));
        let mid2_high = self.temp(format_args!("arith.shrsi {mid2}, {c16} : {t}"));
        let s = self.temp(format_args!("arith.addi {hh}, {mid_high} : {t}"));
        self.temp(format_args!("arith.addi {s}, {mid2_high} : {t}"))
    }

    pub(super) fn cmp(&mut self, d: &str, c: Cmp, a: &[String]) {
        let p = match c {
            Cmp::Eq => "eq",
            Cmp::Ne => "ne",
            Cmp::Slt => "slt",
            Cmp::Sle => "sle",
            Cmp::Ult => "ult",
        };
        let b = self.temp(format_args!("arith.cmpi {p}, {}, {} : i32", a[0], a[1]));
        self.line(format_args!("{d} = arith.extui {b} : i1 to i32"));
    }

    /// `i1` that is set where the scalar is not 0.
    pub(super) fn truth(&mut self, c: &str) -> String {
        let zero = self.iconst(0);
        self.temp(format_args!("arith.cmpi ne, {c}, {zero} : i32"))
    }

    pub(super) fn select(&mut self, d: &str, t: Ty, a: &[String]) {
        let c = self.truth(&a[0]);
        self.line(format_args!("{d} = llvm.select {c}, {}, {} : i1, {}", a[1], a[2], ty(t)));
    }

    /// Clamps a scalar or vector of the integer type `t`.
    pub(super) fn clamp(&mut self, v: &str, lo: i32, hi: i32, t: &str) -> String {
        let hi = self.splat_const(hi.into(), t);
        let lo = self.splat_const(lo.into(), t);
        let v = self.temp(format_args!("arith.minsi {v}, {hi} : {t}"));
        self.temp(format_args!("arith.maxsi {v}, {lo} : {t}"))
    }

    pub(super) fn sxtb16(&mut self, d: &str, ror: bool, x: &str) {
        let amount = self.iconst(8);
        if self.isa.dsp() {
            let x =
                if ror { self.temp(format_args!("llvm.intr.fshr({x}, {x}, {amount}) : (i32, i32, i32) -> i32")) } else { x.to_string() };
            self.line(format_args!("{d} = llvm.call_intrinsic \"llvm.arm.sxtb16\"({x}) : (i32) -> i32"));
            return;
        }
        // As lanes of bytes: the kept byte of each half, moved to the top of its half, shifted back with its sign.
        let v = self.temp(format_args!("llvm.bitcast {x} : i32 to vector<2xi16>"));
        let c = self.splat_const(8, "vector<2xi16>");
        let up = if ror { v } else { self.temp(format_args!("arith.shli {v}, {c} : vector<2xi16>")) };
        let s = self.temp(format_args!("arith.shrsi {up}, {c} : vector<2xi16>"));
        self.line(format_args!("{d} = llvm.bitcast {s} : vector<2xi16> to i32"));
    }
}
