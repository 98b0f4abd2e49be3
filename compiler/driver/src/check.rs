//! The check of an artefact before it is written: every layer of the very module that was translated runs on the kernel interpreter, and
//! the object runs here where this computer can run it; each byte is compared with what the integer executor computes.
//!
//! The interpreter's time is bounded: a layer that takes more than its share is ended early. Bytes that it had not written by then still
//! show the complement of the right ones, so what it did write is compared all the same, and the layers behind it start from right bytes.

use crate::blame::first_wrong;
use crate::inputs::random;
use crate::progress::{Progress, timed};
use crate::request::Request;
use crate::stages::{Built, Compiled, codes};
use crate::verify::{Native, Runner};
use mcompc_data::Dataset;
use mcompc_interp::FastInt;
use mcompc_ir::{Code, Error, Graph, Result, Tensor, ValueId};
use mcompc_kernel::interp::{Arg, Buf, Memory, Program, View, Watch};
use mcompc_lower::{Located, Lowered};
use mcompc_report::Check;
use std::collections::BTreeMap;

/// Instructions of the kernel interpreter for one sample: together with the executor's, under a second for a network of 300 million
/// multiply-accumulates.
const STEPS: f64 = 4e7;

/// Runs the first calibration sample, and one of made-up codes that use the whole range of each input's type.
///
/// # Errors
/// E601 with the layer's name at the first byte that differs; nothing may be written then.
pub fn check(o: &Request, c: &Compiled, progress: &dyn Progress) -> Result<Check> {
    check_variant(o, c, &c.built, progress)
}

/// [`check`] of other code for the same integers: a variant of a bundle.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_variant(o: &Request, c: &Compiled, built: &Built, progress: &dyn Progress) -> Result<Check> {
    timed(progress, "checking the code", || run(o, &c.quantized.graph, built, &samples(o, c)?))
}

/// What the inputs of a sample are called, and their codes.
type Sample = (String, Vec<Tensor>);

fn samples(o: &Request, c: &Compiled) -> Result<Vec<Sample>> {
    let graph = &c.quantized.graph;
    let mut all: Vec<Sample> = random(graph, 1)?.into_iter().map(|s| ("made-up inputs".to_owned(), s)).collect();
    if let Some(path) = &o.calib
        && let Some(sample) = Dataset::open(path)?.samples(&c.front.inputs)?.next()
    {
        all.push(("calibration sample 0".to_owned(), codes(&c.front, graph, &sample?)?));
    }
    Ok(all)
}

fn run(o: &Request, g: &Graph, built: &Built, samples: &[Sample]) -> Result<Check> {
    let lowered = &built.lowered;
    let (exec, program) = (FastInt::new(g)?, Program::new(&lowered.module)?);
    let runs_here = o.target.runs_here();
    let native = if runs_here { Some(Native::new(built, g)?) } else { None };
    let shares = shares(lowered, usize::from(o.target.machine(o.backend)?.vector_bytes))?;
    let mut part = vec![false; lowered.layers.len()];
    for (name, inputs) in samples {
        let mut want: BTreeMap<ValueId, Vec<u8>> = BTreeMap::new();
        let outputs = exec.run(inputs, |v, t| {
            want.insert(v, t.bytes().to_vec());
        })?;
        let mut watch = Layers { g, lowered, want: &want, shares: &shares, part: &mut part, arena: None, outs: Vec::new(), wrong: None };
        interpret(g, lowered, &program, inputs, &outputs, &mut watch).map_err(|e| e.hint(format!("on {name}; {REPORT}")))?;
        if let Some(native) = &native {
            let have = native.run_all(std::slice::from_ref(inputs))?.into_iter().flatten().collect::<Vec<_>>();
            if let Some(wrong) =
                g.outputs.iter().zip(outputs.iter().zip(&have)).find_map(|(o, (w, h))| differs(&o.name, w.bytes(), h.bytes()))
            {
                // The object's layers cannot be seen from outside: the first one that differs is found by code for less and less of them.
                let layer = first_wrong(o, g, built, inputs, &want).unwrap_or(None);
                let at = layer.map_or(wrong.node.clone(), |k| Some(lowered.layers[k].name.clone()));
                return Err(Error { node: at, ..wrong }.hint(format!("native code, on {name}; {REPORT}")));
            }
        }
    }
    let names = lowered.layers.iter().zip(&part).filter(|(_, p)| **p).map(|(l, _)| l.name.clone());
    Ok(Check {
        samples: samples.iter().map(|s| s.0.clone()).collect(),
        layers: lowered.layers.len(),
        in_part: names.collect(),
        native: runs_here,
    })
}

const REPORT: &str = "a bug of the compiler, nothing was written: report it with the model and the command line";

/// The error for results that are not the wanted ones.
fn differs(node: &str, want: &[u8], have: &[u8]) -> Option<Error> {
    let at =
        want.iter().zip(have).position(|(w, h)| w != h).or_else(|| (want.len() != have.len()).then_some(want.len().min(have.len())))?;
    let count = want.iter().zip(have).filter(|(w, h)| w != h).count();
    let show = |b: Option<&u8>| b.map_or("missing".to_owned(), |&b| (b as i8).to_string());
    let what = format!(
        "byte {at} of the result is {}, the integer graph says {}; {count} of {} bytes differ",
        show(have.get(at)),
        show(want.get(at)),
        want.len()
    );
    Some(Error::new(Code::Mismatch, what).at(node))
}

