//! A node's attributes: each one is read with its type, or the import fails and names it.

use crate::proto::{AttributeProto, NodeProto, TensorProto, attr_type};
use mcompc_ir::{Code, Error, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Attributes by name, with the set of those that an importer function has read.
pub(crate) struct NodeAttrs<'a> {
    by_name: BTreeMap<&'a str, &'a AttributeProto>,
    read: RefCell<BTreeSet<&'a str>>,
}

/// A value for messages, cut to a readable length.
fn show(a: &AttributeProto) -> String {
    let text = match a.r#type.unwrap_or(0) {
        attr_type::FLOAT => format!("{}", a.f.unwrap_or(0.0)),
        attr_type::INT => format!("{}", a.i.unwrap_or(0)),
        attr_type::STRING => format!("{:?}", String::from_utf8_lossy(a.s.as_deref().unwrap_or(&[]))),
        attr_type::FLOATS => format!("{:?}", &a.floats[..a.floats.len().min(8)]),
        attr_type::INTS => show_ints(&a.ints),
        attr_type::GRAPH | attr_type::GRAPHS => "a subgraph".into(),
        attr_type::TENSOR | attr_type::TENSORS => "a tensor".into(),
        t => format!("a value of type {t}"),
    };
    text.chars().take(60).collect()
}

/// The first elements of a list, for messages.
pub(crate) fn show_ints(v: &[i64]) -> String {
    let more = if v.len() > 8 { ", ..." } else { "" };
    let list: Vec<String> = v.iter().take(8).map(i64::to_string).collect();
    format!("[{}{more}]", list.join(", "))
}

