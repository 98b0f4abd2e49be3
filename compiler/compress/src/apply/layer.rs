//! Convolutions and dense layers: weight codes per output channel, and a bias that knows what rounding them did.

use super::{Ctx, LayerNote};
use crate::methods::{self, Rounded, Task};
use crate::observe::Observed;
use crate::scheme::LayerScheme;
use mcompc_ir::{Attrs, Code, Codes, DType, Error, Node, NodeId, Per, Quant, Result, Tensor, ValueId};
use mcompc_ops::{LIMB, Rescale, proof};

/// What a weighted layer is made from.
pub(super) struct Layer<'a> {
    pub name: &'a str,
    pub out_name: &'a str,
    /// Coded operand.
    pub x: ValueId,
    /// Whether the weights are of the operand's codes less their zero point, not of its reals.
    pub of_codes: bool,
    pub quant: Quant,
    pub act: (f64, f64),
    pub fused: Vec<String>,
    /// How the weights are rounded.
    pub scheme: LayerScheme,
    /// The float layer that it stands for, if it is one.
    pub of: Option<NodeId>,
}

/// Float weights [out channels, k] (k runs over window and input channels, channels innermost) and bias.
pub(super) struct Weights {
    pub shape: Vec<usize>,
    pub w: Vec<f32>,
    pub bias: Vec<f64>,
    pub group: usize,
    /// Mean operand per input channel, in units of real (or of codes where the weights are of codes), if known.
    pub means: Option<Vec<f64>>,
    /// How large weights are to what they were as reals.
    pub unit: f64,
}

impl<'a> Layer<'a> {
    /// One weight a channel.
    pub(super) fn new(name: &'a str, out_name: &'a str, x: ValueId, quant: Quant) -> Self {
        let why = Some("one weight a channel".into());
        let scheme = LayerScheme { layer: name.into(), method: "nearest".into(), bits: Codes::I8.bits, group: None, step: None, why };
        Self { name, out_name, x, of_codes: false, quant, act: (f64::NEG_INFINITY, f64::INFINITY), fused: Vec::new(), scheme, of: None }
    }
    /// The weights are of the operand's codes.
    pub(super) fn on_codes(self) -> Self {
        Self { of_codes: true, ..self }
    }
}

