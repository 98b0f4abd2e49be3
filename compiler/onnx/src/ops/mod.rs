//! The table of ONNX operators: one row each, with the function that turns a node into operators of the IR.

mod conv;
mod elementwise;
mod embedding;
mod gemm;
mod pad;
mod pool;
pub(crate) mod quantized;
mod reduce;
mod shape;
mod slice;
mod window;

use crate::node::Ctx;
use crate::proto::NodeProto;
use mcompc_ir::{Code, Error, Result};

/// Oldest operator set of the default domain.
pub const MIN_OPSET: i64 = 7;
/// Newest operator set of the default domain.
pub const MAX_OPSET: i64 = 22;

type Import = fn(&mut Ctx<'_, '_, '_>) -> Result<()>;

/// One ONNX operator.
pub struct OpRow {
    /// ONNX name.
    pub name: &'static str,
    /// First operator set that has it (not below [`MIN_OPSET`]).
    pub since: i64,
    /// Least and greatest number of inputs over all versions.
    pub inputs: (usize, usize),
    /// Whether it computes all outputs that a node names, or the first alone.
    pub all_outputs: bool,
    /// What of it is taken, where that is less than the standard.
    pub notes: &'static str,
    import: Import,
}

const fn row(name: &'static str, since: i64, inputs: (usize, usize), import: Import, notes: &'static str) -> OpRow {
    OpRow { name, since, inputs, all_outputs: false, notes, import }
}

/// Every operator that the importer knows, by name.
pub const TABLE: &[OpRow] = &[
    row("Add", 7, (2, 2), elementwise::binary, ""),
    row("AveragePool", 7, (1, 1), pool::average, "dilations 1"),
    row("BatchNormalization", 7, (5, 5), elementwise::batch_norm, "inference form"),
    row("Clip", 7, (1, 3), elementwise::clip, "constant bounds"),
    row("Concat", 7, (1, usize::MAX), shape::concat, ""),
    row("Constant", 7, (0, 0), shape::constant, "dense numeric values"),
    row("Conv", 7, (2, 3), conv::conv, ""),
    row("DequantizeLinear", 10, (2, 3), quantized::dequantize, "int8, uint8, int32; constants per tensor and axis"),
    row("Div", 7, (2, 2), elementwise::binary, ""),
    row("Dropout", 7, (1, 3), shape::dropout, "inference form, without the mask"),
    row("Elu", 7, (1, 1), elementwise::elu, ""),
    row("Flatten", 7, (1, 1), shape::flatten, ""),
    row("Gather", 7, (2, 2), embedding::gather, "rows of a constant table by an integer input"),
    row("Gemm", 7, (2, 3), gemm::gemm, ""),
    row("GlobalAveragePool", 7, (1, 1), pool::global_average, ""),
    row("GlobalMaxPool", 7, (1, 1), pool::global_max, ""),
    row("HardSigmoid", 7, (1, 1), elementwise::hard_sigmoid, ""),
    row("HardSwish", 14, (1, 1), elementwise::unary, ""),
    row("Identity", 7, (1, 1), shape::identity, ""),
    row("LeakyRelu", 7, (1, 1), elementwise::leaky_relu, ""),
    row("MatMul", 7, (2, 2), gemm::matmul, ""),
    row("MaxPool", 7, (1, 1), pool::max, "dilations 1, without the indices"),
    row("Mul", 7, (2, 2), elementwise::binary, ""),
    row("Pad", 7, (1, 4), pad::pad, "constant pads"),
    row("QLinearConv", 10, (8, 9), quantized::conv, "constant weights with zero point 0"),
    row("QLinearMatMul", 10, (8, 8), quantized::matmul, "constant weights with zero point 0"),
    row("QuantizeLinear", 10, (2, 3), quantized::quantize, "int8, uint8; per tensor"),
    row("ReduceMax", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceMean", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceMin", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceSum", 7, (1, 2), reduce::since_13, "constant axes"),
    row("Relu", 7, (1, 1), elementwise::unary, ""),
    row("Reshape", 7, (2, 2), shape::reshape, "constant shape"),
    row("Sigmoid", 7, (1, 1), elementwise::unary, ""),
    row("Slice", 7, (1, 5), slice::slice, "constant ranges"),
    row("Softmax", 7, (1, 1), elementwise::softmax, ""),
    OpRow { all_outputs: true, ..row("Split", 7, (1, 2), slice::split, "constant sizes") },
    row("Squeeze", 7, (1, 2), shape::squeeze, "constant axes"),
    row("Sub", 7, (2, 2), elementwise::binary, ""),
    row("Tanh", 7, (1, 1), elementwise::unary, ""),
    row("Transpose", 7, (1, 1), shape::transpose, ""),
    row("Unsqueeze", 7, (1, 2), shape::unsqueeze, "constant axes"),
];

/// What to do about an operator that is not in the table.
fn advice(op: &str) -> &'static str {
    match op {
        "ConvInteger" | "MatMulInteger" | "DynamicQuantizeLinear" => {
            "scales that are computed at run time are not supported; give the float model, the compiler quantizes it itself"
        }
        "Shape" | "Gather" | "ConstantOfShape" | "Range" | "Size" | "Cast" | "Equal" | "Where" | "Expand" => {
            "often part of computed shapes: fix the input dimensions and fold constants, for instance with onnxsim"
        }
        "If" | "Loop" | "Scan" => "control flow has no static form here; export the model without it",
        "LSTM" | "GRU" | "RNN" => "recurrent layers are not built yet",
        _ => "docs/ops.md lists the operators; rewrite this part of the model with them, or leave it to the caller",
    }
}

fn unknown(op: &str, what: String) -> Error {
    Error::new(Code::UnsupportedOp, what).hint(advice(op))
}

/// The row of a node's operator; an error for one that is not the standard's or not in the table.
fn row_of(node: &NodeProto) -> Result<&'static OpRow> {
    let op = node.op_type.as_deref().unwrap_or("");
    let domain = node.domain.as_deref().unwrap_or("");
    let overload = node.overload.as_deref().unwrap_or("");
    if domain == "com.microsoft"
        && overload.is_empty()
        && let Ok(i) = quantized::MICROSOFT.binary_search_by_key(&op, |r| r.name)
    {
        return Ok(&quantized::MICROSOFT[i]);
    }
    if !matches!(domain, "" | "ai.onnx") || !overload.is_empty() {
        return Err(unknown(op, format!("operator {domain}.{op}{overload} is not supported: only the standard's own operators are")));
    }
    if !node.device_configurations.is_empty() {
        return Err(unknown(op, format!("{op} is distributed over devices")));
    }
    match TABLE.binary_search_by_key(&op, |r| r.name) {
        Ok(i) => Ok(&TABLE[i]),
        Err(_) => Err(unknown(op, format!("operator {op} is not supported"))),
    }
}

