//! Graph inputs: what the caller has becomes the first layer's operand at no cost where that is possible.

use super::linear::Layer;
use super::quants::own;
use super::{Ctx, Result, code};
use mcompc_data::Input;
use mcompc_ir::{Attrs, Code, DType, Error, Graph, NodeId, Quant, Tensor, Value, ValueId};
use std::collections::BTreeMap;

/// A value that holds raw input codes: real = scale * (raw - offset), per channel of `axis` where the lists are long. Convolutions and
/// dense layers take it as it is; for all others it is made plain, that is i8 codes under one scale.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub dtype: DType,
    pub scale: Vec<f64>,
    pub offset: Vec<f64>,
    /// Channel axis; of no meaning where both lists are single numbers.
    pub axis: usize,
}

impl Raw {
    pub(super) fn affine(&self, c: usize) -> (f64, f64) {
        let of = |v: &[f64]| if v.len() == 1 { v[0] } else { v[c] };
        (of(&self.scale), of(&self.offset))
    }
    pub(super) fn per_tensor(&self) -> bool {
        self.scale.len() == 1 && self.offset.len() == 1
    }
    /// Largest real magnitude of a code, over all channels.
    pub(super) fn reach(&self) -> f64 {
        let (lo, hi) = super::range_of(self.dtype);
        let n = self.scale.len().max(self.offset.len());
        let of = |c: usize| {
            let (s, o) = self.affine(c);
            (s * (f64::from(lo) - o)).abs().max((s * (f64::from(hi) - o)).abs())
        };
        (0..n).map(of).fold(0.0, f64::max)
    }
    fn is_code(&self, o: f64) -> bool {
        let (lo, hi) = super::range_of(self.dtype);
        o == o.round() && (f64::from(lo)..=f64::from(hi)).contains(&o)
    }
    /// The code of real zero, where it is one code for all channels.
    pub(super) fn zero(&self) -> Option<i32> {
        let o = self.offset[0];
        (self.offset.iter().all(|&v| v == o) && self.is_code(o)).then_some(o as i32)
    }
    /// Quantization of the codes as they are, if one scale and an integer zero point say it all.
    pub(super) fn exact(&self) -> Option<Quant> {
        self.zero().filter(|_| self.per_tensor()).map(|zero_point| Quant { scale: self.scale[0], zero_point })
    }
    /// What the value's `quant` says: exact where possible, else the mean (layers then carry the difference in weights and bias).
    pub(super) fn nominal(&self) -> Quant {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (lo, hi) = super::range_of(self.dtype);
        Quant { scale: mean(&self.scale), zero_point: mean(&self.offset).round().clamp(lo.into(), hi.into()) as i32 }
    }
}

/// Every value that holds raw codes other than plain i8: 8-bit inputs, and their reshapes, transposes and slices as far as channels can be followed.
pub(super) fn raw_values(g: &Graph, inputs: &[Input]) -> Result<BTreeMap<ValueId, Raw>> {
    let mut raw = BTreeMap::new();
    for (input, &id) in inputs.iter().zip(&g.inputs) {
        let spec = &input.spec;
        if matches!(spec.dtype, DType::I8 | DType::U8) {
            let axis = if spec.per_tensor() { 0 } else { spec.channel_axis(&input.shape)? };
            let r = Raw { dtype: spec.dtype, scale: spec.scale.clone(), offset: spec.offset.clone(), axis };
            if r.dtype != DType::I8 || r.exact().is_none() {
                raw.insert(g.out(id), r);
            }
        }
    }
    for id in g.topo()? {
        let node = g.node(id);
        if !matches!(node.op.as_str(), "Reshape" | "Transpose" | "Slice") {
            continue;
        }
        let Some(r) = raw.get(&g.inputs_of(id)[0]).cloned() else { continue };
        if r.per_tensor() {
            raw.insert(g.out(id), r);
        } else if node.op == "Transpose" {
            let perm = node.attrs.usizes("perm")?;
            if let Some(axis) = perm.iter().position(|&p| p == r.axis) {
                raw.insert(g.out(id), Raw { axis, ..r });
            }
        } else if node.op == "Slice"
            && node.attrs.ints("steps")?[r.axis] == 1
            && g.value(g.out(id)).shape[r.axis] == shape_of(g, id)[r.axis]
        {
            raw.insert(g.out(id), r);
        }
    }
    Ok(raw)
}

