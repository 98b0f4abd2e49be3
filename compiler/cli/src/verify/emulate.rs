//! Foreign code under QEMU's user mode: a static program around the object, samples on its standard input, results on its output.

use super::Runner;
use super::layout::Layout;
use mcompc_ir::{Code, Error, Result, Tensor};
use mcompc_target::Target;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A linked program and the emulator for it.
pub(crate) struct Emulated {
    // Holds the program until the runner is dropped.
    _folder: tempfile::TempDir,
    program: PathBuf,
    emulator: String,
    cpu: Option<String>,
    layout: Layout,
}

/// Exit statuses of the program.
const FAILED: i32 = 3;
const OVERRUN: i32 = 4;

/// Bytes before and after outputs and arena that must keep their value.
const GUARD: usize = 256;

fn missing(tool: &str, e: &std::io::Error) -> Error {
    let code = if e.kind() == ErrorKind::NotFound { Code::ToolMissing } else { Code::Io };
    Error::new(code, format!("cannot run `{tool}`: {e}")).hint("scripts/setup.sh installs the cross compilers and QEMU")
}

fn compiler(target: &Target) -> Result<&'static str> {
    match target.arch() {
        a if a == std::env::consts::ARCH => Ok("gcc"),
        "x86_64" => Ok("x86_64-linux-gnu-gcc"),
        "aarch64" => Ok("aarch64-linux-gnu-gcc"),
        "riscv64" => Ok("riscv64-linux-gnu-gcc"),
        _ => Err(no_user_mode(target)),
    }
}

fn no_user_mode(target: &Target) -> Error {
    Error::new(Code::ToolMissing, format!("code for `{}` runs neither here nor under a user-mode emulator", target.name))
        .hint("link the library into firmware for a board; verify x86_64, aarch64 and riscv64 targets here")
}

impl Emulated {
    /// Links the object.
    ///
    /// # Errors
    /// E505 where compiler or emulator are not there, E601 where the object does not link by itself.
    pub fn new(target: &Target, object: &[u8], layout: Layout) -> Result<Self> {
        let qemu = target.qemu.as_ref().filter(|q| !q.program.contains("system")).ok_or_else(|| no_user_mode(target))?;
        let cc = compiler(target)?;
        let io = |e: std::io::Error| Error::new(Code::Io, format!("cannot write a temporary file: {e}"));
        let folder = tempfile::tempdir().map_err(io)?;
        let [source, obj, program] = ["main.c", "model.o", "main"].map(|n| folder.path().join(n));
        std::fs::write(&source, main_c(&layout)).map_err(io)?;
        std::fs::write(&obj, object).map_err(io)?;
        let out =
            Command::new(cc).args(["-O1", "-static", "-o"]).arg(&program).arg(&source).arg(&obj).output().map_err(|e| missing(cc, &e))?;
        if !out.status.success() {
            let text = String::from_utf8_lossy(&out.stderr).lines().take(6).collect::<Vec<_>>().join("; ");
            return Err(Error::new(Code::Mismatch, format!("`{cc}` cannot link the object: {text}")));
        }
        Ok(Self { _folder: folder, program, emulator: qemu.program.clone(), cpu: qemu.cpu.clone(), layout })
    }

    fn start(&self, samples: usize) -> Result<std::process::Child> {
        let mut c = Command::new(&self.emulator);
        if let Some(cpu) = &self.cpu {
            c.args(["-cpu", cpu]);
        }
        c.arg(&self.program).arg(samples.to_string());
        c.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|e| missing(&self.emulator, &e))
    }
}

impl Runner for Emulated {
    fn name(&self) -> String {
        self.emulator.clone()
    }
    fn run_all(&self, inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>> {
        let mut child = self.start(inputs.len())?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut bytes = Vec::new();
        let read = std::thread::scope(|s| {
            // A program that ended early closes the pipe; its exit status tells why.
            let writer = s.spawn(move || {
                if let Some(mut pipe) = stdin {
                    let _ = inputs.iter().flatten().try_for_each(|t| pipe.write_all(t.bytes()));
                }
            });
            let read = stdout.map_or(Ok(0), |mut out| out.read_to_end(&mut bytes));
            let _ = writer.join();
            read
        });
        let status = child.wait().map_err(|e| missing(&self.emulator, &e))?;
        read.map_err(|e| missing(&self.emulator, &e))?;
        let stopped = |what: &str| Err(Error::new(Code::Mismatch, format!("under {}, {what}", self.emulator)));
        match status.code() {
            Some(0) => {}
            Some(FAILED) => return stopped("the entry function did not return 0"),
            Some(OVERRUN) => return stopped("the code wrote outside its outputs and its arena"),
            _ => return stopped(&format!("the program stopped: {status}")),
        }
        let size = self.layout.output_bytes();
        if bytes.len() != size * inputs.len() {
            return stopped(&format!("{} bytes came back for {} samples of {size}", bytes.len(), inputs.len()));
        }
        bytes.chunks_exact(size.max(1)).map(|b| self.layout.split(b)).collect()
    }
}

fn main_c(l: &Layout) -> String {
    let mut offset = 0;
    let mut params = Vec::new();
    let mut args = Vec::new();
    for (sizes, base, kind) in [(&l.inputs, "in", "const void *"), (&l.outputs, "out + GUARD", "void *")] {
        offset = 0;
        for t in sizes {
            params.push(kind);
            args.push(format!("{base} + {offset}"));
            offset += t.bytes();
        }
    }
    let (ins, outs) = (l.inputs.iter().map(|t| t.bytes()).sum::<usize>(), offset);
    params.push("void *");
    args.push("arena + GUARD".into());
    let mut s = String::from("#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
    let _ = write!(
        s,
        "enum {{ GUARD = {GUARD}, IN = {ins}, OUT = {outs}, ARENA = {arena} }};\n\
         int32_t {name}({params});\n\
         static unsigned char in[IN + 1], out[OUT + 2 * GUARD];\n\
         static _Alignas(256) unsigned char arena[ARENA + 2 * GUARD];\n\
         static int intact(const unsigned char *p, int n) {{\n    for (int i = 0; i < GUARD; i++)\n        if (p[i] != 0xa5 || p[GUARD + n + i] != 0xa5) return 0;\n    return 1;\n}}\n\
         int main(int argc, char **argv) {{\n    for (long n = argc > 1 ? atol(argv[1]) : 0; n > 0; n--) {{\n        if (fread(in, 1, IN, stdin) != IN) return 2;\n        memset(out, 0xa5, sizeof out);\n        memset(arena, 0xa5, sizeof arena);\n        \
         if ({name}({args})) return {FAILED};\n        if (!intact(out, OUT) || !intact(arena, ARENA)) return {OVERRUN};\n        \
         fwrite(out + GUARD, 1, OUT, stdout);\n    }}\n    return 0;\n}}\n",
        arena = l.arena_bytes,
        name = l.entry,
        params = params.join(", "),
        args = args.join(", "),
    );
    s
}
