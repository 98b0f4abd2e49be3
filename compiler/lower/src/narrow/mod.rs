//! Weights of fewer than eight bits: several codes share a lane in memory and are taken apart in the inner loop.
//!
//! A *unit* is what the inner loop multiplies at a time: a vector of weights, a scalar one, or a pair of them in a word. A *container*
//! has the shape of a unit and holds the codes of as many consecutive units as fit its lanes. Packing and kernel enumerate the units of
//! a layer in the same order, so the layout is decided in one place and nothing is sign-extended beforehand.

mod gemm;
mod layout;
mod planes;
mod rows;
mod split;
mod taps;

pub use gemm::{Beside, NarrowGemm, correct_pixels};
pub use layout::Layout;
pub use planes::PlaneTaps;
pub use rows::RowTaps;
pub use split::Split;
pub use taps::Taps;

use mcompc_ir::{Code, Error, Result};

/// Codes behind the weights of a layer: `w = r * code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrow {
    /// Bits of a code, 2..=7: `-2^(bits-1)..2^(bits-1)`.
    pub bits: u8,
    /// Multipliers of runs of weights along K; without them r = 1.
    pub blocks: Option<Blocks>,
}

/// A small multiplier for every run of `len` weights of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Weights of a run; the last one of a channel may be shorter.
    pub len: usize,
    /// Multipliers `[o][ceil(k / len)]`, 1..=127.
    pub r: Vec<u8>,
}

impl Narrow {
    /// Codes of the weights `w`, `[o][k]`.
    ///
    /// # Errors
    /// [`Code::Internal`] if a weight is no code times its multiplier.
    pub fn codes(&self, w: &[i16], k: usize) -> Result<Vec<i8>> {
        let limit = 1i32 << (self.bits - 1);
        w.iter()
            .enumerate()
            .map(|(i, &w)| {
                let r = self.blocks.as_ref().map_or(1, |b| i32::from(b.r[i / k * k.div_ceil(b.len) + i % k / b.len]));
                let c = if r > 0 { i32::from(w) / r } else { limit };
                if c * r != i32::from(w) || !(-limit..limit).contains(&c) {
                    return Err(Error::new(Code::Internal, format!("weight {i} is {w}, no {}-bit code times {r}", self.bits)));
                }
                Ok(c as i8)
            })
            .collect()
    }
}
