//! From graph to module: a call for every node, buffers at planned offsets, kernels shared, and the entry function.

use crate::conv::{conv_kernel, dense_kernel};
use crate::depthwise::depthwise_kernel;
use crate::elementwise::{LinComb, Operand, add_kernel, lut_kernel, mul_kernel, rescale_kernel};
use crate::emit::{Arg, Call};
use crate::movement::{concat_kernel, copy_kernel, pad_kernel, transpose_kernel};
use crate::pool::{PoolKind, pool_kernel};
use crate::softmax::softmax_kernel;
use crate::spec::{conv_spec, geometry, mem_of, rescale_of};
use crate::steps::{self, ALIGN, Interface, Source, Step};
use mcompc_ir::{Code, Error, Graph, NodeId, Result, ValueId};
use mcompc_kernel::{Data, Inst, Machine, Module, Op};
use mcompc_plan::{Buffer, Plan, check, plan};
use std::collections::{BTreeMap, BTreeSet};

/// Choices of the lowering.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Prefix of the exported symbol: `<name>_run`.
    pub name: String,
    /// Whether there is `<name>_run_slice` too, which runs one step a call.
    pub slices: bool,
}

/// Where a layer leaves its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// In an output of the graph.
    Output(usize),
    /// From this byte of the arena on, until a later layer takes the place over.
    Arena(usize),
}

/// One layer as it will run.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// ONNX name of the node.
    pub name: String,
    /// Integer operator.
    pub op: String,
    /// ONNX nodes merged into it.
    pub fused: Vec<String>,
    /// Kernel function in the object.
    pub kernel: String,
    /// Multiply-accumulates (element operations for the others).
    pub macs: u64,
    /// Bytes of weights and tables it reads.
    pub const_bytes: usize,
    /// Arena bytes live while it runs, scratch included.
    pub live_bytes: usize,
    /// Scratch bytes of the kernel.
    pub scratch_bytes: usize,
    /// The value it computes, in the integer graph.
    pub value: ValueId,
    /// Where that value lies when the layer has run.
    pub result: Located,
}

/// The result of lowering.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Kernels, constant data and the exported entry function (inputs, outputs, arena).
    pub module: Module,
    /// Name of the entry function.
    pub entry: String,
    /// Steps of `<name>_run_slice`: the layers in their order, then the copies that outputs of one value need. 0 without that function.
    pub slices: usize,
    /// Arena the caller provides.
    pub arena_bytes: usize,
    /// Its alignment.
    pub arena_align: usize,
    /// Layers in order of execution.
    pub layers: Vec<Layer>,
    /// Planned buffers, for the report.
    pub buffers: Vec<Buffer>,
    /// Their offsets.
    pub plan: Plan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Input(usize),
    Output(usize),
    Arena(usize),
}

