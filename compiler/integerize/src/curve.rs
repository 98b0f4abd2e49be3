//! Functions of one value of 32 bits: their values at 32 places an octave (docs/numerics.md, section 14).

use super::Ctx;
use mcompc_ir::{Attrs, DType, Quant, Result, Tensor, ValueId};
use mcompc_ops::Curve;

/// What codes of few bits reach of those of 32: the rescaling rule needs the rest.
const SPREAD: f64 = 8.0;

/// Of a step: where a function with a pole at 0 is taken for code 0.
const POLE: f64 = 0.25;

impl Ctx<'_> {
    /// q.curve of `f`, computed in f64, of a value that is brought to 32 bits where it has fewer.
    pub(super) fn curve(&mut self, v: ValueId, q: &Quant, f: &dyn Fn(f64) -> f64, name: &str, out: &str) -> Result<ValueId> {
        let mut xq = self.quant(v)?.clone();
        let mut x = self.r.computed(v)?;
        if !xq.is_wide() {
            if !xq.is_result() {
                // A raw input's codes, whose zero may lie between two of them: results first, by a table.
                let sixteen = Quant::symmetric(mcompc_ir::Codes::I16, xq.reach());
                let name = self.r.fresh(&format!("{name}.codes"));
                x = self.look_up(v, &sixteen, |x| x, &name, &name)?;
                xq = sixteen;
            }
            // Codes of few bits are spread over those of many.
            xq = Quant::symmetric(mcompc_ir::Codes::WIDE, SPREAD * xq.reach());
            let name = self.r.fresh(&format!("{name}.in"));
            x = self.rescaled(x, &xq, &name, &name)?;
        }
        // Roots and logarithms are not real below 0, and what is bounded there needs no half of its own.
        let (still, most) = (f(0.0), i64::from(xq.codes.max()));
        let signed = Curve::magnitudes(most).any(|u| {
            let y = f(-(u as f64) * xq.step());
            !y.is_nan() && y != still
        });
        let signs: &[f64] = if signed { &[1.0, -1.0] } else { &[1.0] };
        let codes = q.codes.range();
        // Entries stay below 2^29, with the half that rounds.
        let top = codes.0.unsigned_abs().max(codes.1.unsigned_abs());
        let shift = (0..=15u32).rev().find(|&s| (u64::from(top) + 1) << s < Curve::BOUND as u64).unwrap_or(0);
        let (zero, half) = (f64::from(q.zero_point()), if shift > 0 { 0.5 } else { 0.0 });
        let (lo, hi) = (f64::from(codes.0), f64::from(codes.1));
        let entry = |sign: f64, u: i64| {
            // What rounds to 0 is less than half a step: a pole has the value there.
            let y = f(sign * u as f64 * xq.step());
            let y = if u == 0 && y.is_infinite() { f(sign * POLE * xq.step()) } else { y };
            let code = if y.is_nan() { zero } else { (y / q.step() + zero).clamp(lo, hi) };
            libm::ldexp(code + half, shift as i32).round().clamp(1.0 - Curve::BOUND as f64, Curve::BOUND as f64 - 1.0) as i32
        };
        let table: Vec<i32> = signs.iter().flat_map(|&s| Curve::magnitudes(most).map(move |u| (s, u))).map(|(s, u)| entry(s, u)).collect();
        let t = self.r.to.add_const(format!("{name}.table"), Tensor::from_ints(DType::I32, [table.len()], &table)?);
        let attrs = super::unclamped(Attrs::new().with("shift", i64::from(shift)), q);
        self.emit_as(name, "q.curve", attrs, &[x, t], out, Some(q.clone()))
    }
}
