//! Graph inputs: what the caller has becomes the first layer's operand at no cost where that is possible.

use super::linear::Layer;
use super::quants::own;
use super::{Ctx, Result, code};
use mcompc_data::Input;
use mcompc_ir::{Attrs, Code, Codes, DType, Error, Graph, NodeId, Per, Quant, Tensor, Value, ValueId};
use std::collections::BTreeMap;

/// Every value that holds raw codes other than plain i8: 8-bit inputs, and their reshapes, transposes and slices as far as channels can be
/// followed. Convolutions and dense layers take it as it is; for all others it is made plain, that is i8 codes under one scale.
pub(super) fn raw_values(g: &Graph, inputs: &[Input]) -> Result<BTreeMap<ValueId, Quant>> {
    let mut raw = BTreeMap::new();
    for (input, &id) in inputs.iter().zip(&g.inputs) {
        if let Some(q) = input.quant().filter(|q| q.codes.bits == 8 && !is_plain_i8(q)) {
            raw.insert(g.out(id), q);
        }
    }
    for id in g.topo()? {
        let node = g.node(id);
        if !matches!(node.op.as_str(), "Reshape" | "Transpose" | "Slice") {
            continue;
        }
        let Some(r) = raw.get(&g.inputs_of(id)[0]).cloned() else { continue };
        let Some(from) = r.axis() else {
            raw.insert(g.out(id), r);
            continue;
        };
        if node.op == "Transpose"
            && let Some(axis) = node.attrs.usizes("perm")?.iter().position(|&p| p == from)
        {
            let moved = |p: Per<f64>| if p.one().is_some() { p } else { Per::along(axis as u8, p.all().to_vec()) };
            raw.insert(g.out(id), Quant { scale: moved(r.scale), zero: moved(r.zero), ..r });
        } else if node.op == "Slice"
            && node.attrs.ints("steps")?[from] == 1
            && g.value(g.out(id)).shape[from] == g.value(g.inputs_of(id)[0]).shape[from]
        {
            raw.insert(g.out(id), r);
        }
    }
    Ok(raw)
}

/// Whether the codes are i8 under one scale and a code of real 0.
pub(super) fn is_plain_i8(q: &Quant) -> bool {
    q.codes == Codes::I8 && q.is_plain()
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
            Some(r) => (r.codes.dtype(), r.nominal()),
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
        let key = (v, q.step().to_bits(), q.zero_point());
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
                if *self.codes(x)? == q {
                    return Ok(x);
                }
                let name = self.fresh(&format!("{}.rescaled", value.name));
                self.rescaled(x, q, &name)?
            }
        };
        self.plain.insert(key, p);
        Ok(p)
    }

    fn raw_as(&mut self, v: ValueId, raw: &Quant, q: Quant) -> Result<ValueId> {
        let x = self.direct(v)?;
        let name = self.fresh(&format!("{}.i8", self.g.value(v).name));
        if let Some((s, o)) = raw.uniform() {
            let (lo, hi) = raw.codes.range();
            let table: Vec<i8> = (lo..=hi).map(|c| code(s * (f64::from(c) - o), &q)).collect();
            let table = self.out.add_const(format!("{name}.table"), Tensor::from_i8([raw.codes.count()], &table)?);
            return self.emit_as(&name, "q.lut", Attrs::new(), &[x, table], &name, Some(q));
        }
        let axis = raw.axis().unwrap_or(0);
        let n = self.g.value(v).shape[axis];
        let (k, b): (Vec<f64>, Vec<f64>) = (0..n).map(|c| raw.along(c)).map(|(s, o)| (s, -s * o)).unzip();
        // As a layer, the codes less their nominal zero point stand for themselves.
        let zp = f64::from(raw.zero_point());
        let b: Vec<f64> = b.iter().zip(&k).map(|(b, k)| b + k * zp).collect();
        self.per_channel(Layer::new(&name, &name, x, q).scaled(1.0), axis, &k, &b)
    }
}
