//! Time of every layer of a model on this computer, each called alone many times.
//!
//!     cargo run --release -p mcompc-suite --example layer_times -- INDEX [TARGET [BACKEND [ASM]]]
//!
//! INDEX is a place in the suite's list of models (1 AD, 2 KWS, 3 IC, 4 VWW); TARGET one this CPU runs (default x86_64), BACKEND
//! cranelift (default) or mlir. With a fourth argument the object goes to that file, for a disassembler.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_kernel::{Inst, Module};
use mcompc_suite::{MODELS, needs, prepare};
use mcompc_target::{Backend, Target};
use std::time::{Duration, Instant};

/// The module with one exported function a layer: the entry's instructions with a single call left.
fn split(module: &Module, entry: &str) -> (Module, Vec<String>) {
    let mut out = module.clone();
    let f = out.funcs.iter().find(|f| f.name == entry).unwrap().clone();
    let calls = f.body.insts.iter().filter(|i| matches!(i, Inst::Call { .. })).count();
    let mut names = Vec::new();
    for k in 0..calls {
        let mut one = f.clone();
        one.name = format!("{entry}_{k}");
        let mut seen = 0;
        one.body.insts.retain(|i| {
            let call = matches!(i, Inst::Call { .. });
            seen += usize::from(call);
            !call || seen == k + 1
        });
        names.push(one.name.clone());
        out.funcs.push(one);
    }
    (out, names)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let index: usize = args.next().expect("usage: layer_times INDEX [TARGET [BACKEND]]").parse().unwrap();
    let target = Target::by_name(&args.next().unwrap_or_else(|| "x86_64".into())).unwrap();
    let backend = args.next().map_or(Backend::Cranelift, |name| Backend::by_name(&name).expect("no back end has this name"));
    let m = MODELS[index];
    let p = prepare(&m, &m.path().expect("the model is missing"), 1).unwrap();
    let g = &p.quantized.graph;
    let l =
        mcompc_lower::lower(g, &target.machine(backend).unwrap(), &mcompc_lower::Options { name: "model".into(), ..Default::default() })
            .unwrap();
    let (module, names) = split(&l.module, &l.entry);
    let job = mcompc_backend::Job { target: &target, backend, weights_section: None, elsewhere: &[] };
    let (object, _) = mcompc_backend::compile(&module, &job).unwrap();
    if let Some(path) = args.next() {
        std::fs::write(path, &object).unwrap();
    }
    let loaded = mcompc_exec::Loaded::new(&object).unwrap();
    let mut outs: Vec<Vec<u8>> = g.outputs.iter().map(|o| vec![0; g.value(o.value).bytes()]).collect();
    let mut arena = mcompc_exec::Buffer::new(l.arena_bytes);
    let needs = needs(g, &l);
    println!("{:44} {:28} {:>9} {:>9} {:>7}", "layer", "kernel", "us", "kMAC", "GMAC/s");
    let mut total = 0.0;
    for (k, name) in names.iter().enumerate() {
        let mut best = f64::MAX;
        let end = Instant::now() + Duration::from_millis(120);
        while Instant::now() < end {
            // Samples shorter than a time slice, so that some are not interrupted.
            let calls = if best == f64::MAX { 1 } else { (400.0 / best).clamp(1.0, 20.0) as u32 };
            let start = Instant::now();
            for _ in 0..calls {
                let mut a: Vec<mcompc_exec::Arg> = p.inputs[0].iter().map(|t| mcompc_exec::Arg::In(t.bytes())).collect();
                a.extend(outs.iter_mut().map(|o| mcompc_exec::Arg::Out(o)));
                a.push(mcompc_exec::Arg::Out(arena.bytes_mut()));
                loaded.call(name, &needs, &mut a).unwrap();
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
        }
        total += best;
        let (label, kernel, macs) = l.layers.get(k).map_or(("copy", "", 0), |x| (x.name.as_str(), x.kernel.as_str(), x.macs));
        let shape = g.ids().into_iter().find(|&n| g.node(n).name == label).map(|n| {
            let s = |v| g.value(v).shape.iter().skip(1).map(|d| d.to_string()).collect::<Vec<_>>().join("x");
            let ins: Vec<String> = g.inputs_of(n).iter().take(2).map(|&v| s(v)).collect();
            format!("{} -> {}", ins.join(" * "), s(g.out(n)))
        });
        println!("{:44} {kernel:28} {best:9.2} {:9.1} {:7.1}", shape.unwrap_or(label.into()), macs as f64 / 1e3, macs as f64 / best / 1e3);
    }
    println!("{:44} {:28} {total:9.2}", "sum", "");
}
