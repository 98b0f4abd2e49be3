//! Operators of ONNX Runtime's own domain, `com.microsoft`: what its optimizer and its quantizers write. They are spelt out with the standard's.

mod attention;
mod embedding;
mod fused;
mod nbits;
mod norm;

use super::{OpRow, dynamic, quantized, row};

/// All of them, by name.
pub(super) const TABLE: &[OpRow] = &[
    OpRow { all_outputs: true, ..row("Attention", 7, (2, 7), attention::attention, "without rotation") },
    row("BiasGelu", 7, (2, 2), fused::gelu, ""),
    row("DequantizeLinear", 7, (2, 3), quantized::dequantize, "as the standard's"),
    OpRow { all_outputs: true, ..row("DynamicQuantizeLSTM", 7, (12, 12), dynamic::lstm, "as the standard's LSTM, of the weights' reals") },
    row("DynamicQuantizeMatMul", 7, (3, 5), dynamic::matmul, "constant weights; codes are chosen while compiling"),
    OpRow { all_outputs: true, ..row("EmbedLayerNormalization", 7, (5, 9), embedding::embed, "constant tables") },
    row("FastGelu", 7, (1, 2), fused::gelu, ""),
    row("FusedConv", 7, (2, 4), fused::conv, "as the standard's Conv"),
    row("FusedGemm", 7, (2, 3), fused::gemm, ""),
    row("FusedMatMul", 7, (2, 2), fused::matmul, "without transBatchA and transBatchB"),
    row("Gelu", 7, (1, 1), fused::gelu, ""),
    row("MatMulIntegerToFloat", 7, (4, 7), dynamic::to_float, "codes of DynamicQuantizeLinear and constant weights"),
    row("MatMulNBits", 7, (3, 6), nbits::matmul, "constant weights of 2, 4 and 8 bits"),
    OpRow { all_outputs: true, ..row("MultiHeadAttention", 7, (1, 8), attention::several, "") },
    row("QGemm", 7, (6, 9), quantized::gemm, "constant weights"),
    row("QLinearAdd", 7, (7, 8), quantized::binary, ""),
    row("QLinearAveragePool", 7, (4, 5), quantized::pool, "channels first"),
    row("QLinearConcat", 7, (5, usize::MAX), quantized::concat, ""),
    row("QLinearConv", 7, (8, 9), quantized::conv, "as the standard's, channels first"),
    row("QLinearGlobalAveragePool", 7, (4, 5), quantized::pool, "channels first"),
    row("QLinearLeakyRelu", 7, (4, 5), quantized::unary, ""),
    row("QLinearMul", 7, (7, 8), quantized::binary, ""),
    row("QLinearReduceMean", 7, (4, 5), quantized::unary, ""),
    row("QLinearSigmoid", 7, (4, 5), quantized::unary, ""),
    row("QLinearSoftmax", 7, (4, 5), quantized::softmax, ""),
    row("QLinearWhere", 7, (9, 9), quantized::choose, ""),
    row("QuantizeLinear", 7, (2, 3), quantized::quantize, "as the standard's"),
    row("QuickGelu", 7, (1, 1), fused::quick_gelu, ""),
    row("RotaryEmbedding", 7, (4, 4), attention::rotary, "constant positions"),
    row("SimplifiedLayerNormalization", 7, (2, 2), super::norm::last_axes, "as RMSNormalization"),
    OpRow { all_outputs: true, ..row("SkipLayerNormalization", 7, (3, 5), norm::skip, "without mean and deviation as outputs") },
    OpRow { all_outputs: true, ..row("SkipSimplifiedLayerNormalization", 7, (3, 4), norm::skip, "without mean and deviation as outputs") },
    row("TransposeMatMul", 7, (2, 2), fused::matmul, ""),
];
