//! Graph inputs: what the caller has becomes the first layer's operand at no cost where that is possible.

use super::layer::Layer;
use super::{Ctx, Result};
use mcompc_ir::{Attrs, Code, DType, Error, NodeId, Quant, Value, ValueId};

impl Ctx<'_> {
    /// Adds a graph input under its ONNX name.
    pub(super) fn input(&mut self, id: NodeId) -> Result<()> {
        let v = self.r.from.out(id);
        let value = self.r.from.value(v);
        if value.dtype == DType::I32 {
            // An index means itself.
            self.r.input(id, value.clone());
            return Ok(());
        }
        if value.dtype != DType::F32 {
            return Err(Error::new(Code::NoInteger, format!("a graph input of type {} is not taken", value.dtype)).at(&value.name));
        }
        let quant = self.raw.get(&v).cloned().map_or_else(|| self.quant(v), Ok)?;
        self.r.input(id, Value { quant: Some(quant), ..Value::new(value.name.clone(), DType::F32, value.shape.clone()) });
        Ok(())
    }

    /// `v` as plain i8 codes under its own quantization; a constant as it is.
    pub(super) fn plain(&mut self, v: ValueId) -> Result<ValueId> {
        let q = if self.r.from.const_of(v).is_some() { Quant::PROBABILITY } else { self.quant(v)? };
        self.plain_as(v, &q)
    }

    /// `v` under one scale, whichever codes that is.
    pub(super) fn uniform(&mut self, v: ValueId) -> Result<ValueId> {
        match self.raw.get(&v) {
            Some(r) if r.uniform().is_some() => self.r.computed(v),
            _ => self.plain(v),
        }
    }

    /// Every one of `vs` as [`Self::plain_as`] gives it.
    pub(super) fn all_plain_as(&mut self, vs: &[ValueId], q: &Quant) -> Result<Vec<ValueId>> {
        vs.iter().map(|&v| self.plain_as(v, q)).collect()
    }

    /// As [`Self::plain`] for a reader that wants the codes `q`: the caller's codes are rounded to them at once. The codes of everything else are
    /// left as they are, and constants too.
    pub(super) fn plain_as(&mut self, v: ValueId, q: &Quant) -> Result<ValueId> {
        let raw = self.raw.get(&v).cloned();
        let constant = self.r.from.const_of(v).cloned();
        if raw.is_none() && constant.is_none() {
            return self.r.computed(v);
        }
        let key = if constant.is_some() { (v, 0, 0) } else { (v, q.step().to_bits(), q.zero_point()) };
        if let Some(&p) = self.plain.get(&key) {
            return Ok(p);
        }
        let p = match (constant, raw) {
            (Some(t), _) => {
                mcompc_ops::reals(self.r.from, v)?;
                self.r.to.add_const(self.r.from.value(v).name.clone(), t)
            }
            (None, Some(raw)) => self.raw_as(v, &raw, q)?,
            (None, None) => self.r.computed(v)?,
        };
        self.plain.insert(key, p);
        Ok(p)
    }

    fn raw_as(&mut self, v: ValueId, raw: &Quant, q: &Quant) -> Result<ValueId> {
        let x = self.r.computed(v)?;
        let name = self.r.fresh(&format!("{}.i8", self.r.from.value(v).name));
        if raw.uniform().is_some() {
            return self.emit_as(&name, "Recode", Attrs::new(), &[x], &name, q.clone());
        }
        let axis = raw.axis().unwrap_or(0);
        let n = self.r.from.value(v).shape[axis];
        let (k, b): (Vec<f64>, Vec<f64>) = (0..n).map(|c| raw.along(c)).map(|(s, o)| (s, -s * o)).unzip();
        // As a layer, the codes less their nominal zero point stand for themselves.
        let zp = f64::from(raw.zero_point());
        let b: Vec<f64> = b.iter().zip(&k).map(|(b, k)| b + k * zp).collect();
        self.per_channel(Layer::new(&name, &name, x, q.clone()).on_codes(), axis, &k, &b)
    }
}