/// Lowers a fully integer graph for a machine.
pub fn lower(g: &Graph, m: &Machine, o: &Options) -> Result<Lowered> {
    let mut alias: BTreeMap<ValueId, ValueId> = BTreeMap::new();
    let order = g.topo()?;
    for &n in &order {
        if g.node(n).op == "Reshape" || g.node(n).op == "Transpose" && moves_nothing(g, n)? {
            alias.insert(g.out(n), g.inputs_of(n)[0]);
        }
    }
    let root = |mut v: ValueId| {
        while let Some(&r) = alias.get(&v) {
            v = r;
        }
        v
    };
    // Only the arena's alignment is ours to promise.
    let foreign: BTreeSet<ValueId> = g.inputs.iter().map(|&n| g.out(n)).chain(g.outputs.iter().map(|o| root(o.value))).collect();
    let mut calls: Vec<(NodeId, Call)> = Vec::new();
    for &n in &order {
        let node = g.node(n);
        if matches!(node.op.as_str(), "input" | "const") || alias.contains_key(&g.out(n)) {
            continue;
        }
        let x_align = if foreign.contains(&root(g.inputs_of(n)[0])) { 1 } else { ALIGN as u8 };
        calls.push((n, call_of(g, n, m, x_align).map_err(|e| e.at(node.name.clone()))?));
    }

    // Outputs that are inputs, or the same value twice, need a copy of their own.
    let mut places: BTreeMap<ValueId, Place> = BTreeMap::new();
    for (i, &n) in g.inputs.iter().enumerate() {
        places.insert(g.out(n), Place::Input(i));
    }
    let mut copies: Vec<(ValueId, usize)> = Vec::new();
    for (i, out) in g.outputs.iter().enumerate() {
        let r = root(out.value);
        if let std::collections::btree_map::Entry::Vacant(e) = places.entry(r) {
            e.insert(Place::Output(i));
        } else {
            copies.push((r, i));
        }
    }

    // Live ranges of everything in the arena.
    let mut buffers: Vec<Buffer> = Vec::new();
    let mut scratch: Vec<Option<usize>> = Vec::new();
    for (step, (n, call)) in calls.iter().enumerate() {
        for a in &call.args {
            if let Arg::Value(v) = a
                && let Some(Place::Arena(b)) = places.get(&root(*v))
            {
                let last: &mut usize = &mut buffers[*b].last;
                *last = step;
            }
        }
        let y = g.out(*n);
        places.entry(y).or_insert_with(|| {
            buffers.push(Buffer { bytes: g.value(y).bytes(), align: ALIGN, first: step, last: step, may_alias: None });
            Place::Arena(buffers.len() - 1)
        });
        let s = call.args.iter().find_map(|a| if let Arg::Scratch(b) = a { Some(*b) } else { None });
        scratch.push(s.map(|bytes| {
            buffers.push(Buffer { bytes, align: ALIGN, first: step, last: step, may_alias: None });
            buffers.len() - 1
        }));
    }
    let end = calls.len();
    for (v, _) in &copies {
        if let Some(Place::Arena(b)) = places.get(v) {
            buffers[*b].last = end;
        }
    }
    for (step, (n, call)) in calls.iter().enumerate() {
        let Some(Place::Arena(y)) = places.get(&g.out(*n)).copied() else { continue };
        buffers[y].may_alias = call.in_place.iter().find_map(|v| match places.get(&root(*v)) {
            Some(Place::Arena(x)) if *x != y && buffers[*x].last == step && buffers[*x].bytes == buffers[y].bytes => Some(*x),
            _ => None,
        });
    }
    let p = plan(&buffers);
    check(&buffers, &p)?;

    let mut asm = Assembly { module: Module::default(), kernels: BTreeMap::new() };
    let size = |v: ValueId| g.value(v).bytes();
    let interface = Interface {
        inputs: g.inputs.iter().map(|&n| (g.node(n).name.clone(), size(g.out(n)))).collect(),
        outputs: g.outputs.iter().map(|x| (x.name.clone(), size(x.value))).collect(),
        arena: p.total,
    };
    let at = |v: ValueId| -> Result<Source> {
        Ok(match places.get(&root(v)) {
            Some(Place::Input(i)) => Source::Input(*i),
            Some(Place::Output(i)) => Source::Output(*i),
            Some(Place::Arena(k)) => Source::Arena(p.offsets[*k]),
            None => return Err(Error::new(Code::Internal, format!("value `{}` has no place", g.value(v).name))),
        })
    };
    let mut layers = Vec::new();
    let mut list = Vec::new();
    for (step, (n, call)) in calls.into_iter().enumerate() {
        let node = g.node(n);
        let mut args = Vec::new();
        let mut const_bytes = 0;
        for a in call.args {
            args.push(match a {
                Arg::Value(v) => match g.const_of(root(v)) {
                    Some(t) => {
                        const_bytes += t.bytes().len();
                        Source::Data(asm.data(t.bytes().to_vec(), ALIGN as u32, true))
                    }
                    None => at(v)?,
                },
                Arg::Data { bytes, align, weights } => {
                    const_bytes += bytes.len();
                    Source::Data(asm.data(bytes, align, weights))
                }
                Arg::Scratch(_) => Source::Arena(scratch[step].map_or(0, |s| p.offsets[s])),
            });
        }
        let kernel = asm.kernel(call.func, &call.rows);
        list.push(Step { kernel: kernel.clone(), args });
        let result = match at(g.out(n))? {
            Source::Output(i) => Located::Output(i),
            Source::Arena(offset) => Located::Arena(offset),
            _ => return Err(Error::new(Code::Internal, "a layer writes over an input").at(node.name.clone())),
        };
        layers.push(Layer {
            name: node.name.clone(),
            op: node.op.clone(),
            fused: node.fused.clone(),
            kernel,
            macs: call.macs,
            const_bytes,
            live_bytes: buffers.iter().filter(|x| x.first <= step && step <= x.last).map(|x| x.bytes).sum(),
            scratch_bytes: scratch[step].map_or(0, |s| buffers[s].bytes),
            value: g.out(n),
            result,
        });
    }
    for (v, out) in copies {
        let c = copy_kernel(m, size(v), v, g.outputs[out].value)?;
        let kernel = asm.kernel(c.func, &[]);
        list.push(Step { kernel, args: vec![at(v)?, Source::Output(out)] });
    }
    let entry = format!("{}_run", o.name);
    asm.module.funcs.push(steps::run(entry.clone(), &interface, &list));
    if o.slices {
        asm.module.funcs.push(steps::run_slice(format!("{entry}_slice"), &interface, &list));
    }
    let slices = if o.slices { list.len() } else { 0 };
    Ok(Lowered { module: asm.module, entry, slices, arena_bytes: p.total, arena_align: ALIGN, layers, buffers, plan: p })
}

