//! A pass over the wire format before anything is allocated: well-formed, known fields only, within [`Limits`].
//!
//! The protobuf decoder that runs afterwards allocates up to two hundred times the input (an empty message is two bytes in the file
//! and a few hundred in memory) and skips what it does not know. After this pass the number of messages is bounded and every field
//! is one of `onnx.proto`'s. A singular field given twice is refused: decoders disagree on whether to merge or to replace.

use crate::limits::{Limits, MAX_DEPTH};
use crate::node::MARKS;
use mcompc_ir::{Code, Error, Result};

/// Message types with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum M {
    Model,
    Opset,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Entry,
    Sparse,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Dim,
}

/// What a field holds.
#[derive(Clone, Copy)]
enum K {
    Varint,
    Fixed32,
    /// Repeated scalars, packed or not.
    Varints,
    Fixed32s,
    Fixed64s,
    /// A string under the limit on names; once, or repeated.
    Name,
    Names,
    /// Bytes of any length (bounded by the file); once, or repeated.
    Blob,
    Blobs,
    One(M),
    Many(M),
}

/// The schema: field `tag` of message `m`, with the fields' names for the error text left to onnx.proto.
fn field(m: M, tag: u32) -> Option<K> {
    use K::*;
    Some(match (m, tag) {
        (M::Model, 1 | 5) => Varint,
        (M::Model, 2..=4) => Name,
        (M::Model, 6) => Blob,
        (M::Model, 7) => One(M::Graph),
        (M::Model, 8) => Many(M::Opset),
        (M::Model, 14) => Many(M::Entry),
        (M::Model, 20 | 26) => Blobs,
        (M::Model, 25) => Many(M::Function),
        (M::Opset, 1) => Name,
        (M::Opset, 2) => Varint,
        (M::Function, 1 | 10 | 13) => Name,
        (M::Function, 4..=6) => Names,
        (M::Function, 8) => Blob,
        (M::Function, 7) => Many(M::Node),
        (M::Function, 9) => Many(M::Opset),
        (M::Function, 11) => Many(M::Attribute),
        (M::Function, 12 | 14) => Blobs,
        (M::Graph, 1) => Many(M::Node),
        (M::Graph, 2) => Name,
        (M::Graph, 5) => Many(M::Tensor),
        (M::Graph, 10) => Blob,
        (M::Graph, 11..=13) => Many(M::ValueInfo),
        (M::Graph, 14) => Blobs,
        (M::Graph, 15) => Many(M::Sparse),
        (M::Graph, 16) => Many(M::Entry),
        (M::Node, 1 | 2) => Names,
        (M::Node, 3 | 4 | 7 | 8) => Name,
        (M::Node, 5) => Many(M::Attribute),
        (M::Node, 6) => Blob,
        (M::Node, 9) => Many(M::Entry),
        (M::Node, 10) => Blobs,
        (M::Attribute, 1 | 21) => Name,
        (M::Attribute, 2) => Fixed32,
        (M::Attribute, 3 | 20) => Varint,
        (M::Attribute, 4 | 13) => Blob,
        (M::Attribute, 5) => One(M::Tensor),
        (M::Attribute, 6) => One(M::Graph),
        (M::Attribute, 7) => Fixed32s,
        (M::Attribute, 8) => Varints,
        (M::Attribute, 9) => Blobs,
        (M::Attribute, 10) => Many(M::Tensor),
        (M::Attribute, 11) => Many(M::Graph),
        (M::Attribute, 14) => One(M::Type),
        (M::Attribute, 15) => Many(M::Type),
        (M::Attribute, 22) => One(M::Sparse),
        (M::Attribute, 23) => Many(M::Sparse),
        (M::Tensor, 1 | 5 | 7 | 11) => Varints,
        (M::Tensor, 2 | 14) => Varint,
        (M::Tensor, 3 | 9 | 12) => Blob,
        (M::Tensor, 4) => Fixed32s,
        (M::Tensor, 6) => Blobs,
        (M::Tensor, 8) => Name,
        (M::Tensor, 10) => Fixed64s,
        (M::Tensor, 13 | 16) => Many(M::Entry),
        (M::Entry, 1) => Name,
        (M::Entry, 2) => Blob,
        (M::Sparse, 1 | 2) => One(M::Tensor),
        (M::Sparse, 3) => Varints,
        (M::ValueInfo, 1) => Name,
        (M::ValueInfo, 2) => One(M::Type),
        (M::ValueInfo, 3) => Blob,
        (M::ValueInfo, 4) => Many(M::Entry),
        (M::Type, 1) => One(M::TensorType),
        (M::Type, 4 | 5 | 7 | 8 | 9) => Blob,
        (M::Type, 6) => Name,
        (M::TensorType, 1) => Varint,
        (M::TensorType, 2) => One(M::Shape),
        (M::Shape, 1) => Many(M::Dim),
        (M::Dim, 1) => Varint,
        (M::Dim, 2 | 3) => Name,
        _ => return None,
    })
}

fn truncated(at: usize, what: &str) -> Error {
    Error::new(Code::Truncated, format!("{what} at byte {at}"))
        .hint("the file is cut short or is not an ONNX model; compare its size with the original or export it again")
}

struct Scan<'a> {
    data: &'a [u8],
    limits: &'a Limits,
    depth: usize,
    entries: usize,
    nodes: usize,
}

