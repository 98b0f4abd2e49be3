#!/usr/bin/env python3
"""Write operators.pb: small ONNX models of every operator, with inputs and the outputs of ONNX Runtime.

    pip install numpy onnx onnxruntime && python make_operators.py
    python make_operators.py --random 500 cases.pb [--seed 1]    random attributes and shapes, for MCOMPC_CASES of tests/conformance.rs

The file is a sequence of length-delimited messages {1: name, 2: ModelProto, 3: input TensorProto, 4: output TensorProto}.
Fixed seed; the values come from numpy's PCG64 and one executor, so another version may differ in the last bits.
"""
import argparse
import os
import numpy as np
import onnx
import onnxruntime as ort
from onnx.reference import ReferenceEvaluator
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


def graph_of(nodes, opset, x, inits, name, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
    x = np.asarray(x, np.float32)
    g = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], inits)
    m = helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)] + [helper.make_opsetid("com.microsoft", 1) for n in nodes if n.domain][:1], ir_version=8)
    del m.graph.output[0].type.tensor_type.shape.dim[:]
    m.graph.output[0].type.tensor_type.ClearField("shape")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # the declared sizes of ceil_mode outputs differ between ONNX and its executors
    options.graph_optimization_level = level
    try:
        y = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    except Exception:
        if opset < 23:
            raise
        # Newer than the executor: the standard's own evaluator.
        y = ReferenceEvaluator(m).run(None, {"x": x})[0]
    cases.append((f"{len(cases)} {name}", m, nph.from_array(x, "x"), nph.from_array(np.asarray(y), "y")))


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


def slices():
    x = f32(4, 5, 6)
    case("Slice", 9, x, starts=[1, -3], ends=[4, 1000], axes=[0, 2])
    case("Slice", 9, x, starts=[1, 0], ends=[-1, 2])
    case("Slice", 10, x, [i64(0, 1), i64(4, 6), i64(0, 2), i64(1, 3)])
    case("Slice", 13, x, [i64(-1, 4), i64(-100, 0), i64(2, -2), i64(-2, -1)])
    case("Slice", 13, x, [i64(2**62, 1), i64(-2**62, 2), None, i64(-1, 7)])
    for opset, consts, attrs in ((11, [], {"split": [1, 4], "axis": 1}), (13, [i64(3, 2)], {"axis": -2}), (18, [], {"num_outputs": 2, "axis": 1}), (13, [], {"axis": 2})):
        inits = [nph.from_array(c, f"c{i}") for i, c in enumerate(consts)]
        nodes = [helper.make_node("Split", ["x"] + [f"c{i}" for i in range(len(consts))], ["a", "b"], name="node", **attrs),
                 helper.make_node("Concat", ["b", "a"], ["y"], axis=attrs["axis"])]
        graph_of(nodes, opset, x, inits, f"Split-{opset} {attrs}")


def reductions_and_pads():
    x = f32(3, 4, 5)
    for op in ("ReduceSum", "ReduceMax", "ReduceMin"):
        case(op, 11, x, axes=[-1, 0])
        case(op, 11, x, keepdims=0)
        case(op, 18, x, [i64(1)], keepdims=0)
        case(op, 18, x, noop_with_empty_axes=1)
    case("ReduceSum", 13, x, [i64(0, -1)])
    case("ReduceMax", 13, x, axes=[1])
    pads = [1, 2, 0, 2, 3, 4]
    for mode in ("reflect", "edge"):
        case("Pad", 10, x, pads=pads, mode=mode)
        case("Pad", 13, x, [i64(*pads)], mode=mode)
        case("Pad", 18, x, [i64(3, 1), None, i64(-1)], mode=mode)
    case("Pad", 19, x, [i64(3, 4, 5, 1, 2, 3)], mode="wrap")
    case("Pad", 13, x, [i64(-1, 0, 2, 1, -2, -1), np.float32(2)])
    case("Pad", 13, x, [i64(0, -1, 0, 0, 0, -2)])
    case("Pad", 13, x, [i64(0, -1, 1, 0, 1, -1)], mode="edge")


def other_dimensions():
    """Sequences and volumes."""
    x, v = f32(2, 4, 9), f32(1, 4, 5, 6, 4)
    case("Conv", 11, x, [f32(6, 4, 3), f32(6)], strides=[2], pads=[1, 2])
    case("Conv", 11, x, [f32(8, 1, 2)], group=4, dilations=[3])
    case("Conv", 13, x, [f32(3, 4, 4)], auto_pad="SAME_LOWER")
    case("Conv", 11, v, [f32(3, 4, 3, 2, 1), f32(3)], strides=[2, 1, 3], pads=[1, 0, 1, 2, 1, 0])
    case("Conv", 11, v, [f32(6, 2, 2, 3, 2)], group=2, dilations=[2, 1, 2], pads=[2, 1, 1, 0, 1, 1])
    case("Conv", 22, v, [f32(4, 1, 3, 3, 3)], group=4, auto_pad="SAME_UPPER")
    for op in ("MaxPool", "AveragePool"):
        case(op, 11, x, kernel_shape=[3], strides=[2], pads=[1, 1])
        case(op, 12, x, kernel_shape=[2], strides=[2], ceil_mode=1)
        case(op, 11, v, kernel_shape=[3, 2, 2], strides=[2, 1, 2], pads=[1, 0, 1, 2, 1, 0])
        case(op, 22, v, kernel_shape=[2, 3, 1], auto_pad="SAME_UPPER", strides=[2, 2, 1])
        case("Global" + op, 11, x)
        case("Global" + op, 11, v)
    case("AveragePool", 11, v, kernel_shape=[2, 2, 2], pads=[1, 1, 0, 0, 1, 1], count_include_pad=1)
    case("AveragePool", 11, x, kernel_shape=[4], pads=[3, 1], count_include_pad=1)


def field(tag, data):
    n, out = len(data), bytes([tag << 3 | 2])
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n]) + data


def r(lo, hi):
    return int(rng.integers(lo, hi + 1))


def pick(*v):
    return v[r(0, len(v) - 1)]


def shape(rank=None, top=4):
    return [r(1, top) for _ in range(r(0, 4) if rank is None else rank)]


def partner(s):
    """A shape that broadcasts with `s`: leading dimensions left out or of 1, ones in between, more dimensions in front."""
    t = [pick(1, d, d) for d in s[r(0, len(s)):]]
    if len(t) == len(s) and r(0, 3) == 0:
        t = [pick(1, 1, 2) for _ in range(r(1, 2))] + t
    return t


