#!/usr/bin/env python3
"""Writes embedding.onnx, a small text classifier (embedding, mean over the words, two dense layers) over int64 words, data for it, and what
ONNX Runtime answers (`embedding.ref.npz`: `in.ids`, `out.y`). Needs numpy, onnx and onnxruntime. Run it in its folder."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(5)
WORDS, LENGTH, WIDTH, CLASSES = 300, 12, 24, 4
constants = []


def constant(value):
    constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(constants)}"))
    return constants[-1].name


def normal(*shape, scale):
    return constant((rng.normal(size=shape) * scale).astype(np.float32))


nodes = [
    helper.make_node("Gather", [normal(WORDS, WIDTH, scale=1.0), "ids"], ["words"], axis=0),
    helper.make_node("ReduceMean", ["words"], ["mean"], axes=[1], keepdims=0),
    helper.make_node("Gemm", ["mean", normal(WIDTH, 16, scale=0.5), normal(16, scale=0.1)], ["hidden"]),
    helper.make_node("Relu", ["hidden"], ["relu"]),
    helper.make_node("Gemm", ["relu", normal(16, CLASSES, scale=0.5), normal(CLASSES, scale=0.1)], ["y"]),
]
inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, LENGTH])]
outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CLASSES])]
model = helper.make_model(
    helper.make_graph(nodes, "text", inputs, outputs, constants), opset_imports=[helper.make_opsetid("", 13)], ir_version=8
)
onnx.checker.check_model(model)
onnx.save(model, "embedding.onnx")
ids = rng.integers(-WORDS, WORDS, size=(160, 1, LENGTH), dtype=np.int64)
np.savez("embedding.calib.npz", ids=ids[:80])
session = onnxruntime.InferenceSession("embedding.onnx", providers=["CPUExecutionProvider"])
np.savez("embedding.ref.npz", **{"in.ids": ids[80:], "out.y": np.stack([session.run(["y"], {"ids": x})[0] for x in ids[80:]])})
np.savez("embedding.eval.npz", ids=ids[80:, 0].astype(np.int32))
