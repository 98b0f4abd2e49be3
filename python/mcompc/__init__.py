"""Compiles ONNX models into small integer-only native libraries.

    import mcompc, numpy

    artifact = mcompc.compile("model.onnx", target="cortex-m4", opt="int8", calib={"x": samples})
    artifact.write("out/")
    y = artifact.run(samples)

Arrays hold samples on axis 0. Flags of the command line are keyword arguments: ``group=32`` is ``--group 32``, ``bits={"fc": 8}`` is
``--bits fc=8``, ``slices=True`` is ``--slices``, and a list gives a flag several times. ``python -m mcompc`` lists them.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Callable, Iterable, Mapping, Union

import numpy as np

from . import _mcompc
from ._progress import told
from ._sweep import Sweep, sweep

__version__ = _mcompc.__version__
__all__ = ["Artifact", "Error", "Sweep", "bench", "compile", "explain", "plan", "sweep", "targets", "verify"]

Arrays = Union[str, "os.PathLike[str]", np.ndarray, Mapping[str, np.ndarray], Iterable[Mapping[str, np.ndarray]]]


class Error(Exception):
    """What the compiler refuses: ``code`` (E201), ``node`` and ``hint`` (or None), and the ``message``."""

    def __init__(self, code: str, node: str | None, message: str, hint: str | None):
        super().__init__(code, node, message, hint)
        self.code, self.node, self.message, self.hint = code, node, message, hint

    def __str__(self) -> str:
        at = f" at `{self.node}`" if self.node else ""
        return f"[{self.code}]{at} {self.message}" + (f"\n  hint: {self.hint}" if self.hint else "")


def _call(f: Callable[..., Any], *args: Any) -> Any:
    try:
        return f(*args)
    except _mcompc.Refused as e:
        raise Error(*e.args) from None


def _words(name: str, value: Any) -> list[str]:
    """The words of a flag."""
    flag = "-O" if name == "opt" else "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, Mapping):
        return [w for k, v in value.items() for w in (flag, f"{k}={v}")]
    if isinstance(value, (list, tuple)):
        return [w for v in value for w in (flag, str(v))]
    return [flag, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]


def _save(folder: str, name: str, data: Arrays) -> str:
    """The path of a file with these arrays; samples that come one by one are put on disk as they come."""
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    path = os.path.join(folder, name)
    if isinstance(data, np.ndarray):
        np.save(path + ".npy", data)
        return path + ".npy"
    if isinstance(data, Mapping):
        np.savez(path + ".npz", **data)
        return path + ".npz"
    return _stream(folder, path, data)


def _stream(folder: str, path: str, samples: Iterable[Any]) -> str:
    """Samples, each an array or arrays by name, as one archive: raw bytes first, then behind headers that know the number."""
    import shutil
    import zipfile

    files: dict[str, Any] = {}
    kinds: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
    count = 0
    single = False
    try:
        for sample in samples:
            single = not isinstance(sample, Mapping)
            arrays = {"": sample} if single else sample
            if count and set(arrays) != set(files):
                raise ValueError(f"sample {count} has the arrays {sorted(arrays)}, those before it {sorted(files)}")
            for key, value in arrays.items():
                array = np.ascontiguousarray(value)
                kind = (array.dtype, array.shape)
                if kinds.setdefault(key, kind) != kind:
                    raise ValueError(f"sample {count} of `{key}` is {kind}, those before it {kinds[key]}")
                if key not in files:
                    files[key] = open(os.path.join(folder, f"raw{len(files)}"), "w+b")
                files[key].write(array.tobytes())
            count += 1
        if not count:
            raise ValueError("there are no samples")

        def whole(key: str, out: Any) -> None:
            dtype, shape = kinds[key]
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count, *shape)}
            np.lib.format.write_array_header_1_0(out, header)
            files[key].seek(0)
            shutil.copyfileobj(files[key], out)

        if single:
            with open(path + ".npy", "wb") as out:
                whole("", out)
            return path + ".npy"
        with zipfile.ZipFile(path + ".npz", "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for key in files:
                with archive.open(key + ".npy", "w", force_zip64=True) as out:
                    whole(key, out)
        return path + ".npz"
    finally:
        for f in files.values():
            f.close()


def _command(folder: str, first: str, model: Any, target: str, opt: str, calib: Any, data: Any, inputs: Any, flags: Mapping[str, Any]) -> list[str]:
    words = [first, os.fspath(model), *_words("target", target), *_words("opt", opt)]
    if calib is not None:
        words += ["--calib", _save(folder, "calib", calib)]
    if data is not None:
        words += ["--data", _save(folder, "data", data)]
    if isinstance(inputs, Mapping):
        inputs = [f"{name}={form}" for name, form in inputs.items()]
    words += _words("input", inputs)
    for name, value in flags.items():
        words += _words(name, value)
    return words


def compile(
    model: Any,
    target: str = "host",
    opt: str = "int8",
    calib: Arrays | None = None,
    inputs: Mapping[str, str] | list[str] | None = None,
    progress: bool | None = None,
    **flags: Any,
) -> "Artifact":
    """Compiles a model; nothing is written. ``calib``: a file, an array (of the one input), arrays by the inputs' names, or an iterable of
    samples, each an array or arrays by name. ``inputs``: raw forms, ``{"x": "u8,scale=0.5,offset=128"}``. ``scheme_out``: a file for the scheme.
    Raises :class:`Error`."""
    scheme_out = flags.pop("scheme_out", None)
    useless = sorted(set(flags) & {"force", "json", "timings", "out"})
    if useless:
        raise TypeError(f"{', '.join(useless)} say how files are written or answers printed: Artifact.write writes, Artifact.report answers")
    with tempfile.TemporaryDirectory(prefix="mcompc-") as folder, told(progress) as tell:
        # Reading the words writes nothing: the folder is one that compiling would take.
        words = _command(folder, "compile", model, target, opt, calib, None, inputs, flags) + ["-o", os.path.join(folder, "out")]
        artifact = Artifact(_call(_mcompc.compile, words, tell))
    if scheme_out is not None:
        with open(scheme_out, "w") as f:
            f.write(artifact.report["scheme"])
    return artifact


def _answer(first: str, model: Any, target: str, opt: str, calib: Any, data: Any, inputs: Any, progress: bool | None, flags: Mapping[str, Any]) -> Any:
    with tempfile.TemporaryDirectory(prefix="mcompc-") as folder, told(progress) as tell:
        return json.loads(_call(_mcompc.answer, _command(folder, first, model, target, opt, calib, data, inputs, flags), tell))


def plan(model: Any, target: str = "host", opt: str = "int8", calib: Arrays | None = None, inputs: Any = None, progress: bool | None = None, **flags: Any) -> dict[str, Any]:
    """What a model would cost and what each layer becomes."""
    return _answer("plan", model, target, opt, calib, None, inputs, progress, flags)


def verify(
    model: Any, target: str = "host", opt: str = "int8", calib: Arrays | None = None, data: Arrays | None = None, inputs: Any = None, progress: bool | None = None, **flags: Any
) -> dict[str, Any]:
    """Runs the code on ``data`` (else ``calib``), here or under an emulator, and compares every byte with the integer reference and the
    outputs with the float model; labels are the array ``y``."""
    return _answer("verify", model, target, opt, calib, data, inputs, progress, flags)


def bench(
    model: Any, target: str = "host", opt: str = "int8", calib: Arrays | None = None, data: Arrays | None = None, inputs: Any = None, progress: bool | None = None, **flags: Any
) -> dict[str, Any]:
    """Measures the code: instructions by layer under a counting emulator, time on this computer."""
    return _answer("bench", model, target, opt, calib, data, inputs, progress, flags)


def targets() -> list[dict[str, Any]]:
    """The CPUs there are."""
    return json.loads(_call(_mcompc.answer, ["targets"], None))["targets"]


def explain(code: str) -> str:
    """An error code in more words."""
    return json.loads(_call(_mcompc.answer, ["explain", code], None))["explanation"]


class Artifact:
    """A library in memory: :meth:`run` it, look at its ``report``, :meth:`write` it."""

    def __init__(self, inner: Any):
        self._inner = inner

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._inner.target()

    @property
    def report(self) -> dict[str, Any]:
        """What it costs and loses, as in ``report.json``."""
        return json.loads(_call(self._inner.report))

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the output folder."""
        return dict(self._inner.files())

    @property
    def page(self) -> str:
        """The report as a page."""
        return self._inner.page()

    def write(self, out: Any, force: bool = False) -> None:
        """Writes the output folder, as a whole or not at all; ``force`` replaces it whatever it holds."""
        _call(self._inner.write, os.fspath(out), force)

    def run(self, data: Arrays, codes: bool = False, progress: bool | None = None) -> Any:
        """Outputs for samples (axis 0): of the native code where this computer is the target, else of the graph of integers, whose bytes are
        those of every target. One array, or arrays by the outputs' names where there are several; reals, or with ``codes`` the integers."""
        return self._run(data, "code" if self._inner.runs_here() else "integers", codes, progress)

    def emulate(self, data: Arrays, codes: bool = False, progress: bool | None = None) -> Any:
        """As :meth:`run`, by the target's code, under an emulator where this computer is another."""
        return self._run(data, "code", codes, progress)

    def reference(self, data: Arrays, progress: bool | None = None) -> Any:
        """As :meth:`run`, by the float model."""
        return self._run(data, "reference", False, progress)

    def _run(self, data: Arrays, means: str, codes: bool, progress: bool | None) -> Any:
        with tempfile.TemporaryDirectory(prefix="mcompc-") as folder, told(progress) as tell:
            path = _save(folder, "data", data)
            _, samples, outputs = _call(self._inner.run, path, means, codes, tell)
        arrays = {name: np.frombuffer(raw, dtype).reshape(samples, *shape).copy() for name, shape, dtype, raw in outputs}
        return next(iter(arrays.values())) if len(arrays) == 1 else arrays

    def __repr__(self) -> str:
        r = self.report
        t = r["totals"]
        return f"<mcompc.Artifact {r['name']} for {r['target']}, -O {r['level']}: {t['flash_bytes']} bytes of flash, {t['arena_bytes']} of arena>"

    def _repr_html_(self) -> str:
        import html

        return f'<iframe srcdoc="{html.escape(self.page, quote=True)}" style="width: 100%; height: 40em; border: 0"></iframe>'
