//! Model files: the reader, and the passes behind it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use mcompc_ir::{Code, DType, Graph, Tensor};
use mcompc_onnx::{ImportOptions, Limits, import_bytes};

use super::{helpful, kind};
use crate::wire::{self, Value};

/// Longest model that serves as a seed: larger ones only make runs slower.
pub const LONGEST_SEED: u64 = 1 << 19;

/// Seeds for the reader: the models of this repository, and small ones of `MCOMPC_ZOO` if that is set.
pub fn small() -> Vec<Vec<u8>> {
    let mut seeds = own();
    if let Some(zoo) = std::env::var_os("MCOMPC_ZOO") {
        seeds.extend(read_all(Path::new(&zoo)));
    }
    seeds
}

/// Models that run in a millisecond: those of this repository, and one of every operator.
pub fn own() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds = read_all(&root.join("models"));
    seeds.extend(operators(&std::fs::read(root.join("compiler/onnx/tests/data/operators.pb")).unwrap_or_default()));
    seeds
}

/// Models in a sequence of messages `1: {2: model}`.
fn operators(bytes: &[u8]) -> Vec<Vec<u8>> {
    let cases = wire::parse(bytes).unwrap_or_default();
    let fields = cases.into_iter().filter_map(|case| if let Value::Message(fields) = case.value { Some(fields) } else { None });
    let models = fields.flatten().filter(|field| field.number == 2);
    models.filter_map(|field| if let Value::Message(model) = field.value { Some(wire::print(&model)) } else { None }).collect()
}

fn read_all(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    find(folder, &mut paths);
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, paths);
        } else if path.extension().is_some_and(|e| e == "onnx") && entry.metadata().is_ok_and(|m| m.len() <= LONGEST_SEED) {
            paths.push(path);
        }
    }
}

/// Limits far below the defaults: an input that passes them is still small work.
pub fn options() -> ImportOptions {
    let limits = Limits { elements: 1 << 22, folded_bytes: 1 << 24, nodes: 10_000, entries: 100_000, ..Limits::default() };
    ImportOptions { limits, ..ImportOptions::default() }
}

/// The model reader: whatever comes, a graph that passes the verifier or an error that helps.
pub fn reader(bytes: &[u8]) -> Result<String, String> {
    match import_bytes(Bytes::copy_from_slice(bytes), &options()) {
        Ok(graph) => {
            mcompc_ir::verify(&graph).map_err(|e| format!("the reader made a graph the verifier refuses: {e}"))?;
            Ok("a graph".to_owned())
        }
        Err(error) => helpful(&error),
    }
}

/// Most elements of any value for the graph to be run by the book.
const SMALL: usize = 1 << 14;

/// The passes on what the reader lets through: a refusal that helps, or a graph that computes what it did.
pub fn passes(bytes: &[u8]) -> Result<String, String> {
    let mut graph = match import_bytes(Bytes::copy_from_slice(bytes), &options()) {
        Ok(graph) => graph,
        Err(error) => return Ok(kind(&error)),
    };
    let before = run(&graph)?;
    let reports = match mcompc_passes::run_pipeline(&mut graph) {
        Ok(reports) => reports,
        // What no pass can do anything about is refused here, as by the reader.
        Err(error) if error.code != Code::Internal => return helpful(&error),
        Err(error) => return Err(error.to_string()),
    };
    let mut outcome: String = reports.iter().map(|report| if report.changes > 0 { '1' } else { '0' }).collect();
    for id in graph.ids().into_iter().take(12) {
        outcome = outcome + " " + &graph.node(id).op;
    }
    let Some(before) = before else { return Ok(outcome) };
    let after = run(&graph)?.ok_or("the passes made values that are too large or no numbers")?;
    for (a, b) in before.iter().zip(&after) {
        if a.shape != b.shape || a.dtype != b.dtype {
            return Err(format!("an output was {}{:?} and is {}{:?}", a.dtype, a.shape, b.dtype, b.shape));
        }
        let (Ok(a), Ok(b)) = (a.as_f32(), b.as_f32()) else { continue };
        // Reordered sums differ in their last bits, in proportion to the largest terms.
        let scale = a.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
        if let Some(i) = (0..a.len()).find(|&i| (a[i] - b[i]).abs() > 1e-2 * scale) {
            return Err(format!("output element {i} was {} and is {}", a[i], b[i]));
        }
    }
    Ok(outcome + " equal")
}

/// Runs a graph on fixed inputs; `None` if it is large, or where arithmetic leaves the range in which it can be compared.
fn run(graph: &Graph) -> Result<Option<Vec<Tensor>>, String> {
    let large = graph.ids().into_iter().any(|id| graph.node(id).outs.iter().any(|value| value.shape.iter().product::<usize>() > SMALL));
    if large {
        return Ok(None);
    }
    let mut inputs = Vec::new();
    for &id in &graph.inputs {
        let value = &graph.node(id).outs[0];
        if value.dtype != DType::F32 {
            return Ok(None);
        }
        let count = value.shape.iter().product();
        let data: Vec<f32> = (0..count).map(|i: usize| (i * 37 % 101) as f32 / 8.0 - 6.0).collect();
        inputs.push(Tensor::from_f32(value.shape.clone(), &data).map_err(|e| e.to_string())?);
    }
    let trace = mcompc_interp::run_all(graph, &inputs).map_err(|e| format!("a verified graph does not run: {e}"))?;
    let tame = trace.values.values().all(|tensor| tensor.as_f32().map_or(true, |data| data.iter().all(|x| x.abs() < 1e6)));
    Ok(tame.then_some(trace.outputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_models_that_run_and_survive_the_passes() {
        let seeds = own();
        assert!(seeds.len() > 50, "{} seeds", seeds.len());
        let compared = seeds.iter().filter(|seed| passes(seed).unwrap().ends_with("equal")).count();
        assert!(compared * 10 > seeds.len() * 9, "{compared} of {} run", seeds.len());
    }
}
