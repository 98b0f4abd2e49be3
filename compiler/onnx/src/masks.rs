//! Minus infinity in constants: what is added to scores that must not count, or stands in their place. No code stands for it. A number that is
//! far below any score does the same to a softmax, and what is calibrated lets it saturate (`compress/decide/masks.rs`).

use crate::node::{Bound, Builder, MARKS};
use crate::proto::NodeProto;
use mcompc_ir::{DType, Result, Tensor};

/// What stands for it: exact in 32-bit floats beside scores of any likely size, and no sum of a few of them overflows.
const FORBIDDEN: f32 = -1e9;

/// Halfway there: what is at or below is taken for minus infinity by those who ask.
pub(crate) const LIMIT: f32 = FORBIDDEN / 2.0;

/// Operators that add, choose, move or compare elements: to others an infinity may mean something else.
const KNOWING: &[&str] = &[
    "Add",
    "Cast",
    "Concat",
    "Equal",
    "Expand",
    "Flatten",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "IsInf",
    "Less",
    "LessOrEqual",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// The node with such constants replaced, if it reads any.
pub(crate) fn replaced(node: &NodeProto, b: &mut Builder<'_>) -> Result<Option<NodeProto>> {
    if !KNOWING.contains(&node.op_type.as_deref().unwrap_or("")) {
        return Ok(None);
    }
    let mut changed = None;
    for (i, name) in node.input.iter().enumerate() {
        let Some(Bound::Const(t)) = b.names.get(name) else { continue };
        if t.dtype != DType::F32 || !t.as_f32()?.contains(&f32::NEG_INFINITY) {
            continue;
        }
        let v: Vec<f32> = t.as_f32()?.iter().map(|&x| if x == f32::NEG_INFINITY { FORBIDDEN } else { x }).collect();
        let t = Tensor::from_f32(t.shape.clone(), &v)?;
        b.forbids = true;
        let finite = format!("{name}/finite{}", MARKS[1]);
        if !b.names.contains_key(&finite) {
            b.reader.materialise(4 * t.elems() as u64)?;
            b.names.insert(finite.clone(), Bound::Const(t));
        }
        changed.get_or_insert_with(|| node.clone()).input[i] = finite;
    }
    Ok(changed)
}
