//! Rewrites a function for a core: vectors become scalars, and operations without an instruction become several.

use super::fold::Fold;
use super::walk::has_loop;
use crate::backend;
use crate::isa::{Isa, Kind};
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Block, Elem, Form, Func, Inst, Lane, MemElem, Module, Op, Rescale, Row, Ty, Val};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Expand<'a> {
    pub b: Fold<'a>,
    pub module: &'a Module,
    pub f: &'a Func,
    /// By old value: the new ones, one a lane.
    map: Vec<Vec<Val>>,
    constant: Vec<bool>,
    /// Addresses that a walking pointer stands for.
    walked: BTreeSet<Val>,
}

/// A pointer that steps with a loop's counter: `base + counter * scale`, and the addresses so many bytes from it.
struct Walk {
    base: Val,
    scale: i32,
    steps: Vec<(Val, i32)>,
}

pub(super) fn run(module: &Module, f: &Func, isa: &Isa) -> Result<Func> {
    let mut e = Expand {
        b: Fold::new(f, isa),
        module,
        f,
        map: vec![vec![]; f.tys.len()],
        constant: mcompc_kernel::constant_pointers(f),
        walked: BTreeSet::new(),
    };
    for p in &f.params {
        let v = e.b.param(p, f.ty(p.val));
        e.map[p.val.0 as usize] = vec![v];
    }
    e.block(&f.body)?;
    if let Some(s) = f.status {
        e.b.func.status = Some(e.one(s));
    }
    Ok(e.b.finish())
}

/// Lanes of a type, 1 of a scalar, and their width.
pub(super) fn lanes(t: Ty) -> (usize, Lane) {
    match t {
        Ty::Vec(l, n) => (n.into(), l),
        _ => (1, Lane::I32),
    }
}

