//! Changes of type of what is computed.

use crate::dtype::is_float;
use crate::fold::cast;
use crate::foreign::{self, Foreign};
use crate::kinds::{turned, wrapped};
use crate::node::Ctx;
use crate::proto::data_type;
use mcompc_ir::{Code, DType, Error, Result, ValueId};

/// Cast 6, 9, 13, 19, 21, 23 to 25. Floats of 16 and more bits have 32 here.
pub(super) fn cast_to(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let to = c.attrs.int("to")?.unwrap_or(0);
    cast::options(&c.attrs, c.opset)?;
    convert(c, i32::try_from(to).unwrap_or(0))
}

/// CastLike 15, 19, 21, 23 to 25, likewise.
pub(super) fn cast_like(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    cast::options(&c.attrs, c.opset)?;
    let code = like(c);
    convert(c, code)
}

/// The standard's code of the type of input 1.
fn like(c: &Ctx<'_, '_, '_>) -> i32 {
    let name = c.input_name(1).unwrap_or_default();
    let all = [
        (DType::F64, data_type::DOUBLE),
        (DType::I8, data_type::INT8),
        (DType::U8, data_type::UINT8),
        (DType::I16, data_type::INT16),
        (DType::U16, data_type::UINT16),
        (DType::I32, data_type::INT32),
        (DType::I64, data_type::INT64),
        (DType::Bool, data_type::BOOL),
    ];
    let kind = c.b.kind(name);
    let own = all.iter().find(|(d, _)| Some(*d) == kind).map_or(data_type::FLOAT, |(_, code)| *code);
    c.b.foreign.get(name).copied().unwrap_or(own)
}

/// Whether a Cast or CastLike is to a type that another one holds.
pub(crate) fn is_foreign(c: &Ctx<'_, '_, '_>) -> bool {
    let code = match c.op {
        "Cast" => c.attrs.int("to").ok().flatten().and_then(|to| i32::try_from(to).ok()).unwrap_or(0),
        "CastLike" => like(c),
        _ => return false,
    };
    foreign::of(code).is_some()
}

fn convert(c: &mut Ctx<'_, '_, '_>, code: i32) -> Result<()> {
    let (to, foreign) = (foreign::held(code)?, foreign::of(code));
    if foreign.is_none() && super::lookup::cast(c, to)? {
        return Ok(());
    }
    let (x, from) = c.number(0)?;
    let y = match foreign {
        Some(Foreign::Float(f)) => {
            let saturate = c.opset < 19 || c.attrs.flag("saturate", true)?;
            c.part("Narrow", f.rounding(saturate), &[x])?
        }
        Some(Foreign::Power) => {
            return Err(Error::new(Code::UnsupportedType, "Cast to FLOAT8E8M0 is not supported").hint("convert the model to float32"));
        }
        Some(Foreign::Few { bits, signed }) => {
            let whole = if is_float(from) { c.plain("Trunc", &[x])? } else { x };
            turned(c, whole, 1 << bits, signed)?
        }
        Some(Foreign::Wide(_)) | None => typed(c, x, from, to)?,
    };
    c.result(y);
    if !is_float(to) {
        c.kind = Some(to);
    }
    if foreign.is_some() {
        let out = c.out_name().to_string();
        c.b.foreign.insert(out, code);
    }
    Ok(())
}

/// `x` of type `from` as one of type `to`: towards zero, a truth is anything but 0.
pub(super) fn typed(c: &mut Ctx<'_, '_, '_>, x: ValueId, from: DType, to: DType) -> Result<ValueId> {
    match to {
        _ if is_float(to) || from == to || from == DType::Bool => Ok(x),
        DType::Bool => {
            let sign = c.plain("Sign", &[x])?;
            c.plain("Abs", &[sign])
        }
        _ => {
            let whole = if is_float(from) { c.plain("Trunc", &[x])? } else { x };
            if is_float(from) { Ok(whole) } else { wrapped(c, whole, to) }
        }
    }
}
