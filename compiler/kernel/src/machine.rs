//! Machine descriptions: what one instruction set offers, as data (`targets/isa/<isa>/machine.toml`).

use crate::row::{Elem, Form, Row};
use crate::{Method, Unpack};
use mcompc_ir::{Code, Error, Result};
use serde::Deserialize;

/// How depthwise convolutions multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacForm {
    /// Lanes are channels; `mac` on i8 or i16 lanes.
    Lanes,
    /// Lanes are channels; two taps interleaved for a `dot` row with k = 2.
    Pairs,
    /// i16 channel planes, pixels in pairs for the `packed` row.
    Planes,
    /// One scalar at a time.
    Scalar,
}

/// How a partial last vector is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tail {
    /// The last full vector overlaps its predecessor.
    Overlap,
    /// Lane by lane.
    Scalar,
}

/// What one instruction set offers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Name of the description, as the folder.
    pub isa: String,
    /// Bytes of a vector register; 0 where there is none.
    pub vector_bytes: u16,
    /// Bytes of an address.
    pub pointer_bytes: u8,
    /// Whether unaligned 16- and 32-bit scalar accesses are allowed.
    pub unaligned: bool,
    /// Partial vectors.
    pub tail: Tail,
    /// Depthwise kernels.
    pub mac: MacForm,
    /// Lanes (channels) a depthwise or element-wise kernel works on at a time.
    pub mac_lanes: u16,
    /// Products of `mac_lanes` i16 lanes are accumulated as two halves of i32 lanes (registers as wide as the i16 operand) rather than
    /// as one vector of twice the size.
    #[serde(default)]
    pub split: bool,
    /// Inner products, the preferred one first.
    pub contract: Vec<Row>,
    /// Weights of fewer than eight bits, one entry a width.
    #[serde(default)]
    pub unpack: Vec<Unpack>,
}

impl Machine {
    /// Reads `machine.toml`.
    pub fn from_toml(text: &str) -> Result<Self> {
        let m: Machine = toml::from_str(text).map_err(|e| Error::new(Code::Parse, format!("machine description: {e}")))?;
        if m.contract.is_empty() {
            return Err(Error::new(Code::Parse, format!("machine description `{}` has no contract row", m.isa)));
        }
        m.unpack.iter().try_for_each(|u| u.check(&m.isa, m.row()))?;
        if let Some(bits) = (2..=7).find(|&bits| m.unpack.iter().filter(|u| u.bits == bits).count() > 1) {
            return Err(Error::new(Code::Parse, format!("machine description `{}`: two ways to unpack {bits} bits", m.isa)));
        }
        Ok(m)
    }
    /// How codes of `bits` bits are taken apart.
    ///
    /// # Errors
    /// [`Code::Backend`] where the description has no entry for the width.
    pub fn unpack(&self, bits: u8) -> Result<Method> {
        self.unpack.iter().find(|u| u.bits == bits).map(|u| u.method).ok_or_else(|| {
            Error::new(Code::Backend, format!("machine `{}` has no way to unpack weights of {bits} bits", self.isa))
                .hint("use -O int8, or add an [[unpack]] entry to the machine description")
        })
    }
    /// The row convolutions use.
    pub fn row(&self) -> &Row {
        &self.contract[0]
    }
    /// The row that multiplies activations of 16 bits: the first that takes them.
    ///
    /// # Errors
    /// [`Code::Backend`] where the description has none.
    pub fn wide_row(&self) -> Result<&Row> {
        self.contract.iter().find(|r| r.a == Elem::I16 && r.form != Form::Matrix).ok_or_else(|| {
            Error::new(Code::Backend, format!("machine `{}` has no row for activations of 16 bits", self.isa))
                .hint("use -O int8, or add a [[contract]] entry with a = \"i16\" to the machine description")
        })
    }
    /// The row of a convolution with `o` output channels: [`Machine::row`], or its like with the fewest accumulators that still takes
    /// all channels at once.
    pub fn row_for(&self, o: usize) -> &Row {
        let first = self.row();
        let like = |r: &&Row| (r.form, r.a, r.w, r.k, r.m) == (first.form, first.a, first.w, first.k, first.m);
        self.contract.iter().filter(like).filter(|r| r.n as usize >= o).min_by_key(|r| r.n).unwrap_or(first)
    }
}
