//! The table of ONNX operators that the generator makes: one row each. A test holds it to the importer's table.

mod arith;
mod conv;
mod functions;
mod gemm;
mod moves;
mod norm;
mod pool;
mod quantized;
mod reduce;
mod reshape;
mod slice;
mod softmax;
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
    row("Sigmoid", 7, 2, functions::sigmoid),
    row("Tanh", 7, 2, functions::tanh),
    row("HardSwish", 14, 2, functions::hard_swish),
    row("HardSigmoid", 7, 2, functions::hard_sigmoid),
    row("LeakyRelu", 7, 2, functions::leaky_relu),
    row("Elu", 7, 2, functions::elu),
    row("Softmax", 7, 2, softmax::softmax),
    row("Identity", 7, 1, functions::identity),
    row("Dropout", 7, 1, functions::dropout),
    row("Constant", 7, 1, arith::constant),
    row("QuantizeLinear", 10, 2, quantized::quantize),
    row("DequantizeLinear", 10, 1, quantized::dequantize),
    row("QLinearConv", 10, 2, quantized::conv),
    row("QLinearMatMul", 10, 2, quantized::matmul),
    row("Gather", 7, 1, quantized::gather),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operator_of_the_importer_has_a_row() {
        let importer: BTreeSet<(&str, i64)> = mcompc_onnx::ops::TABLE.iter().map(|r| (r.name, r.since)).collect();
        let rows: BTreeSet<(&str, i64)> = ROWS.iter().map(|r| (r.op, r.since)).collect();
        assert_eq!(rows, importer, "an operator that the importer takes needs a row here: random networks hold every one");
        assert_eq!(ROWS.len(), rows.len());
    }
}
