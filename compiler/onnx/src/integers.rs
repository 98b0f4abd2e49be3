//! Which operators take integers and truths as they take floats.

/// Operators that move or choose elements, whatever they are: the result has the type of what is moved.
pub(crate) const MOVES: &[&str] = &[
    "CenterCropPad",
    "Clip",
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Identity",
    "Max",
    "MaxPool",
    "Min",
    "Pad",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Reshape",
    "ReverseSequence",
    "ScatterElements",
    "ScatterND",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
];

/// Operators that compute integers from integers; the result may pass the type's ends.
pub(crate) const ARITHMETIC: &[&str] =
    &["Abs", "Add", "CumSum", "Div", "MatMul", "Mod", "Mul", "Neg", "Pow", "ReduceProd", "ReduceSum", "Sign", "Sub", "Sum"];

/// Whether the operator takes integers and truths as it takes floats.
pub(crate) fn takes(op: &str) -> bool {
    MOVES.contains(&op) || ARITHMETIC.contains(&op)
}
