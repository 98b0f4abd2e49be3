//! The generators' kernels: equal to the interpreter, within their instruction budget, the expected instruction in the inner loop and
//! no stack access there.

use crate::support::*;
use mcompc_ir::ValueId;
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::*;
use mcompc_lower::{Arg, Call, ConvSpec, Geometry, conv_kernel, dense_kernel, depthwise_kernel};
use mcompc_target::{Backend, Target};

fn layer(h: usize, w: usize, c: usize, o: usize, k: usize, depthwise: bool) -> ConvSpec {
    let mut r = Random(77);
    let per = k * k * if depthwise { 1 } else { c };
    let p = k / 2;
    let geo = Geometry { h, w, c, oh: h, ow: w, kh: k, kw: k, sh: 1, sw: 1, dh: 1, dw: 1, pt: p, pl: p };
    ConvSpec {
        geo,
        o,
        x_u8: false,
        x_align: 16,
        zp_x: -7,
        weights: r.bytes(o * per).into_iter().map(|b| (b as i8).max(-127)).collect(),
        bias: (0..o).map(|_| (r.next() as i32) >> 17).collect(),
        mult: (0..o).map(|_| (r.next() >> 4 | 0x0400_0000) as i32).collect(),
        rescale: Rescale { pre: 0, shift: if depthwise { 5 } else { 7 }, zp: 4, lo: -128, hi: 127 },
    }
}

/// Makes the call a module of its own with the parameters' data as input.
fn standalone(call: Call, x: &[u8]) -> (Module, String, Vec<u8>) {
    let mut f = call.func;
    f.export = true;
    let mut input = vec![];
    let mut first = true;
    for a in call.args {
        match a {
            Arg::Value(_) if first => {
                input.extend(x);
                first = false;
            }
            Arg::Data { bytes, .. } => input.extend(bytes),
            _ => {}
        }
    }
    let name = f.name.clone();
    (Module { funcs: vec![f], data: vec![], rows: call.rows }, name, input)
}

fn expected(m: &Module, name: &str, input: &[u8]) -> Vec<u8> {
    let mut memory = Memory::new();
    let mut at = 0;
    let mut out = None;
    let mut args = vec![];
    for p in &m.func(name).unwrap().params {
        let n = p.bytes as usize;
        args.push(interp::Arg::from(match p.role {
            Role::Out => *out.insert(memory.add(vec![0; n])),
            Role::Scratch => memory.add(vec![0; n]),
            _ => {
                at += n;
                memory.add(input[at - n..at].to_vec())
            }
        }));
    }
    interp::run(m, name, &mut memory, &args).unwrap();
    memory.bytes(out.unwrap()).to_vec()
}

fn measure(target: &str, kind: &str, s: &ConvSpec) -> f64 {
    let machine = Target::by_name(target).unwrap().machine(Backend::Mlir).unwrap();
    let (x, y) = (ValueId { node: 0.into(), port: 0 }, ValueId { node: 1.into(), port: 0 });
    let call = match kind {
        "depthwise" => depthwise_kernel(s, &machine, x, y),
        "dense" => dense_kernel(s, &machine, x, y),
        _ => conv_kernel(s, &machine, x, y),
    };
    let call = call.unwrap_or_else(|e| panic!("{target} {kind}: {e}"));
    let macs = call.macs as f64;
    let data = Random(5).bytes(s.geo.h * s.geo.w * s.geo.c);
    let (m, name, input) = standalone(call, &data);
    if let Ok(dir) = std::env::var("MCOMPC_DUMP") {
        std::fs::write(format!("{dir}/{target}.{kind}.s"), assembly(&m, target)).unwrap();
        std::fs::write(format!("{dir}/{target}.{kind}.mlir"), mlir(&m, target)).unwrap();
    }
    let counted = target != "x86_64-v4";
    let run = run(&m, &name, target, &input, counted);
    assert!(run.output == expected(&m, &name, &input), "{target} {kind}: wrong result");
    let per = run.instructions.map_or(0.0, |n| n as f64 / macs);
    println!("{target:16} {kind:10} {per:.3} instructions per product");
    per
}

const TARGETS: [&str; 16] = [
    "x86_64-v2",
    "x86_64",
    "x86_64-v4",
    "aarch64",
    "aarch64-dotprod",
    "aarch64-i8mm",
    "riscv64gc",
    "riscv64gcv",
    "riscv32imac",
    "riscv32imc",
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
];

#[test]
fn layers() {
    let only = std::env::var("ONLY").ok();
    for t in TARGETS {
        if runnable(t) && t != "aarch64-i8mm" && only.as_deref().is_none_or(|o| o == t) {
            measure(t, "conv1x1", &layer(25, 5, 64, 64, 1, false));
            measure(t, "conv3x3", &layer(8, 8, 16, 16, 3, false));
            measure(t, "dense", &layer(1, 1, 256, 40, 1, false));
            measure(t, "depthwise", &layer(25, 5, 64, 64, 3, true));
        }
    }
}
