#!/usr/bin/env python3
"""Writes quantized_*.onnx, one small net as ONNX Runtime's quantizer makes it in several forms, and what ONNX Runtime answers
(`quantized_*.ref.npz`: `in.x` and `out.*`, samples on axis 0). Needs numpy, onnx and onnxruntime. Run it in its folder."""

import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

rng = np.random.default_rng(31)
SIZE, SAMPLES = 16, 12
nodes, constants = [], []


def constant(value):
    constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(constants)}"))
    return constants[-1].name


def normal(*shape, scale=1.0):
    return constant((rng.normal(size=shape) * scale).astype(np.float32))


def op(kind, *inputs, out=None, **attributes):
    out = out or f"t{len(nodes)}"
    nodes.append(helper.make_node(kind, list(inputs), [out], name=f"{kind}_{len(nodes)}", **attributes))
    return out


def conv(x, i, o, k, **attributes):
    fan = i // attributes.get("group", 1) * k * k
    return op("Conv", x, normal(o, i // attributes.get("group", 1), k, k, scale=fan**-0.5), normal(o, scale=0.1), kernel_shape=[k, k], **attributes)


x = op("Relu", conv("x", 3, 8, 3, strides=[2, 2], pads=[1, 1, 1, 1]))
d = op("Clip", conv(x, 8, 8, 3, pads=[1, 1, 1, 1], group=8), constant(np.float32(0)), constant(np.float32(6)))
x = op("Add", x, conv(d, 8, 8, 1))
gate = op("Sigmoid", conv(op("GlobalAveragePool", x), 8, 8, 1))
x = op("Mul", x, gate)
x = op("Concat", op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), op("AveragePool", d, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1), axis=1)
x = op("Reshape", x, constant(np.array([1, -1], np.int64)))
x = op("Relu", op("Gemm", x, normal(256, 20, scale=1 / 16), normal(20, scale=0.1)))
op("MatMul", x, normal(20, 10, scale=0.3), out="y")
value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
graph = helper.make_graph(nodes, "net", [value("x", 1, 3, SIZE, SIZE)], [value("y", 1, 10)], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)

images = np.cumsum(rng.normal(size=(40 + SAMPLES, 1, 3, SIZE, SIZE)), axis=-1).astype(np.float32) * 0.3


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = list(images[:40])

    def get_next(self):
        return {"x": self.left.pop(0)} if self.left else None


def edges(path):
    """The same net with codes at its inputs and outputs: the outer QuantizeLinear and DequantizeLinear are the caller's."""
    m = onnx.load(path)
    first = next(n for n in m.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "x")
    last = next(n for n in m.graph.node if n.op_type == "DequantizeLinear" and n.output[0] == "y")
    zero = {i.name: i.data_type for i in m.graph.initializer}
    for n, tensor, port, put in [(first, m.graph.input[0], first.output[0], "x"), (last, m.graph.output[0], last.input[0], "y")]:
        for k in m.graph.node:
            k.input[:] = [put if i == port else i for i in k.input]
            k.output[:] = [put if o == port else o for o in k.output]
        tensor.type.tensor_type.elem_type = zero[n.input[2]]
        m.graph.node.remove(n)
    onnx.checker.check_model(m)
    return m


FORMS = {
    "qdq_i8": dict(quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
    "qdq_u8": dict(quant_format=QuantFormat.QDQ, per_channel=False, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8),
    "qdq_zeros": dict(quant_format=QuantFormat.QDQ, per_channel=False, activation_type=QuantType.QUInt8, weight_type=QuantType.QUInt8),
    "operators_zeros": dict(quant_format=QuantFormat.QOperator, per_channel=False, activation_type=QuantType.QUInt8, weight_type=QuantType.QUInt8),
    "operators": dict(quant_format=QuantFormat.QOperator, per_channel=False, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8),
}
with tempfile.TemporaryDirectory() as folder:
    source = os.path.join(folder, "float.onnx")
    onnx.save(model, source)
    for name, how in FORMS.items():
        path = f"quantized_{name}.onnx"
        extra = {"WeightSymmetric": not name.endswith("zeros"), "ActivationSymmetric": False}
        quantize_static(source, path, Reader(), calibrate_method=CalibrationMethod.MinMax, extra_options=extra, **how)
        made = [(path, images[40:])]
        if name in ("qdq_i8", "qdq_u8"):
            m = edges(path)
            scale = {i.name: numpy_helper.to_array(i) for i in m.graph.initializer}
            q = onnx.load(path)
            first = next(n for n in q.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "x")
            s, z = scale[first.input[1]], scale[first.input[2]]
            ends = np.iinfo(z.dtype)
            codes = np.clip(np.rint(images[40:] / s) + z.astype(int), ends.min, ends.max).astype(z.dtype)
            onnx.save(m, f"quantized_{name}_codes.onnx")
            made.append((f"quantized_{name}_codes.onnx", codes))
        for path, xs in made:
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            np.savez(path.replace(".onnx", ".ref.npz"), **{"in.x": xs, "out.y": np.stack([session.run(["y"], {"x": x})[0] for x in xs])})
