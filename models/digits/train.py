#!/usr/bin/env python3
"""Train the digits model and write it beside this file.

    pip install numpy scikit-learn onnx onnxruntime && python train.py

A small convolutional net (5x16-channel and 32-channel layers, residual, depthwise, pooling) on the 8x8 handwritten digits that
come with scikit-learn (test part of the UCI set "Optical Recognition of Handwritten Digits", CC BY 4.0). Plain numpy, one
thread of arithmetic, fixed seed: on one machine and BLAS the same bytes come out each time.

Writes digits.onnx        float input `pixels` [1,1,8,8], values 0..16; output `probabilities` [1,10]; opset 17
       digits.calib.npz   `pixels` u8 [100,1,8,8], drawn from the training part
       digits.eval.npz    `pixels` u8 [450,1,8,8] and labels `y`, held out from training
"""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, EPOCHS, BATCH, RATE = 3, 60, 32, 3e-3
EPS, MOMENTUM = 1e-5, 0.9


class Conv:
    """3x3 (pad 1) or 1x1 convolution without bias, optionally depthwise; N,C,H,W."""

    def __init__(self, rng, cin, cout, k, depthwise=False):
        self.k, self.depthwise = k, depthwise
        fan_in = k * k * (1 if depthwise else cin)
        self.w = rng.normal(0, np.sqrt(2 / fan_in), (cout, 1 if depthwise else cin, k, k)).astype(np.float32)

    def params(self):
        return ["w"]

    def forward(self, x, training):
        pad = self.k // 2
        p = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        self.cols = np.lib.stride_tricks.sliding_window_view(p, (self.k, self.k), (2, 3))
        if self.depthwise:
            return np.einsum("nchwij,cij->nchw", self.cols, self.w[:, 0], optimize=True)
        return np.einsum("nchwij,ocij->nohw", self.cols, self.w, optimize=True)

    def backward(self, g):
        pad, k = self.k // 2, self.k
        n, _, h, w = g.shape
        out = np.zeros((n, self.cols.shape[1], h + 2 * pad, w + 2 * pad), np.float32)
        if self.depthwise:
            self.dw = np.einsum("nchwij,nchw->cij", self.cols, g, optimize=True)[:, None]
        else:
            self.dw = np.einsum("nchwij,nohw->ocij", self.cols, g, optimize=True)
        for i in range(k):
            for j in range(k):
                if self.depthwise:
                    t = g * self.w[None, :, 0, i, j, None, None]
                else:
                    t = np.einsum("nohw,oc->nchw", g, self.w[:, :, i, j], optimize=True)
                out[:, :, i : i + h, j : j + w] += t
        return out[:, :, pad : pad + h, pad : pad + w]


class BatchNorm:
    def __init__(self, c):
        self.gamma, self.beta = np.ones(c, np.float32), np.zeros(c, np.float32)
        self.mean, self.var = np.zeros(c, np.float32), np.ones(c, np.float32)

    def params(self):
        return ["gamma", "beta"]

    def forward(self, x, training):
        mean, var = self.mean, self.var
        if training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
            self.mean = MOMENTUM * self.mean + (1 - MOMENTUM) * mean
            self.var = MOMENTUM * self.var + (1 - MOMENTUM) * var
        c = lambda v: v[None, :, None, None]
        self.istd = 1 / np.sqrt(var + EPS)
        self.norm = (x - c(mean)) * c(self.istd)
        return c(self.gamma) * self.norm + c(self.beta)

    def backward(self, g):
        c = lambda v: v[None, :, None, None]
        self.dgamma, self.dbeta = (g * self.norm).sum((0, 2, 3)), g.sum((0, 2, 3))
        mean = lambda v: c(v.mean((0, 2, 3)))
        return c(self.gamma * self.istd) * (g - mean(g) - self.norm * mean(g * self.norm))


class Relu:
    def params(self):
        return []

    def forward(self, x, training):
        self.on = x > 0
        return x * self.on

    def backward(self, g):
        return g * self.on


