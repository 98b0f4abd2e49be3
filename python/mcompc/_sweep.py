"""Many compilations: every model for every target at every level, on the cores of this computer or of a Ray cluster."""

from __future__ import annotations

import concurrent.futures
import hashlib
import itertools
import json
import os
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping


# Codes of errors that say nothing of the model.
MACHINE = ("E001", "E503", "E504", "E505", "E506")


def _one(folder: str, key: str, job: Mapping[str, Any]) -> dict[str, Any]:
    """Compiles one combination; its result is a file that is there as a whole or not at all."""
    import mcompc

    path = os.path.join(folder, key + ".json")
    row: dict[str, Any] = {"model": job["model"], "target": job["target"], "opt": job["opt"], "budget": job["budget"], "key": key}
    try:
        flags = dict(job["flags"])
        if job["budget"]:
            flags["budget"] = job["budget"]
        artifact = mcompc.compile(job["model"], target=job["target"], opt=job["opt"], calib=job["calib"], inputs=job["inputs"], progress=False, **flags)
        report = artifact.report
        digest = hashlib.sha256()
        for name, data in sorted(artifact.files.items()):
            if name.endswith((".a", ".h")):
                digest.update(name.encode() + b"\0" + data)
        row.update(totals=report["totals"], loss=report.get("loss"), sha256=digest.hexdigest(), error=None)
    except mcompc.Error as e:
        row.update(totals=None, loss=None, sha256=None, error={"code": e.code, "node": e.node, "message": e.message, "hint": e.hint})
    # What this computer lacks today is asked for again.
    if row["error"] and row["error"]["code"] in MACHINE:
        return row
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w") as f:
        json.dump(row, f)
    os.replace(part, path)
    return row


def _digest(path: Any) -> str:
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


