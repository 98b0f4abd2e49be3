//! Machine descriptions: what one instruction set offers, as data (`targets/isa/<isa>/machine.toml`).

use crate::{Lane, Method, Ty, Unpack};
use mcompc_ir::{Code, Error, Result};
use serde::Deserialize;

/// How the operands of a contraction row are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// acc: i32 x n; a, w: n*k lanes. `acc[j] += sum_t a[j*k+t] * w[j*k+t]`; `a` is usually a repeated pattern of k elements
    /// (`load_bcast`). With n = 1 the accumulator is a scalar i32 and both operands run along K.
    Dot,
    /// As `Dot`, but every lane j meets the same group of k elements of `a`: `acc[j] += sum_t a[lane*k+t] * w[j*k+t]`.
    Lane,
    /// Scalars that hold two i16 each: `acc += lo(a)*lo(w) + hi(a)*hi(w)`.
    Packed,
    /// k = 1, `a` is a scalar i32 in the range of its element; acc: i32 x n; w: n lanes. `acc[j] += a * w[j]`; n = 1 is all scalar.
    Scalar,
    /// acc: 2x2 i32 in four lanes; a, w: two rows of k elements. `acc[2*i+j] += sum_t a[i*k+t] * w[j*k+t]`.
    Matrix,
}

/// Elements multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Elem {
    I8,
    U8,
    I16,
}

impl Elem {
    /// Lane that holds it.
    pub fn lane(self) -> Lane {
        match self {
            Elem::I8 | Elem::U8 => Lane::I8,
            Elem::I16 => Lane::I16,
        }
    }
    /// Whether it sign-extends.
    pub fn signed(self) -> bool {
        self != Elem::U8
    }
}

/// One inner product of the machine; packing, staging and corrections are derived from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Name, unique in the machine; the text form prints `contract.<name>`.
    pub name: String,
    /// Operand arrangement.
    pub form: Form,
    /// Activation element the instruction takes; a stage widens or flips where memory holds another.
    pub a: Elem,
    /// Weight element the instruction takes.
    pub w: Elem,
    /// Weight element in memory; widened on load where it differs from `w`.
    pub w_mem: Elem,
    /// Products per accumulator.
    pub k: u16,
    /// Accumulators (output channels) per instruction.
    pub n: u16,
    /// Pixels per instruction (2 for `matrix`).
    #[serde(default = "one")]
    pub m: u16,
    /// Register tile: [pixels, output channels].
    pub tile: [u16; 2],
    /// Register tile when there is one pixel (fully connected): output channels.
    pub tile_fc: u16,
    /// Groups of `k` per round of the inner loop.
    #[serde(default = "one")]
    pub unroll: u16,
    /// How LLVM reaches it: an intrinsic's name or `tree`.
    pub llvm: String,
    /// How Cranelift reaches it: `tree`, or `none`.
    pub cranelift: String,
    /// The mnemonic a filetest expects in the inner loop.
    pub mnemonic: String,
}

fn one() -> u16 {
    1
}

impl Row {
    /// Type of the accumulator operand.
    pub fn acc_ty(&self) -> Ty {
        let lanes = if self.form == Form::Matrix { 4 } else { self.n };
        if lanes == 1 { Ty::I32 } else { Ty::Vec(Lane::I32, lanes) }
    }
    /// Type of the activation operand.
    pub fn a_ty(&self) -> Ty {
        match self.form {
            Form::Packed | Form::Scalar => Ty::I32,
            Form::Dot => Ty::Vec(self.a.lane(), self.n * self.k),
            Form::Lane => Ty::Vec(self.a.lane(), 16 / self.a.lane().bytes() as u16),
            Form::Matrix => Ty::Vec(self.a.lane(), 2 * self.k),
        }
    }
    /// Type of the weight operand.
    pub fn w_ty(&self) -> Ty {
        match self.form {
            Form::Packed => Ty::I32,
            Form::Scalar if self.n == 1 => Ty::I32,
            Form::Scalar => Ty::Vec(self.w.lane(), self.n),
            Form::Dot | Form::Lane => Ty::Vec(self.w.lane(), self.n * self.k),
            Form::Matrix => Ty::Vec(self.w.lane(), 2 * self.k),
        }
    }
}

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
    /// The row of a convolution with `o` output channels: [`Machine::row`], or its like with the fewest accumulators that still takes
    /// all channels at once.
    pub fn row_for(&self, o: usize) -> &Row {
        let first = self.row();
        let like = |r: &&Row| (r.form, r.a, r.w, r.k, r.m) == (first.form, first.a, first.w, first.k, first.m);
        self.contract.iter().filter(like).filter(|r| r.n as usize >= o).min_by_key(|r| r.n).unwrap_or(first)
    }
}
