//! Builds a function operation by operation: folds constants, shares equal values, and puts what does not change in front of its loops.
//!
//! Loops run at least once and operations without side effects cannot fail, so moving them in front of a loop is always allowed; out of
//! the arm of a branch they are not moved.

use crate::isa::Isa;
use mcompc_kernel::{Bin, Cmp, Func, Inst, Op, Role, Ty, Val};
use std::collections::HashMap;

/// An open list of instructions.
#[derive(Default)]
struct Region {
    insts: Vec<Inst>,
    seen: HashMap<(Op, Vec<Val>), Val>,
    /// The arm of a branch.
    arm: bool,
    /// Loads of constant memory that may still move out of this loop.
    spare: usize,
}

/// The function under construction.
pub(super) struct Fold<'a> {
    pub isa: &'a Isa,
    pub func: Func,
    /// By value: the region it is defined in, its definition, whether it points to memory that never changes.
    depth: Vec<usize>,
    def: Vec<Option<(Op, Vec<Val>)>>,
    constant: Vec<bool>,
    regions: Vec<Region>,
}

impl<'a> Fold<'a> {
    pub fn new(f: &Func, isa: &'a Isa) -> Self {
        let func = Func { tys: vec![], params: vec![], body: Default::default(), ..f.clone() };
        Self { isa, func, depth: vec![], def: vec![], constant: vec![], regions: vec![Region::default()] }
    }
    pub fn finish(mut self) -> Func {
        self.func.body.insts = self.regions.pop().unwrap_or_default().insts;
        self.func
    }
    pub fn fresh(&mut self, ty: Ty) -> Val {
        self.func.tys.push(ty);
        self.depth.push(self.regions.len() - 1);
        self.def.push(None);
        self.constant.push(false);
        Val(self.func.tys.len() as u32 - 1)
    }
    pub fn param(&mut self, p: &mcompc_kernel::Param, ty: Ty) -> Val {
        let val = self.fresh(ty);
        self.constant[val.0 as usize] = p.role == Role::Const;
        self.func.params.push(mcompc_kernel::Param { val, ..p.clone() });
        val
    }
    pub fn mark_constant(&mut self, v: Val) {
        self.constant[v.0 as usize] = true;
    }
    /// Opens a list; `arm` for the arm of a branch, `spare` loads may leave a loop.
    pub fn open(&mut self, arm: bool, spare: usize) {
        self.regions.push(Region { arm, spare, ..Region::default() });
    }
    pub fn close(&mut self) -> Vec<Inst> {
        self.regions.pop().unwrap_or_default().insts
    }
    pub fn push(&mut self, i: Inst) {
        if let Some(r) = self.regions.last_mut() {
            r.insts.push(i);
        }
    }
    /// The value of a constant.
    pub fn known(&self, v: Val) -> Option<i32> {
        match self.def[v.0 as usize] {
            Some((Op::Const(c, _), _)) => Some(c),
            _ => None,
        }
    }
    fn def_of(&self, v: Val) -> Option<(&Op, &[Val])> {
        self.def[v.0 as usize].as_ref().map(|(o, a)| (o, a.as_slice()))
    }
    /// A pointer without its constant bytes.
    pub fn base(&self, p: Val) -> (Val, i32) {
        match self.def_of(p) {
            Some((Op::PtrAdd { imm, .. }, [q])) => (*q, *imm),
            _ => (p, 0),
        }
    }
    /// A number without its constant part.
    pub fn sum(&self, i: Val) -> (Val, i32) {
        match self.def_of(i) {
            Some((Op::Bin(Bin::Add), [x, c])) => self.known(*c).map_or((i, 0), |c| (*x, c)),
            _ => (i, 0),
        }
    }
    /// The two parts of a sum of which one is defined farther out than the other: that one first.
    pub fn parts(&self, i: Val) -> Option<(Val, Val)> {
        let Some((Op::Bin(Bin::Add), &[x, y])) = self.def_of(i) else { return None };
        let (dx, dy) = (self.depth[x.0 as usize], self.depth[y.0 as usize]);
        match dx.cmp(&dy) {
            std::cmp::Ordering::Less => Some((x, y)),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some((y, x)),
        }
    }
    pub fn iconst(&mut self, v: i32) -> Val {
        self.op(Ty::I32, Op::Const(v, Ty::I32), &[])
    }
    pub fn bin(&mut self, o: Bin, a: Val, b: Val) -> Val {
        self.op(Ty::I32, Op::Bin(o), &[a, b])
    }
    pub fn bin_imm(&mut self, o: Bin, a: Val, c: i32) -> Val {
        let b = self.iconst(c);
        self.bin(o, a, b)
    }
    /// An operation with a result; equal ones are built once.
    pub fn op(&mut self, ty: Ty, op: Op, args: &[Val]) -> Val {
        let mut args = args.to_vec();
        if let Op::Bin(b) = op
            && commutes(b)
            && (self.known(args[0]).is_some() && self.known(args[1]).is_none())
        {
            args.swap(0, 1);
        }
        if let Some(v) = self.simplify(&op, &args) {
            return v;
        }
        let load = matches!(op, Op::Load { .. });
        if load && !self.constant[args[0].0 as usize] {
            return self.place(self.regions.len() - 1, ty, op, args);
        }
        let key = (op, args);
        if let Some(&v) = self.regions.iter().rev().find_map(|r| r.seen.get(&key)) {
            return v;
        }
        let (op, args) = key;
        let defined = args.iter().map(|a| self.depth[a.0 as usize]).max().unwrap_or(0);
        let arm = self.regions.iter().rposition(|r| r.arm).unwrap_or(0);
        let mut at = defined.max(arm);
        if load {
            // Out of as many loops as have room for it.
            let mut up = self.regions.len() - 1;
            while up > at && self.regions[up].spare > 0 {
                self.regions[up].spare -= 1;
                up -= 1;
            }
            at = up;
        }
        self.place(at, ty, op, args)
    }
    fn place(&mut self, at: usize, ty: Ty, op: Op, args: Vec<Val>) -> Val {
        let dst = self.fresh(ty);
        self.depth[dst.0 as usize] = at;
        self.constant[dst.0 as usize] = match op {
            Op::DataAddr { .. } => true,
            Op::PtrAdd { .. } => self.constant[args[0].0 as usize],
            Op::Select => ty == Ty::Ptr && self.constant[args[1].0 as usize] && self.constant[args[2].0 as usize],
            _ => false,
        };
        self.def[dst.0 as usize] = Some((op.clone(), args.clone()));
        let r = &mut self.regions[at];
        if !matches!(op, Op::Load { .. }) || self.constant[args[0].0 as usize] {
            r.seen.insert((op.clone(), args.clone()), dst);
        }
        r.insts.push(Inst::Op { dst, op, args });
        dst
    }
    /// A simpler value that is the same.
    fn simplify(&mut self, op: &Op, args: &[Val]) -> Option<Val> {
        match op {
            Op::Bin(b) => self.simplify_bin(*b, args[0], args[1]),
            Op::Cmp(c) => {
                let (x, y) = (self.known(args[0])?, self.known(args[1])?);
                let r = match c {
                    Cmp::Eq => x == y,
                    Cmp::Ne => x != y,
                    Cmp::Slt => x < y,
                    Cmp::Sle => x <= y,
                    Cmp::Ult => (x as u32) < (y as u32),
                };
                Some(self.iconst(r.into()))
            }
            Op::Select => match self.known(args[0]) {
                Some(0) => Some(args[2]),
                Some(_) => Some(args[1]),
                None => (args[1] == args[2]).then_some(args[1]),
            },
            Op::PtrAdd { imm, .. } if args.len() == 1 => {
                let (q, more) = self.base(args[0]);
                match imm.wrapping_add(more) {
                    0 => Some(q),
                    _ if q == args[0] => None,
                    sum => Some(self.op(Ty::Ptr, Op::PtrAdd { scale: 0, imm: sum }, &[q])),
                }
            }
            _ => None,
        }
    }
    fn simplify_bin(&mut self, op: Bin, a: Val, b: Val) -> Option<Val> {
        if a == b {
            match op {
                Bin::And | Bin::Or | Bin::Smin | Bin::Smax => return Some(a),
                Bin::Sub | Bin::Xor => return Some(self.iconst(0)),
                _ => {}
            }
        }
        let c = self.known(b)?;
        if let Some(x) = self.known(a) {
            return evaluate(op, x, c).map(|v| self.iconst(v));
        }
        match (op, c) {
            (Bin::Add | Bin::Sub | Bin::Or | Bin::Xor | Bin::Shl | Bin::Sra | Bin::Srl, 0) | (Bin::Mul, 1) | (Bin::And, -1) => {
                return Some(a);
            }
            (Bin::Mul | Bin::And | Bin::MulHi, 0) => return Some(self.iconst(0)),
            (Bin::Mul, -1) => {
                let zero = self.iconst(0);
                return Some(self.bin(Bin::Sub, zero, a));
            }
            (Bin::Smin, i32::MAX) | (Bin::Smax, i32::MIN) => return Some(a),
            (Bin::Mul, c) if c > 0 && c.count_ones() == 1 => return Some(self.bin_imm(Bin::Shl, a, c.trailing_zeros() as i32)),
            (Bin::Sub, c) => return Some(self.bin_imm(Bin::Add, a, c.wrapping_neg())),
            _ => {}
        }
        // (x + c1) + c2, and likewise for and, or, xor and shifts of one kind.
        let (Op::Bin(inner), &[x, y]) = self.def_of(a)? else { return None };
        let (inner, c1) = (*inner, self.known(y)?);
        match (op, inner) {
            (Bin::Add, Bin::Add) => Some(self.bin_imm(Bin::Add, x, c.wrapping_add(c1))),
            (Bin::And, Bin::And) => Some(self.bin_imm(Bin::And, x, c & c1)),
            (Bin::Shl, Bin::Shl) | (Bin::Srl, Bin::Srl) if c + c1 < 32 => Some(self.bin_imm(op, x, c + c1)),
            (Bin::Sra, Bin::Sra) => Some(self.bin_imm(op, x, (c + c1).min(31))),
            _ => None,
        }
    }
}

fn commutes(b: Bin) -> bool {
    matches!(b, Bin::Add | Bin::Mul | Bin::And | Bin::Or | Bin::Xor | Bin::Smin | Bin::Smax | Bin::MulHi)
}

/// The operation on two numbers; none where the amount of a shift has no meaning.
fn evaluate(op: Bin, x: i32, y: i32) -> Option<i32> {
    let by = u32::try_from(y).ok().filter(|n| *n < 32);
    Some(match op {
        Bin::Add => x.wrapping_add(y),
        Bin::Sub => x.wrapping_sub(y),
        Bin::Mul => x.wrapping_mul(y),
        Bin::And => x & y,
        Bin::Or => x | y,
        Bin::Xor => x ^ y,
        Bin::Shl => x << by?,
        Bin::Sra => x >> by?,
        Bin::Srl => ((x as u32) >> by?) as i32,
        Bin::Smin => x.min(y),
        Bin::Smax => x.max(y),
        Bin::MulHi => ((i64::from(x) * i64::from(y)) >> 32) as i32,
    })
}
