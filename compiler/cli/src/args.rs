//! The command line as data.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Ahead-of-time compiler: a trained ONNX model in, a small integer-only native library out.
///
/// `mcompc MODEL ...` is short for `mcompc compile MODEL ...`.
#[derive(Debug, Parser)]
#[command(name = "mcompc", version, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compiles a model and writes the library, its header, a Rust crate and the report
    Compile(Compile),
    /// Shows what a model would cost and what each layer becomes; writes nothing
    Plan(Plan),
    /// Runs native code and compares it with the integer reference (every byte) and with the float model
    Verify(Verify),
    /// Measures native code: instructions by layer under a counting emulator, time on this computer, stack, flash, RAM
    Bench(Bench),
    /// Lists the targets
    Targets(Json),
    /// Explains an error code, such as E201
    Explain(Explain),
    /// Tools for the compiler's own development
    #[command(subcommand)]
    Dev(Dev),
}

/// What every command that compiles takes.
#[derive(Clone, Debug, Args)]
pub struct Build {
    /// ONNX model
    pub model: PathBuf,
    /// CPU to compile for; see `mcompc targets`
    #[arg(long, value_name = "T", default_value = "host")]
    pub target: String,
    /// Optimisation level: int8, or int4 (weights of four bits by rounding to nearest, activations of eight)
    #[arg(short = 'O', value_name = "LEVEL", default_value = "int8")]
    pub level: String,
    /// Calibration data (.npz, or .npy for one input): arrays by the inputs' names, samples on axis 0
    #[arg(long, value_name = "FILE")]
    pub calib: Option<PathBuf>,
    /// Raw form of an input, in which calibration data come and the device calls: NAME=u8,scale=S,offset=O means
    /// real = S * (raw - O); S and O are numbers or [a;b;c], one per channel
    #[arg(long = "input", value_name = "NAME=DTYPE[,scale=S][,offset=O]")]
    pub inputs: Vec<String>,
    /// Size of a symbolic dimension
    #[arg(long = "dim", value_name = "NAME=SIZE")]
    pub dims: Vec<String>,
    /// Prefix of all symbols and file names [default: the model file's stem]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// int4: a small multiplier for every N weights of an output channel in a row; a multiple of 32 [default: none]
    #[arg(long, value_name = "N")]
    pub group: Option<usize>,
    /// int4: first and last layer too, which otherwise keep eight bits
    #[arg(long)]
    pub int4_all: bool,
    /// int4: bits of the layers so called, 4 or 8; `*` stands for any characters, the last flag that fits counts
    #[arg(long = "bits", value_name = "LAYER=BITS")]
    pub bits: Vec<String>,
    /// What is decided of the integers (codes of every value, bits and method of every layer), from a file that --scheme-out wrote; with
    /// the same calibration data the result is the same
    #[arg(long, value_name = "FILE", conflicts_with_all = ["level", "group", "int4_all", "bits", "range"])]
    pub scheme: Option<PathBuf>,
    /// How activation ranges follow from the calibration data
    #[arg(long, value_enum, default_value_t = Range::Mse)]
    pub range: Range,
    /// Code generator [default: mlir where it is built in, else the one of the target]
    #[arg(long, value_enum)]
    pub backend: Option<BackendArg>,
    /// What firmware asks of the object.
    #[command(flatten)]
    pub firmware: Firmware,
    /// Machine-readable output on stdout
    #[arg(long)]
    pub json: bool,
}

/// What firmware asks of the object; nothing of it changes a result.
#[derive(Clone, Debug, Default, Args)]
pub struct Firmware {
    /// Section of the weights, for a linker script that places them; read-only data by default. For Mach-O: SEGMENT,section
    #[arg(long, value_name = "NAME")]
    pub weights_section: Option<String>,
    /// Adds an entry that runs one layer a call, for watchdogs and schedulers
    #[arg(long)]
    pub slices: bool,
    /// Adds a header (and Rust functions) that hands every layer's output to a callback; includes --slices
    #[arg(long)]
    pub layer_dump: bool,
}

/// `mcompc compile`.
#[derive(Debug, Args)]
pub struct Compile {
    /// Model and options.
    #[command(flatten)]
    pub build: Build,
    /// Folder to write; replaced as a whole if mcompc wrote it
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Writes what was decided of the integers to a text file, which can be changed and given to --scheme
    #[arg(long, value_name = "FILE")]
    pub scheme_out: Option<PathBuf>,
    /// Replace the output folder whatever it holds
    #[arg(long)]
    pub force: bool,
    /// Refuse to write a library that loses more on the calibration samples: N points of top-1 agreement with the float model for
    /// classifiers, else N percent of the output's variance as squared error; top1:N or error:N chooses, none allows anything
    /// [default: 5 or 10 for int4, none for int8]
    #[arg(long, value_name = "[top1:|error:]N")]
    pub max_loss: Option<String>,
}

