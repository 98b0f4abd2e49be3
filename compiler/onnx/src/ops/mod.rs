//! The table of ONNX operators: one row each, with the function that turns a node into operators of the IR.

mod arg;
mod attention;
mod cast;
mod conv;
mod conv_transpose;
mod depth;
pub(crate) mod dynamic;
mod einsum;
mod elementwise;
mod embedding;
mod expand;
mod gather;
mod gemm;
mod hot;
mod linear_attention;
mod logic;
pub(crate) mod lookup;
mod microsoft;
mod nested;
mod norm;
mod pad;
mod pick;
mod pool;
pub(crate) mod quantized;
mod recurrent;
mod reduce;
mod resize;
mod running;
mod sample;
mod several;
mod shape;
mod slice;
mod spectrum;
mod top_k;
mod window;

use crate::node::{Bound, Ctx};
use crate::proto::NodeProto;
use mcompc_ir::{Code, Error, Result};
use std::collections::BTreeSet;

/// Oldest operator set of the default domain.
pub const MIN_OPSET: i64 = 6;
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
    /// First operator set that has it as it is here; 7 where set 6 has it, too.
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
    row("AffineGrid", 20, (2, 2), sample::affine_grid, "a constant size"),
    row("And", 7, (2, 2), logic::both, ""),
    row("ArgMax", 7, (1, 1), arg::place, ""),
    row("ArgMin", 7, (1, 1), arg::place, ""),
    OpRow { all_outputs: true, ..row("Attention", 23, (3, 7), attention::attention, "") },
    row("AveragePool", 7, (1, 1), pool::average, "dilations 1"),
    row("BatchNormalization", 7, (5, 5), elementwise::batch_norm, "inference form"),
    row("Cast", 7, (1, 1), cast::cast_to, ""),
    row("CastLike", 15, (2, 2), cast::cast_like, ""),
    OpRow { all_outputs: true, ..row("CausalConvWithState", 27, (2, 4), linear_attention::causal_conv, "") },
    row("CenterCropPad", 18, (2, 2), pad::center, "a constant shape"),
    row("Clip", 7, (1, 3), elementwise::clip, "constant bounds"),
    row("Compress", 9, (2, 2), pick::compress, "a constant condition"),
    row("Concat", 7, (1, usize::MAX), shape::concat, ""),
    row("Constant", 7, (0, 0), shape::constant, "dense numeric values"),
    row("Conv", 7, (2, 3), conv::conv, ""),
    row("ConvInteger", 10, (2, 4), dynamic::product, "codes of DynamicQuantizeLinear, constant weights"),
    row("ConvTranspose", 7, (2, 3), conv_transpose::conv_transpose, "constant weights"),
    row("CumProd", 26, (2, 2), running::products, "constant axis, at most 256 elements along it"),
    row("CumSum", 11, (2, 2), running::sums, "constant axis, at most 2048 elements along it"),
    row("DFT", 17, (1, 3), spectrum::dft, "constant length and axis, at most 4096 elements"),
    row("DepthToSpace", 7, (1, 1), depth::depth_to_space, ""),
    row(
        "DequantizeLinear",
        10,
        (2, 3),
        quantized::dequantize,
        "int8, uint8, int16, uint16, int32; constants per tensor, axis and block, of 4 bits, too",
    ),
    row("Div", 7, (2, 2), elementwise::binary, ""),
    row("Dropout", 7, (1, 3), shape::dropout, "inference form, without the mask"),
    OpRow {
        all_outputs: true,
        ..row(
            "DynamicQuantizeLinear",
            11,
            (1, 1),
            dynamic::quantize,
            "where its scale is taken back behind a product; codes are chosen while compiling",
        )
    },
    row("Einsum", 12, (1, usize::MAX), einsum::einsum, ""),
    row("Equal", 7, (2, 2), logic::compare, ""),
    row("Expand", 8, (2, 2), expand::expand, "constant shape, at most 256 copies along a dimension"),
    row("Flatten", 7, (1, 1), shape::flatten, ""),
    OpRow { all_outputs: true, ..row("GRU", 7, (3, 6), recurrent::gru, "constant weights, at most 256 steps, no clip") },
    row("Gather", 7, (2, 2), gather::gather, "constant indices, or rows of a constant table by an integer input"),
    row("GatherElements", 11, (2, 2), pick::gather_elements, "constant indices, at most 256 runs of them"),
    row("GatherND", 11, (2, 2), pick::gather_nd, "constant indices, at most 256 runs of them"),
    row("Gemm", 7, (2, 3), gemm::gemm, ""),
    row("GlobalAveragePool", 7, (1, 1), pool::global_average, ""),
    row("GlobalLpPool", 7, (1, 1), pool::global_lp, ""),
    row("GlobalMaxPool", 7, (1, 1), pool::global_max, ""),
    row("Greater", 7, (2, 2), logic::compare, ""),
    row("GreaterOrEqual", 12, (2, 2), logic::compare, ""),
    row("GridSample", 16, (2, 2), sample::grid_sample, "constant points"),
    row("GroupNormalization", 18, (3, 3), norm::group, ""),
    row("Hardmax", 7, (1, 1), hot::hardmax, ""),
    row("Identity", 7, (1, 1), shape::identity, ""),
    row("InstanceNormalization", 7, (3, 3), norm::instance, ""),
    row("IsInf", 10, (1, 1), logic::is_inf, ""),
    row("IsNaN", 9, (1, 1), logic::is_nan, ""),
    row("LRN", 7, (1, 1), norm::local_response, ""),
    OpRow { all_outputs: true, ..row("LSTM", 7, (3, 8), recurrent::lstm, "constant weights, at most 256 steps, no clip") },
    OpRow { all_outputs: true, ..row("LayerNormalization", 17, (2, 3), norm::last_axes, "") },
    row("Less", 7, (2, 2), logic::compare, ""),
    row("LessOrEqual", 12, (2, 2), logic::compare, ""),
    OpRow { all_outputs: true, ..row("LinearAttention", 27, (3, 6), linear_attention::linear, "at most 256 steps") },
    row("LogSoftmax", 7, (1, 1), reduce::log_softmax, ""),
    row("LpNormalization", 7, (1, 1), reduce::lp_normalization, ""),
    row("LpPool", 7, (1, 1), pool::lp, "dilations 1"),
    row("MatMul", 7, (2, 2), gemm::matmul, ""),
    row("MatMulInteger", 10, (2, 4), dynamic::product, "codes of DynamicQuantizeLinear, constant weights"),
    row("Max", 7, (1, usize::MAX), several::extreme, ""),
    row("MaxPool", 7, (1, 1), pool::max, "dilations 1, without the indices"),
    row("Mean", 7, (1, usize::MAX), several::mean, ""),
    row("MeanVarianceNormalization", 9, (1, 1), norm::mean_variance, ""),
    row("Min", 7, (1, usize::MAX), several::extreme, ""),
    row("Mod", 10, (2, 2), logic::remainder, ""),
    row("Mul", 7, (2, 2), elementwise::binary, ""),
    row("NegativeLogLikelihoodLoss", 12, (2, 3), hot::loss, ""),
    row("Not", 7, (1, 1), logic::not, ""),
    row("OneHot", 9, (3, 3), hot::one_hot, "constant depth"),
    row("Or", 7, (2, 2), logic::both, ""),
    row("PRelu", 7, (2, 2), several::prelu, ""),
    row("Pad", 7, (1, 4), pad::pad, "constant pads"),
    row("Pow", 7, (2, 2), several::power, "one constant exponent"),
    row("QLinearConv", 10, (8, 9), quantized::conv, "constant weights"),
    row("QLinearMatMul", 10, (8, 8), quantized::matmul, "constant weights"),
    row("QuantizeLinear", 10, (2, 3), quantized::quantize, "int8, uint8, int16, uint16; per tensor; constants per axis and block, too"),
    row("RMSNormalization", 23, (2, 2), norm::last_axes, ""),
    OpRow { all_outputs: true, ..row("RNN", 7, (3, 6), recurrent::rnn, "constant weights, at most 256 steps, no clip") },
    row("ReduceL1", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("ReduceL2", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("ReduceLogSum", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("ReduceLogSumExp", 7, (1, 2), reduce::log_sum_exp, "constant axes"),
    row("ReduceMax", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceMean", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceMin", 7, (1, 2), reduce::since_18, "constant axes"),
    row("ReduceProd", 7, (1, 2), running::product, "constant axes, at most 256 elements along each"),
    row("ReduceSum", 7, (1, 2), reduce::since_13, "constant axes"),
    row("ReduceSumSquare", 7, (1, 2), reduce::of_a_sum, "constant axes"),
    row("Reshape", 7, (2, 2), shape::reshape, "constant shape"),
    row("Resize", 10, (1, 4), resize::resize, "constant scales or sizes"),
    row("ReverseSequence", 10, (2, 2), pick::reverse, "constant lengths"),
    row("RotaryEmbedding", 23, (3, 4), attention::rotary, "constant positions"),
    row("STFT", 17, (2, 4), spectrum::stft, "real signals, at most 256 frames"),
    row("Scatter", 9, (3, 3), pick::scatter_elements, "constant indices, at most 256 runs of them"),
    row("ScatterElements", 11, (3, 3), pick::scatter_elements, "constant indices, at most 256 runs of them"),
    row("ScatterND", 11, (3, 3), pick::scatter_nd, "constant indices, at most 256 runs of them"),
    row("Slice", 7, (1, 5), slice::slice, "constant ranges"),
    row("Softmax", 7, (1, 1), elementwise::softmax, ""),
    OpRow { all_outputs: true, ..row("SoftmaxCrossEntropyLoss", 12, (2, 3), hot::loss, "") },
    row("SpaceToDepth", 7, (1, 1), depth::space_to_depth, ""),
    OpRow { all_outputs: true, ..row("Split", 7, (1, 2), slice::split, "constant sizes") },
    row("Squeeze", 7, (1, 2), shape::squeeze, "constant axes"),
    row("Sub", 7, (2, 2), elementwise::binary, ""),
    row("Sum", 7, (1, usize::MAX), several::sum, ""),
    row("TensorScatter", 24, (2, 3), pick::tensor_scatter, "constant indices, at most 256 runs of them"),
    row("Tile", 7, (2, 2), expand::tile, "constant repeats, at most 256"),
    OpRow { all_outputs: true, ..row("TopK", 7, (1, 2), top_k::top_k, "a constant number, at most 64") },
    row("Transpose", 7, (1, 1), shape::transpose, ""),
    row("Unsqueeze", 7, (1, 2), shape::unsqueeze, "constant axes"),
    row("Upsample", 7, (1, 2), resize::upsample, "constant scales, up to opset 9"),
    row("Where", 9, (3, 3), several::choose, ""),
    row("Xor", 7, (2, 2), logic::both, ""),
];

/// The operators of ONNX Runtime's own, `com.microsoft`.
pub fn microsoft() -> &'static [OpRow] {
    microsoft::TABLE
}

/// An ONNX operator as documents show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// Its name, with the domain where that is not the standard's.
    pub name: String,
    /// First operator set that has it (not below [`MIN_OPSET`]).
    pub since: i64,
    /// What of it is taken, where that is less than the standard.
    pub notes: String,
}

