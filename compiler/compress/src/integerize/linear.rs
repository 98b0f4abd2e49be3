//! Convolutions and dense layers: weights per output channel, bias, multipliers, and the overflow proof.

use super::bits::Choice;
use super::{Ctx, LayerNote, act, code};
use crate::dyadic::{dyadic, pre};
use crate::narrow::Narrow;
use crate::{proof, weights};
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Quant, Result, Tensor, ValueId};

/// What a weighted layer is made from.
pub(super) struct Layer<'a> {
    pub name: &'a str,
    pub out_name: &'a str,
    /// Integer operand.
    pub x: ValueId,
    /// Real value of one step of the operand, as the weights below take it.
    pub x_scale: Option<f64>,
    pub quant: Quant,
    pub act: (f64, f64),
    pub fused: Vec<String>,
    /// Bits of a weight, and why.
    pub bits: Choice,
}

/// Float weights [out channels, k] (k runs over window and input channels, channels innermost) and bias.
pub(super) struct Weights {
    pub shape: Vec<usize>,
    pub w: Vec<f32>,
    pub bias: Vec<f64>,
    pub group: usize,
    /// Mean operand per input channel, in units of real (or of codes where the operand is raw), if known.
    pub means: Option<Vec<f64>>,
}

impl<'a> Layer<'a> {
    pub(super) fn new(name: &'a str, out_name: &'a str, x: ValueId, quant: Quant) -> Self {
        Self {
            name,
            out_name,
            x,
            x_scale: None,
            quant,
            act: (f64::NEG_INFINITY, f64::INFINITY),
            fused: Vec::new(),
            bits: Choice { bits: 8, why: Some("one weight a channel".into()) },
        }
    }
    /// The operand's step, where it is not the scale of its quantization.
    pub(super) fn scaled(self, x_scale: f64) -> Self {
        Self { x_scale: Some(x_scale), ..self }
    }
}

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
        self.weighted(id, node, "q.conv", attrs, node.attrs.int("group")? as usize, padded)
    }

    pub(super) fn dense(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        self.weighted(id, node, "q.dense", Attrs::new(), 1, false)
    }

    fn weighted(&mut self, id: NodeId, node: &Node, op: &str, attrs: Attrs, group: usize, padded: bool) -> Result<ValueId> {
        let ins = self.g.inputs_of(id);
        let w = self.constant(ins[1])?;
        let bias = match ins.get(2) {
            Some(&b) => self.constant(b)?.into_iter().map(f64::from).collect(),
            None => vec![0.0; self.g.value(ins[1]).shape[0]],
        };
        let means = self.stats.values.get(&ins[0]).map(|s| s.channel_means());
        let weights = Weights { shape: self.g.value(ins[1]).shape.clone(), w, bias, group, means };
        let q = self.quant(self.g.out(id))?;
        let out_name = &node.outs[0].name;
        let last = self.g.value(ins[0]).shape.len() - 1;
        let (layer, weights) = match self.raw.get(&ins[0]).cloned() {
            // A padded layer must store real 0 as a code; elsewhere the bias carries every offset.
            Some(r) if r.axis().is_none_or(|a| a == last) && (!padded || r.zero_code().is_some()) => {
                let x = self.direct(ins[0])?;
                let zp = r.zero_point();
                (Layer::new(&node.name, out_name, x, q).scaled(1.0), weights.on_codes(|c| r.along(c), zp.into()))
            }
            _ => (Layer::new(&node.name, out_name, self.plain(ins[0])?, q), weights),
        };
        let bits = self.bits.get(&id).cloned().unwrap_or(Choice { bits: 8, why: None });
        let layer = Layer { act: act(node)?, fused: node.fused.clone(), bits, ..layer };
        self.layer(layer, op, attrs, weights)
    }

    /// Quantizes the weights and adds the operator.
    pub(super) fn layer(&mut self, l: Layer<'_>, op: &str, mut attrs: Attrs, mut w: Weights) -> Result<ValueId> {
        let (outs, k) = (w.shape[0], w.w.len() / w.shape[0]);
        if self.dry {
            w.w.fill(0.0);
            w.bias.fill(0.0);
        }
        let xq = self.codes(l.x)?.clone();
        let (sx, zp) = (l.x_scale.unwrap_or(xq.step()), xq.zero_point());
        let bits = l.bits.bits;
        // Runs of a grouped convolution would mix groups where it runs as a full one.
        let block = self.opts.weights.block.filter(|&len| bits < 8 && w.group == 1 && len < k);
        let mut scales = channel_scales(&w, k, sx, l.quant.step(), bits, block);
        let (mut codes, mut multipliers) = rounded(&w.w, k, &scales, bits, block);
        let row_of = |c: usize, codes: &[i8], scale: f64| {
            let (row, bias) = (&codes[c * k..(c + 1) * k], (w.bias[c] / (sx * scale)).round() as i64);
            let (bound, most) = (proof::bound(row, bias, zp, xq.codes.range()), proof::accumulator_max(row, bias, zp, xq.codes.range()));
            (bound as f64, most as f64)
        };
        // A sum of very many products takes coarser weights: what they lose is small beside the sum. So does a channel that is too large for
        // the left shift of a coarser one, which all share.
        for _ in 0..COARSENINGS {
            let top = scales.iter().copied().fold(0.0, f64::max);
            let room = (MOST >> pre(sx * top / l.quant.step())).max(1) as f64;
            let by = |c: usize| {
                let (bound, most) = row_of(c, &codes, scales[c]);
                let shifted = if most > room { ((1.0 + most / room) * scales[c]).min(top) / scales[c] } else { 1.0 };
                if bound > MOST as f64 { (1.0 + bound / MOST as f64).max(shifted) } else { shifted }
            };
            let over: Vec<(usize, f64)> = (0..outs).map(|c| (c, by(c))).filter(|(_, by)| *by > 1.0).collect();
            if over.is_empty() {
                break;
            }
            over.iter().for_each(|&(c, by)| scales[c] *= by);
            (codes, multipliers) = rounded(&w.w, k, &scales, bits, block);
        }
        if self.opts.bias_correction {
            w.correct_bias(&codes, &scales, k);
        }
        let mut bias = Vec::with_capacity(outs);
        let (mut bound, mut acc_max) = (0, 0);
        for c in 0..outs {
            let b = (w.bias[c] / (sx * scales[c])).round();
            // A bias beyond 64 bits saturates and is refused by the proof.
            let row = &codes[c * k..(c + 1) * k];
            bound = bound.max(proof::prove(c, row, b as i64, zp, xq.codes.range())?);
            acc_max = acc_max.max(proof::accumulator_max(row, b as i64, zp, xq.codes.range()));
            bias.push(b as i32);
        }
        let factors: Vec<f64> = scales.iter().map(|s| sx * s / l.quant.step()).collect();
        let d = dyadic(&factors, acc_max)?;
        let name = l.name;
        let wt = self.out.add_const(format!("{name}.w"), Tensor::from_i8(w.shape.clone(), &codes)?);
        let bt = self.out.add_const(format!("{name}.bias"), Tensor::from_i32([outs], &bias)?);
        let mt = self.out.add_const(format!("{name}.m"), Tensor::from_i32([outs], &d.m)?);
        for (a, v) in [
            ("pre", i64::from(d.pre)),
            ("shift", i64::from(d.shift)),
            ("lo", code(l.act.0, &l.quant).into()),
            ("hi", code(l.act.1, &l.quant).into()),
        ] {
            attrs.set(a, v);
        }
        let mut ins = vec![l.x, wt, bt, mt];
        if bits < 8 {
            attrs.set("bits", i64::from(bits));
        }
        if let (Some(block), Some(r)) = (block, multipliers) {
            attrs.set("block", block);
            ins.push(self.out.add_const(format!("{name}.r"), Tensor::from_i8([outs, k.div_ceil(block)], &r)?));
        }
        let v = self.emit_as(name, op, attrs, &ins, l.out_name, Some(l.quant))?;
        self.out.node_mut(v.node).fused = l.fused;
        let Choice { bits, why } = l.bits;
        self.layers.push(LayerNote { node: name.into(), op: op.into(), acc_bound: bound, pre: d.pre, shift: d.shift, bits, why, block });
        Ok(v)
    }
}

