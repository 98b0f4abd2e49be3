//! SkipLayerNormalization and SkipSimplifiedLayerNormalization: a sum, and its norm over the last dimension.

use super::fused::normal;
use crate::node::Ctx;
use mcompc_ir::Result;

/// x, skip, gain, (offset of the centred form,) bias; the norm, and as output 3 the sum.
pub(super) fn skip(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let centred = c.op == "SkipLayerNormalization";
    let epsilon = c.attrs.float_or("epsilon", 1e-12)?;
    let (x, skip) = (c.input(0)?, c.input(1)?);
    let mut sum = c.plain("Add", &[x, skip])?;
    if let Some(bias) = c.optional(if centred { 4 } else { 3 })? {
        sum = c.plain("Add", &[sum, bias])?;
    }
    if c.wants(1) || c.wants(2) {
        return c.not_built("that gives its mean or deviation", "leave these outputs out: they serve training");
    }
    c.output(3, sum)?;
    let (gain, offset) = (c.name_of(2), if centred { c.input_name(3).map(str::to_string) } else { None });
    let x = c.named(sum, "sum");
    let out = c.out_name();
    normal(c, x, gain, offset, centred, epsilon, out)
}
