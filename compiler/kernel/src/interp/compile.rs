//! Translates one function to [`Code`]. The module has passed [`crate::structure`].

use super::code::{Code, Entry, Move, Product, Routine, Slot};
use crate::{Block, Elem, Form, Func, Inst, Lane, Module, Op, Role, Ty, Val};
use std::collections::BTreeMap;

pub(super) struct Compiler<'m> {
    module: &'m Module,
    func: &'m Func,
    funcs: &'m BTreeMap<&'m str, usize>,
    data: &'m BTreeMap<&'m str, usize>,
    slot: Vec<Slot>,
    next: Slot,
    out: Routine,
    at: u32,
    /// Cost of what was emitted since the innermost loop began.
    cost: u32,
}

fn width(t: Ty) -> u32 {
    match t {
        Ty::I32 => 1,
        Ty::Ptr => 2,
        Ty::Vec(_, n) => n.into(),
    }
}

fn lane(t: Ty) -> Lane {
    match t {
        Ty::Vec(l, _) => l,
        _ => Lane::I32,
    }
}

fn mask(e: Elem) -> i32 {
    if e == Elem::U8 { 0xff } else { -1 }
}

/// All ones for a sign-extension from `l`, the lane's bits for a zero-extension.
fn widening(l: Lane, signed: bool) -> i32 {
    if signed { -1 } else { (1i64 << l.bits()).wrapping_sub(1) as i32 }
}

/// `v` truncated to a lane, as slots hold it.
pub(super) fn fit(l: Lane, v: i32) -> i32 {
    match l {
        Lane::I8 => v as i8 as i32,
        Lane::I16 => v as i16 as i32,
        Lane::I32 => v,
    }
}

