//! Widening, narrowing, single lanes, sums of lanes.

use crate::layout::{element, narrower, per_piece, piece, wider};
use crate::shuffle::Source;
use crate::translate::Translator;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use mcompc_ir::Result;
use mcompc_kernel::{Lane, Ty, Val};

impl Translator<'_, '_, '_> {
    fn vector(&self, v: Val) -> Result<(Lane, usize)> {
        match self.ty(v) {
            Ty::Vec(l, n) => Ok((l, n as usize)),
            t => Err(self.refuse(format!("a vector operation on {t}"))),
        }
    }

    fn widen_low(&mut self, v: Value, signed: bool) -> Value {
        if signed { self.b.ins().swiden_low(v) } else { self.b.ins().uwiden_low(v) }
    }

    fn widen_high(&mut self, v: Value, signed: bool) -> Value {
        if signed { self.b.ins().swiden_high(v) } else { self.b.ins().uwiden_high(v) }
    }

    /// Range after widening.
    fn widened_range(&self, v: Val, lane: Lane, signed: bool) -> Option<(i64, i64)> {
        let half = 1i64 << (lane.bits() - 1);
        match self.get(v).range {
            Some(r) if signed || r.0 >= 0 => Some(r),
            _ if signed => Some((-half, half - 1)),
            _ => Some((0, 2 * half - 1)),
        }
    }

    /// All `n` lanes widened once.
    pub(crate) fn widen_once(&mut self, vals: &[Value], lane: Lane, n: usize, signed: bool) -> Vec<Value> {
        let mut out = vec![];
        for (i, &v) in vals.iter().enumerate() {
            out.push(self.widen_low(v, signed));
            if n - i * per_piece(lane) > per_piece(lane) / 2 {
                out.push(self.widen_high(v, signed));
            }
        }
        out
    }

    pub(crate) fn widen(&mut self, dst: Val, v: Val, signed: bool, high: bool) -> Result<()> {
        let (lane, n) = self.vector(v)?;
        let vals = self.pieces(v);
        let bytes = n * lane.bytes();
        let range = self.widened_range(v, lane, signed);
        let out = if bytes >= 32 {
            let half = vals.len() / 2;
            let part = if high { &vals[half..] } else { &vals[..half] };
            self.widen_once(part, lane, n / 2, signed)
        } else if bytes == 16 {
            vec![if high { self.widen_high(vals[0], signed) } else { self.widen_low(vals[0], signed) }]
        } else {
            let low = if high { self.shift_down(vals[0], bytes / 2) } else { vals[0] };
            vec![self.widen_low(low, signed)]
        };
        self.set_ranged(dst, out, range);
        Ok(())
    }

    pub(crate) fn widen_all(&mut self, dst: Val, v: Val, to: Lane, signed: bool) -> Result<()> {
        let (mut lane, n) = self.vector(v)?;
        let range = self.widened_range(v, lane, signed);
        let mut vals = self.pieces(v);
        while lane != to
            && let Some(w) = wider(lane)
        {
            vals = self.widen_once(&vals, lane, n, signed);
            lane = w;
        }
        self.set_ranged(dst, vals, range);
        Ok(())
    }

    /// Saturating narrowing. Where both operands wait for the same clamp, and it lies inside the narrow range, saturation commutes with
    /// it: the clamp comes after, on half as many registers, and bounds at the ends of the range vanish.
    pub(crate) fn narrow_sat(&mut self, dst: Val, a: Val, b: Val) -> Result<()> {
        let (lane, n) = self.vector(a)?;
        let Some(to) = narrower(lane) else { return Err(self.refuse("narrowing of i8 lanes")) };
        let half = 1i64 << (to.bits() - 1);
        let (x, y) = (self.get(a).clone(), self.get(b).clone());
        let bytes = n * lane.bytes();
        let same = x.range.filter(|r| Some(*r) == y.range && -half <= r.0 && r.1 < half);
        match (same, x.raw, y.raw) {
            (Some(range), Some(x), Some(y)) => {
                let raw = self.saturated(lane, bytes, x, y);
                let out = raw.iter().map(|&v| self.clamp(v, range)).collect();
                self.set_ranged(dst, out, Some(range));
                self.held[dst.0 as usize].raw = Some(raw);
            }
            _ => {
                let out = self.saturated(lane, bytes, x.vals, y.vals);
                self.set_ranged(dst, out, same.or(Some((-half, half - 1))));
            }
        }
        Ok(())
    }

    /// Registers of two vectors of `bytes` each, narrowed with saturation.
    fn saturated(&mut self, lane: Lane, bytes: usize, x: Vec<Value>, y: Vec<Value>) -> Vec<Value> {
        let both = if bytes < 16 {
            let from: [Source; 16] = std::array::from_fn(|i| (i < 2 * bytes).then_some((i / bytes, i % bytes)));
            let joined = self.gather(&[x[0], y[0]], piece(lane), from);
            vec![joined, joined]
        } else {
            x.into_iter().chain(y).collect()
        };
        both.chunks_exact(2).map(|p| self.b.ins().snarrow(p[0], p[1])).collect()
    }

    pub(crate) fn trunc(&mut self, dst: Val, v: Val, to: Lane) -> Result<()> {
        let (lane, _) = self.vector(v)?;
        let half = 1i64 << (to.bits() - 1);
        let range = self.get(v).range.filter(|r| -half <= r.0 && r.1 < half);
        let out = self.truncated(v, lane, to)?;
        self.set_ranged(dst, out, range);
        Ok(())
    }

    /// All lanes truncated from `lane` to `to`.
    ///
    /// Where the numbers are known to fit, x86 packs with saturation (one instruction for two registers; picking bytes takes three).
    pub(crate) fn truncated(&mut self, v: Val, lane: Lane, to: Lane) -> Result<Vec<Value>> {
        let half = 1i64 << (to.bits() - 1);
        let h = self.get(v).clone();
        let range = h.range.filter(|r| -half <= r.0 && r.1 < half);
        let steps = (lane.bits() / to.bits()).trailing_zeros();
        let x86 = self.writer.is_x86();
        let waiting = range.zip(h.raw);
        let saturate = range.is_some() && (waiting.is_some() || (x86 && (h.vals.len() > 1 || steps > 1)));
        if let ([one], true, false) = (&h.vals[..], x86, saturate) {
            let (lb, hb) = (lane.bytes(), to.bytes());
            let from: [Source; 16] = std::array::from_fn(|i| (i / hb * lb < 16).then_some((0, i / hb * lb % 16 + i % hb)));
            return Ok(vec![self.gather(&[*one], piece(to), from)]);
        }
        let mut vals = match &waiting {
            Some((_, raw)) => raw.clone(),
            None => h.vals,
        };
        let mut at = lane;
        while at != to
            && let Some(n) = narrower(at)
        {
            let mut next = vec![];
            for pair in vals.chunks(2) {
                let (x, y) = (pair[0], pair[pair.len() - 1]);
                next.push(if saturate { self.b.ins().snarrow(x, y) } else { self.even_lanes(at, x, y) });
            }
            vals = next;
            at = n;
        }
        if let Some((range, _)) = waiting {
            vals = vals.into_iter().map(|v| self.clamp(v, range)).collect();
        }
        if at == to { Ok(vals) } else { Err(self.refuse(format!("a truncation from {lane:?} to {to:?}"))) }
    }

    pub(crate) fn extract(&mut self, dst: Val, v: Val, lane: u16) -> Result<()> {
        let (l, _) = self.vector(v)?;
        let p = self.get(v).vals[lane as usize / per_piece(l)];
        let x = self.b.ins().extractlane(p, (lane as usize % per_piece(l)) as u8);
        let x = if l == Lane::I32 { x } else { self.b.ins().sextend(types::I32, x) };
        let half = 1i64 << (l.bits() - 1);
        self.set_ranged(dst, vec![x], Some((-half, half - 1)));
        Ok(())
    }

    pub(crate) fn insert(&mut self, dst: Val, v: Val, x: Val, lane: u16) -> Result<()> {
        let (l, _) = self.vector(v)?;
        let mut vals = self.pieces(v);
        let x = self.one(x);
        let x = if l == Lane::I32 { x } else { self.b.ins().ireduce(element(l), x) };
        let p = lane as usize / per_piece(l);
        vals[p] = self.b.ins().insertlane(vals[p], x, (lane as usize % per_piece(l)) as u8);
        self.set(dst, vals);
        Ok(())
    }

    pub(crate) fn reduce_add(&mut self, dst: Val, v: Val) -> Result<()> {
        let (lane, n) = self.vector(v)?;
        let vals = self.pieces(v);
        let sum = self.sum_lanes(&vals, lane, n);
        self.set(dst, vec![sum]);
        Ok(())
    }

    /// Sum of sign-extended lanes: neighbours are added as they widen, so that no step can wrap.
    pub(crate) fn sum_lanes(&mut self, vals: &[Value], lane: Lane, n: usize) -> Value {
        let (mut vals, mut lane, mut n) = (vals.to_vec(), lane, n);
        while let Some(w) = wider(lane) {
            let full = n >= per_piece(lane);
            for v in &mut vals {
                let low = self.b.ins().swiden_low(*v);
                *v = if full {
                    let high = self.b.ins().swiden_high(*v);
                    self.b.ins().iadd_pairwise(low, high)
                } else {
                    low
                };
            }
            n /= if full { 2 } else { 1 };
            lane = w;
        }
        let mut s = vals[0];
        for &v in &vals[1..] {
            s = self.b.ins().iadd(s, v);
        }
        if n >= 4 {
            let s = self.b.ins().iadd_pairwise(s, s);
            let s = self.b.ins().iadd_pairwise(s, s);
            self.b.ins().extractlane(s, 0)
        } else {
            let (x, y) = (self.b.ins().extractlane(s, 0), self.b.ins().extractlane(s, 1));
            self.b.ins().iadd(x, y)
        }
    }
}
