//! A few hundred random networks through the compiler: passes, float and integer executors, the kernels of every machine description,
//! native code by Cranelift. `cargo xtask random-nets` takes as many as you like.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_nets::oracle::{Config, Oracle};
use mcompc_nets::worker::{From, answer};
use std::collections::BTreeMap;

/// Seeds from 1 on.
const COUNT: u64 = 200;

/// At most so many of a hundred networks may be refused.
const REFUSED_PERCENT: u64 = 1;

fn run(seeds: std::ops::Range<u64>) -> Vec<(u64, mcompc_nets::Outcome)> {
    let oracle = Oracle::new(&Config::every_target().unwrap()).unwrap();
    seeds.map(|seed| (seed, answer(&oracle, &From::Seed(seed), false).outcome)).collect()
}

#[test]
fn every_executor_agrees() {
    let jobs = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let part = COUNT.div_ceil(jobs);
    let outcomes: Vec<_> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..jobs).map(|j| s.spawn(move || run(1 + j * part..1 + ((j + 1) * part).min(COUNT)))).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (seed, o) in outcomes.iter().filter(|(_, o)| o.failed()) {
        failures.entry(o.key()).or_default().push(format!("seed {seed}: {o}"));
    }
    let refused = outcomes.iter().filter(|(_, o)| o.kind == mcompc_nets::Kind::Refused).count() as u64;
    let text: Vec<String> = failures.values().map(|list| format!("{} times: {}", list.len(), list[0])).collect();
    assert!(text.is_empty(), "cargo xtask random-nets --seed S --count 1 makes them small\n{}", text.join("\n"));
    assert!(refused * 100 <= REFUSED_PERCENT * COUNT, "{refused} of {COUNT} networks are refused");
    println!("{COUNT} networks, {refused} refused");
}
