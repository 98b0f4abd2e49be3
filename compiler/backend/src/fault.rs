//! Back ends that misbehave, for tests: the variable `MCOMPC_TEST_FAULT` has the worker do what no back end should.

use mcompc_kernel::Module;
use std::io::Write as _;
use std::time::Duration;

/// `KIND`, or `KIND@FUNCTION` for modules with that function only.
const VARIABLE: &str = "MCOMPC_TEST_FAULT";

/// Misbehaves if the variable asks for it.
pub(crate) fn provoke(module: &Module) {
    let Ok(asked) = std::env::var(VARIABLE) else { return };
    let kind = match asked.split_once('@') {
        Some((kind, function)) if module.func(function).is_some() => kind,
        Some(_) => return,
        None => &asked,
    };
    match kind {
        "abort" => std::process::abort(),
        "fatal" => {
            eprintln!("LLVM ERROR: as asked");
            std::process::abort();
        }
        "hang" => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "memory" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                // Never touched, so that the limit is met before the computer's memory.
                held.push(Vec::with_capacity(1 << 30));
                std::hint::black_box(&held);
            }
        }
        "exit" => std::process::exit(3),
        "silent" => std::process::exit(0),
        "garbage" => {
            let _ = std::io::stdout().write_all(&[0x5A; 4096]);
            std::process::exit(0);
        }
        "overflow" => {
            std::hint::black_box(deeper(1));
        }
        #[cfg(unix)]
        // Rust's handler takes the first for a fault that will come again.
        "segv" => loop {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::SEGV);
        },
        #[allow(clippy::panic)]
        "panic" => panic!("as asked"),
        other => {
            eprintln!("{VARIABLE} knows no `{other}`");
            std::process::exit(4);
        }
    }
}

#[allow(unconditional_recursion)]
fn deeper(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 64]);
    deeper(frame[3] + 1) + frame[5]
}
