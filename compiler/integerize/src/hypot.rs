//! Magnitudes of complex numbers: both parts under one scale, one multiplier (docs/numerics.md, section 14).

use super::{Ctx, unclamped};
use mcompc_ir::{Attrs, Code, Error, NodeId, Result};
use mcompc_ops::Hypot;

/// Bits of a multiplier, less the two by which the root of shifted operands is smaller than they are.
const FRACTION: i32 = 34;

impl Ctx<'_> {
    pub(super) fn hypot(&mut self, id: NodeId) -> Result<mcompc_ir::ValueId> {
        let ins = self.r.from.inputs_of(id);
        let q = self.result(id)?;
        let [a, b] = [ins[0], ins[1]].map(|v| self.quant(v).cloned());
        // Parts of different scales meet under the coarser one.
        let common = match (a?, b?) {
            (a, b) if a.step() == b.step() => None,
            (a, b) => Some(if a.reach() >= b.reach() { a } else { b }),
        };
        let mut operands = Vec::new();
        for &v in &ins {
            operands.push(match &common {
                Some(q) => self.operand_as(v, q)?,
                None => self.r.computed(v)?,
            });
        }
        let mut most = 1;
        for &x in &operands {
            most = most.max(self.codes(x)?.span());
        }
        let ratio = self.codes(operands[0])?.step() / q.step();
        let least = -(Hypot::up(most) as i32);
        let multiplier = |s: i32| libm::ldexp(ratio, FRACTION + s).round();
        let Some(shift) = (least..=15).rev().find(|&s| multiplier(s) <= f64::from(i32::MAX)) else {
            return Err(Error::new(Code::Overflow, format!("a magnitude in steps {ratio} times as fine as its parts have"))
                .hint("the result's range is far below what the parts can give; check the calibration data"));
        };
        let attrs = Attrs::new().with("m", multiplier(shift) as i64).with("shift", i64::from(shift));
        self.emit(id, "q.hypot", unclamped(attrs, &q), &operands, q)
    }
}
