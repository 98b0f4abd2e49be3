//! Time of one inference on this computer, interleaved with LiteRT (XNNPACK) in one run.
//!
//!     cargo run --release -p mcompc-suite --example host_speed -- PYTHON [TARGET [BACKEND]]
//!
//! PYTHON is an interpreter with numpy and ai-edge-litert; TARGET is a target this CPU runs (default x86_64), BACKEND cranelift
//! (default) or mlir. LiteRT runs twice: with all the CPU has, and with AVX-512 and VNNI hidden from it (`benches/host/mask_cpuid.c`),
//! which makes it take its AVX2 kernels; both give the same outputs, which is asserted. Prints, per model, the medians over rounds of
//! the rounds' medians, and the speed of mcompc over LiteRT's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_suite::{MODELS, compile, prepare};
use mcompc_target::{Backend, Target};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const MILLIS: u64 = 60;

fn median(mut v: Vec<u128>) -> u128 {
    v.sort_unstable();
    v[v.len() / 2]
}

/// A LiteRT worker (`benches/host/litert.py`).
struct Peer {
    child: Child,
    ask: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    fn new(python: &str, tflite: &Path, mode: &str) -> Peer {
        let worker = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/host/litert.py");
        let (ask, answer) = (Stdio::piped(), Stdio::piped());
        let mut command = Command::new(python);
        let mut child = command.arg(worker).arg(tflite).arg(mode).stdin(ask).stdout(answer).stderr(Stdio::null()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut peer = Peer { ask: child.stdin.take(), child, answers };
        assert_eq!(peer.answers.next().expect("the LiteRT worker did not start").unwrap(), "ready");
        peer
    }
    fn ask(&mut self, line: &str) -> String {
        writeln!(self.ask.as_mut().unwrap(), "{line}").unwrap();
        self.answers.next().unwrap().unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.child.wait();
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let python = args.next().expect("usage: host_speed PYTHON [TARGET [BACKEND]]");
    let target = Target::by_name(&args.next().unwrap_or_else(|| "x86_64".into())).unwrap();
    let backend = args.next().map_or(Backend::Cranelift, |name| Backend::by_name(&name).expect("no back end has this name"));
    println!("{:18} {:>10} {:>7} {:>10} {:>6} {:>12} {:>6}", "model", "mcompc us", "GMAC/s", "litert us", "speed", "its avx2 us", "speed");
    for (index, peer) in [(1, "ad_int8"), (2, "kws_int8"), (3, "ic_int8"), (4, "vww_int8")] {
        let m = MODELS[index];
        let Some(path) = m.path() else { continue };
        let p = prepare(&m, &path, 1).unwrap();
        let (l, object) = compile(&p.quantized.graph, &target, backend).unwrap();
        let macs: u64 = l.layers.iter().map(|x| x.macs).sum();
        let tflite = path.with_file_name(format!("{peer}.tflite"));
        let mut peers = ["all", "avx2"].map(|mode| Peer::new(&python, &tflite, mode));
        let [all, avx2] = &mut peers;
        assert_eq!(all.ask("outputs"), avx2.ask("outputs"), "LiteRT's outputs depend on the CPU");
        let loaded = mcompc_exec::Loaded::new(&object).unwrap();
        let g = &p.quantized.graph;
        let x = &p.inputs[0];
        let mut outs: Vec<Vec<u8>> = g.outputs.iter().map(|o| vec![0; g.value(o.value).bytes()]).collect();
        let mut arena = mcompc_exec::Buffer::new(l.arena_bytes);
        let needs = mcompc_suite::needs(g, &l);
        let (mut own, mut others) = (Vec::new(), [Vec::new(), Vec::new()]);
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
            for (peer, times) in peers.iter_mut().zip(&mut others) {
                times.push(peer.ask(&MILLIS.to_string()).parse().unwrap());
            }
        }
        let a = median(own) as f64 / 1e3;
        let [b, c] = others.map(|t| median(t) as f64 / 1e3);
        let rate = macs as f64 / a / 1e3;
        println!("{:18} {a:10.1} {rate:7.1} {b:10.1} {:6.2} {c:12.1} {:6.2}", m.name(), b / a, c / a);
    }
}
