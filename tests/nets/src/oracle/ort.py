"""ONNX Runtime as another party: for each line MODEL<tab>DATA<tab>RESULT runs the model on the first sample of every array in DATA,
writes the outputs as little-endian floats one after the other to RESULT, and answers "ok" or "error: ..."."""
import sys
import numpy
import onnxruntime

onnxruntime.set_default_logger_severity(4)
print("ready", flush=True)
for line in sys.stdin:
    try:
        model, data, result = line.rstrip("\n").split("\t")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # The operators as they stand: what is compared are their definitions.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        arrays = numpy.load(data)
        feeds = {i.name: arrays[i.name][0] for i in session.get_inputs()}
        outputs = session.run(None, feeds)
        with open(result, "wb") as f:
            for o in outputs:
                f.write(numpy.ascontiguousarray(o, dtype="<f4").tobytes())
        print("ok", flush=True)
    except Exception as e:
        print("error: " + " ".join(str(e).split())[:400], flush=True)