struct Assembly {
    module: Module,
    // Text of a kernel without its name, to its name.
    kernels: BTreeMap<String, String>,
}

impl Assembly {
    // Adds a kernel, or finds the one with the same body.
    fn kernel(&mut self, mut f: mcompc_kernel::Func, rows: &[mcompc_kernel::Row]) -> String {
        let ids: Vec<u16> = rows.iter().map(|r| self.module.row(r)).collect();
        renumber(&mut f.body.insts, &ids);
        let kind = std::mem::take(&mut f.name);
        let key = format!("{kind} {f:?}");
        if let Some(n) = self.kernels.get(&key) {
            return n.clone();
        }
        let name = format!("k{}_{kind}", self.kernels.len());
        f.name = name.clone();
        self.kernels.insert(key, name.clone());
        self.module.funcs.push(f);
        name
    }

    // Adds constant data, or finds equal data.
    fn data(&mut self, bytes: Vec<u8>, align: u32, weights: bool) -> String {
        if let Some(d) = self.module.data.iter().find(|d| d.bytes == bytes && d.align >= align && d.weights == weights) {
            return d.name.clone();
        }
        let name = format!("d{}", self.module.data.len());
        self.module.data.push(Data { name: name.clone(), bytes, align, weights, export: false });
        name
    }
}

fn renumber(insts: &mut [Inst], ids: &[u16]) {
    for i in insts {
        match i {
            Inst::Op { op: Op::Contract { row, .. }, .. } => *row = ids[*row as usize],
            Inst::For { body, .. } => renumber(&mut body.insts, ids),
            Inst::If { then, els, .. } => {
                renumber(&mut then.insts, ids);
                renumber(&mut els.insts, ids);
            }
            _ => {}
        }
    }
}

// A transpose that only moves dimensions of size 1.
fn moves_nothing(g: &Graph, n: NodeId) -> Result<bool> {
    let shape = &g.value(g.inputs_of(n)[0]).shape;
    let perm = g.node(n).attrs.usizes("perm")?;
    let big: Vec<usize> = perm.into_iter().filter(|&p| shape[p] != 1).collect();
    Ok(big.windows(2).all(|w| w[0] < w[1]))
}

