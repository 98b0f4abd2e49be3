//! What a row of the operator table is, and what an operator sees.

use mcompc_ir::{Attr, Code, DType, Error, Node, Quant, Result, Tensor, Value};

/// Type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One integer.
    Int,
    /// One float; an integer is taken as one.
    Float,
    /// A string.
    Str,
    /// A list of integers.
    Ints,
}

/// One attribute of an operator.
#[derive(Clone, Copy, Debug)]
pub struct AttrDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether a node without it is an error.
    pub required: bool,
    /// One phrase for docs/ops.md.
    pub doc: &'static str,
}

/// A required attribute.
pub(crate) const fn req(name: &'static str, kind: Kind, doc: &'static str) -> AttrDef {
    AttrDef { name, kind, required: true, doc }
}

/// An optional attribute.
pub(crate) const fn opt(name: &'static str, kind: Kind, doc: &'static str) -> AttrDef {
    AttrDef { name, kind, required: false, doc }
}

/// An operator: one file, one row of [`crate::OPS`].
pub struct OpDef {
    /// The key that nodes name.
    pub name: &'static str,
    /// Its page in docs/ops.md (Markdown).
    pub doc: &'static str,
    /// Input names in order; `name?` may be absent, `name..` is one or more.
    pub inputs: &'static [&'static str],
    /// Every attribute that a node may have.
    pub attrs: &'static [AttrDef],
    /// Types of the outputs. Called through [`crate::infer`], which has checked inputs' number and attributes.
    pub infer: fn(&Ctx<'_>) -> Result<Vec<Value>>,
    /// Reference semantics. Called through [`crate::eval`], which has checked the tensors against inference.
    pub eval: fn(&Ctx<'_>, &[&Tensor]) -> Result<Vec<Tensor>>,
}

/// A node with the values it reads. Its own output values are `node.outs`; before inference they may be missing, or carry only a name
/// and (integer operators, whose output quantization is a choice and not a consequence) a quantization.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// The node.
    pub node: &'a Node,
    /// One value per input port.
    pub ins: &'a [&'a Value],
}

pub(crate) fn shape_error<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(Code::BadShape, what))
}

pub(crate) fn attr_error<T>(name: &str, why: impl std::fmt::Display) -> Result<T> {
    Err(Error::new(Code::UnsupportedAttr, format!("attribute `{name}` {why}")))
}

