//! Kernels: for every machine description the kernel interpreter, layer by layer; native code by both back ends.

use super::differ::bytes_differ;
use super::emulate::Job;
use super::integer::Integer;
use super::{Config, Notes, Site, Step, at, mismatch};
use crate::network::Level;
use crate::outcome::{Kind, Outcome};
use mcompc_exec::{Arg as NativeArg, Buffer, Loaded, Need};
use mcompc_interp::Trace;
use mcompc_ir::{Graph, Result, Tensor};
use mcompc_kernel::Module;
use mcompc_kernel::interp::{Arg, Memory, Program};
use mcompc_lower::{Located, Lowered, Options, Weights, lower};
use mcompc_target::Backend;

/// Calls and loop rounds of one run, far above what networks of this size need.
const FUEL: u64 = 400_000_000;

pub(crate) fn run(config: &Config, sites: &[Site], integer: &Integer, level: Level, notes: &mut Notes, stage: &mut String) -> Step {
    let mut seen: Vec<Module> = Vec::new();
    let mut machines = Vec::new();
    for site in sites {
        let machine = site.target.machine(site.backend).map_err(at("machine"))?;
        let name = format!("[{}, {}]", level.name(), site.name());
        *stage = format!("lower {name}");
        let known = machines.iter().position(|(m, _)| *m == machine);
        if known.is_none() {
            let weights = if level == Level::Coded { Weights::AllCoded } else { Weights::Stored };
            let options = Options { name: "model".into(), slices: true, weights, ..Options::default() };
            let lowered = lower(&integer.graph, &machine, &options).map_err(at(stage))?;
            mcompc_kernel::verify(&lowered.module).and_then(|p| p.complete()).map_err(at(stage))?;
            if !seen.contains(&lowered.module) {
                *stage = format!("kernels {name}");
                interpret(integer, &lowered, stage, notes)?;
                seen.push(lowered.module.clone());
            }
            machines.push((machine, lowered));
        }
        let Some((_, lowered)) = machines.get(known.unwrap_or(machines.len() - 1)) else { continue };
        native(config, site, integer, lowered, &name, notes, stage)?;
    }
    Ok(())
}

/// The module in slices, every layer's result compared as soon as it is there.
fn interpret(integer: &Integer, l: &Lowered, stage: &str, notes: &mut Notes) -> Step {
    let program = Program::new(&l.module).map_err(at(stage))?.with_limit(FUEL);
    notes.modules += 1;
    for (x, trace) in integer.inputs.iter().zip(&integer.traces) {
        let mut memory = Memory::new();
        let mut args: Vec<Arg> = vec![Arg::Int(0)];
        args.extend(x.iter().map(|t| Arg::from(memory.add(t.bytes().to_vec()))));
        let outs: Vec<_> = integer.graph.outputs.iter().map(|o| memory.add(vec![0xa5; integer.graph.value(o.value).bytes()])).collect();
        args.extend(outs.iter().map(|&b| Arg::from(b)));
        let arena = memory.add(vec![0x5a; l.arena_bytes]);
        args.push(arena.into());
        for slice in 0..l.slices {
            args[0] = Arg::Int(slice as i32);
            let status = program.run(&format!("{}_slice", l.entry), &mut memory, &args).map_err(at(stage))?;
            if status != 0 {
                return Err(mismatch(stage, format!("slice {slice} returned {status}")));
            }
            let Some(layer) = l.layers.get(slice) else { continue };
            let want = trace.values.get(&layer.value).map(|t| t.bytes().to_vec()).unwrap_or_default();
            let have = match layer.result {
                Located::Output(i) => memory.bytes(outs[i]),
                Located::Arena(from) => memory.bytes(arena).get(from..from + want.len()).unwrap_or_default(),
            };
            notes.bytes += want.len() as u64;
            if let Some(what) = bytes_differ(&want, have) {
                return Err(mismatch(format!("{stage} {}", layer.op), format!("layer `{}`: {what}", layer.name)));
            }
        }
        let have: Vec<Vec<u8>> = outs.iter().map(|&b| memory.bytes(b).to_vec()).collect();
        outputs_equal(&integer.graph, trace, &have, stage)?;
    }
    Ok(())
}