fn call_of(g: &Graph, n: NodeId, m: &Machine, x_align: u8) -> Result<Call> {
    let node = g.node(n);
    let ins = g.inputs_of(n);
    let y = g.out(n);
    let elems = g.value(y).elems();
    let operand = |i: usize| -> Result<Operand> {
        let v = g.value(ins[i]);
        let zp = v.quant.map(|q| q.zero_point).ok_or_else(|| Error::new(Code::Internal, format!("`{}` has no quantization", v.name)))?;
        Ok(Operand { value: ins[i], mem: mem_of(v)?, zp })
    };
    let int = |name: &str| -> Result<i32> {
        i32::try_from(node.attrs.int(name)?).map_err(|_| Error::new(Code::Internal, format!("attribute `{name}` passes 32 bits")))
    };
    let konst = |i: usize| ins.get(i).and_then(|&v| g.const_of(v)).ok_or_else(|| Error::new(Code::Internal, "a table is not constant"));
    match node.op.as_str() {
        "q.conv" => {
            let (s, depthwise) = conv_spec(g, n, x_align)?;
            if depthwise { depthwise_kernel(&s, m, ins[0], y) } else { conv_kernel(&s, m, ins[0], y) }
        }
        "q.dense" => dense_kernel(&conv_spec(g, n, x_align)?.0, m, ins[0], y),
        "q.add" => {
            let k = LinComb { a: int("a")?, b: int("b")?, c: int("c")?, shift: int("shift")?, lo: int("lo")?, hi: int("hi")? };
            add_kernel(m, elems, k, operand(0)?, operand(1)?, y)
        }
        "q.mul" => mul_kernel(m, elems, g.value(ins[1]).elems(), int("m")?, rescale_of(g, n)?, [operand(0)?, operand(1)?], y),
        "q.rescale" => rescale_kernel(m, elems, int("m")?, rescale_of(g, n)?, operand(0)?, y),
        "q.lut" => lut_kernel(elems, &konst(1)?.as_i8()?, operand(0)?, y),
        "q.softmax" => {
            let shape = &g.value(ins[0]).shape;
            let last = shape.last().copied().unwrap_or(1);
            softmax_kernel(elems / last.max(1), last, int("bits")? as u32, &konst(1)?.as_i32()?, operand(0)?, y)
        }
        "q.avgpool" | "q.maxpool" => {
            let k = node.attrs.usizes("kernel")?;
            let [kh, kw] = k[..] else { return Err(Error::new(Code::UnsupportedAttr, "attribute `kernel` needs 2 values")) };
            let geo = geometry(g, n, kh, kw)?;
            let x = operand(0)?;
            let kind = if node.op == "q.maxpool" {
                PoolKind::Max
            } else {
                let mult = node.attrs.ints("m")?.iter().map(|&v| v as i32).collect();
                PoolKind::Average { zp_x: x.zp, mult, rescale: rescale_of(g, n)? }
            };
            pool_kernel(&geo, &kind, x.mem, m, ins[0], y)
        }
        "Transpose" => transpose_kernel(m, &g.value(ins[0]).shape, &node.attrs.usizes("perm")?, ins[0], y),
        "Concat" => {
            let axis = int("axis")? as usize;
            let shape = &g.value(y).shape;
            let outer: usize = shape[..axis].iter().product();
            let inner: Vec<usize> = ins.iter().map(|&v| g.value(v).shape[axis..].iter().product()).collect();
            concat_kernel(m, outer, &inner, &ins, y)
        }
        "Pad" => {
            let shape = g.value(ins[0]).shape.clone();
            let pads = node.attrs.usizes("pads")?;
            let (before, after) = pads.split_at(shape.len());
            let fill = if node.attrs.get("code").is_some() { int("code")? } else { operand(0)?.zp };
            pad_kernel(m, &shape, before, after, fill, ins[0], y)
        }
        op => Err(Error::new(Code::NoInteger, format!("operator `{op}` has no kernel"))),
    }
}
