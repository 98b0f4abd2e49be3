//! The report and the package of a compilation.

use crate::request::Request;
use crate::size;
use crate::stages::{Compiled, Front, LayerNote, Quantized, VERSION};
use mcompc_ir::{Code, Error, Graph, NodeId, Quant, Result, Value, ValueId};
use mcompc_lower::{Located, Lowered};
use mcompc_package::{LayerSpec, Names, PackageInput, Place, Sizes, StateSpec, TensorSpec};
use mcompc_report::{Buffer, Calibration, Forecast, Layer, Limits, Loss, Memory, Pass, Report, Spread, State, Tensor, Totals};

/// Inputs and outputs of the entry function.
///
/// # Errors
/// E002 if channel lists of an input do not fit its shape.
pub fn specs(front: &Front, integer: &Graph) -> Result<(Vec<TensorSpec>, Vec<TensorSpec>)> {
    let spec = |name: &str, v: &Value, quant| TensorSpec { name: name.into(), dtype: v.dtype, shape: v.shape.clone(), quant };
    let mut inputs = Vec::new();
    for (&n, input) in integer.inputs.iter().zip(&front.inputs) {
        let v = integer.value(integer.out(n));
        // Codes of the declared raw type are passed as they are, so the flag says what they mean; others follow the graph.
        let declared = input.quant().filter(|_| input.spec.dtype == v.dtype);
        // An index has no meaning but itself.
        inputs.push(spec(&input.spec.name, v, v.quant.clone().and_then(|q| declared.or(Some(q)))));
    }
    let outputs = integer.outputs.iter().map(|o| {
        let v = integer.value(o.value);
        spec(&o.name, v, v.quant.clone())
    });
    Ok((inputs, outputs.collect()))
}

/// The states among them, with the codes that they start at.
///
/// # Errors
/// E009 for a state without codes.
pub fn states(front: &Front, integer: &Graph) -> Result<Vec<StateSpec>> {
    let one = |s: &mcompc_ir::State| {
        let (input, v) = (&front.inputs[s.input], integer.value(integer.out(integer.inputs[s.input])));
        let start = input.start.as_ref().ok_or_else(|| Error::new(Code::Internal, "a state that starts at nothing").at(&v.name))?;
        Ok(StateSpec { input: s.input, output: s.output, init: input.codes(start, v)?.to_i64_vec()? })
    };
    integer.states.iter().map(one).collect()
}

