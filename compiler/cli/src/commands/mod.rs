//! One file a command; each returns its answer as text and as JSON.

mod bench;
mod compare;
mod compile;
mod cost;
mod plan;
mod run;
mod show;
mod tables;
mod verify;

pub(crate) use bench::bench;
pub(crate) use compare::compare;
pub(crate) use compile::compile;
pub(crate) use cost::cost;
pub(crate) use plan::{aligned, plan};
pub(crate) use run::run;
pub(crate) use show::{STAGES, show};
pub(crate) use tables::{completions, document, explain, man, targets};
pub(crate) use verify::verify;

use mcompc_ir::{Code, Error, Result};
use serde::Serialize;

fn json(v: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(v).map_err(|e| Error::new(Code::Internal, format!("the answer does not serialise: {e}")))
}

/// A share in percent with two digits.
fn percent(v: f64) -> String {
    format!("{:.2} %", 100.0 * v)
}
