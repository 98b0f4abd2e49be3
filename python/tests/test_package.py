"""Run by tests/package.rs in a folder with the built package; MODELS is the repository's folder of models."""

import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import mcompc

MODELS = os.environ["MODELS"]
DIGITS = os.path.join(MODELS, "digits", "digits.onnx")
CALIB = os.path.join(MODELS, "digits", "digits.calib.npz")
INPUTS = {"pixels": "u8,scale=1,offset=0"}


def samples(n):
    return np.load(CALIB)["pixels"][:n]


class Package(unittest.TestCase):
    def test_a_library_runs_and_is_what_the_command_line_writes(self):
        a = mcompc.compile(DIGITS, calib=CALIB, inputs=INPUTS)
        self.assertIn("digits", repr(a))
        self.assertGreater(a.report["totals"]["flash_bytes"], 1000)
        x = samples(40)
        y, codes, real = a.run(x), a.run({"pixels": x}, codes=True), a.reference(x)
        self.assertEqual((y.shape, codes.dtype, real.dtype), ((40, 1, 10), np.dtype("i1"), np.dtype("f4")))
        self.assertTrue(np.allclose(y, (codes + 128.0) / 256) and np.abs(y - real).max() < 0.1)
        self.assertEqual((y.argmax(-1) == real.argmax(-1)).mean(), 1.0)
        self.assertTrue(np.array_equal(codes, a.emulate(x, codes=True)))
        with tempfile.TemporaryDirectory() as d:
            a.write(os.path.join(d, "out"))
            self.assertIn("digits.h", os.listdir(os.path.join(d, "out")))
            with self.assertRaises(mcompc.Error) as e:
                a.write(os.path.join(d, "out", "digits.h"))
            self.assertTrue(e.exception.hint, e.exception)
        y -= 1
        self.assertIn("srcdoc", a._repr_html_())
        with tempfile.TemporaryDirectory() as d:
            scheme = os.path.join(d, "s.txt")
            mcompc.compile(DIGITS, calib=CALIB, inputs=INPUTS, scheme_out=scheme)
            self.assertTrue(open(scheme).read().startswith("scheme 1"))
        with self.assertRaises(TypeError):
            mcompc.compile(DIGITS, calib=CALIB, inputs=INPUTS, force=True)

    def test_another_target_gives_the_same_bytes(self):
        codes = [mcompc.compile(DIGITS, target=t, calib=CALIB, inputs=INPUTS).run(samples(9), codes=True) for t in ("host", "cortex-m4")]
        self.assertTrue(np.array_equal(*codes))

    def test_calibration_data_of_every_kind_are_the_same(self):
        arrays = np.load(CALIB)["pixels"]
        kinds = [CALIB, arrays, {"pixels": arrays}, (s for s in arrays), ({"pixels": s} for s in arrays)]
        hashes = {mcompc.compile(DIGITS, calib=k, inputs=INPUTS).files["libdigits.a"] for k in kinds}
        self.assertEqual(len(hashes), 1)
        with self.assertRaises(ValueError):
            mcompc.compile(DIGITS, calib=iter([]), inputs=INPUTS)
        with self.assertRaises(ValueError):
            mcompc.compile(DIGITS, calib=iter([arrays[0], arrays[0][..., :3]]), inputs=INPUTS)

    def test_answers(self):
        self.assertIn("cortex-m4", [t["name"] for t in mcompc.targets()])
        self.assertIn("layers", mcompc.plan(DIGITS, target="cortex-m4"))
        v = mcompc.verify(DIGITS, calib=CALIB, inputs=INPUTS, limit=5)
        self.assertEqual(v["samples"], 5)
        self.assertIn("operator", mcompc.explain("E201"))

    def test_what_is_refused_says_why(self):
        for ask in (dict(target="cortex-m9"), dict(opt="int9"), dict(no_such_flag=3), dict(calib={"q": np.zeros((2, 3), "f4")})):
            with self.assertRaises(mcompc.Error) as e:
                mcompc.compile(DIGITS, **{"calib": CALIB, "inputs": INPUTS, **ask})
            self.assertTrue(e.exception.code.startswith("E") and e.exception.hint and e.exception.message, e.exception)
        with self.assertRaises(mcompc.Error) as e:
            mcompc.compile(os.path.join(MODELS, "none.onnx"))
        self.assertEqual(e.exception.code, "E001")
        run = subprocess.run([sys.executable, "-m", "mcompc", "explain", "E999"], capture_output=True, text=True)
        self.assertTrue(run.returncode == 2 and run.stderr.startswith("error[E002]"), run)

    def test_a_sweep_goes_on_where_it_was(self):
        with tempfile.TemporaryDirectory() as d:
            ask = dict(targets=["host", "cortex-m4"], levels=["int8", "int4", "int9"], calib={DIGITS: CALIB}, inputs=["pixels=u8,scale=1,offset=0"], folder=d)
            first = mcompc.sweep([DIGITS], workers=2, **ask)
            self.assertEqual([r["error"] and r["error"]["code"] for r in first.rows], [None, None, "E501"] * 2)
            self.assertEqual([r["opt"] for r in first.front()], ["int8", "int4"] * 2)
            lines = first.table().splitlines()
            self.assertTrue(len(lines) == 7 and "cortex-m4" in lines[4] and float(lines[1].split()[-1]) < float(lines[2].split()[-1]), lines)
            with self.assertRaises(ValueError):
                mcompc.sweep([DIGITS], calib={"other.onnx": CALIB}, folder=d)
            times = {f: os.stat(os.path.join(d, f)).st_mtime_ns for f in os.listdir(d)}
            os.remove(os.path.join(d, first.rows[0]["key"] + ".json"))
            again = mcompc.sweep([DIGITS], workers=1, **ask)
            self.assertEqual(first.rows, again.rows)
            made = [f for f in os.listdir(d) if os.stat(os.path.join(d, f)).st_mtime_ns != times.get(f)]
            self.assertEqual(made, [first.rows[0]["key"] + ".json"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
