//! Normalization of rows: gain, offset and epsilon in fixed point (docs/numerics.md, section 13).

use super::{Ctx, reals, unclamped};
use mcompc_ir::{Attrs, Code, Codes, DType, Error, Graph, Node, NodeId, Quant, Result, Tensor, ValueId};
use mcompc_ops::Norm;

/// Bits of a multiplier.
const MULTIPLIER: i32 = 31;
/// Epsilon at most, in squared steps times n^2.
const EPSILON: i32 = 62;
/// Bits of an offset.
const OFFSET: i32 = 30;

pub(super) fn accepts(g: &Graph, id: NodeId) -> Result<()> {
    let ins = g.inputs_of(id);
    ins[1..].iter().try_for_each(|&v| reals(g, v).map(drop))?;
    let n = row(g, id)?;
    if n <= Norm::MOST {
        return Ok(());
    }
    Err(Error::new(Code::Limit, format!("a normalization of {n} elements together, {} are the most", Norm::MOST)))
}

/// Elements of a row.
fn row(g: &Graph, id: NodeId) -> Result<usize> {
    let axis = g.node(id).attrs.int("axis")? as usize;
    Ok(g.value(g.inputs_of(id)[0]).shape[axis..].iter().product())
}

impl Ctx<'_> {
    pub(super) fn norm(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let (g, ins) = (self.r.from, self.r.from.inputs_of(id));
        let (q, n) = (self.result(id)?, row(g, id)?);
        let x = self.around_zero(ins[0], &node.name)?;
        let xq = self.codes(x)?.clone();
        let coarse = || {
            Error::new(Code::Overflow, format!("the steps of the normalized value, {}, are too coarse for epsilon", xq.step()))
                .hint("check the calibration data")
        };
        let steps = n as f64 / xq.step();
        let epsilon = node.attrs.float("epsilon")? * steps * steps;
        if epsilon >= libm::ldexp(1.0, EPSILON) {
            return Err(coarse());
        }
        // Gain and offset under one shape.
        let shape = mcompc_ops::broadcast(&g.value(ins[1]).shape, &g.value(ins[2]).shape)?;
        let mut parts = Vec::new();
        for &v in &ins[1..] {
            let data = reals(g, v)?;
            let at = mcompc_ops::offsets(&g.value(v).shape, &shape);
            parts.push(at.into_iter().map(|i| f64::from(data[i]) / q.step()).collect::<Vec<f64>>());
        }
        let (gain, offset) = (&parts[0], &parts[1]);
        // A normalized value has `fraction` bits behind the point; a multiply-high takes 32 away.
        let behind = 32 - Norm::fraction(n) as i32;
        let most = gain.iter().fold(0f64, |m, v| m.max(v.abs()));
        let fits = |s: i32| libm::ldexp(most, s + behind).round() < libm::ldexp(1.0, MULTIPLIER);
        let Some(shift) = (1..=15).rev().find(|&s| fits(s)) else {
            let e = Error::new(Code::Overflow, format!("a gain of {most} steps of the result"));
            return Err(e.hint("the result's range is far below what the normalization gives; check the calibration data"));
        };
        let gain: Vec<i32> = gain.iter().map(|v| libm::ldexp(*v, shift + behind).round() as i32).collect();
        let base = libm::ldexp(f64::from(q.zero_point()) + 0.5, shift);
        let bound = libm::ldexp(1.0, OFFSET);
        let offset: Vec<i32> = offset.iter().map(|v| (base + libm::ldexp(*v, shift)).round().clamp(-bound, bound) as i32).collect();
        let mut operands = vec![x];
        for (part, data) in [("gain", gain), ("offset", offset)] {
            let t = Tensor::from_ints(DType::I32, shape.clone(), &data)?;
            operands.push(self.r.to.add_const(format!("{}.{part}", node.name), t));
        }
        let attrs = Attrs::new()
            .with("axis", node.attrs.int("axis")?)
            .with("centre", node.attrs.int("centre")?)
            .with("epsilon", epsilon.round() as i64)
            .with("shift", i64::from(shift));
        self.emit(id, "q.norm", unclamped(attrs, &q), &operands, q)
    }

    /// A value of 16 bits with zero point 0; one of eight as it is.
    fn around_zero(&mut self, v: ValueId, name: &str) -> Result<ValueId> {
        let x = self.operand(v, Codes::I16)?;
        let q = self.codes(x)?.clone();
        if q.codes.bits <= Codes::I8.bits || q.zero_point() == 0 {
            return Ok(x);
        }
        let name = self.r.fresh(&format!("{name}.in"));
        self.rescaled(x, &Quant::symmetric(Codes::I16, q.step() * q.span() as f64), &name, &name)
    }
}
