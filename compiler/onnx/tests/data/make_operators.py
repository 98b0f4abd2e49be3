#!/usr/bin/env python3
"""Write operators.pb: small ONNX models of every operator, with inputs and the outputs of ONNX Runtime.

    pip install numpy onnx onnxruntime && python make_operators.py

The file is a sequence of length-delimited messages {1: name, 2: ModelProto, 3: input TensorProto, 4: output TensorProto}.
Fixed seed; the values come from numpy's PCG64 and one executor, so another version may differ in the last bits.
"""
import os
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper as nph

rng = np.random.default_rng(5)
cases = []
f32 = lambda *s: rng.normal(0, 1, s).astype(np.float32)
i64 = lambda *v: np.array(v, np.int64)


def case(op, opset, x, consts=(), inputs=None, **attrs):
    """One node: input `x`, then `consts` (None: an input left out) unless `inputs` names them."""
    inits, names = [], ["x"]
    for i, c in enumerate(consts):
        if c is None:
            names.append("")
        else:
            names.append(f"c{i}")
            inits.append(nph.from_array(np.asarray(c), f"c{i}"))
    graph_of([helper.make_node(op, inputs or names, ["y"], name="node", **attrs)], opset, x, inits, f"{op}-{opset} {attrs} {[np.shape(c) for c in consts if c is not None]}")


def graph_of(nodes, opset, x, inits, name):
    g = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], inits)
    m = helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    del m.graph.output[0].type.tensor_type.shape.dim[:]
    m.graph.output[0].type.tensor_type.ClearField("shape")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # the declared sizes of ceil_mode outputs differ between ONNX and its executors
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    y = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    cases.append((f"{len(cases)} {name}", m, nph.from_array(x, "x"), nph.from_array(y, "y")))


