//! Attributes: an ordered map from names to plain data, typed at the point of use.

use crate::{Code, Error, Result};
use std::collections::BTreeMap;

/// One attribute value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Attr {
    Int(i64),
    Float(f64),
    Str(String),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

impl From<i64> for Attr {
    fn from(v: i64) -> Self {
        Attr::Int(v)
    }
}
impl From<usize> for Attr {
    fn from(v: usize) -> Self {
        Attr::Int(v as i64)
    }
}
impl From<f64> for Attr {
    fn from(v: f64) -> Self {
        Attr::Float(v)
    }
}
impl From<&str> for Attr {
    fn from(v: &str) -> Self {
        Attr::Str(v.into())
    }
}
impl From<Vec<i64>> for Attr {
    fn from(v: Vec<i64>) -> Self {
        Attr::Ints(v)
    }
}
impl From<&[usize]> for Attr {
    fn from(v: &[usize]) -> Self {
        Attr::Ints(v.iter().map(|&x| x as i64).collect())
    }
}
impl From<Vec<f64>> for Attr {
    fn from(v: Vec<f64>) -> Self {
        Attr::Floats(v)
    }
}

/// Attributes of a node, ordered by name so that text forms and output bytes are reproducible.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attrs(pub BTreeMap<String, Attr>);

impl Attrs {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }
    /// The same with one more.
    pub fn with(mut self, name: &str, v: impl Into<Attr>) -> Self {
        self.set(name, v);
        self
    }
    /// Sets or replaces.
    pub fn set(&mut self, name: &str, v: impl Into<Attr>) {
        self.0.insert(name.into(), v.into());
    }
    /// Looks up.
    pub fn get(&self, name: &str) -> Option<&Attr> {
        self.0.get(name)
    }
    fn wrong(name: &str, want: &str, got: Option<&Attr>) -> Error {
        match got {
            None => Error::new(Code::MissingAttr, format!("attribute `{name}` is missing")),
            Some(a) => Error::new(Code::UnsupportedAttr, format!("attribute `{name}` is {a:?}, expected {want}")),
        }
    }
    /// A required integer.
    pub fn int(&self, name: &str) -> Result<i64> {
        match self.get(name) {
            Some(Attr::Int(v)) => Ok(*v),
            o => Err(Self::wrong(name, "an integer", o)),
        }
    }
    /// An integer with a default.
    pub fn int_or(&self, name: &str, default: i64) -> Result<i64> {
        if self.get(name).is_none() { Ok(default) } else { self.int(name) }
    }
    /// A required float; an integer is taken as one.
    pub fn float(&self, name: &str) -> Result<f64> {
        match self.get(name) {
            Some(Attr::Float(v)) => Ok(*v),
            Some(Attr::Int(v)) => Ok(*v as f64),
            o => Err(Self::wrong(name, "a float", o)),
        }
    }
    /// A required string.
    pub fn str(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(Attr::Str(v)) => Ok(v),
            o => Err(Self::wrong(name, "a string", o)),
        }
    }
    /// A required list of integers.
    pub fn ints(&self, name: &str) -> Result<&[i64]> {
        match self.get(name) {
            Some(Attr::Ints(v)) => Ok(v),
            o => Err(Self::wrong(name, "a list of integers", o)),
        }
    }
    /// A required list of non-negative integers.
    pub fn usizes(&self, name: &str) -> Result<Vec<usize>> {
        self.ints(name)?
            .iter()
            .map(|&v| usize::try_from(v).map_err(|_| Self::wrong(name, "non-negative integers", self.get(name))))
            .collect()
    }
    /// A required list of floats.
    pub fn floats(&self, name: &str) -> Result<&[f64]> {
        match self.get(name) {
            Some(Attr::Floats(v)) => Ok(v),
            o => Err(Self::wrong(name, "a list of floats", o)),
        }
    }
}
