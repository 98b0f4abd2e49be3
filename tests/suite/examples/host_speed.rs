//! Time of one inference on this computer, interleaved with LiteRT (XNNPACK) in one run.
//!
//!     cargo run --release -p mcompc-suite --example host_speed -- PYTHON [TARGET [BACKEND]]
//!
//! PYTHON is an interpreter with numpy and ai-edge-litert; TARGET is a target this CPU runs (default x86_64), BACKEND cranelift
//! (default) or mlir. Prints, per model, the median over rounds of both medians and their ratio.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_suite::{MODELS, compile, prepare};
use mcompc_target::{Backend, Target};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const MILLIS: u64 = 60;

fn median(mut v: Vec<u128>) -> u128 {
    v.sort_unstable();
    v[v.len() / 2]
}

fn main() {
    let mut args = std::env::args().skip(1);
    let python = args.next().expect("usage: host_speed PYTHON [TARGET [BACKEND]]");
    let target = Target::by_name(&args.next().unwrap_or_else(|| "x86_64".into())).unwrap();
    let backend = if args.next().as_deref() == Some("mlir") { Backend::Mlir } else { Backend::Cranelift };
    let worker = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/host/litert.py");
    println!("{:28} {:>10} {:>10} {:>8} {:>9}", "model", "mcompc us", "litert us", "speed", "GMAC/s");
    for (index, peer) in [(1, "ad_int8"), (2, "kws_int8"), (3, "ic_int8"), (4, "vww_int8")] {
        let m = MODELS[index];
        let Some(path) = m.path() else { continue };
        let p = prepare(&m, &path, 1).unwrap();
        let (l, object) = compile(&p.quantized.graph, &target, backend).unwrap();
        let macs: u64 = l.layers.iter().map(|x| x.macs).sum();
        let tflite = path.with_file_name(format!("{peer}.tflite"));
        let mut child = Command::new(&python)
            .arg(worker)
            .arg(&tflite)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        let mut stdin = child.stdin.take().unwrap();
        let loaded = mcompc_exec::Loaded::new(&object).unwrap();
        let g = &p.quantized.graph;
        let x = &p.inputs[0];
        let mut outs: Vec<Vec<u8>> = g.outputs.iter().map(|o| vec![0; g.value(o.value).bytes()]).collect();
        let mut arena = mcompc_exec::Buffer::new(l.arena_bytes);
        let needs = mcompc_suite::needs(g, &l);
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let end = Instant::now() + Duration::from_millis(MILLIS);
            let mut times = Vec::new();
            while Instant::now() < end {
                let mut a: Vec<mcompc_exec::Arg> = x.iter().map(|t| mcompc_exec::Arg::In(t.bytes())).collect();
                a.extend(outs.iter_mut().map(|o| mcompc_exec::Arg::Out(o)));
                a.push(mcompc_exec::Arg::Out(arena.bytes_mut()));
                let start = Instant::now();
                loaded.call(&l.entry, &needs, &mut a).unwrap();
                times.push(start.elapsed().as_nanos());
            }
            own.push(median(times));
            writeln!(stdin, "{MILLIS}").unwrap();
            other.push(lines.next().unwrap().unwrap().parse().unwrap());
        }
        drop(stdin);
        let _ = child.wait();
        let (a, b) = (median(own) as f64 / 1e3, median(other) as f64 / 1e3);
        println!("{:28} {a:10.1} {b:10.1} {:8.2} {:9.1}", m.name(), b / a, macs as f64 / a / 1e3);
    }
}