/// The largest bound that leaves room for the correction of the bias.
const MOST: u64 = (i32::MAX / 16 * 15) as u64;
/// Rounds in which channels take coarser weights; each at least halves the bound of its own.
const COARSENINGS: usize = 64;
/// Channels of one layer share a shift: a factor that is smaller than the largest by more than this many bits would have few bits left.
const SPREAD: i32 = 24;

/// Bits that a bias may take: the rest is the sum's.
const BIAS_BITS: i32 = 29;

/// A positive scale per output channel. A channel of zeros takes one like the others', so that its bias has as many bits; a channel whose
/// bias would not fit, or whose steps are far finer than the other channels', takes a coarser one.
fn channel_scales(w: &Weights, k: usize, sx: f64, sy: f64, bits: u8, block: Option<usize>) -> Vec<f64> {
    let mut scales = match block {
        _ if bits == 8 => weights::scales(&w.w, k),
        None => w.w.chunks_exact(k).map(|row| Narrow::new(bits).scale(row)).collect(),
        Some(len) => w.w.chunks_exact(k).map(|row| Narrow::new(bits).scale_of_runs(row, len)).collect(),
    };
    let mut seen: Vec<f64> = scales.iter().copied().filter(|&s| s > 0.0).collect();
    seen.sort_unstable_by(f64::total_cmp);
    let typical = seen.get(seen.len() / 2).copied().unwrap_or(libm::ldexp(sy / sx, -10));
    for (s, b) in scales.iter_mut().zip(&w.bias) {
        if *s == 0.0 {
            *s = typical;
        }
        *s = s.max(libm::ldexp(b.abs() / sx, -BIAS_BITS));
    }
    let top = scales.iter().copied().fold(0.0, f64::max);
    scales.iter_mut().for_each(|s| *s = s.max(libm::ldexp(top, -SPREAD)));
    scales
}

