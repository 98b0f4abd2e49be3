//! From a model to an object, stage by stage. Each stage is a function whose result holds every intermediate graph, so that tests,
//! benches and tools enter and leave where they like: [`front`] -> [`quantize`] -> [`build`].

use crate::firmware::Firmware;
use crate::progress::{Progress, timed};
use crate::request::Request;
use mcompc_backend::Job;
use mcompc_compress::{Coded, Scheme};
use mcompc_data::{Input, Sample};
use mcompc_integerize::{Accumulator, Integerized};
use mcompc_interp::FastExec;
use mcompc_ir::{Code, Error, Graph, Result, Tensor, ValueId};
use mcompc_kernel::{Data, Frames, Machine, Module};
use mcompc_lower::Lowered;
use mcompc_onnx::ImportOptions;
use mcompc_passes::PassReport;
use mcompc_report::{Allocation, Spread};
use mcompc_target::{Backend, Target};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Version of the compiler, as in headers and reports.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The float side of a model.
#[derive(Clone, Debug)]
pub struct Front {
    /// As imported: ONNX's operators and layout.
    pub imported: Graph,
    /// After the passes: canonical, fused, channels-last.
    pub canonical: Graph,
    /// What the passes did.
    pub passes: Vec<PassReport>,
    /// SHA-256 of the model file, hexadecimal.
    pub sha256: String,
    /// Graph inputs with the raw form of their data, in ONNX order.
    pub inputs: Vec<Input>,
    /// Samples of a sequence, at whose end states start anew.
    pub sequence: Option<usize>,
}

/// The integer side.
#[derive(Clone, Debug, Default)]
pub struct Quantized {
    /// Integers and dyadic rescales only.
    pub graph: Graph,
    /// Calibration samples used; 0 without data.
    pub samples: usize,
    /// SHA-256 of the data file, hexadecimal; absent without data.
    pub data_sha256: Option<String>,
    /// What was decided of the integers, and makes them again.
    pub scheme: Scheme,
    /// Float operators on values that are rounded to codes; what `graph` was made from.
    pub coded: Graph,
    /// Value of `graph` -> the value of the canonical float graph that it stands for.
    pub origin: BTreeMap<ValueId, ValueId>,
    /// What became of the layers with weights.
    pub notes: Vec<LayerNote>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// How the values of the canonical float graph were spread in calibration.
    pub spreads: BTreeMap<ValueId, Spread>,
    /// How bits were chosen layer by layer, where they were.
    pub allocation: Option<Allocation>,
}

/// What became of a layer with weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerNote {
    /// Its weights.
    pub weights: mcompc_compress::LayerNote,
    /// Its sums.
    pub sums: Accumulator,
}

/// The native side.
#[derive(Clone, Debug)]
pub struct Built {
    /// Kernels, memory plan, layers.
    pub lowered: Lowered,
    /// Relocatable object for the target.
    pub object: Vec<u8>,
    /// Stack bytes that a call of the entry function takes below the caller's stack pointer, at most.
    pub stack_bytes: u64,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Float side.
    pub front: Front,
    /// Integer side.
    pub quantized: Quantized,
    /// Native side.
    pub built: Built,
}

/// Values of the integer graph and those of the float graph that they stand for.
pub(crate) fn origin(integers: &Integerized, coded: &Coded) -> BTreeMap<ValueId, ValueId> {
    integers.origin.iter().filter_map(|(v, c)| Some((*v, *coded.origin.get(c)?))).collect()
}

/// Reads the model and brings it into canonical form.
///
/// # Errors
/// Those of the importer (E0xx, E1xx, E2xx) and of the passes.
pub fn front(o: &Request, progress: &dyn Progress) -> Result<Front> {
    let (mut imported, sha256) = timed(progress, "reading the model", || Ok::<_, Error>((import(o)?, hash_file(&o.model)?)))?;
    crate::states::tie(o, &mut imported)?;
    let inputs = Input::of_graph(&imported, &o.inputs)?;
    let mut canonical = imported.clone();
    let passes = timed(progress, "simplifying the graph", || {
        let mut times: BTreeMap<&'static str, Duration> = BTreeMap::new();
        let mut since = Instant::now();
        let reports = mcompc_passes::run_pipeline_seen(&mut canonical, &mut |pass, _, _| {
            *times.entry(pass.name).or_default() += since.elapsed();
            since = Instant::now();
        })?;
        for r in &reports {
            progress.took(r.name, times.get(r.name).copied().unwrap_or_default());
        }
        Ok::<_, Error>(reports)
    })?;
    crate::states::supported(&canonical)?;
    Ok(Front { imported, canonical, passes, sha256, inputs, sequence: o.states.sequence })
}