/// Every ONNX operator that is taken, in alphabetical order: those of [`TABLE`], functions of one value, operators on codes, and what is
/// evaluated while compiling.
pub fn taken() -> Vec<Taken> {
    let row = |name: String, r: &OpRow| Taken { name, since: r.since, notes: r.notes.into() };
    let mut all: Vec<Taken> = TABLE.iter().map(|r| row(r.name.into(), r)).collect();
    all.extend(microsoft::TABLE.iter().map(|r| row(format!("com.microsoft.{}", r.name), r)));
    let functions = mcompc_ops::functions().filter_map(|f| Some(Taken { name: f.op.name.into(), since: f.since?, notes: String::new() }));
    all.extend(functions.filter(|f| TABLE.iter().all(|r| r.name != f.name)));
    let known: BTreeSet<String> = all.iter().map(|t| t.name.clone()).collect();
    let folded = crate::fold::names().filter(|(name, _)| !known.contains(*name));
    let mut folded: Vec<Taken> =
        folded.map(|(n, s)| Taken { name: n.into(), since: s.max(MIN_OPSET), notes: "of what is known while compiling".into() }).collect();
    folded.sort();
    folded.dedup_by(|b, a| a.name == b.name);
    all.extend(folded);
    all.sort();
    all
}

/// What to do about an operator that is not in the table.
fn advice(op: &str) -> &'static str {
    match op {
        op if crate::fold::has(op) => "bind the dimensions that it depends on with --dim, or leave this part of the model to the caller",
        "If" | "Loop" | "Scan" => {
            "a Loop is imported where its number of iterations is known while compiling, an If where its condition is, or both branches give the same shapes"
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
    // ONNX Runtime has one operator of its own in the standard's domain.
    if (domain == "com.microsoft" || domain.is_empty() && op == "SimplifiedLayerNormalization")
        && overload.is_empty()
        && let Ok(i) = microsoft::TABLE.binary_search_by_key(&op, |r| r.name)
    {
        return Ok(microsoft::TABLE[i]);
    }
    if !matches!(domain, "" | "ai.onnx") || !overload.is_empty() {
        return Err(unknown(
            op,
            format!(
                "operator {domain}.{op}{overload} is not supported: only the standard's own operators are, and of com.microsoft those that docs/ops.md lists"
            ),
        ));
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
    // Set 6 is what set 7 is, where no attribute says that operands broadcast otherwise: nobody reads those.
    let least = if r.since == 7 { MIN_OPSET } else { r.since };
    // ONNX Runtime's optimizer writes this one into models of any set.
    if c.opset < least && op != "LayerNormalization" {
        return Err(unknown(op, format!("operator {op} does not exist in opset {}, it came with {}", c.opset, r.since)));
    }
    // Inputs left out at the end by empty names are not there.
    let n = c.node.input.iter().rposition(|x| !x.is_empty()).map_or(0, |i| i + 1);
    if n < r.inputs.0 || n > r.inputs.1 {
        return Err(Error::new(Code::MissingAttr, format!("{op} with {n} inputs")).hint("the ONNX standard has another number of inputs"));
    }
    dynamic::before(c)?;
    quantized::before(c)?;
    crate::kinds::before(c)?;
    // What changes to a type that another one holds is no constant of that type.
    if dynamic::kept(c)? || quantized::with_codes(c)? {
        return c.attrs.finish(op, c.opset);
    }
    let known = if cast::is_foreign(c) { None } else { crate::fold::evaluate(c)? };
    match known {
        Some(t) => c.bind(Bound::Const(t)),
        None => (r.import)(c)?,
    }
    quantized::behind(c);
    crate::kinds::behind(c)?;
    c.attrs.finish(op, c.opset)
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(TABLE.windows(2).all(|w| w[0].name < w[1].name));
        assert!(super::microsoft::TABLE.windows(2).all(|w| w[0].name < w[1].name));
    }
}
