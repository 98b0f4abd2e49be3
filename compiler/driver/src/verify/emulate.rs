//! Code for another computer: linked with a main program of our own and run under QEMU, user mode or a board.

use super::Runner;
use super::layout::Layout;
use mcompc_emu::{Argument, Calling, Executable, FAILED, OVERRUN, Program, call_main, missing};
use mcompc_ir::{Code, Error, Result, Tensor, Value};
use mcompc_target::Target;

/// A linked program and the emulator for it.
pub(crate) struct Emulated {
    target: Target,
    program: Executable,
    emulator: String,
    layout: Layout,
}

fn library_missing(log: &str) -> Error {
    Error::new(Code::ToolMissing, format!("the cross compiler's C library is not complete: {log}"))
        .hint("scripts/setup.sh installs compilers with their libraries")
}

/// The command's error for one of the emulation's.
pub(crate) fn error(target: &Target, e: &mcompc_emu::Error) -> Error {
    use mcompc_emu::Error as E;
    let name = &target.name;
    let tool = |m: String| Error::new(Code::ToolMissing, m);
    match e {
        E::ToolMissing(tool_name) => tool(format!("`{tool_name}` is not installed"))
            .hint("scripts/setup.sh installs the cross compilers and QEMU; the counting plug-in lies beside `mcompc` once Cargo has built it, or where --plugin says"),
        E::CpuLacks(what) => tool(format!("not run: code for `{name}` runs natively only, and this CPU lacks {what}"))
            .hint("its bytes are those of every other target: verify one that runs, or run this command on such a CPU"),
        E::UnknownMachine(_) | E::NoEmulator(_) => tool(format!("not run: there is no emulator for `{name}`")).hint("its bytes are those of every other target: verify one that runs"),
        E::Build(log) => {
            let text = log.lines().skip(1).take(6).collect::<Vec<_>>().join("; ");
            let full = log.contains("overflowed") || log.contains("will not fit");
            let library = log.contains("cannot find -l") || log.contains("cannot read spec file");
            match full {
                _ if library => library_missing(&text),
                true => tool(format!("not run: the model does not fit the memory of the board for `{name}`: {text}"))
                    .hint("verify a smaller model, or a target with an operating system"),
                false => Error::new(Code::Mismatch, format!("the object does not link by itself: {text}")),
            }
        }
        E::Guest { status: Some(FAILED), .. } => Error::new(Code::Mismatch, "the entry function did not return 0"),
        E::Guest { status: Some(OVERRUN), .. } => Error::new(Code::Mismatch, "the code wrote outside its outputs and its arena"),
        E::Harness(log) => library_missing(&log.lines().skip(1).take(6).collect::<Vec<_>>().join("; ")),
        E::Timeout(seconds) => tool(format!("not run: code for `{name}` did not end within {seconds} s of emulation"))
            .hint("give fewer samples at a time with --limit"),
        E::Killed(signal) => Error::new(Code::Ended, format!("the emulator was ended from outside by {signal}"))
            .hint("another program, or the system for want of memory, ended it: free memory and run the command again"),
        E::Guest { .. } => Error::new(Code::Mismatch, e.to_string()),
        E::Io(m) => Error::new(Code::Io, m.clone()),
    }
}

/// Links an object with a program that calls its entry function once a sample. With `stack` the program gives back the stack bytes of
/// each call, as a 32-bit number behind the outputs.
pub(crate) fn link(target: &Target, object: &[u8], layout: &Layout, stack: bool) -> Result<Executable> {
    let mut args: Vec<Argument> = layout.inputs.iter().map(|v| Argument::Input(v.bytes())).collect();
    args.extend(layout.outputs.iter().map(|v| Argument::Output(v.bytes())));
    args.push(Argument::Scratch(layout.arena_bytes.max(1)));
    let main = call_main(&layout.entry, Calling::Entry { stack }, &args);
    Program::new(&target.name, main).object("model.o", object).build().map_err(|e| error(target, &e))
}

impl Emulated {
    /// Links the object.
    ///
    /// # Errors
    /// E505 where compiler or emulator are not there, or the CPU for want of an emulator; E601 where the object does not link by itself.
    pub fn new(target: &Target, object: &[u8], layout: Layout) -> Result<Self> {
        if let Some(e) = missing(&target.name) {
            return Err(error(target, &e));
        }
        let program = link(target, object, &layout, false)?;
        let qemu = target.qemu.as_ref();
        let board = qemu.and_then(|q| q.machine.as_ref()).map(|m| format!(" -M {m}")).unwrap_or_default();
        let emulator = qemu.map_or_else(|| "native".into(), |q| format!("{}{board}", q.program));
        Ok(Self { target: target.clone(), program, emulator, layout })
    }
}

impl Runner for Emulated {
    fn name(&self) -> String {
        self.emulator.clone()
    }
    fn run_all(&self, inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>> {
        let bytes: Vec<u8> = inputs.iter().flatten().flat_map(|t| t.bytes().iter().copied()).collect();
        let run = self.program.run(&bytes).map_err(|e| {
            let e = error(&self.target, &e);
            Error { message: format!("under {}: {}", self.emulator, e.message), ..e }
        })?;
        let size: usize = self.layout.outputs.iter().map(Value::bytes).sum();
        if run.output.len() != size * inputs.len() {
            let (have, n) = (run.output.len(), inputs.len());
            return Err(Error::new(Code::Mismatch, format!("under {}, {have} bytes came back for {n} samples of {size}", self.emulator)));
        }
        run.output.chunks_exact(size.max(1)).map(|b| self.layout.split(b)).collect()
    }
}
