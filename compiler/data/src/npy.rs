//! The `.npy` header (NumPy enhancement proposal 1, versions 1 to 3): magic, version, length, and a Python dict literal.

use mcompc_ir::{Code, Error, Result};
use std::io::Read;

/// Element types of array files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elem {
    Bool,
    U1,
    I1,
    U2,
    I2,
    I4,
    I8,
    F2,
    F4,
    F8,
}

impl Elem {
    pub(crate) fn size(self) -> usize {
        match self {
            Elem::Bool | Elem::U1 | Elem::I1 => 1,
            Elem::U2 | Elem::I2 | Elem::F2 => 2,
            Elem::I4 | Elem::F4 => 4,
            Elem::I8 | Elem::F8 => 8,
        }
    }
    pub(crate) fn name(self) -> &'static str {
        ["bool", "u8", "i8", "u16", "i16", "i32", "i64", "f16", "f32", "f64"][self as usize]
    }
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Elem::F2 | Elem::F4 | Elem::F8)
    }
    fn from_descr(d: &str) -> Option<Elem> {
        let little = d.strip_prefix(['<', '|', '=']).unwrap_or(d);
        Some(match little {
            "?" | "b1" => Elem::Bool,
            "u1" => Elem::U1,
            "i1" => Elem::I1,
            "u2" => Elem::U2,
            "i2" => Elem::I2,
            "i4" => Elem::I4,
            "i8" => Elem::I8,
            "f2" => Elem::F2,
            "f4" => Elem::F4,
            "f8" => Elem::F8,
            _ => return None,
        })
    }
}

/// What an array file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    /// `None` for an element type that is not read (strings, for instance); such an array may lie in the file unused.
    pub elem: Option<Elem>,
    pub descr: String,
    pub shape: Vec<usize>,
    pub fortran: bool,
}

/// A header is one short line; a longer one is not NumPy's.
const MAX_HEADER: usize = 1 << 16;

pub(crate) fn bad(what: impl Into<String>) -> Error {
    Error::new(Code::BadCalib, what).general_hint("write the file with numpy.savez or numpy.save")
}

/// Reads up to the first element. Errors: `BadCalib`.
pub(crate) fn read_header(r: &mut impl Read) -> Result<Header> {
    let short = |e: std::io::Error| bad(format!("the array header ends early or is damaged ({e})"));
    let mut magic = [0u8; 8];
    r.read_exact(&mut magic).map_err(short)?;
    if &magic[..6] != b"\x93NUMPY" {
        return Err(bad("not an array file: the magic bytes are missing"));
    }
    let len = match magic[6] {
        1 => {
            let mut b = [0u8; 2];
            r.read_exact(&mut b).map_err(short)?;
            usize::from(u16::from_le_bytes(b))
        }
        2 | 3 => {
            let mut b = [0u8; 4];
            r.read_exact(&mut b).map_err(short)?;
            u32::from_le_bytes(b) as usize
        }
        v => return Err(bad(format!("array file version {v} is not known"))),
    };
    if len > MAX_HEADER {
        return Err(bad(format!("an array header of {len} bytes")));
    }
    let mut text = vec![0u8; len];
    r.read_exact(&mut text).map_err(short)?;
    parse_dict(&String::from_utf8_lossy(&text))
}

/// The text after `'key':`, blanks trimmed.
fn after<'a>(text: &'a str, key: &str) -> Result<&'a str> {
    let at = text.find(&format!("'{key}'")).ok_or_else(|| bad(format!("the array header has no `{key}`")))?;
    text[at + key.len() + 2..]
        .trim_start()
        .strip_prefix(':')
        .map(str::trim_start)
        .ok_or_else(|| bad(format!("the array header's `{key}` has no value")))
}

fn parse_dict(text: &str) -> Result<Header> {
    let d = after(text, "descr")?;
    // A structured type is a list; it is kept as text so that the error can show it.
    let descr = match d.strip_prefix('\'').and_then(|d| d.split_once('\'')) {
        Some((d, _)) => d.to_string(),
        None => d.chars().take(40).collect(),
    };
    let fortran = match after(text, "fortran_order")? {
        t if t.starts_with("True") => true,
        t if t.starts_with("False") => false,
        _ => return Err(bad("the array header's `fortran_order` is neither True nor False")),
    };
    let tuple = after(text, "shape")?
        .strip_prefix('(')
        .and_then(|t| t.split_once(')'))
        .map(|(t, _)| t)
        .ok_or_else(|| bad("the array header's `shape` is not a tuple"))?;
    let dims = tuple.split(',').map(str::trim).filter(|d| !d.is_empty());
    let shape: Vec<usize> =
        dims.map(|d| d.trim_end_matches('L').parse().map_err(|_| bad(format!("`{d}` is not a dimension")))).collect::<Result<_>>()?;
    if shape.len() > 32 {
        return Err(bad(format!("an array of {} dimensions", shape.len())));
    }
    Ok(Header { elem: Elem::from_descr(&descr), descr, shape, fortran })
}