/// Integer weights under the channels' scales, and the multipliers of runs of `block` weights: a weight is a code, times its multiplier.
fn rounded(w: &[f32], k: usize, scales: &[f64], bits: u8, block: Option<usize>) -> (Vec<i8>, Option<Vec<i8>>) {
    if bits == 8 {
        return (w.iter().enumerate().map(|(i, &v)| weights::code(v.into(), scales[i / k])).collect(), None);
    }
    let codes = Narrow::new(bits);
    let (mut out, mut r) = (Vec::with_capacity(w.len()), Vec::new());
    for (row, &scale) in w.chunks_exact(k).zip(scales) {
        let len = block.unwrap_or(k);
        let by = if block.is_some() { codes.multipliers(row, len, scale) } else { vec![1] };
        for (run, &by) in row.chunks(len).zip(&by) {
            out.extend(run.iter().map(|&v| codes.code(v.into(), scale * f64::from(by)) * by as i8));
        }
        r.extend(by.iter().map(|&by| by as i8));
    }
    (out, block.map(|_| r))
}

impl Weights {
    fn channel(&self, o: usize, i: usize) -> usize {
        let ci = self.shape.last().copied().unwrap_or(1);
        o / (self.shape[0] / self.group) * ci + i % ci
    }

    /// The same layer on raw codes less `zp`: real = s * (raw - o) per input channel, so weights take the scales and the bias the offsets.
    pub(super) fn on_codes(mut self, affine: impl Fn(usize) -> (f64, f64), zp: f64) -> Self {
        let k = self.w.len() / self.shape[0];
        for i in 0..self.w.len() {
            let (s, o) = affine(self.channel(i / k, i % k));
            let scaled = f64::from(self.w[i]) * s;
            self.bias[i / k] += scaled * (zp - o);
            self.w[i] = scaled as f32;
        }
        if let Some(m) = &mut self.means {
            for (c, m) in m.iter_mut().enumerate() {
                let (s, o) = affine(c);
                *m = *m / s + o - zp;
            }
        }
        self
    }

    /// Takes the mean error of rounding the weights out of the bias: the expectation of (w - w') x over the calibration data (Nagel et
    /// al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2, with measured input means).
    fn correct_bias(&mut self, codes: &[i8], scales: &[f64], k: usize) {
        let Some(means) = &self.means else { return };
        for (o, b) in self.bias.iter_mut().enumerate() {
            let ci = self.shape.last().copied().unwrap_or(1);
            let first = o / (self.shape[0] / self.group) * ci;
            for i in 0..k {
                let at = o * k + i;
                let error = f64::from(self.w[at]) - f64::from(codes[at]) * scales[o];
                *b += error * means.get(first + i % ci).copied().unwrap_or(0.0);
            }
        }
    }
}
