//! `cargo xtask random-nets`: networks in processes of their own, failures cut down to the smallest.
#![forbid(unsafe_code)]

mod campaign;
mod options;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    let result = if args.peek().is_some_and(|a| a == "--worker") {
        mcompc_nets::worker::serve().map(|()| true)
    } else if args.peek().is_some_and(|a| matches!(a.as_str(), "--help" | "help" | "-h")) {
        print!("{}", options::HELP);
        Ok(true)
    } else {
        match options::parse(args) {
            Ok(o) => campaign::run(&o),
            Err(message) => {
                eprintln!("{message}\n\n{}", options::HELP);
                return ExitCode::from(2);
            }
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("random-nets: {message}");
            ExitCode::FAILURE
        }
    }
}
