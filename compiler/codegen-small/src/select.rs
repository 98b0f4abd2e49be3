//! Kernel operations to instructions over virtual registers.

mod arith;
mod control;
mod memory;

use crate::backend;
use crate::isa::Isa;
use crate::lir::{Alu, Block, Code, Ins, Op as M, Reg};
use crate::opt::{reads, visit};
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Func, Inst, Module, Op, Val};
use std::collections::HashMap;

/// A loop being translated.
struct Loop {
    /// The block in front of it.
    before: usize,
    /// Without loops inside.
    leaf: bool,
    consts: HashMap<i32, Reg>,
}

/// Translates one function.
pub(crate) struct Select<'a> {
    isa: &'a Isa,
    f: &'a Func,
    code: Code,
    cur: usize,
    regs: Vec<Option<Reg>>,
    def: Vec<Option<&'a Inst>>,
    uses: Vec<u32>,
    /// Built where it is read, so that the reader may take it in: by value.
    lazy: Vec<bool>,
    consts: HashMap<(usize, i32), Reg>,
    loops: Vec<Loop>,
    funcs: HashMap<&'a str, u32>,
    data: HashMap<&'a str, u32>,
    /// Pointers to memory that never changes.
    constant: Vec<bool>,
}

pub(crate) fn run(module: &Module, f: &Func, isa: &Isa) -> Result<Code> {
    let n = f.tys.len();
    let mut s = Select {
        isa,
        f,
        code: Code::default(),
        cur: 0,
        regs: vec![None; n],
        def: vec![None; n],
        uses: vec![0; n],
        lazy: vec![false; n],
        consts: HashMap::new(),
        loops: vec![],
        funcs: module.funcs.iter().enumerate().map(|(i, f)| (f.name.as_str(), i as u32)).collect(),
        constant: mcompc_kernel::constant_pointers(f),
        data: module.data.iter().enumerate().map(|(i, d)| (d.name.as_str(), i as u32)).collect(),
    };
    visit(&f.body.insts, &mut |i| {
        if let Inst::Op { dst, .. } = i {
            s.def[dst.0 as usize] = Some(i);
        }
        reads(i, &mut |v| s.uses[v.0 as usize] += 1);
    });
    if let Some(v) = f.status {
        s.uses[v.0 as usize] += 1;
    }
    s.cur = s.block();
    s.entry();
    s.mark_lazy(&f.body);
    s.insts(&f.body.insts)?;
    let status = match (f.export, f.status) {
        (false, _) => vec![],
        (true, Some(v)) => vec![s.reg(v)?],
        (true, None) => vec![s.fresh_const(0)],
    };
    s.push(Ins::new(M::Ret, &[], &status, 0));
    Ok(s.code)
}

