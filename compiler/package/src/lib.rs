//! The output folder: `lib<name>.a`, `<name>.h`, a Rust crate in `rust/`, `report.json` and `report.html`.
//!
//! [`render`] turns a [`PackageInput`] into files in memory, a pure function of its argument: no path, no time, no environment.
//! [`write_dir`] puts them on disk as a whole or not at all.
#![forbid(unsafe_code)]

mod archive;
mod cpu;
mod forms;
mod header;
mod layers;
mod names;
mod rust;
mod slices;
mod states;
mod text;
mod write;

pub use archive::{archive, archive_of};
pub use cpu::feature_masks;
pub use forms::{CMAKE, FORMS, Form, cmake_version, on_demand, suit};
pub use layers::{LayerSpec, Place};
pub use names::{Names, TensorNames, prefix};
pub use rust::module_of as rust_module;
pub use states::StateSpec;
pub use write::{check_out_dir, write_dir};

use mcompc_ir::{DType, Quant, Result};

/// Version of the binary interface: entry function, meaning of its arguments and of its result.
pub const ABI_VERSION: u32 = 1;

/// An input or output of the entry function.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// ONNX name.
    pub name: String,
    /// Element type at the interface.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// What its codes stand for, as a whole or along one axis; absent for tensors whose integers are counts or indices.
    pub quant: Option<Quant>,
}

impl TensorSpec {
    /// Number of elements.
    pub fn elems(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Everything the output folder is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageInput {
    /// Symbol prefix, an identifier (see [`prefix`]); the object exports `<name>_run`.
    pub name: String,
    /// Target name, for comments and reports.
    pub target: String,
    /// Rust's `target_arch` of the object, checked by the crate's build script.
    pub arch: String,
    /// Names of the targets among which the library chooses when it runs, best first; empty for a library for one.
    pub variants: Vec<String>,
    /// What the CPU must have beyond the architecture's first, by the names of `targets/<name>/target.toml`.
    pub requires: Vec<String>,
    /// Rust's `target_os`, checked too, where the object is for one system only.
    pub os: Option<String>,
    /// Relocatable object.
    pub object: Vec<u8>,
    /// In the order of the entry function's parameters.
    pub inputs: Vec<TensorSpec>,
    /// In the order of the entry function's parameters.
    pub outputs: Vec<TensorSpec>,
    /// Inputs that are given what an output was.
    pub states: Vec<StateSpec>,
    /// Working memory in bytes.
    pub arena_bytes: usize,
    /// Its alignment, a power of two up to 128.
    pub arena_align: usize,
    /// What the object takes in flash and on the stack.
    pub sizes: Sizes,
    /// Steps of the object's `<name>_run_slice`; 0 where it has none.
    pub slices: usize,
    /// Whether weights are entropy-coded: the entry function then returns -2 where their check differs.
    pub coded: bool,
    /// Layers of the layer dump, which needs slices; none without it.
    pub layers: Vec<LayerSpec>,
    /// SHA-256 of the ONNX file in hexadecimal.
    pub model_hash: String,
    /// Names of forms beside those that every output has.
    pub forms: Vec<&'static str>,
    /// Compiler version.
    pub version: String,
    /// Contents of `report.json`; must be an object with `"generator": "mcompc"`, by which the folder is recognised later.
    pub report_json: String,
    /// Contents of `report.html`.
    pub report_html: String,
}

/// Bytes in flash and on the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Machine code, with the constants among it.
    pub code: u64,
    /// Biases, multipliers, look-up tables, strings.
    pub tables: u64,
    /// Weights.
    pub weights: u64,
    /// Stack of the deepest call, where it is known.
    pub stack: Option<u64>,
}

impl Sizes {
    /// All of flash.
    pub fn flash(&self) -> u64 {
        self.code + self.tables + self.weights
    }
}

/// A file of the output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative path with `/`.
    pub path: String,
    /// Contents.
    pub bytes: Vec<u8>,
}

impl File {
    /// A file.
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }
}

/// The header alone.
pub fn c_header(p: &PackageInput) -> String {
    header::header(p, &Names::new(&p.name, &p.inputs, &p.outputs))
}

/// The report alone, by which an output folder is recognised later.
pub fn report_files(p: &PackageInput) -> Vec<File> {
    vec![File::new("report.json", p.report_json.clone()), File::new("report.html", p.report_html.clone())]
}

/// All files in a fixed order. An error (E009) only if the object or the alignment is not what a back end may give.
pub fn render(p: &PackageInput) -> Result<Vec<File>> {
    let names = Names::new(&p.name, &p.inputs, &p.outputs);
    let wanted = FORMS.iter().filter(|f| f.always || p.forms.contains(&f.name));
    Ok(wanted.map(|f| (f.files)(p, &names)).collect::<Result<Vec<_>>>()?.concat())
}
