//! How a machine takes apart weights of fewer than eight bits.

use crate::{Form, Lane, Row, Ty};
use mcompc_ir::{Code, Error, Result};
use serde::Deserialize;

/// The way from a lane that holds several codes to one code a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Shift left until the code is at the top, shift right with its sign: two instructions, one for the topmost code; any lane.
    Shift,
    /// Shift left and mask, so that the code stands at the top of its byte, 2^(8 - bits) times too large: one instruction a code of four
    /// bits. The factor goes into the rescale's shift, exactly, where sixteenfold sums still fit 32 bits; i8 lanes.
    Top,
    /// Codes stored plus 2^(bits - 1), shifted right and masked in both halves of a word: one instruction where the shift is free. The sum
    /// of the activations, times 2^(bits - 1), comes off once a pixel; words of the `packed` form.
    Offset,
}

/// `[[unpack]]`: one width of codes and the method for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// Bits of a code, 2..=7.
    pub bits: u8,
    /// The method.
    pub method: Method,
}

impl Unpack {
    /// Whether the width is one, and the method takes apart what the machine's first row multiplies (the one convolutions use).
    pub(crate) fn check(self, isa: &str, row: &Row) -> Result<()> {
        let wrong =
            |what: String| Err(Error::new(Code::Parse, format!("machine description `{isa}`: unpack of {} bits {what}", self.bits)));
        if !(2..=7).contains(&self.bits) {
            return wrong("where 2 to 7 are known".into());
        }
        let fits = |r: &Row| match self.method {
            Method::Shift => r.form != Form::Packed,
            Method::Top => matches!(r.w_ty(), Ty::Vec(Lane::I8, _)),
            Method::Offset => r.form == Form::Packed,
        };
        if fits(row) { Ok(()) } else { wrong(format!("by `{:?}` does not fit row `{}`", self.method, row.name)) }
    }
}
