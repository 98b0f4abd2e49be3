//! Constant tensors: little-endian bytes, shared and never copied where alignment allows.

use crate::{Code, DType, Error, Result};
use bytes::Bytes;
use std::borrow::Cow;

/// A constant: dense, row-major, little-endian.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    bytes: Bytes,
}

macro_rules! typed {
    ($as_fn:ident, $from_fn:ident, $t:ty, $d:ident) => {
        #[doc = concat!("Elements as `", stringify!($t), "`; an error for another type. Copies only when the bytes are misaligned.")]
        pub fn $as_fn(&self) -> Result<Cow<'_, [$t]>> {
            if self.dtype != DType::$d {
                return Err(Error::new(Code::UnsupportedType, format!("expected {} data, found {}", DType::$d, self.dtype))
                    .hint("the operator asks for another type; export the model again"));
            }
            Ok(match bytemuck::try_cast_slice::<u8, $t>(&self.bytes) {
                Ok(s) => Cow::Borrowed(s),
                Err(_) => Cow::Owned(bytemuck::allocation::pod_collect_to_vec(&self.bytes)),
            })
        }
        #[doc = concat!("A tensor of `", stringify!($t), "`; `data` must have the shape's number of elements.")]
        pub fn $from_fn(shape: impl Into<Vec<usize>>, data: &[$t]) -> Result<Self> {
            Self::new(DType::$d, shape, Bytes::copy_from_slice(bytemuck::cast_slice(data)))
        }
    };
}

impl Tensor {
    /// From raw little-endian bytes; an error unless their number is elements times size.
    pub fn new(dtype: DType, shape: impl Into<Vec<usize>>, bytes: Bytes) -> Result<Self> {
        let shape = shape.into();
        let need = shape.iter().try_fold(dtype.size(), |a, &d| a.checked_mul(d));
        if need != Some(bytes.len()) {
            return Err(Error::new(Code::BadTensor, format!("{} bytes of data for {dtype}{shape:?}", bytes.len())));
        }
        Ok(Self { dtype, shape, bytes })
    }
    typed!(as_f32, from_f32, f32, F32);
    typed!(as_f64, from_f64, f64, F64);
    typed!(as_i8, from_i8, i8, I8);
    typed!(as_u8, from_u8, u8, U8);
    typed!(as_i16, from_i16, i16, I16);
    typed!(as_u16, from_u16, u16, U16);
    typed!(as_i32, from_i32, i32, I32);
    typed!(as_i64, from_i64, i64, I64);

    /// A tensor of integers of any type, of which `data` are values; `data` must have the shape's number of elements.
    pub fn from_ints<T: Copy + Into<i64>>(dtype: DType, shape: impl Into<Vec<usize>>, data: &[T]) -> Result<Self> {
        let size = dtype.size();
        let bytes: Vec<u8> = data.iter().flat_map(|&v| v.into().to_le_bytes().into_iter().take(size)).collect();
        Self::new(dtype, shape, bytes.into())
    }
    /// The raw little-endian bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// Number of elements.
    pub fn elems(&self) -> usize {
        self.shape.iter().product()
    }
    /// Any integer type (and bool) widened to i64; an error for floats.
    pub fn to_i64_vec(&self) -> Result<Vec<i64>> {
        Ok(match self.dtype {
            DType::I8 => self.as_i8()?.iter().map(|&v| v.into()).collect(),
            DType::U8 => self.as_u8()?.iter().map(|&v| v.into()).collect(),
            DType::I16 => self.as_i16()?.iter().map(|&v| v.into()).collect(),
            DType::U16 => self.as_u16()?.iter().map(|&v| v.into()).collect(),
            DType::I32 => self.as_i32()?.iter().map(|&v| v.into()).collect(),
            DType::I64 => self.as_i64()?.to_vec(),
            DType::Bool => self.bytes.iter().map(|&v| i64::from(v != 0)).collect(),
            d => {
                return Err(Error::new(Code::UnsupportedType, format!("expected integers, found {d}"))
                    .general_hint("export the model again: this tensor must hold integers"));
            }
        })
    }
    /// Any integer type that fits i32, widened; an error for floats and for i64 values out of range.
    pub fn to_i32_vec(&self) -> Result<Vec<i32>> {
        self.to_i64_vec()?
            .into_iter()
            .map(|v| i32::try_from(v).map_err(|_| Error::new(Code::BadTensor, format!("{v} does not fit 32 bits"))))
            .collect()
    }
    /// The same bytes under another shape with as many elements.
    pub fn reshaped(&self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        Self::new(self.dtype, shape, self.bytes.clone())
    }
    /// Transposed copy: output dimension `i` is input dimension `perm[i]`. An error unless `perm` is a permutation.
    pub fn transposed(&self, perm: &[usize]) -> Result<Self> {
        let r = self.shape.len();
        let mut seen = vec![false; r];
        if perm.len() != r || !perm.iter().all(|&p| p < r && !std::mem::replace(&mut seen[p], true)) {
            return Err(Error::new(Code::BadShape, format!("{perm:?} does not permute {r} dimensions")));
        }
        let mut strides = vec![1usize; r];
        for i in (0..r.saturating_sub(1)).rev() {
            strides[i] = strides[i + 1] * self.shape[i + 1];
        }
        let shape: Vec<usize> = perm.iter().map(|&p| self.shape[p]).collect();
        let es = self.dtype.size();
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut idx = vec![0usize; r];
        for _ in 0..self.elems() {
            let off: usize = (0..r).map(|i| idx[i] * strides[perm[i]]).sum::<usize>() * es;
            out.extend_from_slice(&self.bytes[off..off + es]);
            for i in (0..r).rev() {
                idx[i] += 1;
                if idx[i] < shape[i] {
                    break;
                }
                idx[i] = 0;
            }
        }
        Self::new(self.dtype, shape, out.into())
    }
}
