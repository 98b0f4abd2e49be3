//! Rows of every command that compiles.

use super::row::{Row, flag, operand, switch};
use super::values::{RANGES, WEIGHTS, act_bits, budget, dim, group, layer_bits, level, names, number, rate, state, text, word};
use mcompc_data::InputSpec;
use mcompc_target::{Backend, Target};

/// Machine-readable output.
pub(crate) const JSON: &[Row] = &[switch("json", "Machine-readable output on stdout", |g, _| {
    g.json = true;
    Ok(())
})
.aside()];

/// All choices of bits.
pub(crate) const PARETO: &[Row] =
    &[switch("pareto", "Adds the choices of bits by layer of which none is smaller and loses less than another", |g, _| {
        g.pareto = true;
        Ok(())
    })];

/// How long each step took.
pub(crate) const TIMINGS: &[Row] = &[switch("timings", "Adds the time of every step; with --json as `timings`", |g, _| {
    g.timings = true;
    Ok(())
})
.aside()];

/// What was decided, for --scheme.
pub(crate) const SCHEME_OUT: &[Row] =
    &[flag("scheme-out", "FILE", "Writes what was decided of the integers to a text file, to be changed and given to --scheme", |g, v| {
        g.scheme_out = Some(v.into());
        Ok(())
    })
    .aside()];

