//! `TensorProto` to constants: type, dimensions and data must agree exactly.

use crate::dtype::dtype_of;
use crate::limits::Limits;
use crate::proto::{TensorProto, data_type};
use crate::source::SideFiles;
use bytes::Bytes;
use mcompc_ir::{Code, DType, Error, Result, Tensor};

/// What reading a constant needs: the limits, the files beside the model, and how many bytes were materialised so far.
pub(crate) struct TensorReader<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) side: SideFiles<'a>,
    pub(crate) folded: u64,
}

fn bad(message: String) -> Error {
    Error::new(Code::BadTensor, message).hint("the file is damaged or its exporter is at fault; onnx.checker tells more")
}

impl TensorReader<'_> {
    /// Counts bytes that the importer itself allocates for constants; `E003` past the limit.
    pub(crate) fn materialise(&mut self, bytes: u64) -> Result<()> {
        self.folded = self.folded.saturating_add(bytes);
        Limits::check("bytes of converted or folded constants", self.folded, self.limits.folded_bytes, "folded_bytes")
    }

    /// The constant that `t` describes. Raw data (inside or beside the file) are shared, typed fields are converted.
    ///
    /// `E102` when data, type and dimensions disagree, `E103` for external data, `E204` for the type, `E003` for a limit.
    pub(crate) fn read(&mut self, t: &TensorProto) -> Result<Tensor> {
        let name = t.name.as_deref().unwrap_or("");
        self.read_unnamed(t).map_err(|e| if name.is_empty() { e } else { e.at(name) })
    }

    fn read_unnamed(&mut self, t: &TensorProto) -> Result<Tensor> {
        let kind = t.data_type.unwrap_or(0);
        if let Some(f) = crate::foreign::of(kind) {
            return self.read_foreign(t, f);
        }
        let dtype = dtype_of(kind)?;
        // Floats of 16 bits are read as integers, and then converted.
        let half = matches!(kind, data_type::FLOAT16 | data_type::BFLOAT16);
        let dtype = if half { DType::U16 } else { dtype };
        if t.segment.is_some() {
            return Err(bad("segmented tensors are not supported".into()));
        }
        let shape = shape_of(&t.dims)?;
        let elements = self.limits.elements_of(&shape)?;
        let need = elements.saturating_mul(dtype.size());
        let typed = t.float_data.len() + t.int32_data.len() + t.int64_data.len() + t.double_data.len() + t.uint64_data.len();
        let typed = typed + t.string_data.len();
        let external = match t.data_location {
            None | Some(0) => false,
            Some(1) => true,
            Some(v) => return Err(bad(format!("data_location {v} is not known"))),
        };
        if usize::from(external) + usize::from(t.raw_data.is_some()) + usize::from(typed > 0) > 1 {
            return Err(bad("data are given in more than one way (raw, typed, external)".into()));
        }
        if !external && !t.external_data.is_empty() {
            return Err(bad("external data are named, but data_location is not EXTERNAL".into()));
        }
        let bytes = if external {
            self.side.slice(t, need)?
        } else if let Some(raw) = &t.raw_data {
            if raw.len() != need {
                return Err(bad(format!("{} bytes of raw data, but {dtype}{shape:?} needs {need}", raw.len())));
            }
            raw.clone()
        } else {
            self.materialise(need as u64)?;
            typed_bytes(t, dtype, elements, typed)?
        };
        if dtype == DType::Bool && bytes.iter().any(|&b| b > 1) {
            return Err(bad("a boolean is neither 0 nor 1".into()));
        }
        let read = Tensor::new(dtype, shape, bytes)?;
        if !half {
            return Ok(read);
        }
        self.materialise(4 * elements as u64)?;
        let to = if kind == data_type::FLOAT16 { half_float } else { |v| f32::from_bits(u32::from(v) << 16) };
        let v: Vec<f32> = read.as_u16()?.iter().map(|&v| to(v)).collect();
        Tensor::from_f32(read.shape.clone(), &v)
    }
}

