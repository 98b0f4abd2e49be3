//! A constant as numbers to compute with.

use crate::limits::Limits;
use mcompc_ir::{Code, DType, Error, Result, Tensor};
use mcompc_ops::{broadcast, offsets};

/// Elements: integers and booleans, or floats of both widths.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Int(Vec<i64>),
    Real(Vec<f64>),
}

/// A constant.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) data: Data,
}

impl Numbers {
    pub(super) fn of(t: &Tensor) -> Result<Self> {
        let data = match t.dtype {
            DType::F32 => Data::Real(t.as_f32()?.iter().map(|&v| v.into()).collect()),
            DType::F64 => Data::Real(t.as_f64()?.into_owned()),
            _ => Data::Int(t.to_i64_vec()?),
        };
        Ok(Self { dtype: t.dtype, shape: t.shape.clone(), data })
    }
    pub(super) fn ints(dtype: DType, shape: Vec<usize>, data: Vec<i64>) -> Self {
        Self { dtype, shape, data: Data::Int(data) }
    }
    /// The tensor: integers wrap to their type, reals are rounded to it.
    pub(super) fn tensor(self) -> Result<Tensor> {
        let Self { dtype, shape, data } = self;
        let bytes: Vec<u8> = match (data, dtype) {
            (Data::Real(v), DType::F32) => v.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
            (Data::Real(v), DType::F64) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            (Data::Real(_), d) => return Err(Error::new(Code::Internal, format!("reals of type {d}"))),
            (Data::Int(v), DType::Bool) => v.iter().map(|&x| u8::from(x != 0)).collect(),
            (Data::Int(v), d) => v.iter().flat_map(|x| x.to_le_bytes().into_iter().take(d.size())).collect(),
        };
        Tensor::new(dtype, shape, bytes.into())
    }
    /// The elements as reals, whatever they are.
    pub(super) fn reals(&self) -> Vec<f64> {
        match &self.data {
            Data::Int(v) => v.iter().map(|&x| x as f64).collect(),
            Data::Real(v) => v.clone(),
        }
    }
    /// The integers.
    pub(super) fn integers(&self) -> Result<&[i64]> {
        match &self.data {
            Data::Int(v) => Ok(v),
            Data::Real(_) => Err(Error::new(Code::UnsupportedType, format!("{} where integers are due", self.dtype))
                .hint("the ONNX standard asks for integers here; export the model again")),
        }
    }
}

/// Elements of a result that is evaluated while compiling: sizes, indices, masks. Several copies of 8 bytes an element are made.
const FOLDED: usize = 1 << 24;

/// The number of elements of a result, within the limits.
pub(super) fn few(limits: &Limits, shape: &[usize]) -> Result<usize> {
    let n = limits.elements_of(shape)?;
    if n <= FOLDED {
        return Ok(n);
    }
    Err(Error::new(Code::Limit, format!("{n} elements to be evaluated while compiling, {FOLDED} are the most"))
        .hint("store the result in the model as an initializer"))
}

/// The shape to which two broadcast, within the limits.
pub(super) fn common(limits: &Limits, a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let to = broadcast(a, b).map_err(|e| misfit(e.message))?;
    few(limits, &to)?;
    Ok(to)
}

/// `v` repeated to shape `to`.
pub(super) fn spread<T: Copy>(v: &[T], from: &[usize], to: &[usize]) -> Vec<T> {
    offsets(from, to).into_iter().map(|i| v[i]).collect()
}

/// Two operands of one type under their common shape.
pub(super) fn pair(limits: &Limits, a: &Numbers, b: &Numbers) -> Result<(Vec<usize>, Numbers, Numbers)> {
    if a.dtype != b.dtype {
        return Err(Error::new(Code::UnsupportedType, format!("operands of types {} and {}", a.dtype, b.dtype))
            .hint("the ONNX standard asks for one type; export the model again"));
    }
    let to = common(limits, &a.shape, &b.shape)?;
    let at = |n: &Numbers| {
        let data = match &n.data {
            Data::Int(v) => Data::Int(spread(v, &n.shape, &to)),
            Data::Real(v) => Data::Real(spread(v, &n.shape, &to)),
        };
        Numbers { dtype: n.dtype, shape: to.clone(), data }
    };
    Ok((to.clone(), at(a), at(b)))
}

pub(super) fn misfit(what: String) -> Error {
    Error::new(Code::BadShape, what).hint("the shapes do not fit; was the model made for another input size?")
}