/// The model and how it is compiled.
pub(crate) const BUILD: &[Row] = &[
    operand("MODEL", "ONNX model", |g, v| {
        g.model = v.into();
        Ok(())
    }),
    flag("target", "T", "CPU to compile for; see `mcompc targets`", |g, v| {
        g.target = Some(Target::by_name(text(v)?)?);
        Ok(())
    })
    .choices(targets)
    .default("host"),
    flag(
        "",
        "LEVEL",
        "Optimisation level: int8, int4 (at most four bits a weight on average in flash, chosen layer by layer; activations of eight), mixed \
         (bits by layer, as --budget allows), or int16 (activations of sixteen bits, weights of eight)",
        |g, v| {
            let l = level(v)?;
            (g.bits, g.acts, g.mixed) = (Some(l.weights), Some(l.acts), l.mixed);
            Ok(())
        },
    )
    .short('O')
    .default("int8"),
    flag("calib", "FILE", "Calibration data (.npz, or .npy for one input): arrays by the inputs' names, samples on axis 0", |g, v| {
        g.calib = Some(v.into());
        Ok(())
    }),
    flag(
        "input",
        "NAME=DTYPE[,scale=S][,offset=O]",
        "Raw form of an input, in which calibration data come and the device calls: NAME=u8,scale=S,offset=O means \
         real = S * (raw - O); S and O are numbers or [a;b;c], one per channel",
        |g, v| {
            g.inputs.push(InputSpec::parse(text(v)?)?);
            Ok(())
        },
    )
    .often(),
    flag("dim", "NAME=SIZE", "Size of a symbolic dimension; or of an integer input, which is none then, the number that it always is", |g, v| {
        g.dims.push(dim(v)?);
        Ok(())
    })
    .often(),
    flag("outputs", "NAME[,..]", "Tensors that are the outputs: the model ends there, what lies behind them is left to the caller", |g, v| {
        g.to.extend(names(v)?);
        Ok(())
    })
    .often(),
    flag(
        "inputs",
        "NAME[,..]",
        "Tensors that are the inputs: the model begins there; inner ones need their type and shape in the file",
        |g, v| {
            g.from.extend(names(v)?);
            Ok(())
        },
    )
    .often(),
    flag(
        "state",
        "IN=OUT",
        "What an inference leaves in output OUT, the next one is given as input IN: both have the same codes, calibration and `verify` run \
         the samples in order. A state starts at zeros, or at the array IN of the calibration data",
        |g, v| {
            g.states.push(state(v)?);
            Ok(())
        },
    )
    .often(),
    flag("sequence", "N", "States start anew every N samples of a data file [default: a file is one sequence]", |g, v| {
        g.sequence = Some(number("--sequence", v)?);
        Ok(())
    }),
    flag("name", "NAME", "Prefix of all symbols and file names [default: the model file's stem]", |g, v| {
        g.name = Some(text(v)?.into());
        Ok(())
    }),
    flag(
        "budget",
        "NAME=VALUE[,..]",
        "Bits layer by layer so that little is lost within: flash=64K (code and constants of the object), ram= (arena, stack, inputs and \
         outputs), time= (in the unit of the forecast), weights= (constants of layers with weights), loss= (as --max-loss); 60% is of what int8 \
         takes. With no other limit than a loss the flash is least [default for -O mixed: loss=1]",
        |g, v| {
            g.budget = Some(budget(v)?);
            Ok(())
        },
    ),
    flag(
        "group",
        "N",
        "int4: a small multiplier for every N weights of an output channel in a row; a multiple of 32 [default: none]",
        |g, v| {
            g.group = Some(group(v)?);
            Ok(())
        },
    ),
    switch("int4-all", "int4: four bits in every layer", |g, _| {
        g.int4_all = true;
        Ok(())
    }),
    flag(
        "bits",
        "LAYER=BITS",
        "int4 and mixed: bits of the layers so called, 2 to 8 as far as the target has kernels for them; `*` stands for any characters, the last \
         flag that fits counts",
        |g, v| {
            g.layer_bits.push(layer_bits(v)?);
            Ok(())
        },
    )
    .often(),
    flag(
        "acts",
        "VALUE=BITS",
        "Bits of the activations so called, 8 or 16; `*` stands for any characters, the last flag that fits counts",
        |g, v| {
            g.act_bits.push(act_bits(v)?);
            Ok(())
        },
    )
    .often(),
    flag(
        "scheme",
        "FILE",
        "What is decided of the integers (codes of every value, bits and method of every layer), from a file that --scheme-out wrote; \
         with the same calibration data the result is the same",
        |g, v| {
            g.scheme = Some(v.into());
            Ok(())
        },
    ),
    flag("range", "RANGE", "How activation ranges follow from the calibration data", |g, v| {
        g.range = Some(word("--range", v, RANGES)?);
        Ok(())
    })
    .default("mse")
    .choices(|| RANGES.map(|(name, _)| name).to_vec()),
    flag("backend", "BACKEND", "Code generator [default: mlir where it is built in, else the one of the target]", |g, v| {
        g.backend = Some(word("--backend", v, Backend::ALL.map(|b| (b.name(), b)))?);
        Ok(())
    })
    .choices(|| Backend::ALL.map(Backend::name).to_vec()),
    flag(
        "weights-section",
        "NAME",
        "Section of the weights, for a linker script that places them; read-only data by default. For Mach-O: SEGMENT,section",
        |g, v| {
            g.weights_section = Some(text(v)?.into());
            Ok(())
        },
    ),
    flag(
        "weights",
        "FORM",
        "stored: weights as kernels read them; coded: entropy-coded in the layers where that takes less flash, each decoded into the arena \
         right before it runs; auto: of these the layers that save most for the time, up to a tenth of the inference. Where bits are chosen by layer, which \
         layers are coded, and how coarsely, is chosen with them, and longer decoding is taken where it halves what is lost [default: auto where bits are \
         chosen by layer, else stored]",
        |g, v| {
            g.stored = Some(word("--weights", v, WEIGHTS)?);
            Ok(())
        },
    )
    .choices(|| WEIGHTS.map(|(name, _)| name).to_vec()),
    flag(
        "rate",
        "BITS",
        "Weights of at most so many bits each in flash on average, such as 3.5; bits are chosen by layer as for -O int4, which asks for 4. Includes \
         --weights coded where nothing else is given, and needs calibration data",
        |g, v| {
            g.rate = Some(rate(v)?);
            Ok(())
        },
    ),
    switch("slices", "Adds an entry that runs one layer a call, for watchdogs and schedulers", |g, _| {
        g.slices = true;
        Ok(())
    }),
    switch("layer-dump", "Adds a header (and Rust functions) that hands every layer's output to a callback; includes --slices", |g, _| {
        g.layer_dump = true;
        Ok(())
    }),
];

/// Names of all targets.
fn targets() -> Vec<&'static str> {
    std::iter::once("host").chain(mcompc_target::names()).collect()
}
