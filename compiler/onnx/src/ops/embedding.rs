//! Gather by computed indices: rows of a table, as embeddings are.

use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, DType, Error, Result};

/// Gather 1, 11, 13 of a constant table by an integer input.
pub(super) fn gather(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let table = c.input(0)?;
    let rank = c.shape(table).len();
    let axis = c.axis(c.attrs.int_or("axis", 0)?, rank, false)?;
    if axis != 0 {
        return Err(unsupported("axis", axis).hint("computed indices take rows of a table: transpose it so that its rows are axis 0"));
    }
    let name = c.input_name(1).unwrap_or_default();
    let index = c.b.value_of(name)?;
    if c.b.graph.const_of(table).is_none() || c.b.graph.value(index).dtype != DType::I32 || c.b.graph.const_of(index).is_some() {
        return Err(Error::new(Code::UnsupportedOp, "only rows of a constant table by an integer input are gathered")
            .hint("store the table in the model and give the indices as an int64 or int32 input"));
    }
    let (from, to) = (super::lookup::origin(c, index), [&c.shape(index)[..], &c.shape(table)[1..]].concat());
    if from == index {
        return c.emit("Gather", Attrs::new(), &[table, index]);
    }
    let rows = c.plain("Gather", &[table, from])?;
    c.emit("Reshape", Attrs::new().with("shape", &to[..]), &[rows])
}
