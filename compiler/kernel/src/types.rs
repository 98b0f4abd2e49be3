//! Types of kernel values.

use std::fmt;

/// Element of a vector. Signedness belongs to the operation, not to the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Lane {
    I8,
    I16,
    I32,
}

impl Lane {
    /// Bits of one lane.
    pub fn bits(self) -> u32 {
        match self {
            Lane::I8 => 8,
            Lane::I16 => 16,
            Lane::I32 => 32,
        }
    }
    /// Bytes of one lane.
    pub fn bytes(self) -> usize {
        self.bits() as usize / 8
    }
}

/// Type of a kernel value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ty {
    /// 32-bit scalar, wrapping.
    I32,
    /// An address.
    Ptr,
    /// Lanes of one width; the number of lanes is a power of two, 2 or more.
    Vec(Lane, u16),
}

impl Ty {
    /// Bytes in memory; pointers have none here.
    pub fn bytes(self) -> usize {
        match self {
            Ty::I32 => 4,
            Ty::Ptr => 0,
            Ty::Vec(l, n) => l.bytes() * n as usize,
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::I32 => f.write_str("i32"),
            Ty::Ptr => f.write_str("ptr"),
            Ty::Vec(l, n) => write!(f, "i{}x{n}", l.bits()),
        }
    }
}

/// An SSA value of a function: parameter, result of an instruction, induction variable or loop-carried argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Val(pub u32);

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}
