//! Operations that yield one value. Stores, loops, branches and calls are [`crate::Inst`]s.

use crate::{Lane, Ty};

/// Lane-wise or scalar two-operand arithmetic; both operands and the result have one type (scalar `i32` or any vector). Wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bin {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Low half of the product.
    Mul,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Shift left; the second operand is below the lane's width.
    Shl,
    /// Arithmetic shift right; the second operand is below the lane's width.
    Sra,
    /// Logical shift right; the second operand is below the lane's width.
    Srl,
    /// Signed minimum.
    Smin,
    /// Signed maximum.
    Smax,
    /// High 32 bits of the signed 64-bit product; scalar `i32` and `i32` lanes only.
    MulHi,
}

/// Comparison of two scalar `i32`; yields 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Cmp {
    Eq,
    Ne,
    Slt,
    Sle,
    /// Unsigned less-than: one comparison checks `0 <= x < n`.
    Ult,
}

/// What one element is in memory, and how it widens to a lane or scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MemElem {
    S8,
    U8,
    S16,
    U16,
    W32,
}

impl MemElem {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            MemElem::S8 | MemElem::U8 => 1,
            MemElem::S16 | MemElem::U16 => 2,
            MemElem::W32 => 4,
        }
    }
}

/// The one rescaling rule (docs/numerics.md): `clamp(lo, hi, (((acc << pre) * m >> 32) + (zp << shift) + (1 << (shift-1))) >> shift)`.
///
/// `0 <= m < 2^31`, and `acc << pre` does not overflow (proven before lowering).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rescale {
    /// Left shift before the multiplication; 0 but for scales of 2^-2 and more.
    pub pre: u8,
    /// Rounding right shift after the high half.
    pub shift: u8,
    /// Zero point of the result.
    pub zp: i32,
    /// Smallest result.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Rescale {
    /// What the shifts, the clamp and the zero point may be: what `mcompc_ops::Rescale` allows an operator, with wider codes.
    ///
    /// # Errors
    /// A sentence that says so.
    pub fn check(&self) -> Result<(), &'static str> {
        let shifts = mcompc_ir::RESCALE_PRE.contains(&self.pre.into()) && mcompc_ir::RESCALE_SHIFT.contains(&self.shift.into());
        if shifts && self.lo <= self.hi && i16::try_from(self.zp).is_ok() {
            return Ok(());
        }
        Err("pre <= 30, 1 <= shift <= 15, lo <= hi and a 16-bit zero point are needed")
    }
}

/// An operation with one result. Operand order is the order of `args` in [`crate::Inst::Op`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A constant; every lane of a vector type has the (truncated) value.
    Const(i32, Ty),
    /// (a, b) -> a op b.
    Bin(Bin),
    /// (a, b) -> i32.
    Cmp(Cmp),
    /// (cond: i32, a, b) -> a if cond is not 0, else b; scalars and pointers.
    Select,
    /// (p) -> p + imm bytes; (p, i: i32) -> p + i * scale + imm bytes, `i` sign-extended.
    PtrAdd {
        /// Bytes per step of the index.
        scale: i32,
        /// Constant bytes.
        imm: i32,
    },
    /// (p) -> address of constant data of the module plus `imm` bytes. No operand.
    DataAddr {
        /// Name of a [`crate::Data`].
        data: String,
        /// Constant bytes.
        imm: i32,
    },
    /// (p) -> consecutive elements at p + off, each widened to the lane of `ty` (or to i32). Any alignment unless `align` says more.
    Load {
        /// Result: `i32` or a vector.
        ty: Ty,
        /// Memory element; not wider than the lane.
        mem: MemElem,
        /// Byte offset.
        off: i32,
        /// Guaranteed alignment of the address in bytes.
        align: u8,
    },
    /// (p) -> the `bytes` (1, 2, 4 or 8) bytes at p + off repeated over the vector. Any alignment unless `align` says more.
    LoadBcast {
        /// Result vector.
        ty: Ty,
        /// Length of the repeated pattern.
        bytes: u8,
        /// Byte offset.
        off: i32,
        /// Guaranteed alignment of the address in bytes.
        align: u8,
    },
    /// (x: i32) -> vector whose every lane is x truncated.
    Splat(Ty),
    /// (x: i32) -> vector of `ty` whose bytes repeat the four bytes of x.
    SplatBits(Ty),
    /// (v) -> the vector's lanes sign- or zero-extended to twice the width, the lower half of the lanes (`high` false) or the upper half.
    Widen {
        /// Sign-extend.
        signed: bool,
        /// Upper half of the lanes.
        high: bool,
    },
    /// (v) -> all lanes sign- or zero-extended to `to`; the result has as many lanes.
    WidenAll {
        /// Result lane.
        to: Lane,
        /// Sign-extend.
        signed: bool,
    },
    /// (a, b) -> lanes of a then of b, each saturated (signed) to half the width.
    NarrowSat,
    /// (v) -> all lanes truncated to `to`; the result has as many lanes.
    Trunc {
        /// Result lane.
        to: Lane,
    },
    /// (v) -> scalar: lane `lane`, sign-extended.
    Extract {
        /// Lane index.
        lane: u16,
    },
    /// (v, x: i32) -> v with lane `lane` replaced by x truncated.
    Insert {
        /// Lane index.
        lane: u16,
    },
    /// (a, b) -> vector with as many lanes as `a`; lane i is lane `mask[i]` of a followed by b.
    Shuffle(Vec<u16>),
    /// (v) -> i32: wrapping sum of the lanes, each sign-extended.
    ReduceAdd,
    /// (acc, a, w) -> acc plus the inner products of row `row` of the module (see [`crate::Row`] for the operand types).
    Contract {
        /// Index into [`crate::Module::rows`].
        row: u16,
        /// For [`crate::Form::Lane`]: which group of `k` elements of `a` meets every lane.
        lane: u8,
    },
    /// (acc: i32 lanes, a, w: i8 or i16 lanes) -> acc + sext(a) * sext(w) lane by lane; all have as many lanes.
    Mac,
    /// (acc, m) -> rescaled value in `lo..=hi`; both scalar i32 or vectors of i32.
    Rescale(Rescale),
    /// (x: i32) -> i32 that holds two i16: bytes 0 and 2 of x (`ror` false) or 1 and 3 (`ror` true), each sign-extended,
    /// the lower byte in the lower half (Armv7E-M `sxtb16`).
    Sxtb16 {
        /// Rotate x right by 8 first: the odd bytes.
        ror: bool,
    },
}