def conv():
    x, w, b = f32(2, 4, 7, 6), f32(6, 4, 3, 2), f32(6)
    for opset in (11, 22):
        case("Conv", opset, x, [w, b])
        case("Conv", opset, x, [w, b], strides=[2, 3], pads=[1, 0, 2, 1], dilations=[2, 1])
        for pad in ("SAME_UPPER", "SAME_LOWER", "VALID"):
            case("Conv", opset, x, [w], auto_pad=pad, strides=[2, 1])
    case("Conv", 7, x, [f32(8, 1, 3, 3)], group=4, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    case("Conv", 13, x, [f32(2, 2, 1, 1)], group=2, strides=[2, 2])
    case("Conv", 13, x, [f32(2, 4, 5, 2)], auto_pad="SAME_UPPER", dilations=[1, 1], strides=[3, 4])


def pool():
    x = f32(1, 3, 7, 6)
    for op, opsets in (("MaxPool", (7, 8, 10, 12, 22)), ("AveragePool", (7, 10, 19, 22))):
        for opset in opsets:
            case(op, opset, x, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
            case(op, opset, x, kernel_shape=[2, 3], auto_pad="SAME_LOWER", strides=[3, 2])
            case(op, opset, x, kernel_shape=[2, 3], auto_pad="SAME_UPPER", strides=[1, 2])
            if opset >= 10:
                case(op, opset, x, kernel_shape=[3, 3], strides=[3, 2], ceil_mode=1)
                case(op, opset, x, kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1)
    for opset in (7, 22):
        case("AveragePool", opset, x, kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 0, 2], count_include_pad=1)
        for op in ("GlobalAveragePool", "GlobalMaxPool"):
            case(op, opset, x)


def elementwise():
    x = 4 * f32(2, 3, 4)
    for op in ("Relu", "Sigmoid", "Tanh", "HardSwish"):
        case(op, 14, x)
    for op, attrs in (("LeakyRelu", {"alpha": 0.3}), ("Elu", {"alpha": 0.7}), ("HardSigmoid", {"alpha": 0.3, "beta": 0.4})):
        case(op, 16, x)
        case(op, 16, x, **attrs)
    case("Clip", 7, x, min=-1.0, max=2.0)
    case("Clip", 10, x, max=2.0)
    case("Clip", 11, x, [np.float32(-1), np.float32(2)])
    case("Clip", 13, x, [None, np.float32(2)])
    for op in ("Add", "Sub", "Mul", "Div"):
        case(op, 7, x, [f32(3, 1) + 5])
        case(op, 14, x, [f32(5, 1, 1, 4) + 5])
        case(op, 14, x, inputs=["x", "x"])
    for opset in (7, 11, 13, 22):
        case("Softmax", opset, x)
        case("Softmax", opset, x, axis=1)
        case("Softmax", opset, x, axis=2 if opset < 11 else -3)
    bn = [f32(3), f32(3), f32(3), f32(3) ** 2 + np.float32(0.1)]
    case("BatchNormalization", 9, x, bn, momentum=0.5)
    case("BatchNormalization", 15, x, bn, epsilon=0.3)


def matrices():
    x = f32(3, 4)
    case("MatMul", 9, x, [f32(4, 5)])
    case("MatMul", 13, f32(2, 1, 3, 4), [f32(5, 4, 2)])
    case("Gemm", 7, x, [f32(4, 5), f32(5)])
    case("Gemm", 9, x, [f32(5, 4), f32(1, 5)], transB=1, alpha=0.5, beta=2.0)
    case("Gemm", 11, x, [f32(4, 5), f32(3, 1)], beta=0.5)
    case("Gemm", 13, x, [f32(4, 5)], alpha=3.0)
    case("Gemm", 13, x, [f32(3, 5), f32(4, 5)], transA=1)
    case("Gemm", 13, x, [np.float32(2)], inputs=["x", "x", "c0"], transB=1, alpha=0.5, beta=3.0)


def shapes():
    x = f32(2, 3, 4)
    case("Reshape", 13, x, [i64(0, -1)])
    case("Reshape", 14, x, [i64(4, 0, -1)])
    for axis in (0, 1, 2, 3, -1):
        case("Flatten", 13, x, axis=axis)
    y = f32(1, 3, 1, 2)
    case("Squeeze", 11, y, axes=[-2])
    case("Squeeze", 11, y)
    case("Squeeze", 13, y, [i64(0, 2)])
    case("Unsqueeze", 11, x, axes=[0, 4])
    case("Unsqueeze", 13, x, [i64(-1, 1)])
    case("Transpose", 13, x)
    case("Transpose", 21, x, perm=[1, 2, 0])
    case("Concat", 11, x, [f32(2, 1, 4), f32(2, 2, 4)], axis=-2)
    case("Identity", 13, x)
    case("Dropout", 7, x, ratio=0.5)
    case("Dropout", 13, x, [np.float32(0.5)])
    case("Pad", 10, x, pads=[0, 1, 2, 1, 0, 0], value=2.5)
    case("Pad", 13, x, [i64(0, 1, 2, 1, 0, 0), np.float32(-1)])
    case("Pad", 18, x, [i64(1, 2, 3, 4), None, i64(2, -3)])
    case("ReduceMean", 11, x, axes=[-1, 0])
    case("ReduceMean", 13, x, keepdims=0)
    case("ReduceMean", 18, x, [i64(1)], keepdims=0)
    case("ReduceMean", 18, x)
    case("ReduceMean", 18, x, noop_with_empty_axes=1)
    for attrs in ({"value": nph.from_array(f32(3, 1))}, {"value_floats": [1.5, 2.0, -3.0, 4.0]}, {"value_float": 2.5}):
        graph_of([helper.make_node("Constant", [], ["k"], **attrs), helper.make_node("Mul", ["x", "k"], ["y"])], 13, x, [], "Constant")


def field(tag, data):
    n, out = len(data), bytes([tag << 3 | 2])
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n]) + data


for group in (conv, pool, elementwise, matrices, shapes):
    group()
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "operators.pb"), "wb") as out:
    for name, m, x, y in cases:
        body = field(1, name.encode()) + field(2, m.SerializeToString()) + field(3, x.SerializeToString()) + field(4, y.SerializeToString())
        out.write(field(1, body))
print(len(cases), "cases")
