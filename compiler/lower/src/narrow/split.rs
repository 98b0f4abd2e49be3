//! One container: how codes go in at compile time and come out in the kernel.

use mcompc_kernel::{Bin, Builder, Elem, Form, Method, Row, Ty, Val};

/// Codes of `bits` bits in lanes of `lane` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// How they come out.
    pub method: Method,
    /// Bits of a code.
    pub bits: u32,
    /// Bits of a lane; of half a word for [`Method::Offset`].
    pub lane: u32,
}

impl Split {
    /// For the units of a contraction row.
    pub fn of(row: &Row, method: Method, bits: u8) -> Self {
        let lane = match row.form {
            Form::Packed => 16,
            Form::Scalar if row.n == 1 => 32,
            _ if row.w == Elem::I16 => 16,
            _ => 8,
        };
        Self { method, bits: bits.into(), lane }
    }
    /// Units a container holds.
    pub fn per(self) -> usize {
        (self.lane / self.bits) as usize
    }
    /// A unit's weights are 2^up times too large.
    pub fn up(self) -> u32 {
        if self.method == Method::Top { self.lane - self.bits } else { 0 }
    }
    /// What every stored code is above its value.
    pub fn above(self) -> i32 {
        if self.method == Method::Offset { 1 << (self.bits - 1) } else { 0 }
    }

    /// The container of at most [`Split::per`] units, each of as many codes as there are lanes; little-endian.
    pub fn pack(self, units: &[Vec<i8>]) -> Vec<u8> {
        let lanes = units.first().map_or(0, Vec::len);
        let mask = (1u32 << self.bits) - 1;
        let mut out = Vec::with_capacity(lanes * self.lane as usize / 8);
        for l in 0..lanes {
            let code = |u: &Vec<i8>| (i32::from(u[l]) + self.above()) as u32 & mask;
            let v = units.iter().enumerate().fold(0, |v, (t, u)| v | code(u) << (self.bits * t as u32));
            out.extend(&v.to_le_bytes()[..self.lane as usize / 8]);
        }
        out
    }

    /// The mask that [`Split::take`] wants, to be made outside of the loop. `ty` is the container's type.
    pub fn mask(self, b: &mut Builder, ty: Ty) -> Option<Val> {
        let low = (1i32 << self.bits) - 1;
        match self.method {
            Method::Shift => None,
            Method::Top => Some(b.vconst(low << (self.lane - self.bits), ty)),
            Method::Offset => Some(b.iconst(low | low << 16)),
        }
    }

    /// Unit `t` of a container.
    pub fn take(self, b: &mut Builder, container: Val, t: usize, mask: Option<Val>) -> Val {
        let ty = b.ty(container);
        let shift = |b: &mut Builder, op: Bin, v: Val, by: u32| {
            if by == 0 {
                return v;
            }
            let by = b.vconst(by as i32, ty);
            b.bin(op, v, by)
        };
        let left = self.lane - self.bits * (t as u32 + 1);
        match (self.method, mask) {
            (Method::Top, Some(mask)) => {
                let v = shift(b, Bin::Shl, container, left);
                // What was shifted all the way up has nothing below it.
                if t == 0 { v } else { b.bin(Bin::And, v, mask) }
            }
            (Method::Offset, Some(mask)) => {
                let v = shift(b, Bin::Srl, container, self.bits * t as u32);
                b.bin(Bin::And, v, mask)
            }
            _ => {
                let v = shift(b, Bin::Shl, container, left);
                shift(b, Bin::Sra, v, self.lane - self.bits)
            }
        }
    }
}
