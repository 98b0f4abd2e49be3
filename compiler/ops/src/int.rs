//! Integer operators: exact, by the definition, in 64 and 128 bits. No shortcut that a kernel might share.

pub(crate) mod add;
pub(crate) mod arg_max;
pub(crate) mod avgpool;
pub(crate) mod conv;
pub(crate) mod curve;
pub(crate) mod dense;
pub(crate) mod hypot;
pub(crate) mod lut;
pub(crate) mod matmul;
pub(crate) mod maxpool;
pub(crate) mod mul;
pub(crate) mod norm;
pub(crate) mod rescale_op;
pub(crate) mod softmax;
pub(crate) mod sum;

mod rescale;
mod weights;

pub use curve::Curve;
pub use hypot::Hypot;
pub use norm::Norm;
pub use rescale::Rescale;
pub use weights::{LIMB, spans_a_byte};

use crate::def::Ctx;
use mcompc_ir::{Code, Error, Result, Tensor};

/// The codes of a tensor less its zero point.
pub(crate) fn centred(c: &Ctx<'_>, i: usize, t: &Tensor) -> Result<Vec<i64>> {
    let zp = i64::from(c.any_codes(i)?.zero_point());
    Ok(t.to_i64_vec()?.into_iter().map(|q| q - zp).collect())
}

type Check = fn(&Ctx<'_>, &Constants<'_>) -> Result<()>;

/// Checks of constants that types do not show; one row an operator that has any.
static CONSTANTS: &[(&str, Check)] = &[
    ("q.conv", weights::constants),
    ("q.dense", weights::constants),
    ("q.softmax", softmax::constants),
    ("q.norm", norm::constants),
    ("q.curve", curve::constants),
];

/// The constants among a node's inputs.
pub(crate) type Constants<'a> = [Option<&'a Tensor>];

/// Requires that the constants a node reads are what its operator takes, so that no data can show the contrary.
pub(crate) fn constants(c: &Ctx<'_>, t: &Constants<'_>) -> Result<()> {
    CONSTANTS.iter().find(|(op, _)| *op == c.node.op).map_or(Ok(()), |(_, check)| check(c, t))
}

/// Requires that accumulators in this range, shifted left by `pre`, fit the 32 bits that every target has for them.
pub(crate) fn bounded((lo, hi): (i64, i64), pre: u32) -> Result<()> {
    let fits = |v: i64| i32::try_from(i128::from(v) << pre).is_ok();
    if fits(lo) && fits(hi) {
        return Ok(());
    }
    let e = Error::new(Code::Overflow, format!("accumulators of {lo} to {hi}, shifted left by {pre}, leave 32 bits"));
    Err(e.hint("integer graphs are made so that this cannot happen; a bug worth reporting"))
}

/// The accumulator, checked to fit the 32 bits that every target has for it.
pub(crate) fn accumulator(v: i64) -> Result<i64> {
    if i32::try_from(v).is_ok() {
        return Ok(v);
    }
    let e = Error::new(Code::Overflow, format!("an accumulator of {v} leaves 32 bits"));
    Err(e.hint("integer graphs are made so that this cannot happen; a bug worth reporting"))
}
