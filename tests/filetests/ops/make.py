#!/usr/bin/env python3
"""Writes the *.mir files of this folder: one operator each, with the results that ONNX Runtime (float operators, mode `close`) or exact
Python integers (integer operators, mode `equal`) give for it. Needs numpy, onnx and onnxruntime. The test that reads them is
compiler/interp/tests/filetests.rs; a graph's outputs come in pairs, computed and wanted."""
import math
import pathlib
from fractions import Fraction

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(7)
NAMES = {np.dtype(k): v for k, v in {"f4": "f32", "i1": "i8", "u1": "u8", "i4": "i32"}.items()}


def attr(v):
    if isinstance(v, str):
        return f'"{v}"'
    if isinstance(v, float):
        return {math.inf: "inf", -math.inf: "-inf"}.get(v, repr(v))
    return repr(list(v)) if isinstance(v, (list, tuple)) else str(v)


def typed(a):
    return f"{NAMES[a.dtype]}[{', '.join(map(str, a.shape))}]"


def const(i, name, a, q=None):
    data = ", ".join(repr(v) for v in a.ravel().tolist())
    quant = f" q({q[0]!r}, {q[1]})" if q else ""
    return f'%{i} = const() "{name}" -> "{name}" {typed(a)}{quant} = [{data}]'


def write(file, mode, op, attrs, ins, want, quants=(), out_q=None):
    lines = [f"; test: {mode}", 'graph "t" {']
    for i, a in enumerate(ins):
        lines.append(const(i, f"in{i}", a, quants[i] if i < len(quants) else None))
    n = len(ins)
    at = " {" + ", ".join(f"{k} = {attr(v)}" for k, v in attrs.items()) + "}" if attrs else ""
    q = f" q({out_q[0]!r}, {out_q[1]})" if out_q else ""
    lines.append(f'%{n} = {op}({", ".join(f"%{i}" for i in range(n))}) "op"{at} -> "y" {typed(want)}{q}')
    lines.append(const(n + 1, "want", want, out_q))
    lines += ["inputs()", f'outputs("y" = %{n}, "want" = %{n + 1})', "}", ""]
    (HERE / f"{file}.mir").write_text("\n".join(lines))


def f(*shape, lo=-2.0, hi=2.0):
    return RNG.uniform(lo, hi, shape).astype(np.float32)


def ort(op, ins, attrs, opset=17):
    """ONNX Runtime's result of one operator."""
    names = [f"i{k}" for k in range(len(ins))]
    node = helper.make_node(op, names, ["y"], **attrs)
    kind = {np.dtype("f4"): TensorProto.FLOAT, np.dtype("i8"): TensorProto.INT64}
    infos = [helper.make_tensor_value_info(n, kind[a.dtype], a.shape) for n, a in zip(names, ins)]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(helper.make_graph([node], "g", infos, [out]), opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, dict(zip(names, ins)))[0]


