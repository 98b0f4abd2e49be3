//! Splats, widening, narrowing, lanes and shuffles.

use super::{Emitter, lanes, refuse, ty, vec_ty};
use mcompc_ir::Result;
use mcompc_kernel::{Lane, Ty};

impl Emitter<'_> {
    /// Lanes `mask` of `a` followed by `b`, both of type `t`.
    pub(super) fn shuffle(&mut self, t: &str, a: &str, b: &str, mask: &[u16]) -> String {
        let m: Vec<String> = mask.iter().map(u16::to_string).collect();
        self.temp(format_args!("vector.shuffle {a}, {b} [{}] : {t}, {t}", m.join(", ")))
    }

    pub(super) fn shuffle_op(&mut self, d: &str, t: Ty, mask: &[u16], a: &[String]) -> Result<()> {
        lanes(t, "a shuffle")?;
        let v = self.shuffle(&ty(t), &a[0], &a[1], mask);
        self.line(format_args!("{d} = llvm.bitcast {v} : {0} to {0}", ty(t)));
        Ok(())
    }

    pub(super) fn splat(&mut self, d: &str, t: Ty, x: &str) -> Result<()> {
        let (l, _) = lanes(t, "a splat")?;
        let x = self.cut(x, l);
        self.line(format_args!("{d} = vector.broadcast {x} : i{} to {}", l.bits(), ty(t)));
        Ok(())
    }

    /// A scalar truncated to a lane.
    pub(super) fn cut(&mut self, x: &str, l: Lane) -> String {
        if l == Lane::I32 { x.to_string() } else { self.temp(format_args!("arith.trunci {x} : i32 to i{}", l.bits())) }
    }

    pub(super) fn splat_bits(&mut self, d: &str, t: Ty, x: &str) -> Result<()> {
        lanes(t, "a splat")?;
        if !t.bytes().is_multiple_of(4) {
            return refuse(format_args!("four bytes repeated over {t}"));
        }
        self.repeat(d, x, 32, t);
        Ok(())
    }

    pub(super) fn widen(&mut self, d: &str, t: Ty, signed: bool, high: bool, v: &str) -> Result<()> {
        let (l, n) = lanes(t, "a widening")?;
        let first = if high { n / 2 } else { 0 };
        let mask: Vec<u16> = (first..first + n / 2).collect();
        let half = self.shuffle(&ty(t), v, v, &mask);
        let ext = if signed { "extsi" } else { "extui" };
        self.line(format_args!("{d} = arith.{ext} {half} : {} to {}", vec_ty(l.bits(), n / 2), vec_ty(l.bits() * 2, n / 2)));
        Ok(())
    }

    pub(super) fn widen_all(&mut self, d: &str, t: Ty, to: Lane, signed: bool, v: &str) -> Result<()> {
        let (l, n) = lanes(t, "a widening")?;
        if to.bits() <= l.bits() {
            return refuse(format_args!("a widening of {t} to {} bits", to.bits()));
        }
        let ext = if signed { "extsi" } else { "extui" };
        self.line(format_args!("{d} = arith.{ext} {v} : {} to {}", ty(t), vec_ty(to.bits(), n)));
        Ok(())
    }

    /// Written as clamp and truncation of both operands in one vector: the form every target's saturating narrowing is selected from.
    pub(super) fn narrow_sat(&mut self, d: &str, t: Ty, a: &[String]) -> Result<()> {
        let (l, n) = lanes(t, "a narrowing")?;
        let half = l.bits() / 2;
        if half < 8 {
            return refuse(format_args!("a narrowing of {t}"));
        }
        let mask: Vec<u16> = (0..2 * n).collect();
        let both = self.shuffle(&ty(t), &a[0], &a[1], &mask);
        let wide = vec_ty(l.bits(), 2 * n);
        let top = (1i32 << (half - 1)) - 1;
        let v = self.clamp(&both, -top - 1, top, &wide);
        self.line(format_args!("{d} = arith.trunci {v} : {wide} to {}", vec_ty(half, 2 * n)));
        Ok(())
    }

    pub(super) fn trunc(&mut self, d: &str, t: Ty, to: Lane, v: &str) -> Result<()> {
        let (l, n) = lanes(t, "a truncation")?;
        if to.bits() >= l.bits() {
            return refuse(format_args!("a truncation of {t} to {} bits", to.bits()));
        }
        self.line(format_args!("{d} = arith.trunci {v} : {} to {}", ty(t), vec_ty(to.bits(), n)));
        Ok(())
    }

    pub(super) fn extract(&mut self, d: &str, t: Ty, lane: u16, v: &str) -> Result<()> {
        let (l, _) = lanes(t, "an extraction")?;
        if l == Lane::I32 {
            self.line(format_args!("{d} = vector.extract {v}[{lane}] : i32 from {}", ty(t)));
        } else {
            let x = self.temp(format_args!("vector.extract {v}[{lane}] : i{} from {}", l.bits(), ty(t)));
            self.line(format_args!("{d} = arith.extsi {x} : i{} to i32", l.bits()));
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, d: &str, t: Ty, lane: u16, a: &[String]) -> Result<()> {
        let (l, _) = lanes(t, "an insertion")?;
        let x = self.cut(&a[1], l);
        self.line(format_args!("{d} = vector.insert {x}, {}[{lane}] : i{} into {}", a[0], l.bits(), ty(t)));
        Ok(())
    }

    pub(super) fn reduce_add(&mut self, d: &str, t: Ty, v: &str) -> Result<()> {
        let (l, n) = lanes(t, "a reduction")?;
        let wide = vec_ty(32, n);
        let v = if l == Lane::I32 { v.to_string() } else { self.temp(format_args!("arith.extsi {v} : {} to {wide}", ty(t))) };
        self.line(format_args!("{d} = vector.reduction <add>, {v} : {wide} into i32"));
        Ok(())
    }
}
