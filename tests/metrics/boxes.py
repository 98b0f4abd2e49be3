"""Average precision of detectors: decoding of the zoo's two, suppression, precision over recall."""
import csv

import numpy as np


def iou(a, b):
    """[n, m] of boxes x1, y1, x2, y2."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), 2)
    area = lambda r: np.prod(np.clip(r[:, 2:] - r[:, :2], 0, None), 1)
    return both / np.maximum(area(a)[:, None] + area(b)[None] - both, 1e-12)


def suppressed(boxes, scores, most):
    """Indices that stay, best first."""
    order, keep = list(np.argsort(-scores, kind="stable")), []
    overlap = iou(boxes, boxes)
    while order:
        best = order.pop(0)
        keep.append(best)
        order = [i for i in order if overlap[best, i] <= most]
    return keep


def average_precision(found, truth):
    """found: (image, score, box) of a class; truth: {image: boxes}. Area under the interpolated curve, all points."""
    total = sum(len(b) for b in truth.values())
    taken = {k: np.zeros(len(b), bool) for k, b in truth.items()}
    hits = []
    for image, _, box in sorted(found, key=lambda f: -f[1]):
        boxes, hit = truth.get(image), False
        if boxes is not None and len(boxes):
            o = iou(box[None], boxes)[0]
            j = int(o.argmax())
            hit = o[j] >= 0.5 and not taken[image][j]
            taken[image][j] |= hit
        hits.append(hit)
    tp = np.cumsum(hits)
    recall, precision = tp / total, tp / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0], recall])) * precision)) if hits else 0.0


def truth_of(path):
    """{class: {file: boxes}}"""
    rows = {}
    for r in csv.DictReader(open(path)):
        rows.setdefault(int(r["class"]), {}).setdefault(r["file"], []).append([float(r[k]) for k in ("x1", "y1", "x2", "y2")])
    return {c: {f: np.array(b) for f, b in files.items()} for c, files in rows.items()}


def mean_ap(detections, truth):
    """detections: {class: [(image, score, box)]}; the mean over classes that occur."""
    return float(np.mean([average_precision(detections.get(c, []), t) for c, t in truth.items()]))


def yolox(outputs, files, sizes):
    """Boxes of a raw head [3549, 85] in 0..1 of images of (width, height), letterboxed to 416."""
    grid = [np.stack(np.meshgrid(np.arange(416 // s), np.arange(416 // s)), -1).reshape(-1, 2) for s in (8, 16, 32)]
    stride = np.concatenate([np.full((len(g), 1), s) for g, s in zip(grid, (8, 16, 32))])
    grid, found = np.concatenate(grid), {}
    for y, file, (w, h) in zip(outputs, files, sizes):
        centre, size = (y[:, :2] + grid) * stride, np.exp(np.minimum(y[:, 2:4], 20)) * stride
        r = 416 / max(w, h)
        boxes = np.concatenate([centre - size / 2, centre + size / 2], 1) / (np.array([w, h, w, h]) * r)
        scores = y[:, 4:5] * y[:, 5:]
        for c in range(80):
            at = np.nonzero(scores[:, c] > 0.01)[0]
            for i in suppressed(boxes[at], scores[at, c], 0.65) if len(at) else []:
                found.setdefault(c, []).append((file, scores[at[i], c], boxes[at[i]]))
    return found


def ultraface(scores, locations, files):
    """Boxes of raw locations [4420, 4] around the priors of a 320x240 image."""
    priors = []
    for s, sizes in zip((8, 16, 32, 64), ([10, 16, 24], [32, 48], [64, 96], [128, 192, 256])):
        for j in range(-(-240 // s)):
            for i in range(-(-320 // s)):
                priors += [[(i + 0.5) * s / 320, (j + 0.5) * s / 240, m / 320, m / 240] for m in sizes]
    p, found = np.array(priors).clip(0, 1), []
    for sc, loc, file in zip(scores, locations, files):
        centre, size = loc[:, :2] * 0.1 * p[:, 2:] + p[:, :2], np.exp(loc[:, 2:] * 0.2) * p[:, 2:]
        boxes = np.concatenate([centre - size / 2, centre + size / 2], 1)
        at = np.nonzero(sc[:, 1] > 0.01)[0]
        found += [(file, sc[at[i], 1], boxes[at[i]]) for i in suppressed(boxes[at], sc[at, 1], 0.3)]
    return {0: found}