impl Expand<'_> {
    pub fn isa(&self) -> &Isa {
        self.b.isa
    }
    pub fn get(&self, v: Val) -> &[Val] {
        &self.map[v.0 as usize]
    }
    pub fn one(&self, v: Val) -> Val {
        self.map[v.0 as usize][0]
    }
    pub fn set(&mut self, v: Val, to: Vec<Val>) {
        self.map[v.0 as usize] = to;
    }
    fn flat(&self, vs: &[Val]) -> Vec<Val> {
        vs.iter().flat_map(|v| self.get(*v).iter().copied()).collect()
    }
    /// New values for the lanes of each.
    fn fresh(&mut self, vs: &[Val]) -> Vec<Val> {
        let mut all = vec![];
        for &v in vs {
            let ty = if self.f.ty(v) == Ty::Ptr { Ty::Ptr } else { Ty::I32 };
            let new: Vec<Val> = (0..lanes(self.f.ty(v)).0).map(|_| self.b.fresh(ty)).collect();
            if ty == Ty::Ptr && self.constant[v.0 as usize] {
                self.b.mark_constant(new[0]);
            }
            all.extend(&new);
            self.set(v, new);
        }
        all
    }
    fn block(&mut self, b: &Block) -> Result<()> {
        b.insts.iter().try_for_each(|i| self.inst(i))
    }
    fn inst(&mut self, i: &Inst) -> Result<()> {
        match i {
            Inst::Op { dst, op, args } => self.op(*dst, op, args),
            Inst::Store { val, ptr, off, mem, align } => {
                self.store(*val, *ptr, *off, *mem, *align);
                Ok(())
            }
            Inst::For { .. } => self.for_loop(i),
            Inst::If { cond, then, then_yields, els, else_yields, results } => {
                let c = self.one(*cond);
                if let Some(known) = self.b.known(c) {
                    let (arm, yields) = if known != 0 { (then, then_yields) } else { (els, else_yields) };
                    self.block(arm)?;
                    for (r, y) in results.iter().zip(yields) {
                        self.set(*r, self.get(*y).to_vec());
                    }
                    return Ok(());
                }
                let mut arms = vec![];
                for (arm, yields) in [(then, then_yields), (els, else_yields)] {
                    self.b.open(true, 0);
                    self.block(arm)?;
                    let ys = self.flat(yields);
                    arms.push((Block { insts: self.b.close() }, ys));
                }
                let results = self.fresh(results);
                let (Some((els, else_yields)), Some((then, then_yields))) = (arms.pop(), arms.pop()) else { return Ok(()) };
                self.b.push(Inst::If { cond: c, then, then_yields, els, else_yields, results });
                Ok(())
            }
            Inst::Call { func, args } => {
                let args = self.flat(args);
                self.b.push(Inst::Call { func: func.clone(), args });
                Ok(())
            }
        }
    }
    fn for_loop(&mut self, i: &Inst) -> Result<()> {
        let Inst::For { iv, lo, hi, step, args, inits, body, yields, results, unroll } = i else { return Ok(()) };
        let once = i64::from(*hi) - i64::from(*lo) == i64::from(*step);
        for (k, a) in args.iter().enumerate() {
            if once || yields[k] == *a {
                self.set(*a, self.get(inits[k]).to_vec());
            }
        }
        if once {
            let c = self.b.iconst(*lo);
            self.set(*iv, vec![c]);
            self.block(body)?;
            for (r, y) in results.iter().zip(yields) {
                self.set(*r, self.get(*y).to_vec());
            }
            return Ok(());
        }
        let carried: Vec<usize> = (0..args.len()).filter(|&k| yields[k] != args[k]).collect();
        let pick = |of: &[Val]| carried.iter().map(|&k| of[k]).collect::<Vec<Val>>();
        let mut inits = self.flat(&pick(inits));
        let walks = self.walks(body, *iv);
        for w in &walks {
            let base = self.one(w.base);
            inits.push(self.ptr_add(&[base], 0, lo.wrapping_mul(w.scale)));
        }
        let spare = if has_loop(body) { 0 } else { self.isa().registers().saturating_sub(self.pressure(body, args)) };
        self.b.open(false, spare);
        let new_iv = self.b.fresh(Ty::I32);
        self.set(*iv, vec![new_iv]);
        let mut new_args = self.fresh(&pick(args));
        let first = new_args.len();
        for w in &walks {
            let p = self.b.fresh(Ty::Ptr);
            if self.constant[w.base.0 as usize] {
                self.b.mark_constant(p);
            }
            new_args.push(p);
            for (dst, imm) in &w.steps {
                let at = self.ptr_add(&[p], 0, *imm);
                self.set(*dst, vec![at]);
                self.walked.insert(*dst);
            }
        }
        self.block(body)?;
        let mut new_yields = self.flat(&pick(yields));
        for (k, w) in walks.iter().enumerate() {
            new_yields.push(self.ptr_add(&[new_args[first + k]], 0, step.wrapping_mul(w.scale)));
        }
        let body = Block { insts: self.b.close() };
        for (k, r) in results.iter().enumerate() {
            if yields[k] == args[k] {
                self.set(*r, self.get(args[k]).to_vec());
            }
        }
        let mut results = self.fresh(&pick(results));
        results.extend(walks.iter().map(|_| self.b.fresh(Ty::Ptr)).collect::<Vec<_>>());
        self.b.push(Inst::For {
            iv: new_iv,
            lo: *lo,
            hi: *hi,
            step: *step,
            args: new_args,
            inits,
            body,
            yields: new_yields,
            results,
            unroll: *unroll,
        });
        Ok(())
    }
    /// Addresses of a loop without loops inside that step with its counter from a base that stays: kept as pointers that walk, where one
    /// serves several accesses or the counter would have to be scaled.
    fn walks(&self, body: &Block, iv: Val) -> Vec<Walk> {
        let mut walks: Vec<Walk> = vec![];
        if has_loop(body) {
            return walks;
        }
        let mut reads: BTreeMap<Val, usize> = BTreeMap::new();
        super::walk::visit(&body.insts, &mut |i| super::walk::reads(i, &mut |v| *reads.entry(v).or_default() += 1));
        for i in &body.insts {
            let Inst::Op { dst, op: Op::PtrAdd { scale, imm }, args } = i else { continue };
            // What has no value yet is made in the loop.
            if args.get(1) != Some(&iv) || *scale == 0 || self.get(args[0]).is_empty() {
                continue;
            }
            let many = reads.get(dst).is_some_and(|n| *n > 1);
            match walks.iter_mut().find(|w| w.base == args[0] && w.scale == *scale) {
                Some(w) => w.steps.push((*dst, *imm)),
                None if many || *scale != 1 => walks.push(Walk { base: args[0], scale: *scale, steps: vec![(*dst, *imm)] }),
                None => {}
            }
        }
        walks
    }
    /// Registers that a loop without loops inside wants for itself, about: the counter, what it carries, values from outside, the most of
    /// its own values at a time, and the constant of a rescale.
    fn pressure(&self, body: &Block, args: &[Val]) -> usize {
        let mut all = vec![];
        super::walk::visit(&body.insts, &mut |i| all.push(i));
        let (mut last, mut inside) = (BTreeMap::new(), BTreeSet::from_iter(args.iter().copied()));
        let mut rescales = 0;
        for (k, i) in all.iter().enumerate() {
            super::walk::reads(i, &mut |v| {
                last.insert(v, k);
            });
            if let Inst::Op { dst, op, .. } = i {
                inside.insert(*dst);
                rescales |= usize::from(matches!(op, Op::Rescale(_)));
            }
        }
        let known = |v: &Val| self.get(*v).iter().any(|n| self.b.known(*n).is_some());
        let outer = last.keys().filter(|v| !inside.contains(v) && !known(v)).count();
        let (mut now, mut most) = (BTreeSet::new(), 0);
        for (k, i) in all.iter().enumerate() {
            match i {
                Inst::Op { op: Op::Const(..), .. } => {}
                Inst::Op { op: Op::Load { .. }, args, .. } if self.constant[args[0].0 as usize] => {}
                Inst::Op { dst, .. } => {
                    now.retain(|v| last.get(v).is_some_and(|l| *l > k));
                    now.insert(*dst);
                    most = most.max(now.len());
                }
                _ => {}
            }
        }
        1 + args.len() + outer + most + rescales
    }

    fn op(&mut self, dst: Val, op: &Op, args: &[Val]) -> Result<()> {
        if self.walked.contains(&dst) {
            return Ok(());
        }
        let ty = self.f.ty(dst);
        let vector = matches!(ty, Ty::Vec(..)) || args.iter().any(|a| matches!(self.f.ty(*a), Ty::Vec(..)));
        if let Op::Load { ty, mem, off, align } = op {
            let p = self.one(args[0]);
            let (n, lane) = lanes(*ty);
            // A lane is held with its sign; an element as wide as the lane has no other.
            let mem = match (*mem, lane) {
                (MemElem::U8, Lane::I8) => MemElem::S8,
                (MemElem::U16, Lane::I16) => MemElem::S16,
                (m, _) => m,
            };
            let all = (0..n as i32).map(|k| self.load(mem, p, off.wrapping_add(k * mem.bytes() as i32), lane_align(*align, mem, k)));
            let all = all.collect();
            self.set(dst, all);
            return Ok(());
        }
        if vector {
            return self.vector(dst, op, args);
        }
        let a: Vec<Val> = args.iter().map(|v| self.one(*v)).collect();
        let v = match op {
            Op::Bin(Bin::MulHi) => self.mul_hi(a[0], a[1]),
            Op::PtrAdd { scale, imm } => self.ptr_add(&a, *scale, *imm),
            Op::Sxtb16 { ror } => self.sxtb16(a[0], *ror),
            Op::Rescale(r) => self.rescale(r, a[0], a[1]),
            Op::Contract { row, lane } => {
                let Some(r) = self.module.rows.get(usize::from(*row)) else {
                    return Err(backend(&self.f.name, format!("the module has no contraction row {row}")));
                };
                self.scalar_contract(op, r, *lane, &a)
            }
            _ => self.b.op(ty, op.clone(), &a),
        };
        self.set(dst, vec![v]);
        Ok(())
    }
    fn scalar_contract(&mut self, op: &Op, r: &Row, _lane: u8, a: &[Val]) -> Val {
        if r.form == Form::Packed {
            if self.isa().dsp {
                return self.b.op(Ty::I32, op.clone(), a);
            }
            let mut sum = a[0];
            for high in [false, true] {
                let x = self.half(a[1], high);
                let y = self.half(a[2], high);
                let p = self.b.bin(Bin::Mul, x, y);
                sum = self.b.bin(Bin::Add, sum, p);
            }
            return sum;
        }
        let p = self.b.bin(Bin::Mul, a[1], a[2]);
        self.b.bin(Bin::Add, a[0], p)
    }
    fn half(&mut self, x: Val, high: bool) -> Val {
        if high { self.b.bin_imm(Bin::Sra, x, 16) } else { self.extend(x, Elem::I16) }
    }
    /// The low bits of a word as an element.
    pub fn extend(&mut self, x: Val, e: Elem) -> Val {
        match e {
            Elem::U8 => self.b.bin_imm(Bin::And, x, 0xff),
            _ => self.sign(x, e.lane()),
        }
    }
    pub fn sign(&mut self, x: Val, l: Lane) -> Val {
        let by = 32 - l.bits() as i32;
        let up = self.b.bin_imm(Bin::Shl, x, by);
        self.b.bin_imm(Bin::Sra, up, by)
    }
    fn ptr_add(&mut self, a: &[Val], scale: i32, imm: i32) -> Val {
        let mut p = a[0];
        let mut imm = imm;
        if let Some(&i) = a.get(1)
            && scale != 0
        {
            let (i, more) = self.index(i);
            imm = imm.wrapping_add(more.wrapping_mul(scale));
            if let Some(i) = i {
                // The part of the index that changes less often first: it moves out of a loop.
                if let Some((outer, inner)) = self.b.parts(i) {
                    let q = self.ptr_add(&[p, outer], scale, imm);
                    return self.ptr_add(&[q, inner], scale, 0);
                }
                let (q, off) = self.b.base(p);
                (p, imm) = (q, imm.wrapping_add(off));
                let free = self.isa().is_thumb2() && scale > 0 && scale.count_ones() == 1;
                let (i, scale) = if free || scale == 1 { (i, scale) } else { (self.b.bin_imm(Bin::Mul, i, scale), 1) };
                p = self.b.op(Ty::Ptr, Op::PtrAdd { scale, imm: 0 }, &[p, i]);
            }
        }
        self.b.op(Ty::Ptr, Op::PtrAdd { scale: 0, imm }, &[p])
    }
    /// An index without its constant part; addresses wrap at 32 bits, so the parts may be scaled one by one.
    fn index(&mut self, i: Val) -> (Option<Val>, i32) {
        match self.b.known(i) {
            Some(c) => (None, c),
            None => {
                let (x, c) = self.b.sum(i);
                (Some(x), c)
            }
        }
    }
    fn sxtb16(&mut self, x: Val, ror: bool) -> Val {
        if self.isa().dsp {
            return self.b.op(Ty::I32, Op::Sxtb16 { ror }, &[x]);
        }
        let low = if ror { self.b.bin_imm(Bin::Shl, x, 16) } else { self.b.bin_imm(Bin::Shl, x, 24) };
        let low = self.b.bin_imm(Bin::Sra, low, 24);
        let low = self.b.bin_imm(Bin::And, low, 0xffff);
        let high = if ror { x } else { self.b.bin_imm(Bin::Shl, x, 8) };
        let high = self.b.bin_imm(Bin::Sra, high, 24);
        let high = self.b.bin_imm(Bin::Shl, high, 16);
        self.b.bin(Bin::Or, low, high)
    }
    /// High half of the signed product. Armv6-M multiplies 32 by 32 bits to 32 only: from 16-bit halves, as in Warren, Hacker's Delight
    /// (2nd ed., 8-2), `mulhs`.
    pub fn mul_hi(&mut self, x: Val, y: Val) -> Val {
        if self.isa().kind != Kind::Thumb1 || (self.b.known(x).is_some() && self.b.known(y).is_some()) {
            return self.b.bin(Bin::MulHi, x, y);
        }
        let low = |e: &mut Self, v: Val| {
            let up = e.b.bin_imm(Bin::Shl, v, 16);
            e.b.bin_imm(Bin::Srl, up, 16)
        };
        let (xl, yl) = (low(self, x), low(self, y));
        let (xh, yh) = (self.b.bin_imm(Bin::Sra, x, 16), self.b.bin_imm(Bin::Sra, y, 16));
        let b = &mut self.b;
        let (ll, hl, lh, hh) = (b.bin(Bin::Mul, xl, yl), b.bin(Bin::Mul, xh, yl), b.bin(Bin::Mul, xl, yh), b.bin(Bin::Mul, xh, yh));
        let carry = b.bin_imm(Bin::Srl, ll, 16);
        let mid = b.bin(Bin::Add, hl, carry);
        let mid_low = low(self, mid);
        let b = &mut self.b;
        let mid_high = b.bin_imm(Bin::Sra, mid, 16);
        let other = b.bin(Bin::Add, lh, mid_low);
        let other_high = b.bin_imm(Bin::Sra, other, 16);
        let s = b.bin(Bin::Add, hh, mid_high);
        b.bin(Bin::Add, s, other_high)
    }
    pub fn rescale(&mut self, r: &Rescale, acc: Val, m: Val) -> Val {
        let acc = self.b.bin_imm(Bin::Shl, acc, r.pre.into());
        let high = self.mul_hi(acc, m);
        let c = r.zp.wrapping_shl(r.shift.into()).wrapping_add(1 << (r.shift - 1));
        let sum = self.b.bin_imm(Bin::Add, high, c);
        let v = self.b.bin_imm(Bin::Sra, sum, r.shift.into());
        self.clamp(v, r.lo, r.hi)
    }
    /// Between lo and hi. A pair of bounds that one saturating instruction stands for is built last, next to each other.
    pub fn clamp(&mut self, v: Val, lo: i32, hi: i32) -> Val {
        let saturates = |lo: i32, hi: i32| (hi as u32).wrapping_add(1).is_power_of_two() && (lo == 0 || lo == !hi);
        if !self.isa().is_thumb2() || saturates(lo, hi) {
            let v = self.b.bin_imm(Bin::Smin, v, hi);
            return self.b.bin_imm(Bin::Smax, v, lo);
        }
        // One bound is that of a saturation, and the other lies inside: saturate, then apply the other.
        if hi >= 0 && (hi as u32 + 1).is_power_of_two() && lo > !hi {
            let v = self.clamp(v, if lo >= 0 { 0 } else { !hi }, hi);
            return self.b.bin_imm(Bin::Smax, v, lo);
        }
        if lo < 0 && (!lo as u32).wrapping_add(1).is_power_of_two() && hi < !lo {
            let v = self.clamp(v, lo, !lo);
            return self.b.bin_imm(Bin::Smin, v, hi);
        }
        let v = self.b.bin_imm(Bin::Smin, v, hi);
        self.b.bin_imm(Bin::Smax, v, lo)
    }
}

/// Guaranteed alignment of lane k.
pub(super) fn lane_align(align: u8, mem: MemElem, k: i32) -> u8 {
    let at = (k * mem.bytes() as i32) as u32;
    if at == 0 { align } else { (1u32 << at.trailing_zeros().min(7)).min(align.into()) as u8 }
}
