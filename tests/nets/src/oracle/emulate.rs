//! Code for other computers: many networks in one program, so that compiler and emulator start once for all of them.

use super::Site;
use super::differ::bytes_differ;
use super::integer::Integer;
use crate::outcome::{Kind, Outcome};
use mcompc_emu::{Error as EmuError, Program};
use mcompc_ir::Tensor;
use mcompc_lower::Lowered;
use std::fmt::Write as _;
use std::time::Duration;

/// An object with its inputs and what it must give.
#[derive(Clone, Debug)]
pub struct Job {
    /// Target, a machine of the emulator's.
    pub machine: String,
    /// Level, target and back end, for messages.
    pub name: String,
    object: Vec<u8>,
    entry: String,
    arena: usize,
    inputs: Vec<Vec<Vec<u8>>>,
    outputs: Vec<Vec<Vec<u8>>>,
}

impl Job {
    pub(crate) fn new(site: &Site, name: &str, integer: &Integer, l: &Lowered, object: Vec<u8>) -> Self {
        let bytes = |list: &[Tensor]| list.iter().map(|t| t.bytes().to_vec()).collect::<Vec<_>>();
        Self {
            machine: site.target.name.clone(),
            name: name.into(),
            object,
            entry: l.entry.clone(),
            arena: l.arena_bytes.max(1),
            inputs: integer.inputs.iter().map(|x| bytes(x)).collect(),
            outputs: integer.traces.iter().map(|t| bytes(&t.outputs)).collect(),
        }
    }
    /// The symbol of its entry function; each job of a program needs its own.
    pub fn entry(&self) -> &str {
        &self.entry
    }
    fn sizes(list: &[Vec<Vec<u8>>]) -> Vec<usize> {
        list.first().map(|x| x.iter().map(Vec::len).collect()).unwrap_or_default()
    }
}

/// Bytes around every buffer that must keep their value.
const GUARD: usize = 64;

/// Longest that a program of many jobs, and one of a single job, may take.
const MANY: Duration = Duration::from_secs(120);
const ONE: Duration = Duration::from_secs(60);

/// Runs jobs for one machine in one program; gives the outcome of each, in order. A program that fails as a whole is run again in halves,
/// one that does not end job by job. `begin` is called before each program.
pub fn run(jobs: &[Job], begin: &mut dyn FnMut()) -> Vec<Outcome> {
    begin();
    match attempt(jobs) {
        Ok(outcomes) => outcomes,
        // Halves of halves would wait again and again.
        Err(EmuError::Timeout(_)) if jobs.len() > 1 => jobs.iter().flat_map(|j| run(std::slice::from_ref(j), begin)).collect(),
        // What is not there is not there for a half of them either.
        Err(e) if jobs.len() > 1 && !e.is_environment() => {
            let (a, b) = jobs.split_at(jobs.len() / 2);
            [run(a, begin), run(b, begin)].concat()
        }
        Err(e) => jobs.iter().map(|j| outcome_of(j, &e)).collect(),
    }
}

fn outcome_of(job: &Job, e: &EmuError) -> Outcome {
    let stage = format!("emulated code {}", job.name);
    match e {
        EmuError::Guest { status, log } => {
            Outcome::new(Kind::Mismatch, stage, format!("the program ended with {status:?}: {}", log.trim()))
        }
        EmuError::Timeout(s) => Outcome::new(Kind::Hang, stage, format!("no end in {s} s")),
        EmuError::Build(log) => Outcome::new(Kind::Fault, stage, format!("the object does not link: {}", log.trim())),
        // What the test machine lacks says nothing of the code: neither that it is right.
        _ => Outcome::new(Kind::Environment, stage, e.to_string()),
    }
}

