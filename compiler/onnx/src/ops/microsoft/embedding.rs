//! EmbedLayerNormalization: rows of up to three tables added, and the norm of the sum.

use super::fused::normal;
use crate::attrs::unsupported;
use crate::node::{Bound, Ctx};
use mcompc_ir::{DType, Result, Tensor};

/// Ids [B, S], segments or none, tables of words, positions and segments, gain, offset, mask, positions; the norm, the mask's lengths, the sum.
pub(super) fn embed(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let epsilon = c.attrs.float_or("epsilon", 1e-12)?;
    // Whether the second output is lengths, which it is wherever it is read.
    if let Some(kind) = c.attrs.int("mask_index_type")?.filter(|k| !matches!(k, 0 | 1)) {
        return Err(unsupported("mask_index_type", kind).hint("0 and 1 are"));
    }
    let name = c.name_of(0);
    let Some(&[batch, steps]) = c.b.shape_of(&name).as_deref() else { return c.misfit("ids of two dimensions are needed") };
    let rows = |c: &mut Ctx<'_, '_, '_>, table: usize, ids: String| c.inner("Gather", 13, vec![c.name_of(table), ids], Vec::new());
    let mut sum = rows(c, 2, name)?;
    let positions = match c.input_name(8) {
        Some(given) => given.to_string(),
        None => {
            let all: Vec<i64> = (0..steps as i64).collect();
            c.constant_named(Tensor::from_i64([1, steps], &all)?, "positions")?
        }
    };
    let at = c.inner("Gather", 13, vec![c.name_of(3), positions], Vec::new())?;
    sum = c.plain("Add", &[sum, at])?;
    if c.input_name(1).is_some() && c.input_name(4).is_some() {
        let segments = rows(c, 4, c.name_of(1))?;
        sum = c.plain("Add", &[sum, segments])?;
    }
    c.output(2, sum)?;
    let (gain, offset, x) = (c.name_of(5), c.name_of(6), c.named(sum, "sum"));
    let out = c.out_name();
    normal(c, x, gain, Some(offset), true, epsilon, out)?;
    if let Some(out) = c.node.output.get(1).filter(|o| !o.is_empty()) {
        // How many of the mask are set; none are without one.
        let t = Tensor::new(DType::I32, vec![batch], vec![0; 4 * batch].into())?;
        if c.input_name(7).is_none() {
            c.b.names.insert(out.clone(), Bound::Const(t));
        } else {
            let axes = c.constant_named(Tensor::from_i64([1], &[1])?, "axes")?;
            c.nested("ReduceSum", 13, vec![c.name_of(7), axes], vec![out.clone()], vec![crate::ops::nested::int("keepdims", 0)])?;
        }
    }
    Ok(())
}
