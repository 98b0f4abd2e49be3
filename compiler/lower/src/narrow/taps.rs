//! Depthwise weights with channels in lanes: consecutive taps of a channel share a lane, so a block of channels may begin anywhere.

use super::Narrow;
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Builder, MemElem, Ty, Val};

/// How taps are stored. A unit is a tap, or a pair of taps; containers are bytes, or 16-bit numbers for pairs, `[container][channel]`
/// (`[container][channel][2]`). The last code of a container fills it with its sign.
#[derive(Clone, Copy, Debug)]
pub struct Taps {
    bits: u32,
    lane: u32,
    units: usize,
    channels: usize,
}

impl Taps {
    /// Of a layer of so many taps and channels whose kernel takes `pairs` of taps or single ones.
    pub fn new(n: &Narrow, [taps, channels]: [usize; 2], pairs: bool) -> Self {
        let (lane, units) = if pairs { (16, taps.div_ceil(2)) } else { (8, taps) };
        Self { bits: n.bits.into(), lane, units, channels }
    }
    fn per(self) -> usize {
        (self.lane / self.bits) as usize
    }

    /// The weights `[channel][tap]`, packed.
    ///
    /// # Errors
    /// As [`Narrow::codes`].
    pub fn pack(self, n: &Narrow, weights: &[i16]) -> Result<Vec<u8>> {
        let taps = weights.len() / self.channels;
        let codes = n.codes(weights, taps)?;
        let pair = if self.lane == 16 { 2 } else { 1 };
        let mut out = Vec::new();
        for first in (0..self.units).step_by(self.per()) {
            for c in 0..self.channels {
                for h in 0..pair {
                    let of = |u: usize| Some(u * pair + h).filter(|&t| t < taps).map_or(0, |t| codes[c * taps + t]);
                    let v = pack_signed((first..self.units.min(first + self.per())).map(of), self.bits);
                    out.extend(&v.to_le_bytes()[..self.lane as usize / 8]);
                }
            }
        }
        Ok(out)
    }

    /// Unit `u` for the block of channels whose containers of unit 0 are at `p`; `half` moves by so many bytes for the second half of
    /// a block of pairs. `open` is the container loaded last for this half.
    pub fn load(self, b: &mut Builder, ty: Ty, p: Val, u: usize, half: usize, open: &mut Option<(usize, Val)>) -> Val {
        let (c, t) = (u / self.per(), u % self.per());
        let v = match open {
            Some((at, v)) if *at == c => *v,
            _ => {
                let (mem, bytes) = if self.lane == 16 { (MemElem::S16, 4) } else { (MemElem::S8, 1) };
                b.load(ty, mem, p, (c * self.channels * bytes + half) as i32)
            }
        };
        *open = Some((c, v));
        let last = t + 1 == self.per() || u + 1 == self.units;
        let width = if ty == Ty::I32 { 32 } else { 16 };
        take_signed(b, v, self.bits, t as u32, last, width)
    }
}

/// Codes one above the other; the last one's sign fills the rest.
pub fn pack_signed(codes: impl ExactSizeIterator<Item = i8>, bits: u32) -> i32 {
    let (n, mask) = (codes.len(), (1i32 << bits) - 1);
    codes.enumerate().fold(0, |v, (t, c)| v | (if t + 1 == n { c.into() } else { i32::from(c) & mask }) << (bits * t as u32))
}

/// Code `t` of a sign-extended container in lanes of `width` bits; nothing but sign is above the `last` one.
pub fn take_signed(b: &mut Builder, v: Val, bits: u32, t: u32, last: bool, width: u32) -> Val {
    let ty = b.ty(v);
    let mut shift = |op: Bin, v: Val, by: u32| {
        if by == 0 {
            return v;
        }
        let by = b.vconst(by as i32, ty);
        b.bin(op, v, by)
    };
    if last {
        return shift(Bin::Sra, v, bits * t);
    }
    let up = shift(Bin::Shl, v, width - bits * (t + 1));
    shift(Bin::Sra, up, width - bits)
}