/// The report. `loss` is what [`measure`](crate::measure) found, if there was anything to measure on.
///
/// # Errors
/// E009 if the object does not parse.
pub fn describe(o: &Request, c: &Compiled, loss: Option<Loss>) -> Result<Report> {
    let (inputs, outputs) = specs(&c.front, &c.quantized.graph)?;
    let names = Names::new(&o.name, &inputs, &outputs);
    let tensor = |(t, n): (&TensorSpec, &mcompc_package::TensorNames)| Tensor {
        name: t.name.clone(),
        identifier: n.c.clone(),
        dtype: t.dtype.to_string(),
        shape: t.shape.clone(),
        scale: t.quant.as_ref().map(|q| q.lists().0).unwrap_or_default(),
        zero_point: t.quant.as_ref().map(|q| q.lists().1).unwrap_or_default(),
    };
    let (code_bytes, data_bytes) = size::of_object(&c.built.object)?;
    let lowered = &c.built.lowered;
    let mut layers = layers(&c.quantized, lowered);
    let forecast = forecast(o, lowered, &mut layers)?;
    let io = inputs.iter().chain(&outputs).map(|t| (t.elems() * t.dtype.size()) as u64).sum();
    let totals = Totals {
        macs: layers.iter().map(|l| l.macs).sum(),
        weight_bytes: layers.iter().map(|l| l.weight_bytes).sum(),
        code_bytes,
        data_bytes,
        stored_weight_bytes: lowered.module.data.iter().filter(|d| d.weights).map(|d| d.bytes.len() as u64).sum(),
        flash_bytes: code_bytes + data_bytes,
        stack_bytes: c.built.stack_bytes,
        forecast,
        arena_bytes: lowered.arena_bytes as u64,
        io_bytes: io,
    };
    let mut warnings = c.quantized.warnings.clone();
    if let Some(m) = &o.target.memory
        && (totals.flash_bytes > m.flash || totals.arena_bytes + totals.stack_bytes + io > m.ram)
    {
        warnings.push(format!("A typical {} has {} bytes of flash and {} of RAM: this model does not fit.", o.target.name, m.flash, m.ram));
    }
    Ok(Report {
        generator: "mcompc",
        version: VERSION.into(),
        name: o.name.clone(),
        model_sha256: c.front.sha256.clone(),
        target: o.target.name.clone(),
        backend: o.backend.name().into(),
        level: o.level_name(),
        command: o.command.clone(),
        limits: o.target.memory.as_ref().map(|m| Limits { flash: m.flash, ram: m.ram }),
        inputs: inputs.iter().zip(&names.inputs).map(tensor).collect(),
        outputs: outputs.iter().zip(&names.outputs).map(tensor).collect(),
        states: states(&c.front, &c.quantized.graph)?
            .into_iter()
            .map(|s| State {
                input: inputs[s.input].name.clone(),
                output: outputs[s.output].name.clone(),
                bytes: (inputs[s.input].elems() * inputs[s.input].dtype.size()) as u64,
            })
            .collect(),
        totals,
        layers,
        memory: memory(lowered),
        calibration: Calibration {
            samples: c.quantized.samples,
            range: if o.calib.is_some() { o.range.name().into() } else { "data-free".into() },
            sha256: c.quantized.data_sha256.clone(),
        },
        scheme: c.quantized.scheme.to_string(),
        allocation: c.quantized.allocation.clone(),
        passes: c.front.passes.iter().map(|p| Pass { name: p.name.into(), changes: p.changes }).collect(),
        check: None,
        loss,
        warnings,
    })
}

fn layers(q: &Quantized, lowered: &Lowered) -> Vec<Layer> {
    let g = &q.graph;
    // Several layers may come from one ONNX node; notes and layers are both in the order of execution.
    let mut notes: Vec<&LayerNote> = q.notes.iter().collect();
    let row = |l: &mcompc_lower::Layer| {
        let (value, node) = (g.value(l.value), g.node(l.value.node));
        let note = notes.iter().position(|x| x.sums.node == l.name && x.sums.op == l.op).map(|i| notes.remove(i));
        let int = |name: &str| node.attrs.int(name).ok();
        Layer {
            name: l.name.clone(),
            op: l.op.clone(),
            fused: l.fused.clone(),
            kernel: l.kernel.clone(),
            shape: value.shape.clone(),
            macs: l.macs,
            forecast: None,
            weight_bytes: l.const_bytes as u64,
            uncoded_bytes: l.coded.map(|c| c.plain as u64),
            dtype: value.dtype.to_string(),
            scale: value.quant.as_ref().map(Quant::step),
            zero_point: value.quant.as_ref().map(Quant::zero_point),
            pre: int("pre"),
            shift: int("shift"),
            accumulator: note.map(|x| x.sums.bound),
            multiplier: multiplier(g, l.value.node),
            bits: note.map(|x| x.weights.bits),
            bits_why: note.and_then(|x| x.weights.why.clone()),
            group: note.and_then(|x| x.weights.group),
            error: None,
            spread: spread(q, l.value, value),
        }
    };
    lowered.layers.iter().map(row).collect()
}

/// How the values of a result were spread in calibration, and what its codes reach.
fn spread(q: &Quantized, v: ValueId, value: &Value) -> Option<Spread> {
    let (seen, quant) = (q.spreads.get(q.origin.get(&v)?)?, value.quant.as_ref()?);
    let (lo, hi) = value.dtype.int_range()?;
    Some(Spread { codes: (quant.real(i64::from(lo)), quant.real(i64::from(hi))), ..seen.clone() })
}

