//! Packed taps for the depthwise kernel over pairs of rows: a unit is a tap of two rows of the window for a block of channels, taken
//! apart before the pixels of a row.

use super::Narrow;
use super::taps::{pack_signed, take_signed};
use crate::spec::ConvSpec;
use mcompc_ir::Result;
use mcompc_kernel::{Builder, MemElem, Row, Val};

/// Containers of 16 bits, `[container][channel][2]`; units in the order of pairs of rows of taps, then taps of a row.
#[derive(Clone, Copy, Debug)]
pub struct RowTaps {
    bits: u32,
    /// Taps of a row of the window, and rows.
    window: [usize; 2],
    /// Channels of the table; those of the layer, or these repeated.
    channels: usize,
}

impl RowTaps {
    /// For a table of so many channels.
    pub fn new(n: &Narrow, s: &ConvSpec, channels: usize) -> Self {
        Self { bits: n.bits.into(), window: [s.geo.kw, s.geo.kh], channels }
    }
    fn per(self) -> usize {
        16 / self.bits as usize
    }
    fn units(self) -> usize {
        self.window[1].div_ceil(2) * self.window[0]
    }

    /// The packed weights.
    ///
    /// # Errors
    /// As [`Narrow::codes`].
    pub fn pack(self, n: &Narrow, s: &ConvSpec) -> Result<Vec<u8>> {
        let [kw, kh] = self.window;
        let codes = n.codes(&s.weights, kw * kh)?;
        let mut out = Vec::new();
        for first in (0..self.units()).step_by(self.per()) {
            for ch in 0..self.channels {
                for h in 0..2 {
                    let code = |u: usize| match 2 * (u / kw) + h {
                        ky if ky < kh => codes[(ch % s.geo.c * kh + ky) * kw + u % kw],
                        _ => 0,
                    };
                    let v = pack_signed((first..self.units().min(first + self.per())).map(code), self.bits);
                    out.extend(&v.to_le_bytes()[..2]);
                }
            }
        }
        Ok(out)
    }

    /// All units for `nv` vectors of channels at `p`, `[unit][vector]`, of an output row that begins `odd` rows into a staged pair.
    pub fn load(self, b: &mut Builder, row: &Row, p: Val, nv: usize, odd: usize) -> Vec<Val> {
        let n = row.n as usize;
        let mut pairs = Vec::with_capacity(self.units() * nv);
        let mut open = vec![p; nv];
        for u in 0..self.units() {
            let (c, t) = (u / self.per(), u % self.per());
            for (v, open) in open.iter_mut().enumerate() {
                if t == 0 {
                    *open = b.load(row.w_ty(), MemElem::S16, p, ((c * self.channels + v * n) * 4) as i32);
                }
                pairs.push(take_signed(b, *open, self.bits, t as u32, t + 1 == self.per() || u + 1 == self.units(), 16));
            }
        }
        if odd == 0 {
            return pairs;
        }
        // (w0, w1), (w2, w3), ... become (0, w0), (w1, w2), ...: the upper element of one pair of rows before the lower one of the next.
        let (per_group, lanes) = (self.window[0] * nv, 2 * row.n);
        let zero = b.vconst(0, row.w_ty());
        let groups = (1 + self.window[1]).div_ceil(2);
        let mask: Vec<u16> = (0..row.n).flat_map(|i| [2 * i + 1, lanes + 2 * i]).collect();
        (0..groups * per_group)
            .map(|i| {
                let upper = i.checked_sub(per_group).map_or(zero, |i| pairs[i]);
                let lower = pairs.get(i).copied().unwrap_or(zero);
                b.shuffle(upper, lower, mask.clone())
            })
            .collect()
    }
}
