//! The executors.

use mcompc_driver::verify::{Native, Runner};
use mcompc_driver::{Built, Firmware, Silent};
use mcompc_emu::{Argument, Calling, Program, call_main};
use mcompc_ir::{Code, Error, Graph, Result, Tensor};
use mcompc_kernel::interp::{Arg, Memory, Program as Kernels};
use mcompc_lower::{Lowered, Weights};
use mcompc_target::{Backend, Target};

/// What an emulated run gave.
pub struct Measured {
    /// Bytes of every output, in order.
    pub outputs: Vec<Vec<u8>>,
    /// Instructions of the call, when counted.
    pub instructions: Option<u64>,
}

/// Lowers for a target and back end and generates the object.
pub fn compile(g: &Graph, target: &Target, backend: Backend) -> Result<(Lowered, Vec<u8>)> {
    compile_with(g, target, backend, Weights::Stored)
}

/// [`compile`] with weights stored otherwise.
pub fn compile_with(g: &Graph, target: &Target, backend: Backend, weights: Weights) -> Result<(Lowered, Vec<u8>)> {
    let firmware = Firmware { weights, ..Firmware::default() };
    let built = mcompc_driver::build("model", "none", g, (target, backend), &firmware, &Silent)?;
    Ok((built.lowered, built.object))
}

/// Outputs of the graph by the operators' definitions.
pub fn reference(g: &Graph, inputs: &[Tensor]) -> Result<Vec<Vec<u8>>> {
    Ok(mcompc_interp::run(g, inputs)?.into_iter().map(|t| t.bytes().to_vec()).collect())
}

/// Outputs by the kernel interpreter.
pub fn interpret(g: &Graph, l: &Lowered, inputs: &[Tensor]) -> Result<Vec<Vec<u8>>> {
    let program = Kernels::new(&l.module)?;
    let mut mem = Memory::new();
    let mut args: Vec<Arg> = inputs.iter().map(|t| mem.add(t.bytes().to_vec()).into()).collect();
    let outs: Vec<_> = g.outputs.iter().map(|o| mem.add(vec![0xa5; g.value(o.value).bytes()])).collect();
    args.extend(outs.iter().map(|&b| Arg::from(b)));
    args.push(mem.add(vec![0x5a; l.arena_bytes]).into());
    program.run(&l.entry, &mut mem, &args)?;
    Ok(outs.iter().map(|&b| mem.bytes(b).to_vec()).collect())
}

/// What the entry function touches behind each of its parameters.
pub fn needs(g: &Graph, l: &Lowered) -> Vec<mcompc_exec::Need> {
    let ins = g.inputs.iter().map(|&n| g.value(g.out(n)).bytes());
    let io = ins.chain(g.outputs.iter().map(|o| g.value(o.value).bytes())).map(|bytes| mcompc_exec::Need { bytes, align: 1 });
    io.chain([mcompc_exec::Need { bytes: l.arena_bytes, align: l.arena_align }]).collect()
}

/// Outputs of the object in this process.
pub fn native(g: &Graph, l: &Lowered, object: &[u8], inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Vec<u8>>>> {
    let built = Built { lowered: l.clone(), object: object.to_vec(), stack_bytes: 0 };
    let outs = Native::new(&built, g)?.run_all(inputs)?;
    Ok(outs.into_iter().map(|set| set.into_iter().map(|t| t.bytes().to_vec()).collect()).collect())
}

/// Outputs of the object on `machine` (a key of the emulation harness), for each set of inputs.
pub fn emulate(machine: &str, g: &Graph, l: &Lowered, object: &[u8], inputs: &[Vec<Tensor>], count: bool) -> Result<Vec<Measured>> {
    let mut args: Vec<Argument> = g.inputs.iter().map(|&n| Argument::Input(g.value(g.out(n)).bytes())).collect();
    let outs: Vec<usize> = g.outputs.iter().map(|o| g.value(o.value).bytes()).collect();
    args.extend(outs.iter().map(|&n| Argument::Output(n)));
    args.push(Argument::Scratch(l.arena_bytes.max(1)));
    let fail = |e: mcompc_emu::Error| Error::new(Code::ToolMissing, e.to_string());
    let exe = Program::new(machine, call_main(&l.entry, Calling::Entry { stack: false }, &args))
        .object("model.o", object)
        .build()
        .map_err(fail)?;
    let size: usize = outs.iter().sum();
    let split = |mut rest: &[u8]| {
        let cut = |&n: &usize| {
            let (a, b) = rest.split_at(n.min(rest.len()));
            rest = b;
            a.to_vec()
        };
        outs.iter().map(cut).collect::<Vec<_>>()
    };
    let bytes = |sets: &[Vec<Tensor>]| -> Vec<u8> { sets.iter().flatten().flat_map(|t| t.bytes().to_vec()).collect() };
    if !count {
        // One start for all.
        let r = exe.run(&bytes(inputs)).map_err(fail)?;
        return Ok(r.output.chunks(size.max(1)).map(|b| Measured { outputs: split(b), instructions: None }).collect());
    }
    let one = |set: &Vec<Tensor>| {
        let r = exe.run_counted(&bytes(std::slice::from_ref(set))).map_err(fail)?;
        Ok(Measured { outputs: split(&r.output), instructions: r.instructions })
    };
    inputs.iter().map(one).collect()
}