impl<'a> Select<'a> {
    fn block(&mut self) -> usize {
        self.code.blocks.push(Block { depth: self.loops.len() as u32, ..Block::default() });
        self.code.blocks.len() - 1
    }
    fn push(&mut self, i: Ins) {
        self.code.blocks[self.cur].ins.push(i);
    }
    /// An instruction with one result.
    fn make(&mut self, op: M, uses: &[Reg], imm: i32) -> Reg {
        let d = self.code.fresh();
        self.push(Ins::new(op, &[d], uses, imm));
        d
    }
    /// Registers of arguments, then the stack.
    fn entry(&mut self) {
        let all: Vec<Reg> = self.f.params.iter().map(|_| self.code.fresh()).collect();
        let (by_reg, by_stack) = all.split_at(all.len().min(self.isa.argument_registers()));
        self.push(Ins::new(M::Entry, by_reg, &[], 0));
        for (k, r) in by_stack.iter().enumerate() {
            // Nobody reads it: no load.
            if self.uses[self.f.params[by_reg.len() + k].val.0 as usize] > 0 {
                self.push(Ins::new(M::LoadArg, &[*r], &[], k as i32));
            }
        }
        for (p, r) in self.f.params.iter().zip(&all) {
            self.regs[p.val.0 as usize] = Some(*r);
        }
    }
    fn known(&self, v: Val) -> Option<i32> {
        match self.def[v.0 as usize] {
            Some(Inst::Op { op: Op::Const(c, _), .. }) => Some(*c),
            _ => None,
        }
    }
    /// The operation behind a value that its reader may take in.
    fn lazy_op(&self, v: Val) -> Option<(&'a Op, &'a [Val])> {
        match self.def[v.0 as usize] {
            Some(Inst::Op { op, args, .. }) if self.lazy[v.0 as usize] && self.regs[v.0 as usize].is_none() => Some((op, args)),
            _ => None,
        }
    }
    /// The register of a value.
    fn reg(&mut self, v: Val) -> Result<Reg> {
        if let Some(r) = self.regs[v.0 as usize] {
            return Ok(r);
        }
        if let Some(c) = self.known(v) {
            return Ok(self.const_reg(c));
        }
        match self.def[v.0 as usize] {
            Some(Inst::Op { op, args, .. }) => {
                let r = self.op(op, args)?;
                self.regs[v.0 as usize] = Some(r);
                Ok(r)
            }
            _ => Err(backend(&self.f.name, format!("{v} has no register"))),
        }
    }
    /// A constant in a register: in front of an innermost loop, elsewhere where it is first wanted in a block.
    fn const_reg(&mut self, c: i32) -> Reg {
        if let Some(l) = self.loops.last_mut().filter(|l| l.leaf) {
            if let Some(r) = l.consts.get(&c) {
                return *r;
            }
            let r = self.code.fresh();
            l.consts.insert(c, r);
            let before = &mut self.code.blocks[l.before].ins;
            let at = before.len() - 1;
            before.insert(at, Ins::new(M::Imm, &[r], &[], c));
            return r;
        }
        if let Some(r) = self.consts.get(&(self.cur, c)) {
            return *r;
        }
        let r = self.fresh_const(c);
        self.consts.insert((self.cur, c), r);
        r
    }
    fn fresh_const(&mut self, c: i32) -> Reg {
        self.make(M::Imm, &[], c)
    }
    fn insts(&mut self, insts: &'a [Inst]) -> Result<()> {
        for i in insts {
            match i {
                Inst::Op { dst, op, args } => {
                    if self.lazy[dst.0 as usize] || matches!(op, Op::Const(..)) {
                        continue;
                    }
                    let r = self.op(op, args)?;
                    self.regs[dst.0 as usize] = Some(r);
                }
                Inst::Store { val, ptr, off, mem, align } => self.store(*val, *ptr, *off, *mem, *align)?,
                Inst::For { .. } => self.for_loop(i)?,
                Inst::If { .. } => self.if_else(i)?,
                Inst::Call { func, args } => self.call(func, args)?,
            }
        }
        Ok(())
    }
    /// Marks what readers of the same block may take in: values read once.
    fn mark_lazy(&mut self, b: &'a mcompc_kernel::Block) {
        let mut here = std::collections::HashSet::new();
        for i in &b.insts {
            let mut wants: Vec<Val> = vec![];
            match i {
                Inst::Op { op, args, .. } => {
                    wants.extend(args.iter().enumerate().filter(|(k, a)| self.takes(op, *k, **a)).map(|(_, a)| *a))
                }
                Inst::Store { ptr, off: 0, .. } if self.indexed(*ptr) => wants.push(*ptr),
                Inst::If { cond, .. } => {
                    if let Some(Inst::Op { op: Op::Bin(Bin::And), args, .. }) = self.def[cond.0 as usize]
                        && args.iter().all(|a| self.is_cmp(*a) && here.contains(a) && self.uses[a.0 as usize] == 1)
                    {
                        wants.extend(args);
                        wants.push(*cond);
                    } else if self.is_cmp(*cond) {
                        wants.push(*cond);
                    }
                }
                _ => {}
            }
            for v in wants {
                if here.contains(&v) && self.uses[v.0 as usize] == 1 {
                    self.lazy[v.0 as usize] = true;
                }
            }
            if let Inst::Op { dst, op, .. } = i
                && !matches!(op, Op::Load { .. })
            {
                here.insert(*dst);
            }
        }
    }
    fn is_cmp(&self, v: Val) -> bool {
        matches!(self.def[v.0 as usize], Some(Inst::Op { op: Op::Cmp(_), .. }))
    }
    /// Whether an address is a base and an index that an access can add.
    fn indexed(&self, p: Val) -> bool {
        match self.def[p.0 as usize] {
            Some(Inst::Op { op: Op::PtrAdd { scale, imm: 0 }, args, .. }) if args.len() == 2 => {
                self.isa.is_thumb2() && [1, 2, 4, 8].contains(scale) || self.isa.is_thumb() && *scale == 1
            }
            _ => false,
        }
    }
    /// Whether the reader may take in the operation behind its operand k.
    fn takes(&self, reader: &Op, k: usize, v: Val) -> bool {
        let Some(Inst::Op { op, args, .. }) = self.def[v.0 as usize] else { return false };
        let by_const = |a: &[Val]| a.get(1).is_some_and(|c| self.known(*c).is_some());
        match (reader, op) {
            (Op::Select, Op::Cmp(_)) => k == 0,
            (Op::Load { off: 0, .. }, Op::PtrAdd { .. }) => self.indexed(v),
            (Op::Bin(Bin::Sra | Bin::Srl), Op::Bin(Bin::Shl)) => self.isa.is_thumb() && by_const(args),
            (Op::Bin(Bin::Add | Bin::Sub), Op::Bin(Bin::Mul)) => self.isa.is_thumb2() && (k == 1 || *reader == Op::Bin(Bin::Add)),
            (Op::Bin(Bin::Add), Op::Bin(Bin::MulHi)) => self.isa.dsp,
            (Op::Bin(Bin::Add | Bin::Sub | Bin::And | Bin::Or | Bin::Xor), Op::Bin(Bin::Shl | Bin::Sra | Bin::Srl)) => {
                self.isa.is_thumb2() && by_const(args)
            }
            (Op::Bin(Bin::Smax), Op::Bin(Bin::Smin)) | (Op::Bin(Bin::Smin), Op::Bin(Bin::Sra)) => self.isa.is_thumb2() && by_const(args),
            _ => false,
        }
    }
}

/// The machine operation of an arithmetic one, where there is one.
fn alu(op: Bin) -> Option<Alu> {
    Some(match op {
        Bin::Add => Alu::Add,
        Bin::Sub => Alu::Sub,
        Bin::Mul => Alu::Mul,
        Bin::And => Alu::And,
        Bin::Or => Alu::Orr,
        Bin::Xor => Alu::Eor,
        Bin::Shl => Alu::Lsl,
        Bin::Sra => Alu::Asr,
        Bin::Srl => Alu::Lsr,
        Bin::Smin | Bin::Smax | Bin::MulHi => return None,
    })
}
