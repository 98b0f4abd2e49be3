//! `mcompc plan`: everything a compilation would do but writing.

use super::compile::{summary, write_scheme};
use super::json;
use crate::answer::Answer;
use crate::args::Given;
use crate::options::request;
use mcompc_driver::Progress;
use mcompc_ir::Result;
use mcompc_report::{Allocation, Point, Report, bytes, count};
use std::fmt::Write;

pub(crate) fn plan(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let report = mcompc_driver::plan(&request(g)?, progress)?;
    write_scheme(g, &report)?;
    let mut text = summary(&report);
    text.push('\n');
    text.push_str(&table(&report));
    if let Some(a) = report.allocation.as_ref().filter(|a| !a.front.is_empty()) {
        text.push('\n');
        text.push_str(&front(a));
    }
    Ok(Answer { text, json: json(&report)? })
}

fn table(r: &Report) -> String {
    let unit = r.totals.forecast.as_ref().map_or("", |f| f.unit.as_str());
    let heads = ["layer", "operator", "kernel", "result", "MACs", unit, "bits", "weights", "RAM", ""].map(String::from);
    let mut rows = vec![heads];
    for (i, l) in r.layers.iter().enumerate() {
        let shape = l.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let forecast = l.forecast.map(|f| count(f as u64)).unwrap_or_default();
        let ram = bytes(r.memory.live.get(i).copied().unwrap_or_default());
        let bits = l.bits.map(|b| b.to_string()).unwrap_or_default();
        let why = l.bits_why.clone().or_else(|| l.group.map(|n| format!("groups of {n}"))).unwrap_or_default();
        let coded = l.uncoded_bytes.map(|n| format!("coded, of {}", bytes(n))).unwrap_or_default();
        let why = [why, coded].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("; ");
        let [macs, weights] = [count(l.macs), bytes(l.weight_bytes)];
        rows.push([tail(&l.name), l.op.clone(), l.kernel.clone(), shape, macs, forecast, bits, weights, ram, why]);
    }
    aligned(&rows, &[0, 1, 2, 3, 9])
}

/// All choices of bits, the smallest first.
fn front(a: &Allocation) -> String {
    let heads = ["flash", "loss of variance", "cost", "bits by layer"].map(String::from);
    let row = |p: &Point| {
        let bits: Vec<String> = p.bits.iter().map(f64::to_string).collect();
        [bytes(p.flash_bytes), format!("{:.4} %", 100.0 * p.error), count(p.cost.round() as u64), bits.join(" ")]
    };
    aligned(&std::iter::once(heads).chain(a.front.iter().map(row)).collect::<Vec<_>>(), &[3])
}

/// Rows as columns; the columns `words` to the left, numbers to the right.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]], words: &[usize]) -> String {
    let mut width = [0; N];
    for r in rows {
        for (w, c) in width.iter_mut().zip(r) {
            *w = (*w).max(c.chars().count());
        }
    }
    let mut s = String::new();
    for r in rows {
        for (i, (w, c)) in width.iter().zip(r).enumerate() {
            let pad = " ".repeat(w - c.chars().count());
            let _ = if words.contains(&i) { write!(s, "{c}{pad}  ") } else { write!(s, "{pad}{c}  ") };
        }
        s.truncate(s.trim_end().len());
        s.push('\n');
    }
    s
}

/// The end of a long name: ONNX names differ there.
pub(crate) fn tail(name: &str) -> String {
    let n = name.chars().count();
    if n <= 40 { name.into() } else { format!("…{}", name.chars().skip(n - 39).collect::<String>()) }
}
