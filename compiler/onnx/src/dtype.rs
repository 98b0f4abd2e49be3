//! Element types of the format.

use crate::proto::data_type;
use mcompc_ir::{Code, DType, Error, Result};

/// The element type for a `TensorProto.DataType`; `E204` for those that the compiler does not take. Floats of 16 bits have 32 here.
pub(crate) fn dtype_of(t: i32) -> Result<DType> {
    Ok(match t {
        data_type::FLOAT | data_type::FLOAT16 | data_type::BFLOAT16 => DType::F32,
        data_type::DOUBLE => DType::F64,
        data_type::INT8 => DType::I8,
        data_type::UINT8 => DType::U8,
        data_type::INT16 => DType::I16,
        data_type::UINT16 => DType::U16,
        data_type::INT32 => DType::I32,
        data_type::INT64 => DType::I64,
        data_type::BOOL => DType::Bool,
        _ => {
            let hint = "supported are floats of 16, 32 and 64 bits, INT8, UINT8, INT16, UINT16, INT32, INT64 and BOOL; convert the model";
            return Err(Error::new(Code::UnsupportedType, format!("tensors of {} are not supported", data_type::name(t))).hint(hint));
        }
    })
}

pub(crate) fn is_float(d: DType) -> bool {
    matches!(d, DType::F32 | DType::F64)
}
