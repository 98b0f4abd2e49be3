#!/usr/bin/env python3
"""Writes the *.mir files of this folder: integer graphs of one operator or a few, with the results that exact Python integers give.
Needs numpy. tests/suite/tests/matrix runs them on every executor: constants with a quantization are activations and become inputs
there; outputs come in pairs, computed and wanted. Each file draws from a generator of its own, so that a new one changes no other.

Outputs use the range of their type, or the file says in a line `; narrow: WHY` why they cannot: a kernel that drops the low bits of an
operand would pass a comparison of three values. A line `; refused: WHY` stands in files that some machines, not all, refuse with E504."""
import math
import pathlib
import zlib
from fractions import Fraction

import numpy as np

HERE = pathlib.Path(__file__).parent
NAMES = {np.dtype(k): v for k, v in {"i1": "i8", "u1": "u8", "i2": "i16", "i4": "i32"}.items()}
I8, U8, I16 = np.int8, np.uint8, np.int16


def attr(v):
    if isinstance(v, str):
        return f'"{v}"'
    if isinstance(v, float):
        return repr(v)
    return repr([int(x) for x in v]) if isinstance(v, (list, tuple)) else str(int(v))


class Ref:
    """A value of the graph: its number in the text, its data, its quantization."""

    def __init__(self, id, a, q=None):
        self.id, self.a, self.q = id, a, q

    def centred(self):
        return self.a.astype(np.int64) - self.q[1]


