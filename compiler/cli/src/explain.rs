//! Longer explanations of the error codes: how one comes to the error, and the ways out.

use mcompc_ir::Code;

/// Cause and remedy, in Markdown.
pub fn explain(code: Code) -> &'static str {
    match code {
        Code::Io => {
            "The operating system refused a file operation; the message has its words. Check that the path exists and that you may read or write it. The output folder is written as a whole or not at all, so nothing half-written is left behind."
        }
        Code::Usage => {
            "Flags contradict each other, name something the model does not have, or have a form that is not understood. `mcompc help` and docs/flags.md list them. An output folder that holds files of others is refused as well, unless `--force` is given."
        }
        Code::Limit => {
            "Limits bound the work and memory that a file can cause: file size, number of nodes, nesting, dimensions and elements of a tensor, bytes of folded constants. No model for the targets comes near them; a file that does is broken or hostile. The defaults are in docs/security.md."
        }
        Code::Internal => {
            "An invariant of the compiler itself does not hold, or it panicked. This is a bug whatever the input was: report it with the model, the command line, the message and the version. Nothing was written."
        }
        Code::Truncated => {
            "The bytes end in the middle of a field or do not follow the protobuf wire format. Usual causes are an interrupted download, or a Git LFS pointer in place of the model. Compare the file's size and checksum with the original."
        }
        Code::BadTensor => {
            "A tensor says one thing in its dimensions or type and another in its data: too few or too many bytes, or values outside the type. Export the model again; `onnx.checker` finds the tensor too."
        }
        Code::ExternalData => {
            "External weights are read from the model's own folder only, by a plain relative name, and only inside their file. Absolute paths, `..` and symbolic links that lead out are refused. Put the data file beside the model."
        }
        Code::BadGraph => {
            "Names are undefined or defined twice, or nodes depend on each other in a circle. ONNX requires a sorted acyclic graph; export the model again."
        }
        Code::NotFinite => {
            "A weight or a sample is NaN or infinite. Integers cannot stand for either, and ranges that contain them mean nothing. Find out where training or preprocessing went wrong."
        }
        Code::UnboundDim => {
            "A dimension has a name instead of a number, for instance a batch size `N`. All shapes are fixed at compile time: give `--dim N=1`."
        }
        Code::UnsupportedOp => {
            "The node's operator is not in docs/ops.md. Nothing is skipped or run elsewhere, so the model cannot be compiled as it is. Replace the operator before export, or cut the model so that the operator runs outside (preprocessing and postprocessing often sit at its ends)."
        }
        Code::UnsupportedOpset => {
            "The model uses an operator set that is older or newer than those read. Convert it with `onnx.version_converter`, or export it with another `opset_version`."
        }
        Code::UnsupportedAttr => {
            "The operator is supported, but not with this attribute or value. Every attribute is read or refused, never ignored. The message names it; docs/ops.md says what is supported."
        }
        Code::UnsupportedType => {
            "A tensor has a data type that is not supported in this place, such as float16 weights or strings. Convert the model to float32."
        }
        Code::BadShape => {
            "The shapes that meet at a node do not fit its definition. The message has them. Often a symbolic dimension was bound to the wrong number with `--dim`."
        }
        Code::MissingAttr => {
            "The operator's definition requires an attribute or an input that the node does not have. Export the model again."
        }
        Code::Verify => {
            "A graph or kernel broke the rules of its level between two stages. With a model this is a bug of the compiler; with a text form of your own, the message says what to repair."
        }
        Code::Parse => "A text form (graph, kernel, machine description) does not follow its grammar. The message has the line.",
        Code::BadCalib => {
            "The data file does not fit the model: an array is missing or has the wrong shape or type. Arrays are named as the ONNX inputs (`x` will do where there is one input) and carry samples on axis 0, without the batch dimension or with 1. `--input` says which raw type they have."
        }
        Code::Overflow => {
            "With these weights some input could make the 32-bit accumulator of the layer overflow, and the compiler only emits code for which it proved the opposite. It takes more than 100 000 products in one sum, or a bias far outside of the layer's range: look for exploded weights."
        }
        Code::NoInteger => {
            "The operator is understood but has no integer form yet, and floating-point code is never emitted. docs/status.md lists what is there. Cut the model before the node, or replace the operator."
        }
        Code::Loss => {
            "The measured difference from the float model passes the limit, or there are no data to measure it on. The message has the measured number; nothing was written. `--max-loss` sets the limit; without it 5 expected points of top-1 accuracy for classifiers (what the float model's own probabilities give its choice more than the library's, on average) are allowed, and a squared error of 10 percent of the outputs' variance otherwise (30 with weights of eight bits). Groups (`--group 32`) and layers left at eight bits (`--bits LAYER=8`) lose less."
        }
        Code::UnsupportedLevel => {
            "`-O int8`, `-O int4` and `-O int16` are built. `mixed`, `f32` and the others are refused until they are."
        }
        Code::UnknownTarget => "`mcompc targets` lists the targets. `host` stands for the best one this computer runs.",
        Code::NeedsMlir => {
            "No back end of this build has a code generator for this CPU, or the one that was asked for is not built in. Build mcompc with `--features mlir` (scripts/setup.sh installs LLVM and MLIR 22)."
        }
        Code::Backend => {
            "The code generator does not accept a kernel, or came to a bad end on it: it panicked, crashed, ended its process or took too long. Code generators run in a process of their own, so that nothing but this error follows from it, and nothing is written. The message has the layer, the kernel and the code generator's last words where they are known. This is a bug of the compiler: report it with the model, the command line and the message; the other back end (`--backend`) may do meanwhile. A translation may take two minutes and 10 ms for each instruction of the kernels; the environment variable `MCOMPC_TIMEOUT` sets another limit in seconds, 0 none."
        }
        Code::ToolMissing => {
            "The command runs another program (a cross compiler, QEMU with its counting plug-in) that is not installed, or code that neither this CPU nor an emulator runs: AVX-512, or a model larger than a board's memory. Nothing was run, so nothing is claimed. scripts/setup.sh installs all programs on Debian and Ubuntu; Cargo builds the plug-in together with `mcompc`."
        }
        Code::Ended => {
            "A process that the command started (a back end, generated code, an emulator) was ended by a signal that other programs send, or that the system sends when memory runs out. Nothing was found out about the code, and nothing was written. Free memory and run the command again."
        }
        Code::Mismatch => {
            "Native code gave other bytes than the integer reference, wrote outside its buffers, crashed or did not end. It runs in a process of its own, so a crash is no more than this error; `MCOMPC_TIMEOUT` sets its time limit in seconds. This is a bug of the compiler or of the emulator: report it with the model, the target and the sample's index from the message."
        }
    }
}