impl Ctx<'_> {
    /// Output 0 with this type, under the name it already has.
    pub(crate) fn out(&self, dtype: DType, shape: impl Into<Vec<usize>>, quant: Option<Quant>) -> Result<Vec<Value>> {
        let name = self.node.outs.first().map_or(&self.node.name, |v| &v.name);
        Ok(vec![Value { name: name.clone(), dtype, shape: shape.into(), quant }])
    }
    /// Requires float inputs throughout.
    pub(crate) fn floats(&self) -> Result<()> {
        match self.ins.iter().find(|v| v.dtype != DType::F32) {
            Some(v) => Err(Error::new(Code::UnsupportedType, format!("`{}` is {}, {} takes f32", v.name, v.dtype, self.node.op))),
            None => Ok(()),
        }
    }
    /// Output of an elementwise float operator of one input.
    pub(crate) fn like_first(&self) -> Result<Vec<Value>> {
        self.floats()?;
        self.out(DType::F32, self.ins[0].shape.clone(), None)
    }
    /// Shape of input `i`, which must have `N` dimensions.
    pub(crate) fn shape<const N: usize>(&self, i: usize) -> Result<[usize; N]> {
        let v = self.ins[i];
        match <[usize; N]>::try_from(v.shape.as_slice()) {
            Ok(s) => Ok(s),
            Err(_) => shape_error(format!("`{}` has shape {:?}, {} needs {N} dimensions here", v.name, v.shape, self.node.op)),
        }
    }
    /// An integer attribute within a range.
    pub(crate) fn int_in(&self, name: &str, lo: i64, hi: i64) -> Result<i64> {
        let v = self.node.attrs.int(name)?;
        if (lo..=hi).contains(&v) { Ok(v) } else { attr_error(name, format_args!("is {v}, outside {lo}..={hi}")) }
    }
    /// An axis attribute, below the rank.
    pub(crate) fn axis(&self, rank: usize) -> Result<usize> {
        Ok(self.int_in("axis", 0, rank as i64 - 1)? as usize)
    }
    /// The optional fused clamp, as a closed range of reals.
    pub(crate) fn act(&self) -> Result<(f64, f64)> {
        let get = |n, d| if self.node.attrs.get(n).is_some() { self.node.attrs.float(n) } else { Ok(d) };
        let (lo, hi) = (get("act_min", f64::NEG_INFINITY)?, get("act_max", f64::INFINITY)?);
        if lo <= hi { Ok((lo, hi)) } else { attr_error("act_min", format_args!("is {lo:?}, above act_max {hi:?}")) }
    }
    /// Quantization of input `i`, whose type must be i8, u8 or i16.
    pub(crate) fn codes(&self, i: usize) -> Result<&Quant> {
        let v = self.ins[i];
        match (v.dtype, &v.quant) {
            // Codes of 9 to 15 bits lie in i16; whatever makes them keeps to them.
            (DType::I8 | DType::U8 | DType::I16, Some(q)) if q.codes.dtype() != v.dtype || q.codes.bits < 8 => {
                Err(Error::new(Code::UnsupportedType, format!("`{}` is {} under a quantization to {}", v.name, v.dtype, q.codes.name())))
            }
            (DType::I8 | DType::U8 | DType::I16, Some(q)) if q.is_plain() => Ok(q),
            (DType::I8 | DType::U8 | DType::I16, Some(_)) => Err(Error::new(
                Code::UnsupportedType,
                format!("`{}` has no single scale and zero point, {} needs them", v.name, self.node.op),
            )),
            (DType::I8 | DType::U8 | DType::I16, None) => Err(Error::new(Code::MissingAttr, format!("`{}` has no quantization", v.name))),
            (d, _) => Err(Error::new(Code::UnsupportedType, format!("`{}` is {d}, {} takes i8, u8 or i16", v.name, self.node.op))),
        }
    }
    /// As [`Self::codes`], of a value that may have 32 bits.
    pub(crate) fn any_codes(&self, i: usize) -> Result<&Quant> {
        let v = self.ins[i];
        match &v.quant {
            Some(q) if v.dtype == DType::I32 && q.is_wide() => Ok(q),
            _ => self.codes(i),
        }
    }
    /// Whether input `i` has codes of 32 bits.
    pub(crate) fn is_wide(&self, i: usize) -> bool {
        self.ins[i].dtype == DType::I32
    }
    /// Smallest and largest code of input `i` less its zero point.
    pub(crate) fn reach(&self, i: usize) -> Result<(i64, i64)> {
        let q = self.any_codes(i)?;
        let less = |code: i32| i64::from(code) - i64::from(q.zero_point());
        Ok((less(q.codes.min()), less(q.codes.max())))
    }
    /// Requires input `i` to be of this type and shape.
    pub(crate) fn exactly(&self, i: usize, dtype: DType, shape: &[usize]) -> Result<()> {
        let v = self.ins[i];
        if v.dtype == dtype && v.shape == shape {
            return Ok(());
        }
        shape_error(format!("`{}` is {}{:?}, {} needs {dtype}{shape:?}", v.name, v.dtype, v.shape, self.node.op))
    }
    /// Quantization that the integer graph has chosen for output 0.
    pub(crate) fn out_quant(&self) -> Result<Quant> {
        let q = self.node.outs.first().and_then(|v| v.quant.clone());
        q.ok_or_else(|| Error::new(Code::MissingAttr, format!("the output of {} has no quantization", self.node.op)))
    }
    /// An i8 or i16 output under its chosen quantization.
    pub(crate) fn out_codes(&self, shape: impl Into<Vec<usize>>) -> Result<Vec<Value>> {
        let q = self.out_quant()?;
        if !q.is_result() {
            return shape_error(format!(
                "the output's {} codes with zero point {:?} are not plain i8 or i16",
                q.codes.name(),
                q.zero.all()
            ));
        }
        self.out(q.codes.dtype(), shape, Some(q))
    }
    /// As [`Self::out_codes`], or an i32 output.
    pub(crate) fn out_any_codes(&self, shape: impl Into<Vec<usize>>) -> Result<Vec<Value>> {
        let q = self.out_quant()?;
        if q.is_wide() { self.out(DType::I32, shape, Some(q)) } else { self.out_codes(shape) }
    }
    /// Output 0 with these codes, which its chosen quantization has.
    pub(crate) fn tensor(&self, shape: impl Into<Vec<usize>>, codes: &[i64]) -> Result<Vec<Tensor>> {
        Ok(vec![Tensor::from_ints(self.out_quant()?.codes.dtype(), shape, codes)?])
    }
}

/// Checks a node's inputs and attributes against its row.
pub(crate) fn check(d: &OpDef, c: &Ctx<'_>) -> Result<()> {
    let variadic = d.inputs.last().is_some_and(|i| i.ends_with(".."));
    let least = d.inputs.iter().filter(|i| !i.ends_with('?')).count();
    if c.ins.len() < least || !variadic && c.ins.len() > d.inputs.len() {
        return Err(Error::new(Code::MissingAttr, format!("{} inputs, {} takes {:?}", c.ins.len(), d.name, d.inputs)));
    }
    for (name, a) in &c.node.attrs.0 {
        let Some(def) = d.attrs.iter().find(|x| x.name == name) else {
            let e = Error::new(Code::UnsupportedAttr, format!("{} has no attribute `{name}`", d.name));
            return Err(e.hint(format!("its attributes are {:?}", d.attrs.iter().map(|a| a.name).collect::<Vec<_>>())));
        };
        let fits = matches!(
            (def.kind, a),
            (Kind::Int, Attr::Int(_))
                | (Kind::Float, Attr::Float(_) | Attr::Int(_))
                | (Kind::Str, Attr::Str(_))
                | (Kind::Ints, Attr::Ints(_))
        );
        if !fits {
            return attr_error(name, format_args!("is {a:?}, expected {:?}", def.kind));
        }
        if matches!(a, Attr::Float(f) if f.is_nan()) {
            return attr_error(name, "is NaN");
        }
    }
    match d.attrs.iter().find(|a| a.required && c.node.attrs.get(a.name).is_none()) {
        Some(a) => Err(Error::new(Code::MissingAttr, format!("{} needs the attribute `{}` ({})", d.name, a.name, a.doc))),
        None => Ok(()),
    }
}
