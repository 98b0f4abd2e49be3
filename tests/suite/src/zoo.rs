//! Public models with their reference inputs, quantized; the digits model of this repository stands in where the zoo is missing.

use crate::Random;
use mcompc_compress::{ActBits, WeightBits};
use mcompc_data::{Dataset, InputSpec};
use mcompc_driver::{self as driver, Compiled, Front, Quantized, Request, Silent};
use mcompc_ir::{Code, Error, Result, Tensor};
use mcompc_target::{Backend, Target};
use std::path::{Path, PathBuf};

/// A model of the tests: its file in the zoo and the raw form of its input.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Path below the zoo, or below `models/` for the repository's own.
    pub file: &'static str,
    /// The `--input` flag.
    pub input: &'static str,
}

/// The models that every executor must agree on.
pub const MODELS: &[Model] = &[
    Model { file: "digits/digits.onnx", input: "pixels=u8,scale=1,offset=0" },
    Model { file: "ad_autoencoder/ad_fp32.onnx", input: "input_1=f32" },
    Model { file: "kws_dscnn/kws_fp32.onnx", input: "input_1=i8,scale=0.5847029,offset=83" },
    Model { file: "ic_resnet8/ic_fp32.onnx", input: "input_1=u8,scale=1,offset=0" },
    Model { file: "vww_mbv1_025/vww_fp32.onnx", input: "input_1=u8,scale=0.003921568627,offset=0" },
    Model { file: "mnist_cnn/mnist8.onnx", input: "Input3=u8,scale=1,offset=0" },
    Model { file: "mobilenet_v1_025_128/mbv1_025_fp32.onnx", input: "input=u8,scale=0.0078125,offset=128" },
    Model { file: "mobilenet_v2_224/mbv2_fp32.onnx", input: "input=u8,scale=0.0078125,offset=128" },
];

/// Small nets of this repository with what the public models do not hold.
pub const RARE: &[Model] = &[
    Model { file: "squeeze_excite.onnx", input: "x=f32" },
    Model { file: "branches.onnx", input: "x=f32" },
    Model { file: "odds_and_ends.onnx", input: "x=f32" },
];

impl Model {
    /// Its file, or `None` (said loudly) where the zoo is missing.
    pub fn path(&self) -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for own in [root.join("models"), root.join("tests/suite/models")] {
            if own.join(self.file).is_file() {
                return Some(own.join(self.file));
            }
        }
        let zoo = std::env::var_os("MCOMPC_ZOO").map_or_else(|| root.join("../shared/zoo"), PathBuf::from);
        let p = zoo.join(self.file);
        if !p.is_file() {
            mcompc_emu::not_run(&format!("{} is missing: set MCOMPC_ZOO to the model zoo", p.display()));
            return None;
        }
        Some(p)
    }

    /// Name for messages.
    pub fn name(&self) -> &'static str {
        self.file.rsplit('/').next().unwrap_or(self.file)
    }
}

/// A model in integers, with inputs in codes.
pub struct Prepared {
    /// How it was made; another target may be put in.
    pub options: Request,
    /// The float side.
    pub front: Front,
    /// The integer side.
    pub quantized: Quantized,
    /// Input codes: the reference samples, then random ones.
    pub inputs: Vec<Vec<Tensor>>,
}

/// Imports, calibrates on the reference samples where there are some, quantizes.
///
/// # Errors
/// Those of the stages.
pub fn prepare(m: &Model, path: &Path, random: usize) -> Result<Prepared> {
    prepare_with(m, path, random, WeightBits::default())
}

/// As [`prepare`], with weights of other widths.
///
/// # Errors
/// Those of the stages.
pub fn prepare_with(m: &Model, path: &Path, random: usize, weights: WeightBits) -> Result<Prepared> {
    prepare_at(m, path, random, (weights, ActBits::default()))
}

/// As [`prepare`], with such weights and activations.
///
/// # Errors
/// As there.
pub fn prepare_at(m: &Model, path: &Path, random: usize, (weights, acts): (WeightBits, ActBits)) -> Result<Prepared> {
    let spec = InputSpec::parse(m.input)?;
    let dir = tempfile::tempdir().map_err(io)?;
    let reference = path.with_extension("ref.npz");
    let calib = if reference.is_file() { raw_copy(&reference, &spec, dir.path())? } else { path.with_extension("calib.npz") };
    let target = Target::by_name("x86_64")?;
    let o = Request {
        model: path.into(),
        command: None,
        target,
        backend: Backend::Cranelift,
        name: "model".into(),
        calib: Some(calib.clone()),
        inputs: vec![spec],
        dims: vec![],
        cut: Default::default(),
        states: Default::default(),
        range: mcompc_compress::RangeMethod::Mse,
        firmware: Default::default(),
        weights,
        acts,
        scheme: None,
        ask: None,
    };
    let front = driver::front(&o, &Silent)?;
    let quantized = driver::quantize(&o, &front, &Silent)?;
    let data = Dataset::open(&calib)?;
    let mut inputs = Vec::new();
    for s in data.samples(&front.inputs)?.take(8) {
        inputs.push(driver::codes(&front, &quantized.graph, &s?)?);
    }
    let mut r = Random(99);
    for _ in 0..random {
        let seed = r.next(0, i64::MAX / 2) as u64;
        inputs.push(crate::inputs_for(&quantized.graph, seed)?);
    }
    Ok(Prepared { options: o, front, quantized, inputs })
}

impl Prepared {
    /// The model compiled for a target, with the options it was compiled by.
    ///
    /// # Errors
    /// Those of the code generator.
    pub fn compiled(&self, target: &Target, backend: Backend) -> Result<(Request, Compiled)> {
        let o = Request { target: target.clone(), backend, ..self.options.clone() };
        let built = driver::build(&o.name, &self.front.sha256, &self.quantized.graph, (target, backend), &o.firmware, &Silent)?;
        Ok((o, Compiled { front: self.front.clone(), quantized: self.quantized.clone(), built }))
    }
}

fn io(e: impl std::fmt::Display) -> Error {
    Error::new(Code::Io, e.to_string())
}

// The reference inputs in the raw form of `spec`, as a data file.
fn raw_copy(reference: &Path, spec: &InputSpec, dir: &Path) -> Result<PathBuf> {
    let out = dir.join("calib.npz");
    let mut archive = npyz::npz::NpzArchive::open(reference).map_err(io)?;
    let array = archive.by_name(&format!("in.{}", spec.name)).map_err(io)?.ok_or_else(|| io(format!("no array in.{}", spec.name)))?;
    let shape = array.shape().to_vec();
    let data: Vec<f32> = array.into_vec().map_err(io)?;
    let (scale, offset) = (spec.scale[0], spec.offset[0]);
    let raw: Vec<f64> = data.iter().map(|&v| f64::from(v) / scale + offset).collect();
    let mut npz = npyz::npz::NpzWriter::create(&out).map_err(io)?;
    macro_rules! write {
        ($t:ty, $f:expr) => {{
            use npyz::WriterBuilder;
            let mut w =
                npz.array::<$t>(&spec.name, Default::default()).map_err(io)?.default_dtype().shape(&shape).begin_nd().map_err(io)?;
            w.extend(raw.iter().map($f)).map_err(io)?;
            w.finish().map_err(io)?;
        }};
    }
    match spec.dtype {
        mcompc_ir::DType::U8 => write!(u8, |v| v.round() as u8),
        mcompc_ir::DType::I8 => write!(i8, |v| v.round() as i8),
        _ => write!(f32, |v| *v as f32),
    }
    drop(npz);
    Ok(out)
}
