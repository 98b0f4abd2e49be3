//! Residual sums and differences.

use super::{Ctx, clamp_codes};
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Quant, Result, ValueId};

/// clamp((qa * a + qb * b + c) >> shift): factors and the constant that holds both zero points, the rounding and the output's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    a: i64,
    b: i64,
    c: i64,
    shift: u32,
}

impl Ctx<'_> {
    pub(super) fn add(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        if let Some((port, k)) = self.number(id)? {
            return self.with_number(id, node, port, k);
        }
        let ins = self.r.from.inputs_of(id);
        let q = self.result(id)?;
        let (a, b) = (self.operand(ins[0], q.codes)?, self.operand(ins[1], q.codes)?);
        self.sum(id, node, a, b)
    }

    /// a + b, or a - b for Sub, of two values that broadcast to the result.
    fn sum(&mut self, id: NodeId, node: &Node, a: ValueId, b: ValueId) -> Result<ValueId> {
        let q = self.result(id)?;
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let sign = if node.op == "Sub" { -1.0 } else { 1.0 };
        let fine = node.attrs.int_or("fine", 0)? == 1;
        let t = terms(qa, qb, sign, &q, fine).ok_or_else(|| {
            Error::new(Code::Overflow, format!("operands of steps {} and {} in a sum of step {}", qa.step(), qb.step(), q.step()))
                .hint("the sum's range is far below its operands'; check the calibration data")
        })?;
        let (lo, hi) = clamp_codes(node, &q)?;
        let attrs =
            Attrs::new().with("a", t.a).with("b", t.b).with("c", t.c).with("shift", i64::from(t.shift)).with("lo", lo).with("hi", hi);
        self.emit(id, "q.add", attrs, &[a, b], q)
    }
}

/// The largest shift at which both factors fit 16 bits, fine ones 22, and the sum 32.
fn terms(qa: &Quant, qb: &Quant, sign: f64, y: &Quant, fine: bool) -> Option<Terms> {
    let (bits, most) = if fine { (22, 1 << 22) } else { (15, i64::from(i16::MAX)) };
    (1..=bits).rev().find_map(|shift: u32| {
        let factor = |s: f64| libm::ldexp(s / y.step(), shift as i32).round();
        let (a, b) = (factor(qa.step()), sign * factor(qb.step()));
        if !(a.abs() <= most as f64 && b.abs() <= most as f64) {
            return None;
        }
        let (a, b) = (a as i64, b as i64);
        let c = (i64::from(y.zero_point()) << shift) + (1 << (shift - 1)) - a * i64::from(qa.zero_point()) - b * i64::from(qb.zero_point());
        let top = [qa.codes.min(), qa.codes.max()].map(|q| i64::from(q).abs()).into_iter().fold(0, i64::max);
        ((a.abs() + b.abs()) * top + c.abs() <= i64::from(i32::MAX)).then_some(Terms { a, b, c, shift })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_ir::Codes;

    #[test]
    fn every_pair_of_codes_is_within_one_step() {
        let q = |scale, zero_point| Quant::new(Codes::I8, scale, zero_point);
        for (qa, qb, y) in
            [(q(0.02, -128), q(0.05, 3), q(0.06, -20)), (q(1.0, 127), q(1e-3, 0), q(0.9, 5)), (q(0.1, 0), q(0.1, 0), q(0.02, -128))]
        {
            for sign in [1.0, -1.0] {
                let t = terms(&qa, &qb, sign, &y, false).unwrap();
                for a in -128..=127 {
                    for b in -128..=127 {
                        let real = qa.real(a.into()) + sign * qb.real(b.into());
                        let want = (real / y.step()).round() + f64::from(y.zero_point());
                        let got = (i64::from(a) * t.a + i64::from(b) * t.b + t.c) >> t.shift;
                        let (want, got) = (want.clamp(-128.0, 127.0), got.clamp(-128, 127) as f64);
                        assert!((want - got).abs() <= 1.0, "{a} {b} {want} {got}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_shift_is_taken() {
        let t = |a, b, y| terms(&Quant::new(Codes::I8, a, 0), &Quant::new(Codes::I8, b, 0), 1.0, &Quant::new(Codes::I8, y, 0), false);
        assert_eq!(t(0.5, 0.9, 1.0).unwrap().shift, 15);
        assert_eq!(t(1.5, 0.9, 1.0).unwrap().shift, 14);
        assert_eq!(t(1e9, 0.9, 1.0), None);
    }
}
