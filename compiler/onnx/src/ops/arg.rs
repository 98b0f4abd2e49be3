//! Places of extremes: ArgMax, ArgMin.

use crate::node::Ctx;
use mcompc_ir::{Attrs, DType, Result, ValueId};

/// Index of the largest element along `axis`, or of the smallest; the dimension goes. Of equal ones the first, or the last.
pub(super) fn of(c: &mut Ctx<'_, '_, '_>, x: ValueId, axis: usize, largest: bool, last: bool) -> Result<ValueId> {
    let attrs = Attrs::new().with("axis", axis).with("largest", i64::from(largest)).with("last", i64::from(last));
    c.part("ArgMax", attrs, &[x])
}

/// ArgMax, ArgMin 1, 11, 12 (select_last_index), 13.
pub(super) fn place(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, _) = c.number(0)?;
    let mut shape = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", 0)?, shape.len(), false)?;
    let keep = c.attrs.flag("keepdims", true)?;
    let last = c.opset >= 12 && c.attrs.flag("select_last_index", false)?;
    let y = of(c, x, axis, c.op == "ArgMax", last)?;
    c.kind = Some(DType::I64);
    if keep {
        shape[axis] = 1;
        return c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[y]);
    }
    c.result(y);
    Ok(())
}
