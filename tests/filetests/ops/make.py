#!/usr/bin/env python3
"""Writes the *.mir files of this folder: one float operator each, with the results that ONNX Runtime gives for it. Needs numpy, onnx and
onnxruntime. The test that reads them is compiler/interp/tests/filetests.rs; a graph's outputs come in pairs, computed and wanted.
Integer operators are in ../int."""
import math
import pathlib

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
    # After the others: they draw from one generator.
    x = f(3, 4, 5)
    axes = np.array([2, 0], np.int64)
    for op in ["ReduceSum", "ReduceMax", "ReduceMin"]:
        y = ort(op, [x, axes], {}, 18)
        write("reduce_" + op[6:].lower(), "close", op, dict(axes=[2, 0], keepdims=1), [x], y)
    y = ort("Slice", [x, *(np.array(v, np.int64) for v in ([2, 1, -1], [-4, 4, 0], [0, 1, 2], [-1, 2, -3]))], {}, 13)
    write("slice", "close", "Slice", dict(starts=[2, 1, 4], sizes=list(y.shape), steps=[-1, 2, -3]), [x], y)
    pads = np.array([2, 0, 1, 1, 3, 4], np.int64)
    for mode in ["reflect", "edge", "wrap"]:
        y = ort("Pad", [x, pads], dict(mode=mode), 19)
        write(f"pad_{mode}", "close", "Pad", dict(pads=list(map(int, pads)), value=0.0, mode=mode), [x], y)
    # Sequences and volumes.
    last = lambda a: np.ascontiguousarray(np.moveaxis(a, 1, -1))
    for name, x, w, at in [("1", f(2, 4, 9), f(6, 2, 3), dict(strides=[2], pads=[1, 2], dilations=[2], group=2)),
                           ("3", f(1, 2, 4, 5, 3), f(3, 2, 2, 3, 1), dict(strides=[1, 2, 1], pads=[1, 0, 0, 0, 2, 1], dilations=[2, 1, 1], group=1))]:
        y = ort("Conv", [x, w], at)
        write("conv_" + name, "close", "Conv", dict(at, layout="NCHW"), [x, w], y)
        write("conv_" + name + "_nhwc", "close", "Conv", dict(at, layout="NHWC"), [last(x), last(w)], last(y))
        n = x.ndim - 2
        pool = dict(strides=[2] * n, pads=[1] * n + [0] * n)
        for op, extra in [("MaxPool", {}), ("AveragePool", dict(count_include_pad=0))]:
            y = ort(op, [x], dict(pool, kernel_shape=[2] * n, **extra))
            write(f"{op.lower()}_{name}", "close", op, dict(pool, kernel=[2] * n, layout="NCHW", **extra), [x], y)


def functions():
    """The functions of one value that the rows above leave out."""
    within = {"Acos": (-1, 1), "Asin": (-1, 1), "Atanh": (-0.875, 0.875), "Acosh": (1, 64), "Log": (0.25, 64), "Reciprocal": (0.25, 8), "Sqrt": (0, 64), "Tan": (-1.25, 1.25)}
    for op in "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Mish Neg Reciprocal Round Sign Sin Sinh Softplus Softsign Sqrt Tan".split():
        lo, hi = within.get(op, (-4, 4))
        x = f(40, lo=lo, hi=hi)
        write(op.lower(), "close", op, {}, [x], ort(op, [x], {}, 18))
    for op, attrs in [("Celu", {"alpha": 2.0}), ("Selu", {"alpha": 1.5, "gamma": 2.0}), ("Shrink", {"bias": 0.75, "lambd": 1.5}), ("ThresholdedRelu", {"alpha": 0.5}), ("Gelu", {"approximate": "none"}), ("Gelu", {"approximate": "tanh"})]:
        x = f(40, lo=-4, hi=4)
        write((op + attrs.get("approximate", "")).lower(), "close", op, attrs, [x], ort(op, [x], attrs, 20))
    for e in (2.0, 0.5, -1.0, 3.0):
        x = f(40, lo=0.25, hi=4)
        write(f"power_{e}".replace(".", "_").replace("-", "m"), "close", "Power", {"exponent": e}, [x], ort("Pow", [x, np.array(e, np.float32)], {}))
    x = f(40, lo=-4, hi=4)
    write("chain", "close", "Chain", {"steps": "x x 1.4142135 / Erf 1.0 + * 0.5 *"}, [x], ort("Gelu", [x], {}, 20))
    write("chain_attributes", "close", "Chain", {"steps": "1.0 x Elu(alpha=1.5) - Relu 2.0 min"}, [x],
          np.minimum(np.maximum(1 - ort("Elu", [x], {"alpha": 1.5}), 0), 2))
    # ONNX Runtime has no Swish: x times its Sigmoid of alpha x.
    x = f(40, lo=-4, hi=4)
    write("swish", "close", "Swish", {"alpha": 0.5}, [x], x * ort("Sigmoid", [x * np.float32(0.5)], {}))
    x = f(40, lo=-4, hi=4)
    write("trunc", "close", "Trunc", {}, [x], np.trunc(x))
    write("isnan", "close", "IsNaN", {}, [x], np.isnan(x).astype(np.float32))
    write("isinf", "close", "IsInf", {"negative": 1, "positive": 0}, [x], np.zeros(40, np.float32))
    x = np.round(f(3, 5, 4))
    for last in (0, 1):
        at = 4 - x[:, ::-1].argmin(1) if last else x.argmax(1)
        write(f"arg_max_{last}", "close", "ArgMax", {"axis": 1, "largest": 1 - last, "last": last}, [x], at.astype(np.float32))


def norms():
    rng = np.random.default_rng(8)
    x, (g, b) = rng.uniform(-2, 2, (2, 4, 6)).astype(np.float32), rng.uniform(-2, 2, (2, 6)).astype(np.float32)
    y = ort("LayerNormalization", [x, g, b], dict(epsilon=0.01))
    write("norm", "close", "Norm", dict(axis=2, centre=1, epsilon=0.01), [x, g, b], y)
    g, b = rng.uniform(-2, 2, (2, 4)).astype(np.float32)
    y = ort("InstanceNormalization", [x, g, b], dict(epsilon=0.01))
    write("norm_channel", "close", "Norm", dict(axis=2, centre=1, epsilon=0.01), [x, g.reshape(4, 1), b.reshape(4, 1)], y)
    y = ort("LpNormalization", [x], dict(axis=2, p=2)) * np.float32(6**0.5)
    one = np.array(1, np.float32)
    write("norm_plain", "close", "Norm", dict(axis=2, centre=0, epsilon=0.0), [x, one, one - one], y)


floats()
functions()
norms()
