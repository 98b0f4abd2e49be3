//! Convolutions and dense layers: integer weights, bias, multipliers, and the overflow proof.

use super::runs::{Products, products};
use super::{Accumulator, Ctx, reals};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Code, Codes, DType, Error, Graph, Node, NodeId, Quant, Result, Tensor, ValueId};
use mcompc_ops::{act, proof, spans_a_byte};

impl Ctx<'_> {
    pub(super) fn conv(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        if node.attrs.str("layout")? != "NHWC" {
            return Err(Error::new(Code::Internal, "a convolution that is not channels-last"));
        }
        let mut attrs = Attrs::new();
        for a in ["strides", "pads", "dilations", "group"] {
            if let Some(v) = node.attrs.get(a) {
                attrs.0.insert(a.into(), v.clone());
            }
        }
        let padded = node.attrs.ints("pads")?.iter().any(|&p| p != 0);
        self.layer(id, "q.conv", attrs, node.attrs.int("group")? as usize, padded)
    }

    pub(super) fn dense(&mut self, id: NodeId, _: &Node) -> Result<ValueId> {
        self.layer(id, "q.dense", Attrs::new(), 1, false)
    }

    fn layer(&mut self, id: NodeId, op: &str, mut attrs: Attrs, group: usize, padded: bool) -> Result<ValueId> {
        let (g, node, ins) = (self.r.from, self.r.from.node(id), self.r.from.inputs_of(id));
        let (x, xq, y) = (self.r.computed(ins[0])?, self.quant(ins[0])?, self.result(id)?);
        let (Some(w), Some(wq)) = (g.const_of(ins[1]), &g.value(ins[1]).quant) else {
            return Err(Error::new(Code::NoInteger, format!("the weights `{}` are no constant codes", g.value(ins[1]).name)));
        };
        let outs = w.shape.first().copied().unwrap_or(1);
        let Products { w: products, scales, runs } = products(w, wq, outs)?;
        // An operand whose channels have their own scales takes weights in units of them.
        let sx = xq.scale.one().copied().unwrap_or(1.0);
        let last = g.value(ins[0]).shape.len() - 1;
        if xq.axis().is_some_and(|a| a != last) || padded && xq.zero_code().is_none() {
            return Err(Error::new(Code::NoInteger, "an operand whose channels have no common code of 0, or whose channels are not last")
                .hint("bring it under one scale first"));
        }
        let offsets = Offsets { q: xq, zp: xq.zero_point().into(), channels: w.shape.last().copied().unwrap_or(1), outs_per: outs / group };
        let k = products.len() / outs;
        let bias = match ins.get(2) {
            Some(&b) => reals64(g, b)?,
            None => vec![0.0; outs],
        };
        // Sums over an operand of 32 bits, and their biases, are without the lower bits that do not fit.
        let drop = xq.is_wide().then(|| {
            let all = |c: usize| products[c * k..(c + 1) * k].iter().map(|w| u64::from(w.unsigned_abs())).sum();
            proof::drop((0..outs).map(|c| (all(c), bias[c] / (sx * scales[c]))), xq.codes)
        });
        let sx = libm::ldexp(sx, drop.unwrap_or(0) as i32);
        let (mut codes, mut bound, mut acc_max) = (Vec::with_capacity(outs), 0, 0);
        for c in 0..outs {
            let row = &products[c * k..(c + 1) * k];
            // A bias beyond 64 bits saturates and is refused by the proof.
            let b = (bias[c] / (sx * scales[c]) + offsets.of(c, row)).round();
            if let Some(drop) = drop {
                bound = bound.max(proof::proven(c, k, proof::wide_bound(row, b as i64, xq.codes, drop))?);
                acc_max = bound;
            } else {
                bound = bound.max(proof::prove(c, row, b as i64, xq.zero_point(), xq.codes.range())?);
                acc_max = acc_max.max(proof::accumulator_max(row, b as i64, xq.zero_point(), xq.codes.range()));
            }
            codes.push(b as i32);
        }
        let factors: Vec<f64> = scales.iter().map(|s| sx * s / y.step()).collect();
        let d = dyadic(&factors, acc_max)?;
        let (name, (lo, hi)) = (&node.name, act(node)?);
        let wide: Vec<i64> = products.iter().map(|&w| w.into()).collect();
        let fits = wide.iter().all(|&w| Codes::I8.contains(w) && w != Codes::I8.min().into());
        if !fits && !spans_a_byte(wide.iter().copied()) {
            return Err(Error::new(Code::NoInteger, "weights that are no codes of eight bits less one zero point")
                .hint("quantize weights symmetrically, or with one zero point a tensor; or give the float model"));
        }
        if drop.is_some() && !fits {
            return Err(Error::new(Code::NoInteger, "weights of more than eight bits on a value of 32"));
        }
        if let Some(drop) = drop {
            attrs.set("drop", i64::from(drop));
        }
        let dtype = if fits { DType::I8 } else { DType::I16 };
        let wt = self.r.to.add_const(format!("{name}.w"), Tensor::from_ints(dtype, w.shape.clone(), &wide)?);
        let bt = self.r.to.add_const(format!("{name}.bias"), Tensor::from_i32([outs], &codes)?);
        let mt = self.r.to.add_const(format!("{name}.m"), Tensor::from_i32([outs], &d.m)?);
        for (a, v) in [("pre", i64::from(d.pre)), ("shift", i64::from(d.shift)), ("lo", y.code(lo).into()), ("hi", y.code(hi).into())] {
            attrs.set(a, v);
        }
        let mut reads = vec![x, wt, bt, mt];
        if wq.codes.bits < Codes::I8.bits {
            attrs.set("bits", i64::from(wq.codes.bits));
        }
        if let Some((r, len)) = runs {
            attrs.set("block", len);
            reads.push(self.r.to.add_const(format!("{name}.r"), Tensor::from_i8([outs, k.div_ceil(len)], &r)?));
        }
        self.layers.push(Accumulator { node: name.clone(), op: op.into(), bound, pre: d.pre, shift: d.shift });
        self.emit(id, op, attrs, &reads, y)
    }
}

/// What kernels subtract from an operand's codes and what real 0 is in them may differ: the bias carries the difference.
struct Offsets<'a> {
    q: &'a Quant,
    zp: f64,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    outs_per: usize,
}

impl Offsets<'_> {
    /// Sum over a channel's weights of weight times (zero point - code of real 0).
    fn of(&self, o: usize, row: &[i16]) -> f64 {
        if self.q.zero_code().is_some() {
            return 0.0;
        }
        let first = o / self.outs_per * self.channels;
        let one = |(i, &w): (usize, &i16)| f64::from(w) * (self.zp - self.q.along(first + i % self.channels).1);
        row.iter().enumerate().map(one).sum()
    }
}

/// Elements of a bias: reals of 32 or 64 bits.
fn reals64(g: &Graph, v: ValueId) -> Result<Vec<f64>> {
    match g.const_of(v) {
        Some(t) if t.dtype == DType::F64 => Ok(t.as_f64()?.into_owned()),
        _ => Ok(reals(g, v)?.into_iter().map(f64::from).collect()),
    }
}
