//! The table of ONNX operators: one row each, with the function that turns a node into operators of the IR.

mod conv;
mod conv_transpose;
mod depth;
mod elementwise;
mod embedding;
mod expand;
mod gather;
mod gemm;
mod norm;
mod pad;
mod pool;
pub(crate) mod quantized;
mod recurrent;
mod reduce;
mod resize;
mod several;
mod shape;
mod slice;
mod window;

use crate::node::{Bound, Ctx};
use crate::proto::NodeProto;
use mcompc_ir::{Code, Error, Result};

/// Oldest operator set of the default domain.
pub const MIN_OPSET: i64 = 7;
/// Newest operator set of the default domain.
pub const MAX_OPSET: i64 = 27;

/// `E202` for an operator set that is not known.
pub(crate) fn check_opset(v: i64) -> Result<()> {
    if (MIN_OPSET..=MAX_OPSET).contains(&v) {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedOpset, format!("operator set {v}"))
        .hint(format!("sets {MIN_OPSET} to {MAX_OPSET} are supported; onnx.version_converter converts")))
}

type Import = fn(&mut Ctx<'_, '_, '_>) -> Result<()>;

/// One ONNX operator.
#[derive(Clone, Copy)]
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

/// Every operator that the importer knows, by name, but for the functions of one value, which say themselves how ONNX has them, and for
/// those that are only evaluated (shape arithmetic).
pub const TABLE: &[OpRow] = &[
    row("Add", 7, (2, 2), elementwise::binary, ""),
    row("AveragePool", 7, (1, 1), pool::average, "dilations 1"),
    row("BatchNormalization", 7, (5, 5), elementwise::batch_norm, "inference form"),
    row("Cast", 7, (1, 1), shape::cast_floats, "between floats, or of constants"),
    row("CastLike", 15, (2, 2), shape::cast_like, "between floats, or of constants"),
    row("Clip", 7, (1, 3), elementwise::clip, "constant bounds"),
    row("Concat", 7, (1, usize::MAX), shape::concat, ""),
    row("Constant", 7, (0, 0), shape::constant, "dense numeric values"),
    row("Conv", 7, (2, 3), conv::conv, ""),
    row("ConvTranspose", 7, (2, 3), conv_transpose::conv_transpose, "constant weights"),
    row("DepthToSpace", 7, (1, 1), depth::depth_to_space, ""),
    row("DequantizeLinear", 10, (2, 3), quantized::dequantize, "int8, uint8, int32; constants per tensor and axis"),
    row("Div", 7, (2, 2), elementwise::binary, ""),
    row("Dropout", 7, (1, 3), shape::dropout, "inference form, without the mask"),
    row("Expand", 8, (2, 2), expand::expand, "constant shape, at most 256 copies along a dimension"),
    row("Flatten", 7, (1, 1), shape::flatten, ""),
    OpRow { all_outputs: true, ..row("GRU", 7, (3, 6), recurrent::gru, "constant weights, at most 256 steps, no clip") },
    row("Gather", 7, (2, 2), gather::gather, "constant indices, or rows of a constant table by an integer input"),
    row("Gemm", 7, (2, 3), gemm::gemm, ""),
    row("GlobalAveragePool", 7, (1, 1), pool::global_average, ""),
    row("GlobalMaxPool", 7, (1, 1), pool::global_max, ""),
    row("GroupNormalization", 18, (3, 3), norm::group, ""),
    row("Identity", 7, (1, 1), shape::identity, ""),
    row("InstanceNormalization", 7, (3, 3), norm::instance, ""),
    row("LRN", 7, (1, 1), norm::local_response, ""),
    OpRow { all_outputs: true, ..row("LSTM", 7, (3, 8), recurrent::lstm, "constant weights, at most 256 steps, no clip") },
    row("LayerNormalization", 17, (2, 3), norm::last_axes, "the first output"),
    row("LogSoftmax", 7, (1, 1), reduce::log_softmax, ""),
    row("LpNormalization", 7, (1, 1), reduce::lp_normalization, ""),
    row("MatMul", 7, (2, 2), gemm::matmul, ""),
    row("Max", 7, (1, usize::MAX), several::extreme, ""),
    row("MaxPool", 7, (1, 1), pool::max, "dilations 1, without the indices"),
    row("Mean", 7, (1, usize::MAX), several::mean, ""),
    row("MeanVarianceNormalization", 9, (1, 1), norm::mean_variance, ""),
    row("Min", 7, (1, usize::MAX), several::extreme, ""),
    row("Mul", 7, (2, 2), elementwise::binary, ""),
    row("PRelu", 7, (2, 2), several::prelu, "constant slopes"),
    row("Pad", 7, (1, 4), pad::pad, "constant pads"),
    row("Pow", 7, (2, 2), several::power, "one constant exponent"),
    row("QLinearConv", 10, (8, 9), quantized::conv, "constant weights with zero point 0"),
    row("QLinearMatMul", 10, (8, 8), quantized::matmul, "constant weights with zero point 0"),
    row("QuantizeLinear", 10, (2, 3), quantized::quantize, "int8, uint8; per tensor"),
    row("RMSNormalization", 23, (2, 2), norm::last_axes, ""),
    OpRow { all_outputs: true, ..row("RNN", 7, (3, 6), recurrent::rnn, "constant weights, at most 256 steps, no clip") },
    row("ReduceL1", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("ReduceL2", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("ReduceLogSum", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("ReduceLogSumExp", 7, (1, 2), reduce::log_sum_exp, "constant axes"),
    row("ReduceMax", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceMean", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceMin", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceSum", 7, (1, 2), reduce::since_13, "constant axes"),
    row("ReduceSumSquare", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("Reshape", 7, (2, 2), shape::reshape, "constant shape"),
    row("Resize", 10, (1, 4), resize::resize, "constant scales or sizes"),
    row("Slice", 7, (1, 5), slice::slice, "constant ranges"),
    row("Softmax", 7, (1, 1), elementwise::softmax, ""),
    row("SpaceToDepth", 7, (1, 1), depth::space_to_depth, ""),
    OpRow { all_outputs: true, ..row("Split", 7, (1, 2), slice::split, "constant sizes") },
    row("Squeeze", 7, (1, 2), shape::squeeze, "constant axes"),
    row("Sub", 7, (2, 2), elementwise::binary, ""),
    row("Sum", 7, (1, usize::MAX), several::sum, ""),
    row("Tile", 7, (2, 2), expand::tile, "constant repeats, at most 256"),
    row("Transpose", 7, (1, 1), shape::transpose, ""),
    row("Unsqueeze", 7, (1, 2), shape::unsqueeze, "constant axes"),
    row("Upsample", 7, (1, 2), resize::upsample, "constant scales, up to opset 9"),
    row("Where", 9, (3, 3), several::choose, "a constant condition"),
];

/// What to do about an operator that is not in the table.
fn advice(op: &str) -> &'static str {
    match op {
        "ConvInteger" | "MatMulInteger" | "DynamicQuantizeLinear" => {
            "scales that are computed at run time are not supported; give the float model, the compiler quantizes it itself"
        }
        op if crate::fold::has(op) => "bind the dimensions that it depends on with --dim, or leave this part of the model to the caller",
        "If" | "Loop" | "Scan" => {
            "an If or a Loop is imported where its condition and its number of iterations are known while compiling; export the model without it"
        }
        _ => "docs/ops.md lists the operators; rewrite this part of the model with them, or leave it to the caller",
    }
}

fn unknown(op: &str, what: String) -> Error {
    Error::new(Code::UnsupportedOp, what).hint(advice(op))
}

/// The row of a node's operator; an error for one that is not the standard's or not known.
fn row_of(node: &NodeProto) -> Result<OpRow> {
    let op = node.op_type.as_deref().unwrap_or("");
    let domain = node.domain.as_deref().unwrap_or("");
    let overload = node.overload.as_deref().unwrap_or("");
    if domain == "com.microsoft"
        && overload.is_empty()
        && let Ok(i) = quantized::MICROSOFT.binary_search_by_key(&op, |r| r.name)
    {
        return Ok(quantized::MICROSOFT[i]);
    }
    if !matches!(domain, "" | "ai.onnx") || !overload.is_empty() {
        return Err(unknown(op, format!("operator {domain}.{op}{overload} is not supported: only the standard's own operators are")));
    }
    if !node.device_configurations.is_empty() {
        return Err(unknown(op, format!("{op} is distributed over devices")));
    }
    if let Ok(i) = TABLE.binary_search_by_key(&op, |r| r.name) {
        return Ok(TABLE[i]);
    }
    let function = mcompc_ops::functions().find(|f| f.op.name == op).and_then(|f| Some((f.op.name, f.since?)));
    match function {
        Some((name, since)) => Ok(row(name, since, (1, 1), elementwise::function, "")),
        None if crate::fold::has(op) => Ok(row("", 0, (0, usize::MAX), run_time, "")),
        None => Err(unknown(op, format!("operator {op} is not supported"))),
    }
}

/// An operator of shape arithmetic that is not evaluated.
fn run_time(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let name = (0..).map_while(|i| c.node.input.get(i)).find(|x| !x.is_empty() && c.b.known(x).is_none());
    let read = name.map_or_else(String::new, |n| format!(" of `{n}`"));
    Err(unknown(c.op, format!("{}{read} is computed at run time; it is supported where all that it reads is known while compiling", c.op)))
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
    match crate::fold::evaluate(c)? {
        Some(t) => c.bind(Bound::Const(t)),
        None => (r.import)(c)?,
    }
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
