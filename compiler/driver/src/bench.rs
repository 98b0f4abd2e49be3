//! What one inference costs: instructions by a counting emulator, layer by layer, time on this computer, stack, memory.

use crate::clock::Time;
use crate::stages::Built;
use crate::verify::{Native, emulate, layout::Layout};
use mcompc_emu::{Counting, Run};
use mcompc_interp::FastInt;
use mcompc_ir::{Code, Error, Graph, Result, Tensor, Value};
use mcompc_kernel::calls;
use mcompc_lower::Layer;
use mcompc_target::Target;
use serde::Serialize;
use std::path::Path;

/// Cost of one layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerCost {
    /// ONNX name of the node.
    pub name: String,
    /// Integer operator.
    pub op: String,
    /// Kernel function.
    pub kernel: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Instructions an inference, from the kernel's entry to the next one's.
    pub instructions: f64,
}

/// Instruction counts.
#[derive(Clone, Debug, Serialize)]
pub struct Counts {
    /// Instructions an inference, from the call of the entry function to its return.
    pub total: f64,
    /// Instructions a multiply-accumulate.
    pub per_mac: f64,
    /// In the order of execution.
    pub layers: Vec<LayerCost>,
    /// What belongs to no layer: the entry function's own beginning, and copies of outputs that have no buffer of their own.
    pub other: f64,
}

/// Everything measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Inferences counted; each output was compared with the integer reference.
    pub inferences: usize,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
    /// Instructions, or nothing where no emulator has the target.
    pub instructions: Option<Counts>,
    /// Why there are none.
    pub not_counted: Option<String>,
    /// Stack bytes used, painted before and read back after each call; the largest.
    pub stack_bytes: u64,
    /// Time on this computer, where it runs the target.
    pub time: Option<Time>,
}

/// Measures what was compiled.
///
/// # Errors
/// E505 where nothing here runs the target; E601 where the code computes something else than the reference.
pub fn measure(target: &Target, built: &Built, graph: &Graph, inputs: &[Vec<Tensor>], plugin: Option<&Path>) -> Result<Measured> {
    let layout = Layout::new(built, graph);
    let lowered = &built.lowered;
    let entry = lowered.module.func(&lowered.entry).map(calls).unwrap_or_default();
    let program = emulate::link(target, &built.object, &layout, true)?;
    let bytes: Vec<u8> = inputs.iter().flatten().flat_map(|t| t.bytes().iter().copied()).collect();
    let mut split: Vec<String> = entry.iter().map(|name| (*name).to_owned()).collect();
    split.sort();
    split.dedup();
    let counting = Counting { split, plugin: plugin.map(Path::to_path_buf) };
    let (run, not_counted) = match program.run_split(&bytes, &counting) {
        Ok(run) => (run, None),
        // Without an emulator, this computer still gives stack and time.
        Err(e) if e.is_environment() && target.runs_here() && plugin.is_none() => {
            (program.run(&bytes).map_err(|e| emulate::error(target, &e))?, Some(e.to_string()))
        }
        Err(e) => return Err(emulate::error(target, &e)),
    };
    let stack_bytes = check(graph, &layout, inputs, &run)?;
    let instructions = run.instructions.map(|total| counts(built, &run, total, &entry)).transpose()?;
    let time = if target.runs_here() { Some(Native::new(built, graph)?.time(&inputs[0])?) } else { None };
    let macs = lowered.layers.iter().map(|l| l.macs).sum();
    Ok(Measured { inferences: inputs.len(), macs, instructions, not_counted, stack_bytes, time })
}

/// Compares every output with the reference; returns the largest stack use.
fn check(graph: &Graph, layout: &Layout, inputs: &[Vec<Tensor>], run: &Run) -> Result<u64> {
    let reference = FastInt::new(graph)?;
    let size: usize = layout.outputs.iter().map(Value::bytes).sum();
    let wrong = |m: String| Error::new(Code::Mismatch, m).hint("`mcompc verify` says where it differs");
    let mut stack = 0;
    let mut records = run.output.chunks_exact(size + 4);
    for (i, x) in inputs.iter().enumerate() {
        let record = records.next().ok_or_else(|| wrong(format!("the program gave back {} bytes only", run.output.len())))?;
        let (have, used) = record.split_at(size);
        let want: Vec<u8> = reference.run(x, |_, _| {})?.iter().flat_map(|t| t.bytes().to_vec()).collect();
        if have != want {
            return Err(wrong(format!("input {i}: the code computes something else than the integer reference")));
        }
        let used = used.try_into().map(u32::from_le_bytes).unwrap_or_default();
        if used == u32::MAX {
            return Err(Error::new(Code::Mismatch, "the call takes more stack than the 32 KiB that are watched")
                .hint("a bug of the compiler: kernels take less than 4 KiB"));
        }
        stack = stack.max(u64::from(used));
    }
    Ok(stack)
}

/// Gives each stretch of the count to its layer; `entry` are the entry function's calls.
fn counts(built: &Built, run: &Run, total: u64, entry: &[&str]) -> Result<Counts> {
    let layers = &built.lowered.layers;
    let mean = |n: u64| n as f64 / run.windows.max(1) as f64;
    if run.segments.len() != entry.len() + 1 || layers.len() > entry.len() {
        return Err(Error::new(
            Code::Internal,
            format!("{} kernel calls were seen where {} are made", run.segments.len().saturating_sub(1), entry.len()),
        ));
    }
    let of = |l: &Layer| run.segments[1 + l.call] + if l.coded.is_some() { run.segments[l.call] } else { 0 };
    let rows = layers.iter().map(|l| LayerCost {
        name: l.name.clone(),
        op: l.op.clone(),
        kernel: l.kernel.clone(),
        macs: l.macs,
        instructions: mean(of(l)),
    });
    let macs: u64 = layers.iter().map(|l| l.macs).sum();
    let rest = run.segments.iter().sum::<u64>() - layers.iter().map(of).sum::<u64>();
    Ok(Counts { total: mean(total), per_mac: mean(total) / macs.max(1) as f64, layers: rows.collect(), other: mean(rest) })
}