fn attempt(jobs: &[Job]) -> Result<Vec<Outcome>, EmuError> {
    let Some(first) = jobs.first() else { return Ok(Vec::new()) };
    let mut program = Program::new(&first.machine, main(jobs));
    for (i, job) in jobs.iter().enumerate() {
        program = program.object(&format!("net{i}.o"), job.object.clone());
    }
    let input: Vec<u8> = jobs.iter().flat_map(|j| &j.inputs).flatten().flatten().copied().collect();
    let limit = if jobs.len() > 1 { MANY } else { ONE };
    let run = program.build()?.run_within(&input, limit)?;
    let mut rest = &run.output[..];
    let mut outcomes = Vec::new();
    for job in jobs {
        let mut outcome = Outcome::ok();
        for want in job.outputs.iter().flatten() {
            let (have, tail) = rest.split_at(want.len().min(rest.len()));
            rest = tail;
            if let Some(what) = bytes_differ(want, have)
                && outcome.kind == Kind::Ok
            {
                outcome = Outcome::new(Kind::Mismatch, format!("emulated code {}", job.name), what);
            }
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// C text: for every job and each of its inputs, read, call, check what lies around the buffers, write.
fn main(jobs: &[Job]) -> String {
    let most = |f: fn(&Job) -> usize| jobs.iter().map(f).max().unwrap_or(0);
    // Inputs and outputs lie at odd addresses: they need no alignment.
    let area = most(|j| {
        let all = [Job::sizes(&j.inputs), Job::sizes(&j.outputs)].concat();
        all.iter().map(|n| n + 1 + 2 * GUARD).sum()
    });
    let mut text = String::from("#include \"emu.h\"\n");
    let _ = writeln!(text, "static uint8_t io[{}];", area + 8);
    let _ = writeln!(text, "static uint8_t arena[{}] __attribute__((aligned(64)));", most(|j| j.arena) + 2 * GUARD);
    text.push_str(concat!(
        "static void fill(uint8_t *p, size_t n, uint8_t v) { while (n--) *p++ = v; }\n",
        "static void guard(const uint8_t *p, size_t n) { while (n--) if (*p++ != 0xC3) ",
        "{ emu_puts(\"write outside a buffer\\n\"); emu_exit(95); } }\n",
    ));
    let mut calls = String::new();
    for (k, job) in jobs.iter().enumerate() {
        let (ins, outs) = (Job::sizes(&job.inputs), Job::sizes(&job.outputs));
        let parameters = vec!["void *"; ins.len() + outs.len() + 1].join(", ");
        let _ = writeln!(text, "int32_t {}({parameters});", job.entry);
        let _ = writeln!(text, "static int net{k}(void)\n{{");
        let (mut at, mut pointers, mut guards) = (0, Vec::new(), String::new());
        let mut before =
            format!("    fill(io, {area}, 0xC3);\n    fill(arena, sizeof arena, 0xC3);\n    fill(arena + {GUARD}, {}, 0x5A);\n", job.arena);
        let mut after = String::new();
        for (i, n) in ins.iter().chain(&outs).enumerate() {
            let from = (at + GUARD) | 1;
            let _ = writeln!(guards, "    guard(io + {at}, {}); guard(io + {}, {GUARD});", from - at, from + n);
            if i < ins.len() {
                let _ = writeln!(before, "    emu_read(io + {from}, {n});");
            } else {
                let _ = writeln!(before, "    fill(io + {from}, {n}, 0xA5);");
                let _ = writeln!(after, "    emu_write(io + {from}, {n});");
            }
            pointers.push(format!("io + {from}"));
            at = from + n + GUARD;
        }
        let _ = writeln!(guards, "    guard(arena, {GUARD}); guard(arena + {}, {GUARD});", GUARD + job.arena);
        pointers.push(format!("arena + {GUARD}"));
        let _ = writeln!(text, "{before}    if ({}({}) != 0) return 96;\n{guards}{after}    return 0;\n}}", job.entry, pointers.join(", "));
        for _ in &job.inputs {
            let _ = writeln!(calls, "    if (net{k}()) return 96;");
        }
    }
    let _ = writeln!(text, "int emu_main(void)\n{{\n{calls}    return 0;\n}}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{Config, Oracle};
    use crate::worker::From;

    #[test]
    fn a_wrong_byte_is_found_and_charged_to_its_network() -> Result<(), Box<dyn std::error::Error>> {
        if !mcompc_emu::runnable("aarch64")? {
            return Ok(());
        }
        let config = Config { targets: vec!["aarch64".into()], qemu: true, levels: vec!["int8".into()], ..Config::every_target()? };
        let oracle = Oracle::new(&config)?;
        let mut jobs: Vec<Job> = Vec::new();
        for seed in 1..40 {
            let network = From::Seed(seed).network(&Default::default())?;
            jobs.extend(oracle.run(&network).1.jobs);
        }
        jobs.truncate(4);
        assert_eq!(jobs.len(), 4);
        let kinds = |jobs: &[Job]| run(jobs, &mut || ()).iter().map(|o| o.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&jobs), [Kind::Ok; 4]);
        if let Some(byte) = jobs[2].outputs.iter_mut().flatten().flatten().last() {
            *byte ^= 1;
        }
        assert_eq!(kinds(&jobs), [Kind::Ok, Kind::Ok, Kind::Mismatch, Kind::Ok]);
        // Too little memory: the code writes beside it, the program ends early, and only the halves tell which network it was.
        if let Some(job) = jobs.iter_mut().find(|j| j.arena > 256) {
            job.arena = 1;
            assert_eq!(kinds(&jobs).iter().filter(|k| **k == Kind::Mismatch).count(), 2);
        }
        // What was not run is not right.
        jobs.iter_mut().for_each(|j| j.machine = "no such machine".into());
        assert_eq!(kinds(&jobs), [Kind::Environment; 4]);
        Ok(())
    }
}
