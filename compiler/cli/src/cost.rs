//! Measures generated layers and fits a target's cost tables to them.

use crate::bench::{measure, random};
use crate::driver::{Firmware, backend_name, build};
use crate::layers::{LAYERS, Layer, graph};
use crate::progress::Progress;
use crate::verify::Native;
use mcompc_cost::{Unit, Work, fit, table_toml, work};
use mcompc_emu::missing;
use mcompc_ir::Result;
use mcompc_target::{Backend, Target};
use std::fmt::Write;
use std::path::Path;

/// Text of both files of a target.
pub struct Tables {
    /// `cost.txt`: what was measured.
    pub txt: String,
    /// `cost.toml`: the fit.
    pub toml: String,
}

/// One measured layer.
struct Sample {
    layer: String,
    macs: u64,
    work: Work,
    cost: f64,
}

/// Layers measured in one program.
const GROUP: usize = 10;

/// Measures every back end that the target has and this build holds.
///
/// # Errors
/// E505 where nothing here runs the target, E503 without the MLIR back end.
pub fn tables(target: &Target, plugin: Option<&Path>, progress: &dyn Progress) -> Result<Tables> {
    let command = format!("cargo xtask cost --target {}", target.name);
    let mut txt = format!("# Layers on {}: measured by `{command}`, and what the fit in cost.toml makes of them.\n", target.name);
    let mut toml = format!("# Written by `{command}`: prices by class of operation (compiler/cost), fitted to cost.txt.\n");
    for backend in Backend::ALL {
        if target.machine(backend).is_err() {
            continue;
        }
        progress.begin(backend_name(backend), Some(LAYERS.len() as u64));
        // Without an emulator there is time, on a computer that runs the target.
        let emulated = target.qemu.is_some() && missing(&target.name).is_none();
        let samples = if emulated { counted(target, backend, plugin, progress) } else { timed(target, backend, progress) };
        progress.end();
        let samples = samples?;
        let unit = if emulated { Unit::Instructions } else { Unit::Nanoseconds };
        let pairs: Vec<(Work, f64)> = samples.iter().map(|s| (s.work, s.cost)).collect();
        let found = fit(unit, &pairs);
        let heads = ["layer", "MACs", unit.name(), "a MAC", "forecast", "error"].map(String::from);
        let mut rows = vec![heads];
        for (s, e) in samples.iter().zip(&found.errors) {
            let per = if s.macs > 0 { format!("{:.3}", s.cost / s.macs as f64) } else { String::new() };
            let forecast = format!("{:.0}", s.cost * (1.0 + e));
            rows.push([s.layer.clone(), s.macs.to_string(), format!("{:.0}", s.cost), per, forecast, format!("{:+.1} %", 100.0 * e)]);
        }
        let mean = 100.0 * found.prices.mean_error;
        let _ = write!(txt, "\n{}, mean error {mean:.1} %\n\n{}", backend_name(backend), crate::commands::aligned(&rows, &[0]));
        let _ = write!(toml, "\n{}", table_toml(backend, &found.prices));
    }
    Ok(Tables { txt, toml })
}

/// Hash in the information string of objects that come from no file.
const NO_FILE: &str = "none";

fn counted(target: &Target, backend: Backend, plugin: Option<&Path>, progress: &dyn Progress) -> Result<Vec<Sample>> {
    let vector = usize::from(target.machine(backend)?.vector_bytes);
    let mut samples = Vec::new();
    for group in LAYERS.chunks(GROUP) {
        let g = graph(group)?;
        let built = build("layers", NO_FILE, &g, (target, backend), &Firmware::default(), &crate::progress::Silent)?;
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
    let one = |layer: &Layer| {
        let g = graph(std::slice::from_ref(layer))?;
        let built = build("layers", NO_FILE, &g, (target, backend), &Firmware::default(), &crate::progress::Silent)?;
        let time = Native::new(&built, &g)?.time(&random(&g, 1)?[0])?;
        progress.step(1);
        let l = &built.lowered.layers[0];
        let work = work(&built.lowered.module, &l.kernel, vector)?;
        // The fastest round: what disturbs a round only makes it longer.
        Ok(Sample { layer: l.name.clone(), macs: l.macs, work, cost: time.least_ns })
    };
    LAYERS.iter().map(one).collect()
}
