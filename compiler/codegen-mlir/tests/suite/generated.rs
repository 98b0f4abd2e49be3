//! The generators' kernels: equal to the interpreter, within their instruction budget, the expected instruction in the inner loop and
//! no stack access there.

use crate::support::*;
use mcompc_ir::ValueId;
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::*;
use mcompc_lower::{Arg, Call, ConvSpec, Geometry, Narrow, conv_kernel, dense_kernel, depthwise_kernel};
use mcompc_target::{Backend, Target};

fn layer(h: usize, w: usize, c: usize, o: usize, k: usize, depthwise: bool) -> ConvSpec {
    let mut r = Random(77);
    let per = k * k * if depthwise { 1 } else { c };
    let p = k / 2;
    let geo = Geometry { n: 1, h, w, c, oh: h, ow: w, kh: k, kw: k, sh: 1, sw: 1, dh: 1, dw: 1, pt: p, pl: p };
    ConvSpec {
        geo,
        o,
        mem: [mcompc_kernel::MemElem::S8; 2],
        x_align: 16,
        zp_x: -7,
        weights: r.bytes(o * per).into_iter().map(|b| i16::from(b as i8).max(-127)).collect(),
        bias: (0..o).map(|_| (r.next() as i32) >> 17).collect(),
        mult: (0..o).map(|_| (r.next() >> 4 | 0x0400_0000) as i32).collect(),
        rescale: Rescale { pre: 0, shift: if depthwise { 5 } else { 7 }, zp: 4, lo: -128, hi: 127 },
        narrow: None,
        repeat: 1,
        bytes: false,
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

/// The same layer with weights of four bits.
fn four_bits(mut s: ConvSpec) -> ConvSpec {
    s.weights.iter_mut().for_each(|w| *w >>= 4);
    s.narrow = Some(Narrow { bits: 4, blocks: None });
    s
}

fn measure(target: &str, kind: &str, s: &ConvSpec) -> f64 {
    let call = kernel(target, kind, s);
    let macs = call.macs as f64;
    let data = Random(5).bytes(s.geo.h * s.geo.w * s.geo.c);
    let (m, name, input) = standalone(call, &data);
    if let Ok(dir) = std::env::var("MCOMPC_DUMP") {
        std::fs::write(format!("{dir}/{target}.{name}.s"), assembly(&m, target)).unwrap();
        std::fs::write(format!("{dir}/{target}.{name}.ll"), llvm_ir(&m, target)).unwrap();
    }
    let counted = target != "x86_64-v4";
    let run = run(&m, &name, target, &input, counted);
    assert!(run.output == expected(&m, &name, &input), "{target} {kind}: wrong result");
    let per = run.instructions.map_or(0.0, |n| n as f64 / macs);
    println!("{target:16} {kind:10} {per:.3} instructions per product{}", if s.narrow.is_some() { ", four bits" } else { "" });
    per
}

fn kernel(target: &str, kind: &str, s: &ConvSpec) -> Call {
    let machine = Target::by_name(target).unwrap().machine(Backend::Mlir).unwrap();
    let (x, y) = (ValueId { node: 0.into(), port: 0 }, ValueId { node: 1.into(), port: 0 });
    let call = match kind {
        "depthwise" => depthwise_kernel(s, &machine, x, y),
        "dense" => dense_kernel(s, &machine, x, y),
        _ => conv_kernel(s, &machine, x, y),
    };
    call.unwrap_or_else(|e| panic!("{target} {kind}: {e}"))
}

/// Target, and the most instructions a product of a 1x1 convolution (25x5 pixels, 64 to 64 channels), and of a depthwise 3x3 one of the
/// same size. Targets without a bar of their own have what they reach, rounded up: a regression shows.
const BUDGET: [(&str, f64, f64); 16] = [
    ("x86_64-v2", 0.60, 1.20),
    ("x86_64", 0.25, 0.60),
    ("x86_64-v4", 0.0, 0.0),
    ("aarch64", 0.47, 1.0),
    ("aarch64-dotprod", 0.12, 1.0),
    ("armv7a-neon", 0.52, 1.4),
    ("riscv64gc", 3.2, 8.0),
    ("riscv64gcv", 0.45, 0.70),
    ("riscv32imac", 3.2, 8.0),
    ("riscv32imc", 3.2, 8.0),
    ("cortex-m0plus", 7.2, 11.0),
    ("cortex-m3", 2.8, 5.0),
    ("cortex-m4", 1.5, 3.0),
    ("cortex-m7", 1.5, 3.0),
    ("cortex-m33", 1.5, 3.0),
    ("cortex-m55", 0.2, 2.1),
];

fn budget(target: &str) {
    let (_, pointwise, depthwise) = BUDGET.into_iter().find(|b| b.0 == target).unwrap();
    if !runnable(target) {
        return;
    }
    let conv = measure(target, "conv1x1", &layer(25, 5, 64, 64, 1, false));
    let dw = measure(target, "depthwise", &layer(25, 5, 64, 64, 3, true));
    measure(target, "conv3x3", &layer(8, 8, 16, 17, 3, false));
    measure(target, "dense", &layer(1, 1, 256, 41, 1, false));
    let conv4 = measure(target, "conv1x1", &four_bits(layer(25, 5, 64, 64, 1, false)));
    let dw4 = measure(target, "depthwise", &four_bits(layer(25, 5, 64, 64, 3, true)));
    measure(target, "conv3x3", &four_bits(layer(8, 8, 16, 17, 3, false)));
    measure(target, "dense", &four_bits(layer(1, 1, 256, 41, 1, false)));
    // Counts are 0 where they cannot be taken.
    // Sixteen registers hold the sums of a depthwise block, but not what unpacking takes beside them.
    let unpacked = if target == "armv7a-neon" { 1.75 } else { 1.25 };
    assert!(conv4 <= 1.25 * conv && dw4 <= unpacked * dw, "{target}: four bits take {:.3} and {:.3} of int8's", conv4 / conv, dw4 / dw);
    assert!(conv <= pointwise && dw <= depthwise, "{target}: {conv:.3} and {dw:.3} instructions a product");
}

macro_rules! budgets {
    ($($name:ident $target:literal)*) => { $(#[test] fn $name() { budget($target); })* };
}

budgets! {
    layers_x86_64_v2 "x86_64-v2"
    layers_x86_64 "x86_64"
    layers_x86_64_v4 "x86_64-v4"
    layers_aarch64 "aarch64"
    layers_aarch64_dotprod "aarch64-dotprod"
    layers_armv7a_neon "armv7a-neon"
    layers_riscv64gc "riscv64gc"
    layers_riscv64gcv "riscv64gcv"
    layers_riscv32imac "riscv32imac"
    layers_riscv32imc "riscv32imc"
    layers_cortex_m0plus "cortex-m0plus"
    layers_cortex_m3 "cortex-m3"
    layers_cortex_m4 "cortex-m4"
    layers_cortex_m7 "cortex-m7"
    layers_cortex_m33 "cortex-m33"
    layers_cortex_m55 "cortex-m55"
}

/// Bodies of the loops that contain no other label: from a label to a branch back to it.
fn inner_loops(asm: &str) -> Vec<Vec<&str>> {
    let mut found = vec![];
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in asm.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if let Some(label) = line.strip_suffix(':') {
            open = Some((label, vec![]));
            continue;
        }
        let Some((label, body)) = &mut open else { continue };
        if !line.starts_with('.') && !line.starts_with('@') {
            body.push(line);
            if line.ends_with(*label) && line.split([' ', '\t', ',']).next_back() == Some(*label) {
                found.push(body.clone());
                open = None;
            }
        }
    }
    found
}

/// Target, layer, mnemonics of the inner loop (over K, or over the pixels of a depthwise layer), and names of the stack pointer there.
const INNER: [(&str, &str, &[&str], &str); 13] = [
    ("cortex-m4", "conv1x1", &["smlad", "sxtb16"], "sp"),
    ("cortex-m7", "conv1x1", &["smlad", "sxtb16"], "sp"),
    ("cortex-m33", "conv1x1", &["smlad", "sxtb16"], "sp"),
    ("cortex-m55", "conv1x1", &["vmlava.s8"], "sp"),
    ("riscv64gcv", "conv1x1", &["vwmacc.vx"], "sp"),
    ("riscv32imac", "conv1x1", &["mul"], "sp"),
    ("x86_64", "conv1x1", &["vpmaddwd", "%ymm"], "%rsp"),
    ("x86_64", "conv3x3", &["vpmaddwd", "%ymm"], "%rsp"),
    ("x86_64", "depthwise", &["vpmaddwd", "vpmuldq", "%ymm"], "%rsp"),
    ("x86_64-v4", "conv1x1", &["vpdpbusd", "%zmm"], "%rsp"),
    ("x86_64-v4", "conv3x3", &["vpdpbusd", "%zmm"], "%rsp"),
    ("x86_64-v4", "depthwise", &["vpdpwssd", "vpmuldq", "%zmm"], "%rsp"),
    ("aarch64-dotprod", "conv1x1", &["sdot", ".4b["], "sp"),
];

#[test]
fn inner_loops_hold_the_machines_instruction_and_no_stack_access() {
    for (target, kind, mnemonics, sp) in INNER {
        let shape = match kind {
            "conv3x3" => layer(25, 10, 64, 64, 3, false),
            "depthwise" => layer(25, 5, 64, 64, 3, true),
            _ => layer(25, 5, 256, 64, 1, false),
        };
        let call = kernel(target, kind, &shape);
        let asm = assembly(&standalone(call, &[]).0, target);
        let loops = inner_loops(&asm);
        let hit: Vec<_> = loops.iter().filter(|l| mnemonics.iter().all(|m| l.iter().any(|i| i.contains(m)))).collect();
        assert!(!hit.is_empty(), "{target} {kind}: no inner loop holds {mnemonics:?}\n{asm}");
        for l in hit {
            let stack = l.iter().find(|i| i.split(|c: char| !c.is_ascii_alphanumeric() && c != '%').any(|w| w == sp));
            assert_eq!(stack, None, "{target} {kind}: the inner loop touches the stack\n{}", l.join("\n"));
        }
    }
}

/// Target, mnemonics of the inner loop over packed codes: the product, and what takes the codes apart.
const PACKED: [(&str, &[&str]); 6] = [
    ("cortex-m4", &["smlad", "and.w"]),
    ("cortex-m55", &["vmlava.s8", "vshl.i8", "vand"]),
    ("aarch64-dotprod", &["sdot", "shl", "and"]),
    ("riscv64gcv", &["vwmacc.vx", "vsra.vi"]),
    ("riscv32imac", &["mul", "srai"]),
    ("x86_64", &["vpmaddwd", "vpsraw"]),
];

#[test]
fn packed_codes_are_taken_apart_in_the_inner_loop() {
    for (target, mnemonics) in PACKED {
        let call = kernel(target, "conv1x1", &four_bits(layer(25, 5, 256, 64, 1, false)));
        let asm = assembly(&standalone(call, &[]).0, target);
        let loops = inner_loops(&asm);
        let all = |l: &Vec<&str>| mnemonics.iter().all(|m| l.iter().any(|i| i.split_whitespace().next() == Some(m)));
        assert!(loops.iter().any(all), "{target}: no inner loop holds {mnemonics:?}\n{asm}");
    }
}

#[test]
fn rescaling_takes_two_instructions_an_output_on_armv7e_m() {
    let call = kernel("cortex-m4", "conv1x1", &layer(25, 5, 64, 64, 1, false));
    let asm = assembly(&standalone(call, &[]).0, "cortex-m4");
    let count = |m: &str| asm.lines().filter(|l| l.trim().starts_with(m)).count();
    // A tile has four outputs, the last odd pixel shares its code.
    assert_eq!([count("smmla"), count("ssat"), count("smmul")], [4, 4, 0], "{asm}");
}