def floats():
    conv = dict(strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2])
    x, w, b = f(2, 4, 7, 8), f(6, 2, 3, 2), f(6)
    y = ort("Conv", [x, w, b], dict(conv, group=2))
    write("conv_nchw", "close", "Conv", dict(conv, group=2, layout="NCHW"), [x, w, b], y)
    last = lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1))
    write("conv_nhwc", "close", "Conv", dict(conv, group=2, layout="NHWC"), [last(x), last(w), b], last(y))
    act = dict(conv, group=2, layout="NHWC", act_min=0.0, act_max=6.0)
    write("conv_act", "close", "Conv", act, [last(x), last(w), b], last(y).clip(0, 6))
    w1 = f(8, 1, 3, 3)
    same = dict(strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=4)
    write("conv_depthwise", "close", "Conv", dict(same, layout="NCHW"), [x, w1], ort("Conv", [x, w1], same))
    x, w, b = f(3, 5), f(4, 5), f(4)
    write("dense", "close", "Dense", {}, [x, w, b], ort("Gemm", [x, w, b], dict(transB=1)))
    write("matmul_row", "close", "MatMul", {}, [f_ := f(5), g := f(2, 5, 3)], ort("MatMul", [f_, g], {}))
    write("matmul_batch", "close", "MatMul", {}, [f_ := f(2, 1, 3, 4), g := f(3, 4, 2)], ort("MatMul", [f_, g], {}))
    for op in ["Add", "Sub", "Mul", "Div"]:
        a, b = f(2, 1, 4), f(3, 1)
        write(op.lower(), "close", op, {}, [a, b], ort(op, [a, b], {}))
    a, b = f(2, 4), f(4)
    write("add_act", "close", "Add", dict(act_min=-1.0, act_max=1.0), [a, b], ort("Add", [a, b], {}).clip(-1, 1))
    x = f(40, lo=-8, hi=8)
    for op, at in [("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("HardSwish", {}), ("LeakyRelu", dict(alpha=0.2)), ("Elu", dict(alpha=1.5)),
                   ("HardSigmoid", dict(alpha=0.25, beta=0.5))]:
        write(op.lower(), "close", op, at, [x], ort(op, [x], at))
    write("clip", "close", "Clip", dict(min=-1.5, max=math.inf), [x], np.maximum(x, np.float32(-1.5)))
    x = f(2, 3, 4)
    for axis in range(3):
        write(f"softmax_{axis}", "close", "Softmax", dict(axis=axis), [x], ort("Softmax", [x], dict(axis=axis)))
    x = f(1, 2, 5, 6)
    pool = dict(strides=[2, 2], pads=[1, 0, 1, 1])
    for name, op, extra in [("max_pool", "MaxPool", {}), ("average_pool", "AveragePool", dict(count_include_pad=0)),
                            ("average_pool_padded", "AveragePool", dict(count_include_pad=1))]:
        y = ort(op, [x], dict(pool, kernel_shape=[3, 2], **extra))
        write(name, "close", op, dict(pool, kernel=[3, 2], layout="NCHW", **extra), [x], y)
        write(name + "_nhwc", "close", op, dict(pool, kernel=[3, 2], layout="NHWC", **extra), [last(x)], last(y))
    p = [f(2), f(2), f(2), f(2, lo=0.1)]
    write("batch_normalization", "close", "BatchNormalization", dict(epsilon=0.01, axis=1), [x, *p],
          ort("BatchNormalization", [x, *p], dict(epsilon=0.01)))
    for keep in [0, 1]:
        y = ort("ReduceMean", [x], dict(axes=[1, 3], keepdims=keep))
        write(f"reduce_mean_{keep}", "close", "ReduceMean", dict(axes=[1, 3], keepdims=keep), [x], y)
    write("reshape", "close", "Reshape", dict(shape=[3, 4, 5]), [x], x.reshape(3, 4, 5))
    write("transpose", "close", "Transpose", dict(perm=[2, 0, 3, 1]), [x], np.ascontiguousarray(x.transpose(2, 0, 3, 1)))
    write("pad", "close", "Pad", dict(pads=[0, 1, 0, 2, 0, 0, 1, 0], value=0.5), [x],
          np.pad(x, [(0, 0), (1, 0), (0, 1), (2, 0)], constant_values=0.5))
    a, b = f(2, 1, 3), f(2, 2, 3)
    write("concat", "close", "Concat", dict(axis=1), [a, b], np.concatenate([a, b], 1))


def i8(*shape):
    return RNG.integers(-128, 128, shape).astype(np.int8)


def rule(acc, m, pre, shift, lo, hi, zp):
    """The rescaling rule in exact rationals: nearest, a half upwards."""
    real = Fraction(int(acc) * 2**pre * int(m), 2 ** (32 + shift))
    return min(hi, max(lo, zp + math.floor(real + Fraction(1, 2))))


def rules(acc, m, r, zp):
    m = np.broadcast_to(np.asarray(m, object), acc.shape)
    return np.array([rule(a, k, r["pre"], r["shift"], r["lo"], r["hi"], zp) for a, k in zip(acc.ravel(), m.ravel())], np.int8).reshape(acc.shape)


def pad_hw(x, pads):
    return np.pad(x, [(0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)])


def windows(x, kernel, strides, pads, dil=(1, 1)):
    """(output row, output column, patch [n, kh, kw, c]) of an image padded with zeros."""
    x = pad_hw(x, pads)
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dil)]
    for oy in range((x.shape[1] - span[0]) // strides[0] + 1):
        for ox in range((x.shape[2] - span[1]) // strides[1] + 1):
            y0, x0 = oy * strides[0], ox * strides[1]
            yield oy, ox, x[:, y0:y0 + span[0]:dil[0], x0:x0 + span[1]:dil[1]]


def integers():
    r = dict(pre=1, shift=6, lo=-120, hi=127)
    for name, dtype, zp in [("q_conv", np.int8, -7), ("q_conv_u8", np.uint8, 130)]:
        x = RNG.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (2, 5, 6, 4)).astype(dtype)
        w, bias, m = i8(6, 3, 2, 2), RNG.integers(-9000, 9000, 6).astype(np.int32), RNG.integers(1 << 21, 1 << 24, 6).astype(np.int32)
        a = dict(strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2], group=2)
        xs, ws = x.astype(object) - zp, w.astype(object)
        tiles = list(windows(xs, [3, 2], a["strides"], a["pads"], a["dilations"]))
        acc = np.zeros((2, tiles[-1][0] + 1, tiles[-1][1] + 1, 6), object)
        for oy, ox, patch in tiles:
            for o in range(6):
                acc[:, oy, ox, o] = (patch[..., o // 3 * 2:o // 3 * 2 + 2] * ws[o]).sum((1, 2, 3)) + bias[o]
        write(name, "equal", "q.conv", dict(a, **r), [x, w, bias, m], rules(acc, m, r, 3), [(0.5, zp)], (0.25, 3))
    x, w, bias, m = i8(3, 9), i8(5, 9), RNG.integers(-9000, 9000, 5).astype(np.int32), RNG.integers(1 << 28, 1 << 30, 5).astype(np.int32)
    s = dict(r, pre=0, shift=12)
    acc = (x.astype(object) + 128) @ w.astype(object).T + bias
    write("q_dense", "equal", "q.dense", s, [x, w, bias, m], rules(acc, m, s, -5), [(0.5, -128)], (0.25, -5))
    # Every eighth is met, so every half, and both ends of the range are passed.
    x, one = np.array([[v] for v in range(-128, 128)], np.int8), np.array([[1]], np.int8)
    h = dict(pre=0, shift=1, lo=-14, hi=13)
    want = rules(x.astype(object), 1 << 30, h, 0)
    write("q_dense_ends", "equal", "q.dense", h, [x, one, np.array([0], np.int32), np.array([1 << 30], np.int32)], want, [(1.0, 0)], (8.0, 0))
    x, y = i8(4, 16), i8(4, 16)
    a = dict(a=-3111, b=20011, c=-77777, shift=14, lo=-128, hi=100)
    acc = (x.astype(object) * a["a"] + y.astype(object) * a["b"] + a["c"]) // 2 ** a["shift"]
    write("q_add", "equal", "q.add", a, [x, y], acc.clip(-128, 100).astype(np.int8), [(0.5, 3), (0.1, -9)], (0.5, 1))
    for name, shape in [("q_mul", (2, 3, 4, 5)), ("q_mul_gate", (2, 1, 1, 5))]:
        x, y = i8(2, 3, 4, 5), i8(*shape)
        acc = (x.astype(object) - 5) * (y.astype(object) + 128)
        write(name, "equal", "q.mul", dict(s, m=1 << 29), [x, y], rules(acc, 1 << 29, s, -9), [(0.5, 5), (0.1, -128)], (0.5, -9))
    x = i8(1, 6, 5, 3)
    a = dict(kernel=[3, 2], strides=[2, 1], pads=[1, 1, 1, 0])
    counts = {(oy, ox): int(p[0, :, :, 0].sum()) for oy, ox, p in windows(np.ones((1, 6, 5, 1), object), a["kernel"], a["strides"], a["pads"])}
    tiles = list(windows(x.astype(object) + 4, a["kernel"], a["strides"], a["pads"]))
    mult = [(1 << 30) // n for n in range(1, 7)]
    want = np.zeros((1, tiles[-1][0] + 1, tiles[-1][1] + 1, 3), np.int8)
    s = dict(r, pre=2, shift=1)
    for oy, ox, p in tiles:
        want[:, oy, ox] = rules(p.sum((1, 2)), mult[counts[oy, ox] - 1], s, 2)
    write("q_avgpool", "equal", "q.avgpool", dict(a, m=mult, **s), [x], want, [(0.5, -4)], (0.5, 2))
    for oy, ox, p in windows(x.astype(object) + 1000, a["kernel"], a["strides"], a["pads"]):
        want[:, oy, ox] = (p.max((1, 2)) - 1000).astype(np.int8)
    write("q_maxpool", "equal", "q.maxpool", a, [x], want, [(0.5, -4)], (0.5, -4))
    for n in [1, 10, 1001]:
        scale, bits = 0.07, min(20, 30 - math.ceil(math.log2(n)))
        table = np.array([round(math.exp(-d * scale) * 2**bits) for d in range(256)], np.int32)
        x = i8(2, n)
        rows = []
        for row in x.tolist():
            e = [int(table[max(row) - q]) for q in row]
            big = 2 ** (30 + bits) // sum(e)
            rows.append([max(-128, min(127, (((v * 2 ** (30 - bits)) * big // 2**32 + 2**19) // 2**20) - 128)) for v in e])
        want = np.array(rows, np.int8)
        p = np.exp(scale * x.astype(float))
        assert np.abs((want.astype(float) + 128) / 256 - p / p.sum(1, keepdims=True)).max() <= 1 / 256, "softmax is off by more than a step"
        write(f"q_softmax_{n}", "equal", "q.softmax", dict(axis=1, bits=bits), [x, table], want, [(scale, 11)], (1 / 256, -128))
    x, table = np.arange(256).astype(np.uint8), i8(256)
    write("q_lut_u8", "equal", "q.lut", {}, [x, table], table, [(0.5, 7)], (0.25, 1))
    x = np.arange(-128, 128).astype(np.int8)
    write("q_lut", "equal", "q.lut", {}, [x, table], table, [(0.5, 7)], (0.25, 1))
    s = dict(r, pre=5, shift=4)
    write("q_rescale", "equal", "q.rescale", dict(s, m=2000000000), [x], rules(x.astype(object) - 3, 2000000000, s, 9), [(0.5, 3)], (0.2, 9))
    x = i8(2, 3)
    write("q_pad", "equal", "Pad", dict(pads=[0, 1, 1, 0], value=0.0), [x], np.pad(x, [(0, 1), (1, 0)], constant_values=-9), [(0.5, -9)], (0.5, -9))
    write("q_transpose", "equal", "Transpose", dict(perm=[1, 0]), [x], np.ascontiguousarray(x.T), [(0.5, -9)], (0.5, -9))


floats()
integers()
