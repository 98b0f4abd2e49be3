//! Mutation fuzzing of the reader and importer.
//!
//!     cargo run --release -p mcompc-onnx --example fuzz_reader -- [RUNS [SEED]]
//!
//! Damages small ONNX files (fields removed, doubled, swapped, spliced from other files; lengths, dimensions and numbers edited; bits
//! flipped; cut short), imports each, and prints how many were taken and refused. Equal runs and seed give equal inputs. A panic ends
//! the program with status 101 and leaves the input in `fuzz_reader.crash.onnx`.

#[path = "../tests/common/mod.rs"]
mod common;

use common::mutate::{Mutator, Rng};
use mcompc_onnx::{ImportOptions, import_bytes};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

fn main() {
    let arg = |i: usize, default: u64| std::env::args().nth(i).map_or(default, |s| s.parse().expect("RUNS and SEED are numbers"));
    let (runs, seed) = (arg(1, 200_000), arg(2, 1));
    let (mutator, mut rng, opts) = (Mutator::new(), Rng(seed), ImportOptions::default());
    let (mut codes, mut slowest) = (BTreeMap::<&str, u64>::new(), Duration::ZERO);
    let start = Instant::now();
    for run in 0..runs {
        let input = mutator.next(&mut rng);
        let (copy, one) = (input.clone(), Instant::now());
        match catch_unwind(AssertUnwindSafe(|| import_bytes(copy.into(), &opts))) {
            Ok(Ok(_)) => *codes.entry("taken").or_default() += 1,
            Ok(Err(e)) => *codes.entry(e.code.as_str()).or_default() += 1,
            Err(_) => {
                std::fs::write("fuzz_reader.crash.onnx", &input).expect("the input can be saved");
                eprintln!("panic in run {run} of seed {seed}; input saved in fuzz_reader.crash.onnx");
                std::process::exit(101);
            }
        }
        slowest = slowest.max(one.elapsed());
    }
    println!("{runs} runs, seed {seed}: no panic; slowest {slowest:?}, all {:?}; {codes:?}", start.elapsed());
}
