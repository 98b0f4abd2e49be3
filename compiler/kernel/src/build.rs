//! Builds functions: one method an operation, closures for loops and branches.

use crate::{Bin, Block, Cmp, Func, Inst, Lane, MemElem, Op, Param, Rescale, Role, Row, Ty, Val};

/// Builds one function. Types are the caller's duty; the verifier checks them.
pub struct Builder {
    func: Func,
    stack: Vec<Vec<Inst>>,
}

impl Builder {
    /// Starts a local function.
    pub fn new(name: impl Into<String>) -> Self {
        let func = Func { name: name.into(), params: vec![], tys: vec![], body: Block::default(), export: false, status: None };
        Self { func, stack: vec![vec![]] }
    }
    /// Ends it.
    pub fn finish(mut self) -> Func {
        self.func.body.insts = self.stack.pop().unwrap_or_default();
        self.func
    }
    /// Makes the function a global symbol that returns 0, or what [`Builder::status`] says.
    pub fn export(&mut self) {
        self.func.export = true;
    }
    /// Makes an exported function return `v`.
    pub fn status(&mut self, v: Val) {
        self.func.status = Some(v);
    }
    /// Type of a value.
    pub fn ty(&self, v: Val) -> Ty {
        self.func.ty(v)
    }
    fn fresh(&mut self, ty: Ty) -> Val {
        self.func.tys.push(ty);
        Val(self.func.tys.len() as u32 - 1)
    }
    fn push(&mut self, i: Inst) {
        if let Some(b) = self.stack.last_mut() {
            b.push(i);
        }
    }
    /// Adds a pointer parameter with `bytes` accessible bytes; more than the verifier takes stay more.
    pub fn ptr(&mut self, name: &str, role: Role, bytes: usize, align: u8) -> Val {
        let val = self.fresh(Ty::Ptr);
        self.func.params.push(Param { name: name.into(), val, role, align, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) });
        val
    }
    /// Adds a scalar parameter.
    pub fn scalar(&mut self, name: &str) -> Val {
        let val = self.fresh(Ty::I32);
        self.func.params.push(Param { name: name.into(), val, role: Role::Scalar, align: 0, bytes: 0 });
        val
    }
    /// Any operation; `ty` is its result type.
    pub fn op(&mut self, ty: Ty, op: Op, args: &[Val]) -> Val {
        let dst = self.fresh(ty);
        self.push(Inst::Op { dst, op, args: args.to_vec() });
        dst
    }
    /// A scalar constant.
    pub fn iconst(&mut self, v: i32) -> Val {
        self.op(Ty::I32, Op::Const(v, Ty::I32), &[])
    }
    /// A constant of any type.
    pub fn vconst(&mut self, v: i32, ty: Ty) -> Val {
        self.op(ty, Op::Const(v, ty), &[])
    }
    /// Two-operand arithmetic.
    pub fn bin(&mut self, o: Bin, a: Val, b: Val) -> Val {
        let ty = self.ty(a);
        self.op(ty, Op::Bin(o), &[a, b])
    }
    /// `a + b`.
    pub fn add(&mut self, a: Val, b: Val) -> Val {
        self.bin(Bin::Add, a, b)
    }
    /// `a + constant` (scalar or every lane).
    pub fn add_imm(&mut self, a: Val, v: i32) -> Val {
        let ty = self.ty(a);
        let c = self.vconst(v, ty);
        self.add(a, c)
    }
    /// `a * constant` (scalar or every lane).
    pub fn mul_imm(&mut self, a: Val, v: i32) -> Val {
        let ty = self.ty(a);
        let c = self.vconst(v, ty);
        self.bin(Bin::Mul, a, c)
    }
    /// Comparison.
    pub fn cmp(&mut self, c: Cmp, a: Val, b: Val) -> Val {
        self.op(Ty::I32, Op::Cmp(c), &[a, b])
    }
    /// Choice.
    pub fn select(&mut self, c: Val, a: Val, b: Val) -> Val {
        let ty = self.ty(a);
        self.op(ty, Op::Select, &[c, a, b])
    }
    /// `p + imm`.
    pub fn ptr_imm(&mut self, p: Val, imm: i32) -> Val {
        if imm == 0 { p } else { self.op(Ty::Ptr, Op::PtrAdd { scale: 0, imm }, &[p]) }
    }
    /// `p + i * scale + imm`.
    pub fn ptr_add(&mut self, p: Val, i: Val, scale: i32, imm: i32) -> Val {
        self.op(Ty::Ptr, Op::PtrAdd { scale, imm }, &[p, i])
    }
    /// Address of constant data.
    pub fn data(&mut self, data: &str, imm: i32) -> Val {
        self.op(Ty::Ptr, Op::DataAddr { data: data.into(), imm }, &[])
    }
    /// Load of `ty` from elements `mem`, byte aligned.
    pub fn load(&mut self, ty: Ty, mem: MemElem, p: Val, off: i32) -> Val {
        self.load_aligned(ty, mem, p, off, 1)
    }
    /// Load with a guaranteed alignment.
    pub fn load_aligned(&mut self, ty: Ty, mem: MemElem, p: Val, off: i32, align: u8) -> Val {
        self.op(ty, Op::Load { ty, mem, off, align }, &[p])
    }
    /// Load of a repeated pattern.
    pub fn load_bcast(&mut self, ty: Ty, bytes: u8, p: Val, off: i32) -> Val {
        self.op(ty, Op::LoadBcast { ty, bytes, off, align: 1 }, &[p])
    }
    /// Store of a scalar or vector, byte aligned.
    pub fn store(&mut self, val: Val, mem: MemElem, ptr: Val, off: i32) {
        self.push(Inst::Store { val, ptr, off, mem, align: 1 });
    }
    /// Store with a guaranteed alignment.
    pub fn store_aligned(&mut self, val: Val, mem: MemElem, ptr: Val, off: i32, align: u8) {
        self.push(Inst::Store { val, ptr, off, mem, align });
    }
    /// Every lane = x.
    pub fn splat(&mut self, x: Val, ty: Ty) -> Val {
        self.op(ty, Op::Splat(ty), &[x])
    }
    /// All lanes widened; the result has as many lanes.
    pub fn widen_all(&mut self, v: Val, to: Lane, signed: bool) -> Val {
        let ty = match self.ty(v) {
            Ty::Vec(_, n) => Ty::Vec(to, n),
            t => t,
        };
        self.op(ty, Op::WidenAll { to, signed }, &[v])
    }
    /// Half of the lanes widened to twice the width.
    pub fn widen(&mut self, v: Val, signed: bool, high: bool) -> Val {
        let ty = match self.ty(v) {
            Ty::Vec(Lane::I8, n) => Ty::Vec(Lane::I16, n / 2),
            Ty::Vec(_, n) => Ty::Vec(Lane::I32, n / 2),
            t => t,
        };
        self.op(ty, Op::Widen { signed, high }, &[v])
    }
    /// Two vectors saturated into one of half the lane width.
    pub fn narrow_sat(&mut self, a: Val, b: Val) -> Val {
        let ty = match self.ty(a) {
            Ty::Vec(Lane::I32, n) => Ty::Vec(Lane::I16, n * 2),
            Ty::Vec(_, n) => Ty::Vec(Lane::I8, n * 2),
            t => t,
        };
        self.op(ty, Op::NarrowSat, &[a, b])
    }
    /// Lanes truncated; the result has as many lanes.
    pub fn trunc(&mut self, v: Val, to: Lane) -> Val {
        let ty = match self.ty(v) {
            Ty::Vec(_, n) => Ty::Vec(to, n),
            t => t,
        };
        self.op(ty, Op::Trunc { to }, &[v])
    }
    /// One lane as a scalar.
    pub fn extract(&mut self, v: Val, lane: u16) -> Val {
        self.op(Ty::I32, Op::Extract { lane }, &[v])
    }
    /// Lanes picked from two vectors.
    pub fn shuffle(&mut self, a: Val, b: Val, mask: Vec<u16>) -> Val {
        let ty = self.ty(a);
        self.op(ty, Op::Shuffle(mask), &[a, b])
    }
    /// Sum of the lanes.
    pub fn reduce_add(&mut self, v: Val) -> Val {
        self.op(Ty::I32, Op::ReduceAdd, &[v])
    }
    /// Inner product by row `row` of the module, described by `r`.
    pub fn contract(&mut self, row: u16, r: &Row, lane: u8, acc: Val, a: Val, w: Val) -> Val {
        self.op(r.acc_ty(), Op::Contract { row, lane }, &[acc, a, w])
    }
    /// Lane-wise multiply and accumulate.
    pub fn mac(&mut self, acc: Val, a: Val, w: Val) -> Val {
        let ty = self.ty(acc);
        self.op(ty, Op::Mac, &[acc, a, w])
    }
    /// The rescaling rule.
    pub fn rescale(&mut self, r: Rescale, acc: Val, m: Val) -> Val {
        let ty = self.ty(acc);
        self.op(ty, Op::Rescale(r), &[acc, m])
    }
    /// Bytes 0 and 2 (`ror` false) or 1 and 3 of a word as two i16.
    pub fn sxtb16(&mut self, x: Val, ror: bool) -> Val {
        self.op(Ty::I32, Op::Sxtb16 { ror }, &[x])
    }
    /// A call.
    pub fn call(&mut self, func: &str, args: &[Val]) {
        self.push(Inst::Call { func: func.into(), args: args.to_vec() });
    }
    /// A rolled loop over `lo..hi` by `step`; `body(b, iv, carried)` returns the carried values of the next round.
    /// `hi` must be `lo` plus a positive multiple of `step`.
    pub fn for_loop(
        &mut self,
        lo: i32,
        hi: i32,
        step: i32,
        inits: &[Val],
        body: impl FnOnce(&mut Self, Val, &[Val]) -> Vec<Val>,
    ) -> Vec<Val> {
        let iv = self.fresh(Ty::I32);
        let args: Vec<Val> = inits
            .iter()
            .map(|&v| {
                let t = self.ty(v);
                self.fresh(t)
            })
            .collect();
        self.stack.push(vec![]);
        let yields = body(self, iv, &args);
        let insts = self.stack.pop().unwrap_or_default();
        let results: Vec<Val> = inits
            .iter()
            .map(|&v| {
                let t = self.ty(v);
                self.fresh(t)
            })
            .collect();
        self.push(Inst::For {
            iv,
            lo,
            hi,
            step,
            args,
            inits: inits.to_vec(),
            body: Block { insts },
            yields,
            results: results.clone(),
            unroll: false,
        });
        results
    }
    /// A branch; both closures return values of the same types.
    pub fn if_else(&mut self, cond: Val, then: impl FnOnce(&mut Self) -> Vec<Val>, els: impl FnOnce(&mut Self) -> Vec<Val>) -> Vec<Val> {
        self.stack.push(vec![]);
        let then_yields = then(self);
        let t = self.stack.pop().unwrap_or_default();
        self.stack.push(vec![]);
        let else_yields = els(self);
        let e = self.stack.pop().unwrap_or_default();
        let results: Vec<Val> = then_yields
            .iter()
            .map(|&v| {
                let t = self.ty(v);
                self.fresh(t)
            })
            .collect();
        self.push(Inst::If { cond, then: Block { insts: t }, then_yields, els: Block { insts: e }, else_yields, results: results.clone() });
        results
    }
}
