//! `mcompc MODEL -o DIR`.

use super::{json, percent};
use crate::answer::Answer;
use crate::args::Given;
use crate::options::request;
use mcompc_driver::{Library, MaxLoss, Progress, bundle, library, timed};
use mcompc_ir::{Code, Error, Result};
use mcompc_package::{check_out_dir, write_dir};
use mcompc_report::{Report, bytes, count};
use std::fmt::Write;

pub(crate) fn compile(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let o = request(g)?;
    let limit = g.max_loss.unwrap_or(MaxLoss::Usual);
    let abis = g.bundle.map(|b| (b.abis)(g.target.as_ref())).transpose()?;
    check_out_dir(&g.out, g.force)?;
    let Library { files, report } = match (g.bundle, abis) {
        (Some(form), Some(abis)) => bundle(&o, form, &abis, limit, progress)?,
        _ => library(&o, limit, progress)?,
    };
    timed(progress, "writing the files", || write_dir(&g.out, &files, g.force))?;
    write_scheme(g, &report)?;

    let mut text = summary(&report);
    let mut top: Vec<&str> = files.iter().map(|f| f.path.split('/').next().unwrap_or_default()).collect();
    top.dedup();
    let _ = writeln!(text, "  wrote       {}: {}", g.out.display(), top.join(", "));
    let mut value = json(&report)?;
    value["out"] = g.out.display().to_string().into();
    value["files"] = files.iter().map(|f| f.path.clone()).collect();
    Ok(Answer { text, json: value })
}

/// Writes the scheme where `--scheme-out` wants it.
pub(crate) fn write_scheme(g: &Given, r: &Report) -> Result<()> {
    let Some(path) = &g.scheme_out else { return Ok(()) };
    std::fs::write(path, &r.scheme).map_err(|e| Error::new(Code::Io, format!("cannot write `{}`: {e}", path.display())))
}

/// What a compilation costs and loses, in a few lines.
pub(crate) fn summary(r: &Report) -> String {
    let t = &r.totals;
    let mut s = format!("{} for {}, -O {}, {}\n", r.name, r.target, r.level, r.backend);
    let (code, weights, tables) = (bytes(t.code_bytes), bytes(t.stored_weight_bytes), bytes(t.table_bytes()));
    let _ = writeln!(s, "  flash       {} (code {code}, weights {weights}, tables {tables})", bytes(t.flash_bytes));
    let (arena, stack, io) = (bytes(t.arena_bytes), bytes(t.stack_bytes), bytes(t.io_bytes));
    let _ = writeln!(s, "  RAM         {arena} arena, {stack} stack, {io} inputs and outputs");
    let _ = writeln!(s, "  work        {} multiply-accumulates in {} layers", count(t.macs), r.layers.len());
    if let Some(f) = &t.forecast {
        let cost = count(f.cost.round() as u64);
        let _ = writeln!(s, "  forecast    {cost} {} an inference (table fitted within {})", f.unit, percent(f.mean_error));
    }
    let _ = writeln!(s, "  ranges      {}, {} calibration samples", r.calibration.range, r.calibration.samples);
    if let Some(a) = &r.allocation {
        let _ = writeln!(s, "  bits        {}", a.summary());
    }
    if let Some(c) = &r.check {
        let _ = writeln!(s, "  checked     {c}");
    }
    if let Some(l) = &r.loss {
        let _ = writeln!(s, "  against f32 {}", l.measured());
        let _ = writeln!(s, "  lost        {}", l.judged());
    }
    for w in &r.warnings {
        let _ = writeln!(s, "  warning: {w}");
    }
    s
}
