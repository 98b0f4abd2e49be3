//! Loops, branches and calls, as blocks with arguments: the exact shape that reaches the code generator, with no pass in between.

use super::isa::Isa;
use super::{Emitter, quoted, refuse, ty};
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Block, Inst, Module, Op, Ty, Val};
use std::collections::BTreeSet;

/// Loops stay rolled unless the kernel asks otherwise: code size is the caller's flash.
const ROLLED: &str = " {loop_annotation = #llvm.loop_annotation<unroll = <disable = true>, vectorize = <disable = true>>}";

/// `le` counts in lr, one of the eight even registers that `vmladava` can accumulate in: with more sums than this beside it, LLVM
/// spills. An empty piece of assembly in a loop keeps it from becoming a hardware loop.
const HARDWARE_LOOP_SUMS: usize = 6;

impl Emitter<'_> {
    fn label(&mut self) -> String {
        self.blocks += 1;
        format!("^b{}", self.blocks)
    }

    fn list(&self, vals: &[Val]) -> Vec<String> {
        vals.iter().map(|&v| self.name(v)).collect()
    }

    fn types(&self, vals: &[Val]) -> Vec<String> {
        vals.iter().map(|&v| ty(self.func.ty(v))).collect()
    }

    /// Values with their types as an operand list of a branch.
    fn operands(names: &[String], types: &[String]) -> String {
        if names.is_empty() { String::new() } else { format!("({} : {})", names.join(", "), types.join(", ")) }
    }

    fn arguments(&self, vals: &[Val], types: &[String]) -> String {
        if vals.is_empty() {
            return String::new();
        }
        let v: Vec<String> = vals.iter().zip(types).map(|(&v, t)| format!("{}: {t}", self.name(v))).collect();
        format!("({})", v.join(", "))
    }

    pub(super) fn for_loop(&mut self, inst: &Inst) -> Result<()> {
        let Inst::For { iv, lo, hi, step, args, inits, body, yields, results, unroll } = inst else {
            return Err(Error::new(Code::Internal, "not a loop"));
        };
        let span = i64::from(*hi) - i64::from(*lo);
        if *step <= 0 || span <= 0 || span % i64::from(*step) != 0 {
            return refuse(format_args!("a loop from {lo} to {hi} by {step}"));
        }
        if span == i64::from(*step) {
            return self.once(inst);
        }
        let (head, exit) = (self.label(), self.label());
        // A counter nobody reads counts down to 0, which needs no comparison.
        let read = reads(body, *iv) || yields.contains(iv);
        let (first, delta, last) = if read { (*lo, *step, *hi) } else { ((span / i64::from(*step)) as i32, -1, 0) };
        let mut types = vec!["i32".to_string()];
        types.extend(self.types(args));
        let start = self.iconst(first);
        let entry: Vec<String> = std::iter::once(start).chain(self.list(inits)).collect();
        self.line(format_args!("llvm.br {head}{}", Self::operands(&entry, &types)));
        let params: Vec<Val> = std::iter::once(*iv).chain(args.iter().copied()).collect();
        let header = self.arguments(&params, &types);
        self.line(format_args!("{head}{header}:"));
        if self.isa == &Isa::Mve && sums(self.module, body) > HARDWARE_LOOP_SUMS {
            self.line(format_args!("llvm.inline_asm has_side_effects \"\", \"\" : () -> ()"));
        }
        self.block(body)?;
        let (delta, last) = (self.iconst(delta), self.iconst(last));
        let next = self.temp(format_args!("arith.addi {}, {delta} : i32", self.name(*iv)));
        let more = self.temp(format_args!("arith.cmpi ne, {next}, {last} : i32"));
        let out = self.list(yields);
        let again: Vec<String> = std::iter::once(next).chain(out.iter().cloned()).collect();
        let note = if *unroll { "" } else { ROLLED };
        let (back, leave) = (Self::operands(&again, &types), Self::operands(&out, &types[1..]));
        self.line(format_args!("llvm.cond_br {more}, {head}{back}, {exit}{leave}{note}"));
        let result = self.arguments(results, &types[1..]);
        self.line(format_args!("{exit}{result}:"));
        Ok(())
    }

    /// A loop that runs once is its body.
    fn once(&mut self, inst: &Inst) -> Result<()> {
        let Inst::For { iv, lo, args, inits, body, yields, results, .. } = inst else {
            return Err(Error::new(Code::Internal, "not a loop"));
        };
        self.line(format_args!("{} = arith.constant {lo} : i32", self.name(*iv)));
        self.copies(args, inits);
        self.block(body)?;
        self.copies(results, yields);
        Ok(())
    }

    fn copies(&mut self, to: &[Val], from: &[Val]) {
        for (&d, &s) in to.iter().zip(from) {
            let t = ty(self.func.ty(s));
            self.line(format_args!("{} = llvm.bitcast {} : {t} to {t}", self.name(d), self.name(s)));
        }
    }

    pub(super) fn if_else(&mut self, inst: &Inst) -> Result<()> {
        let Inst::If { cond, then, then_yields, els, else_yields, results } = inst else {
            return Err(Error::new(Code::Internal, "not a branch"));
        };
        let (yes, no, exit) = (self.label(), self.label(), self.label());
        let c = self.name(*cond);
        let c = self.truth(&c);
        self.line(format_args!("llvm.cond_br {c}, {yes}, {no}"));
        let types = self.types(results);
        for (label, block, vals) in [(yes, then, then_yields), (no, els, else_yields)] {
            self.line(format_args!("{label}:"));
            self.block(block)?;
            let out = Self::operands(&self.list(vals), &types);
            self.line(format_args!("llvm.br {exit}{out}"));
        }
        let result = self.arguments(results, &types);
        self.line(format_args!("{exit}{result}:"));
        Ok(())
    }

    pub(super) fn call(&mut self, func: &str, args: &[Val]) {
        let (names, types) = (self.list(args), self.types(args));
        self.line(format_args!("llvm.call @{}({}) : ({}) -> ()", quoted(func), names.join(", "), types.join(", ")));
    }
}

/// Most scalar sums that one straight part of a block, or of one inside it, carries through inner products.
fn sums(m: &Module, b: &Block) -> usize {
    let scalar = |row: u16| m.rows.get(usize::from(row)).is_some_and(|r| r.acc_ty() == Ty::I32);
    let mut made = BTreeSet::new();
    let mut here = 0;
    let mut inside = 0;
    for i in &b.insts {
        match i {
            Inst::Op { dst, op: Op::Contract { row, .. }, args } if scalar(*row) => {
                here += usize::from(!args.first().is_some_and(|a| made.contains(a)));
                made.insert(*dst);
            }
            Inst::For { body, .. } => inside = inside.max(sums(m, body)),
            Inst::If { then, els, .. } => inside = inside.max(sums(m, then)).max(sums(m, els)),
            _ => {}
        }
    }
    here.max(inside)
}

/// Whether a block, or one inside it, reads `v`.
fn reads(b: &Block, v: Val) -> bool {
    b.insts.iter().any(|i| match i {
        Inst::Op { args, .. } | Inst::Call { args, .. } => args.contains(&v),
        Inst::Store { val, ptr, .. } => *val == v || *ptr == v,
        Inst::For { inits, body, yields, .. } => inits.contains(&v) || yields.contains(&v) || reads(body, v),
        Inst::If { cond, then, then_yields, els, else_yields, .. } => {
            *cond == v || then_yields.contains(&v) || else_yields.contains(&v) || reads(then, v) || reads(els, v)
        }
    })
}
