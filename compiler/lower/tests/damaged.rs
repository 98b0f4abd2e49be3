//! Coded weights that are damaged: the entry function says so, and touches nothing that is not its own.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod common;

use common::Rng;
use mcompc_ir::Graph;
use mcompc_kernel::interp::{Arg, Memory, Program};
use mcompc_lower::{Lowered, Options, Weights, lower};

/// Two layers of weights with long tails.
fn graph() -> Graph {
    let mut rng = Rng(7);
    let mut weight = |_| match rng.next() % 20 {
        0 => (rng.next() % 255) as i64 - 127,
        _ => (rng.next() % 7) as i64 - 3,
    };
    let list = |n: usize, f: &mut dyn FnMut(usize) -> i64| (0..n).map(|i| f(i).to_string()).collect::<Vec<_>>().join(", ");
    let layer = |n: usize, x: usize, w: String| {
        format!(
            "%{n} = const() \"w{n}\" -> \"w{n}\" i8[8, 3, 3, 8] = [{w}]\n%{b} = const() \"b{n}\" -> \"b{n}\" i32[8] = [1, 2, 3, 4, 5, 6, 7, 8]\n\
             %{m} = const() \"m{n}\" -> \"m{n}\" i32[8] = [{mult}]\n%{y} = q.conv(%{x}, %{n}, %{b}, %{m}) \"conv{n}\" {{strides = [1, 1], \
             pads = [1, 1, 1, 1], dilations = [1, 1], group = 1, pre = 0, shift = 6, lo = -128, hi = 127}} -> \"y{n}\" i8[1, 4, 4, 8] q(0.25, -8)\n",
            b = n + 1,
            m = n + 2,
            y = n + 3,
            mult = ["1073741824"; 8].join(", "),
        )
    };
    let (first, second) = (list(576, &mut weight), list(576, &mut weight));
    let text = format!(
        "graph \"g\" {{\n%0 = input() \"x\" -> \"x\" i8[1, 4, 4, 8] q(0.5, -3)\n{}{}inputs(%0)\noutputs(\"y\" = %8)\n}}\n",
        layer(1, 0, first),
        layer(5, 4, second)
    );
    mcompc_ir::parse(&text).unwrap()
}

/// Statuses, and the output.
fn run(l: &Lowered, entry: &str, slices: &[i32]) -> (Vec<i32>, Vec<u8>) {
    let program = Program::new(&l.module).unwrap();
    let mut memory = Memory::new();
    let mut args: Vec<Arg> = vec![memory.add((0..128u8).collect::<Vec<u8>>()).into()];
    let out = memory.add(vec![0; 128]);
    args.extend([Arg::from(out), memory.add(vec![0xa5; l.arena_bytes]).into()]);
    let mut status = vec![];
    if slices.is_empty() {
        status.push(program.run(entry, &mut memory, &args).unwrap());
    } else {
        args.insert(0, Arg::Int(0));
        for s in slices {
            args[0] = Arg::Int(*s);
            status.push(program.run(entry, &mut memory, &args).unwrap());
        }
    }
    (status, memory.bytes(out).to_vec())
}

#[test]
fn a_damaged_archive_is_an_error_code() {
    let g = graph();
    let mut rng = Rng(11);
    for machine in ["armv7e-m", "x86-64-v3-clif", "aarch64-dotprod", "riscv64gcv"] {
        let options = Options { name: "g".into(), slices: true, weights: Weights::AllCoded, ..Options::default() };
        let l = lower(&g, &mcompc_target::machine(machine).unwrap(), &options).unwrap();
        mcompc_kernel::verify(&l.module).unwrap().complete().unwrap();
        let (fine, want) = run(&l, "g_run", &[]);
        assert_eq!(fine, [0], "{machine}");
        assert_eq!(run(&l, "g_run_slice", &[0, 1, 2]).0, [0, 0, -1]);
        let at = l.module.data.iter().position(|d| d.name == "coded").unwrap();
        let mut noticed = 0;
        for _ in 0..40 {
            let mut bad = l.clone();
            let archive = &mut bad.module.data[at].bytes;
            // One bit, or everything.
            if rng.next().is_multiple_of(4) {
                archive.iter_mut().for_each(|b| *b = rng.next() as u8);
            } else {
                let bit = rng.next() as usize % (8 * archive.len());
                archive[bit / 8] ^= 1 << (bit % 8);
            }
            // The interpreter checks every access, so an end without an error is an end without a wild one.
            let (status, have) = run(&bad, "g_run", &[]);
            match status[0] {
                -2 => noticed += 1,
                // Bits between the layers are nobody's.
                s => assert!(s == 0 && have == want, "{machine}: status {s}"),
            }
        }
        assert!(noticed > 30, "{machine}: {noticed} of 40 noticed");
        // Descriptors lie elsewhere.
        for d in l.module.data.iter().enumerate().filter(|(_, d)| d.bytes.len() == 16).map(|(i, _)| i) {
            for byte in 0..16 {
                let mut bad = l.clone();
                bad.module.data[d].bytes[byte] ^= 0x81;
                assert_eq!(run(&bad, "g_run", &[]).0, [-2], "{machine}: byte {byte} of descriptor {d}");
            }
        }
    }
}