impl Ctx<'_> {
    pub(super) fn weighted(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.r.from.inputs_of(id);
        let w = mcompc_ops::reals(self.r.from, ins[1])?;
        let bias = match ins.get(2) {
            Some(&b) => mcompc_ops::reals(self.r.from, b)?.into_iter().map(f64::from).collect(),
            None => vec![0.0; self.r.from.value(ins[1]).shape[0]],
        };
        let group = node.attrs.int_or("group", 1)? as usize;
        let padded = node.attrs.get("pads").is_some() && node.attrs.ints("pads")?.iter().any(|&p| p != 0);
        let means = self.stats.values.get(&ins[0]).map(|s| s.channel_means());
        let weights = Weights { shape: self.r.from.value(ins[1]).shape.clone(), w, bias, group, means, unit: 1.0 };
        let q = self.quant(self.r.from.out(id))?;
        let out_name = &node.outs[0].name;
        let last = self.r.from.value(ins[0]).shape.len() - 1;
        let (layer, weights) = match self.raw.get(&ins[0]).cloned() {
            // A padded layer must store real 0 as a code; elsewhere the bias carries every offset.
            Some(r) if r.axis().is_none_or(|a| a == last) && (!padded || r.zero_code().is_some()) => {
                let x = self.r.computed(ins[0])?;
                (Layer::new(&node.name, out_name, x, q).on_codes(), weights.on_codes(&r))
            }
            _ => (Layer::new(&node.name, out_name, self.plain(ins[0])?, q), weights),
        };
        let scheme = self.layers.get(&id).cloned();
        let scheme = scheme.ok_or_else(|| Error::new(Code::Internal, "a layer without a scheme").at(&node.name))?;
        let layer = Layer { act: mcompc_ops::act(node)?, fused: node.fused.clone(), scheme, of: Some(id), ..layer };
        let mut attrs = node.attrs.clone();
        ["act_min", "act_max"].iter().for_each(|a| drop(attrs.0.remove(*a)));
        self.layer(layer, &node.op, attrs, weights)
    }

    /// Rounds the weights and adds the operator.
    pub(super) fn layer(&mut self, l: Layer<'_>, op: &str, mut attrs: Attrs, mut w: Weights) -> Result<ValueId> {
        let (outs, k) = (w.shape[0], w.w.len() / w.shape[0]);
        let xq = self.codes(l.x)?;
        let sx = if l.of_codes { 1.0 } else { xq.step() };
        let LayerScheme { method, bits, group, step, mut why, .. } = l.scheme;
        let Some(method) = methods::named(&method) else {
            return Err(Error::new(Code::Internal, format!("no method is called `{method}`")));
        };
        let seen = match (l.of.filter(|_| method.sees), &mut self.flow) {
            (Some(id), Some(flow)) => flow.observe(id, &self.r.to, l.x)?,
            _ => None,
        };
        let seen = seen.map(|s| if l.of_codes { w.seen_on_codes(s, &xq) } else { s });
        if method.sees && seen.is_none() {
            why = Some(format!("to nearest: `{}` has nothing to look at", method.name));
        }
        let codes = Codes::signed(bits);
        let wide = xq.is_wide();
        // Of sums over an operand of 32 bits lower bits may be left out.
        let most_dropped = if wide { LIMB as i32 } else { 0 };
        let mut floor: Vec<f64> = w.bias.iter().map(|b| libm::ldexp(b.abs() / sx, -BIAS_BITS - most_dropped)).collect();
        let typical = libm::ldexp(l.quant.step() / sx, -10);
        // The scheme tells steps of real weights.
        let step = step.map(|s| s * w.unit);
        let task = Task { w: &w.w, k, codes, group, step, seen: seen.as_ref() };
        let round = |floor: &[f64]| {
            let r = (method.round)(&task, &|wanted| methods::settled(wanted, floor, typical));
            let products = r.products(k, group);
            (r, products)
        };
        let (mut r, mut products) = round(&floor);
        let dropped = |products: &[i16], r: &Rounded| {
            let all = |c: usize| products[c * k..(c + 1) * k].iter().map(|w| u64::from(w.unsigned_abs())).sum();
            if wide { proof::drop((0..outs).map(|c| (all(c), w.bias[c] / (sx * r.scales[c]))), xq.codes) } else { 0 }
        };
        let row_of = |c: usize, products: &[i16], r: &Rounded, drop: u32| {
            let sx = libm::ldexp(sx, drop as i32);
            let (row, bias) = (&products[c * k..(c + 1) * k], (w.bias[c] / (sx * r.scales[c])).round() as i64);
            if wide {
                let bound = proof::wide_bound(row, bias, xq.codes, drop) as f64;
                return (bound, bound);
            }
            let (zp, codes) = (xq.zero_point(), xq.codes.range());
            (proof::bound(row, bias, zp, codes) as f64, proof::accumulator_max(row, bias, zp, codes) as f64)
        };
        // A sum of very many products takes coarser weights: what they lose is small beside the sum. So does a channel that is too large for
        // the left shift of a coarser one, which all share.
        for _ in 0..COARSENINGS {
            let top = r.scales.iter().copied().fold(0.0, f64::max);
            let drop = dropped(&products, &r);
            let room = (MOST >> Rescale::pre_for(libm::ldexp(sx, drop as i32) * top / l.quant.step())).max(1) as f64;
            let by = |c: usize| {
                let ((bound, most), scale) = (row_of(c, &products, &r, drop), r.scales[c]);
                let shifted = if most > room { ((1.0 + most / room) * scale).min(top) / scale } else { 1.0 };
                if bound > MOST as f64 { (1.0 + bound / MOST as f64).max(shifted) } else { shifted }
            };
            let over: Vec<(usize, f64)> = (0..outs).map(|c| (c, by(c))).filter(|(_, by)| *by > 1.0).collect();
            if over.is_empty() {
                break;
            }
            over.iter().for_each(|&(c, by)| floor[c] = r.scales[c] * by);
            (r, products) = round(&floor);
        }
        match &seen {
            _ if !self.bias_correction => {}
            Some(seen) => w.exact_bias(&products, &r.scales, k, seen),
            None => w.correct_bias(&products, &r.scales, k),
        }
        if l.of_codes {
            w.off_codes(&products, &r.scales, k, &xq);
        }
        // Weights are told of reals where one step says what the operand's codes are; else of its codes.
        let unit = if l.of_codes { xq.scale.one().copied().unwrap_or(1.0) } else { 1.0 };
        let scale = match (&r.multipliers, group) {
            (Some(m), Some(len)) => {
                let per = k.div_ceil(len);
                let runs = m.iter().enumerate().map(|(i, &m)| r.scales[i / per] / unit * f64::from(m));
                Per::Runs(u32::try_from(len).unwrap_or(u32::MAX), runs.collect())
            }
            _ => Per::Axis(0, r.scales.iter().map(|s| s / unit).collect()),
        };
        let wv = self.r.to.add_const(format!("{}.w", l.name), Tensor::from_ints(codes.dtype(), w.shape.clone(), &r.codes)?);
        self.r.to.value_mut(wv).quant = Some(Quant { codes, scale, zero: Per::Tensor(0.0) });
        let bytes: Vec<u8> = w.bias.iter().flat_map(|b| b.to_le_bytes()).collect();
        let bv = self.r.to.add_const(format!("{}.bias", l.name), Tensor::new(DType::F64, [outs], bytes.into())?);
        for (name, bound) in [("act_min", l.act.0), ("act_max", l.act.1)] {
            if bound.is_finite() {
                attrs.set(name, bound);
            }
        }
        let v = self.emit_as(l.name, op, attrs, &[l.x, wv, bv], l.out_name, l.quant)?;
        self.r.to.node_mut(v.node).fused = l.fused;
        self.notes.push(LayerNote { node: l.name.into(), bits, why, group });
        Ok(v)
    }
}

