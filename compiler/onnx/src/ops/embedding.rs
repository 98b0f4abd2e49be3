//! Gather by computed indices: rows of a table, as embeddings are.

use super::shape::misfit;
use crate::attrs::unsupported;
use crate::node::{Bound, Ctx};
use mcompc_ir::{Attrs, Code, DType, Error, Result, Tensor};

/// Gather 1, 11, 13 of a constant table by an integer input.
pub(super) fn gather(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    if let (Ok(Some(table)), Ok(Some(index))) = (c.constant(0), c.constant(1)) {
        return known(c, &table, &index);
    }
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
    c.emit("Gather", Attrs::new(), &[table, index])
}

/// Rows that are known while compiling.
fn known(c: &mut Ctx<'_, '_, '_>, table: &Tensor, index: &Tensor) -> Result<()> {
    let axis = c.axis(c.attrs.int_or("axis", 0)?, table.shape.len(), false)?;
    let n = table.shape[axis] as i64;
    let row = table.shape[axis + 1..].iter().product::<usize>() * table.dtype.size();
    if !matches!(index.dtype, DType::I32 | DType::I64) {
        return Err(Error::new(Code::UnsupportedType, format!("indices of type {}", index.dtype)).hint("the standard has int32 and int64"));
    }
    let at = index.to_i64_vec()?;
    if let Some(i) = at.iter().find(|i| !(-n..n).contains(i)) {
        return Err(misfit(format!("index {i} of a Gather of {n} rows")));
    }
    let shape = [&table.shape[..axis], &index.shape, &table.shape[axis + 1..]].concat();
    c.b.limits().elements_of(&shape)?;
    let mut bytes = Vec::new();
    for block in table.bytes().chunks_exact((row * table.shape[axis]).max(1)) {
        at.iter().for_each(|&i| bytes.extend_from_slice(&block[i.rem_euclid(n) as usize * row..][..row]));
    }
    c.b.reader.materialise(bytes.len() as u64)?;
    let t = Tensor::new(table.dtype, shape, bytes.into())?;
    c.bind(Bound::Const(t));
    Ok(())
}
