//! `mcompc dev cost`: the two files of a target's measured costs, as texts.

use super::aligned;
use crate::answer::Answer;
use crate::args::Given;
use mcompc_cost::table_toml;
use mcompc_driver::Progress;
use mcompc_driver::cost::{Table, tables};
use mcompc_ir::Result;
use mcompc_target::Target;
use std::fmt::Write;

pub(crate) fn cost(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let target = g.target.clone().map_or_else(Target::host, Ok)?;
    let command = format!("cargo xtask cost --target {}", target.name);
    let mut txt = format!("# Layers on {}: measured by `{command}`, and what the fit in cost.toml makes of them.\n", target.name);
    let mut toml = format!("# Written by `{command}`: prices by class of operation (compiler/cost), fitted to cost.txt.\n");
    for t in tables(&target, g.plugin.as_deref(), progress)? {
        let mean = 100.0 * t.fit.prices.mean_error;
        let _ = write!(txt, "\n{}, mean error {mean:.1} %\n\n{}", t.backend.name(), rows(&t));
        let _ = write!(toml, "\n{}", table_toml(t.backend, &t.fit.prices));
    }
    let json = serde_json::json!({"cost.txt": txt, "cost.toml": toml});
    Ok(Answer { text: format!("{txt}\n{toml}"), json })
}

fn rows(t: &Table) -> String {
    let heads = ["layer", "MACs", t.unit.name(), "a MAC", "forecast", "error"].map(String::from);
    let mut rows = vec![heads];
    for (s, e) in t.samples.iter().zip(&t.fit.errors) {
        let per = if s.macs > 0 { format!("{:.3}", s.cost / s.macs as f64) } else { String::new() };
        let forecast = format!("{:.0}", s.cost * (1.0 + e));
        rows.push([s.layer.clone(), s.macs.to_string(), format!("{:.0}", s.cost), per, forecast, format!("{:+.1} %", 100.0 * e)]);
    }
    aligned(&rows, &[0])
}