/// `mcompc plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Model and options.
    #[command(flatten)]
    pub build: Build,
    /// Writes what was decided of the integers to a text file, which can be changed and given to --scheme
    #[arg(long, value_name = "FILE")]
    pub scheme_out: Option<PathBuf>,
}

/// `mcompc verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Model and options.
    #[command(flatten)]
    pub build: Build,
    /// Samples to run, in the form of --calib; labels, where there are any, as array `y` [default: the calibration data]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Run at most this many samples
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Compare every sample with the by-the-book interpreter, not only the first 16 (slow)
    #[arg(long)]
    pub by_the_book: bool,
    /// Fail if the samples lose more than this, as for `compile` [default: none]
    #[arg(long, value_name = "[top1:|error:]N")]
    pub max_loss: Option<String>,
}

/// `mcompc bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// Model and options.
    #[command(flatten)]
    pub build: Build,
    /// Samples to run, in the form of --calib [default: the calibration data, or random inputs]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Inferences to count [default: 4]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// QEMU's counting plug-in [default: MCOMPC_QEMU_COUNT, or beside the executable, where Cargo builds it]
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
}

/// A command without arguments of its own.
#[derive(Debug, Args)]
pub struct Json {
    /// Machine-readable output on stdout
    #[arg(long)]
    pub json: bool,
}

/// `mcompc explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Error code
    pub code: String,
    /// Machine-readable output on stdout
    #[arg(long)]
    pub json: bool,
}

/// `mcompc dev`.
#[derive(Debug, Subcommand)]
pub enum Dev {
    /// Prints a model at one stage of the way through the compiler, in its text form
    Show {
        /// Which one
        #[arg(value_enum)]
        stage: Stage,
        /// Model and options.
        #[command(flatten)]
        build: Build,
    },
    /// Measures generated layers on a target and fits its cost tables
    Cost {
        /// Which target
        #[arg(long, value_name = "T", default_value = "host")]
        target: String,
        /// QEMU's counting plug-in [default: as for bench]
        #[arg(long, value_name = "FILE")]
        plugin: Option<PathBuf>,
        /// As JSON: the two files' names and texts
        #[arg(long)]
        json: bool,
    },
    /// Prints a generated document
    Docs {
        /// Which one
        #[arg(value_enum)]
        which: Docs,
        /// As a JSON string
        #[arg(long)]
        json: bool,
    },
}

/// Stages of the way through the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// As read from the file
    Imported,
    /// After the passes
    Canonical,
    /// Integers only
    Integer,
    /// Kernels for the target
    Kernel,
}

/// Generated documents.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Docs {
    /// docs/errors.md
    Errors,
    /// docs/ops.md
    Ops,
    /// docs/targets.md
    Targets,
    /// docs/flags.md
    Flags,
}

/// `--range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Range {
    /// Smallest and largest value seen
    Minmax,
    /// Clips the outermost values
    Percentile,
    /// Least squared error of the rounded histogram
    Mse,
}

/// `--backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendArg {
    /// Always built in; x86-64, aarch64, riscv64
    Cranelift,
    /// LLVM 22; every target; the default of a build with `--features mlir`
    Mlir,
    /// Always built in; microcontrollers: Thumb and RV32
    Small,
}

/// Puts `compile` before arguments that name no command.
pub fn with_default_command(args: impl Iterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    const WORDS: &[&str] = &["compile", "plan", "verify", "bench", "targets", "explain", "dev", "help", "-h", "--help", "-V", "--version"];
    let mut args: Vec<_> = args.collect();
    if args.get(1).is_some_and(|a| !WORDS.iter().any(|w| a == w)) {
        args.insert(1, "compile".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_consistent_and_every_command_is_known() {
        Cli::command().debug_assert();
        for c in Cli::command().get_subcommands() {
            let args = ["mcompc", c.get_name()].map(Into::into);
            assert_eq!(with_default_command(args.clone().into_iter()), args);
        }
        let short = ["mcompc", "--target", "host", "m.onnx"].map(Into::into);
        assert_eq!(with_default_command(short.into_iter())[1], "compile");
    }
}
