//! `cost.toml`: prices by class, one table for each back end.

use crate::work::{CLASSES, Work};
use mcompc_ir::{Code, Error, Result};
use mcompc_target::{Backend, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a price is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Instructions executed.
    Instructions,
    /// Nanoseconds on the computer that measured.
    Nanoseconds,
}

impl Unit {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Nanoseconds => "nanoseconds",
        }
    }
}

/// Prices of one back end's code on one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// What they are in.
    pub unit: Unit,
    /// By class, in the order of [`CLASSES`].
    pub price: [f64; CLASSES.len()],
    /// Mean relative error over the layers they were fitted to.
    pub mean_error: f64,
}

impl Prices {
    /// Forecast for some work.
    pub fn of(&self, work: &Work) -> f64 {
        self.price.iter().zip(&work.0).map(|(p, w)| p * w).sum()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    unit: Unit,
    mean_error: f64,
    price: BTreeMap<String, f64>,
}

fn key(backend: Backend) -> &'static str {
    backend.name()
}

/// The prices of `targets/<name>/cost.toml`. A target that has not been measured takes instruction prices of one with the same machine
/// description, whose code is the same; nothing where there is none.
///
/// # Errors
/// E302 for a table that is malformed: an unknown class, a class that is missing, a price that is negative or not finite.
pub fn prices(target: &Target, backend: Backend) -> Result<Option<Prices>> {
    if let Some(text) = mcompc_target::cost_toml(&target.name) {
        return parse(&target.name, text, backend);
    }
    let isa = |t: &Target| match backend {
        Backend::Mlir => Some(t.machine_mlir.clone()),
        Backend::Cranelift => t.machine_cranelift.clone(),
        Backend::Small => t.machine_small.clone(),
    };
    for t in Target::all()? {
        if let Some(text) = mcompc_target::cost_toml(&t.name)
            && isa(&t) == isa(target)
            && let Some(prices) = parse(&t.name, text, backend)?
            && prices.unit == Unit::Instructions
        {
            return Ok(Some(prices));
        }
    }
    Ok(None)
}

fn parse(name: &str, text: &str, backend: Backend) -> Result<Option<Prices>> {
    let wrong = |m: String| Error::new(Code::Parse, format!("targets/{name}/cost.toml: {m}"));
    let mut tables: BTreeMap<String, Table> = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let Some(t) = tables.remove(key(backend)) else { return Ok(None) };
    if let Some(class) = t.price.keys().find(|k| !CLASSES.contains(&k.as_str())) {
        return Err(wrong(format!("no class is called `{class}`")));
    }
    let mut price = [0.0; CLASSES.len()];
    for (p, class) in price.iter_mut().zip(CLASSES) {
        *p = *t.price.get(class).ok_or_else(|| wrong(format!("class `{class}` has no price")))?;
        if !(p.is_finite() && *p >= 0.0) {
            return Err(wrong(format!("the price of `{class}` is {p}")));
        }
    }
    Ok(Some(Prices { unit: t.unit, price, mean_error: t.mean_error }))
}

/// Text of a table for `cost.toml`.
pub fn table_toml(backend: Backend, p: &Prices) -> String {
    let name = key(backend);
    let mut s = format!("[{name}]\nunit = \"{}\"\nmean_error = {:.3}\n\n[{name}.price]\n", p.unit.name(), p.mean_error);
    for (class, price) in CLASSES.iter().zip(&p.price) {
        let _ = writeln!(s, "{class} = {price:.3}");
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_back_and_mistakes_are_refused() {
        let p = Prices { unit: Unit::Nanoseconds, price: std::array::from_fn(|i| i as f64 + 0.5), mean_error: 0.125 };
        let text = table_toml(Backend::Mlir, &p);
        assert_eq!(parse("t", &text, Backend::Mlir), Ok(Some(p.clone())));
        assert_eq!(parse("t", &text, Backend::Cranelift), Ok(None));
        let mut work = Work::default();
        work.0[3] = 2.0;
        assert_eq!(p.of(&work), 7.0);
        for (from, to) in [("call", "cell"), ("= 1.500", "= -1.5"), ("= 1.500", "= nan"), ("load = 5.500\n", ""), ("unit", "units")] {
            let e = parse("t", &text.replacen(from, to, 1), Backend::Mlir).unwrap_err();
            assert_eq!(e.code, Code::Parse, "{from}");
        }
    }

    #[test]
    fn every_target_is_priced_for_every_back_end_it_has() {
        for t in Target::all().unwrap() {
            let has = |b| t.machine(b).is_ok();
            for b in Backend::ALL {
                assert_eq!(prices(&t, b).unwrap().is_some(), has(b), "{} {b:?}", t.name);
            }
        }
    }
}