def windows(pool):
    kernel = [r(1, 3), r(1, 3)]
    a = {"strides": [r(1, 3), r(1, 3)]} if r(0, 3) else {}
    mode = pick("pads", "pads", "none", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET")
    if mode == "pads":
        a["pads"] = [r(0, kernel[i % 2] - (1 if pool else 0)) for i in range(4)]
    elif mode != "none":
        a["auto_pad"] = mode
    return kernel, a


def random_case():
    opset = pick(7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)
    kind = pick("conv", "pool", "pool", "global", "binary", "unary", "clip", "softmax", "bn", "matmul", "matmul", "gemm", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "concat", "pad", "mean", "mean", "dropout", "constant")
    if kind == "conv":
        kernel, a = windows(False)
        g, per, out = r(1, 3), r(1, 3), r(1, 3)
        if r(0, 1):
            a["dilations"] = [r(1, 2), r(1, 2)] if "auto_pad" not in a or a["auto_pad"] in ("VALID", "NOTSET") else [1, 1]
        if r(0, 1):
            a["kernel_shape"] = kernel
        case("Conv", opset, f32(r(1, 2), g * per, r(3, 7), r(3, 7)), [f32(g * out, per, *kernel)] + ([f32(g * out)] if r(0, 1) else []), group=g, **a)
    elif kind == "pool":
        kernel, a = windows(True)
        op = pick("MaxPool", "AveragePool")
        if opset >= 10 and r(0, 1) and "auto_pad" not in a:
            a["ceil_mode"] = 1
        if op == "AveragePool" and r(0, 1):
            a["count_include_pad"] = r(0, 1)
        if opset >= (10 if op == "MaxPool" else 19) and r(0, 5) == 0:
            a["dilations"] = [1, 1]
        if op == "MaxPool" and opset >= 8 and r(0, 3) == 0:
            a["storage_order"] = 0
        case(op, opset, f32(r(1, 2), r(1, 3), r(3, 8), r(3, 8)), kernel_shape=kernel, **a)
    elif kind == "global":
        case(pick("GlobalAveragePool", "GlobalMaxPool"), opset, f32(*shape(4)))
    elif kind == "binary":
        s = shape()
        case(pick("Add", "Sub", "Mul", "Div"), opset, f32(*s), [f32(*partner(s)) + 4], inputs=pick(None, ["c0", "x"]))
    elif kind == "unary":
        op, attrs = pick(("Relu", []), ("Sigmoid", []), ("Tanh", []), ("LeakyRelu", ["alpha"]), ("Elu", ["alpha"]), ("HardSigmoid", ["alpha", "beta"]), ("HardSwish", []))
        case(op, max(opset, 14) if op == "HardSwish" else opset, 3 * f32(*shape()), **{k: float(rng.uniform(-1, 2)) for k in attrs if r(0, 1)})
    elif kind == "clip":
        lo, hi = float(rng.uniform(-2, 0)), float(rng.uniform(0, 2))
        if opset < 11:
            case("Clip", opset, 2 * f32(*shape()), **{k: v for k, v in (("min", lo), ("max", hi)) if r(0, 1)})
        else:
            case("Clip", opset, 2 * f32(*shape()), [None if r(0, 2) == 0 else np.float32(lo), None if r(0, 2) == 0 else np.float32(hi)][: r(0, 2)])
    elif kind == "softmax":
        s = shape(r(1, 4))
        case("Softmax", opset, f32(*s), **({"axis": r(0 if opset < 11 else -len(s), len(s) - 1)} if r(0, 2) else {} if len(s) > 1 else {"axis": 0}))
    elif kind == "bn":
        s = shape(r(2, 5))
        p = [f32(s[1]) for _ in range(3)] + [f32(s[1]) ** 2 + np.float32(0.1)]
        case("BatchNormalization", opset, f32(*s), p, **({"epsilon": float(rng.uniform(0, 1))} if r(0, 1) else {}))
    elif kind == "matmul":
        k = r(1, 4)
        lead = shape(r(0, 2))
        x = pick([k], [r(1, 4), k], lead + [r(1, 4), k])
        w = pick([k], [k, r(1, 4)], [1, k, r(1, 4)], partner(lead) + [k, r(1, 4)])
        if r(0, 1) and opset >= 9:
            x, w = [d for d in x[:-2]] + [k] + x[-2:-1], w[:-2] + ([w[-1], k] if len(w) > 1 else [k])
            case("MatMul", opset, f32(*x), [f32(*w)], inputs=["c0", "x"])
        else:
            case("MatMul", opset, f32(*x), [f32(*w)])
    elif kind == "gemm":
        m, k, n = r(1, 4), r(1, 4), r(1, 4)
        a = {name: r(0, 1) for name in ("transA", "transB") if r(0, 1)}
        a.update({name: float(pick(0, 1, 0.5, -2)) for name in ("alpha", "beta") if r(0, 1)})
        sa, sb = ([k, m] if a.get("transA") else [m, k]), ([n, k] if a.get("transB") else [k, n])
        c = pick([n], [1, n], [m, 1], [m, n], [1], [1, 1], [])
        left = r(0, 1)
        consts = [f32(*(sa if left else sb)), f32(*c)]
        names = (["c0", "x"] if left else ["x", "c0"]) + ["c1"]
        if opset >= 11 and r(0, 3) == 0:
            names, consts = names[:2], consts[:1]
        case("Gemm", opset, f32(*(sb if left else sa)), consts, inputs=names, **a)
    elif kind == "reshape":
        s = shape(r(1, 4))
        n = int(np.prod(s))
        t = [0 if i < len(s) and r(0, 2) == 0 else 1 for i in range(r(1, 4))]
        done = int(np.prod([s[i] if d == 0 else d for i, d in enumerate(t)]))
        ones = [i for i, d in enumerate(t) if d == 1]
        if n % done or (n != done and not ones):
            t = [-1]
        elif ones:
            t[pick(*ones)] = pick(-1, n // done)
        case("Reshape", opset, f32(*s), [i64(*t)])
    elif kind == "flatten":
        s = shape(r(1, 4))
        case("Flatten", opset, f32(*s), **({"axis": r(0 if opset < 11 else -len(s), len(s))} if r(0, 2) else {}))
    elif kind in ("squeeze", "unsqueeze"):
        s = [pick(1, 2) for _ in range(r(1, 4))]
        low = 0 if opset < 11 else -1
        if kind == "squeeze":
            axes = [i + (len(s) if low and r(0, 1) and False else 0) for i, d in enumerate(s) if d == 1 and r(0, 1)]
            axes = [i - len(s) if low and r(0, 1) else i for i in axes]
            if not axes:
                return case("Squeeze", opset, f32(*s))
        else:
            rank = len(s) + 2
            axes = [int(i) for i in rng.permutation(rank)[:2]]
            axes = [i - rank if low and r(0, 1) else i for i in axes]
        op = kind.capitalize()
        case(op, opset, f32(*s), [i64(*axes)]) if opset >= 13 else case(op, opset, f32(*s), axes=axes)
    elif kind == "transpose":
        s = shape(r(1, 5))
        case("Transpose", opset, f32(*s), **({"perm": [int(i) for i in rng.permutation(len(s))]} if r(0, 2) else {}))
    elif kind == "concat":
        s = shape(r(1, 4))
        axis = r(0, len(s) - 1)
        other = lambda: f32(*[r(1, 3) if i == axis else d for i, d in enumerate(s)])
        case("Concat", opset, f32(*s), [other() for _ in range(r(0, 2))], axis=axis - (len(s) if opset >= 11 and r(0, 1) else 0))
    elif kind == "pad":
        s = shape(r(1, 4))
        pads, value = [r(0, 2) for _ in range(2 * len(s))], pick(0.0, 1.5, -2.0)
        if opset < 11:
            case("Pad", opset, f32(*s), pads=pads, value=value)
        elif opset >= 18 and r(0, 1):
            axes = [int(i) for i in rng.permutation(len(s))[: r(1, len(s))]]
            p = [r(0, 2) for _ in range(2 * len(axes))]
            case("Pad", opset, f32(*s), [i64(*p), pick(None, np.float32(value)), i64(*[i - len(s) if r(0, 1) else i for i in axes])])
        else:
            case("Pad", opset, f32(*s), [i64(*pads)] + ([np.float32(value)] if r(0, 1) else []), **({"mode": "constant"} if r(0, 1) else {}))
    elif kind == "mean":
        s = shape(r(1, 4))
        axes = [int(i) for i in rng.permutation(len(s))[: r(0, len(s))]]
        axes = [i - len(s) if opset >= 11 and r(0, 1) else i for i in axes]
        a = {"keepdims": r(0, 1)} if r(0, 1) else {}
        if opset >= 18:
            if r(0, 1):
                a["noop_with_empty_axes"] = r(0, 1)
            case("ReduceMean", opset, f32(*s), [i64(*axes)] if axes or r(0, 1) else [], **a)
        else:
            case("ReduceMean", opset, f32(*s), **({"axes": axes} if axes else {}), **a)
    elif kind == "dropout":
        x = f32(*shape())
        case("Dropout", opset, x, [np.float32(0.3)][: r(0, 1)]) if opset >= 12 else case("Dropout", opset, x, ratio=0.3)
    else:
        v = pick({"value_float": 2.5}, {"value_floats": [1.0, -2.0]}, {"value": nph.from_array(f32(2, 1))})
        graph_of([helper.make_node("Constant", [], ["k"], **v), helper.make_node("Mul", ["x", "k"], ["y"])], max(opset, 12), f32(3, 2, 2), [], f"Constant {list(v)}")


def functions():
    """Every function of one value; the domains are those of compiler/ops."""
    x = rng.uniform(-4, 4, (2, 3, 11)).astype(np.float32)
    within = {"Acos": (-1, 1), "Asin": (-1, 1), "Atanh": (-0.875, 0.875), "Acosh": (1, 64), "Log": (0.25, 64), "Reciprocal": (0.25, 8), "Sqrt": (0, 64), "Tan": (-1.25, 1.25)}
    plain = {7: "Abs Acos Asin Atan Ceil Cos Exp Floor Log Neg Reciprocal Sin Softplus Softsign Sqrt Tan", 9: "Acosh Asinh Atanh Cosh Erf Sign Sinh", 11: "Round", 18: "Mish"}
    for since, ops in plain.items():
        for op in ops.split():
            lo, hi = within.get(op, (-4, 4))
            case(op, since, rng.uniform(lo, hi, (2, 3, 11)).astype(np.float32))
    case("Round", 11, [[0.5, 1.5, 2.5, -0.5, -1.5, 1.2, -3.7]])
    for op, since, attrs in [("Celu", 12, {"alpha": 2.0}), ("Selu", 7, {"alpha": 1.5, "gamma": 2.0}), ("Shrink", 9, {"bias": 0.75, "lambd": 1.5}), ("ThresholdedRelu", 10, {"alpha": 0.5}), ("Gelu", 20, {"approximate": "tanh"}), ("Swish", 24, {"alpha": 0.5})]:
        case(op, since, x)
        case(op, since, x, **attrs)
    case("Cast", 13, x, to=TensorProto.FLOAT)
    case("CastLike", 15, x, [np.float32(1)])
    for opset in (23, 24, 25):
        case("Reshape", opset, x, [i64(3, -1)])
        case("Transpose", opset, x, perm=[2, 0, 1])
        case("Pad", opset, x, [i64(0, 1, 2, 0, 0, 1)])
        case("Relu", opset, x)


def decomposed():
    """Operators that become several."""
    x, y = f32(2, 4, 5, 6), f32(5, 1)
    many = lambda op, opset, x, consts, **a: case(op, opset, x, consts, **a)
    for op in ("Sum", "Min", "Max", "Mean"):
        many(op, 13, x, [])
        many(op, 8, x, [f32(2, 4, 5, 6)])
        many(op, 13, x, [y, f32(2, 4, 1, 1), np.float32(0.25)])
        many(op, 13, f32(4, 1), [f32(3, 1, 5)])
    many("Max", 13, x, [np.float32(-0.5)])
    for e, opset in ((2.0, 7), (-1.0, 13), (0.5, 12), (3, 13), (1.0, 15)):
        many("Pow", opset, np.abs(x) + np.float32(0.5), [np.float32(e) if isinstance(e, float) else np.int64(e)])
    for slope in (np.float32([0.25]), f32(4, 1, 1), f32(2, 4, 5, 6)):
        many("PRelu", 16, x, [slope])
    for c in (rng.random((5, 6)) < 0.5, np.ones((2, 1, 1, 1), bool), np.zeros((1, 1), bool)):
        case("Where", 16, x, [c, y], inputs=["c0", "x", "c1"])
        case("Where", 9, y, [c, x], inputs=["c0", "x", "c1"])
    for shape in ((2, 4, 5, 6), (3, 1, 1, 5, 6), (1,)):
        case("Expand", 13, f32(4, 1, 6), [i64(*shape)])
    case("Tile", 13, f32(2, 3, 4), [i64(1, 2, 3)])
    case("Tile", 6 + 1, f32(2, 3), [i64(1, 1)])
    for axis, at in ((0, i64(1)), (1, np.array(-1)), (2, i64(0, 1, 4)), (-1, np.array([[5, 3, 1], [2, 2, 0]])), (3, i64(4, 3, 2))):
        case("Gather", 13, x, [at], axis=axis)
    case("DepthToSpace", 13, f32(2, 12, 3, 5), blocksize=2)
    case("DepthToSpace", 13, f32(1, 12, 3, 5), blocksize=2, mode="CRD")
    case("DepthToSpace", 7, f32(1, 9, 2, 2), blocksize=3)
    case("SpaceToDepth", 13, f32(2, 3, 4, 6), blocksize=2)
    for op in ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"):
        p = np.abs(x) + np.float32(0.1) if op == "ReduceLogSum" else x * np.float32(5)
        case(op, 13, p)
        case(op, 13, p, axes=[1, -1], keepdims=0)
        case(op, 18, p, [i64(2)])
    for axis in (0, 1, -1):
        case("LogSoftmax", 13, x * np.float32(8), axis=axis)
        case("LogSoftmax", 11, x, axis=axis)
        for p in (1, 2):
            case("LpNormalization", 7, x, axis=axis, p=p)
    case("InstanceNormalization", 13, x, [f32(4), f32(4)], epsilon=0.01)
    case("InstanceNormalization", 7, f32(2, 4, 5), [f32(4), f32(4)])
    case("LayerNormalization", 17, x, [f32(6), f32(6)])
    case("LayerNormalization", 17, x, [f32(5, 6)], axis=2, epsilon=0.1)
    case("LayerNormalization", 17, x, [f32(4, 5, 6), f32(6)], axis=-3)
    case("RMSNormalization", 23, x, [f32(6)])
    case("GroupNormalization", 21, x, [f32(4), f32(4)], num_groups=2, epsilon=0.02)
    case("GroupNormalization", 18, x, [f32(2), f32(2)], num_groups=2)
    case("MeanVarianceNormalization", 13, x)
    case("MeanVarianceNormalization", 9, f32(3, 4, 5), axes=[1])
    case("LRN", 13, x * np.float32(4), size=3, alpha=0.2, beta=0.6, bias=2.0)
    case("LRN", 7, x, size=5, alpha=0.5)


def resizes():
    x = f32(1, 2, 4, 5)
    none, scales = np.zeros(0, np.float32), lambda *v: np.float32(v)
    case("Upsample", 7, x, mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])
    case("Upsample", 9, x, [scales(1, 1, 2, 2)], mode="linear")
    case("Resize", 10, x, [scales(1, 1, 2, 1.6)], mode="nearest")
    case("Resize", 10, x, [scales(1, 1, 0.5, 2)], mode="linear")
    ways = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"]
    for mode in ("nearest", "linear", "cubic"):
        for way in ways:
            for size in ((1, 2, 8, 10), (1, 2, 7, 3), (1, 2, 1, 12)):
                case("Resize", 19, x, [none, none, i64(*size)], mode=mode, coordinate_transformation_mode=way)
            # With corners aligned the standard goes by the size before rounding, and the executor by the one behind.
            if way != "align_corners":
                case("Resize", 19, x, [none, scales(1, 1, 1.7, 0.6)], mode=mode, coordinate_transformation_mode=way)
    for rule in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        for way in ("half_pixel", "asymmetric", "align_corners"):
            case("Resize", 13, x, [none, scales(1, 1, 1.75, 0.8)], nearest_mode=rule, coordinate_transformation_mode=way)
    case("Resize", 11, x, [none, none, i64(1, 2, 8, 15)], coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor")
    case("Resize", 18, x, [none, none, i64(3, 2)], axes=[3, 2], mode="linear", antialias=1)
    case("Resize", 18, x, [none, none, i64(2, 3)], axes=[2, 3], mode="cubic", antialias=1)
    case("Resize", 18, x, [none, none, i64(7, 7)], axes=[2, 3], mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)
    for policy in ("not_larger", "not_smaller"):
        case("Resize", 18, x, [none, none, i64(7, 7)], axes=[2, 3], keep_aspect_ratio_policy=policy)
    case("Resize", 13, x, [scales(0, 0, 0.2, 0.1, 1, 1, 0.9, 0.7), none, i64(1, 2, 3, 4)], mode="linear", coordinate_transformation_mode="tf_crop_and_resize")


def transposed():
    x, w = f32(2, 4, 5, 3), f32(4, 3, 3, 2)
    for a in ({}, {"strides": [2, 3]}, {"strides": [2, 2], "pads": [1, 0, 1, 1]}, {"strides": [3, 2], "output_padding": [1, 1]}, {"dilations": [2, 2]},
              {"strides": [2, 2], "output_shape": [10, 6]}, {"strides": [2, 1], "auto_pad": "SAME_UPPER"}, {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
              {"pads": [2, 1, 2, 1]}, {"strides": [2, 2], "pads": [2, 2, 3, 2]}):
        case("ConvTranspose", 11, x, [w, f32(3)], **a)
    case("ConvTranspose", 22, x, [f32(4, 2, 2, 2)], group=2, strides=[2, 2], kernel_shape=[2, 2])
    case("ConvTranspose", 11, f32(1, 4, 5), [f32(4, 1, 4)], group=4, strides=[2], pads=[1, 1])


def recurrent():
    t, b, i, h = 4, 2, 3, 5
    x = f32(t, b, i)
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        for way, n in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            w, r, bias = f32(n, gates * h, i), f32(n, gates * h, h), f32(n, 2 * gates * h)
            case(op, 14, x, [w, r], hidden_size=h, direction=way)
            case(op, 7, x, [w, r, bias, None, f32(n, b, h)], hidden_size=h, direction=way)
            if op == "GRU":
                for opset in (7, 14):
                    case(op, opset, x, [w, r, bias, None, f32(n, b, h)], hidden_size=h, direction=way, linear_before_reset=1)
                    case(op, opset, x, [w, r, bias], hidden_size=h, direction=way, linear_before_reset=1)
            if op == "LSTM":
                case(op, 14, x, [w, r, bias, None, f32(n, b, h), f32(n, b, h)], hidden_size=h, direction=way, activations=["Sigmoid", "Softsign", "Relu"] * n)
    w, r = f32(1, 4 * h, i), f32(1, 4 * h, h)
    for out in range(3):
        names = ["", "", ""]
        names[out] = "y"
        inits = [nph.from_array(w, "w"), nph.from_array(r, "r")]
        graph_of([helper.make_node("LSTM", ["x", "w", "r"], names, hidden_size=h)], 14, x, inits, f"LSTM-14 output {out}")


def casted(nodes, opset, x, inits, name):
    """The result `t` of the nodes as floats."""
    graph_of([*nodes, helper.make_node("Cast", ["t"], ["y"], to=1)], opset, x, inits, name)


def typed():
    """Integers and truths that are computed."""
    x = np.round(2 * f32(3, 4, 5))
    node = helper.make_node
    k = nph.from_array(np.round(f32(4, 1)), "k")
    for opset in (9, 13, 19):
        for op in ("Equal", "Less", "Greater"):
            if op != "Equal" or opset >= 11:
                casted([node(op, ["x", "k"], ["t"])], opset, x, [k], f"{op}-{opset}")
    for op in ("LessOrEqual", "GreaterOrEqual"):
        casted([node(op, ["k", "x"], ["t"])], 16, x, [k], f"{op}-16")
    two = [node("Less", ["x", "k"], ["a"]), node("Greater", ["x", "z"], ["b"])]
    zero = nph.from_array(np.float32(0), "z")
    for op in ("And", "Or", "Xor"):
        casted([*two, node(op, ["a", "b"], ["t"])], 13, x, [k, zero], f"{op}-13")
    casted([two[0], node("Not", ["a"], ["t"])], 13, x, [k], "Not-13")
    graph_of([two[0], node("Where", ["a", "x", "z"], ["y"])], 16, x, [k, zero], "Where-16 computed")
    for to in (6, 7, 3, 2, 9):
        casted([node("Cast", ["x"], ["t"], to=to)], 13, np.abs(x) * np.float32(1.3), [], f"Cast-13 {to}")
    one = [node("Cast", ["x"], ["i"], to=7)]
    n = nph.from_array(i64(3), "n")
    for op in ("Add", "Sub", "Mul", "Div", "Mod", "Max"):
        casted([*one, node(op, ["i", "n"], ["t"])], 14, 3 * x, [n], f"{op}-14 integers")
    casted([*one, node("Mod", ["i", "n"], ["t"], fmod=1)], 14, 3 * x, [n], "Mod-14 fmod")
    for op in ("ArgMax", "ArgMin"):
        for opset, attrs in ((7, {}), (11, {"axis": -1, "keepdims": 0}), (13, {"axis": 1, "select_last_index": 1})):
            casted([node(op, ["x"], ["t"], **attrs)], opset, x, [], f"{op}-{opset} {attrs}")
    for attrs in ({}, {"detect_negative": 0}, {"detect_positive": 0}):
        casted([node("Log", ["x"], ["l"]), node("IsInf", ["l"], ["t"], **attrs)], 20, np.abs(x), [], f"IsInf-20 {attrs}")
    casted([node("Log", ["x"], ["l"]), node("IsNaN", ["l"], ["t"])], 20, x, [], "IsNaN-20")
    inits = [nph.from_array(np.array(6), "d"), nph.from_array(np.float32([-1, 2]), "v")]
    for axis in (-1, 0):
        graph_of([*one, node("OneHot", ["i", "d", "v"], ["y"], axis=axis)], 11, x, inits, f"OneHot-11 {axis}")
    for opset, attrs in ((11, {"axis": 2}), (12, {}), (13, {"axis": -2}), (13, {})):
        case("Hardmax", opset, x, **attrs)
    for opset, attrs in ((11, {"axis": -2}), (11, {"largest": 0, "axis": 0}), (24, {})):
        for i in (0, 1):
            names = ["t", "u"] if i == 0 else ["u", "t"]
            casted([node("TopK", ["x", "n"], names, **attrs)], opset, f32(3, 4, 5), [n], f"TopK-{opset} {attrs} {i}")
    casted([node("TopK", ["x"], ["u", "t"], k=2)], 9, x, [], "TopK-9")


def sums():
    x = f32(2, 3, 4)
    for axis in (0, 1, -1):
        case("CumSum", 14, x, [np.array(axis)])
    case("CumSum", 11, x, [np.array(1)], exclusive=1)
    case("CumSum", 14, x, [np.array(0)], reverse=1)
    case("CumSum", 14, x, [np.array(-1)], reverse=1, exclusive=1)
    for attrs in ({}, {"exclusive": 1}, {"reverse": 1, "exclusive": 1}):
        case("CumProd", 26, x, [np.array(1)], **attrs)
    case("ReduceProd", 11, x, axes=[0, -1])
    case("ReduceProd", 18, x, [i64(1)], keepdims=0)
    case("ReduceProd", 18, x, noop_with_empty_axes=1)
    classes = f32(3, 5, 2)
    target = np.array([[1, 4], [0, 2], [3, 3]])
    for op in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"):
        for attrs in ({}, {"reduction": "sum"}, {"reduction": "none", "ignore_index": 3}):
            case(op, 13, classes, [target], **attrs)
            case(op, 13, classes, [target, np.abs(f32(5))], **attrs)
    p = f32(1, 2, 9, 8)
    case("LpPool", 11, p, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    case("LpPool", 18, p, kernel_shape=[2, 2], p=3)
    case("LpPool", 22, p, kernel_shape=[2, 3], p=1)
    for p_ in ({}, {"p": 3}):
        case("GlobalLpPool", 11, p, **p_)


def picked():
    x = f32(3, 4, 5)
    case("GatherElements", 13, x, [np.array([[[0, -1, 2]], [[1, 0, 0]]])])
    case("GatherElements", 11, x, [np.array([[[0, -1]], [[4, 0]], [[1, 1]]])], axis=2)
    case("GatherND", 12, x, [np.array([[[0, 1], [2, -1]]])])
    case("GatherND", 13, x, [np.array([[1], [0], [3]])], batch_dims=1)
    at, new = np.array([[[0, 2]], [[1, 2]]]), f32(2, 1, 2)
    case("ScatterElements", 13, x, [at, new])
    case("Scatter", 9, x, [at, new])
    case("ScatterElements", 18, x, [np.zeros((2, 1, 2), np.int64), new], axis=1, reduction="add")
    case("ScatterND", 13, x, [np.array([[0, 1], [2, 3], [0, 1]]), f32(3, 5)])
    for how in ("add", "mul", "max", "min"):
        case("ScatterND", 18, x, [np.array([[0, 1], [2, 3], [0, 1]]), f32(3, 5)], reduction=how)
    case("Compress", 11, x, [np.array([True, False, True])], axis=1)
    case("Compress", 11, x, [np.array([True, False, True, True])])
    case("ReverseSequence", 10, x, [i64(3, 1, 2, 3)])
    case("ReverseSequence", 10, x, [i64(4, 1, 2)], batch_axis=0, time_axis=1)
    case("TensorScatter", 24, f32(2, 4, 3), [f32(2, 2, 3), i64(1, 2)])
    case("TensorScatter", 24, f32(2, 4, 3), [f32(2, 2, 3), i64(3, 2)], mode="circular")
    case("CenterCropPad", 18, x, [i64(5, 3, 5)])
    case("CenterCropPad", 18, x, [i64(2, 8)], axes=[-1, 1])
    for equation, consts in (("ijk->kj", []), ("ijk", []), ("ijk,kl->ijl", [f32(5, 2)]), ("bij,bjk->bik", [f32(3, 5, 2)]), ("...jk,jk->...", [f32(4, 5)]),
                             ("ijk,ij,k->i", [f32(3, 4), f32(5)]), ("ijk,kl", [f32(5, 2)]), ("iji->j", "square")):
        if isinstance(consts, str):
            case("Einsum", 12, f32(3, 4, 3), equation=equation)
        else:
            case("Einsum", 12, x, consts, equation=equation)


def signals():
    x = f32(2, 10, 1) / 4
    case("DFT", 17, x, axis=1)
    case("DFT", 17, x, axis=1, onesided=1)
    case("DFT", 17, f32(2, 9, 3, 2) / 4, axis=1, inverse=1)
    case("DFT", 20, f32(2, 9, 2) / 4, [np.array(12), np.array(-2)])
    case("STFT", 17, f32(2, 40, 1) / 8, [np.array(8), f32(16)])
    case("STFT", 17, f32(1, 40) / 8, [np.array(5), None, np.array(12)], onesided=0)
    image, grid = f32(2, 3, 5, 6), (1.2 * f32(2, 4, 3, 2)).astype(np.float32)
    for mode in ("linear", "nearest", "cubic"):
        for pad in ("zeros", "border", "reflection"):
            case("GridSample", 20, image, [grid], mode=mode, padding_mode=pad, align_corners=pick(0, 1))
    case("GridSample", 16, image, [grid], mode="bilinear", align_corners=1)
    for align in (0, 1):
        case("AffineGrid", 20, f32(2, 2, 3), [i64(2, 3, 4, 5)], align_corners=align)
        case("AffineGrid", 20, f32(1, 3, 4), [i64(1, 2, 3, 2, 4)], align_corners=align)


def attentions():
    q, k, v = f32(2, 4, 5, 8), f32(2, 4, 6, 8), f32(2, 4, 6, 3)
    case("Attention", 23, q, [k, v])
    case("Attention", 23, q, [k, v, f32(5, 6)], scale=0.2, softcap=2.0)
    case("Attention", 23, q, [f32(2, 2, 5, 8), f32(2, 2, 5, 8)], is_causal=1)
    case("Attention", 24, f32(2, 5, 12), [f32(2, 6, 6), f32(2, 6, 4), f32(6) > 0], q_num_heads=4, kv_num_heads=2)
    past = [f32(2, 4, 3, 8), f32(2, 4, 3, 3)]
    case("Attention", 23, q, [k, v, None, *past], is_causal=1)
    cos, sin = f32(9, 4), f32(9, 4)
    at = np.array([[0, 3, 1, 8, 2], [4, 4, 0, 1, 2]])
    case("RotaryEmbedding", 23, q, [cos, sin, at])
    case("RotaryEmbedding", 23, q, [cos, sin, at], interleaved=1)
    case("RotaryEmbedding", 23, f32(2, 5, 12), [cos[:, :1], sin[:, :1], at], num_heads=3, rotary_embedding_dim=2)
    case("RotaryEmbedding", 23, q, [f32(2, 5, 4), f32(2, 5, 4)])
    x = f32(2, 3, 8)
    extra = {"linear": [], "gated": [-np.abs(f32(2, 3, 2))], "delta": [None, np.abs(f32(2, 3, 2)) / 4], "gated_delta": [-np.abs(f32(2, 3, 4)), np.abs(f32(2, 3, 1)) / 4]}
    for rule, more in extra.items():
        case("LinearAttention", 27, x, [f32(2, 3, 4), f32(2, 3, 6), f32(2, 2, 2, 3), *more], q_num_heads=4, kv_num_heads=2, update_rule=rule)
    case("CausalConvWithState", 27, f32(2, 3, 7), [f32(3, 1, 4), f32(3), f32(2, 3, 3)], activation="silu")
    case("CausalConvWithState", 27, f32(2, 3, 7), [f32(3, 1, 4)])


def contributed():
    """Operators of ONNX Runtime's own, as its optimizer writes them."""
    x = f32(2, 4, 8)
    def own(op, x, consts=(), names=None, outputs=("y",), opset=17, **attrs):
        inits = [nph.from_array(np.asarray(c), f"c{i}") for i, c in enumerate(consts) if c is not None]
        inputs = names or ["x"] + ["" if c is None else f"c{i}" for i, c in enumerate(consts)]
        graph_of([helper.make_node(op, inputs, list(outputs), domain="com.microsoft", **attrs)], opset, x, inits, f"{op}-1 {attrs} {[np.shape(c) for c in consts]}")
    own("Gelu", x)
    own("QuickGelu", x, alpha=1.25)
    own("BiasGelu", x, [f32(8)])
    own("FastGelu", x)
    own("FastGelu", x, [f32(8)])
    own("FusedMatMul", x, [f32(8, 3)], alpha=0.5)
    own("FusedMatMul", x, [f32(2, 5, 4)], transA=1, transB=1, alpha=-2.0)
    own("TransposeMatMul", x, [f32(3, 8)], transB=1)
    image = f32(1, 3, 6, 5)
    own("FusedConv", image, [f32(4, 3, 3, 3), f32(4)], activation="Relu", pads=[1, 1, 1, 1])
    own("FusedConv", image, [f32(4, 3, 3, 3)], activation="LeakyRelu", activation_params=[0.25], strides=[2, 2])
    own("FusedConv", image, [f32(4, 3, 3, 3), None, f32(1, 4, 4, 3)], activation="Relu")
    own("FusedConv", image, [f32(4, 3, 1, 1), f32(4)], activation="HardSigmoid", activation_params=[0.25, 0.5])
    own("FusedGemm", f32(3, 5), [f32(4, 5), f32(4)], activation="LeakyRelu", activation_alpha=0.125, transB=1)
    own("SkipLayerNormalization", x, [f32(2, 4, 8), f32(8), f32(8), f32(8)], epsilon=0.001)
    own("SkipLayerNormalization", x, [f32(2, 4, 8), f32(8)], outputs=["n", "", "", "y"])
    own("SkipSimplifiedLayerNormalization", x, [f32(2, 4, 8), f32(8), f32(8)], epsilon=0.01)
    graph_of([helper.make_node("SimplifiedLayerNormalization", ["x", "g"], ["y"], axis=-1, epsilon=0.01)], 17, x, [nph.from_array(f32(8), "g")], "SimplifiedLayerNormalization-1")
    qkv, bias = f32(8, 24) / 2, f32(24)
    own("Attention", x, [qkv, bias], num_heads=2)
    own("Attention", x, [qkv, bias], num_heads=2, unidirectional=1, scale=0.25)
    own("Attention", x, [qkv, bias, np.array([3, 2], np.int32)], num_heads=4)
    own("Attention", x, [qkv, bias, np.array([[1, 1, 0, 1], [1, 1, 1, 0]], np.int32)], num_heads=2)
    own("Attention", x, [qkv, bias, (rng.random((2, 4, 4)) < 0.7).astype(np.int32)], num_heads=2)
    own("Attention", x, [qkv, bias, None, f32(2, 2, 2, 3, 4)], num_heads=2, outputs=["y", "present"])
    own("Attention", x, [qkv, bias, None, None, f32(1, 2, 4, 4)], num_heads=2)
    own("MultiHeadAttention", x, [f32(2, 5, 8), f32(2, 5, 8), f32(24)], num_heads=2)
    own("MultiHeadAttention", x, [f32(2, 5, 8), f32(2, 5, 12), None, None, f32(2, 2, 4, 5)], num_heads=2)
    own("MultiHeadAttention", x, [f32(2, 5, 8), f32(2, 5, 8), f32(24), np.array([[1, 0, 1, 1, 1], [1, 1, 1, 1, 0]], np.int32)], num_heads=4)
    own("RotaryEmbedding", x, [np.array([[0, 1, 2, 3], [2, 3, 4, 0]]), f32(6, 2), f32(6, 2)], num_heads=2)
    for bits, zeros in ((4, None), (4, rng.integers(0, 255, 6 * 1).astype(np.uint8)), (8, None), (4, f32(6 * 2))):
        w = rng.integers(0, 255, (6, 2, 16 * bits // 8)).astype(np.uint8)
        own("MatMulNBits", f32(3, 32), [w, np.abs(f32(6 * 2)), zeros], K=32, N=6, bits=bits, block_size=16)
    own("MatMulNBits", f32(2, 3, 40), [rng.integers(0, 255, (5, 3, 8)).astype(np.uint8), np.abs(f32(5 * 3)), None, None, f32(5)], K=40, N=5, bits=4, block_size=16)
    ids, table = np.array([[1, 4, 0], [5, 2, 2]], np.int32), f32(6, 8)
    inits = [nph.from_array(c, n) for c, n in ((ids, "ids"), (np.int32([[0, 1, 1], [0, 0, 1]]), "seg"), (table, "word"), (f32(5, 8), "pos"), (f32(2, 8), "segs"), (f32(8), "g"), (f32(8), "b"))]
    graph_of([helper.make_node("EmbedLayerNormalization", ["ids", "seg", "word", "pos", "segs", "g", "b"], ["e", "m"], domain="com.microsoft", epsilon=0.01), helper.make_node("Add", ["x", "e"], ["y"])], 17, f32(2, 3, 8), inits, "EmbedLayerNormalization-1")
    # Codes that are computed at run time hold these numbers exactly: from -128 to 127 steps of a power of two.
    grid = (rng.integers(-128, 128, (4, 16)) / 64).astype(np.float32)
    grid[0, 0], grid[1, 1] = -2, 127 / 64
    quantize = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    for kind, zeros in ((np.int8, 0), (np.uint8, 130)):
        w, wz, ws = rng.integers(zeros - 60, zeros + 60, (16, 5)).astype(kind), np.array(zeros, kind), np.float32(0.03125)
        inits = [nph.from_array(c, n) for c, n in ((w, "w"), (wz, "wz"), (ws, "ws"), (f32(5), "b"))]
        back = [helper.make_node("Cast", ["i"], ["f"], to=1), helper.make_node("Mul", ["s", "ws"], ["k"]), helper.make_node("Mul", ["f", "k"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])]
        graph_of([quantize, helper.make_node("MatMulInteger", ["q", "w", "z", "wz"], ["i"]), *back], 13, grid, inits, f"MatMulInteger-10 {kind.__name__}")
        own("DynamicQuantizeMatMul", grid, [w, ws, wz, f32(5)])
        last = helper.make_node("MatMulIntegerToFloat", ["q", "w", "s", "ws", "z", "wz", "b"], ["y"], domain="com.microsoft")
        graph_of([quantize, last], 13, grid, inits, f"MatMulIntegerToFloat-1 {kind.__name__}")
        w = rng.integers(zeros - 60, zeros + 60, (6, 4, 3, 3)).astype(kind)
        inits = [nph.from_array(c, n) for c, n in ((w, "w"), (wz, "wz"), (np.abs(f32(6, 1, 1)), "ws"), (f32(6, 1, 1), "b"))]
        graph_of([quantize, helper.make_node("ConvInteger", ["q", "w", "z", "wz"], ["i"], pads=[1, 0, 1, 2], strides=[1, 2]), *back], 13, grid.reshape(1, 4, 4, 4), inits, f"ConvInteger-10 {kind.__name__}")
    # Minus infinity where scores must not count.
    mask = np.where(np.tri(4) > 0, 0, -np.inf).astype(np.float32)
    inits = [nph.from_array(mask, "m"), nph.from_array(np.float32(-np.inf), "never"), nph.from_array(np.tri(4) > 0, "c"), nph.from_array(i64(3, 1, 0, 2), "at")]
    x = f32(2, 4, 4)
    soft = helper.make_node("Softmax", ["t"], ["y"], axis=-1)
    graph_of([helper.make_node("Add", ["x", "m"], ["t"]), soft], 13, x, inits[:1], "Softmax-13 mask added")
    graph_of([helper.make_node("Where", ["c", "x", "never"], ["t"]), soft], 13, x, inits[1:3], "Softmax-13 mask chosen")
    graph_of([helper.make_node("Gather", ["m", "at"], ["r"]), helper.make_node("Unsqueeze", ["r"], ["u"], axes=[0]), helper.make_node("Add", ["x", "u"], ["t"]), soft], 11, x, [inits[0], inits[3]], "Softmax-11 mask gathered")


def reviewed():
    """What an importer gets wrong that takes the operators above for all there is."""
    x = f32(2, 4, 8)
    def own(op, x, consts, **attrs):
        inits = [nph.from_array(np.asarray(c), f"c{i}") for i, c in enumerate(consts) if c is not None]
        inputs = ["x"] + ["" if c is None else f"c{i}" for i, c in enumerate(consts)]
        graph_of([helper.make_node(op, inputs, ["y"], domain="com.microsoft", **attrs)], 17, x, inits, f"{op}-1 {attrs} {[np.shape(c) for c in consts]}")
    # Keys and values in heads take no bias, what is above 0 counts, and a mask of one element is none.
    own("MultiHeadAttention", x, [f32(2, 2, 5, 4), f32(2, 2, 5, 4), f32(24)], num_heads=2)
    own("MultiHeadAttention", x, [f32(2, 5, 8), f32(2, 5, 8), f32(24), np.array([[1, 0, 3, 1, -2], [2, 1, 1, 1, 0]], np.int32)], num_heads=4)
    qkv, bias = f32(8, 24) / 2, f32(24)
    own("Attention", x, [qkv, bias, np.array([[2, 1, 0, 1], [1, 5, 1, -1]], np.int32)], num_heads=2)
    own("Attention", x[:1], [qkv, bias, np.array([[1]], np.int32)], num_heads=2)
    # A name that an importer might make for the reals of a bias.
    w, b, extra = rng.integers(-20, 20, (2, 2, 1, 1)).astype(np.int8), np.array([300, -200], np.int32), f32(2)
    inits = [nph.from_array(c, n) for c, n in ((w, "w"), (np.float32([1 / 64, 1 / 32]), "ws"), (np.zeros(2, np.int8), "wz"), (np.float32(1 / 32), "s"), (np.uint8(128), "z"), (b, "b"), (extra, "c1/bias"))]
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), helper.make_node("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s", "z", "b"], ["c1"]), helper.make_node("DequantizeLinear", ["c1", "s", "z"], ["d"]), helper.make_node("Add", ["d", "c1/bias"], ["y"])]
    graph_of(nodes, 17, (rng.integers(-60, 60, (1, 2, 2, 2)) / 32).astype(np.float32), inits, "Add-17 c1/bias")
    # Minus infinity in constants, asked for.
    never = [nph.from_array(np.float32([0, -np.inf, 0, -np.inf]), "m"), nph.from_array(np.float32(-np.inf), "never")]
    for op, inputs in (("Equal", ["t", "never"]), ("Equal", ["never", "t"]), ("IsInf", ["t"]), ("Greater", ["t", "never"]), ("Less", ["never", "t"]), ("GreaterOrEqual", ["t", "never"]), ("Less", ["t", "never"])):
        nodes = [helper.make_node("Add", ["x", "m"], ["t"]), helper.make_node(op, inputs, ["e"]), helper.make_node("Cast", ["e"], ["y"], to=1)]
        graph_of(nodes, 17, 100 * f32(3, 4), never[:1] if op == "IsInf" else never, f"{op}-17 minus infinity")
    graph_of([helper.make_node("Unsqueeze", ["m", "at"], ["u"]), helper.make_node("Equal", ["u", "never"], ["e"]), helper.make_node("Where", ["e", "zero", "x"], ["y"])], 17, f32(3, 4), [*never, nph.from_array(i64(0), "at"), nph.from_array(np.float32(0), "zero")], "Equal-17 minus infinity of constants")
    soft = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), helper.make_node("QLinearSoftmax", ["q", "s", "z", "s2", "z"], ["r"], domain="com.microsoft", opset=12), helper.make_node("DequantizeLinear", ["r", "s2", "z"], ["y"])]
    graph_of(soft, 12, np.array([[[0, 0, 8, 0], [8, 0, 0, 0]]]), [nph.from_array(np.float32(1 / 16), "s"), nph.from_array(np.float32(1 / 256), "s2"), nph.from_array(np.uint8(0), "z")], "QLinearSoftmax-1 without axis")


def write(path):
    with open(path, "wb") as out:
        for name, m, x, y in cases:
            body = field(1, name.encode()) + field(2, m.SerializeToString()) + field(3, x.SerializeToString()) + field(4, y.SerializeToString())
            out.write(field(1, body))
    print(len(cases), "cases")


args = argparse.ArgumentParser()
args.add_argument("--random", nargs=2, metavar=("N", "FILE"))
args.add_argument("--seed", type=int, default=1)
args = args.parse_args()


def random_cases(n, seed):
    global rng
    rng = np.random.default_rng(seed)
    while len(cases) < n:
        try:
            random_case()
        except Exception as e:  # what the executor refuses says nothing about ours
            print("no case:", str(e)[:150].replace("\n", " "))


if args.random:
    random_cases(int(args.random[0]), args.seed)
    write(args.random[1])
else:
    for group in (conv, pool, elementwise, matrices, shapes, slices, reductions_and_pads, other_dimensions):
        group()
    random_cases(len(cases) + 200, 3)
    functions()
    decomposed()
    resizes()
    transposed()
    recurrent()
    typed()
    sums()
    picked()
    signals()
    attentions()
    contributed()
    reviewed()
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "operators.pb"))
