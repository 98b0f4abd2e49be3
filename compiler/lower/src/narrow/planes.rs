//! Packed taps for the plane kernel: taken apart once a channel, into the words of pairs that the strips multiply.

use super::Narrow;
use super::taps::{pack_signed, take_signed};
use crate::spec::ConvSpec;
use mcompc_ir::Result;
use mcompc_kernel::{Builder, MemElem, Ty, Val};

/// Taps of a channel as bytes of codes, and the pairs they become.
#[derive(Clone, Debug)]
pub struct PlaneTaps<'a> {
    /// Width of the codes.
    pub bits: u32,
    /// Taps of a row of the window, and rows.
    pub window: [usize; 2],
    /// The pairs of a row, as taps of that row.
    pub kinds: &'a [(Option<usize>, Option<usize>)],
}

impl PlaneTaps<'_> {
    fn taps(&self) -> usize {
        self.window[0] * self.window[1]
    }
    fn per(&self) -> usize {
        8 / self.bits as usize
    }
    /// Bytes of codes a channel.
    pub fn packed_bytes(&self) -> usize {
        self.taps().div_ceil(self.per())
    }
    /// Bytes of the words of pairs.
    pub fn word_bytes(&self) -> usize {
        self.window[1] * self.kinds.len() * 4
    }

    /// The codes of all channels.
    ///
    /// # Errors
    /// As [`Narrow::codes`].
    pub fn pack(&self, n: &Narrow, s: &ConvSpec) -> Result<Vec<u8>> {
        let codes = n.codes(&s.weights, self.taps())?;
        let channel = |c: &[i8]| c.chunks(self.per()).map(|u| pack_signed(u.iter().copied(), self.bits) as u8).collect::<Vec<_>>();
        Ok(codes.chunks(self.taps()).flat_map(channel).collect())
    }

    /// Clears the words, once: their places without a tap stay 0.
    pub fn clear(&self, b: &mut Builder, words: Val) {
        let zero = b.iconst(0);
        b.for_loop(0, (self.word_bytes() / 4) as i32, 1, &[words], |b, _, p| {
            b.store_aligned(zero, MemElem::W32, p[0], 0, 4);
            vec![b.ptr_imm(p[0], 4)]
        });
    }

    /// Takes the codes at `from` apart into the words.
    pub fn unpack(&self, b: &mut Builder, from: Val, words: Val) {
        for first in (0..self.taps()).step_by(self.per()) {
            let byte = b.load(Ty::I32, MemElem::S8, from, (first / self.per()) as i32);
            let count = self.per().min(self.taps() - first);
            for t in 0..count {
                let w = take_signed(b, byte, self.bits, t as u32, t + 1 == count, 32);
                let (ky, kx) = ((first + t) / self.window[0], (first + t) % self.window[0]);
                for (i, (lo, hi)) in self.kinds.iter().enumerate() {
                    for (h, tap) in [lo, hi].into_iter().enumerate() {
                        if *tap == Some(kx) {
                            b.store_aligned(w, MemElem::S16, words, ((ky * self.kinds.len() + i) * 4 + 2 * h) as i32, 2);
                        }
                    }
                }
            }
        }
    }
}
