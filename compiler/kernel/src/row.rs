//! Inner products of a machine: what one instruction multiplies and adds.

use crate::{Lane, Ty};
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