/// Steps of the interpreter that each layer may take: all that it needs where the sum allows it, else every layer as many as leave
/// nothing over.
fn shares(l: &Lowered, vector_bytes: usize) -> Result<Vec<u64>> {
    // The decoder is called by itself, and is not ended early.
    let kernels = crate::decoding::kernels(l, vector_bytes)?;
    let needs: Vec<f64> = kernels.iter().map(|w| w.0.iter().sum()).collect();
    let mut sorted = needs.clone();
    sorted.sort_by(f64::total_cmp);
    let (mut left, mut level) = (STEPS, f64::INFINITY);
    for (i, n) in sorted.iter().enumerate() {
        let each = left / (sorted.len() - i) as f64;
        if *n > each {
            level = each;
            break;
        }
        left -= n;
    }
    // The estimate weighs vectors otherwise than the interpreter, so a layer that fits is not held to it.
    Ok(needs.iter().map(|n| if *n <= level { u64::MAX } else { (2.0 * level) as u64 }).collect())
}

fn interpret(g: &Graph, l: &Lowered, program: &Program<'_>, inputs: &[Tensor], outputs: &[Tensor], watch: &mut Layers<'_>) -> Result<()> {
    let mut mem = Memory::new();
    let mut args: Vec<Arg> = inputs.iter().map(|t| mem.add(t.bytes().to_vec()).into()).collect();
    watch.outs = g.outputs.iter().map(|o| mem.add(vec![0xa5; g.value(o.value).bytes()])).collect();
    args.extend(watch.outs.iter().map(|&b| Arg::from(b)));
    let arena = mem.add(vec![0x5a; l.arena_bytes]);
    watch.arena = Some(arena);
    args.push(arena.into());
    let done = program.watch(&l.entry, &mut mem, &args, watch);
    if let Some(e) = watch.wrong.take() {
        return Err(e);
    }
    done?;
    match g.outputs.iter().zip(outputs).zip(&watch.outs).find_map(|((o, w), &b)| differs(&o.name, w.bytes(), mem.bytes(b))) {
        Some(e) => Err(e),
        None => Ok(()),
    }
}

/// Compares each layer's result as soon as it stands.
struct Layers<'a> {
    g: &'a Graph,
    lowered: &'a Lowered,
    want: &'a BTreeMap<ValueId, Vec<u8>>,
    shares: &'a [u64],
    /// Layers that were ended early.
    part: &'a mut [bool],
    arena: Option<Buf>,
    outs: Vec<Buf>,
    wrong: Option<Error>,
}

impl Layers<'_> {
    /// The layer whose kernel a call of the entry function runs.
    fn layer(&self, call: usize) -> Option<usize> {
        self.lowered.layers.binary_search_by_key(&call, |l| l.call).ok()
    }
    /// Buffer, first byte and wanted bytes of a layer's result.
    fn result(&self, k: usize) -> Option<(Buf, usize, &[u8])> {
        let layer = self.lowered.layers.get(k)?;
        let want = self.want.get(&layer.value)?;
        match layer.result {
            Located::Output(i) => Some((*self.outs.get(i)?, 0, want)),
            Located::Arena(at) => Some((self.arena?, at, want)),
        }
    }
    /// Whether the layer writes over one of its own operands.
    fn in_place(&self, k: usize) -> bool {
        let (l, Located::Arena(at)) = (self.lowered, self.lowered.layers[k].result) else { return false };
        let own = l.buffers.iter().zip(&l.plan.offsets).filter(|(b, o)| b.first == k && **o == at);
        own.filter_map(|(b, _)| b.may_alias).any(|x| l.plan.offsets[x] == at)
    }
}

impl Watch for Layers<'_> {
    fn before(&mut self, call: usize, memory: &mut View<'_, '_>) -> u64 {
        // Other calls decode weights, or copy into outputs.
        let Some(k) = self.layer(call) else { return u64::MAX };
        let Some((buf, at, want)) = self.result(k) else { return u64::MAX };
        // What a layer in place has not written yet is an operand; it takes few steps and is never ended early.
        if self.in_place(k) {
            return u64::MAX;
        }
        let other: Vec<u8> = want.iter().map(|b| !b).collect();
        memory.bytes_mut(buf)[at..at + other.len()].copy_from_slice(&other);
        self.shares.get(k).copied().unwrap_or(u64::MAX)
    }
    fn after(&mut self, call: usize, whole: bool, memory: &mut View<'_, '_>) -> std::result::Result<(), String> {
        let Some(k) = self.layer(call) else { return Ok(()) };
        let Some((buf, at, want)) = self.result(k) else { return Ok(()) };
        let (g, want) = (self.g, want.to_vec());
        let have = &mut memory.bytes_mut(buf)[at..at + want.len()];
        if !whole {
            // What is left as it was is not wrong but not computed.
            have.iter_mut().zip(&want).filter(|(h, w)| **h == !**w).for_each(|(h, w)| *h = *w);
            self.part[k] = true;
        }
        match differs(&g.node(self.lowered.layers[k].value.node).name, &want, have) {
            None => Ok(()),
            Some(e) => {
                let text = e.to_string();
                self.wrong = Some(e);
                Err(text)
            }
        }
    }
}