/// Fills in what each layer costs by the target's table; returns the sum.
fn forecast(o: &Request, lowered: &Lowered, layers: &mut [Layer]) -> Result<Option<Forecast>> {
    let Some((prices, costs)) = costs(o, lowered)? else { return Ok(None) };
    layers.iter_mut().zip(&costs).for_each(|(row, &one)| row.forecast = Some(one));
    Ok(Some(Forecast { cost: costs.iter().sum(), unit: prices.unit.name().into(), mean_error: prices.mean_error }))
}

/// What each layer costs by the target's table, if it has one.
///
/// # Errors
/// E302 for a table that is malformed.
pub(crate) fn costs(o: &Request, lowered: &Lowered) -> Result<Option<(mcompc_cost::Prices, Vec<f64>)>> {
    let Some(prices) = mcompc_cost::prices(&o.target, o.backend)? else { return Ok(None) };
    let vector = usize::from(o.target.machine(o.backend)?.vector_bytes);
    let costs = crate::decoding::work(lowered, vector)?.iter().map(|w| prices.of(w).round()).collect();
    Ok(Some((prices, costs)))
}

/// Smallest and largest multiplier of a node: an attribute, a list, or the constant input 3 of `q.conv` and `q.dense`.
fn multiplier(g: &Graph, n: NodeId) -> Option<(i64, i64)> {
    let node = g.node(n);
    let list = match node.op.as_str() {
        "q.conv" | "q.dense" => g.inputs_of(n).get(3).and_then(|&v| g.const_of(v)).and_then(|t| t.to_i64_vec().ok()),
        _ => node.attrs.int("m").ok().map(|m| vec![m]).or_else(|| node.attrs.ints("m").ok().map(<[i64]>::to_vec)),
    }?;
    Some((*list.iter().min()?, *list.iter().max()?))
}

fn memory(l: &Lowered) -> Memory {
    let steps = l.buffers.iter().map(|b| b.last + 1).max().unwrap_or(0).max(l.layers.len());
    let buffers = l.buffers.iter().zip(&l.plan.offsets).enumerate().map(|(i, (b, &offset))| {
        let layer = l.layers.get(b.first);
        let scratch = layer.is_some_and(|x| x.scratch == Some(i));
        let name = layer.map_or("copy", |x| x.name.as_str());
        Buffer {
            name: if l.decoder == Some(i) {
                "decoder of weights".into()
            } else if scratch {
                format!("{name} (scratch)")
            } else {
                name.into()
            },
            offset: offset as u64,
            bytes: b.bytes as u64,
            first: b.first,
            last: b.last,
        }
    });
    let buffers: Vec<Buffer> = buffers.collect();
    let live = (0..steps).map(|s| buffers.iter().filter(|b| b.first <= s && s <= b.last).map(|b| b.bytes).sum()).collect();
    Memory { arena_bytes: l.arena_bytes as u64, arena_align: l.arena_align as u64, steps, buffers, live }
}

/// All files of the output folder.
///
/// # Errors
/// E009 if object or report are malformed, E002 for a layer dump of a model without layers.
pub fn package(o: &Request, c: &Compiled, report: &Report) -> Result<Vec<mcompc_package::File>> {
    mcompc_package::render(&package_input(o, c, report)?)
}

/// What they are made from.
pub(crate) fn package_input(o: &Request, c: &Compiled, report: &Report) -> Result<PackageInput> {
    let (inputs, outputs) = specs(&c.front, &c.quantized.graph)?;
    let arch = o.target.rust_triple.split('-').next().unwrap_or_default();
    Ok(PackageInput {
        name: o.name.clone(),
        target: o.target.name.clone(),
        arch: rust_arch(arch).into(),
        variants: vec![],
        requires: o.target.requires.clone(),
        os: o.target.is_macho().then(|| if o.target.rust_triple.ends_with("darwin") { "macos".into() } else { "ios".into() }),
        object: c.built.object.clone(),
        inputs,
        outputs,
        states: states(&c.front, &c.quantized.graph)?,
        arena_bytes: c.built.lowered.arena_bytes,
        arena_align: c.built.lowered.arena_align,
        sizes: sizes(report),
        slices: c.built.lowered.slices,
        coded: c.built.lowered.decoder.is_some(),
        layers: if o.firmware.dumps(c.built.lowered.layers.len())? { layer_specs(c) } else { vec![] },
        model_hash: c.front.sha256.clone(),
        forms: o.firmware.forms.clone(),
        version: VERSION.into(),
        report_json: report.json()?,
        report_html: report.html(),
    })
}

