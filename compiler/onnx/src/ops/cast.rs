//! Changes of type of what is computed.

use crate::fold::cast;
use crate::kinds::{is_float, wrapped};
use crate::node::Ctx;
use crate::tensor::dtype_of;
use mcompc_ir::{Attrs, DType, Result, ValueId};

/// Cast 6, 9, 13, 19, 21, 23 to 25. All floats have 32 bits here.
pub(super) fn cast_to(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let to = c.attrs.int("to")?.unwrap_or(0);
    let to = dtype_of(i32::try_from(to).unwrap_or(0))?;
    cast::options(&c.attrs, c.opset)?;
    convert(c, to)
}

/// CastLike 15, 19, 21, 23 to 25, likewise.
pub(super) fn cast_like(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    cast::options(&c.attrs, c.opset)?;
    let to = c.input_name(1).and_then(|n| c.b.kind(n)).unwrap_or(DType::F32);
    convert(c, to)
}

fn convert(c: &mut Ctx<'_, '_, '_>, to: DType) -> Result<()> {
    if super::lookup::cast(c, to)? {
        return Ok(());
    }
    let (x, from) = c.number(0)?;
    let y = typed(c, x, from, to)?;
    c.result(y);
    if !is_float(to) {
        c.kind = Some(to);
    }
    Ok(())
}

/// `x` of type `from` as one of type `to`: towards zero, a truth is anything but 0.
pub(super) fn typed(c: &mut Ctx<'_, '_, '_>, x: ValueId, from: DType, to: DType) -> Result<ValueId> {
    match to {
        _ if is_float(to) || from == to || from == DType::Bool => Ok(x),
        DType::Bool => {
            let sign = c.part("Sign", Attrs::new(), &[x])?;
            c.part("Abs", Attrs::new(), &[sign])
        }
        _ => {
            let whole = if is_float(from) { c.part("Trunc", Attrs::new(), &[x])? } else { x };
            if is_float(from) { Ok(whole) } else { wrapped(c, whole, to) }
        }
    }
}
