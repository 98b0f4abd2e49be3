#!/usr/bin/env python3
"""Metrics of the zoo's models, of the float model and of the integers. See README.md beside this file."""
import argparse
import sys

import numpy as np

import audio
import boxes
from run import MCOMPC, WORK, ZOO, floats, integers, prepared

DATA = ZOO / "data/uncleared"


def both(model, level):
    """Outputs of both sides on the evaluation data, by name, and these data."""
    info = prepared(model)
    data = dict(np.load(WORK / f"{model}.eval.npz"))
    files = [WORK / f"{model}.{n}.npz" for n in ("calib", "eval")]
    return floats(info["onnx"], info["input"], data), integers(info["onnx"], info["input"], *files, level), data


def top1(model):
    def measure(level):
        want, got, data = both(model, level)
        score = lambda y: 100 * float(np.mean(next(iter(y.values())).reshape(len(data["y"]), -1).argmax(1) == data["y"]))
        return score(want), score(got)

    return measure


def espcn(level):
    want, got, data = both("espcn", level)

    def score(y):
        d = (y["y_sr"].reshape(data["hr"].shape).clip(0, 1) - data["hr"] / 255)[..., 6:-6, 6:-6]
        return float(np.mean(-10 * np.log10(np.mean(d.reshape(len(d), -1) ** 2, 1))))

    return score(want), score(got)


def deeplab(level):
    from PIL import Image

    want, got, data = both("deeplab", level)
    masks = []
    for name in data["mask"]:
        im = Image.open(DATA / "coco_a_voc21" / str(name))
        r = 513 / max(im.size)
        small = np.asarray(im.resize((round(im.width * r), round(im.height * r)), Image.NEAREST))
        full = np.full((513, 513), 255, np.uint8)
        full[: small.shape[0], : small.shape[1]] = small
        masks.append(full)
    truth = np.stack(masks)

    def score(y):
        y, counts = y["ArgMax"].reshape(truth.shape).astype(int), truth < 255
        matrix = np.bincount(21 * truth[counts].astype(int) + y[counts], minlength=441).reshape(21, 21)
        seen = matrix.sum(1) > 0
        part = np.diag(matrix) / np.maximum(matrix.sum(0) + matrix.sum(1) - np.diag(matrix), 1)
        return 100 * float(part[seen].mean())

    return score(want), score(got)


def yolox(level):
    from PIL import Image

    want, got, _ = both("yolox", level)
    paths = sorted((DATA / "coco_a").glob("*.jpg"))
    sizes, files = [Image.open(p).size for p in paths], [p.name for p in paths]
    truth = boxes.truth_of(DATA / "coco_a_boxes.csv")
    score = lambda y: 100 * boxes.mean_ap(boxes.yolox(y["output"].reshape(len(files), -1, 85), files, sizes), truth)
    return score(want), score(got)


def ultraface(level):
    want, got, _ = both("ultraface", level)
    files = [p.name for p in sorted((DATA / "faces_a").glob("*.*"))]
    truth = boxes.truth_of(DATA / "faces_a_boxes.csv")
    shaped = lambda y, n: y[n].reshape(len(files), 4420, -1)
    score = lambda y: 100 * boxes.mean_ap(boxes.ultraface(shaped(y, "scores"), shaped(y, "boxes"), files), truth)
    return score(want), score(got)


# Name: measure, unit, the most that may be lost.
MODELS = {
    "espcn": (espcn, "dB", 0.1),
    "deeplab": (deeplab, "% mIoU", 1.0),
    "yolox": (yolox, "% mAP50", 1.5),
    "ultraface": (ultraface, "% AP50", 0.5),
    "silero": (audio.silero, "AUC", 0.002),
    "dtln": (audio.dtln, "dB SI-SDR", 0.3),
    "kwt1": (top1("kwt1"), "% top-1", 0.9),
    "magika": (top1("magika"), "% top-1", 0.4),
    "vit": (top1("vit"), "% top-1", 0.8),
    "sst2": (top1("sst2"), "% top-1", 0.4),
}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)} [default: all]")
    p.add_argument("--level", default="int8")
    a = p.parse_args()
    if not ZOO.is_dir():
        sys.exit(f"NOT RUN: no zoo at {ZOO}; set MCOMPC_ZOO")
    unknown = [m for m in a.models if m not in MODELS]
    if unknown:
        p.error(f"no model is called {', '.join(unknown)}")
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"{MCOMPC}, {a.level}\n{'model':<10} {'float':>9} {'integers':>9} {'lost':>8} {'bar':>7}  unit", flush=True)
    missed = []
    for name in a.models or MODELS:
        measure, unit, bar = MODELS[name]
        want, got = measure(a.level)
        met = want - got <= bar
        missed += [] if met else [name]
        print(f"{name:<10} {want:9.4f} {got:9.4f} {want - got:8.4f} {bar:7.3f}  {unit}{'' if met else '  MISSED'}", flush=True)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
