//! Text in, text out: `tests/filetests/kernel/*.mk`.
//!
//! A file is a module in text form with directives in comments, and what they print behind `// ---`:
//! `//! verify` (the proof or the error), `//! print` (the text form), `//! run FUNC ARG...` (the buffers afterwards, or the error), where
//! an argument is `hex:0a0b`, `ramp:N` (bytes 0, 1, 2, ...), `zero:N` or `int:V`. `MCOMPC_BLESS=1` writes what was printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_kernel::interp::{Arg, Buf, Memory, run};
use mcompc_kernel::{Module, parse, print, verify};
use std::fmt::Write;

fn hex(s: &str) -> Vec<u8> {
    (0..s.len() / 2).map(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn run_directive(m: &Module, words: &[&str], out: &mut String) {
    let mut mem = Memory::new();
    let mut bufs: Vec<Buf> = vec![];
    let args: Vec<Arg> = words[1..]
        .iter()
        .map(|w| {
            let (kind, v) = w.split_once(':').expect("kind:value");
            let bytes = match kind {
                "int" => return Arg::Int(v.parse().unwrap()),
                "hex" => hex(v),
                "ramp" => (0..v.parse::<usize>().unwrap()).map(|i| i as u8).collect(),
                "zero" => vec![0; v.parse().unwrap()],
                k => panic!("unknown argument {k}"),
            };
            bufs.push(mem.add(bytes));
            bufs[bufs.len() - 1].into()
        })
        .collect();
    match run(m, words[0], &mut mem, &args) {
        Err(e) => writeln!(out, "{e}").unwrap(),
        Ok(_) => {
            for (i, &b) in bufs.iter().enumerate() {
                let text: String = mem.bytes(b).iter().map(|b| format!("{b:02x}")).collect();
                writeln!(out, "buffer {i}: {text}").unwrap();
            }
        }
    }
}

fn outcome(text: &str) -> String {
    let mut out = String::new();
    let m = match parse(text) {
        Ok(m) => m,
        Err(e) => return format!("{e}\n"),
    };
    for line in text.lines().filter_map(|l| l.strip_prefix("//! ")) {
        writeln!(out, "{line}:").unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "verify" => match verify(&m) {
                Err(e) => writeln!(out, "{e}").unwrap(),
                Ok(p) => {
                    writeln!(out, "{} proven, {} not", p.proven, p.unproven.len()).unwrap();
                    p.unproven.iter().for_each(|(f, e)| writeln!(out, "{f}: {e}").unwrap());
                }
            },
            "print" => out.push_str(&print(&m)),
            "run" => run_directive(&m, &words[1..], &mut out),
            w => panic!("unknown directive {w}"),
        }
    }
    out
}

#[test]
fn filetests() {
    mcompc_filetest::check("kernel", mcompc_filetest::KERNELS, 5, |_, text| outcome(text));
}
