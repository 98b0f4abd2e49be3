//! Prints the machine code of two kernels for a target and, where this computer runs it, their speed:
//! `cargo run --release --example kernel -- TARGET [quiet]`. The kernels are KWS's 1x1 convolution (25x5 pixels, 64 to 64 channels)
//! and its 3x3 depthwise convolution.

use mcompc_codegen_cranelift::{Options, compile, disassemble};
use mcompc_exec::{Arg as Word, Buffer, Loaded, Need};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Module, Rescale};
use mcompc_lower::{Arg, Call, ConvSpec, Geometry, conv_kernel, depthwise_kernel};
use mcompc_target::{Backend, Target};
use std::time::Instant;

fn spec(k: usize, c: usize, per_output: usize) -> ConvSpec {
    let weights = (0..c * k * k * per_output).map(|i| (i * 37 % 255) as u8 as i8).map(i16::from).collect();
    ConvSpec {
        geo: Geometry { n: 1, h: 25, w: 5, c, oh: 25, ow: 5, kh: k, kw: k, sh: 1, sw: 1, dh: 1, dw: 1, pt: k / 2, pl: k / 2 },
        o: c,
        mem: [mcompc_kernel::MemElem::S8; 2],
        x_align: 16,
        zp_x: -128,
        weights,
        bias: (0..c as i32).map(|i| i * 11 - 300).collect(),
        mult: (0..c as i32).map(|i| (1 << 28) + i * 12345).collect(),
        rescale: Rescale { pre: 0, shift: 6, zp: -128, lo: -128, hi: 127 },
        narrow: None,
        repeat: 1,
        bytes: false,
    }
}

fn show(call: Call, target: &Target, quiet: bool) -> Result<()> {
    let mut func = call.func;
    func.export = true;
    let name = func.name.clone();
    let module = Module { funcs: vec![func], data: vec![], rows: call.rows };
    if !quiet {
        println!("{}", disassemble(&module, target, &name)?);
    }
    let object = compile(&module, target, &Options::default())?;
    println!("{name}: object of {} bytes", object.len());
    if !target.runs_here() {
        return Ok(());
    }
    let loaded = Loaded::new(&object)?;
    let params = &module.funcs[0].params;
    let needs: Vec<Need> = params.iter().map(|p| Need { bytes: p.bytes as usize, align: p.align.into() }).collect();
    let mut buffers: Vec<Buffer> = params
        .iter()
        .zip(call.args)
        .map(|(p, a)| match a {
            Arg::Data { bytes, .. } => Buffer::from_bytes(&bytes),
            _ => Buffer::new(p.bytes as usize),
        })
        .collect();
    let mut words: Vec<Word<'_>> = buffers.iter_mut().map(|b| Word::Out(b.bytes_mut())).collect();
    let mut best = f64::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..20 {
            loaded.call(&name, &needs, &mut words)?;
        }
        best = best.min(start.elapsed().as_secs_f64() / 20.0);
    }
    println!("{name}: {:.1} us, {:.1} GMAC/s", best * 1e6, call.macs as f64 / best / 1e9);
    Ok(())
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let target = Target::by_name(&args.next().unwrap_or_else(|| "host".into()))?;
    let quiet = args.next().is_some();
    let machine = target.machine(Backend::Cranelift)?;
    let (x, y) = (ValueId { node: 0.into(), port: 0 }, ValueId { node: 1.into(), port: 0 });
    println!("{} ({})", target.name, machine.isa);
    show(conv_kernel(&spec(1, 64, 64), &machine, x, y)?, &target, quiet)?;
    show(depthwise_kernel(&spec(3, 64, 1), &machine, x, y)?, &target, quiet)
}
