//! What a function of one value is.

use crate::def::{AttrDef, Ctx, OpDef, attr_error};
use mcompc_ir::{Attr, Attrs, Result, Tensor, Value};

/// A function of one value, in f64.
pub type Map = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// What a parameter is in a model that does not name it.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// A number.
    Number(f32),
    /// The first of the words that are allowed.
    Word(&'static [&'static str]),
}

/// What the file of a function says of it.
pub(crate) struct Spec {
    name: &'static str,
    doc: &'static str,
    since: Option<i64>,
    attrs: &'static [AttrDef],
    defaults: &'static [Default],
    domain: (f64, f64),
    map: fn(&Attrs) -> Result<Map>,
}

impl Spec {
    /// The same with another domain.
    pub(crate) const fn within(self, lo: f64, hi: f64) -> Self {
        Self { domain: (lo, hi), ..self }
    }
}

/// A function without parameters.
pub(crate) const fn plain(name: &'static str, doc: &'static str, since: i64, map: fn(&Attrs) -> Result<Map>) -> Spec {
    with(name, doc, since, &[], &[], map)
}

/// A function with parameters.
pub(crate) const fn with(
    name: &'static str,
    doc: &'static str,
    since: i64,
    attrs: &'static [AttrDef],
    defaults: &'static [Default],
    map: fn(&Attrs) -> Result<Map>,
) -> Spec {
    Spec { since: Some(since), defaults, ..inner(name, doc, attrs, map) }
}

/// A function that ONNX does not have, or in another form.
pub(crate) const fn inner(name: &'static str, doc: &'static str, attrs: &'static [AttrDef], map: fn(&Attrs) -> Result<Map>) -> Spec {
    Spec { name, doc, since: None, attrs, defaults: &[], domain: (f64::NEG_INFINITY, f64::INFINITY), map }
}

/// A function of one value, element by element: its operator, its definition, and how ONNX has it.
pub struct Function {
    /// Its row of the operator table; its attributes are the parameters.
    pub op: OpDef,
    /// First ONNX operator set with an operator of this name that has the parameters as attributes; `None` where ONNX has another form of it.
    pub since: Option<i64>,
    /// The parameters' defaults in ONNX, in the order of the attributes; none where `since` is `None`.
    pub defaults: &'static [Default],
    /// Values for which the function is real and of moderate size: what random networks feed it with.
    pub domain: (f64, f64),
    map: fn(&Attrs) -> Result<Map>,
}

type Infer = fn(&Ctx<'_>) -> Result<Vec<Value>>;
type Eval = fn(&Ctx<'_>, &[&Tensor]) -> Result<Vec<Tensor>>;

impl Function {
    /// The function that a file describes; `infer` and `eval` are those below, of this very function.
    pub(crate) const fn of(s: Spec, infer: Infer, eval: Eval) -> Self {
        let op = OpDef { name: s.name, doc: s.doc, inputs: &["x"], attrs: s.attrs, infer, eval };
        Self { op, since: s.since, defaults: s.defaults, domain: s.domain, map: s.map }
    }
    /// The function that these attributes make of it.
    ///
    /// # Errors
    /// A parameter that is missing or outside its range.
    pub fn with(&self, attrs: &Attrs) -> Result<Map> {
        for (a, d) in self.op.attrs.iter().zip(self.defaults) {
            if let (Default::Word(words), Some(Attr::Str(w))) = (d, attrs.get(a.name))
                && !words.contains(&w.as_str())
            {
                return attr_error(a.name, format_args!("is {w:?}, expected one of {words:?}"));
            }
        }
        (self.map)(attrs)
    }
}

pub(crate) fn infer(c: &Ctx<'_>, f: &Function) -> Result<Vec<Value>> {
    let _ = f.with(&c.node.attrs)?;
    c.like_first()
}

pub(crate) fn eval(c: &Ctx<'_>, t: &[&Tensor], f: &Function) -> Result<Vec<Tensor>> {
    crate::float::map(t, f.with(&c.node.attrs)?)
}
