//! Gather by computed indices: rows of a table, as embeddings are.

use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, DType, Error, Result};

/// Gather 1, 11, 13 of a constant table by an integer input.
pub(super) fn gather(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let mut table = c.input(0)?;
    let rank = c.shape(table).len();
    let axis = c.axis(c.attrs.int_or("axis", 0)?, rank, false)?;
    let name = c.input_name(1).unwrap_or_default();
    let index = c.b.value_of(name)?;
    if c.b.graph.const_of(table).is_none() || c.b.graph.value(index).dtype != DType::I32 || c.b.graph.const_of(index).is_some() {
        return Err(Error::new(Code::UnsupportedOp, "only rows of a constant table by an integer input are gathered")
            .hint("store the table in the model and give the indices as an int64 or int32 input"));
    }
    let (from, shape) = (super::lookup::origin(c, index), c.shape(index));
    // What is chosen along another axis are rows of the table with that axis first, and it goes back to its place behind.
    let mut perm: Vec<usize> = (0..rank).filter(|&d| d != axis).collect();
    perm.insert(0, axis);
    table = c.transposed(table, &perm)?;
    let to = [&shape[..], &c.shape(table)[1..]].concat();
    if from == index && axis == 0 {
        return c.emit("Gather", Attrs::new(), &[table, index]);
    }
    let rows = c.plain("Gather", &[table, from])?;
    let n = shape.len();
    let back: Vec<usize> = (n..n + axis).chain(0..n).chain(n + axis..to.len()).collect();
    let rows = c.reshaped(rows, &to)?;
    let y = c.transposed(rows, &back)?;
    c.result(y);
    Ok(())
}
