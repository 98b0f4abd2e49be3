//! Measures generated layers and fits a target's prices to them.

use crate::bench::measure;
use crate::firmware::Firmware;
use crate::inputs::random;
use crate::progress::{Progress, Silent};
use crate::specimens::{SPECIMENS, Specimen, graph};
use crate::stages::build;
use crate::verify::Native;
use mcompc_cost::{Fit, Unit, Work, fit, work};
use mcompc_emu::missing;
use mcompc_ir::Result;
use mcompc_target::{Backend, Target};
use std::path::Path;

/// What one back end's kernels cost on a target.
#[derive(Clone, Debug)]
pub struct Table {
    /// The back end.
    pub backend: Backend,
    /// Instructions, or time where nothing counts them.
    pub unit: Unit,
    /// What was measured.
    pub samples: Vec<Sample>,
    /// Prices fitted to it, and the relative error of their forecast for each sample.
    pub fit: Fit,
}

/// One measured layer.
#[derive(Clone, Debug)]
pub struct Sample {
    /// In words.
    pub layer: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Work of its kernel.
    pub work: Work,
    /// Measured cost of an inference, in the table's unit.
    pub cost: f64,
}

/// Layers measured in one program.
const GROUP: usize = 10;

/// Measures every back end that the target has and this build holds.
///
/// # Errors
/// E505 where nothing here runs the target, E503 without the MLIR back end.
pub fn tables(target: &Target, plugin: Option<&Path>, progress: &dyn Progress) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for backend in Backend::ALL {
        if target.machine(backend).is_err() {
            continue;
        }
        progress.begin(backend.name(), Some(SPECIMENS.len() as u64));
        // Without an emulator there is time, on a computer that runs the target.
        let emulated = target.qemu.is_some() && missing(&target.name).is_none();
        let samples = if emulated { counted(target, backend, plugin, progress) } else { timed(target, backend, progress) };
        progress.end();
        let samples = samples?;
        let unit = if emulated { Unit::Instructions } else { Unit::Nanoseconds };
        let pairs: Vec<(Work, f64)> = samples.iter().map(|s| (s.work, s.cost)).collect();
        tables.push(Table { backend, unit, fit: fit(unit, &pairs), samples });
    }
    Ok(tables)
}

/// Hash in the information string of objects that come from no file.
const NO_FILE: &str = "none";

fn counted(target: &Target, backend: Backend, plugin: Option<&Path>, progress: &dyn Progress) -> Result<Vec<Sample>> {
    let vector = usize::from(target.machine(backend)?.vector_bytes);
    let mut samples = Vec::new();
    for group in SPECIMENS.chunks(GROUP) {
        let g = graph(group)?;
        let built = build("layers", NO_FILE, &g, (target, backend), &Firmware::default(), &Silent)?;
        let m = measure(target, &built, &g, &random(&g, 1)?, plugin)?;
        for l in m.instructions.map(|c| c.layers).unwrap_or_default() {
            let work = work(&built.lowered.module, &l.kernel, vector)?;
            samples.push(Sample { layer: l.name, macs: l.macs, work, cost: l.instructions });
        }
        progress.step(group.len() as u64);
    }
    Ok(samples)
}

fn timed(target: &Target, backend: Backend, progress: &dyn Progress) -> Result<Vec<Sample>> {
    if !target.runs_here() {
        let e = missing(&target.name).unwrap_or_else(|| mcompc_emu::Error::UnknownMachine(target.name.clone()));
        return Err(crate::verify::emulate::error(target, &e));
    }
    let vector = usize::from(target.machine(backend)?.vector_bytes);
    let one = |layer: &Specimen| {
        let g = graph(std::slice::from_ref(layer))?;
        let built = build("layers", NO_FILE, &g, (target, backend), &Firmware::default(), &Silent)?;
        let time = Native::new(&built, &g)?.time(&random(&g, 1)?[0])?;
        progress.step(1);
        let l = &built.lowered.layers[0];
        let work = work(&built.lowered.module, &l.kernel, vector)?;
        // The fastest round: what disturbs a round only makes it longer.
        Ok(Sample { layer: l.name.clone(), macs: l.macs, work, cost: time.least_ns })
    };
    SPECIMENS.iter().map(one).collect()
}
