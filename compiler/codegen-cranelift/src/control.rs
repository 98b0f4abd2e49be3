//! Loops, branches and calls.

use crate::translate::{Held, Translator};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value, types};
use cranelift_module::Module as _;
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Block, Inst, Op, Val};

impl Translator<'_, '_, '_> {
    /// A bottom-tested loop: the kernel level guarantees one round at least. A loop whose body does not read the induction variable
    /// counts down to zero, which compares for free on most machines.
    pub(crate) fn for_loop(&mut self, inst: &Inst) -> Result<()> {
        let Inst::For { iv, lo, hi, step, args, inits, body, yields, results, .. } = inst else { return Ok(()) };
        let rounds = (i64::from(*hi) - i64::from(*lo)) / i64::from(*step).max(1);
        if rounds == 1 {
            self.constant(*iv, *lo, mcompc_kernel::Ty::I32)?;
            for (a, i) in args.iter().zip(inits) {
                self.held[a.0 as usize] = self.get(*i).clone();
            }
            self.insts(&body.insts)?;
            for (r, y) in results.iter().zip(yields) {
                self.held[r.0 as usize] = self.get(*y).clone();
            }
            return Ok(());
        }
        let counts = reads(body, *iv) || yields.contains(iv);
        let (first, bound, add) = if counts { (i64::from(*lo), i64::from(*hi), i64::from(*step)) } else { (rounds, 0, -1) };
        // Carried scalars that step by a constant are counters too: held in 64 bits, as addresses want them.
        let counters: Vec<Option<Counter>> =
            args.iter().zip(inits).zip(yields).map(|((&a, &i), &y)| self.counter(body, a, i, y, rounds)).collect();
        let mut entry = vec![self.b.ins().iconst(types::I64, first)];
        for (&i, c) in inits.iter().zip(&counters) {
            match c {
                Some(c) => entry.push(c.init),
                None => entry.extend(self.flat(i)),
            }
        }
        let ahead = self.ahead(body, args, yields);
        if let Some(a) = &ahead {
            let (p, off) = (self.get(inits[a.arg]).vals[0], self.get(inits[a.arg]).off);
            entry.extend(self.load_ahead(a, p, off)?);
        }
        let head = self.b.create_block();
        let exit = self.b.create_block();
        let count = self.b.append_block_param(head, types::I64);
        let mut carried = vec![];
        for (&a, c) in args.iter().zip(&counters) {
            carried.push(if c.is_some() { vec![self.b.append_block_param(head, types::I64)] } else { self.params(head, self.ty(a)) });
        }
        let mut early = vec![];
        for ty in ahead.iter().flat_map(|a| self.ahead_types(a)).collect::<Vec<_>>() {
            early.extend(self.params(head, ty));
        }
        self.b.ins().jump(head, &block_args(&entry));
        self.enter(head);
        if let Some(a) = &ahead {
            self.set_ahead(a, &early);
        }
        for ((&a, vals), c) in args.iter().zip(carried).zip(&counters) {
            match c {
                Some(c) => self.set_counter(a, vals[0], c.inside),
                None => self.set(a, vals),
            }
        }
        if counts {
            self.set_counter(*iv, count, (i64::from(*lo), i64::from(*hi) - i64::from(*step)));
        }
        self.insts(&body.insts)?;
        let next = self.b.ins().iadd_imm_s(count, add);
        let mut again = vec![next];
        let more = if counts { self.b.ins().icmp_imm_s(IntCC::NotEqual, next, bound) } else { next };
        let next_round = match &ahead {
            Some(a) => Some(self.load_next(a, args[a.arg], more)?),
            None => None,
        };
        for (i, (&y, c)) in yields.iter().zip(&counters).enumerate() {
            if let (Some(a), Some((p, _))) = (&ahead, &next_round)
                && a.arg == i
            {
                again.push(*p);
                continue;
            }
            match (c, self.get(y).wide) {
                (Some(_), Some(w)) => again.push(w),
                (Some(_), None) => {
                    let y = self.one(y);
                    again.push(self.b.ins().sextend(types::I64, y));
                }
                (None, _) => again.extend(self.flat(y)),
            }
        }
        again.extend(next_round.into_iter().flat_map(|(_, vals)| vals));
        self.b.ins().brif(more, head, &block_args(&again), exit, &[]);
        self.b.seal_block(head);
        self.enter(exit);
        self.b.seal_block(exit);
        // The last round's values reach the exit directly: the body's end dominates it.
        let mut last = again.into_iter().skip(1);
        for (i, (&r, c)) in results.iter().zip(&counters).enumerate() {
            let n = crate::layout::layout(self.ty(r)).0;
            let vals: Vec<Value> = last.by_ref().take(n).collect();
            if let Some(a) = &ahead
                && a.arg == i
            {
                // The pointer that went around stays in the last round.
                self.held[r.0 as usize] = self.get(yields[i]).clone();
                continue;
            }
            match c {
                Some(c) => self.set_counter(r, vals[0], c.after),
                None => self.set(r, vals),
            }
        }
        Ok(())
    }

    /// Defines a scalar held in 64 bits.
    fn set_counter(&mut self, v: Val, wide: Value, range: (i64, i64)) {
        let narrow = self.b.ins().ireduce(types::I32, wide);
        self.held[v.0 as usize] = Held { vals: vec![narrow], range: Some(range), wide: Some(wide), ..Held::default() };
    }

    /// The carried scalar `arg` as a counter: yielded as itself plus a constant, from a start of known range, without wrapping.
    fn counter(&self, body: &Block, arg: Val, init: Val, yielded: Val, rounds: i64) -> Option<Counter> {
        let (lo, hi) = self.get(init).range?;
        let start = self.get(init).wide?;
        let by = body.insts.iter().find_map(|i| match i {
            Inst::Op { dst, op: Op::Bin(Bin::Add), args } if *dst == yielded && args[0] == arg => Some(args[1]),
            _ => None,
        })?;
        let inside = body.insts.iter().find_map(|i| match i {
            Inst::Op { dst, op: Op::Const(c, _), .. } if *dst == by => Some(i64::from(*c)),
            _ => None,
        });
        let step = inside.or(self.known(by))?;
        let (turn, end) = (step * (rounds - 1), step * rounds);
        i32::try_from(lo + end).ok()?;
        i32::try_from(hi + end).ok()?;
        Some(Counter { init: start, inside: (lo.min(lo + turn), hi.max(hi + turn)), after: (lo + end, hi + end) })
    }

    pub(crate) fn if_else(&mut self, inst: &Inst) -> Result<()> {
        let Inst::If { cond, then, then_yields, els, else_yields, results } = inst else { return Ok(()) };
        let c = self.condition(*cond);
        let (yes, no, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.ins().brif(c, yes, &[], no, &[]);
        for (block, body, yields) in [(yes, then, then_yields), (no, els, else_yields)] {
            self.enter(block);
            self.b.seal_block(block);
            self.insts(&body.insts)?;
            let mut out = vec![];
            for &y in yields {
                out.extend(self.flat(y));
            }
            self.b.ins().jump(join, &block_args(&out));
        }
        for &r in results {
            let vals = self.params(join, self.ty(r));
            self.set(r, vals);
        }
        self.enter(join);
        self.b.seal_block(join);
        Ok(())
    }

    pub(crate) fn call(&mut self, callee: &str, args: &[Val]) -> Result<()> {
        let Some(&id) = self.writer.funcs.get(callee) else { return Err(self.refuse(format!("no function is called `{callee}`"))) };
        let mut vals = vec![];
        for &a in args {
            vals.extend(self.flat(a));
        }
        let f = self.writer.out.declare_func_in_func(id, self.b.func);
        self.b.ins().call(f, &vals);
        Ok(())
    }
}

fn block_args(vals: &[Value]) -> Vec<BlockArg> {
    vals.iter().map(|&v| BlockArg::Value(v)).collect()
}

/// A carried scalar that steps by a constant: its start, and its range inside the loop and after it.
struct Counter {
    init: Value,
    inside: (i64, i64),
    after: (i64, i64),
}

/// Whether a block reads a value, at any depth.
fn reads(block: &Block, v: Val) -> bool {
    block.insts.iter().any(|i| match i {
        Inst::Op { args, .. } | Inst::Call { args, .. } => args.contains(&v),
        Inst::Store { val, ptr, .. } => *val == v || *ptr == v,
        Inst::For { inits, body, yields, .. } => inits.contains(&v) || yields.contains(&v) || reads(body, v),
        Inst::If { cond, then, then_yields, els, else_yields, .. } => {
            *cond == v || then_yields.contains(&v) || else_yields.contains(&v) || reads(then, v) || reads(els, v)
        }
    })
}