impl TensorReader<'_> {
    /// As [`TensorReader::read`], of a type that another holds: raw data, or what the standard has typed fields for.
    fn read_foreign(&mut self, t: &TensorProto, f: crate::foreign::Foreign) -> Result<Tensor> {
        let shape = shape_of(&t.dims)?;
        let elements = self.limits.elements_of(&shape)?;
        let need = f.bytes(elements);
        self.materialise((8 * elements) as u64)?;
        let raw: Bytes = match (t.data_location, &t.raw_data) {
            (Some(1), None) => self.side.slice(t, need)?,
            (None | Some(0), Some(raw)) => raw.clone(),
            (None | Some(0), None) if t.uint64_data.len() == elements && need == 8 * elements => {
                t.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into()
            }
            (None | Some(0), None) if t.uint64_data.len() == elements && need == 4 * elements => {
                t.uint64_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(4)).collect::<Vec<u8>>().into()
            }
            // One value an element, or the bytes of those that are packed.
            (None | Some(0), None) if t.int32_data.len() == need => {
                t.int32_data.iter().map(|v| v.to_le_bytes()[0]).collect::<Vec<u8>>().into()
            }
            _ => return Err(bad("data are given in more than one way, or none that belongs to the type".into())),
        };
        if raw.len() != need {
            return Err(bad(format!("{} bytes of data, {shape:?} of this type needs {need}", raw.len())));
        }
        f.tensor(shape, &raw)
    }
}

/// The value of an IEEE 754 float of 16 bits.
fn half_float(v: u16) -> f32 {
    let (sign, exponent, fraction) = (v >> 15, i32::from(v >> 10 & 0x1f), f32::from(v & 0x3ff));
    let size = match exponent {
        0 => libm::ldexpf(fraction, -24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        e => libm::ldexpf(fraction + 1024.0, e - 25),
    };
    if sign == 1 { -size } else { size }
}

/// Dimensions as sizes; `E102` for a negative one.
pub(crate) fn shape_of(dims: &[i64]) -> Result<Vec<usize>> {
    dims.iter().map(|&d| usize::try_from(d).map_err(|_| bad(format!("dimension {d} in {dims:?}")))).collect()
}

fn typed_bytes(t: &TensorProto, dtype: DType, elements: usize, typed: usize) -> Result<Bytes> {
    let narrow = |fits: fn(i32) -> bool, size: usize| -> Result<(Vec<u8>, usize)> {
        if let Some(v) = t.int32_data.iter().find(|&&v| !fits(v)) {
            return Err(bad(format!("value {v} does not fit {dtype}")));
        }
        Ok((t.int32_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(size)).collect(), t.int32_data.len()))
    };
    let (bytes, count) = match dtype {
        DType::F32 => (t.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(), t.float_data.len()),
        DType::F64 => (t.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(), t.double_data.len()),
        DType::I64 => (t.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(), t.int64_data.len()),
        DType::I32 => narrow(|_| true, 4)?,
        DType::I16 => narrow(|v| i16::try_from(v).is_ok(), 2)?,
        DType::U16 => narrow(|v| u16::try_from(v).is_ok(), 2)?,
        DType::I8 => narrow(|v| i8::try_from(v).is_ok(), 1)?,
        DType::U8 => narrow(|v| u8::try_from(v).is_ok(), 1)?,
        DType::Bool => narrow(|v| v == 0 || v == 1, 1)?,
    };
    if count != typed {
        return Err(bad(format!("data stand in a field that does not belong to {dtype}")));
    }
    if count != elements {
        return Err(bad(format!("{count} elements of data, the dimensions {:?} need {elements}", t.dims)));
    }
    Ok(bytes.into())
}

/// `E105` naming the first NaN or infinite element of a float constant.
pub(crate) fn check_finite(t: &Tensor) -> Result<()> {
    let b = t.bytes();
    let at = match t.dtype {
        DType::F32 => b.chunks_exact(4).position(|c| c[3] & 0x7f == 0x7f && c[2] & 0x80 != 0),
        DType::F64 => b.chunks_exact(8).position(|c| c[7] & 0x7f == 0x7f && c[6] & 0xf0 == 0xf0),
        _ => None,
    };
    match at {
        None => Ok(()),
        Some(i) => Err(Error::new(Code::NotFinite, format!("element {i} of {}{:?} is NaN or infinite", t.dtype, t.shape))
            .hint("the training diverged or the file is damaged; no integer stands for this value")),
    }
}

#[cfg(test)]
mod tests {
    use super::half_float;

    #[test]
    fn half_floats() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, libm::ldexpf(1.0, -24)),
            (0x03ff, libm::ldexpf(1023.0, -24)),
            (0x0400, libm::ldexpf(1.0, -14)),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xc000, -2.0),
        ] {
            assert_eq!(half_float(bits), value, "{bits:x}");
        }
        assert!(half_float(0x7e00).is_nan());
    }
}
