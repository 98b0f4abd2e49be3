//! Element types that the compiler has none of its own for: each of their values is one of a wider type, in which tensors are held.
//!
//! Unsigned integers of 32 and 64 bits are held in 64 signed ones, integers of 2 and 4 bits in 8, floats of 4 and 8 bits in 32. Which they are is
//! remembered by name ([`crate::node::Builder`]), for what changes to such a type.

use crate::dtype::dtype_of;
use crate::proto::data_type;
use mcompc_ir::{Attrs, Code, DType, Error, Result, Tensor};

/// What such a type is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Foreign {
    /// Unsigned integers of so many bits, 32 or 64.
    Wide(u32),
    /// Integers of 2 or 4 bits.
    Few { bits: u32, signed: bool },
    /// Floats of 4 or 8 bits.
    Float(Small),
    /// Powers of two.
    Power,
}

/// A float of a sign, an exponent and a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Small {
    exponent: u32,
    fraction: u32,
    bias: i32,
    most: f64,
    /// Whether it has infinities; whether minus zero is what is not a number.
    infinite: bool,
    unsigned_zero: bool,
}

const fn small(exponent: u32, fraction: u32, bias: i32, most: f64, infinite: bool, unsigned_zero: bool) -> Foreign {
    Foreign::Float(Small { exponent, fraction, bias, most, infinite, unsigned_zero })
}

/// The type behind a code of the standard, if it is such a one.
pub(crate) fn of(code: i32) -> Option<Foreign> {
    Some(match data_type::name(code).as_str() {
        "UINT32" => Foreign::Wide(32),
        "UINT64" => Foreign::Wide(64),
        "FLOAT8E4M3FN" => small(4, 3, 7, 448.0, false, false),
        "FLOAT8E4M3FNUZ" => small(4, 3, 8, 240.0, false, true),
        "FLOAT8E5M2" => small(5, 2, 15, 57344.0, true, false),
        "FLOAT8E5M2FNUZ" => small(5, 2, 16, 57344.0, false, true),
        "FLOAT4E2M1" => small(2, 1, 1, 6.0, false, false),
        "FLOAT8E8M0" => Foreign::Power,
        "UINT4" => Foreign::Few { bits: 4, signed: false },
        "INT4" => Foreign::Few { bits: 4, signed: true },
        "UINT2" => Foreign::Few { bits: 2, signed: false },
        "INT2" => Foreign::Few { bits: 2, signed: true },
        _ => return None,
    })
}

/// The type in which tensors of a code are held; `E204` for those that are not taken.
pub(crate) fn held(code: i32) -> Result<DType> {
    match of(code) {
        Some(Foreign::Wide(_)) => Ok(DType::I64),
        Some(Foreign::Few { signed, .. }) => Ok(if signed { DType::I8 } else { DType::U8 }),
        Some(Foreign::Float(_) | Foreign::Power) => Ok(DType::F32),
        None => dtype_of(code),
    }
}

impl Foreign {
    /// Bits of an element in a file.
    fn bits(self) -> usize {
        match self {
            Self::Wide(bits) | Self::Few { bits, .. } => bits as usize,
            Self::Float(s) => (1 + s.exponent + s.fraction) as usize,
            Self::Power => 8,
        }
    }
    /// Bytes of so many elements in a file.
    pub(crate) fn bytes(self, elements: usize) -> usize {
        elements.saturating_mul(self.bits()).div_ceil(8)
    }
    /// Elements from a file's bytes, the first in the lowest bits, as a tensor of the type that holds them.
    pub(crate) fn tensor(self, shape: Vec<usize>, raw: &[u8]) -> Result<Tensor> {
        let (n, bits) = (shape.iter().product::<usize>(), self.bits());
        let code = |i: usize| -> u64 {
            if bits < 8 {
                let (at, mask) = (i * bits, (1u64 << bits) - 1);
                return u64::from(raw[at / 8]) >> (at % 8) & mask;
            }
            raw[i * bits / 8..][..bits / 8].iter().rev().fold(0, |v, &b| v << 8 | u64::from(b))
        };
        match self {
            Self::Wide(_) => {
                let v: Option<Vec<i64>> = (0..n).map(|i| i64::try_from(code(i)).ok()).collect();
                Tensor::from_i64(shape, &v.ok_or_else(too_large)?)
            }
            Self::Few { signed: true, .. } => {
                let sign = 1i64 << (bits - 1);
                Tensor::from_i8(shape, &(0..n).map(|i| ((code(i) as i64 ^ sign) - sign) as i8).collect::<Vec<_>>())
            }
            Self::Few { .. } => Tensor::from_u8(shape, &(0..n).map(|i| code(i) as u8).collect::<Vec<_>>()),
            Self::Float(s) => Tensor::from_f32(shape, &(0..n).map(|i| s.value(code(i)) as f32).collect::<Vec<_>>()),
            Self::Power => {
                let one = |c: u64| if c == 0xff { f64::NAN } else { libm::ldexp(1.0, c as i32 - 0x7f) };
                Tensor::from_f32(shape, &(0..n).map(|i| one(code(i)) as f32).collect::<Vec<_>>())
            }
        }
    }
    /// What a folded result of 64 bits is in an unsigned type.
    pub(crate) fn wrapped(self, t: &Tensor) -> Result<Option<Tensor>> {
        let Self::Wide(bits) = self else { return Ok(None) };
        let v = t.to_i64_vec()?;
        if bits == 64 && v.iter().any(|&v| v < 0) {
            return Err(too_large());
        }
        let mask = if bits == 32 { i64::from(u32::MAX) } else { i64::MAX };
        Tensor::from_i64(t.shape.clone(), &v.iter().map(|v| v & mask).collect::<Vec<_>>()).map(Some)
    }
}

