//! Rows of a table by computed indices.

use crate::def::{Ctx, OpDef, shape_error};
use mcompc_ir::{Code, DType, Error, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Gather",
    doc: "Rows of `table` ([rows, ..]), one for each index of `index` (i32 of any shape): the result has the index's dimensions, then a row's. A \
          negative index counts from the end; one outside -rows ..= rows - 1, which ONNX leaves undefined, is the nearest of these.",
    inputs: &["table", "index"],
    attrs: &[],
    infer: |c| {
        let (table, index) = (c.ins[0], c.ins[1]);
        if index.dtype != DType::I32 || index.quant.is_some() {
            let what = format!("`{}` is no i32 index", index.name);
            return Err(Error::new(Code::UnsupportedType, what));
        }
        if table.quant.as_ref().is_some_and(|q| !q.is_plain()) {
            return Err(Error::new(Code::UnsupportedType, format!("`{}` has no single scale and zero point", table.name)));
        }
        rows(c)?;
        c.out(table.dtype, [&index.shape[..], &table.shape[1..]].concat(), table.quant.clone())
    },
    eval: |c, t| {
        let (rows, row) = (rows(c)?, t[0].bytes().len() / t[0].shape[0]);
        let bytes: Vec<u8> = t[1].to_i64_vec()?.into_iter().flat_map(|i| t[0].bytes()[row_of(i, rows) * row..][..row].to_vec()).collect();
        Ok(vec![Tensor::new(t[0].dtype, [&t[1].shape[..], &t[0].shape[1..]].concat(), bytes.into())?])
    },
};

fn rows(c: &Ctx<'_>) -> Result<usize> {
    match c.ins[0].shape.first() {
        Some(&n) if n > 0 && i32::try_from(n).is_ok() => Ok(n),
        _ => shape_error(format!("`{}` of shape {:?} is no table of rows", c.ins[0].name, c.ins[0].shape)),
    }
}

/// The row that an index of a table of so many rows means; the one definition of negative indices and of those outside.
pub fn row_of(index: i64, rows: usize) -> usize {
    let n = rows as i64;
    let from_start = if index < 0 { index.saturating_add(n) } else { index };
    from_start.clamp(0, (n - 1).max(0)) as usize
}

#[cfg(test)]
mod tests {
    use super::row_of;

    #[test]
    fn indices_stay_inside() {
        let have: Vec<usize> = [0, 4, 5, -1, -5, -6, i64::MIN, i64::MAX].iter().map(|&i| row_of(i, 5)).collect();
        assert_eq!(have, [0, 4, 4, 4, 0, 0, 0, 4]);
    }
}
