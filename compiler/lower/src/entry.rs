//! From graph to module: a call for every node, buffers at planned offsets, kernels shared, and the entry function.

use crate::coded;
use crate::emit::{Arg, Call};
use crate::movement::copy_kernel;
use crate::operators::call_of;
use crate::steps::{self, ALIGN, Interface, Source, Step};
use crate::unpack;
use mcompc_ir::{Code, Error, Graph, NodeId, Result, ValueId};
use mcompc_kernel::{Data, Inst, Machine, Module, Op};
use mcompc_plan::{Buffer, Plan, check, plan};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Choices of the lowering.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Prefix of the exported symbol: `<name>_run`.
    pub name: String,
    /// Whether there is `<name>_run_slice` too, which runs one step a call.
    pub slices: bool,
    /// Which layers' weights are entropy-coded, to be decoded into the arena right before the layer runs.
    pub weights: Weights,
    /// Results of layers whose weights are stored as they are, whatever `weights` says.
    pub spared: BTreeSet<ValueId>,
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// As the kernels read them.
    #[default]
    Stored,
    /// Entropy-coded where that takes less flash.
    Coded,
    /// Entropy-coded in every layer that has a form with weights in bytes, for tests.
    AllCoded,
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
    /// Of them, packed weights.
    pub weight_bytes: usize,
    /// Its kernel's scratch, in [`Lowered::buffers`].
    pub scratch: Option<usize>,
    /// The value it computes, in the integer graph.
    pub value: ValueId,
    /// Where that value lies when the layer has run.
    pub result: Located,
    /// Number of its kernel's call among the entry function's; that of the decoder comes right before it.
    pub call: usize,
    /// Where its weights are coded.
    pub coded: Option<Coded>,
}

/// Of a layer with coded weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Bytes that its constants would take otherwise.
    pub plain: usize,
    /// Blocks that are decoded: calls of [`UNPACK`]'s second function, after one of its first.
    pub blocks: usize,
}