fn too_large() -> Error {
    Error::new(Code::UnsupportedType, "unsigned integers of 2^63 and more are not supported").hint("convert the model to signed integers")
}

impl Small {
    fn value(self, code: u64) -> f64 {
        let (e, f) = ((code >> self.fraction & ((1 << self.exponent) - 1)) as i32, (code & ((1 << self.fraction) - 1)) as f64);
        let negative = code >> (self.exponent + self.fraction) & 1 == 1;
        let (top, whole) = ((1 << self.exponent) - 1, f64::from(1 << self.fraction));
        let size = match e {
            _ if self.unsigned_zero && negative && e == 0 && f == 0.0 => f64::NAN,
            e if self.infinite && e == top => {
                if f == 0.0 {
                    f64::INFINITY
                } else {
                    f64::NAN
                }
            }
            // All ones are not a number where eight bits have no infinity.
            e if !self.infinite && !self.unsigned_zero && self.exponent > 2 && e == top && f == whole - 1.0 => f64::NAN,
            0 => libm::ldexp(f / whole, 1 - self.bias),
            e => libm::ldexp(1.0 + f / whole, e - self.bias),
        };
        if negative { -size } else { size }
    }
    /// Attributes of the function that rounds to it.
    pub(crate) fn rounding(self, saturate: bool) -> Attrs {
        let beyond = if saturate || self.exponent == 2 {
            0i64
        } else if self.infinite {
            1
        } else {
            2
        };
        Attrs::new()
            .with("fraction", i64::from(self.fraction))
            .with("least", i64::from(1 - self.bias))
            .with("most", self.most)
            .with("beyond", beyond)
            .with("nan", i64::from(self.exponent > 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(code: i32, raw: &[u8]) -> Vec<f32> {
        let t = of(code).map(|f| f.tensor(vec![raw.len() * 8 / f.bits()], raw));
        t.and_then(Result::ok).and_then(|t| t.as_f32().ok().map(|v| v.into_owned())).unwrap_or_default()
    }

    #[test]
    fn floats_of_few_bits() {
        // By the tables of the Open Compute Project's 8-bit specification, and of its microscaling formats.
        assert_eq!(floats(17, &[0x7e, 0x08, 0x01, 0xbc]), [448.0, 0.015625, 0.001953125, -1.5]);
        assert!(floats(17, &[0x7f]).iter().all(|v| v.is_nan()));
        assert_eq!(floats(19, &[0x7b, 0x04, 0x01, 0xfc]), [57344.0, 6.103_515_6e-5, 1.525_878_9e-5, f32::NEG_INFINITY]);
        assert_eq!(floats(18, &[0x7f, 0x40]), [240.0, 1.0]);
        assert!(floats(20, &[0x80]).iter().all(|v| v.is_nan()));
        assert_eq!(floats(23, &[0x21, 0xf7]), [0.5, 1.0, 6.0, -6.0]);
        assert_eq!(floats(24, &[127, 130]), [1.0, 8.0]);
    }

    #[test]
    fn integers_of_few_bits_and_of_many() -> Result<()> {
        let ints = |code: i32, n: usize, raw: &[u8]| of(code).map_or(Ok(vec![]), |f| f.tensor(vec![n], raw)?.to_i64_vec());
        assert_eq!(ints(22, 3, &[0x8f, 0x07])?, [-1, -8, 7]);
        assert_eq!(ints(21, 2, &[0x8f])?, [15, 8]);
        assert_eq!(ints(26, 4, &[0b11_10_01_00])?, [0, 1, -2, -1]);
        assert_eq!(ints(12, 1, &[0xff; 4])?, [4_294_967_295]);
        assert!(ints(13, 1, &[0xff; 8]).is_err());
        let t = Tensor::from_i64([1], &[-1])?;
        assert_eq!(Foreign::Wide(32).wrapped(&t)?.map(|t| t.to_i64_vec()).transpose()?, Some(vec![4_294_967_295]));
        assert!(Foreign::Wide(64).wrapped(&t).is_err());
        Ok(())
    }
}