fn import(o: &Request) -> Result<Graph> {
    mcompc_onnx::import(&o.model, &ImportOptions { dims: o.dims.clone(), cut: o.cut.clone(), ..Default::default() })
}

/// The files beside the model that hold its external data.
///
/// # Errors
/// Those of a model that cannot be read.
pub fn external_files(o: &Request) -> Result<BTreeSet<PathBuf>> {
    mcompc_onnx::external_files(&o.model, &ImportOptions::default().limits)
}

/// The text of the graph after every pass that changed something, round by round.
///
/// # Errors
/// Those of [`front`].
pub fn trace_passes(o: &Request, progress: &dyn Progress) -> Result<String> {
    let mut graph = timed(progress, "reading the model", || import(o))?;
    let mut text = String::new();
    mcompc_passes::run_pipeline_seen(&mut graph, &mut |pass, changes, g| {
        if changes > 0 {
            let _ = write!(text, "; {}: {changes}\n{}\n", pass.name, mcompc_ir::print_short(g));
        }
    })?;
    Ok(text)
}

/// SHA-256 of a file, hexadecimal.
pub(crate) fn hash_file(path: &Path) -> Result<String> {
    let io = |e: std::io::Error| Error::new(Code::Io, format!("cannot read `{}`: {e}", path.display()));
    let mut file = File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buf = vec![0; 1 << 16];
    loop {
        match file.read(&mut buf).map_err(io)? {
            0 => return Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect()),
            n => hash.update(&buf[..n]),
        }
    }
}

/// Real-valued inputs of the float graph for a raw sample, flat.
///
/// # Errors
/// E205 if the sample does not fit the inputs.
pub fn reals(front: &Front, sample: &Sample) -> Result<Vec<Vec<f32>>> {
    front.inputs.iter().zip(&sample.inputs).map(|(i, t)| i.reals(t)).collect()
}

/// Inputs of one inference: reals of the float graph's, codes of the integer graph's.
pub type Step = (Vec<Vec<f32>>, Vec<Tensor>);

/// Outputs of the float model for its inputs, flat, in order; computed side by side.
///
/// # Errors
/// E205 if inputs do not fit.
pub fn float_outputs(fast: &FastExec, inputs: &[Step]) -> Result<Vec<Vec<Vec<f32>>>> {
    let one = |scratch: &mut mcompc_interp::Scratch, (x, _): &Step| {
        let x: Vec<&[f32]> = x.iter().map(Vec::as_slice).collect();
        fast.run(scratch, &x, |_, _| {})
    };
    inputs.par_iter().map_init(|| fast.scratch(), one).collect()
}

/// Inputs of the integer graph, and so of native code, for a raw sample.
///
/// # Errors
/// E205 if the sample does not fit the inputs.
pub fn codes(front: &Front, integer: &Graph, sample: &Sample) -> Result<Vec<Tensor>> {
    let values = integer.inputs.iter().map(|&n| integer.value(integer.out(n)));
    front.inputs.iter().zip(&sample.inputs).zip(values).map(|((i, t), v)| i.codes(t, v)).collect()
}

/// Lowers the integer graph for a target and generates code; `name` prefixes the symbols.
///
/// # Errors
/// E503 where the back end is not there, E504 where it refuses or comes to a bad end, E301 for a kernel whose accesses are not proven to be in bounds.
pub fn build(
    name: &str,
    sha256: &str,
    graph: &Graph,
    (target, backend): (&Target, Backend),
    firmware: &Firmware,
    progress: &dyn Progress,
) -> Result<Built> {
    let machine = target.machine(backend)?;
    let mut lowered = timed(progress, "making kernels", || lowered(name, graph, &machine, (target, backend), firmware))?;
    lowered.module.data.push(info(name, target, sha256));
    translate(lowered, (target, backend), firmware, &[], progress)
}

