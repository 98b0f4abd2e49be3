//! The two kernels of the vocabulary's spike, KWS's 1x1 convolution (25x5 pixels, 64 to 64 channels) and its 3x3 depthwise
//! convolution: native and emulated code against the interpreter, instructions a multiplication, and what the inner loops hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_codegen_cranelift::{Options, compile, disassemble};
use mcompc_emu::{Argument, Calling, Program, call_main};
use mcompc_exec::{Arg as Word, Buffer, Loaded, Need};
use mcompc_ir::ValueId;
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::{Machine, Module, Rescale, Role};
use mcompc_lower::{Arg, Blocks, Call, ConvSpec, Geometry, Narrow, conv_kernel, depthwise_kernel};
use mcompc_target::{Backend, Target};

fn spec(k: usize, per_output: usize) -> ConvSpec {
    let c = 64;
    ConvSpec {
        geo: Geometry { n: 1, h: 25, w: 5, c, oh: 25, ow: 5, kh: k, kw: k, sh: 1, sw: 1, dh: 1, dw: 1, pt: k / 2, pl: k / 2 },
        o: c,
        mem: [mcompc_kernel::MemElem::S8; 2],
        x_align: 16,
        zp_x: -128,
        weights: (0..c * k * k * per_output).map(|i| (i * 37 % 255) as u8 as i8).map(i16::from).collect(),
        bias: (0..c as i32).map(|i| i * 1100 - 30000).collect(),
        mult: (0..c as i32).map(|i| (1 << 26) + i * 1_234_567).collect(),
        rescale: Rescale { pre: 0, shift: 6, zp: -3, lo: -100, hi: 127 },
        narrow: None,
        repeat: 1,
        bytes: false,
    }
}

fn values() -> (ValueId, ValueId) {
    (ValueId { node: 0.into(), port: 0 }, ValueId { node: 1.into(), port: 0 })
}

fn conv(m: &Machine) -> Call {
    let (x, y) = values();
    conv_kernel(&spec(1, 64), m, x, y).unwrap()
}

fn depthwise(m: &Machine) -> Call {
    let (x, y) = values();
    depthwise_kernel(&spec(3, 1), m, x, y).unwrap()
}

/// Both kernels with weights of four bits, in groups where the kernel has them.
fn four_bits(m: &Machine) -> [Call; 3] {
    let narrow = |mut s: ConvSpec, blocks: Option<Blocks>| {
        s.weights.iter_mut().for_each(|w| *w >>= 4);
        if let Some(b) = &blocks {
            s.weights.iter_mut().enumerate().for_each(|(i, w)| *w *= b.r[i / b.len] as i16);
        }
        s.narrow = Some(Narrow { bits: 4, blocks });
        s
    };
    let (x, y) = values();
    let blocks = Blocks { len: 32, r: (0..128).map(|i| 1 + i % 15).collect() };
    [
        conv_kernel(&narrow(spec(1, 64), None), m, x, y).unwrap(),
        conv_kernel(&narrow(spec(1, 64), Some(blocks)), m, x, y).unwrap(),
        depthwise_kernel(&narrow(spec(3, 1), None), m, x, y).unwrap(),
    ]
}

/// A kernel as a module of its own, with the contents of its arguments.
struct Kernel {
    module: Module,
    contents: Vec<Vec<u8>>,
    out: usize,
    macs: u64,
}