fn outputs_equal(g: &Graph, trace: &Trace, have: &[Vec<u8>], stage: &str) -> Step {
    for ((o, want), have) in g.outputs.iter().zip(&trace.outputs).zip(have) {
        if let Some(what) = bytes_differ(want.bytes(), have) {
            let op = &g.node(o.value.node).op;
            return Err(mismatch(format!("{stage} output of {op}"), format!("output `{}`: {what}", o.name)));
        }
    }
    Ok(())
}

fn native(config: &Config, site: &Site, integer: &Integer, lowered: &Lowered, name: &str, notes: &mut Notes, stage: &mut String) -> Step {
    if !config.native || site.backend == Backend::Mlir && !config.mlir || config.here && !site.target.runs_here() {
        return Ok(());
    }
    *stage = format!("code {name}");
    let emulated = !site.target.runs_here() && config.qemu && mcompc_emu::missing(&site.target.name).is_none();
    let mut lowered = lowered.clone();
    if emulated {
        rename(&mut lowered, &format!("n{}_{}", notes.serial, notes.objects));
    }
    // Whatever a back end refuses of a verified module is a fault.
    let job = mcompc_backend::Job { target: &site.target, backend: site.backend, weights_section: None, elsewhere: &[] };
    let (object, _) =
        mcompc_backend::compile(&lowered.module, &job).map_err(|e| Outcome { kind: Kind::Fault, ..Outcome::of(&**stage, &e) })?;
    notes.objects += 1;
    if site.target.runs_here() {
        *stage = format!("native code {name}");
        let outputs = call(&integer.graph, &lowered, &object, &integer.inputs).map_err(at(stage))?;
        for (trace, have) in integer.traces.iter().zip(&outputs) {
            outputs_equal(&integer.graph, trace, have, stage)?;
        }
    } else if emulated {
        notes.jobs.push(Job::new(site, name, integer, &lowered, object));
    }
    Ok(())
}

/// Gives the exported functions names of their own: many networks are linked into one program.
fn rename(l: &mut Lowered, prefix: &str) {
    let entry = format!("{prefix}_run");
    for f in &mut l.module.funcs {
        if let Some(rest) = f.name.strip_prefix(&l.entry) {
            f.name = format!("{entry}{rest}");
        }
    }
    l.entry = entry;
}

/// Outputs of the object in this process.
fn call(g: &Graph, l: &Lowered, object: &[u8], inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Vec<u8>>>> {
    let loaded = Loaded::new(object)?;
    let sizes: Vec<usize> = g.outputs.iter().map(|o| g.value(o.value).bytes()).collect();
    let ins = g.inputs.iter().map(|&n| g.value(g.out(n)).bytes());
    let io = ins.chain(sizes.iter().copied()).map(|bytes| Need { bytes, align: 1 });
    let needs: Vec<Need> = io.chain([Need { bytes: l.arena_bytes, align: l.arena_align }]).collect();
    let mut arena = Buffer::new(l.arena_bytes);
    let one = |x: &Vec<Tensor>| {
        arena.bytes_mut().fill(0x5a);
        let mut outs: Vec<Vec<u8>> = sizes.iter().map(|&n| vec![0xa5; n]).collect();
        let mut args: Vec<NativeArg<'_>> = x.iter().map(|t| NativeArg::In(t.bytes())).collect();
        args.extend(outs.iter_mut().map(|o| NativeArg::Out(o)));
        args.push(NativeArg::Out(arena.bytes_mut()));
        loaded.call(&l.entry, &needs, &mut args)?;
        Ok(outs)
    };
    inputs.iter().map(one).collect()
}
