"""LiteRT (XNNPACK, one thread) as a peer to time against: a worker that the bench `host_speed` talks to.

    litert.py MODEL.tflite [avx2]

Reads a number of milliseconds a line from standard input, runs the model that long on a fixed random input, and answers with the
median time of one inference in nanoseconds.  With `avx2` the library is made to believe that the CPU has neither AVX-512 nor VNNI
(`mask_cpuid.c`), so that it takes its AVX2 kernels.  The line `outputs` answers with a hash of the outputs instead.  Needs numpy and
ai-edge-litert; `avx2` needs cc and objdump.
"""
import ctypes
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np


def mapped_libraries(folder):
    """Files below `folder` that are mapped into this process, with the address of their first byte."""
    found = {}
    for line in open("/proc/self/maps"):
        fields = line.split()
        if len(fields) >= 6 and fields[5].startswith(folder) and int(fields[2], 16) == 0:
            found.setdefault(fields[5], int(fields[0].split("-")[0], 16))
    return found


def cpuid_addresses(path):
    """Where a library holds `cpuid`, by a full disassembly: the two bytes occur inside other instructions too."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True, text=True, check=True).stdout
    lines = (line.split(":", 1) for line in text.splitlines() if line.rstrip().endswith("\tcpuid"))
    return [int(address, 16) for address, _ in lines]


def hide_avx512():
    import ai_edge_litert

    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(__file__).with_name("mask_cpuid.c")
        target = f"{folder}/mask.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", target, str(source)], check=True)
        mask = ctypes.CDLL(target)
    mask.mask_cpuid.restype = mask.mask_answered.restype = ctypes.c_long
    root = str(pathlib.Path(ai_edge_litert.__file__).parent)
    # Linked at 0, as shared libraries are: address in the file's view plus the base is the address here.
    at = [base + a for path, base in mapped_libraries(root).items() for a in cpuid_addresses(path)]
    done = mask.mask_cpuid((ctypes.c_size_t * len(at))(*at), ctypes.c_long(len(at)))
    if not at or done != len(at):
        sys.exit(f"cpuid cannot be hidden: {done} of {len(at)} instructions replaced")
    return mask


def main():
    from ai_edge_litert.interpreter import Interpreter

    mask = hide_avx512() if "avx2" in sys.argv[2:] else None
    interpreter = Interpreter(sys.argv[1], num_threads=1)
    interpreter.allocate_tensors()
    if mask and mask.mask_answered() == 0:
        sys.exit("nothing asked for the CPU's features after they were hidden")
    detail = interpreter.get_input_details()[0]
    info = np.iinfo(detail["dtype"])
    data = np.random.default_rng(0).integers(info.min, info.max + 1, detail["shape"]).astype(detail["dtype"])
    interpreter.set_tensor(detail["index"], data)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "outputs":
            interpreter.invoke()
            outs = [interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_output_details()]
            print(hashlib.sha256(b"".join(outs)).hexdigest(), flush=True)
            continue
        end = time.perf_counter_ns() + int(line) * 1_000_000
        times = []
        while (start := time.perf_counter_ns()) < end:
            interpreter.invoke()
            times.append(time.perf_counter_ns() - start)
        print(int(np.median(times)), flush=True)


main()