@dataclass
class Sweep:
    """Results, a row a combination, in the order of models, targets, levels and budgets."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def table(self) -> str:
        """As text: flash, arena, forecast and loss of each."""
        head = ["model", "target", "level", "budget", "flash", "arena", "loss"]
        lines = [head]
        for r in self.rows:
            name = os.path.splitext(os.path.basename(r["model"]))[0]
            first = [name, r["target"], r["opt"], r["budget"] or ""]
            if r["error"]:
                lines.append([*first, r["error"]["code"], "", ""])
                continue
            lost = f"{_error(r):.5f}" if r["loss"] else ""
            lines.append([*first, str(r["totals"]["flash_bytes"]), str(r["totals"]["arena_bytes"]), lost])
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines)

    def front(self) -> list[dict[str, Any]]:
        """The rows that no other of their model and target beats in both flash and loss."""
        good = [r for r in self.rows if not r["error"] and r["loss"]]
        size = lambda r: r["totals"]["flash_bytes"]
        of = lambda r: [o for o in good if (o["model"], o["target"]) == (r["model"], r["target"])]
        worse = lambda r, o: size(o) <= size(r) and _error(o) <= _error(r) and (size(o), _error(o)) != (size(r), _error(r))
        return [r for r in good if not any(worse(r, o) for o in of(r))]

    def plot(self, ax: Any = None) -> Any:
        """Flash against loss by matplotlib, a line a model and target."""
        import matplotlib.pyplot as plt

        ax = ax or plt.gca()
        front = sorted(self.front(), key=lambda r: (r["model"], r["target"], r["totals"]["flash_bytes"]))
        for (model, target), rows in itertools.groupby(front, key=lambda r: (r["model"], r["target"])):
            rows = list(rows)
            ax.plot([r["totals"]["flash_bytes"] for r in rows], [_error(r) for r in rows], "o-", label=f"{os.path.basename(model)}, {target}")
        ax.set_xlabel("flash, bytes")
        ax.set_ylabel("squared error over variance")
        ax.legend()
        return ax

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.table())}</pre>"


def _error(row: Mapping[str, Any]) -> float:
    value = (row["loss"] or {}).get("error_over_variance")
    return float("inf") if value is None else float(value)


def sweep(
    models: Iterable[Any],
    targets: Iterable[str] = ("host",),
    levels: Iterable[str] = ("int8",),
    budgets: Iterable[str | None] = (None,),
    calib: Mapping[str, Any] | Any = None,
    inputs: Mapping[str, Any] | None = None,
    folder: Any = "sweep",
    workers: int | None = None,
    cluster: bool = False,
    **flags: Any,
) -> Sweep:
    """Compiles every combination. ``calib`` (a file) and ``inputs`` (raw forms, as a list) are of all models, or given by model in a mapping. Results are kept
    in ``folder`` by what they depend on, so that a sweep that was ended goes on where it was. ``cluster``: on the Ray cluster that
    ``ray.init()`` reached, whose nodes see the same files; the bytes are the same wherever they are made."""
    folder = os.path.abspath(os.fspath(folder))
    os.makedirs(folder, exist_ok=True)
    jobs: list[tuple[str, dict[str, Any]]] = []
    hashes: dict[str, str] = {}
    hashed = lambda path: hashes.setdefault(path, _digest(path))
    from . import __version__

    models = [_path(m) for m in models]
    calib_of, inputs_of = _by_model("calib", calib, models), _by_model("inputs", inputs, models)
    for model, target, opt, budget in itertools.product(models, targets, levels, budgets):
        data, forms = calib_of(model), inputs_of(model)
        job = {"model": model, "target": target, "opt": opt, "budget": budget, "calib": data and _path(data), "inputs": forms, "flags": flags}
        files = {n: hashed(v) for n, v in flags.items() if isinstance(v, (str, os.PathLike)) and os.path.isfile(v)}
        beside = [hashed(f) for f in _beside(model)]
        depends = {**job, "hash": hashed(model), "beside": beside, "calib": data and hashed(_path(data)), "files": files, "version": __version__}
        jobs.append((hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()[:32], job))
    rows: dict[str, dict[str, Any]] = {}
    left = []
    for key, job in jobs:
        try:
            with open(os.path.join(folder, key + ".json")) as f:
                rows[key] = json.load(f)
        except (OSError, ValueError):
            left.append((key, job))
    for row in _cluster(folder, left) if cluster else _cores(folder, left, workers):
        rows[row["key"]] = row
    return Sweep([rows[key] for key, _ in jobs])


def _by_model(what: str, given: Any, models: list[str]) -> Any:
    """What is given for a model: the same for all, or by the models' paths."""
    if not isinstance(given, Mapping):
        return lambda model: given
    by_path = {_path(k): v for k, v in given.items()}
    unknown = sorted(set(by_path) - set(models))
    if unknown:
        raise ValueError(f"{what} names {unknown}, which are no models of this sweep")
    return by_path.get


def _beside(model: str) -> list[str]:
    """Files in the model's folder that may hold its weights."""
    folder, stem = os.path.dirname(model), os.path.splitext(os.path.basename(model))[0]
    names = (n for n in os.listdir(folder) if n.startswith(stem) and n.endswith((".data", ".bin", ".weights", ".pb")))
    return [os.path.join(folder, n) for n in sorted(names)] if os.path.isdir(folder) else []


def _path(path: Any) -> str:
    return os.path.abspath(os.fspath(path))


def _cores(folder: str, jobs: list[tuple[str, dict[str, Any]]], workers: int | None) -> Iterable[dict[str, Any]]:
    """A process a job at a time; one that dies (killed, out of memory) is asked for again, twice at most."""
    import multiprocessing

    for attempt in range(3):
        broken = []
        with concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            futures = {pool.submit(_one, folder, key, job): (key, job) for key, job in jobs}
            for future in concurrent.futures.as_completed(futures):
                try:
                    yield future.result()
                except concurrent.futures.process.BrokenProcessPool:
                    broken.append(futures[future])
        jobs = broken
        if not jobs:
            return
    raise RuntimeError(f"{len(jobs)} compilations ended their process three times: {[j['model'] for _, j in jobs]}")


def _cluster(folder: str, jobs: list[tuple[str, dict[str, Any]]]) -> Iterable[dict[str, Any]]:
    import ray

    remote = ray.remote(max_retries=3)(_one)
    waiting = [remote.remote(folder, key, job) for key, job in jobs]
    while waiting:
        done, waiting = ray.wait(waiting)
        yield from ray.get(done)
