//! The kernel interpreter: an independent party that runs what back ends translate, and refuses what they may not do.
//!
//! Every access is checked against what the parameter or data object declares (bytes, alignment, role); reading memory that was never
//! written is not noticed. Functions are compiled once to a flat list of instructions over a dense register file.

mod code;
mod compile;
mod exec;
mod lanes;
mod memory;

use crate::{Module, Role, structure};
use code::Routine;
use compile::Compiler;
use exec::{Actual, Bytes, Exec, Region};
pub use exec::{View, Watch};
use mcompc_ir::{Code, Error, Result};
pub use memory::{Arg, Buf, Memory};
use std::collections::BTreeMap;

/// A module, ready to run any of its functions.
#[derive(Clone, Debug)]
pub struct Program<'m> {
    module: &'m Module,
    routines: Vec<Routine>,
    fuel: u64,
}

impl<'m> Program<'m> {
    /// Checks the module's structure and compiles its functions.
    pub fn new(module: &'m Module) -> Result<Self> {
        structure(module)?;
        let funcs: BTreeMap<&str, usize> = module.funcs.iter().enumerate().map(|(i, f)| (f.name.as_str(), i)).collect();
        let data: BTreeMap<&str, usize> = module.data.iter().enumerate().map(|(i, d)| (d.name.as_str(), i)).collect();
        let routines = module.funcs.iter().map(|f| Compiler::compile(module, f, &funcs, &data)).collect();
        Ok(Self { module, routines, fuel: u64::MAX })
    }
    /// Ends a run with an error after about this many instructions.
    pub fn with_limit(mut self, steps: u64) -> Self {
        self.fuel = steps;
        self
    }
    /// Runs a function; results are in `memory` afterwards. Returns its status, 0 where it has none. Errors name the function, the value
    /// and the access that was refused.
    pub fn run(&self, func: &str, memory: &mut Memory, args: &[Arg]) -> Result<i32> {
        self.go(func, memory, args, None)
    }
    /// As [`Program::run`], with somebody who sees each call that `func` makes.
    pub fn watch(&self, func: &str, memory: &mut Memory, args: &[Arg], watch: &mut dyn Watch) -> Result<i32> {
        self.go(func, memory, args, Some(watch))
    }
    fn go<'a>(&'a self, func: &str, memory: &'a mut Memory, args: &[Arg], watch: Option<&'a mut dyn Watch>) -> Result<i32> {
        let wrong = |m: String| Error::new(Code::Verify, m).at(func);
        let Some(f) = self.routines.iter().position(|r| r.name == func) else {
            return Err(wrong("there is no such function".into()));
        };
        let params = &self.routines[f].params;
        if args.len() != params.len() {
            return Err(wrong(format!("{} arguments for {} parameters", args.len(), params.len())));
        }
        let mut bufs = Vec::new();
        let mut regions = Vec::new();
        for d in &self.module.data {
            regions.push(Region { buf: bufs.len() as u32, base: 0, len: d.bytes.len() as u32, align: d.align, write: false });
            bufs.push(Bytes::Fixed(&d.bytes));
        }
        let first = bufs.len();
        for b in &mut memory.bufs {
            let len = u32::try_from(b.len()).map_err(|_| wrong("a buffer of 4 GiB or more".into()))?;
            regions.push(Region { buf: bufs.len() as u32, base: 0, len, align: 64, write: true });
            bufs.push(Bytes::Free(b));
        }
        let mut actuals = Vec::new();
        for (a, p) in args.iter().zip(params) {
            actuals.push(match (a, p.role == Role::Scalar) {
                (Arg::Int(v), true) => Actual::Int(*v),
                (Arg::Ptr(b, off), false) if first + b.0 < bufs.len() => {
                    let off = i32::try_from(*off).map_err(|_| wrong(format!("`{}`: offset {off}", p.name)))?;
                    Actual::Ptr(off, (first + b.0) as u32)
                }
                _ => return Err(wrong(format!("argument {a:?} for `{}`", p.name))),
            });
        }
        let mut exec = Exec { routines: &self.routines, bufs, regions, regs: vec![], fuel: self.fuel, spent: false, watch, first };
        exec.call(f, 0, &actuals, 0).map_err(wrong)?;
        Ok(self.routines[f].status.map_or(0, |s| exec.regs[s as usize]))
    }
}

/// Compiles and runs once; see [`Program`].
pub fn run(module: &Module, func: &str, memory: &mut Memory, args: &[Arg]) -> Result<i32> {
    Program::new(module)?.run(func, memory, args)
}