/// The largest bound that leaves room for the correction of the bias.
const MOST: u64 = (i32::MAX / 16 * 15) as u64;
/// Rounds in which channels take coarser weights; each at least halves the bound of its own.
const COARSENINGS: usize = 64;

/// Bits that a bias may take: the rest is the sum's.
const BIAS_BITS: i32 = 29;

impl Weights {
    fn channel(&self, o: usize, i: usize) -> usize {
        let ci = self.shape.last().copied().unwrap_or(1);
        o / (self.shape[0] / self.group) * ci + i % ci
    }

    /// The same layer on codes less their zero point: real = s * (code - o) per input channel, so weights take the scales and the bias the offsets.
    fn on_codes(mut self, q: &Quant) -> Self {
        let (k, zp) = (self.w.len() / self.shape[0], f64::from(q.zero_point()));
        let size = |w: &[f32]| w.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
        let before = size(&self.w);
        for i in 0..self.w.len() {
            let (s, o) = q.along(self.channel(i / k, i % k));
            let scaled = f64::from(self.w[i]) * s;
            self.bias[i / k] += scaled * (zp - o);
            self.w[i] = scaled as f32;
        }
        let unit = (size(&self.w) / before).sqrt();
        self.unit = if unit.is_normal() { unit } else { 1.0 };
        if let Some(m) = &mut self.means {
            for (c, m) in m.iter_mut().enumerate() {
                let (s, o) = q.along(c);
                *m = *m / s + o - zp;
            }
        }
        self
    }

    /// What was seen in reals, in the units that [`Self::on_codes`] gives the weights.
    fn seen_on_codes(&self, seen: Observed, q: &Quant) -> Observed {
        let zp = f64::from(q.zero_point());
        let per = self.shape[0] / self.group;
        seen.in_units(&|g, i| {
            let (s, o) = q.along(self.channel(g * per, i));
            (1.0 / s, o - zp)
        })
    }

    /// The bias with which the mean of the layer's sums over the rows seen is that of the float network's.
    fn exact_bias(&mut self, products: &[i16], scales: &[f64], k: usize, seen: &Observed) {
        let m = &seen.all;
        for (o, b) in self.bias.iter_mut().enumerate() {
            let x = &m.x[o / m.per() * k..][..k];
            let sum: f64 = products[o * k..][..k].iter().zip(x).map(|(&p, x)| f64::from(p) * x).sum();
            *b = m.y[o] - sum * scales[o];
        }
    }

    /// Takes out of the bias again what integerization puts there for rounded weights: the offsets of codes that are no common zero point.
    fn off_codes(&mut self, products: &[i16], scales: &[f64], k: usize, q: &Quant) {
        if q.zero_code().is_some() {
            return;
        }
        let zp = f64::from(q.zero_point());
        for o in 0..self.bias.len() {
            let offset: f64 = (0..k).map(|i| f64::from(products[o * k + i]) * (zp - q.along(self.channel(o, i)).1)).sum();
            self.bias[o] -= offset * scales[o];
        }
    }

    /// Takes the mean error of rounding the weights out of the bias: the expectation of (w - w') x over the calibration data (Nagel et
    /// al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2, with measured input means).
    fn correct_bias(&mut self, products: &[i16], scales: &[f64], k: usize) {
        let Some(means) = &self.means else { return };
        for (o, b) in self.bias.iter_mut().enumerate() {
            let ci = self.shape.last().copied().unwrap_or(1);
            let first = o / (self.shape[0] / self.group) * ci;
            for i in 0..k {
                let at = o * k + i;
                let error = f64::from(self.w[at]) - f64::from(products[at]) * scales[o];
                *b += error * means.get(first + i % ci).copied().unwrap_or(0.0);
            }
        }
    }
}