fn shape_of(g: &Graph, id: NodeId) -> &[usize] {
    &g.value(g.inputs_of(id)[0]).shape
}

impl Ctx<'_> {
    /// Adds a graph input under its ONNX name.
    pub(super) fn input(&mut self, i: usize, id: NodeId) -> Result<()> {
        let v = self.g.out(id);
        let value = self.g.value(v);
        if value.dtype != DType::F32 {
            return Err(Error::new(Code::NoInteger, format!("a graph input of type {} is not taken", value.dtype))
                .at(&value.name)
                .hint("give the float model; models that are quantized already are not imported yet"));
        }
        let (dtype, quant) = match self.raw.get(&v) {
            Some(r) => (r.dtype, r.nominal()),
            None => (DType::I8, self.quant(v)?),
        };
        let new =
            self.out.add_input(Value { quant: Some(quant), ..Value::new(self.specs[i].spec.name.clone(), dtype, value.shape.clone()) });
        self.map.insert(v, new);
        self.origin.insert(new, v);
        Ok(())
    }

    /// The integer value of `v` as plain i8 codes under its own quantization.
    pub(super) fn plain(&mut self, v: ValueId) -> Result<ValueId> {
        let q = if self.g.const_of(v).is_some() { own(&self.reals(v)?) } else { self.quant(v)? };
        self.plain_as(v, q)
    }

    /// As [`Self::plain`] under a quantization of the reader's choice: constants and raw codes are rounded to it at once, everything else is
    /// rescaled.
    pub(super) fn plain_as(&mut self, v: ValueId, q: Quant) -> Result<ValueId> {
        let key = (v, q.scale.to_bits(), q.zero_point);
        if let Some(&p) = self.plain.get(&key) {
            return Ok(p);
        }
        let value = self.g.value(v).clone();
        let p = match self.raw.get(&v).cloned() {
            _ if self.g.const_of(v).is_some() => {
                let data = self.reals(v)?;
                self.quantized_const(&value.name, &value.shape, &data, q)?
            }
            Some(raw) => self.raw_as(v, &raw, q)?,
            None => {
                let x = self.direct(v)?;
                if self.codes(x)? == q {
                    return Ok(x);
                }
                let name = self.fresh(&format!("{}.rescaled", value.name));
                self.rescaled(x, q, &name)?
            }
        };
        self.plain.insert(key, p);
        Ok(p)
    }

    fn raw_as(&mut self, v: ValueId, raw: &Raw, q: Quant) -> Result<ValueId> {
        let x = self.direct(v)?;
        let name = self.fresh(&format!("{}.i8", self.g.value(v).name));
        if raw.per_tensor() {
            let (s, o) = raw.affine(0);
            let (lo, hi) = super::range_of(raw.dtype);
            let table: Vec<i8> = (lo..=hi).map(|c| code(s * (f64::from(c) - o), q)).collect();
            let table = self.out.add_const(format!("{name}.table"), Tensor::from_i8([256], &table)?);
            return self.emit_as(&name, "q.lut", Attrs::new(), &[x, table], &name, Some(q));
        }
        let n = self.g.value(v).shape[raw.axis];
        let (k, b): (Vec<f64>, Vec<f64>) = (0..n).map(|c| raw.affine(c)).map(|(s, o)| (s, -s * o)).unzip();
        // As a layer, the codes less their nominal zero point stand for themselves.
        let zp = f64::from(raw.nominal().zero_point);
        let b: Vec<f64> = b.iter().zip(&k).map(|(b, k)| b + k * zp).collect();
        self.per_channel(Layer::new(&name, &name, x, q).scaled(1.0), raw.axis, &k, &b)
    }
}