/// Bytes by kind. The object's sections give code and constants; the module tells weights from tables.
fn sizes(report: &Report) -> Sizes {
    let t = &report.totals;
    Sizes { code: t.code_bytes, tables: t.table_bytes(), weights: t.stored_weight_bytes, stack: Some(t.stack_bytes) }
}

fn layer_specs(c: &Compiled) -> Vec<LayerSpec> {
    let spec = |l: &mcompc_lower::Layer| {
        let v = c.quantized.graph.value(l.value);
        LayerSpec {
            name: l.name.clone(),
            op: l.op.clone(),
            dtype: v.dtype,
            shape: v.shape.clone(),
            quant: v.quant.clone(),
            place: match l.result {
                Located::Output(i) => Place::Output(i),
                Located::Arena(at) => Place::Arena(at),
            },
        }
    };
    c.built.lowered.layers.iter().map(spec).collect()
}

/// Rust's `target_arch` for the first part of a Rust triple.
fn rust_arch(first: &str) -> &str {
    match first {
        a if a.starts_with("thumb") || a.starts_with("armv") => "arm",
        a if a.starts_with("riscv64") => "riscv64",
        a if a.starts_with("riscv32") => "riscv32",
        a => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Firmware, Silent, build};
    use mcompc_target::{Backend, Target};

    /// Two nodes of one name and operator, of different shapes and zero points.
    const GRAPH: &str = "graph \"g\" {\n%0 = input() \"x\" -> \"x\" i8[1, 8] q(0.5, 0)\n\
        %1 = input() \"y\" -> \"y\" i8[1, 12] q(0.5, 0)\n\
        %2 = q.rescale(%1) \"a\" {m = 1610612736, pre = 0, shift = 1, lo = -128, hi = 127} -> \"b\" i8[1, 12] q(0.5, -7)\n\
        %3 = q.rescale(%0) \"a\" {m = 1610612736, pre = 0, shift = 1, lo = -128, hi = 127} -> \"a\" i8[1, 8] q(0.5, 3)\n\
        inputs(%0, %1)\noutputs(\"a\" = %3, \"b\" = %2)\n}\n";

    #[test]
    fn layers_of_one_name_are_told_apart_by_their_values() -> Result<()> {
        let graph = mcompc_ir::parse(GRAPH)?;
        let built = build("g", "", &graph, (&Target::by_name("x86_64")?, Backend::Cranelift), &Firmware::default(), &Silent)?;
        let q = Quantized { graph, ..Default::default() };
        let rows = layers(&q, &built.lowered);
        assert_eq!(rows.len(), 2);
        for (row, l) in rows.iter().zip(&built.lowered.layers) {
            let v = q.graph.value(l.value);
            assert_eq!((&row.shape, row.zero_point), (&v.shape, v.quant.as_ref().map(Quant::zero_point)));
        }
        Ok(())
    }

    #[test]
    fn scratch_is_what_the_plan_says() -> Result<()> {
        let graph = mcompc_ir::parse(GRAPH)?;
        let mut l = build("g", "", &graph, (&Target::by_name("x86_64")?, Backend::Cranelift), &Firmware::default(), &Silent)?.lowered;
        let buffer = |first| mcompc_plan::Buffer { bytes: 8, align: 16, first, last: 1, may_alias: None };
        l.buffers = vec![buffer(0), buffer(0), buffer(1)];
        l.plan.offsets = vec![0, 16, 32];
        l.layers[1].scratch = Some(2);
        let names: Vec<String> = memory(&l).buffers.into_iter().map(|b| b.name).collect();
        assert_eq!(names, ["a", "a", "a (scratch)"]);
        Ok(())
    }
}