impl Kernel {
    fn new(call: Call) -> Self {
        let mut func = call.func;
        func.export = true;
        let out = func.params.iter().position(|p| p.role == Role::Out).unwrap();
        let contents = func
            .params
            .iter()
            .zip(call.args)
            .map(|(p, a)| match a {
                Arg::Data { bytes, .. } => bytes,
                _ if p.role == Role::In => (0..p.bytes).map(|i| (i * 89 + i / 7) as u8).collect(),
                _ => vec![0x5a; p.bytes as usize],
            })
            .collect();
        Self { module: Module { funcs: vec![func], data: vec![], rows: call.rows }, contents, out, macs: call.macs }
    }
    fn name(&self) -> &str {
        &self.module.funcs[0].name
    }
    fn interpreted(&self) -> Vec<u8> {
        let mut memory = Memory::new();
        let bufs: Vec<_> = self.contents.iter().map(|c| memory.add(c.clone())).collect();
        let args: Vec<_> = bufs.iter().map(|&b| b.into()).collect();
        interp::run(&self.module, self.name(), &mut memory, &args).unwrap();
        memory.bytes(bufs[self.out]).to_vec()
    }
    fn native(&self, t: &Target) -> Vec<u8> {
        let loaded = Loaded::new(&compile(&self.module, t, &Options::default()).unwrap()).unwrap();
        let params = &self.module.funcs[0].params;
        let needs: Vec<Need> = params.iter().map(|p| Need { bytes: p.bytes as usize, align: p.align.into() }).collect();
        let mut buffers: Vec<Buffer> = self.contents.iter().map(|c| Buffer::from_bytes(c)).collect();
        let mut words: Vec<Word<'_>> = buffers.iter_mut().map(|b| Word::Out(b.bytes_mut())).collect();
        assert_eq!(loaded.call(self.name(), &needs, &mut words).unwrap(), 0);
        buffers[self.out].bytes().to_vec()
    }
    /// Result and instructions a multiplication under emulation; `None`, with a note, where that is not installed.
    fn emulated(&self, target: &str) -> Option<(Vec<u8>, f64)> {
        if let Some(e) = mcompc_emu::missing(target) {
            eprintln!("not run: {target}: {e}");
            return None;
        }
        let object = compile(&self.module, &Target::by_name(target).unwrap(), &Options::default()).unwrap();
        let args: Vec<Argument> = (0..self.contents.len())
            .map(|i| if i == self.out { Argument::InOut(self.contents[i].len()) } else { Argument::Input(self.contents[i].len()) })
            .collect();
        let main = call_main(self.name(), Calling::SeparateStatus, &args);
        let run = Program::new(target, main).object("kernel.o", object).build().unwrap().run_counted(&self.contents.concat()).unwrap();
        let per_mac = run.instructions.unwrap() as f64 / self.macs as f64;
        println!("{target} {}: {per_mac:.3} instructions a multiplication", self.name());
        Some((run.output, per_mac))
    }
}

