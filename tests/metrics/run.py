"""The two sides of a comparison: ONNX Runtime on reals, and the compiler's integers."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ZOO = pathlib.Path(os.environ.get("MCOMPC_ZOO", HERE.parents[2] / "shared/zoo"))
MCOMPC = os.environ.get("MCOMPC", str(HERE.parents[1] / "target/release/mcompc"))
WORK = pathlib.Path(os.environ.get("MCOMPC_METRICS") or tempfile.mkdtemp(prefix="mcompc-metrics-"))


def prepared(model):
    """Calibration and evaluation data of the zoo's own script, with what it says of the model."""
    WORK.mkdir(parents=True, exist_ok=True)
    if not (WORK / f"{model}.eval.npz").exists():
        subprocess.run([sys.executable, str(ZOO / "prepare.py"), str(WORK), model], check=True, stdout=subprocess.DEVNULL)
    return json.loads((WORK / "inputs.json").read_text())[model]


def reals(flag, raw):
    """What raw data stand for, by an --input flag."""
    kind, *rest = flag.split("=", 1)[1].split(",")
    given = dict(r.split("=") for r in rest)
    number = lambda k, d: np.array([float(v) for v in given.get(k, str(d)).strip("[]").split(";")])
    if kind in ("i32", "i64"):
        return raw.astype(kind.replace("i", "int"))
    shape = (-1, 1, 1) if len(number("scale", 1)) > 1 else (-1,)
    return (number("scale", 1).reshape(shape) * (raw - number("offset", 0).reshape(shape))).astype(np.float32)


def floats(model, flags, data, names=None):
    """Outputs of the float model for every sample."""
    import onnxruntime

    s = onnxruntime.InferenceSession(str(ZOO / model), providers=["CPUExecutionProvider"])
    flags = {f.split("=")[0]: f for f in flags}
    out = [o.name for o in s.get_outputs()]
    rows = []
    for i in range(len(next(iter(data.values())))):
        feed = {}
        for x in s.get_inputs():
            v = reals(flags.get(x.name, f"{x.name}=f32"), data[x.name][i])
            feed[x.name] = v.reshape([d if isinstance(d, int) else 1 for d in x.shape])
        rows.append(s.run(None, feed))
    return {n: np.stack([r[i] for r in rows]) for i, n in enumerate(out)}


def integers(model, flags, calib, data, level, more=()):
    """Outputs of the integers, as reals; calibration and data are files."""
    out = pathlib.Path(tempfile.mkstemp(suffix=".npz")[1])
    inputs = [a for f in flags for a in ("--input", f)]
    cmd = [MCOMPC, "run", str(ZOO / model), "-O", level, "--integers", "--calib", str(calib), "--data", str(data), *inputs, *more, "-o", str(out)]
    r = subprocess.run(cmd, capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{' '.join(cmd)}\n{r.stderr}")
    got = dict(np.load(out))
    out.unlink()
    return got
