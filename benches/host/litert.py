"""LiteRT (XNNPACK, one thread) as a peer to time against: a worker that the bench `host_speed` talks to.

    litert.py MODEL.tflite

Reads a number of milliseconds a line from standard input, runs the model that long on a fixed random input, and answers with the
median time of one inference in nanoseconds.  Needs numpy and ai-edge-litert.
"""
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
detail = interpreter.get_input_details()[0]
info = np.iinfo(detail["dtype"])
data = np.random.default_rng(0).integers(info.min, info.max + 1, detail["shape"]).astype(detail["dtype"])
interpreter.set_tensor(detail["index"], data)
print("ready", flush=True)
for line in sys.stdin:
    end = time.perf_counter_ns() + int(line) * 1_000_000
    times = []
    while (start := time.perf_counter_ns()) < end:
        interpreter.invoke()
        times.append(time.perf_counter_ns() - start)
    print(int(np.median(times)), flush=True)
