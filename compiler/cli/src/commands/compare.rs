//! `mcompc compare`.

use super::aligned;
use crate::answer::Answer;
use crate::args::Given;
use mcompc_ir::{Code, Error, Result};
use mcompc_report::{bytes, count};
use serde_json::{Value, json};
use std::path::Path;

/// A figure of a report: what it is called, where it stands, how it is written.
type Figure = (&'static str, &'static str, fn(f64) -> String);

/// Figures of the whole, in the order of the table.
const WHOLE: &[Figure] = &[
    ("flash", "/totals/flash_bytes", |v| bytes(v as u64)),
    ("of which code", "/totals/code_bytes", |v| bytes(v as u64)),
    ("of which weights", "/totals/stored_weight_bytes", |v| bytes(v as u64)),
    ("arena", "/totals/arena_bytes", |v| bytes(v as u64)),
    ("stack", "/totals/stack_bytes", |v| bytes(v as u64)),
    ("inputs and outputs", "/totals/io_bytes", |v| bytes(v as u64)),
    ("multiply-accumulates", "/totals/macs", |v| count(v as u64)),
    ("forecast", "/totals/forecast/cost", |v| count(v as u64)),
    ("expected loss, points", "/loss/expected_loss", |v| format!("{v:.3}")),
    ("same top-1, percent", "/loss/top1_agreement", |v| format!("{:.2}", 100.0 * v)),
    ("error over variance", "/loss/error_over_variance", |v| format!("{v:.6}")),
    ("right, percent", "/loss/top1/int", |v| format!("{:.2}", 100.0 * v)),
];

/// Figures of a layer.
const LAYER: &[Figure] = &[
    ("bits", "/bits", |v| format!("{v}")),
    ("weights", "/weight_bytes", |v| bytes(v as u64)),
    ("cost", "/forecast", |v| count(v as u64)),
    ("error over variance", "/error", |v| format!("{v:.6}")),
];

pub(crate) fn compare(g: &Given) -> Result<Answer> {
    let (a, b) = (report(&g.model)?, report(&g.other)?);
    let text = |v: &Value, at: &str| v.pointer(at).and_then(Value::as_str).unwrap_or_default().to_string();
    let head = |v: &Value| format!("{} for {}, -O {}", text(v, "/name"), text(v, "/target"), text(v, "/level"));
    let mut rows = vec![[String::new(), head(&a), head(&b), String::new()]];
    let mut figures = serde_json::Map::new();
    for (name, at, show) in WHOLE {
        if let Some((row, figure)) = pair(name, (&a, &b), at, *show) {
            rows.push(row);
            figures.insert(key(at), figure);
        }
    }
    let mut layers = Vec::new();
    let list = |v: &Value| v["layers"].as_array().cloned().unwrap_or_default();
    let (ours, mut theirs) = (list(&a), list(&b));
    let mut differ: Vec<[String; 4]> = Vec::new();
    for one in &ours {
        // Several layers may have a node's name: the first of each that is left.
        let same = |o: &Value| o["name"] == one["name"] && o["op"] == one["op"];
        let name = text(one, "/name");
        let Some(at) = theirs.iter().position(same) else {
            layers.push(json!({"layer": name, "only": "first"}));
            differ.push([name, "only in the first".into(), String::new(), String::new()]);
            continue;
        };
        let other = theirs.remove(at);
        for (figure, at, show) in LAYER {
            let Some(([_, x, y, ratio], json)) = pair(figure, (one, &other), at, *show).filter(|_| one.pointer(at) != other.pointer(at))
            else {
                continue;
            };
            layers.push(json!({"layer": name, "figure": key(at), "values": json}));
            differ.push([format!("{name}: {figure}"), x, y, ratio]);
        }
    }
    for one in theirs {
        let name = text(&one, "/name");
        layers.push(json!({"layer": name, "only": "second"}));
        differ.push([name, "only in the second".into(), String::new(), String::new()]);
    }
    let mut said = aligned(&rows, &[0]);
    if differ.is_empty() {
        said.push_str("\nevery layer is the same\n");
    } else {
        said.push_str("\nlayers that differ\n");
        said.push_str(&aligned(&differ, &[0]));
    }
    Ok(Answer { text: said, json: json!({"totals": figures, "layers": layers}) })
}

/// What a figure is called in JSON: as in the reports, of their parts `part.figure`.
fn key(at: &str) -> String {
    at.trim_start_matches('/').trim_start_matches("totals/").replace('/', ".")
}

/// A row of two values and their ratio, and the same as JSON; `None` where neither has it.
fn pair(name: &str, (a, b): (&Value, &Value), at: &str, show: fn(f64) -> String) -> Option<([String; 4], Value)> {
    let (x, y) = (a.pointer(at).and_then(Value::as_f64), b.pointer(at).and_then(Value::as_f64));
    x.or(y)?;
    let one = |v: Option<f64>| v.map_or_else(|| "-".into(), show);
    let ratio = x.zip(y).filter(|(x, y)| *x > 0.0 && x != y).map(|(x, y)| y / x);
    let row = [name.into(), one(x), one(y), ratio.map_or_else(String::new, |r| format!("x {r:.3}"))];
    Some((row, json!([x, y])))
}

/// The report of an output folder, or a report file.
fn report(path: &Path) -> Result<Value> {
    let file = if path.is_dir() { path.join("report.json") } else { path.to_path_buf() };
    let e = |what: String| Error::new(Code::Io, what).hint("give two folders that mcompc wrote, or their report.json");
    let bytes = std::fs::read(&file).map_err(|err| e(format!("cannot read `{}`: {err}", file.display())))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|err| e(format!("`{}` is no report: {err}", file.display())))?;
    if value["generator"] == "mcompc" { Ok(value) } else { Err(e(format!("`{}` is no report of mcompc", file.display()))) }
}