/// What the object says of itself.
pub(crate) fn info(name: &str, target: &Target, sha256: &str) -> Data {
    let text = format!("mcompc {VERSION}; target {}; model sha256 {sha256}\0", target.name);
    Data { name: format!("{name}_info"), bytes: text.into_bytes(), align: 1, weights: false, export: true }
}

/// Kernels of the integer graph for a machine of a target, with weights stored as `firmware` says; `name` prefixes the symbols.
pub(crate) fn lowered(
    name: &str,
    graph: &Graph,
    machine: &Machine,
    (target, backend): (&Target, Backend),
    firmware: &Firmware,
) -> Result<Lowered> {
    let mut options = mcompc_lower::Options { name: name.into(), slices: firmware.slices, weights: firmware.weights, ..Default::default() };
    if let Some(only) = &firmware.only {
        let layers = graph.ids().into_iter().map(|id| graph.out(id));
        options.spared = layers.filter(|v| !only.contains(v)).collect();
    } else if let Some(share) = firmware.decoding {
        options.spared = crate::decoding::spared(graph, (target, backend), &options, share)?;
    }
    mcompc_lower::lower(graph, machine, &options)
}

/// Code for kernels, once their accesses are proven to be in bounds; `elsewhere` names data that another object has.
pub(crate) fn translate(
    lowered: Lowered,
    (target, backend): (&Target, Backend),
    firmware: &Firmware,
    elsewhere: &[String],
    progress: &dyn Progress,
) -> Result<Built> {
    timed(progress, "proving the bounds", || mcompc_kernel::verify(&lowered.module)?.complete())?;
    let job = Job { target, backend, weights_section: firmware.weights_section.as_deref(), elsewhere };
    let (object, frames) =
        timed(progress, "generating code", || mcompc_backend::compile(&lowered.module, &job)).map_err(|e| at_layer(e, &lowered))?;
    let stack_bytes = mcompc_kernel::stack_bytes(&lowered.module, &frames)?;
    Ok(Built { lowered, object, stack_bytes })
}

/// `firmware` with coded weights in the layers of the canonical graph `g` to which the scheme gives a step, and nowhere else, where it was `chosen` what is coded
/// or the scheme gives any. `origin` is that of [`Quantized`].
///
/// # Errors
/// A cycle.
pub fn storage(firmware: &Firmware, (g, origin): (&Graph, &BTreeMap<ValueId, ValueId>), scheme: &Scheme, chosen: bool) -> Result<Firmware> {
    let stepped: BTreeSet<&str> = scheme.layers.iter().filter(|l| l.step.is_some()).map(|l| l.layer.as_str()).collect();
    let coded = mcompc_compress::layers(g)?.into_iter().filter(|(_, name)| stepped.contains(name.as_str()));
    let results: BTreeSet<ValueId> = coded.map(|(id, _)| g.out(id)).collect();
    let only = origin.iter().filter(|(_, of)| results.contains(of)).map(|(v, _)| *v).collect();
    Ok(Firmware { only: (chosen || !stepped.is_empty()).then_some(only), ..firmware.clone() })
}

/// Code for a module, and the stack bytes each function takes for itself.
pub(crate) fn object(module: &Module, (target, backend): (&Target, Backend), firmware: &Firmware) -> Result<(Vec<u8>, Frames)> {
    mcompc_backend::compile(module, &Job { target, backend, weights_section: firmware.weights_section.as_deref(), elsewhere: &[] })
}

/// A back end knows kernels; the user knows the layer.
fn at_layer(mut e: Error, lowered: &Lowered) -> Error {
    if let Some(kernel) = e.node.take() {
        if !e.message.contains(&kernel) {
            e.message.push_str(&format!(", in kernel `{kernel}`"));
        }
        let layer = lowered.layers.iter().find(|l| l.kernel == kernel);
        e.node = Some(layer.map_or(kernel, |l| l.name.clone()));
    }
    e
}