class File:
    def __init__(self, name, narrow=None, refused=None, bits=8):
        self.name, self.narrow, self.refused, self.lines, self.pairs = name, narrow, refused, [], []
        # Of activations and results that say nothing else.
        self.type, self.ends = (I8, (-128, 127)) if bits == 8 else (I16, (-32768, 32767))
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        outs = []
        for i, r in enumerate(self.pairs):
            want = self.const(r.a, r.q, f"want{i}")
            n = i or ""
            outs += [f'"y{n}" = %{r.id}', f'"want{n}" = %{want.id}']
            values, least = len(np.unique(r.a)), (min(r.a.size, 24) + 1) // 2
            span = int(r.a.max()) - int(r.a.min())
            assert self.narrow or values >= least and span >= 2 ** (8 * r.a.itemsize - 1), f"{self.name}: {values} values of {r.a.size}, span {span}"
        head = ["; test: equal"] + ([f"; narrow: {self.narrow}"] if self.narrow else [])
        head += [f"; refused: {self.refused}"] if self.refused else []
        text = [*head, 'graph "t" {', *self.lines, "inputs()", f"outputs({', '.join(outs)})", "}", ""]
        (HERE / f"{self.name}.mir").write_text("\n".join(text))

    def line(self, rest, a, q, name):
        i = len(self.lines)
        quant = f" q({''.join(f'{c}, ' for c in q[2:])}{float(q[0])!r}, {q[1]})" if q else ""
        self.lines.append(f'%{i} = {rest} -> "{name}" {NAMES[a.dtype]}[{", ".join(map(str, a.shape))}]{quant}')
        return Ref(i, a, q)

    def const(self, a, q=None, name=None):
        a = np.ascontiguousarray(a) if a.ndim else a
        name = name or f"c{len(self.lines)}"
        r = self.line(f'const() "{name}"', a, q, name)
        self.lines[-1] += f" = [{', '.join(map(str, a.ravel().tolist()))}]"
        return r

    def act(self, *shape, dtype=None, q=None):
        """An activation of random codes of the whole range."""
        dtype = dtype or self.type
        q = q or ((0.5, -7) if dtype == I8 else (0.5, 0))
        lo, hi = (0, 256) if dtype == U8 else (-128, 128) if dtype == I8 else (-32768, 32768)
        return self.const(np.asarray(self.rng.integers(lo, hi, shape)).astype(dtype), q)

    def ints(self, lo, hi, *shape, dtype=np.int32):
        return self.rng.integers(lo, hi + 1, shape).astype(dtype)

    def node(self, op, refs, attrs, a, q):
        n = len(self.lines)
        at = " {" + ", ".join(f"{k} = {attr(v)}" for k, v in attrs.items()) + "}" if attrs else ""
        return self.line(f'{op}({", ".join(f"%{r.id}" for r in refs)}) "n{n}"{at}', a, q, f"v{n}")

    def out(self, *refs):
        self.pairs += refs

    # The rule, in exact rationals: to nearest, a half upwards.
    def rescaled(self, acc, m, r, zp):
        m = np.broadcast_to(np.asarray(m, object), acc.shape)
        half = Fraction(1, 2)

        def one(a, k):
            real = Fraction(int(a) * 2 ** r["pre"] * int(k), 2 ** (32 + r["shift"]))
            return min(r["hi"], max(r["lo"], zp + math.floor(real + half)))

        kind = I8 if r["hi"] < 128 else I16 if r["hi"] < 32768 else np.int32
        return np.array([one(a, k) for a, k in zip(acc.ravel(), m.ravel())], kind).reshape(acc.shape)

    def clamp(self, given):
        lo, hi = given or self.ends
        return dict(lo=lo, hi=hi)

    def fit(self, acc, pre=0, shift=None, gain=1.1, top=None):
        """A multiplier a channel (last axis) that spreads these accumulators over the range and a bit beyond, and a shift."""
        flat = np.abs(np.asarray(acc).reshape(-1, acc.shape[-1])).max(0).clip(1).astype(float)
        factor = (top or self.ends[1]) / flat * gain * self.rng.uniform(0.6, 1, flat.shape)
        s = shift or max(s for s in range(1, 16) if factor.max() * 2.0 ** (32 + s - pre) < 2**31 or s == 1)
        # A channel of small sums takes the largest multiplier there is.
        m = np.round(factor * 2.0 ** (32 + s - pre)).clip(0, 2**31 - 1).astype(np.int64)
        return m.astype(np.int32), dict(pre=pre, shift=s)

    # Operators.
    def windows(self, x, kernel, a, fill=0):
        """(output row, output column, patch [n, kh, kw, c]) over padded images."""
        p, d = a["pads"], a.get("dilations", [1, 1])
        x = np.pad(x, [(0, 0), (p[0], p[2]), (p[1], p[3]), (0, 0)], constant_values=fill)
        span = [(k - 1) * d + 1 for k, d in zip(kernel, d)]
        for oy in range((x.shape[1] - span[0]) // a["strides"][0] + 1):
            for ox in range((x.shape[2] - span[1]) // a["strides"][1] + 1):
                y0, x0 = oy * a["strides"][0], ox * a["strides"][1]
                yield oy, ox, x[:, y0:y0 + span[0]:d[0], x0:x0 + span[1]:d[1]]

    def codes(self, shape, bits, block):
        """Weights, and the multipliers of runs of them where there are some."""
        if bits == 8:
            return self.ints(-127, 127, *shape, dtype=I8), None
        if bits == 9:
            # Codes of eight bits, both ends among them, less `block` for a zero point.
            w = self.ints(0, 255, *shape)
            w.flat[:2] = 0, 255
            return (w - block).astype(I16), None
        w = self.ints(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, *shape)
        if block is None:
            return w.astype(I8), None
        flat = w.reshape(shape[0], -1)
        r = self.ints(1, 15, shape[0], -(-flat.shape[1] // block))
        flat = flat * np.repeat(r, block, 1)[:, :flat.shape[1]]
        return flat.reshape(shape).astype(I8), r.astype(I8)

    def weighted(self, op, x, w, r, acc_of, attrs, q, bias=9000, pre=0, clamp=None, bits=8, block=None, shift=None, gain=1.1, top=None):
        b = self.ints(-bias, bias, w.shape[0])
        acc = acc_of(x.centred(), w.astype(np.int64)) + b
        m, s = self.fit(acc, pre, shift, gain, top)
        s.update(self.clamp(clamp))
        refs = [x, self.const(w), self.const(b), self.const(m)]
        extra = {} if bits >= 8 else dict(bits=bits)
        if r is not None:
            refs.append(self.const(r))
            extra["block"] = block
        return self.node(op, refs, {**attrs, **s, **extra}, self.rescaled(acc, m, s, q[1]), q)

    def conv(self, x, o, kernel, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, bits=8, block=None, q=(0.25, 3), **k):
        a = dict(strides=strides, pads=pads, dilations=dilations, group=group)
        ci, co = x.a.shape[3] // group, o // group
        w, r = self.codes((o, *kernel, ci), bits, block) if "w" not in k else (k.pop("w"), None)

        def acc_of(xs, ws):
            tiles = list(self.windows(xs, kernel, a))
            acc = np.zeros((xs.shape[0], tiles[-1][0] + 1, tiles[-1][1] + 1, o), np.int64)
            for oy, ox, patch in tiles:
                for j in range(o):
                    g = j // co * ci
                    acc[:, oy, ox, j] = (patch[..., g:g + ci] * ws[j]).sum((1, 2, 3))
            return acc

        return self.weighted("q.conv", x, w, r, acc_of, a, q, bits=bits, block=block, **k)

    def depthwise(self, x, kernel, **k):
        c = x.a.shape[3]
        return self.conv(x, c, kernel, group=c, **k)

    def dense(self, x, o, bits=8, block=None, q=(0.25, -5), **k):
        w, r = self.codes((o, x.a.shape[1]), bits, block)
        return self.weighted("q.dense", x, w, r, lambda xs, ws: xs @ ws.T, {}, q, bits=bits, block=block, **k)

    def add(self, x, y, a, b, c, shift, lo=None, hi=None, q=(0.5, 1)):
        acc = np.asarray(x.a.astype(np.int64) * a + y.a.astype(np.int64) * b + c)
        assert np.abs(acc).max() < 2**31
        lo, hi = self.ends[0] if lo is None else lo, self.ends[1] if hi is None else hi
        want = (acc // 2**shift).clip(lo, hi).astype(I8 if hi < 128 else I16)
        return self.node("q.add", [x, y], dict(a=a, b=b, c=c, shift=shift, lo=lo, hi=hi), want, q)

    def one(self, op, refs, acc, q, attrs={}, pre=0, clamp=None, shift=None, gain=1.1, top=None):
        m, s = self.fit(acc.reshape(-1, 1), pre, shift, gain, top)
        s.update(self.clamp(clamp))
        return self.node(op, refs, dict(m=m[0], **s, **attrs), self.rescaled(acc, m[0], s, q[1]), q)

    def mul(self, x, y, q=(0.5, -9), **k):
        return self.one("q.mul", [x, y], x.centred() * y.centred(), q, **k)

    def matmul(self, x, y, q=(0.5, 3), transposed=False, **k):
        right = y.centred().swapaxes(-1, -2) if transposed else y.centred()
        return self.one("q.matmul", [x, y], np.asarray(np.matmul(x.centred(), right)), q, dict(transposed=1) if transposed else {}, **k)

    def rescale(self, x, q=(0.2, 9), **k):
        return self.one("q.rescale", [x], x.centred(), q, **k)

    def avgpool(self, x, kernel, strides=(1, 1), pads=(0, 0, 0, 0), counted=False, q=(0.5, 2), pre=3, shift=1, lo=None, hi=None):
        a = dict(kernel=kernel, strides=strides, pads=pads)
        inside = {(oy, ox): int(p[0, :, :, 0].sum()) for oy, ox, p in self.windows(np.ones_like(x.a[:1, :, :, :1], np.int64), kernel, a)}
        tiles = list(self.windows(x.centred(), kernel, a))
        area = kernel[0] * kernel[1]
        top = max(int(np.abs(p.sum((1, 2))).max()) * area // (area if counted else inside[oy, ox]) for oy, ox, p in tiles)
        lo, hi = self.ends[0] + 8 if lo is None else lo, self.ends[1] if hi is None else hi
        first = min(2**31 - 1, int(200 * (hi + 1) / 128 / top * area * 2.0 ** (32 + shift - pre)))
        m = [first // area] * area if counted else [first // n for n in range(1, area + 1)]
        s = dict(pre=pre, shift=shift, lo=lo, hi=hi)
        y = np.zeros((x.a.shape[0], tiles[-1][0] + 1, tiles[-1][1] + 1, x.a.shape[3]), self.type)
        for oy, ox, p in tiles:
            y[:, oy, ox] = self.rescaled(p.sum((1, 2)), m[inside[oy, ox] - 1], s, q[1])
        return self.node("q.avgpool", [x], dict(**a, m=m, **s), y, q)

    def maxpool(self, x, kernel, strides=(1, 1), pads=(0, 0, 0, 0)):
        a = dict(kernel=kernel, strides=strides, pads=pads)
        tiles = list(self.windows(x.a.astype(np.int64), kernel, a, fill=-100000))
        y = np.zeros((x.a.shape[0], tiles[-1][0] + 1, tiles[-1][1] + 1, x.a.shape[3]), x.a.dtype)
        for oy, ox, p in tiles:
            y[:, oy, ox] = p.max((1, 2))
        return self.node("q.maxpool", [x], a, y, x.q)

    def softmax(self, x):
        n, scale = x.a.shape[-1], x.q[0]
        bits = min(20, 30 - math.ceil(math.log2(n)))
        wide = x.a.dtype == I16
        entries = lambda by, bits: [round(math.exp(-d * by * scale) * 2**bits) for d in range(256)]
        table = np.array(entries(256, 30) + entries(1, bits + 2) if wide else entries(1, bits), np.int32)
        down, zero, top = (13, 0, 32767) if wide else (20, -128, 127)
        exp = lambda d: int(table[d >> 8]) * int(table[256 + (d & 255)]) // 2**32 if wide else int(table[d])
        rows = []
        for row in x.a.reshape(-1, n).tolist():
            e = [exp(max(row) - q) for q in row]
            big = 2 ** (30 + bits) // sum(e)
            rows.append([min(top, (((v * 2 ** (30 - bits)) * big // 2**32 + 2 ** (down - 1)) // 2**down) + zero) for v in e])
        want = np.array(rows, x.a.dtype if wide else I8).reshape(x.a.shape)
        step = 2.0**-15 if wide else 1 / 256
        p = np.exp(scale * (x.a - x.a.max(-1, keepdims=True).astype(float)))
        assert np.abs((want.astype(float) - zero) * step - p / p.sum(-1, keepdims=True)).max() <= step * (1.5 if wide else 1), "off by more than a step"
        return self.node("q.softmax", [x, self.const(table)], dict(axis=x.a.ndim - 1, bits=bits), want, (step, zero))

    def norm(self, x, axis=-1, centre=1, over=None, epsilon=1e-5, still=None, q=(0.03, 4), spread=1.5):
        """Gain and offset of shape `over` (numpy's rule), in exact integers; within two steps of the real normalization."""
        axis %= x.a.ndim
        n, u = math.prod(x.a.shape[axis:]), x.centred()
        over = x.a.shape[axis:] if over is None else over
        wide = q[0] < 0.01
        gain = self.rng.uniform(0.9, 1.5, over) * self.rng.choice([-1, 1], over) * spread
        offset = self.rng.uniform(-1, 1, over) * spread
        kind, (lo, hi) = (I16, (-32768, 32767)) if wide else (I8, (-128, 127))
        head = -(-math.ceil(math.log2(n)) // 2)
        behind = 32 - (27 - head)
        shift = max(s for s in range(1, 16) if np.abs(gain).max() / q[0] * 2.0 ** (s + behind) < 2**31)
        g = np.round(gain / q[0] * 2.0 ** (shift + behind)).astype(np.int64)
        o = np.round((q[1] + 0.5 + offset / q[0]) * 2.0**shift).astype(np.int64)
        e = round(epsilon * (n / x.q[0]) ** 2)
        rows, want = u.reshape(-1, n).tolist(), []
        gs, os = [np.broadcast_to(c, x.a.shape).reshape(-1, n).tolist() for c in (g, o)]
        for us, gr, orow in zip(rows, gs, os):
            s1 = sum(us) if centre else 0
            d = max(1, n * sum(v * v for v in us) - s1 * s1 + e)
            j = (64 - d.bit_length()) // 2
            k, m = 32 - j, d * 4**j // 2**33
            r = 1144993109 - m * 1308563554 // 2**32
            for _ in range(3):
                r = (r * (4 * (3 * 2**27 - m * (4 * (r * r // 2**32)) // 2**32)) // 2**32) * 4
            up, down = max(0, 30 - head - k), max(0, head + k - 30)
            for v, a, b in zip(us, gr, orow):
                z = (n * v - s1) * 2**up * (r // 2**down) // 2**32
                want.append(min(hi, max(lo, (z * a // 2**32 + b) // 2**shift)))
        want = np.array(want, kind).reshape(x.a.shape)
        real = u.reshape(-1, n) * x.q[0]
        real = real - real.mean(1, keepdims=True) * centre
        root = np.sqrt((real**2).mean(1, keepdims=True) + epsilon)
        real = np.divide(real, root, out=np.zeros_like(real), where=root > 0).reshape(x.a.shape) * gain + offset
        real = (real / q[0] + q[1]).clip(lo, hi)
        assert np.abs(want - real).max() <= (2 if wide else 0.6), f"{self.name}: off by {np.abs(want - real).max()} steps"
        refs = [x, self.const(g.astype(np.int32)), self.const(o.astype(np.int32))]
        return self.node("q.norm", refs, dict(axis=axis, centre=centre, epsilon=e, shift=shift, lo=lo, hi=hi), want, q)

    def lut(self, x, q=(0.25, 1)):
        if x.a.dtype == I16:
            table, u = self.ints(*self.ends, 513, dtype=I16), x.a.astype(np.int64) + 32768
            i, f, t = u >> 7, u & 127, table.astype(np.int64)
            want = (t[i] + (((t[i + 1] - t[i]) * f + 64) >> 7)).astype(I16)
            return self.node("q.lut", [x, self.const(table)], {}, want, q)
        table = self.ints(*self.ends, 256, dtype=self.type)
        want = table[x.a.astype(int) - (0 if x.a.dtype == U8 else -128)]
        return self.node("q.lut", [x, self.const(table)], {}, want, q)

    def spread(self, *shape, bits=24, pre=12):
        """A value of 32 bits: codes of so many, of all sizes."""
        x = self.act(*shape, dtype=I16)
        x.a[...] = x.a // 2 ** self.rng.integers(0, 15, shape)
        self.lines[x.id] = self.lines[x.id].split(" = [")[0] + f" = [{', '.join(map(str, x.a.ravel().tolist()))}]"
        top = 2 ** (bits - 1) - 1
        return self.rescale(x, q=(0.001, 0, f"i{bits}"), clamp=(-top - 1, top), top=top, pre=pre, gain=0.9)

    def dense_long(self, x, o, **k):
        """A layer over values of 32 bits: as few of the lower bits of its sums are left out as fit."""
        w, _ = self.codes((o, x.a.shape[1]), 8, None)
        reach = 2 ** (int(x.q[2][1:]) - 1)
        drop = max(0, (int(np.abs(w.astype(int)).sum(1).max()) * reach).bit_length() - 30)
        return self.weighted("q.dense", x, w, None, lambda xs, ws: (xs @ ws.T) >> drop, dict(drop=drop), k.pop("q", (0.25, 0)), **k)

    def curve(self, x, shift, signed=False, clamp=None, q=(0.25, 0)):
        most = 2 ** (int(x.q[2][1:]) - 1) - 1
        place = lambda u: (max(0, u.bit_length() - 6), 32 * max(0, u.bit_length() - 6) + (u >> max(0, u.bit_length() - 6)))
        n = place(most)[1] + 2
        lo, hi = clamp or self.ends
        reach = min(2**29 - 1, int((hi + 1) * 1.1 * 2**shift))
        table = self.ints(-reach, reach, n * (2 if signed else 1))

        def one(v):
            u = min(most, abs(v)) if signed or v > 0 else 0
            s, i = place(u)
            i += n if v < 0 and signed else 0
            a, b = int(table[i]), int(table[i + 1])
            return min(hi, max(lo, (a + ((b - a) * (u % 2**s) >> s)) >> shift))

        want = np.array([one(int(v)) for v in x.a.ravel()]).reshape(x.a.shape)
        kind = I8 if hi < 128 else I16 if hi < 32768 else np.int32
        return self.node("q.curve", [x, self.const(table)], dict(shift=shift, lo=lo, hi=hi), want.astype(kind), q)

    def hypot(self, x, y, q=(0.25, 0), clamp=None, gain=0.8):
        lo, hi = clamp or self.ends
        u, v = x.centred().astype(object), y.centred().astype(object)
        real = np.sqrt((u * u + v * v).astype(float))
        least = -(30 - int(max(np.abs(u).max(), np.abs(v).max(), *(2 ** int(r.q[2][1:]) // 2 if r.q[2:] else 2**15 if r.a.dtype == I16 else 256 for r in (x, y)))).bit_length())
        ratio = gain * (hi - q[1]) / real.max()
        shift = max(s for s in range(least, 16) if round(ratio * 2.0 ** (34 + s)) < 2**31)
        m = round(ratio * 2.0 ** (34 + shift))

        def one(u, v):
            t = max(abs(u), abs(v))
            if t == 0:
                return min(hi, max(lo, q[1]))
            k = 30 - t.bit_length()
            n = (u << k) ** 2 // 2**32 + (v << k) ** 2 // 2**32
            j, d = (0, 8 * n) if n < 2**28 else (1, 2 * n)
            r = 1144993109 - d * 1308563554 // 2**32
            for _ in range(3):
                r = (r * (4 * (3 * 2**27 - d * (4 * (r * r // 2**32)) // 2**32)) // 2**32) * 4
            e = min(31, shift + k)
            return min(hi, max(lo, q[1] + (((d * r // 2**32 << j) * m // 2**32 + 2**e // 2) >> e)))

        want = np.array([one(int(a), int(b)) for a, b in zip(u.ravel(), v.ravel())]).reshape(x.a.shape)
        near = (real * ratio + q[1]).clip(lo, hi)
        assert np.abs(want - near).max() <= np.maximum(0.6, np.abs(near) * 2.0**-20).max(), "off by more than it may be"
        kind = I8 if hi < 128 else I16 if hi < 32768 else np.int32
        return self.node("q.hypot", [x, y], dict(m=m, shift=shift, lo=lo, hi=hi), want.astype(kind), q)

    def pad(self, x, before, after, value=0.0, mode="constant"):
        how = dict(constant_values=x.q[1]) if mode == "constant" else {}
        a = np.pad(x.a, list(zip(before, after)), mode=mode, **how) if before else x.a
        at = {} if mode == "constant" else dict(mode=mode)
        return self.node("Pad", [x], dict(pads=[*before, *after], value=float(value), **at), a, x.q)

    def extreme(self, x, axes, keepdims=1, largest=True):
        a = (np.max if largest else np.min)(x.a, tuple(axes), keepdims=bool(keepdims))
        return self.node("ReduceMax" if largest else "ReduceMin", [x], dict(axes=axes, keepdims=keepdims), np.asarray(a), x.q)

    def argmax(self, x, axis, largest=1, last=0):
        n, a = x.a.shape[axis], x.a if largest else -x.a.astype(np.int64)
        at = n - 1 - np.argmax(np.flip(a, axis), axis) if last else np.argmax(a, axis)
        zp, t = (0, I8) if n <= 128 else (-128, I8) if n <= 256 else (0, I16)
        return self.node("q.argmax", [x], dict(axis=axis, largest=largest, last=last), (np.asarray(at) + zp).astype(t), (1.0, zp))

    def sum(self, x, axes, keepdims=1, q=(0.5, 4), **k):
        acc = np.asarray(x.centred().sum(tuple(axes), keepdims=bool(keepdims)))
        m, s = self.fit(acc.reshape(-1, 1), k.get("pre", 4), gain=1.5)
        s.update(self.clamp(None))
        return self.node("q.sum", [x], dict(axes=axes, keepdims=keepdims, m=m[0], **s), self.rescaled(acc, m[0], s, q[1]), q)

    def concat(self, xs, axis):
        return self.node("Concat", xs, dict(axis=axis), np.concatenate([x.a for x in xs], axis), xs[0].q)

    def slice(self, x, *ranges):
        """Slices of Python, one a dimension."""
        a = x.a[ranges].copy()
        known = [r.indices(n) for r, n in zip(ranges, x.a.shape)]
        starts, steps = [r[0] for r in known], [r[2] for r in known]
        return self.node("Slice", [x], dict(starts=starts, sizes=a.shape, steps=steps), a, x.q)

    def gather(self, x, index):
        """Negative indices count from the end; those outside are the nearest inside."""
        rows = len(x.a)
        at = np.clip(np.where(index < 0, index + rows, index), 0, rows - 1)
        return self.node("Gather", [x, self.const(index.astype(np.int32))], {}, x.a[at], x.q)

    def transpose(self, x, perm):
        return self.node("Transpose", [x], dict(perm=perm), x.a.transpose(perm).copy(), x.q)

    def reshape(self, x, *shape):
        return self.node("Reshape", [x], dict(shape=shape), x.a.reshape(shape), x.q)


# Machines whose lanes of eight bits hold no more codes of this width than of the next.
WIDTH = "no way to unpack this width"


def file(name, build, narrow=None, refused=None, bits=8):
    """A file whose output is what `build` gives."""
    with File(name, narrow, refused, bits) as f:
        r = build(f)
        f.out(*(r if isinstance(r, tuple) else (r,)))


SAME = dict(pads=(1, 1, 1, 1))
S = np.s_
FEW = "fewer elements than a range has ends"


def convolutions():
    odd = dict(strides=(2, 1), pads=(1, 0, 2, 1), dilations=(1, 2), group=2)
    for kind, t, q in [("", I8, (0.5, -7)), ("_u8", U8, (0.5, 130))]:
        file(f"conv{kind}", lambda f: f.conv(f.act(1, 5, 6, 4, dtype=t, q=q), 6, (3, 2), pre=1, clamp=(-120, 127), **odd))
        file(f"conv_batch{kind}", lambda f: f.conv(f.act(2, 5, 6, 4, dtype=t, q=q), 6, (3, 2), **odd))
        file(f"conv_stem{kind}", lambda f: f.conv(f.act(1, 7, 7, 3, dtype=t, q=q), 8, (3, 3), strides=(2, 2), pads=(0, 0, 1, 1)))
        file(f"conv_pointwise{kind}", lambda f: f.conv(f.act(1, 2, 5, 16, dtype=t, q=q), 16, (1, 1)))
        file(f"depthwise{kind}", lambda f: f.depthwise(f.act(1, 5, 6, 8, dtype=t, q=q), (3, 3), **SAME))
        file(f"depthwise_batch{kind}", lambda f: f.depthwise(f.act(2, 4, 5, 13, dtype=t, q=q), (3, 3), **SAME))
    for c, o in [(5, 13), (13, 5), (17, 33), (33, 17), (1, 1), (1, 16), (16, 1)]:
        file(f"conv_1x1_{c}_{o}", lambda f: f.conv(f.act(1, 3, 5, c), o, (1, 1)))
    for c, o in [(5, 13), (13, 5), (17, 3), (1, 7)]:
        file(f"conv_3x3_{c}_{o}", lambda f: f.conv(f.act(1, 5, 5, c), o, (3, 3), **SAME))
    file("conv_batch_3", lambda f: f.conv(f.act(3, 4, 4, 5), 7, (3, 3), **SAME))
    file("conv_1x1_batch", lambda f: f.conv(f.act(2, 3, 3, 5), 9, (1, 1)))
    file("conv_1x1_batch_stride", lambda f: f.conv(f.act(2, 4, 5, 8), 8, (1, 1), strides=(2, 3)))
    file("conv_one_row", lambda f: f.conv(f.act(1, 1, 9, 4), 5, (1, 3), pads=(0, 1, 0, 1)))
    file("conv_one_row_3x3", lambda f: f.conv(f.act(1, 1, 9, 4), 5, (3, 3), **SAME))
    file("conv_one_column", lambda f: f.conv(f.act(1, 9, 1, 4), 5, (3, 1), pads=(1, 0, 1, 0)))
    file("conv_one_pixel", lambda f: f.conv(f.act(1, 1, 1, 17), 40, (3, 3), **SAME))
    file("conv_wide_kernel", lambda f: f.conv(f.act(1, 4, 8, 3), 4, (2, 7), strides=(1, 2), pads=(0, 3, 1, 3)))
    file("conv_dilated", lambda f: f.conv(f.act(1, 7, 8, 3), 4, (3, 3), dilations=(2, 2), pads=(2, 2, 2, 2)))
    file("conv_groups", lambda f: f.conv(f.act(1, 4, 4, 12), 6, (3, 3), group=3, **SAME))
    file("conv_multiplier", lambda f: f.conv(f.act(1, 4, 4, 5), 10, (3, 3), group=5, **SAME))
    # Channel multipliers: few channels and many, in lanes and not, odd ones; rows and planes.
    for c, m in [(2, 3), (4, 8), (5, 2), (13, 3), (16, 2), (17, 2), (33, 4), (14, 1)]:
        file(f"multiplier_{c}_{m}", lambda f: f.conv(f.act(1, 5, 6, c), c * m, (3, 3), group=c, **SAME))
    file("multiplier_stride", lambda f: f.conv(f.act(2, 7, 6, 16), 32, (3, 3), group=16, strides=(2, 2), pads=(0, 0, 1, 1)))
    file("multiplier_u8", lambda f: f.conv(f.act(1, 4, 5, 20, dtype=U8, q=(0.5, 130)), 40, (3, 3), group=20, **SAME))
    file("multiplier_dilated", lambda f: f.conv(f.act(2, 7, 7, 16), 48, (3, 3), group=16, dilations=(2, 2), pads=(2, 2, 2, 2)))
    file("multiplier_1x1", lambda f: f.conv(f.act(2, 3, 3, 17), 34, (1, 1), group=17))
    file("multiplier_one_row", lambda f: f.conv(f.act(1, 1, 9, 16), 32, (1, 3), group=16, pads=(0, 1, 0, 1)))
    file("multiplier_bits4", lambda f: f.conv(f.act(1, 5, 5, 13), 26, (3, 3), group=13, bits=4, bias=50, pre=2, **SAME))
    file("multiplier_batch_bits4", lambda f: f.conv(f.act(2, 5, 5, 16), 32, (3, 3), group=16, bits=4, bias=50, pre=2, **SAME))
    file("conv_relu", lambda f: f.conv(f.act(1, 4, 4, 8), 8, (3, 3), q=(0.1, -128), clamp=(-128, 90), gain=2.5, **SAME))
    file("conv_zero_point_low", lambda f: f.conv(f.act(1, 4, 4, 8, q=(0.5, -128)), 8, (3, 3), **SAME))
    file("conv_zero_point_high", lambda f: f.conv(f.act(1, 4, 4, 8, q=(0.5, 127)), 8, (3, 3), **SAME))
    file("conv_u8_zero_point_high", lambda f: f.conv(f.act(1, 4, 4, 8, dtype=U8, q=(0.5, 255)), 8, (3, 3), **SAME))
    file("conv_shift_15", lambda f: f.conv(f.act(1, 3, 3, 40), 4, (3, 3), shift=15, bias=9000000, **SAME))
    # Weights so small that a left shift past 15 fits: the rule allows 30.
    file("conv_pre_17", lambda f: f.conv(f.act(1, 3, 5, 1), 4, (1, 1), w=f.ints(-60, 60, 4, 1, 1, 1, dtype=I8), bias=0, pre=17))
    file("depthwise_pre_17", lambda f: f.depthwise(f.act(1, 3, 5, 4), (1, 1), w=f.ints(-60, 60, 4, 1, 1, 1, dtype=I8), bias=0, pre=17))
    for c in [1, 5, 16, 17, 33]:
        file(f"depthwise_{c}", lambda f: f.depthwise(f.act(1, 4, 5, c), (3, 3), **SAME))
    file("depthwise_stride", lambda f: f.depthwise(f.act(1, 7, 6, 16), (3, 3), strides=(2, 2), pads=(0, 0, 1, 1)))
    file("depthwise_5x5", lambda f: f.depthwise(f.act(1, 6, 6, 5), (5, 5), pads=(2, 2, 2, 2)))
    # Windows of more taps than a small core holds addresses of: a full convolution there.
    file("depthwise_7x7", lambda f: f.depthwise(f.act(1, 5, 6, 5), (7, 7), pads=(3, 3, 3, 3)))
    file("depthwise_9x9_stride", lambda f: f.depthwise(f.act(2, 10, 9, 3), (9, 9), strides=(3, 2), pads=(4, 4, 4, 4)))
    file("depthwise_7x7_bits4", lambda f: f.depthwise(f.act(1, 5, 6, 5), (7, 7), pads=(3, 3, 3, 3), bits=4, bias=50, pre=1))
    file("multiplier_7x7", lambda f: f.conv(f.act(1, 4, 4, 12), 36, (7, 7), group=12, strides=(3, 3), pads=(2, 2, 2, 2)))
    file("depthwise_dilated", lambda f: f.depthwise(f.act(1, 7, 7, 8), (3, 3), dilations=(2, 2), pads=(2, 2, 2, 2)))
    file("depthwise_row_kernel", lambda f: f.depthwise(f.act(1, 4, 8, 8), (1, 3), pads=(0, 1, 0, 1)))
    file("depthwise_column_kernel", lambda f: f.depthwise(f.act(1, 8, 4, 8), (3, 1), pads=(1, 0, 1, 0)))
    file("depthwise_1x1", lambda f: f.depthwise(f.act(1, 3, 3, 17), (1, 1)))
    file("depthwise_one_row", lambda f: f.depthwise(f.act(1, 1, 9, 8), (3, 3), **SAME))
    file("depthwise_one_column", lambda f: f.depthwise(f.act(1, 9, 1, 8), (3, 3), **SAME))
    file("depthwise_batch_3_stride", lambda f: f.depthwise(f.act(3, 5, 5, 16), (3, 3), strides=(2, 2), **SAME))
    for name, k in [("bits4", dict(bits=4)), ("bits4_block", dict(bits=4, block=32))]:
        file(f"conv_{name}", lambda f: f.conv(f.act(1, 4, 4, 8), 8, (3, 3), bias=500, **k, **SAME))
        file(f"conv_{name}_odd", lambda f: f.conv(f.act(1, 4, 4, 5), 7, (3, 3), bias=500, **k, **SAME))
        file(f"conv_1x1_{name}", lambda f: f.conv(f.act(1, 3, 4, 33), 17, (1, 1), bias=500, **k))
        file(f"conv_batch_{name}", lambda f: f.conv(f.act(2, 4, 4, 8), 8, (3, 3), bias=500, **k, **SAME))
    for bits in [2, 3, 5]:
        refused = None if bits == 2 else WIDTH
        file(f"conv_bits{bits}", lambda f: f.conv(f.act(1, 4, 4, 5), 7, (3, 3), bits=bits, bias=300, pre=1, **SAME), refused=refused)
        file(f"conv_1x1_bits{bits}", lambda f: f.conv(f.act(1, 3, 4, 33), 17, (1, 1), bits=bits, bias=300, pre=1), refused=refused)
        file(f"conv_batch_bits{bits}", lambda f: f.conv(f.act(2, 4, 4, 16), 16, (3, 3), bits=bits, bias=300, pre=1, **SAME), refused=refused)
        file(f"depthwise_bits{bits}", lambda f: f.depthwise(f.act(1, 5, 5, 13), (3, 3), bits=bits, bias=50, pre=2, **SAME))
        file(f"depthwise_batch_bits{bits}", lambda f: f.depthwise(f.act(2, 5, 5, 8), (3, 3), bits=bits, bias=50, pre=2, **SAME))
        file(f"multiplier_bits{bits}", lambda f: f.conv(f.act(1, 5, 5, 13), 26, (3, 3), group=13, bits=bits, bias=50, pre=2, **SAME))
    file("depthwise_bits4", lambda f: f.depthwise(f.act(1, 5, 5, 13), (3, 3), bits=4, bias=50, pre=2, **SAME))
    file("depthwise_batch_bits4", lambda f: f.depthwise(f.act(2, 5, 5, 8), (3, 3), bits=4, bias=50, pre=2, **SAME))
    # Codes of eight bits less a zero point, from one end of their range to the other.
    for zero in [0, 122, 128, 131, 255]:
        k = dict(bits=9, block=zero)
        file(f"conv_zero_{zero}", lambda f: f.conv(f.act(1, 5, 5, 5), 13, (3, 3), **k, **SAME))
        file(f"conv_1x1_zero_{zero}", lambda f: f.conv(f.act(1, 3, 5, 32), 17, (1, 1), **k))
        file(f"depthwise_zero_{zero}", lambda f: f.depthwise(f.act(1, 5, 6, 13), (3, 3), **k, **SAME))
        one = "weights of one sign" if zero in (0, 255) else None
        file(f"dense_zero_{zero}", lambda f: f.dense(f.act(1, 130), 21, **k), narrow=one)
    k = dict(bits=9, block=117)
    file("conv_zero_u8", lambda f: f.conv(f.act(1, 5, 5, 3, dtype=U8, q=(0.5, 130)), 8, (3, 3), **k, **SAME))
    file("conv_zero_u8_1x1", lambda f: f.conv(f.act(2, 3, 5, 16, dtype=U8, q=(0.5, 3)), 40, (1, 1), **k))
    file("conv_zero_batch_stride", lambda f: f.conv(f.act(2, 7, 7, 4), 33, (3, 3), strides=(2, 2), pads=(0, 0, 1, 1), **k))
    file("conv_zero_groups", lambda f: f.conv(f.act(1, 4, 4, 12), 6, (3, 3), group=3, **k, **SAME))
    file("conv_zero_dilated", lambda f: f.conv(f.act(1, 7, 8, 3), 4, (3, 3), dilations=(2, 2), pads=(2, 2, 2, 2), **k))
    file("conv_zero_one_pixel", lambda f: f.conv(f.act(1, 1, 1, 17), 40, (3, 3), **k, **SAME))
    file("conv_zero_large", lambda f: f.conv(f.act(1, 1, 1, 700), 5, (1, 1), **k))
    for c in [1, 8, 16, 33]:
        file(f"depthwise_zero_c{c}", lambda f: f.depthwise(f.act(1, 6, 5, c), (3, 3), **k, **SAME))
    file("depthwise_zero_stride", lambda f: f.depthwise(f.act(2, 7, 6, 16), (3, 3), strides=(2, 2), pads=(0, 0, 1, 1), **k))
    file("depthwise_zero_dilated", lambda f: f.depthwise(f.act(1, 7, 7, 16), (3, 3), dilations=(2, 2), pads=(2, 2, 2, 2), **k))
    file("depthwise_zero_u8", lambda f: f.depthwise(f.act(1, 4, 5, 20, dtype=U8, q=(0.5, 130)), (3, 3), **k, **SAME))
    file("depthwise_zero_1x1", lambda f: f.depthwise(f.act(1, 3, 3, 17), (1, 1), **k))
    file("multiplier_zero", lambda f: f.conv(f.act(1, 5, 6, 16), 32, (3, 3), group=16, **k, **SAME))
    file("multiplier_zero_few", lambda f: f.conv(f.act(1, 5, 6, 3), 6, (3, 3), group=3, **k, **SAME))


def dense():
    k = dict(bits=9, block=117)
    file("dense_zero_rows", lambda f: f.dense(f.act(5, 33), 40, **k))
    file("dense_zero_u8", lambda f: f.dense(f.act(2, 21, dtype=U8, q=(0.5, 200)), 13, **k))
    for n, k, o in [(3, 9, 5), (1, 33, 40), (1, 130, 40), (2, 16, 16), (5, 5, 13), (33, 2, 1), (1, 300, 40)]:
        file(f"dense_{n}_{k}_{o}", lambda f: f.dense(f.act(n, k, q=(0.5, -128 if n == 3 else -7)), o))
    file("dense_u8", lambda f: f.dense(f.act(2, 21, dtype=U8, q=(0.5, 200)), 13))
    file("dense_one", lambda f: f.dense(f.act(1, 1), 1), narrow=FEW)
    for bits in [2, 3, 5]:
        refused = None if bits == 2 else WIDTH
        file(f"dense_bits{bits}", lambda f: f.dense(f.act(2, 21), 13, bits=bits, bias=50, pre=1), refused=refused)
        file(f"dense_long_bits{bits}", lambda f: f.dense(f.act(1, 130), 40, bits=bits, bias=500), refused=refused)
    file("dense_bits4", lambda f: f.dense(f.act(2, 21), 13, bits=4, bias=50))
    file("dense_bits4_block", lambda f: f.dense(f.act(2, 40), 13, bits=4, block=16, bias=500))
    file("dense_bits4_block_2", lambda f: f.dense(f.act(1, 4), 40, bits=4, block=2, bias=100, pre=1),
         refused="a group ends inside a step of the inner loop")

    def eight(f):
        x, r = f.act(2, 40), f.ints(1, 9, 13, 5, dtype=I8)
        w = f.ints(-14, 14, 13, 40, dtype=I8) * np.repeat(r, 8, 1)
        return f.weighted("q.dense", x, w, r, lambda xs, ws: xs @ ws.T, {}, (0.25, -5), block=8)

    file("dense_bits8_block", eight)
    file("dense_pre", lambda f: f.dense(f.act(3, 2), 8, pre=3))

    # Every eighth is met, so every half, and both ends of the range are passed.
    def ends(f):
        x = f.const(np.arange(-128, 128).reshape(256, 1).astype(I8), (1.0, 0))
        h = dict(pre=0, shift=1, lo=-14, hi=13)
        refs = [x, f.const(np.array([[1]], I8)), f.const(np.array([0], np.int32)), f.const(np.array([1 << 30], np.int32))]
        return f.node("q.dense", refs, h, f.rescaled(x.centred(), 1 << 30, h, 0), (8.0, 0))

    file("dense_ends", ends, narrow="an eighth of each code, between lo and hi")


def products():
    """Rows, columns and sums that fill blocks and vectors of every machine or miss them, right matrices as rows and as columns."""
    for m, k, n in [(1, 1, 40), (1, 33, 17), (3, 5, 7), (4, 16, 16), (9, 33, 21), (17, 64, 48), (8, 18, 34), (5, 130, 9), (33, 3, 2), (6, 8, 1)]:
        file(f"matmul_{m}_{k}_{n}", lambda f: f.matmul(f.act(m, k), f.act(k, n, q=(0.1, 5))), narrow=FEW if n == 1 else None)
        file(f"matmul_columns_{m}_{k}_{n}", lambda f: f.matmul(f.act(m, k), f.act(n, k, q=(0.1, 5)), transposed=True), narrow=FEW if n == 1 else None)
    leads = [((2,), (2,)), ((2, 3), (3,)), ((3,), ()), ((), (3,)), ((2, 1), (1, 3)), ((1, 2, 2), (2, 1, 1)), ((1, 1), (1,))]
    for i, (a, b) in enumerate(leads):
        file(f"matmul_batch_{i}", lambda f: f.matmul(f.act(*a, 5, 19), f.act(*b, 19, 18, q=(0.1, -3))))
        file(f"matmul_batch_columns_{i}", lambda f: f.matmul(f.act(*a, 5, 19), f.act(*b, 18, 19, q=(0.1, -3)), transposed=True))
    file("matmul_row", lambda f: f.matmul(f.act(20), f.act(20, 30)))
    file("matmul_column", lambda f: f.matmul(f.act(30, 20), f.act(20)))
    file("matmul_row_batch", lambda f: f.matmul(f.act(20), f.act(2, 20, 17)))
    file("matmul_dot", lambda f: f.matmul(f.act(20), f.act(20)), narrow=FEW)
    for name, za, zb in [("zeros", 0, 0), ("left", 9, 0), ("right", 0, -128)]:
        file(f"matmul_{name}", lambda f: f.matmul(f.act(9, 35, q=(0.5, za)), f.act(35, 24, q=(0.5, zb))))
    for name, za, zb, zy in [("ends", -128, 127, 127), ("ends_low", -128, -128, -128), ("ends_high", 127, 127, -128)]:
        file(f"matmul_{name}", lambda f: f.matmul(f.act(9, 3, q=(0.5, za)), f.act(3, 24, q=(0.5, zb)), q=(0.5, zy), gain=2.2))
    u8 = dict(dtype=U8, q=(0.5, 140))
    for name, a, b in [("u8_i8", u8, {}), ("i8_u8", {}, u8), ("u8_u8", u8, u8)]:
        file(f"matmul_{name}", lambda f: f.matmul(f.act(2, 9, 33, **a), f.act(2, 33, 20, **b)))
        file(f"matmul_columns_{name}", lambda f: f.matmul(f.act(2, 9, 32, **a), f.act(2, 20, 32, **b), transposed=True))
    file("matmul_pre", lambda f: f.matmul(f.act(9, 2), f.act(2, 9), pre=6))

    def own(f):
        x = f.lut(f.act(2, 16, 16))
        return f.matmul(x, x), f.matmul(x, x, transposed=True)

    file("matmul_same", own)

    def attention(f):
        split = lambda x: f.transpose(f.reshape(x, 8, 2, 16), [1, 0, 2])
        a, b, c = [split(f.lut(f.act(8, 32, q=(0.05, 3)), q=(0.05, 3))) for _ in range(3)]
        return f.matmul(f.softmax(f.matmul(a, b, q=(0.02, 0), transposed=True)), c, gain=1.5)

    file("chain_attention", attention)


def sixteen():
    """Activations of 16 bits, beside weights of eight, and borders between both widths."""
    wide = lambda name, build, narrow=None: file(f"wide_{name}", build, narrow, bits=16)
    odd = dict(strides=(2, 1), pads=(1, 0, 2, 1), dilations=(1, 2), group=2)
    for kind, q in [("", (0.5, 0)), ("_zero", (0.5, 3000))]:
        wide(f"conv{kind}", lambda f: f.conv(f.act(1, 5, 6, 4, q=q), 6, (3, 2), clamp=(-30000, 32767), **odd))
        wide(f"conv_batch{kind}", lambda f: f.conv(f.act(2, 5, 6, 5, q=q), 6, (3, 3), **SAME))
        wide(f"depthwise{kind}", lambda f: f.depthwise(f.act(2, 5, 6, 13, q=q), (3, 3), **SAME))
        wide(f"dense{kind}", lambda f: f.dense(f.act(3, 9, q=q), 5, q=(0.5, 5)))
        wide(f"pad{kind}", lambda f: f.pad(f.act(2, 3, 4, 5, q=q), [0, 1, 2, 1], [1, 0, 2, 3]))
    wide("conv_stem", lambda f: f.conv(f.act(1, 7, 7, 3), 8, (3, 3), strides=(2, 2), pads=(0, 0, 1, 1)))
    wide("conv_one_pixel", lambda f: f.conv(f.act(1, 1, 1, 17), 40, (3, 3), **SAME))
    wide("conv_multiplier", lambda f: f.conv(f.act(1, 5, 6, 5), 10, (3, 3), group=5, **SAME))
    wide("conv_multiplier_16", lambda f: f.conv(f.act(1, 5, 6, 16), 32, (3, 3), group=16, strides=(2, 2), pads=(0, 0, 1, 1)))
    wide("conv_bits4", lambda f: f.conv(f.act(1, 4, 4, 8), 8, (3, 3), bits=4, bias=500, **SAME))
    for c, o in [(5, 13), (16, 16), (17, 33), (33, 17), (1, 16), (16, 1), (64, 24)]:
        wide(f"conv_1x1_{c}_{o}", lambda f: f.conv(f.act(1, 3, 5, c), o, (1, 1)))
    for c in [1, 5, 8, 16, 33]:
        wide(f"depthwise_{c}", lambda f: f.depthwise(f.act(1, 4, 5, c), (3, 3), **SAME))
    wide("depthwise_stride", lambda f: f.depthwise(f.act(1, 7, 6, 16), (3, 3), strides=(2, 2), pads=(0, 0, 1, 1)))
    wide("depthwise_5x5", lambda f: f.depthwise(f.act(1, 6, 6, 5), (5, 5), pads=(2, 2, 2, 2)))
    wide("depthwise_7x7", lambda f: f.depthwise(f.act(1, 7, 8, 16), (7, 7), pads=(3, 3, 3, 3)))
    wide("depthwise_dilated", lambda f: f.depthwise(f.act(1, 7, 7, 8), (3, 3), dilations=(2, 2), pads=(2, 2, 2, 2)))
    for n, k, o in [(1, 33, 40), (1, 130, 40), (2, 16, 16), (5, 5, 13), (1, 300, 40)]:
        wide(f"dense_{n}_{k}_{o}", lambda f: f.dense(f.act(n, k), o))
    byte = lambda f, *s: f.act(*s, dtype=I8)
    wide("conv_less_zero", lambda f: f.conv(f.act(1, 5, 5, 5), 13, (3, 3), bits=9, block=122, **SAME))
    wide("conv_1x1_less_zero", lambda f: f.conv(f.act(1, 3, 5, 32), 17, (1, 1), bits=9, block=131))
    wide("depthwise_less_zero", lambda f: f.depthwise(f.act(1, 5, 6, 16), (3, 3), bits=9, block=117, **SAME))
    wide("dense_less_zero", lambda f: f.dense(f.act(2, 130), 21, bits=9, block=117))
    # From eight bits to sixteen, and back.
    wide("conv_from_8", lambda f: f.conv(byte(f, 1, 5, 6, 5), 7, (3, 3), pre=2, **SAME))
    wide("conv_from_u8", lambda f: f.conv(f.act(1, 5, 6, 16, dtype=U8, q=(0.5, 130)), 16, (3, 3), **SAME))
    wide("depthwise_from_8", lambda f: f.depthwise(byte(f, 1, 5, 6, 16), (3, 3), pre=3, **SAME))
    wide("dense_from_8", lambda f: f.dense(byte(f, 2, 21), 13, pre=2))
    for c, o in [(20, 33), (16, 8)]:
        wide(f"conv_from_8_bits4_{c}_{o}", lambda f: f.conv(byte(f, 1, 5, 5, c), o, (1, 1), bits=4, bias=500, pre=6, gain=1.6))
    wide("conv_from_8_bits4_3x3", lambda f: f.conv(byte(f, 1, 5, 5, 8), 13, (3, 3), bits=4, bias=500, pre=6, gain=1.6, **SAME))
    wide("conv_from_8_bits4_block", lambda f: f.conv(byte(f, 1, 3, 4, 33), 17, (1, 1), bits=4, block=32, bias=500, pre=4, gain=1.6))
    wide("depthwise_from_8_bits4", lambda f: f.depthwise(byte(f, 1, 5, 6, 16), (3, 3), bits=4, bias=50, pre=8, gain=1.6, **SAME))
    wide("dense_from_8_bits4", lambda f: f.dense(byte(f, 2, 40), 21, bits=4, bias=50, pre=6, gain=1.6))
    to8 = dict(clamp=(-128, 127), top=127)
    wide("conv_to_8", lambda f: f.conv(f.act(1, 5, 6, 5), 7, (3, 3), **to8, **SAME))
    wide("depthwise_to_8", lambda f: f.depthwise(f.act(1, 5, 6, 16), (3, 3), **to8, **SAME))
    wide("dense_to_8", lambda f: f.dense(f.act(2, 21), 13, **to8))
    wide("rescale", lambda f: f.rescale(f.act(5, 33), pre=2))
    wide("rescale_to_8", lambda f: f.rescale(f.act(5, 33), **to8))
    wide("rescale_from_8", lambda f: f.rescale(byte(f, 5, 33), pre=10))
    wide("add", lambda f: f.add(f.act(4, 17), f.act(4, 17), -3111, 20011, -77777, 14, hi=30000))
    wide("add_broadcast", lambda f: f.add(f.act(2, 3, 1, 40), f.act(3, 5, 1), 9000, -9000, 300, 13))
    wide("add_8", lambda f: f.add(f.act(4, 17), byte(f, 4, 17), 9000, 32000, 300, 12))
    wide("add_to_8", lambda f: f.add(f.act(4, 17), f.act(4, 17), 90, 70, 300, 14, lo=-128, hi=127))
    wide("mul", lambda f: f.mul(f.act(2, 3, 4, 5), f.act(2, 3, 4, 5)))
    wide("mul_broadcast", lambda f: f.mul(f.act(2, 1, 33), f.act(4, 1)))
    wide("mul_8", lambda f: f.mul(f.act(2, 3, 33), byte(f, 2, 1, 33)))
    wide("avgpool", lambda f: f.avgpool(f.act(2, 6, 5, 17), (3, 2), strides=(2, 1), pads=(1, 1, 1, 0)))
    wide("avgpool_global", lambda f: f.avgpool(f.act(2, 3, 3, 33), (3, 3), pre=4))
    wide("maxpool", lambda f: f.maxpool(f.act(2, 6, 5, 17), (2, 2), strides=(2, 1), pads=(1, 0, 0, 0)))
    wide("lut", lambda f: f.lut(f.act(3, 33)))
    wide("lut_from_8", lambda f: f.lut(byte(f, 3, 33)))
    for i, (s, axes) in enumerate([((50, 3), [1]), ((40, 33), [0]), ((2, 5, 6, 17), [1, 2]), ((3, 4, 5, 6), [1, 3])]):
        wide(f"sum_{i}", lambda f: f.sum(f.act(*s), axes, pre=2), narrow=FEW if i == 3 else None)
        wide(f"max_{i}", lambda f: f.extreme(f.act(*s), axes), narrow="the largest lies at the end of the range")
        wide(f"min_{i}", lambda f: f.extreme(f.act(*s), axes, largest=False), narrow="the smallest lies at the end of the range")
    wide("softmax_10", lambda f: f.softmax(f.act(3, 10, q=(0.0001, 0))), narrow="shares of ten")
    wide("softmax_2", lambda f: f.softmax(f.act(16, 2, q=(0.00005, 0))), narrow="shares of one are never negative")
    wide("softmax_40", lambda f: f.softmax(f.act(3, 40, q=(0.0003, 0))), narrow="shares of many")
    wide("softmax_257", lambda f: f.softmax(f.act(2, 257, q=(0.0003, 0))), narrow="a share of one in so many is small")
    wide("concat", lambda f: f.concat([f.act(2, 2, c, 3) for c in (33, 1, 16)], 2))
    wide("concat_last", lambda f: f.concat([f.act(2, 3, c) for c in (5, 1, 16)], 2))
    for p in [(0, 2, 1), (1, 0, 2), (2, 1, 0)]:
        wide("transpose_" + "".join(map(str, p)), lambda f: f.transpose(f.act(3, 4, 5), p))
    wide("gather", lambda f: f.gather(f.act(9, 17), f.ints(-9, 8, 2, 5)))
    wide("slice", lambda f: f.slice(f.act(2, 5, 6, 7), S[:], S[1:4], S[::-2], S[2:]))
    wide("slice_back", lambda f: f.slice(f.act(4, 3, 17), S[::-1], S[2::-2], S[::-1]))
    wide("reshape", lambda f: f.reshape(f.act(2, 3, 4, 1), 3, 1, 8))
    for mode in ["reflect", "edge", "wrap"]:
        wide(f"pad_{mode}", lambda f: f.pad(f.act(2, 3, 4, 5), [0, 2, 1, 3], [0, 1, 3, 2], mode=mode))

    def thirteen(f, *shape):
        """Codes of 13 bits, of which 64 products fit 32."""
        return f.rescale(f.act(*shape), q=(4.0, 0, "i13"), clamp=(-4096, 4095), top=4095)

    for m, k, n in [(1, 33, 17), (3, 5, 7), (4, 16, 16), (9, 34, 21), (17, 64, 48), (6, 8, 1)]:
        wide(f"matmul_{m}_{k}_{n}", lambda f: f.matmul(thirteen(f, m, k), thirteen(f, k, n), q=(0.5, 0)), narrow=FEW if n == 1 else None)
        wide(f"matmul_columns_{m}_{k}_{n}", lambda f: f.matmul(thirteen(f, m, k), thirteen(f, n, k), q=(0.5, 0), transposed=True),
             narrow=FEW if n == 1 else None)
    wide("matmul_batch", lambda f: f.matmul(thirteen(f, 2, 1, 5, 19), thirteen(f, 3, 19, 18), q=(0.5, 0)))
    wide("matmul_8_16", lambda f: f.matmul(byte(f, 9, 34), f.act(34, 18), q=(0.5, 0)))
    wide("matmul_16_8", lambda f: f.matmul(f.act(9, 34), byte(f, 34, 18), q=(0.5, 0)))
    wide("matmul_from_8", lambda f: f.matmul(byte(f, 9, 34), byte(f, 34, 18), q=(0.5, 0)))
    wide("matmul_to_8", lambda f: f.matmul(f.act(9, 1), f.act(1, 18), clamp=(-128, 127), top=127))

    def network(f):
        x = f.conv(byte(f, 1, 6, 6, 3), 8, (3, 3), q=(0.1, 0), clamp=(0, 32767), **SAME)
        y = f.conv(f.depthwise(x, (3, 3), q=(0.1, 0), **SAME), 8, (1, 1), q=(0.1, 0))
        z = f.add(x, y, 9000, 7000, 8192, 14, q=(0.1, 0))
        return f.dense(f.reshape(f.avgpool(z, (6, 6), q=(0.1, 0)), 1, 8), 24)

    wide("network", network)


def long():
    """Values of 32 bits between two operators."""
    wide = lambda name, build, **k: file(f"long_{name}", build, bits=16, **k)
    top = lambda bits: dict(clamp=(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), q=(0.001, 0, f"i{bits}"))
    full = lambda bits: dict(**top(bits), top=2 ** (bits - 1) - 1)
    for n, k, o in [(1, 7, 3), (3, 21, 13), (2, 40, 33), (5, 64, 16), (2, 5, 1)]:
        wide(f"dense_{n}_{k}_{o}", lambda f: f.dense_long(f.spread(n, k), o), narrow=FEW if o == 1 else None)
    wide("dense_17_bits", lambda f: f.dense_long(f.spread(3, 9, bits=17, pre=5), 19))
    wide("dense_27_bits", lambda f: f.dense_long(f.spread(3, 300, bits=27, pre=15), 9))
    wide("dense_to_8", lambda f: f.dense_long(f.spread(3, 21), 13, clamp=(-128, 127), top=127))
    wide("dense_to_32", lambda f: f.curve(f.dense_long(f.spread(3, 21), 13, **full(27)), 8, signed=True))
    wide("dense_from_16", lambda f: f.curve(f.dense(f.act(3, 33), 17, pre=4, **full(27)), 8, signed=True))
    wide("dense_from_8", lambda f: f.curve(f.dense(f.act(3, 33, dtype=I8), 17, pre=6, **full(25)), 8, signed=True))
    wide("conv_to_32", lambda f: f.curve(f.conv(f.act(1, 5, 6, 5), 7, (3, 3), pre=4, **full(27), **SAME), 8, signed=True))
    wide("conv_from_8", lambda f: f.curve(f.conv(f.act(1, 5, 6, 5, dtype=I8), 18, (3, 3), pre=6, **full(25), **SAME), 8, signed=True))
    wide("depthwise_to_32", lambda f: f.curve(f.depthwise(f.act(1, 5, 6, 17), (3, 3), pre=4, **full(26), **SAME), 8, signed=True))
    wide("rescale_to_16", lambda f: f.rescale(f.spread(5, 33)))
    for bits, shift, signed in [(17, 13, False), (24, 8, True), (26, 0, True), (22, 13, True)]:
        wide(f"curve_{bits}_{shift}", lambda f: f.curve(f.spread(4, 33, bits=bits, pre=bits - 12), shift, signed))
    wide("curve_to_8", lambda f: f.curve(f.spread(4, 33), 15, True, clamp=(-128, 127), q=(0.1, 5)))
    wide("curve_to_32", lambda f: f.rescale(f.curve(f.spread(4, 33), 0, True, **top(28))))
    same = dict(narrow="a magnitude is never negative")
    wide("hypot", lambda f: f.hypot(f.act(4, 33), f.act(4, 33)), **same)
    wide("hypot_8", lambda f: f.hypot(f.act(4, 33, dtype=I8), f.act(4, 33, dtype=I8, q=(0.5, 9)), clamp=(-128, 127), q=(0.5, -128), gain=0.9))
    wide("hypot_u8", lambda f: f.hypot(f.act(4, 33, dtype=U8, q=(0.5, 100)), f.act(4, 33, dtype=I8)), **same)
    wide("hypot_to_32", lambda f: f.curve(f.hypot(f.act(4, 33), f.act(4, 33), **top(26)), 8))
    wide("hypot_from_32", lambda f: f.hypot(f.spread(4, 33), f.spread(4, 33)), **same)
    wide("hypot_32", lambda f: f.curve(f.hypot(f.spread(4, 33, bits=26, pre=14), f.spread(4, 33, bits=26, pre=14), **top(27)), 8))
    wide("moves", lambda f: f.curve(f.slice(f.transpose(f.reshape(f.spread(4, 33), 2, 6, 11), (2, 0, 1)), S[::2], S[:], S[1:5]), 8, True))

    def spectrum(f):
        x = f.act(4, 40)
        y = f.hypot(f.dense(x, 21, pre=4, **full(27)), f.dense(x, 21, pre=4, **full(27)), **top(26))
        return f.dense(f.curve(f.dense_long(y, 13, bias=0, **full(26)), 8), 24)

    wide("spectrum", spectrum)


def elementwise():
    file("add", lambda f: f.add(f.act(4, 16), f.act(4, 16, q=(0.1, -9)), -3111, 20011, -77777, 14, hi=100))
    for n in [5, 13, 33, 64, 100]:
        file(f"add_{n}", lambda f: f.add(f.act(1, n), f.act(1, n), 9000, 7000, 300, 14), narrow=FEW if n == 5 else None)
    for n in [1, 13, 64]:
        file(f"add_fine_{n}", lambda f: f.add(f.act(2, n), f.act(2, n), 1234567, -2345678, 98765432, 21), narrow=FEW if n == 1 else None)
    file("add_fine_u8", lambda f: f.add(f.act(3, 17, dtype=U8, q=(0.5, 200)), f.act(3, 17), 800000, -900000, -800000 * 100, 20))
    file("add_fine_broadcast", lambda f: f.add(f.act(4, 1), f.act(1, 33), 1200000, 40000, 5, 20))
    file("add_u8_i8", lambda f: f.add(f.act(3, 17, dtype=U8, q=(0.5, 200)), f.act(3, 17), 8000, -9000, -9000 * 100, 14))
    file("add_i8_u8", lambda f: f.add(f.act(3, 17), f.act(3, 17, dtype=U8, q=(0.5, 0)), 8000, -9000, 9000 * 110, 14))
    file("add_u8_u8", lambda f: f.add(f.act(3, 16, dtype=U8, q=(0.5, 3)), f.act(3, 16, dtype=U8, q=(0.5, 3)), 32767, -32768, 0, 15))
    file("add_extreme", lambda f: f.add(f.act(3, 19), f.act(3, 19), 32767, -32768, 16384, 15))
    file("add_extreme_low", lambda f: f.add(f.act(3, 19), f.act(3, 19), -32768, -32768, 1 << 22, 15))
    file("add_shift_0", lambda f: f.add(f.act(3, 19), f.act(3, 19), 1, -1, 5, 0))
    file("add_shift_31", lambda f: f.add(f.act(3, 19), f.act(3, 19), 32767, 32767, (1 << 31) - (1 << 24), 31), narrow="two results are left")
    file("add_constant_large", lambda f: f.add(f.act(3, 19), f.act(3, 19), 32767, 32767, -(1 << 30), 23), narrow="the constant outweighs the codes")
    file("add_factor_0", lambda f: f.add(f.act(3, 19), f.act(3, 19), 0, 16384, 8192, 14))

    def twice(f):
        x = f.lut(f.act(1, 3, 3, 7))
        return f.add(x, x, 5000, 7000, 100, 14), f.mul(x, x)

    file("same_operand", twice)
    file("mul", lambda f: f.mul(f.act(2, 3, 4, 5, q=(0.5, 5)), f.act(2, 3, 4, 5, q=(0.1, -128))))
    file("mul_33", lambda f: f.mul(f.act(1, 33), f.act(1, 33)))
    file("mul_u8", lambda f: f.mul(f.act(1, 40, dtype=U8, q=(0.5, 128)), f.act(1, 40)))
    file("mul_u8_u8", lambda f: f.mul(f.act(1, 40, dtype=U8, q=(0.5, 100)), f.act(1, 40, dtype=U8, q=(0.5, 255))))
    file("mul_ends", lambda f: f.mul(f.act(1, 40, q=(0.5, 127)), f.act(1, 40, q=(0.5, -128)), q=(0.5, 127), gain=2))
    # The largest shift that no two codes carry out of 32 bits; m is then small.
    file("mul_pre_16", lambda f: f.mul(f.act(1, 40, q=(0.5, 0)), f.act(1, 40, q=(0.5, 0)), pre=16, shift=15))
    # numpy's rule: either operand repeats, along any dimensions, of any rank.
    pairs = [((4, 6), (6,)), ((4, 6), (4, 1)), ((5, 1), (1, 33)), ((3, 1, 17), (1, 4, 1)), ((2, 3, 4, 5), (3, 1, 5)), ((2, 1, 4, 1), (3, 1, 20)),
             ((1,), (2, 19)), ((), (3, 9)), ((1, 3, 4, 16), (1, 1, 1, 16)), ((2, 3, 1, 2, 7), (3, 4, 1, 1)), ((2, 40, 1), (2, 40, 3)),
             ((1, 4, 1, 64), (2, 1, 3, 64))]
    for i, (s, t) in enumerate(pairs):
        narrow = "one operand is a single code" if math.prod(s) == 1 else None
        file(f"add_broadcast_{i}", lambda f: f.add(f.act(*s), f.act(*t, q=(0.1, 9)), 9000, -9000, 300, 13), narrow)
        file(f"mul_broadcast_{i}", lambda f: f.mul(f.act(*s, q=(0.5, 5)), f.act(*t, q=(0.1, -100))), narrow)
    file("add_scalar", lambda f: f.add(f.act(), f.act(), 9000, 7000, 300, 14), narrow=FEW)
    file("mul_scalar", lambda f: f.mul(f.act(), f.act()), narrow=FEW)
    file("add_broadcast_u8", lambda f: f.add(f.act(3, 1, 17, dtype=U8, q=(0.5, 200)), f.act(4, 1), 8000, -9000, -9000 * 100, 14))
    file("mul_broadcast_u8", lambda f: f.mul(f.act(7, 1), f.act(33, dtype=U8, q=(0.5, 200))))
    for n in [1, 2, 3]:
        for c in [5, 16, 33]:
            file(f"gate_{n}_{c}", lambda f: f.mul(f.act(n, 2, 3, c, q=(0.5, 5)), f.act(n, 1, 1, c, q=(0.1, -128))))
    file("gate_2_one_pixel", lambda f: f.mul(f.act(2, 1, 1, 20), f.act(2, 1, 1, 20)))
    file("gate_2_one_channel", lambda f: f.mul(f.act(2, 4, 5, 1), f.act(2, 1, 1, 1)))
    file("gate_2_u8", lambda f: f.mul(f.act(2, 3, 3, 17, dtype=U8, q=(0.5, 120)), f.act(2, 1, 1, 17)))
    file("gate_4_row", lambda f: f.mul(f.act(4, 1, 5, 8), f.act(4, 1, 1, 8)))
    file("rescale", lambda f: f.rescale(f.const(np.arange(-128, 128).astype(I8), (0.5, 3)), pre=5, clamp=(-120, 127)))
    file("rescale_u8", lambda f: f.rescale(f.const(np.arange(256).astype(U8), (0.5, 77)), pre=5))
    file("rescale_33", lambda f: f.rescale(f.act(3, 11), pre=3))
    file("rescale_5", lambda f: f.rescale(f.act(5), pre=2), narrow=FEW)
    file("rescale_pre_22", lambda f: f.rescale(f.act(40, q=(0.5, 3)), pre=22, shift=15))
    file("lut", lambda f: f.lut(f.const(np.arange(-128, 128).astype(I8), (0.5, 7))))
    file("lut_u8", lambda f: f.lut(f.const(np.arange(256).astype(U8), (0.5, 7))))
    file("lut_odd", lambda f: f.lut(f.act(1, 3, 3, 5)))


def pools():
    for kind, t, q in [("", I8, (0.5, -4)), ("_u8", U8, (0.5, 99))]:
        for n in [1, 2, 3]:
            file(f"maxpool_{n}{kind}", lambda f: f.maxpool(f.act(n, 6, 5, 3, dtype=t, q=q), (2, 1), strides=(2, 1), pads=(1, 0, 0, 0)))
            w = dict(strides=(2, 1), pads=(1, 1, 1, 0))
            file(f"avgpool_{n}{kind}", lambda f: f.avgpool(f.act(n, 6, 5, 3, dtype=t, q=q), (3, 2), **w))
        for c in [1, 5, 13, 16, 17, 33]:
            file(f"maxpool_c{c}{kind}", lambda f: f.maxpool(f.act(1, 4, 7, c, dtype=t, q=q), (1, 2), strides=(2, 2), pads=(0, 1, 0, 0)),
                 narrow=FEW if c == 1 else None)
            file(f"avgpool_c{c}{kind}", lambda f: f.avgpool(f.act(1, 4, 5, c, dtype=t, q=q), (2, 2)))
        file(f"avgpool_global_2{kind}", lambda f: f.avgpool(f.act(2, 3, 3, 17, dtype=t, q=q), (3, 3)))
        file(f"maxpool_global_2{kind}", lambda f: f.maxpool(f.act(2, 1, 2, 17, dtype=t, q=q), (1, 2)))
    file("avgpool_counted", lambda f: f.avgpool(f.act(2, 5, 5, 5), (3, 3), pads=(1, 1, 1, 1), counted=True))
    file("avgpool_row", lambda f: f.avgpool(f.act(2, 1, 9, 8), (1, 3), pads=(0, 1, 0, 1)))
    file("avgpool_column", lambda f: f.avgpool(f.act(2, 9, 1, 8), (3, 1), pads=(2, 0, 2, 0)))
    file("maxpool_row", lambda f: f.maxpool(f.act(2, 1, 9, 8), (1, 2), pads=(0, 1, 0, 1)))
    file("maxpool_one_pixel", lambda f: f.maxpool(f.act(2, 1, 1, 16), (3, 3), pads=(1, 1, 1, 1)))
    file("avgpool_one_pixel", lambda f: f.avgpool(f.act(2, 1, 1, 16), (3, 3), pads=(2, 2, 2, 2)))
    file("maxpool_ragged", lambda f: f.maxpool(f.act(2, 5, 6, 4), (2, 2), strides=(3, 3), pads=(1, 1, 1, 1)))
    file("avgpool_1x1_stride", lambda f: f.avgpool(f.act(2, 5, 5, 4), (1, 1), strides=(2, 2)))


def softmaxes():
    for name, shape, t, q in [("10", (3, 10), I8, (0.01, 11)), ("2", (16, 2), I8, (0.02, 11)), ("u8", (16, 2), U8, (0.02, 30)),
                              ("rank_3", (2, 8, 2), I8, (0.015, 0)), ("rank_4", (2, 3, 4, 2), I8, (0.015, 0)), ("257", (2, 257), I8, (0.07, 11)),
                              ("rank_1", (12,), I8, (0.05, 3)), ("40", (3, 40), I8, (0.05, 11)), ("34", (3, 34), U8, (0.05, 30)), ("1", (5, 1), I8, (0.07, 11)), ("coarse", (4, 7), I8, (3.0, 11))]:
        narrow = {"1": "one class has all", "257": "a share of one in so many is small", "rank_1": "the shares of one row are few",
                  "coarse": "one class takes all", "10": "shares of ten", "40": "shares of many", "34": "shares of many"}.get(name)
        file(f"softmax_{name}", lambda f: f.softmax(f.act(*shape, dtype=t, q=q)), narrow=narrow)


def norms():
    """Rows that unrolled loops fill or miss, sums in one word and in two, parameters an element, a row, and one for all."""
    wide = dict(q=(0.00006, 0))
    for name, shape, k in [("64", (3, 64), {}), ("5", (7, 5), {}), ("2", (20, 2), dict(over=(20, 2))), ("17", (4, 17), dict(centre=0)), ("two", (2, 4, 6), dict(axis=1)),
                           ("channel", (2, 3, 4, 5), dict(axis=2, over=(3, 1, 1))), ("group", (2, 2, 3, 10), dict(axis=2, over=(2, 3, 1))),
                           ("one", (5, 12), dict(over=())), ("plain", (5, 12), dict(over=(), centre=0)), ("inner", (2, 8, 6), dict(axis=1, over=(1, 6)))]:
        file(f"norm_{name}", lambda f: f.norm(f.act(*shape), **k))
        file(f"norm_u8_{name}", lambda f: f.norm(f.act(*shape, dtype=U8, q=(0.5, 120)), **k))
        file(f"wide_norm_{name}", lambda f: f.norm(f.act(*shape), **wide, **k), bits=16)
        file(f"wide_norm_from_8_{name}", lambda f: f.norm(f.act(*shape, dtype=I8), **wide, **k), bits=16)
        file(f"wide_norm_to_8_{name}", lambda f: f.norm(f.act(*shape), **k), bits=16)
    file("norm_epsilon", lambda f: f.norm(f.act(4, 24, q=(0.001, -7)), epsilon=0.01))
    file("norm_long", lambda f: f.norm(f.act(1, 40, 53), axis=1, over=(40, 1)))
    file("wide_norm_long", lambda f: f.norm(f.act(1, 40, 53), axis=1, over=(40, 1), **wide), bits=16)
    file("wide_norm_long_plain", lambda f: f.norm(f.act(1, 40, 53), axis=1, centre=0, over=(40, 1), **wide), bits=16)

    def still(f):
        x = np.full((3, 16), 77, I8)
        x[1] = np.arange(-8, 8) // 15 + 3
        x[2] = 0
        return f.norm(f.const(x, (0.5, -7)), epsilon=0.0, over=(3, 16))

    file("norm_still", still)


def moves():
    for kind, t, q in [("", I8, (0.5, -9)), ("_u8", U8, (0.5, 200))]:
        act = lambda f, *shape: f.act(*shape, dtype=t, q=q)
        file(f"pad_1{kind}", lambda f: f.pad(act(f, 13), [2], [3]))
        file(f"pad_2{kind}", lambda f: f.pad(act(f, 4, 5), [0, 1], [1, 0]))
        file(f"pad_3{kind}", lambda f: f.pad(act(f, 2, 3, 7), [1, 0, 2], [0, 1, 1]))
        file(f"pad_4{kind}", lambda f: f.pad(act(f, 2, 3, 2, 5), [0, 1, 1, 0], [0, 1, 2, 3]))
        file(f"pad_5{kind}", lambda f: f.pad(act(f, 2, 1, 3, 2, 4), [0, 1, 0, 1, 0], [1, 0, 1, 0, 1]))
        file(f"pad_value{kind}", lambda f: f.pad(act(f, 1, 3, 4, 17), [0, 1, 1, 0], [0, 1, 1, 0], value=q[1]))
        file(f"pad_long{kind}", lambda f: f.pad(act(f, 2, 20), [0, 40], [0, 70]))
        file(f"pad_none{kind}", lambda f: f.pad(act(f, 3, 7), [0, 0], [0, 0]))
        for axis in range(4):
            shapes = [[2 if d != axis else n for d in range(4)] for n in (1, 3, 2)]
            file(f"concat_{axis}{kind}", lambda f: f.concat([act(f, *s) for s in shapes], axis))
        file(f"transpose_2{kind}", lambda f: f.transpose(act(f, 5, 7), [1, 0]))
        file(f"transpose_4{kind}", lambda f: f.transpose(act(f, 2, 3, 4, 5), [0, 3, 1, 2]))
        for mode in ["reflect", "edge", "wrap"]:
            file(f"pad_{mode}{kind}", lambda f: f.pad(act(f, 2, 3, 4, 17), [0, 2, 1, 0], [0, 1, 3, 0], mode=mode))
            file(f"pad_{mode}_last{kind}", lambda f: f.pad(act(f, 3, 20), [1, 9], [2, 11], mode=mode))
        file(f"slice_2{kind}", lambda f: f.slice(act(f, 9, 40), S[2:7], S[3:38]))
        file(f"slice_4{kind}", lambda f: f.slice(act(f, 2, 5, 6, 7), S[:], S[1:4], S[::2], S[2:]))
        file(f"slice_back{kind}", lambda f: f.slice(act(f, 4, 3, 17), S[::-1], S[2::-2], S[::-1]))
        file(f"gather{kind}", lambda f: f.gather(act(f, 9, 17), f.ints(-9, 8, 2, 5)))
        file(f"gather_outside{kind}", lambda f: f.gather(act(f, 5, 3, 7), np.array([0, 4, 5, -1, -5, -6, 2**31 - 1, -(2**31)])))
        file(f"reshape{kind}", lambda f: f.reshape(act(f, 2, 3, 4, 1), 3, 1, 8))
    file("gather_scalar", lambda f: f.gather(f.act(7, 33), np.array(-3)))
    file("gather_bytes", lambda f: f.gather(f.act(40), f.ints(-40, 39, 30)))
    file("gather_wide", lambda f: f.gather(f.act(3, 100), f.ints(0, 2, 4)))
    file("slice_1", lambda f: f.slice(f.act(50), S[3:50]))
    file("slice_step", lambda f: f.slice(f.act(3, 50), S[:], S[1::3]))
    file("slice_one", lambda f: f.slice(f.act(3, 4, 5), S[1:2], S[2:3], S[4:5]), narrow=FEW)
    file("slice_all", lambda f: f.slice(f.act(3, 4, 5), S[:], S[:], S[:]))
    file("slice_rows_back", lambda f: f.slice(f.act(5, 33), S[::-1], S[:]))
    file("slice_channels_2", lambda f: f.slice(f.act(2, 3, 4, 40), S[:], S[:], S[:], S[8:40:1]))
    file("slice_5", lambda f: f.slice(f.act(2, 3, 4, 5, 6), S[1:], S[::2], S[3:0:-1], S[:], S[1:5]))
    file("slice_scalar", lambda f: f.slice(f.act()), narrow=FEW)
    for mode in ["reflect", "edge", "wrap"]:
        file(f"pad_{mode}_1", lambda f: f.pad(f.act(40), [39], [3], mode=mode))
        file(f"pad_{mode}_5", lambda f: f.pad(f.act(2, 3, 2, 4, 5), [1, 0, 1, 2, 0], [0, 2, 1, 0, 4], mode=mode))
        file(f"pad_{mode}_rows", lambda f: f.pad(f.act(1, 4, 5, 16), [0, 3, 0, 0], [0, 2, 0, 0], mode=mode))
        file(f"pad_{mode}_none", lambda f: f.pad(f.act(3, 7), [0, 0], [0, 0], mode=mode))
        file(f"pad_{mode}_scalar", lambda f: f.pad(f.act(), [], [], mode=mode), narrow=FEW)
    file("pad_edge_one", lambda f: f.pad(f.act(1, 1, 33), [3, 20, 1], [1, 4, 50], mode="edge"))
    file("pad_wrap_all", lambda f: f.pad(f.act(3, 5), [3, 5], [3, 5], mode="wrap"))
    file("pad_channels", lambda f: f.pad(f.act(1, 3, 3, 5), [0, 0, 0, 2], [0, 0, 0, 6]))
    file("pad_zero_point_low", lambda f: f.pad(f.act(1, 3, 3, 5, q=(0.5, -128)), [0, 1, 1, 0], [0, 1, 1, 0]))
    file("pad_zero_point_0", lambda f: f.pad(f.act(1, 3, 3, 5, q=(0.5, 0)), [0, 1, 1, 0], [0, 1, 1, 0]))
    file("pad_batch", lambda f: f.pad(f.act(2, 3, 3, 5), [1, 0, 0, 0], [1, 0, 0, 0]))
    file("concat_5_13_17", lambda f: f.concat([f.act(1, 2, 2, c) for c in (5, 13, 17)], 3))
    file("concat_33_1_16", lambda f: f.concat([f.act(2, 2, c, 3) for c in (33, 1, 16)], 2))
    file("concat_one", lambda f: f.concat([f.act(3, 9)], 1))

    def twice(f):
        x = f.act(3, 9)
        return f.concat([x, x, x], 1)

    file("concat_same", twice)
    for p in [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0), (0, 1, 2)]:
        file("transpose_" + "".join(map(str, p)), lambda f: f.transpose(f.act(3, 4, 5), p))
    file("transpose_3102", lambda f: f.transpose(f.act(2, 3, 4, 5), [3, 1, 0, 2]))
    file("transpose_0231_17", lambda f: f.transpose(f.act(1, 3, 2, 17), [0, 2, 3, 1]))
    file("transpose_ones", lambda f: f.transpose(f.act(1, 5, 1, 7), [2, 1, 3, 0]))
    file("transpose_42031", lambda f: f.transpose(f.act(2, 3, 1, 4, 5), [4, 2, 0, 3, 1]))
    file("transpose_01243", lambda f: f.transpose(f.act(2, 2, 3, 4, 5), [0, 1, 2, 4, 3]))
    file("pad_scalar", lambda f: f.pad(f.act(), [], []), narrow=FEW)
    file("reshape_scalar", lambda f: f.reshape(f.act(1, 1)), narrow=FEW)
    file("transpose_scalar", lambda f: f.transpose(f.act(), []), narrow=FEW)


def reductions():
    cases = [((50,), [0]), ((3, 40), [1]), ((40, 3), [0]), ((6, 40), [0]), ((2, 5, 6, 7), [1, 2]), ((2, 5, 6, 33), [1, 2]), ((2, 5, 6, 16), [3]),
             ((3, 4, 5, 6), [1, 3]), ((3, 4, 5, 6), [0, 2]), ((2, 3, 4, 5, 7), [1, 3, 4]), ((2, 3, 4, 2, 20), [0, 2, 3]), ((2, 3, 40), [0, 2]),
             ((3, 1, 37), [1]), ((3, 37, 1), [2]), ((24, 16, 1), [1]), ((1, 24, 1), [0, 2]), ((4, 9), []), ((64, 257), [1]), ((5, 6, 100), [2, 0]), ((7, 3), [0, 1])]
    for i, (s, axes) in enumerate(cases):
        left = math.prod(n for d, n in enumerate(s) if d not in axes)
        few = FEW if left < 24 else None
        keep = i % 2
        file(f"sum_{i}", lambda f: f.sum(f.act(*s), axes, keep), narrow=few)
        many = few or "of many codes the largest lies at the end of the range" if axes else None
        file(f"max_{i}", lambda f: f.extreme(f.act(*s), axes, keep), narrow=many)
        file(f"min_{i}", lambda f: f.extreme(f.act(*s), axes, keep, largest=False), narrow=many)
    file("sum_u8", lambda f: f.sum(f.act(30, 17, dtype=U8, q=(0.5, 120)), [1]))
    file("sum_u8_columns", lambda f: f.sum(f.act(17, 30, dtype=U8, q=(0.5, 120)), [0]))
    file("sum_pre", lambda f: f.sum(f.act(30, 17), [1], pre=3))
    file("sum_scalar", lambda f: f.sum(f.act(), []), narrow=FEW)
    for n in (1, 2):
        file(f"max_pair_{n}", lambda f: f.extreme(f.act(2, 40, n), [0] if n == 1 else [2]))
        file(f"min_pair_{n}", lambda f: f.extreme(f.act(2, 40, n, dtype=U8, q=(0.5, 9)), [0] if n == 1 else [2], largest=False))
        file(f"max_u8_{n}", lambda f: f.extreme(f.act(2, 40, n, dtype=U8, q=(0.5, 9)), [0] if n == 1 else [2]))


def places():
    few = "places of few elements"
    for i, (s, axis) in enumerate([((60, 7), 0), ((5, 256), 1), ((3, 40, 21), 2), ((2, 21, 5, 6), 1), ((4, 1), 1), ((128, 33), 0)]):
        for largest, last in ((1, 0), (0, 1)):
            file(f"argmax_{i}_{largest}", lambda f: f.argmax(f.act(*s), axis, largest, last), narrow=few)
    file("argmax_wide", lambda f: f.argmax(f.act(256, 60), 0))
    file("argmax_u8", lambda f: f.argmax(f.act(256, 60, dtype=U8, q=(0.5, 9)), 0, 0, 1))
    file("argmax_ties", lambda f: f.argmax(f.const(f.ints(-1, 2, 64, 9, dtype=I8), (0.5, 0)), 0, 1, 1), narrow=few)
    file("argmax_16", lambda f: f.argmax(f.act(300, 40), 0, 1, 1), narrow=few, bits=16)
    file("argmax_long", lambda f: f.argmax(f.act(2, 1000), 1), narrow=few, bits=16)


def chains():
    """Few operators together: what a kernel finds in the arena, and outputs that are views, inputs or each other."""

    def stem(f):
        x = f.conv(f.act(1, 6, 6, 3), 8, (3, 3), q=(0.1, -128), **SAME)
        return f.maxpool(f.pad(x, [0, 1, 1, 0], [0, 1, 1, 0]), (3, 3), strides=(2, 2))

    file("chain_conv_pad_maxpool", stem, narrow="largest of nine")

    def squeeze(f):
        x = f.lut(f.act(2, 3, 3, 12))
        s = f.dense(f.reshape(f.avgpool(x, (3, 3)), 2, 12), 12)
        return f.mul(x, f.reshape(s, 2, 1, 1, 12))

    file("chain_squeeze_excite_2", squeeze)

    def u8_pool(f):
        x = f.maxpool(f.pad(f.act(1, 6, 6, 3, dtype=U8, q=(0.5, 140)), [0, 1, 1, 0], [0, 1, 1, 0]), (2, 2), strides=(2, 2))
        return x, f.conv(x, 5, (3, 3), **SAME), f.avgpool(x, (2, 2)), f.lut(x), f.rescale(x, pre=5)

    file("chain_u8_pool", u8_pool, narrow="largest of four")

    def views(f):
        x = f.act(1, 3, 4, 5)
        y = f.lut(x)
        return f.reshape(x, 60), y, f.reshape(y, 12, 5), f.transpose(y, [0, 3, 1, 2]), y, x

    file("chain_views", views)

    def padded(f):
        x = f.act(2, 3, 3, 5, q=(0.5, 40))
        p = f.pad(x, [0, 1, 1, 0], [0, 1, 1, 0])
        return f.concat([p, p, f.pad(x, [0, 2, 0, 0], [0, 0, 2, 0])], 3), f.depthwise(f.reshape(p, 1, 10, 5, 5), (3, 3))

    file("chain_pad_concat", padded)

    def fork(f):
        x = f.act(1, 4, 4, 8)
        a = f.conv(x, 8, (1, 1), q=(0.5, 4))
        b = f.depthwise(a, (3, 3), q=(0.5, -20), **SAME)
        y = f.add(a, b, 9000, 9000, 0, 14)
        return y, f.softmax(f.reshape(f.rescale(y, q=(0.02, 0), pre=5), 64, 2))

    file("chain_residual", fork)

    def constant(f):
        c = f.const(f.ints(-128, 127, 1, 40, dtype=I8), (0.5, 3))
        return c, f.add(f.act(1, 40), c, 9000, 7000, 300, 14)

    file("chain_constant_output", constant)


convolutions()
dense()
products()
sixteen()
long()
elementwise()
pools()
softmaxes()
norms()
moves()
reductions()
places()
chains()