/// Why the node's operator is not supported at all, with the node's name; none where that depends on what it reads.
pub(crate) fn refused(node: &NodeProto) -> Option<Error> {
    row_of(node).err().map(|e| e.at(crate::node::node_label(node)))
}

/// Whether the node's operator computes more than its first output.
pub(crate) fn computes_all_outputs(node: &NodeProto) -> bool {
    row_of(node).is_ok_and(|r| r.all_outputs)
}

/// Imports one node: looks up its row, checks the number of inputs, runs the row's function, and refuses what was not read.
pub(crate) fn import_node(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (op, r) = (c.op, row_of(c.node)?);
    if c.opset < r.since {
        return Err(unknown(op, format!("operator {op} does not exist in opset {}, it came with {}", c.opset, r.since)));
    }
    // Inputs left out at the end by empty names are not there.
    let n = c.node.input.iter().rposition(|x| !x.is_empty()).map_or(0, |i| i + 1);
    if n < r.inputs.0 || n > r.inputs.1 {
        return Err(Error::new(Code::MissingAttr, format!("{op} with {n} inputs")).hint("the ONNX standard has another number of inputs"));
    }
    quantized::before(c)?;
    (r.import)(c)?;
    quantized::behind(c);
    c.attrs.finish(op, c.opset)
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(TABLE.windows(2).all(|w| w[0].name < w[1].name));
        assert!(super::quantized::MICROSOFT.windows(2).all(|w| w[0].name < w[1].name));
    }
}
