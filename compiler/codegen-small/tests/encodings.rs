//! Encodings against LLVM: its disassembler knows every instruction that is emitted, and its assembler gives the same bytes for the text.
//! Said loudly and not run where the tools are missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::targets;
use mcompc_codegen_small::{Options, compile};
use mcompc_kernel::Row;
use mcompc_kernel::testing::{Vocabulary, random_module};
use mcompc_target::Target;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

/// Random modules whose instructions are looked at, a target.
const MODULES: u64 = 60;

/// What must be among the mnemonics, by architecture: the instructions this back end is there for.
const EXPECTED: [(&str, &[&str]); 5] = [
    ("thumbv6m", &["adds", "muls", "ldrb", "ldrh", "strb", "sxtb", "uxth", "ldr", "bne", "bl", "push", "pop"]),
    ("thumbv7m", &["mla", "smull", "ssat", "it", "movw"]),
    ("thumbv7em", &["mla", "smlad", "smmla", "ssat", "sxtb16", "ldrd", "cbz"]),
    ("thumbv8m.main", &["mla", "smlad", "smmla", "ssat", "sxtb16"]),
    ("riscv32", &["mul", "mulh", "slti", "sltu", "lui", "auipc", "jalr", "beqz", "bnez", "lbu", "lh", "sb", "sw"]),
];

fn run(tool: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(tool).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{tool} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// The name a tool goes by here.
fn tool(name: &str) -> Option<String> {
    [format!("{name}-22"), name.to_string()]
        .into_iter()
        .find(|n| Command::new(n).arg("--version").output().is_ok_and(|o| o.status.success()))
}

/// Features as LLVM's tools take them.
fn features(t: &Target) -> String {
    if t.arch() == "riscv32" { "+m,+c".into() } else { t.llvm.features.clone() }
}

/// Instructions under their own names, where there are others.
fn plain(t: &Target) -> &'static [&'static str] {
    if t.arch() == "riscv32" { &["-M", "no-aliases"] } else { &[] }
}

/// Bytes and text of every instruction.
fn disassemble(objdump: &str, t: &Target, object: &[u8]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kernel.o");
    std::fs::write(&path, object).unwrap();
    let (triple, cpu, attr) = (format!("--triple={}", t.triple), format!("--mcpu={}", t.llvm.cpu), format!("--mattr={}", features(t)));
    let mut args = vec!["-d", &triple, &cpu, &attr, path.to_str().unwrap()];
    args.extend(plain(t));
    let text = run(objdump, &args, "");
    let mut all: Vec<(String, String)> = vec![];
    let mut open = 0;
    for line in text.lines().filter(|l| l.starts_with(' ') && l.contains('\t')) {
        let mut parts = line.split('\t');
        let bytes = parts.next().unwrap().split(": ").nth(1).unwrap_or("").trim().to_string();
        let text = parts.collect::<Vec<_>>().join(" ");
        if !text.starts_with(".word") && !text.starts_with(".short") {
            let text = text.split(" @").next().unwrap().split(" <").next().unwrap().trim().to_string();
            // What a condition governs belongs to it.
            match all.last_mut() {
                Some((b, i)) if open > 0 => {
                    *b = format!("{b} {bytes}");
                    *i = format!("{i}\n{text}");
                    open -= 1;
                }
                _ => {
                    let m = text.split_whitespace().next().unwrap_or("");
                    open = if m.starts_with("it") && m.len() < 5 { m.len() - 1 } else { 0 };
                    all.push((bytes, text));
                }
            }
        }
    }
    all
}

/// Whether the text says where the instruction lies: those are held by the runs under QEMU.
fn relative(text: &str) -> bool {
    let m = text.split_whitespace().next().unwrap_or("");
    let branches = ["b", "bl", "cbz", "cbnz", "j", "jal", "c.j", "c.beqz", "c.bnez", "beq", "bne", "blt", "bge", "bltu", "bgeu"];
    text.contains("[pc")
        || branches.contains(&m.trim_end_matches(".w").trim_end_matches(".n"))
        || (m.starts_with('b') && m.len() <= 5 && text.contains("0x"))
}

#[test]
fn llvm_reads_and_writes_the_same() {
    let (Some(objdump), Some(mc)) = (tool("llvm-objdump"), tool("llvm-mc")) else {
        return eprintln!("not run: llvm-objdump and llvm-mc of LLVM 22 are missing (scripts/setup.sh installs them)");
    };
    for t in targets() {
        let of = |isa: &str| mcompc_target::machine(isa).unwrap().row().clone();
        let rows: Vec<Row> = ["armv7-m", "armv7e-m"].map(of).to_vec();
        let mut seen = BTreeSet::new();
        let mut mnemonics = BTreeSet::new();
        for seed in 0..MODULES {
            let voc = Vocabulary::up_to(if seed % 4 == 0 { 8 } else { 0 }, &rows);
            let m = random_module(seed + 500, &voc, if seed % 4 == 0 { 10 } else { 30 });
            for (bytes, text) in disassemble(&objdump, &t, &compile(&m, &t, &Options::default()).unwrap()) {
                assert!(!text.contains("unknown"), "{}: {bytes} is no instruction", t.name);
                mnemonics.insert(text.split_whitespace().next().unwrap().trim_start_matches("c.").trim_end_matches(".w").to_string());
                if !relative(&text) {
                    seen.insert((bytes, text));
                }
            }
        }
        assert!(seen.len() > 500, "{}: only {} different instructions", t.name, seen.len());
        let (_, expected) = EXPECTED.iter().find(|(a, _)| *a == t.arch()).unwrap();
        let missing: Vec<_> = expected.iter().filter(|m| !mnemonics.iter().any(|s| s.starts_with(**m))).collect();
        assert!(missing.is_empty(), "{}: {missing:?} are not among {} instructions: {mnemonics:?}", t.name, seen.len());
        let (triple, cpu, attr) = (format!("--triple={}", t.triple), format!("--mcpu={}", t.llvm.cpu), format!("--mattr={}", features(&t)));
        // The assembler compresses what it can; here each form is asked for.
        let form = |text: &str| match (t.arch(), text.starts_with("c.")) {
            ("riscv32", true) => ".option rvc\n",
            ("riscv32", false) => ".option norvc\n",
            _ => "",
        };
        let source: String = seen.iter().map(|(_, text)| format!("{}{text}\n", form(text))).collect();
        let mut args = vec!["--assemble", "--show-encoding", &triple, &cpu, &attr];
        args.extend(plain(&t));
        let listing = run(&mc, &args, &source);
        let again: Vec<String> = listing
            .lines()
            .filter_map(|l| l.split("encoding: [").nth(1))
            .map(|l| l.split(']').next().unwrap().replace(['x', ','], ""))
            .collect();
        let lines = seen.iter().map(|(_, text)| text.lines().count()).sum::<usize>();
        assert_eq!(again.len(), lines, "{}", t.name);
        let mut again = again.into_iter();
        for (bytes, text) in &seen {
            let again: String = again.by_ref().take(text.lines().count()).collect();
            // The disassembler shows halfwords and words, the assembler bytes in the order of memory.
            let groups: Vec<&str> = bytes.split_whitespace().collect();
            let flat: String = groups.iter().flat_map(|g| (0..g.len() / 2).rev().map(move |k| &g[2 * k..2 * k + 2])).collect();
            let again: String = again.as_bytes().chunks(3).map(|c| std::str::from_utf8(&c[1..]).unwrap()).collect();
            assert_eq!(flat, again, "{}: {text}", t.name);
        }
    }
}