/// Checks the bytes of a `ModelProto`.
///
/// `E101` for malformed or unknown data (with the byte offset), `E003` for a limit passed. Time is linear in the bytes, the stack
/// is bounded by `limits.depth`, nothing is allocated.
pub fn scan_model(data: &[u8], limits: &Limits) -> Result<()> {
    Limits::check("bytes of the file", data.len() as u64, limits.file_bytes, "file_bytes")?;
    let depth = limits.depth.min(MAX_DEPTH);
    Scan { data, limits, depth, entries: 0, nodes: 0 }.message(M::Model, 0, data.len(), 1)
}

impl Scan<'_> {
    /// The message in `data[pos..end]`.
    fn message(&mut self, m: M, mut pos: usize, end: usize, depth: usize) -> Result<()> {
        Limits::check("nesting of messages", depth as u64, self.depth as u64, "depth")?;
        self.count_entry()?;
        if m == M::Node {
            self.nodes += 1;
            Limits::check("nodes", self.nodes as u64, self.limits.nodes as u64, "nodes")?;
        }
        let (mut seen, mut dims, mut elements) = (0u64, 0u64, 0u64);
        while pos < end {
            let start = pos;
            let key = self.varint(&mut pos, end)?;
            let (tag, wire) = (u32::try_from(key >> 3).unwrap_or(0), (key & 7) as u8);
            let kind = field(m, tag).ok_or_else(|| {
                Error::new(Code::Truncated, format!("field {} of {m:?} at byte {start} is not known", key >> 3))
                    .hint("the file is damaged, or a newer ONNX than 1.23 wrote it; convert the model to opset 22 or older")
            })?;
            let (values, repeated) = self.value(kind, wire, &mut pos, end, depth)?;
            if !repeated {
                if seen & (1 << tag) != 0 {
                    return Err(truncated(start, &format!("field {tag} of {m:?} is given twice,")));
                }
                seen |= 1 << tag;
            }
            match (m, tag) {
                (M::Tensor, 1) | (M::Sparse, 3) | (M::Shape, 1) => dims += values,
                (M::Tensor, 4..=7 | 10 | 11) => elements += values,
                _ => {}
            }
            Limits::check("dimensions of a tensor", dims, self.limits.dims as u64, "dims")?;
            Limits::check("elements of a tensor", elements, self.limits.elements, "elements")?;
        }
        Ok(())
    }

    /// One field's value; the number of scalars or messages in it and whether the field may come again.
    fn value(&mut self, kind: K, wire: u8, pos: &mut usize, end: usize, depth: usize) -> Result<(u64, bool)> {
        let start = *pos;
        match (kind, wire) {
            (K::Varint | K::Varints, 0) => {
                self.varint(pos, end)?;
                Ok((1, matches!(kind, K::Varints)))
            }
            (K::Fixed32 | K::Fixed32s, 5) => {
                self.take(pos, end, 4)?;
                Ok((1, matches!(kind, K::Fixed32s)))
            }
            (K::Fixed64s, 1) => {
                self.take(pos, end, 8)?;
                Ok((1, true))
            }
            (K::Varints | K::Fixed32s | K::Fixed64s, 2) => {
                let body = self.block(pos, end)?;
                let n = match kind {
                    K::Varints => body.iter().filter(|&&b| b < 0x80).count(),
                    K::Fixed32s if body.len().is_multiple_of(4) => body.len() / 4,
                    K::Fixed64s if body.len().is_multiple_of(8) => body.len() / 8,
                    _ => return Err(truncated(start, "a packed array is not a whole number of elements")),
                };
                Ok((n as u64, true))
            }
            (K::Name | K::Names, 2) => {
                let name = self.block(pos, end)?;
                if name.iter().any(|&b| MARKS.contains(&char::from(b))) {
                    return Err(truncated(start, "control characters in a name"));
                }
                let n = name.len() as u64;
                Limits::check("bytes of a name", n, self.limits.name_bytes as u64, "name_bytes")?;
                let many = matches!(kind, K::Names);
                if many {
                    self.count_entry()?;
                }
                Ok((1, many))
            }
            (K::Blob, 2) => self.block(pos, end).map(|_| (1, false)),
            (K::Blobs, 2) => {
                self.block(pos, end)?;
                self.count_entry()?;
                Ok((1, true))
            }
            (K::One(m) | K::Many(m), 2) => {
                let n = self.block(pos, end)?.len();
                self.message(m, *pos - n, *pos, depth + 1)?;
                Ok((1, matches!(kind, K::Many(_))))
            }
            _ => Err(truncated(start, &format!("wire type {wire} does not fit the field"))),
        }
    }

    fn count_entry(&mut self) -> Result<()> {
        self.entries += 1;
        Limits::check("messages and strings", self.entries as u64, self.limits.entries as u64, "entries")
    }

    fn take(&self, pos: &mut usize, end: usize, n: u64) -> Result<&[u8]> {
        let start = *pos;
        if n > (end - start) as u64 {
            return Err(truncated(start, &format!("{n} bytes expected, {} left", end - start)));
        }
        *pos += n as usize;
        Ok(&self.data[start..*pos])
    }

    fn block(&self, pos: &mut usize, end: usize) -> Result<&[u8]> {
        let n = self.varint(pos, end)?;
        self.take(pos, end, n)
    }

    fn varint(&self, pos: &mut usize, end: usize) -> Result<u64> {
        let start = *pos;
        let mut v = 0u64;
        for shift in (0..70).step_by(7) {
            let b = self.take(pos, end, 1)?[0];
            if shift == 63 && b > 1 {
                break;
            }
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        Err(truncated(start, "a number of more than 64 bits"))
    }
}