impl<'m> Compiler<'m> {
    pub(super) fn compile(
        module: &'m Module,
        func: &'m Func,
        funcs: &'m BTreeMap<&'m str, usize>,
        data: &'m BTreeMap<&'m str, usize>,
    ) -> Routine {
        let out = Routine { name: func.name.clone(), params: vec![], code: vec![], place: vec![], consts: vec![], slots: 0, status: None };
        let mut c = Self { module, func, funcs, data, slot: vec![0; func.tys.len()], next: 0, out, at: 0, cost: 0 };
        c.constants(&func.body);
        for p in &func.params {
            let slot = c.alloc(p.val);
            c.out.params.push(Entry { name: p.name.clone(), role: p.role, slot, bytes: p.bytes, align: p.align.max(1) });
        }
        c.block(&func.body);
        c.out.slots = c.next as usize;
        c.out.status = func.status.map(|v| c.s(v));
        c.out
    }
    fn alloc(&mut self, v: Val) -> Slot {
        let s = self.next;
        self.slot[v.0 as usize] = s;
        self.next += width(self.func.ty(v));
        s
    }
    fn s(&self, v: Val) -> Slot {
        self.slot[v.0 as usize]
    }
    fn emit(&mut self, c: Code) {
        self.cost += c.cost();
        self.out.code.push(c);
        self.out.place.push(self.at);
    }
    fn here(&self) -> u32 {
        self.out.code.len() as u32
    }
    /// Constants of every block, evaluated once a call: they come first in the file.
    fn constants(&mut self, b: &Block) {
        for i in &b.insts {
            match i {
                Inst::Op { dst, op: Op::Const(v, t), .. } => {
                    self.alloc(*dst);
                    self.out.consts.extend(std::iter::repeat_n(fit(lane(*t), *v), width(*t) as usize));
                }
                Inst::Op { dst, op: Op::DataAddr { data, imm }, .. } => {
                    self.alloc(*dst);
                    self.out.consts.extend([*imm, self.data[data.as_str()] as i32]);
                }
                Inst::For { body, .. } => self.constants(body),
                Inst::If { then, els, .. } => {
                    self.constants(then);
                    self.constants(els);
                }
                _ => {}
            }
        }
    }
    fn moves(&self, dst: &[Val], src: &[Val]) -> Vec<Move> {
        let one = |(&d, &s): (&Val, &Val)| Move { dst: self.s(d), src: self.s(s), n: width(self.func.ty(d)) };
        dst.iter().zip(src).map(one).filter(|m| m.dst != m.src).collect()
    }
    /// Moves that act at once: through fresh slots where one source is another's destination.
    fn parallel(&mut self, dst: &[Val], src: &[Val]) -> Vec<Move> {
        let direct = self.moves(dst, src);
        if !direct.iter().enumerate().any(|(i, m)| direct[..i].iter().any(|e| e.dst == m.src)) {
            return direct;
        }
        let mut first = Vec::new();
        let mut second = Vec::new();
        for m in direct {
            let t = self.next;
            self.next += m.n;
            first.push(Move { dst: t, ..m });
            second.push(Move { src: t, ..m });
        }
        first.extend(second);
        first
    }
    fn block(&mut self, b: &Block) {
        for i in &b.insts {
            self.inst(i);
        }
    }
    fn inst(&mut self, i: &Inst) {
        match i {
            Inst::Op { op: Op::Const(..) | Op::DataAddr { .. }, .. } => {}
            Inst::Op { dst, op, args } => {
                let d = self.alloc(*dst);
                self.at = dst.0;
                self.op(d, self.func.ty(*dst), op, args);
            }
            Inst::Store { val, ptr, off, mem, align } => {
                self.at = val.0;
                let n = width(self.func.ty(*val));
                self.emit(Code::Store { mem: *mem, n, align: *align, v: self.s(*val), p: self.s(*ptr), off: *off });
            }
            Inst::For { iv, lo, hi, step, args, inits, body, yields, results, .. } => {
                self.at = iv.0;
                let i = self.alloc(*iv);
                for a in args {
                    self.alloc(*a);
                }
                self.emit(Code::Set { d: i, v: *lo });
                let enter = self.moves(args, inits);
                self.emit(Code::Moves(enter.into()));
                let top = self.here();
                let outer = std::mem::take(&mut self.cost);
                self.block(body);
                self.at = iv.0;
                let back = self.parallel(args, yields);
                let cost = std::mem::replace(&mut self.cost, outer) + 1;
                self.emit(Code::Next { cost, iv: i, step: *step, hi: *hi, top, back: back.into() });
                for r in results {
                    self.alloc(*r);
                }
                let leave = self.moves(results, yields);
                self.emit(Code::Moves(leave.into()));
            }
            Inst::If { cond, then, then_yields, els, else_yields, results } => {
                self.at = cond.0;
                let test = self.here();
                self.emit(Code::JumpIfZero { c: self.s(*cond), to: 0 });
                self.block(then);
                // Results come behind both blocks, so the moves of the first are filled in once the second is laid out.
                let then_end = self.here();
                self.emit(Code::Moves(Box::default()));
                self.emit(Code::Jump { to: 0 });
                let other = self.here();
                self.block(els);
                for r in results {
                    self.alloc(*r);
                }
                let m = self.moves(results, else_yields);
                self.emit(Code::Moves(m.into()));
                let end = self.here();
                self.out.code[test as usize] = Code::JumpIfZero { c: self.s(*cond), to: other };
                self.out.code[then_end as usize] = Code::Moves(self.moves(results, then_yields).into());
                self.out.code[then_end as usize + 1] = Code::Jump { to: end };
            }
            Inst::Call { func, args } => {
                let args = args.iter().map(|&a| self.s(a)).collect();
                self.emit(Code::Call { func: self.funcs[func.as_str()] as u32, args });
            }
        }
    }
    fn op(&mut self, d: Slot, ty: Ty, op: &Op, args: &[Val]) {
        let s: Vec<Slot> = args.iter().map(|&v| self.s(v)).collect();
        let from = args.first().map_or(Ty::I32, |&v| self.func.ty(v));
        let n = width(ty);
        let code = match op {
            Op::Const(..) | Op::DataAddr { .. } => return,
            Op::Bin(b) => Code::Bin { op: *b, lane: lane(ty), n, d, a: s[0], b: s[1] },
            Op::Cmp(c) => Code::Cmp { op: *c, d, a: s[0], b: s[1] },
            Op::Select => Code::Select { n, d, c: s[0], a: s[1], b: s[2] },
            Op::PtrAdd { imm, .. } if s.len() == 1 => Code::PtrImm { d, p: s[0], imm: *imm },
            Op::PtrAdd { scale, imm } => Code::PtrAdd { d, p: s[0], i: s[1], scale: *scale, imm: *imm },
            Op::Load { mem, off, align, .. } => {
                use crate::MemElem::{S8, S16, U8, U16};
                // An element as wide as its lane has no extension left: slots hold lanes sign-extended.
                let mem = match (mem, lane(ty)) {
                    (U8, Lane::I8) => S8,
                    (U16, Lane::I16) => S16,
                    (m, _) => *m,
                };
                Code::Load { mem, n, align: *align, d, p: s[0], off: *off }
            }
            Op::LoadBcast { bytes, off, align, .. } => {
                Code::LoadBcast { lane: lane(ty), n, bytes: *bytes, align: *align, d, p: s[0], off: *off }
            }
            Op::Splat(_) => Code::Splat { lane: lane(ty), n, d, x: s[0] },
            Op::SplatBits(_) => Code::SplatBits { lane: lane(ty), n, d, x: s[0] },
            Op::Widen { signed, high } => Code::Widen { mask: widening(lane(from), *signed), n, d, a: s[0] + if *high { n } else { 0 } },
            Op::WidenAll { signed, .. } => Code::Widen { mask: widening(lane(from), *signed), n, d, a: s[0] },
            Op::NarrowSat => {
                let hi = (1i32 << (lane(ty).bits() - 1)) - 1;
                Code::NarrowSat { lo: -hi - 1, hi, n: n / 2, d, a: s[0], b: s[1] }
            }
            Op::Trunc { to } => Code::Trunc { to: *to, n, d, a: s[0] },
            Op::Extract { lane } => Code::Copy { n: 1, d, a: s[0] + u32::from(*lane) },
            Op::Insert { lane: at } => Code::Insert { lane: lane(ty), n, at: (*at).into(), d, v: s[0], x: s[1] },
            Op::Shuffle(mask) => Code::Shuffle { n, d, a: s[0], b: s[1], mask: mask.clone().into() },
            Op::ReduceAdd => Code::ReduceAdd { n: width(from), d, a: s[0] },
            Op::Contract { row, lane } => {
                let r = &self.module.rows[*row as usize];
                let range = match r.a {
                    Elem::I8 => (-128, 127),
                    Elem::U8 => (0, 255),
                    Elem::I16 => (-32768, 32767),
                };
                let p = Product {
                    form: r.form,
                    k: r.k.into(),
                    a_mask: mask(r.a),
                    w_mask: mask(r.w),
                    first: if r.form == Form::Lane { u32::from(*lane) * u32::from(r.k) } else { 0 },
                    range,
                    acc_n: width(r.acc_ty()),
                    a_n: width(r.a_ty()),
                    w_n: width(r.w_ty()),
                };
                Code::Contract { p: Box::new(p), d, acc: s[0], a: s[1], w: s[2] }
            }
            Op::Mac => Code::Mac { n, d, acc: s[0], a: s[1], w: s[2] },
            Op::Sxtb16 { ror } => Code::Sxtb16 { by: if *ror { 8 } else { 0 }, d, x: s[0] },
            Op::Rescale(r) => Code::Rescale { r: *r, n, d, acc: s[0], m: s[1] },
        };
        self.emit(code);
    }
}

/// Whether the role lets the callee write.
pub(super) fn writes(r: Role) -> bool {
    matches!(r, Role::Out | Role::Scratch)
}
