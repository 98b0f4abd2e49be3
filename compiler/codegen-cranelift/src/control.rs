//! Loops, branches and calls.

use crate::translate::{Held, Translator};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value, types};
use cranelift_module::Module as _;
use mcompc_ir::Result;
use mcompc_kernel::{Block, Inst, Val};

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
        let mut entry = vec![self.b.ins().iconst(types::I64, first)];
        for &i in inits {
            entry.extend(self.flat(i));
        }
        let head = self.b.create_block();
        let exit = self.b.create_block();
        let count = self.b.append_block_param(head, types::I64);
        for &a in args {
            let vals = self.params(head, self.ty(a));
            self.set(a, vals);
        }
        self.b.ins().jump(head, &block_args(&entry));
        self.b.switch_to_block(head);
        if counts {
            let narrow = self.b.ins().ireduce(types::I32, count);
            let range = Some((i64::from(*lo), i64::from(*hi) - i64::from(*step)));
            self.held[iv.0 as usize] = Held { vals: vec![narrow], range, wide: Some(count), ..Held::default() };
        }
        self.insts(&body.insts)?;
        let next = self.b.ins().iadd_imm_s(count, add);
        let mut again = vec![next];
        for &y in yields {
            again.extend(self.flat(y));
        }
        let more = if counts { self.b.ins().icmp_imm_s(IntCC::NotEqual, next, bound) } else { next };
        self.b.ins().brif(more, head, &block_args(&again), exit, &[]);
        self.b.seal_block(head);
        self.b.switch_to_block(exit);
        self.b.seal_block(exit);
        // The last round's values reach the exit directly: the body's end dominates it.
        let mut last = again.into_iter().skip(1);
        for &r in results {
            let n = crate::layout::layout(self.ty(r)).0;
            let vals = last.by_ref().take(n).collect();
            self.set(r, vals);
        }
        Ok(())
    }

    pub(crate) fn if_else(&mut self, inst: &Inst) -> Result<()> {
        let Inst::If { cond, then, then_yields, els, else_yields, results } = inst else { return Ok(()) };
        let c = self.condition(*cond);
        let (yes, no, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.ins().brif(c, yes, &[], no, &[]);
        for (block, body, yields) in [(yes, then, then_yields), (no, els, else_yields)] {
            self.b.switch_to_block(block);
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
        self.b.switch_to_block(join);
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