#[test]
fn native_equals_interpreter() {
    let mut ran = 0;
    for t in Target::all().unwrap().iter().filter(|t| t.runs_here()) {
        let m = t.machine(Backend::Cranelift).unwrap();
        for k in [Kernel::new(conv(&m)), Kernel::new(depthwise(&m))] {
            assert!(k.native(t) == k.interpreted(), "{} {}", t.name, k.name());
            ran += 1;
        }
        for k in four_bits(&m).map(Kernel::new) {
            assert!(k.native(t) == k.interpreted(), "{} {}", t.name, k.name());
        }
    }
    assert!(ran > 0 || !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")));
}

/// Emulated code equals the interpreter; bars are instructions a multiplication.
fn emulated(target: &str, conv_bar: f64, depthwise_bar: f64) {
    let m = Target::by_name(target).unwrap().machine(Backend::Cranelift).unwrap();
    for (k, bar) in [(Kernel::new(conv(&m)), conv_bar), (Kernel::new(depthwise(&m)), depthwise_bar)] {
        let Some((out, per_mac)) = k.emulated(target) else { continue };
        assert!(out == k.interpreted(), "{target} {}", k.name());
        assert!(per_mac <= bar, "{target} {}: {per_mac:.3} instructions a multiplication, at most {bar}", k.name());
    }
    for (call, bar) in four_bits(&m).into_iter().zip([conv_bar, 2.0 * conv_bar, depthwise_bar]) {
        let k = Kernel::new(call);
        let Some((out, per_mac)) = k.emulated(target) else { continue };
        assert!(out == k.interpreted(), "{target} {}", k.name());
        assert!(per_mac <= 1.3 * bar, "{target} {}: {per_mac:.3} instructions a multiplication, at most 1.3 times {bar}", k.name());
    }
}

#[test]
fn aarch64_dotprod() {
    emulated("aarch64-dotprod", 0.2, 1.7);
}

#[test]
fn aarch64() {
    emulated("aarch64", 0.55, 1.7);
}

#[test]
fn riscv64gc() {
    emulated("riscv64gc", 4.0, 12.0);
}

/// Bodies of loops that hold no other loop: blocks that jump to themselves, through an edge block or directly.
fn inner_loops(text: &str) -> Vec<Vec<&str>> {
    let mut blocks: Vec<(usize, Vec<&str>)> = vec![];
    for line in text.lines().map(str::trim) {
        match line.strip_prefix("block").and_then(|l| l.strip_suffix(':')?.parse().ok()) {
            Some(n) => blocks.push((n, vec![])),
            None => blocks.last_mut().unwrap_or(&mut (0, vec![])).1.push(line),
        }
    }
    let label = |s: &str| -> Vec<usize> {
        let digits = |t: &str| t.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        s.split("label").skip(1).map(digits).collect()
    };
    let targets: Vec<(usize, Vec<usize>)> = blocks.iter().map(|(n, b)| (*n, b.iter().flat_map(|l| label(l)).collect())).collect();
    let next = |n: usize| targets.iter().find(|t| t.0 == n).map(|t| t.1.clone()).unwrap_or_default();
    let again = |n: usize| next(n).iter().any(|&t| t == n || next(t) == [n]);
    blocks.into_iter().filter(|(n, _)| again(*n)).map(|(_, b)| b).collect()
}

/// Every row that Cranelift is told to reach by a tree is reached: its mnemonic stands in an inner loop that touches no stack.
#[test]
fn inner_loops_hold_the_mnemonic() {
    let mut checked = vec![];
    for t in Target::all().unwrap() {
        let Ok(m) = t.machine(Backend::Cranelift) else { continue };
        for row in &m.contract {
            let mut one = m.clone();
            one.contract = vec![row.clone()];
            let k = Kernel::new(conv(&one));
            let text = disassemble(&k.module, &t, k.name()).unwrap();
            let loops = inner_loops(&text);
            let has = |l: &Vec<&str>| l.iter().filter(|i| i.split_whitespace().next() == Some(&row.mnemonic)).count();
            let best = loops.iter().max_by_key(|l| has(l)).unwrap_or_else(|| panic!("{}: no inner loop:\n{text}", t.name));
            let tile = row.tile[0] * row.tile[1] / row.n;
            assert!(has(best) >= tile.into(), "{} {}: {} of {tile} in the inner loop:\n{text}", t.name, row.name, has(best));
            let stack = best.iter().find(|i| i.contains("sp)") || i.contains("[sp") || i.contains("slot") || i.contains("offset:"));
            assert!(stack.is_none() || t.arch() == "riscv64", "{} {}: {stack:?} in the inner loop", t.name, row.name);
            checked.push(row.name.clone());
        }
    }
    for name in ["pmaddwd", "vpmaddwd", "vpdpbusd", "smull.saddlp", "sdot", "mul"] {
        assert!(checked.iter().any(|c| c == name), "{name} is no longer a row");
    }
}

/// `sdot Vd.4S, Vn.16B, Vm.16B` by its encoding, in the bytes of the object.
#[test]
fn sdot_is_in_the_object() {
    let t = Target::by_name("aarch64-dotprod").unwrap();
    let k = Kernel::new(conv(&t.machine(Backend::Cranelift).unwrap()));
    let object = compile(&k.module, &t, &Options::default()).unwrap();
    let words = object.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap()));
    assert_eq!(words.filter(|w| w & 0xffe0_fc00 == 0x4e80_9400).count(), 16);
}

#[test]
fn same_input_same_bytes() {
    let t = Target::by_name("aarch64").unwrap();
    let m = t.machine(Backend::Cranelift).unwrap();
    let once = || compile(&Kernel::new(depthwise(&m)).module, &t, &Options::default()).unwrap();
    assert_eq!(once(), once());
}