class MaxPool:
    """2x2, stride 2."""

    def params(self):
        return []

    def forward(self, x, training):
        n, c, h, w = x.shape
        self.x = x.reshape(n, c, h // 2, 2, w // 2, 2)
        self.top = self.x.max((3, 5), keepdims=True)
        return self.top[:, :, :, 0, :, 0]

    def backward(self, g):
        n, c, h, w = g.shape
        hit = self.x == self.top
        share = hit / hit.sum((3, 5), keepdims=True)
        return (share * g[:, :, :, None, :, None]).reshape(n, c, 2 * h, 2 * w).astype(np.float32)


class Gemm:
    """Flatten and a fully connected layer, y = x w^T + b."""

    def __init__(self, rng, cin, cout):
        self.w = rng.normal(0, np.sqrt(1 / cin), (cout, cin)).astype(np.float32)
        self.b = np.zeros(cout, np.float32)

    def params(self):
        return ["w", "b"]

    def forward(self, x, training):
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.w.T + self.b

    def backward(self, g):
        self.dw, self.db = g.T @ self.x, g.sum(0)
        return (g @ self.w).reshape(self.shape)


class Residual:
    """x + body(x), then Relu."""

    def __init__(self, body):
        self.body, self.relu = body, Relu()

    def forward(self, x, training):
        y = x
        for layer in self.body:
            y = layer.forward(y, training)
        return self.relu.forward(x + y, training)

    def backward(self, g):
        g = self.relu.backward(g)
        h = g
        for layer in reversed(self.body):
            h = layer.backward(h)
        return g + h


def build(rng):
    body = [Conv(rng, 16, 16, 3, depthwise=True), BatchNorm(16), Relu(), Conv(rng, 16, 16, 1), BatchNorm(16)]
    return [
        Conv(rng, 1, 16, 3), BatchNorm(16), Relu(),
        Residual(body), MaxPool(),
        Conv(rng, 16, 32, 3), BatchNorm(32), Relu(), MaxPool(),
        Gemm(rng, 128, 10),
    ]


def flat(net):
    for layer in net:
        yield from layer.body if isinstance(layer, Residual) else [layer]


def run(net, x, training=False):
    for layer in net:
        x = layer.forward(x, training)
    return x


def train(net, x, y, rng):
    """Adam with a cosine rate and softmax cross entropy; images are shifted by up to one pixel."""
    slots = [(l, p) for l in flat(net) for p in l.params()]
    m = [np.zeros_like(getattr(l, p)) for l, p in slots]
    v = [np.zeros_like(getattr(l, p)) for l, p in slots]
    step, steps = 0, EPOCHS * (len(x) // BATCH)
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for b in range(len(x) // BATCH):
            pick = order[b * BATCH : (b + 1) * BATCH]
            dy, dx = rng.integers(0, 3, 2)
            img = np.pad(x[pick], ((0, 0), (0, 0), (1, 1), (1, 1)))[:, :, dy : dy + 8, dx : dx + 8]
            logits = run(net, img, training=True)
            e = np.exp(logits - logits.max(1, keepdims=True))
            g = e / e.sum(1, keepdims=True)
            g[np.arange(BATCH), y[pick]] -= 1
            g = (g / BATCH).astype(np.float32)
            for layer in reversed(net):
                g = layer.backward(g)
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for i, (l, p) in enumerate(slots):
                d = getattr(l, "d" + p) + 1e-4 * getattr(l, p)
                m[i] = 0.9 * m[i] + 0.1 * d
                v[i] = 0.999 * v[i] + 0.001 * d * d
                upd = m[i] / (1 - 0.9**step) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
                setattr(l, p, (getattr(l, p) - rate * upd).astype(np.float32))


def export(net, path):
    """Write the net with its batch normalizations unfolded, so that the compiler has something to fold."""
    nodes, inits, count = [], [], {}

    def name(kind):
        count[kind] = count.get(kind, 0) + 1
        return f"{kind.lower()}_{count[kind]}"

    def const(label, value):
        inits.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), label))
        return label

    def node(op, inputs, out=None, **attrs):
        label = name(op)
        out = out or label + ".out"
        nodes.append(helper.make_node(op, inputs, [out], name=label, **attrs))
        return out

    def emit(layer, x):
        if isinstance(layer, Residual):
            y = x
            for inner in layer.body:
                y = emit(inner, y)
            return node("Relu", [node("Add", [x, y])])
        if isinstance(layer, Conv):
            # The net is trained on pixels/16; the first weights take the factor, zero padding is not touched by it.
            w = layer.w / 16 if x == "pixels" else layer.w
            k, pad = layer.k, layer.k // 2
            label = f"conv_{count.get('Conv', 0) + 1}.weight"
            group = layer.w.shape[0] if layer.depthwise else 1
            return node("Conv", [x, const(label, w)], kernel_shape=[k, k], pads=[pad] * 4, strides=[1, 1], group=group)
        if isinstance(layer, BatchNorm):
            label = f"bn_{count.get('BatchNormalization', 0) + 1}"
            parts = [const(f"{label}.{p}", getattr(layer, p)) for p in ("gamma", "beta", "mean", "var")]
            return node("BatchNormalization", [x] + parts, epsilon=EPS)
        if isinstance(layer, Relu):
            return node("Relu", [x])
        if isinstance(layer, MaxPool):
            return node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        return node("Gemm", [node("Flatten", [x], axis=1), const("fc.weight", layer.w), const("fc.bias", layer.b)], transB=1)

    x = "pixels"
    for layer in net:
        x = emit(layer, x)
    node("Softmax", [x], out="probabilities", axis=-1)
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])],
        inits,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="mcompc-digits")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main():
    digits = load_digits()
    pixels = digits.images.astype(np.uint8)[:, None]
    x_train, x_eval, y_train, y_eval = train_test_split(
        pixels, digits.target, test_size=450, random_state=SEED, stratify=digits.target
    )
    rng = np.random.default_rng(SEED)
    net = build(rng)
    train(net, x_train.astype(np.float32) / 16, y_train, rng)
    export(net, os.path.join(HERE, "digits.onnx"))
    calib = rng.choice(len(x_train), 100, replace=False)
    np.savez_compressed(os.path.join(HERE, "digits.calib.npz"), pixels=x_train[calib])
    np.savez_compressed(os.path.join(HERE, "digits.eval.npz"), pixels=x_eval, y=y_eval.astype(np.uint8))

    import onnxruntime as ort

    session = ort.InferenceSession(os.path.join(HERE, "digits.onnx"), providers=["CPUExecutionProvider"])
    p = [session.run(None, {"pixels": s[None].astype(np.float32)})[0][0].argmax() for s in x_eval]
    print(f"held-out top-1 {np.mean(p == y_eval):.4f} of {len(y_eval)}")


if __name__ == "__main__":
    main()