/// The functions that decode: the table of a layer, and a block of codes.
pub const UNPACK: [&str; 2] = ["k0_unpack_table", "k1_unpack_block"];

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
    /// The buffer of the decoder, where weights are coded: its table, its state, and the status that the entry function returns.
    pub decoder: Option<usize>,
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
        let node = g.node(n);
        node.outs.iter().try_for_each(|v| addressable(&v.name, v.dtype.size(), &v.shape)).map_err(|e| e.at(node.name.clone()))?;
        if node.op == "Reshape" || node.op == "Transpose" && moves_nothing(g, n).map_err(|e| e.at(node.name.clone()))? {
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
    let (mut nodes, mut calls, mut variants) = (Vec::new(), Vec::new(), Vec::new());
    for &n in &order {
        let node = g.node(n);
        if matches!(node.op.as_str(), "input" | "const") || alias.contains_key(&g.out(n)) {
            continue;
        }
        let x = root(g.inputs_of(n)[0]);
        let x_align = if foreign.contains(&x) { g.value(x).dtype.size() as u8 } else { ALIGN as u8 };
        let call = |bytes| call_of(g, n, m, x_align, bytes).map_err(|e| e.at(node.name.clone()));
        nodes.push(n);
        calls.push(call(false)?);
        variants.push(
            if o.weights != Weights::Stored
                && !o.spared.contains(&g.out(n))
                && matches!(node.op.as_str(), "q.conv" | "q.dense")
                && g.value(x).dtype != mcompc_ir::DType::I32
                && g.value(g.inputs_of(n)[1]).dtype == mcompc_ir::DType::I8
            {
                Some(call(true)?)
            } else {
                None
            },
        );
    }
    let coded = coded::plan(&mut calls, variants, o.weights == Weights::AllCoded);
    let calls: Vec<(NodeId, Call)> = nodes.into_iter().zip(calls).collect();

    // Outputs that are inputs or constants, or the same value twice, need a copy of their own.
    let mut places: BTreeMap<ValueId, Place> = BTreeMap::new();
    for (i, &n) in g.inputs.iter().enumerate() {
        places.insert(g.out(n), Place::Input(i));
    }
    let mut copies: Vec<(ValueId, usize)> = Vec::new();
    for (i, out) in g.outputs.iter().enumerate() {
        let r = root(out.value);
        match places.entry(r) {
            Entry::Vacant(e) if g.const_of(r).is_none() => {
                e.insert(Place::Output(i));
            }
            _ => copies.push((r, i)),
        }
    }

    // Live ranges of everything in the arena.
    let mut buffers: Vec<Buffer> = Vec::new();
    let (mut scratch, mut decoded): (Vec<Option<usize>>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
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
        let w = call.args.iter().find_map(|a| if let Arg::Decoded(b) = a { Some(*b) } else { None });
        for (bytes, list) in [(s, &mut scratch), (w, &mut decoded)] {
            list.push(bytes.map(|bytes| {
                buffers.push(Buffer { bytes, align: ALIGN, first: step, last: step, may_alias: None });
                buffers.len() - 1
            }));
        }
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
    let mut p = plan(&buffers);
    check(&buffers, &p)?;
    // The decoder's memory comes first, so that the rest is one piece.
    let decoder = coded.archive.as_ref().map(|_| {
        p.offsets.iter_mut().for_each(|o| *o += unpack::WORK);
        p.total += unpack::WORK;
        buffers.push(Buffer { bytes: unpack::WORK, align: ALIGN, first: 0, last: end.saturating_sub(1), may_alias: None });
        p.offsets.push(0);
        buffers.len() - 1
    });
    addressable("arena", 1, &[p.total])?;

    let mut asm = Assembly { module: Module::default(), kernels: BTreeMap::new() };
    let size = |v: ValueId| g.value(v).bytes();
    let aligned = |v: ValueId| g.value(v).dtype.size() as u8;
    let mut interface = Interface {
        inputs: g.inputs.iter().map(|&n| (g.node(n).name.clone(), size(g.out(n)), aligned(g.out(n)))).collect(),
        outputs: g.outputs.iter().map(|x| (x.name.clone(), size(x.value), aligned(x.value))).collect(),
        arena: p.total,
        unpack: None,
    };
    let at = |v: ValueId| -> Result<Source> {
        Ok(match places.get(&root(v)) {
            Some(Place::Input(i)) => Source::Input(*i),
            Some(Place::Output(i)) => Source::Output(*i),
            Some(Place::Arena(k)) => Source::Arena(p.offsets[*k]),
            None => return Err(Error::new(Code::Internal, format!("value `{}` has no place", g.value(v).name))),
        })
    };
    let most = coded.most();
    if let Some(bytes) = coded.archive {
        let [table, block] = [unpack::table(bytes.len()), unpack::block(bytes.len())].map(|f| asm.kernel(f, &[]));
        let layer = unpack::layer(p.total - unpack::WORK, most, [&table, &block]);
        interface.unpack = Some(asm.kernel(layer, &[]));
        asm.module.data.push(Data { name: unpack::ARCHIVE.into(), bytes, align: 4, weights: true, export: false });
    }
    let (mut layers, mut calls_made) = (Vec::new(), 0);
    let mut list = Vec::new();
    for (step, (n, call)) in calls.into_iter().enumerate() {
        let node = g.node(n);
        let mut args = Vec::new();
        let (mut const_bytes, mut weight_bytes) = (0, 0);
        for a in call.args {
            args.push(match a {
                Arg::Value(v) => match g.const_of(root(v)) {
                    Some(t) => {
                        const_bytes += t.bytes().len();
                        weight_bytes += t.bytes().len();
                        Source::Data(asm.data(t.bytes().to_vec(), ALIGN as u32, true))
                    }
                    None => at(v)?,
                },
                Arg::Data { bytes, align, weights } => {
                    const_bytes += bytes.len();
                    weight_bytes += if weights { bytes.len() } else { 0 };
                    Source::Data(asm.data(bytes, align, weights))
                }
                Arg::Scratch(_) => Source::Arena(scratch[step].map_or(0, |s| p.offsets[s])),
                Arg::Decoded(_) => Source::Arena(decoded[step].map_or(0, |s| p.offsets[s])),
            });
        }
        let kernel = asm.kernel(call.func, &call.rows);
        let unpacked = coded.layers.get(&step);
        let unpack = unpacked.map(|u| {
            const_bytes += u.stored;
            weight_bytes += u.stored;
            calls_made += 1;
            let place = decoded[step].map_or(0, |s| p.offsets[s] - unpack::WORK);
            asm.data(u.layer.at(place as u32 / 4).bytes(), 4, true)
        });
        list.push(Step { kernel: kernel.clone(), args, unpack });
        calls_made += 1;
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
            weight_bytes,
            scratch: scratch[step],
            value: g.out(n),
            result,
            call: calls_made - 1,
            coded: unpacked.map(|u| Coded { plain: u.plain, blocks: u.layer.blocks.into() }),
        });
    }
    for (v, out) in copies {
        let c = copy_kernel(m, size(v), v, g.outputs[out].value)?;
        let kernel = asm.kernel(c.func, &[]);
        let from = match g.const_of(v) {
            Some(t) => Source::Data(asm.data(t.bytes().to_vec(), ALIGN as u32, true)),
            None => at(v)?,
        };
        list.push(Step { kernel, args: vec![from, Source::Output(out)], unpack: None });
    }
    let entry = format!("{}_run", o.name);
    asm.module.funcs.push(steps::run(entry.clone(), &interface, &list));
    if o.slices {
        asm.module.funcs.push(steps::run_slice(format!("{entry}_slice"), &interface, &list));
    }
    let slices = if o.slices { list.len() } else { 0 };
    Ok(Lowered { module: asm.module, entry, slices, arena_bytes: p.total, arena_align: ALIGN, layers, buffers, plan: p, decoder })
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

// Kernels compute addresses in 32 bits, and their loops run at least once.
fn addressable(what: &str, size: usize, shape: &[usize]) -> Result<()> {
    let bytes = shape.iter().fold(size, |a, &b| a.saturating_mul(b));
    if shape.contains(&0) && what != "arena" {
        return Err(Error::new(Code::BadShape, format!("`{what}` of shape {shape:?} has no elements"))
            .hint("give every dimension a size of 1 or more"));
    }
    if bytes > i32::MAX as usize {
        return Err(Error::new(Code::Limit, format!("`{what}` has {bytes} bytes, more than 32-bit offsets reach"))
            .hint("shrink the image or the batch, or split the model"));
    }
    Ok(())
}

// A transpose that only moves dimensions of size 1.
fn moves_nothing(g: &Graph, n: NodeId) -> Result<bool> {
    let shape = &g.value(g.inputs_of(n)[0]).shape;
    let perm = g.node(n).attrs.usizes("perm")?;
    let big: Vec<usize> = perm.into_iter().filter(|&p| shape[p] != 1).collect();
    Ok(big.windows(2).all(|w| w[0] < w[1]))
}
