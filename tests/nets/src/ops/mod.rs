//! The table of ONNX operators that the generator makes: one row each. A test holds it to the importer's table.

mod arith;
mod conv;
mod dynamic;
mod functions;
mod gemm;
mod images;
mod moves;
mod norm;
mod picks;
mod pool;
mod quantized;
mod recurrent;
mod reduce;
mod repeat;
mod reshape;
mod several;
mod slice;
mod softmax;
mod typed;
mod window;

use crate::build::Builder;

/// One ONNX operator: adds a node (rarely a few) to the network and gives its result; `None` where it cannot be had here.
pub type Make = fn(&mut Builder<'_>) -> Option<usize>;

/// How an operator is made.
pub struct Row {
    /// ONNX name.
    pub op: &'static str,
    /// First operator set that has it.
    pub since: i64,
    /// How often it is chosen, against the others.
    pub weight: usize,
    /// Adds it.
    pub make: Make,
}

const fn row(op: &'static str, since: i64, weight: usize, make: Make) -> Row {
    Row { op, since, weight, make }
}

/// Stands for every function of one value.
const FUNCTION: &str = "function";

/// Every operator. The plainest come first: smaller choices mean earlier rows.
pub const ROWS: &[Row] = &[
    row("Relu", 7, 5, functions::relu),
    row("Conv", 7, 16, conv::conv),
    row("Add", 7, 6, arith::add),
    row("Mul", 7, 4, arith::mul),
    row("Sub", 7, 3, arith::sub),
    row("Div", 7, 2, arith::div),
    row("MaxPool", 7, 5, pool::max),
    row("AveragePool", 7, 5, pool::average),
    row("GlobalAveragePool", 7, 2, pool::global_average),
    row("GlobalMaxPool", 7, 1, pool::global_max),
    row("Gemm", 7, 5, gemm::gemm),
    row("MatMul", 7, 4, gemm::matmul),
    row("Concat", 7, 5, moves::concat),
    row("Pad", 7, 3, moves::pad),
    row("Slice", 7, 4, slice::slice),
    row("Split", 7, 2, slice::split),
    row("Transpose", 7, 3, moves::transpose),
    row("Reshape", 7, 3, reshape::reshape),
    row("Flatten", 7, 3, reshape::flatten),
    row("Squeeze", 7, 2, reshape::squeeze),
    row("Unsqueeze", 7, 2, reshape::unsqueeze),
    row("ReduceMean", 7, 3, reduce::mean),
    row("ReduceSum", 7, 1, reduce::sum),
    row("ReduceMax", 7, 1, reduce::max),
    row("ReduceMin", 7, 1, reduce::min),
    row("BatchNormalization", 7, 4, norm::batch),
    row("Clip", 7, 3, functions::clip),
    row(FUNCTION, 7, 12, functions::function),
    row("Softmax", 7, 2, softmax::softmax),
    row("Sum", 7, 1, several::sum),
    row("Mean", 7, 1, several::mean),
    row("Max", 7, 2, several::max),
    row("Min", 7, 2, several::min),
    row("Pow", 7, 2, several::pow),
    row("PRelu", 7, 2, several::prelu),
    row("Where", 9, 2, several::choose),
    row("Expand", 8, 2, repeat::expand),
    row("Tile", 7, 1, repeat::tile),
    row("Gather", 7, 2, repeat::gather),
    row("DepthToSpace", 7, 2, images::depth_to_space),
    row("SpaceToDepth", 7, 2, images::space_to_depth),
    row("Resize", 10, 3, images::resize),
    row("Upsample", 7, 1, images::upsample),
    row("ConvTranspose", 7, 3, images::conv_transpose),
    row("LayerNormalization", 17, 2, norm::layer),
    row("RMSNormalization", 23, 1, norm::rms),
    row("InstanceNormalization", 7, 1, norm::instance),
    row("GroupNormalization", 18, 1, norm::group),
    row("MeanVarianceNormalization", 9, 1, norm::mean_variance),
    row("LRN", 7, 1, norm::local_response),
    row("LpNormalization", 7, 1, norm::of_a_norm),
    row("LogSoftmax", 7, 1, norm::log_softmax),
    row("ReduceL1", 7, 1, reduce::l1),
    row("ReduceL2", 7, 1, reduce::l2),
    row("ReduceSumSquare", 7, 1, reduce::sum_square),
    row("ReduceLogSum", 7, 1, reduce::log_sum),
    row("ReduceLogSumExp", 7, 1, reduce::log_sum_exp),
    row("LSTM", 7, 1, recurrent::lstm),
    row("GRU", 7, 1, recurrent::gru),
    row("RNN", 7, 1, recurrent::rnn),
    row("Identity", 7, 1, functions::identity),
    row("Cast", 7, 1, functions::cast),
    row("CastLike", 15, 1, functions::cast_like),
    row("Dropout", 7, 1, functions::dropout),
    row("Constant", 7, 1, arith::constant),
    row("QuantizeLinear", 10, 2, quantized::quantize),
    row("DequantizeLinear", 10, 1, quantized::dequantize),
    row("QLinearConv", 10, 2, quantized::conv),
    row("QLinearMatMul", 10, 2, quantized::matmul),
    row("DynamicQuantizeLinear", 11, 1, dynamic::matmul),
    row("MatMulInteger", 10, 1, dynamic::matmul),
    row("ConvInteger", 10, 1, dynamic::conv),
    row("Equal", 7, 1, typed::equal),
    row("Less", 7, 1, typed::less),
    row("Greater", 7, 1, typed::greater),
    row("LessOrEqual", 12, 1, typed::less_or_equal),
    row("GreaterOrEqual", 12, 1, typed::greater_or_equal),
    row("And", 7, 1, typed::and),
    row("Or", 7, 1, typed::or),
    row("Xor", 7, 1, typed::xor),
    row("Not", 7, 1, typed::not),
    row("IsNaN", 9, 1, typed::is_nan),
    row("IsInf", 10, 1, typed::is_inf),
    row("Mod", 10, 1, typed::modulo),
    row("ArgMax", 7, 2, typed::arg_max),
    row("ArgMin", 7, 1, typed::arg_min),
    row("Hardmax", 7, 1, typed::hardmax),
    row("OneHot", 9, 1, typed::one_hot),
    row("TopK", 7, 1, typed::top_k),
    row("GatherElements", 11, 1, picks::gather_elements),
    row("GatherND", 11, 1, picks::gather_nd),
    row("Scatter", 9, 1, picks::old_scatter),
    row("ScatterElements", 11, 1, picks::scatter_elements),
    row("ScatterND", 11, 1, picks::scatter_nd),
    row("TensorScatter", 24, 1, picks::newer),
    row("Compress", 9, 1, picks::compress),
    row("ReverseSequence", 10, 1, picks::reverse),
    row("CenterCropPad", 18, 1, picks::center),
    row("CumSum", 11, 1, picks::cum_sum),
    row("CumProd", 26, 1, picks::newer),
    row("ReduceProd", 7, 1, picks::product),
    row("Einsum", 12, 2, picks::einsum),
    row("LpPool", 7, 1, picks::lp_pool),
    row("GlobalLpPool", 7, 1, picks::global_lp_pool),
    row("DFT", 17, 1, picks::dft),
    row("STFT", 17, 1, picks::stft),
    row("GridSample", 16, 1, picks::grid_sample),
    row("AffineGrid", 20, 1, picks::affine_grid),
    row("NegativeLogLikelihoodLoss", 12, 1, picks::likelihood),
    row("SoftmaxCrossEntropyLoss", 12, 1, picks::cross_entropy),
    row("Attention", 23, 1, picks::newer),
    row("RotaryEmbedding", 23, 1, picks::newer),
    row("LinearAttention", 27, 1, picks::newer),
    row("CausalConvWithState", 27, 1, picks::newer),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operator_of_the_importer_has_a_row() {
        let importer: BTreeSet<(&str, i64)> = mcompc_onnx::ops::TABLE.iter().map(|r| (r.name, r.since)).collect();
        let own = |op: &str| op != FUNCTION && op != "Relu";
        let rows: BTreeSet<(&str, i64)> = ROWS.iter().filter(|r| own(r.op)).map(|r| (r.op, r.since)).collect();
        assert_eq!(rows, importer, "an operator that the importer takes needs a row here: random networks hold every one");
        assert_eq!(ROWS.len(), rows.len() + 2);
    }
}
