//! Loops, branches and calls, as blocks with parameters. No edge is critical: between a block with two successors and a block with two
//! predecessors there is always an empty one.

use super::arith::Other;
use super::{Loop, Select};
use crate::backend;
use crate::lir::{Alu, Cond, Edge, Ins, Op as M, Reg};
use crate::opt::has_loop;
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Inst, Op, Val};
use std::collections::HashMap;

impl<'a> Select<'a> {
    fn jump(&mut self, to: usize, args: Vec<Reg>) {
        self.push(Ins::new(M::Jump, &[], &[], 0));
        self.code.blocks[self.cur].succs = vec![Edge { to, args }];
    }
    /// Ends the block with a branch to a new block where the condition holds, and to another new one.
    fn branch(&mut self, i: Ins) -> (usize, usize) {
        self.push(i);
        let from = self.cur;
        let (yes, no) = (self.block(), self.block());
        self.code.blocks[from].succs = vec![Edge { to: yes, args: vec![] }, Edge { to: no, args: vec![] }];
        (yes, no)
    }
    fn all(&mut self, vs: &[Val]) -> Result<Vec<Reg>> {
        vs.iter().map(|v| self.reg(*v)).collect()
    }

    pub(super) fn for_loop(&mut self, i: &'a Inst) -> Result<()> {
        let Inst::For { iv, lo, hi, step, args, inits, body, yields, results, .. } = i else { return Ok(()) };
        let rounds = (i64::from(*hi) - i64::from(*lo)) / i64::from(*step).max(1);
        let read = self.uses[iv.0 as usize] > 0;
        let mut start = vec![self.fresh_const(if read { *lo } else { rounds as i32 })];
        for v in inits {
            // A copy of its own, as the loop changes it.
            start.push(match self.known(*v) {
                Some(c) => self.fresh_const(c),
                None => self.reg(*v)?,
            });
        }
        let before = self.cur;
        self.loops.push(Loop { before, leaf: !has_loop(body), consts: HashMap::new() });
        let head = self.block();
        self.jump(head, start);
        self.cur = head;
        let counter = self.code.fresh();
        let mut params = vec![counter];
        self.regs[iv.0 as usize] = Some(counter);
        for a in args {
            let r = self.code.fresh();
            self.regs[a.0 as usize] = Some(r);
            params.push(r);
        }
        self.code.blocks[head].params = params;
        self.mark_lazy(body);
        // Steps of carried values come last, so that a value and its successor share a register.
        for (a, y) in args.iter().zip(yields) {
            if let Some(Inst::Op { op: Op::PtrAdd { .. } | Op::Bin(Bin::Add), args, .. }) = self.def[y.0 as usize]
                && args[0] == *a
                && self.uses[y.0 as usize] == 1
                && args.get(1).is_none_or(|c| self.known(*c).is_some())
            {
                self.lazy[y.0 as usize] = true;
            }
        }
        self.insts(&body.insts)?;
        let next = self.all(yields)?;
        let (again, leave) = if read {
            let n = if self.isa.immediate_fits(Alu::Add, *step) {
                self.make(M::AluImm(Alu::Add), &[counter], *step)
            } else {
                let by = self.const_reg(*step);
                self.make(M::Alu(Alu::Add), &[counter, by], 0)
            };
            self.end_loop(n, *hi, &next)?
        } else {
            let n = self.make(M::Count, &[counter], 0);
            self.branch_again(Ins::new(M::BranchCount, &[], &[n], 0), n, &next)
        };
        self.code.blocks[again].succs[0].to = head;
        self.cur = leave;
        self.loops.pop();
        self.code.blocks[leave].depth = self.loops.len() as u32;
        for (r, n) in results.iter().zip(&next) {
            self.regs[r.0 as usize] = Some(*n);
        }
        Ok(())
    }
    fn end_loop(&mut self, n: Reg, hi: i32, next: &[Reg]) -> Result<(usize, usize)> {
        let i = if self.isa.compare_fits(hi) {
            Ins::new(M::BranchImm(Cond::Ne), &[], &[n], hi)
        } else {
            let bound = self.const_reg(hi);
            Ins::new(M::Branch(Cond::Ne), &[], &[n, bound], 0)
        };
        Ok(self.branch_again(i, n, next))
    }
    /// The block that goes back, whose successor is set by the caller, and the one after the loop.
    fn branch_again(&mut self, i: Ins, counter: Reg, next: &[Reg]) -> (usize, usize) {
        let (again, leave) = self.branch(i);
        self.cur = again;
        self.jump(0, std::iter::once(counter).chain(next.iter().copied()).collect());
        (again, leave)
    }

    pub(super) fn if_else(&mut self, i: &'a Inst) -> Result<()> {
        let Inst::If { cond, then, then_yields, els, else_yields, results } = i else { return Ok(()) };
        let tests: Vec<Val> = match self.lazy_op(*cond) {
            Some((Op::Bin(Bin::And), args)) => args.to_vec(),
            _ => vec![*cond],
        };
        let mut misses = vec![];
        for t in tests {
            let (cond, x, other) = self.compare(t)?;
            let i = match other {
                Other::Reg(y) => Ins::new(M::Branch(cond), &[], &[x, y], 0),
                Other::Imm(c) => Ins::new(M::BranchImm(cond), &[], &[x], c),
            };
            let (yes, no) = self.branch(i);
            misses.push(no);
            self.cur = yes;
        }
        let params: Vec<Reg> = results.iter().map(|_| self.code.fresh()).collect();
        self.mark_lazy(then);
        self.insts(&then.insts)?;
        let then_args = self.all(then_yields)?;
        let then_end = self.cur;
        let mut els_block = misses[0];
        if misses.len() > 1 {
            els_block = self.block();
            for m in misses {
                self.cur = m;
                self.jump(els_block, vec![]);
            }
        }
        self.cur = els_block;
        self.mark_lazy(els);
        self.insts(&els.insts)?;
        let else_args = self.all(else_yields)?;
        let else_end = self.cur;
        let join = self.block();
        self.code.blocks[join].params = params.clone();
        for (end, args) in [(then_end, then_args), (else_end, else_args)] {
            self.cur = end;
            self.jump(join, args);
        }
        self.cur = join;
        for (r, p) in results.iter().zip(params) {
            self.regs[r.0 as usize] = Some(p);
        }
        Ok(())
    }

    pub(super) fn call(&mut self, func: &str, args: &[Val]) -> Result<()> {
        let Some(&n) = self.funcs.get(func) else { return Err(backend(&self.f.name, format!("no function is called `{func}`"))) };
        let regs = self.all(args)?;
        let (by_reg, by_stack) = regs.split_at(regs.len().min(self.isa.argument_registers()));
        for (k, r) in by_stack.iter().enumerate() {
            self.push(Ins::new(M::StoreArg, &[], &[*r], k as i32));
        }
        self.code.outgoing = self.code.outgoing.max(4 * by_stack.len() as u32);
        self.code.calls = true;
        self.push(Ins::new(M::Call(n), &[], by_reg, 0));
        Ok(())
    }
}
