"""Streaming models: voice activity and noise suppression."""
import numpy as np

from run import WORK, ZOO, floats, integers

CONTEXT, CHUNK, STEPS = 64, 512, 31


def auc(scores, truth):
    """Chance that a positive scores above a negative, ties half."""
    p, n = scores[truth], scores[~truth]
    return float(np.mean((p[:, None] > n[None]) + 0.5 * (p[:, None] == n[None])))


def chunks(clips):
    """[clips * STEPS, 576]: every chunk behind the end of the last one."""
    rows = []
    for clip in clips:
        x = np.concatenate([np.zeros(CONTEXT, clip.dtype), clip])
        rows += [x[i * CHUNK:i * CHUNK + CONTEXT + CHUNK] for i in range(STEPS)]
    return np.stack(rows)


def sequence(model, feed, state, start, length):
    """Outputs of the float model, its state carried, and started anew every `length` samples; `feed` gives the input, then the outputs are told."""
    import onnxruntime

    s = onnxruntime.InferenceSession(str(ZOO / model), providers=["CPUExecutionProvider"])
    outs = [o.name for o in s.get_outputs()]
    name, x = feed
    rows, now = [], start
    for i, v in enumerate(x):
        if i % length == 0:
            now = start
        y = dict(zip(outs, s.run(None, {name: v, state[0]: now})))
        now = y[state[1]]
        rows.append(y[outs[0]])
    return np.stack(rows)


def silero(level):
    """Area under the curve of both sides."""
    model = "silero_vad/silero_vad_16k_static.onnx"
    z = np.load(ZOO / "data/speech_commands_wav_a.npz")
    labels = (ZOO / "data/labels_kws12.txt").read_text().split()
    speech = z["y"] != labels.index("silence")
    calib, data = chunks(z["x"][:32]), chunks(z["x"][100:])
    np.savez(WORK / "silero.calib.npz", input=calib)
    np.savez(WORK / "silero.eval.npz", input=data)
    start = np.zeros((2, 1, 128), np.float32)
    x = (data / 32768).astype(np.float32)[:, None]
    want = sequence(model, ("input", x), ("state", "stateN"), start, STEPS)
    more = ["--state", "state=stateN", "--sequence", str(STEPS)]
    flags = [f"input=i16,scale={1 / 32768!r},offset=0"]
    got = integers(model, flags, WORK / "silero.calib.npz", WORK / "silero.eval.npz", level, more)["output"]
    score = lambda y: auc(y.reshape(-1, STEPS).max(1), speech[100:])
    return score(want), score(got)


def si_sdr(clean, y):
    """Scale-invariant signal to distortion, in dB."""
    clean, y = clean - clean.mean(), y - y.mean()
    part = clean * (y @ clean) / (clean @ clean)
    return 10 * np.log10((part @ part) / ((y - part) @ (y - part)))


BLOCK, SHIFT = 512, 128


def blocks(x):
    return np.stack([x[i:i + BLOCK] for i in range(0, len(x) - BLOCK + 1, SHIFT)])


def added(rows):
    y = np.zeros(len(rows) * SHIFT + BLOCK - SHIFT)
    for i, r in enumerate(rows):
        y[i * SHIFT:i * SHIFT + BLOCK] += r
    return y


def dtln(level):
    """Both networks in a row over ten seconds."""
    one, two = "dtln/dtln_1.onnx", "dtln/dtln_2.onnx"
    states = [("input_3", "tf_op_layer_stack_2"), ("input_5", "tf_op_layer_stack_5")]
    z = np.load(ZOO / "data/speech_noisy_a.npz")
    start = np.zeros((1, 2, 128, 2), np.float32)
    clean = z["clean"] / 32768

    def spectrum(name):
        f = np.fft.rfft(blocks(z[name] / 32768))
        return f, np.abs(f).astype(np.float32)[:, None, None]

    def masked(f, mask):
        return np.fft.irfft(f * mask.reshape(f.shape)).astype(np.float32)[:, None, None]

    def second(time):
        return added(sequence(two, ("input_4", time), states[1], start, len(time)).reshape(-1, BLOCK))

    calib_f, calib_m = spectrum("noisy0")
    f, m = spectrum("noisy5")
    calib_t = masked(calib_f, sequence(one, ("input_2", calib_m), states[0], start, len(calib_m)))
    want = second(masked(f, sequence(one, ("input_2", m), states[0], start, len(m))))

    def side(model, inputs, state, calib, data):
        paths = [WORK / f"dtln.{n}.npz" for n in ("calib", "eval")]
        for path, x in zip(paths, (calib, data)):
            np.savez(path, **{inputs: x[:, 0]})
        return integers(model, [], *paths, level, ["--state", "=".join(state)])

    mask = side(one, "input_2", states[0], calib_m[:1000], m)["activation_2"]
    got = added(side(two, "input_4", states[1], calib_t[:1000], masked(f, mask))["conv1d_3"].reshape(-1, BLOCK))
    # What comes out lags by what a block overlaps the next.
    score = lambda y: si_sdr(clean[BLOCK:len(y) - BLOCK], y[BLOCK:-BLOCK])
    return score(want), score(got)
