#!/usr/bin/env python3
"""Writes stream.onnx, a small streaming net with two states (the last columns of a convolution's window, a gated unit), data for it, and
what ONNX Runtime answers step by step. `stream.calib.npz` and `stream.eval.npz` are sequences, `stream.ref.npy` holds the answers `y` to
the second. Needs numpy, onnx and onnxruntime. Run it in its folder."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(20)
CHANNELS, TAPS, UNITS, STEPS = 6, 3, 8, 160
constants = []


def constant(value):
    constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(constants)}"))
    return constants[-1].name


def normal(*shape, scale):
    return constant((rng.normal(size=shape) * scale).astype(np.float32))


def gemm(x, k, n, y):
    return helper.make_node("Gemm", [x, normal(k, n, scale=k**-0.5), normal(n, scale=0.1)], [y])


ints = lambda *v: constant(np.array(v, np.int64))
nodes = [
    helper.make_node("Concat", ["ring", "x"], ["window"], axis=2),
    helper.make_node("Slice", ["window", ints(1), ints(TAPS), ints(2)], ["ring_next"]),
    helper.make_node("Conv", ["window", normal(8, CHANNELS, TAPS, scale=0.3), normal(8, scale=0.1)], ["conv"]),
    helper.make_node("Relu", ["conv"], ["relu"]),
    helper.make_node("Reshape", ["relu", ints(1, 8)], ["features"]),
    helper.make_node("Concat", ["features", "h"], ["both"], axis=1),
    gemm("both", 8 + UNITS, UNITS, "gate_sum"),
    helper.make_node("Sigmoid", ["gate_sum"], ["gate"]),
    gemm("both", 8 + UNITS, UNITS, "new_sum"),
    helper.make_node("Tanh", ["new_sum"], ["new"]),
    helper.make_node("Mul", ["gate", "h"], ["kept"]),
    helper.make_node("Sub", [constant(np.float32(1)), "gate"], ["other"]),
    helper.make_node("Mul", ["other", "new"], ["added"]),
    helper.make_node("Add", ["kept", "added"], ["h_next"]),
    gemm("h_next", UNITS, 3, "y"),
]
value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
inputs = [value("x", 1, CHANNELS, 1), value("ring", 1, CHANNELS, TAPS - 1), value("h", 1, UNITS)]
outputs = [value("y", 1, 3), value("ring_next", 1, CHANNELS, TAPS - 1), value("h_next", 1, UNITS)]
graph = helper.make_graph(nodes, "stream", inputs, outputs, constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "stream.onnx")

time = np.arange(2 * STEPS)
signal = np.stack([np.sin(0.1 * (i + 1) * time) for i in range(CHANNELS)], 1) + 0.2 * rng.normal(size=(2 * STEPS, CHANNELS))
signal = signal.astype(np.float32).reshape(-1, 1, CHANNELS, 1)
start = np.linspace(-0.5, 0.5, UNITS, dtype=np.float32)
np.savez("stream.calib.npz", x=signal[:STEPS], h=start)
np.savez("stream.eval.npz", x=signal[STEPS:])
session = onnxruntime.InferenceSession("stream.onnx", providers=["CPUExecutionProvider"])
ring, h, answers = np.zeros((1, CHANNELS, TAPS - 1), np.float32), start[None], []
for x in signal[STEPS:]:
    y, ring, h = session.run(["y", "ring_next", "h_next"], {"x": x, "ring": ring, "h": h})
    answers.append(y[0])
np.save("stream.ref.npy", np.array(answers))