/// Whether a value field is filled other than the one that `type` names.
fn stray_fields(a: &AttributeProto) -> bool {
    let filled = [
        (attr_type::FLOAT, a.f.is_some()),
        (attr_type::INT, a.i.is_some()),
        (attr_type::STRING, a.s.is_some()),
        (attr_type::TENSOR, a.t.is_some()),
        (attr_type::GRAPH, a.g.is_some()),
        (attr_type::FLOATS, !a.floats.is_empty()),
        (attr_type::INTS, !a.ints.is_empty()),
        (attr_type::STRINGS, !a.strings.is_empty()),
        (attr_type::TENSORS, !a.tensors.is_empty()),
        (attr_type::GRAPHS, !a.graphs.is_empty()),
        (attr_type::SPARSE_TENSOR, a.sparse_tensor.is_some()),
        (attr_type::SPARSE_TENSORS, !a.sparse_tensors.is_empty()),
        (attr_type::TYPE_PROTO, a.tp.is_some()),
        (attr_type::TYPE_PROTOS, !a.type_protos.is_empty()),
    ];
    // Some writers fill a default next to the value: a zero scalar or empty bytes mean nothing.
    let blank = |t: i32| match t {
        attr_type::FLOAT => a.f == Some(0.0),
        attr_type::INT => a.i == Some(0),
        attr_type::STRING => a.s.as_ref().is_some_and(|s| s.is_empty()),
        _ => false,
    };
    filled.iter().any(|&(t, full)| full && Some(t) != a.r#type && !blank(t))
}

impl<'a> NodeAttrs<'a> {
    /// Indexes the attributes; `E104` for a nameless or repeated one or one whose value does not stand where its type says.
    pub(crate) fn new(node: &'a NodeProto) -> Result<Self> {
        let mut by_name = BTreeMap::new();
        for a in &node.attribute {
            let name = a.name.as_deref().unwrap_or("");
            let bad = |what: &str| Error::new(Code::BadGraph, format!("attribute `{name}` {what}")).hint("onnx.checker tells more");
            if name.is_empty() {
                return Err(bad("has no name"));
            }
            if a.ref_attr_name.as_ref().is_some_and(|r| !r.is_empty()) {
                return Err(bad("refers to a function's attribute outside a function"));
            }
            if stray_fields(a) {
                return Err(bad("has a value of another type than it declares"));
            }
            if by_name.insert(name, a).is_some() {
                return Err(bad("is given twice"));
            }
        }
        Ok(Self { by_name, read: RefCell::default() })
    }

    fn typed(&self, name: &str, want: i32, what: &str) -> Result<Option<&'a AttributeProto>> {
        let Some((&key, &a)) = self.by_name.get_key_value(name) else { return Ok(None) };
        self.read.borrow_mut().insert(key);
        if a.r#type != Some(want) {
            return Err(Error::new(Code::UnsupportedAttr, format!("attribute `{name}` is {}, expected {what}", show(a)))
                .hint("the attribute has another type in the ONNX standard; export the model again"));
        }
        Ok(Some(a))
    }

    /// An integer, if given.
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.typed(name, attr_type::INT, "an integer")?.map(|a| a.i.unwrap_or(0)))
    }
    /// An integer with the standard's default.
    pub(crate) fn int_or(&self, name: &str, default: i64) -> Result<i64> {
        Ok(self.int(name)?.unwrap_or(default))
    }
    /// A flag: 0 or 1, else `E203`.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.int_or(name, i64::from(default))? {
            0 => Ok(false),
            1 => Ok(true),
            v => Err(unsupported(name, v).hint("the standard allows 0 and 1")),
        }
    }
    /// A finite float with the standard's default.
    pub(crate) fn float_or(&self, name: &str, default: f32) -> Result<f64> {
        let v = self.float(name)?.unwrap_or(default);
        if v.is_finite() { Ok(f64::from(v)) } else { Err(unsupported(name, v).hint("the value must be finite")) }
    }
    /// A float, if given; infinities and NaN are the caller's matter.
    pub(crate) fn float(&self, name: &str) -> Result<Option<f32>> {
        Ok(self.typed(name, attr_type::FLOAT, "a float")?.map(|a| a.f.unwrap_or(0.0)))
    }
    /// A list of integers, if given.
    pub(crate) fn ints(&self, name: &str) -> Result<Option<&'a [i64]>> {
        Ok(self.typed(name, attr_type::INTS, "a list of integers")?.map(|a| a.ints.as_slice()))
    }
    /// A list of floats, if given.
    pub(crate) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>> {
        Ok(self.typed(name, attr_type::FLOATS, "a list of floats")?.map(|a| a.floats.as_slice()))
    }
    /// A string with the standard's default; `E203` unless it is UTF-8.
    pub(crate) fn str_or(&self, name: &str, default: &'static str) -> Result<&'a str> {
        let Some(a) = self.typed(name, attr_type::STRING, "a string")? else { return Ok(default) };
        std::str::from_utf8(a.s.as_deref().unwrap_or(&[])).map_err(|_| unsupported(name, show(a)).hint("the value must be UTF-8 text"))
    }
    /// A list of strings, if given; `E203` unless they are UTF-8.
    pub(crate) fn strings(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(a) = self.typed(name, attr_type::STRINGS, "a list of strings")? else { return Ok(None) };
        let text =
            |s: &bytes::Bytes| String::from_utf8(s.to_vec()).map_err(|_| unsupported(name, show(a)).hint("the values must be UTF-8 text"));
        a.strings.iter().map(text).collect::<Result<_>>().map(Some)
    }
    /// A tensor, if given.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>> {
        match self.typed(name, attr_type::TENSOR, "a tensor")? {
            None => Ok(None),
            Some(a) => match a.t.as_deref() {
                Some(t) => Ok(Some(t)),
                None => Err(Error::new(Code::BadGraph, format!("attribute `{name}` has no value")).hint("onnx.checker tells more")),
            },
        }
    }
    /// Accepts an attribute that takes one value only here; `E203` with `hint` for any other.
    pub(crate) fn only(&self, name: &str, value: i64, hint: &str) -> Result<()> {
        match self.int_or(name, value)? {
            v if v == value => Ok(()),
            v => Err(unsupported(name, v).hint(hint)),
        }
    }
    /// Accepts a list whose elements all have one value; `E203` with `hint` for any other.
    pub(crate) fn only_all(&self, name: &str, value: i64, hint: &str) -> Result<()> {
        match self.ints(name)? {
            Some(v) if v.iter().any(|&x| x != value) => Err(unsupported(name, show_ints(v)).hint(hint)),
            _ => Ok(()),
        }
    }
    /// Reads an attribute that has no influence on inference.
    pub(crate) fn training_only(&self, name: &str) -> Result<()> {
        self.float(name).map(|_| ())
    }
    /// Counts all attributes as read: another operator's import reads them.
    pub(crate) fn pass_on(&self) {
        self.read.borrow_mut().extend(self.by_name.keys());
    }
    /// `E203` naming the first attribute that nobody read.
    pub(crate) fn finish(&self, op: &str, opset: i64) -> Result<()> {
        let read = self.read.borrow();
        match self.by_name.iter().find(|(n, _)| !read.contains(*n)) {
            None => Ok(()),
            Some((n, a)) => Err(unsupported(n, show(a))
                .hint(format!("{op} of opset {opset} does not have this attribute, or the compiler does not support it"))),
        }
    }
}

/// `E203` naming the attribute and its value.
pub(crate) fn unsupported(name: &str, value: impl std::fmt::Display) -> Error {
    Error::new(Code::UnsupportedAttr, format!("attribute `{name}` = {value} is not supported"))
}
