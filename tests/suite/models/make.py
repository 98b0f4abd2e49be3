"""Small nets with random weights that hold what the public models do not: squeeze-and-excitation, branches, groups, odd windows.

    make.py        (numpy, onnx; writes NAME.onnx and NAME.calib.npz beside itself)
"""
import os

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(1)


class Net:
    """Nodes and constants under construction."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def normal(self, *shape, scale=1.0):
        return self.constant(rng.normal(0, scale, shape).astype(np.float32))

    def op(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name + "_out"], name=name, **attributes))
        return name + "_out"

    def conv(self, x, inputs, outputs, kernel, group=1, bias=True, **attributes):
        fan = inputs // group * kernel * kernel
        operands = [x, self.normal(outputs, inputs // group, kernel, kernel, scale=fan**-0.5)]
        if bias:
            operands.append(self.normal(outputs, scale=0.1))
        return self.op("Conv", *operands, group=group, **attributes)

    def write(self, name, result, size, outputs):
        shape = [1, 3, size, size]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        y = helper.make_tensor_value_info(result, TensorProto.FLOAT, [1, outputs])
        graph = helper.make_graph(self.nodes, name, [x], [y], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        checker.check_model(model)
        save(model, f"{HERE}/{name}.onnx")
        np.savez_compressed(f"{HERE}/{name}.calib.npz", x=rng.normal(0, 1, [4, *shape[1:]]).astype(np.float16))


def squeeze_excite():
    n = Net()
    x = n.op("HardSwish", n.conv("x", 3, 16, 3, strides=[2, 2], pads=[1, 1, 1, 1]))
    d = n.op("Relu", n.conv(x, 16, 16, 3, group=16, pads=[1, 1, 1, 1]))
    s = n.op("Relu", n.conv(n.op("GlobalAveragePool", d), 16, 8, 1))
    s = n.op("HardSigmoid", n.conv(s, 8, 16, 1))
    x = n.op("Add", x, n.conv(n.op("Mul", d, s), 16, 16, 1))
    x = n.op("Flatten", n.op("GlobalAveragePool", x))
    n.write("squeeze_excite", n.op("Gemm", x, n.normal(10, 16, scale=0.3), n.normal(10), transB=1), 32, 10)


def branches():
    n = Net()
    x = n.op("LeakyRelu", n.conv("x", 3, 8, 3, pads=[1, 1, 1, 1]), alpha=0.1)
    x = n.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    a = n.op("Relu", n.conv(x, 8, 12, 1))
    b = n.op("Relu", n.conv(x, 8, 8, 3, pads=[1, 1, 1, 1], group=2))
    c = n.op("AveragePool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    x = n.conv(n.op("Concat", a, b, c, axis=1), 28, 56, 3, group=28, strides=[2, 2], pads=[0, 0, 1, 1])
    x = n.op("Clip", x, n.constant(np.float32(0)), n.constant(np.float32(6)))
    x = n.op("Sigmoid", n.conv(x, 56, 10, 1))
    n.write("branches", n.op("Softmax", n.op("ReduceMean", x, axes=[2, 3], keepdims=0), axis=1), 24, 10)


def odds_and_ends():
    n = Net()
    x = n.op("Sub", "x", n.constant(np.array([0.1, 0.2, 0.3], np.float32).reshape(1, 3, 1, 1)))
    x = n.op("Div", x, n.constant(np.array([0.9, 0.8, 0.7], np.float32).reshape(1, 3, 1, 1)))
    x = n.conv(x, 3, 12, 3, bias=False, dilations=[2, 2], pads=[2, 2, 2, 2])
    stats = [n.constant(np.abs(rng.normal(1, 0.2, 12)).astype(np.float32)) for _ in range(4)]
    x = n.op("Tanh", n.op("BatchNormalization", x, *stats))
    x = n.op("Pad", x, n.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)))
    x = n.op("Elu", n.conv(x, 12, 7, 3, strides=[2, 2]))
    x = n.op("Reshape", x, n.constant(np.array([1, -1], np.int64)))
    n.write("odds_and_ends", n.op("Add", n.op("MatMul", x, n.normal(448, 5, scale=0.1)), n.normal(5)), 16, 5)


squeeze_excite()
branches()
odds_and_ends()
