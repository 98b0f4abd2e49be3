//! Structure: names resolve, every value is defined once and before its uses, types fit, loops run, roles are kept, calls go backwards.

use super::types;
use crate::{Block, Func, Inst, MemElem, Module, Op, Role, Row, Ty, Val};
use mcompc_ir::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Regions nest at most this deep.
pub(crate) const MAX_DEPTH: usize = 64;

/// Checks everything but memory bounds. What passes here is safe to compile, print and interpret.
pub fn structure(m: &Module) -> Result<()> {
    let mut names = BTreeSet::new();
    for name in m.funcs.iter().map(|f| &f.name).chain(m.data.iter().map(|d| &d.name)) {
        if name.is_empty() || !names.insert(name.as_str()) {
            return Err(Error::new(Code::Verify, "the symbol is empty or defined twice").at(name.clone()));
        }
    }
    let mut data = BTreeMap::new();
    for d in &m.data {
        if !d.align.is_power_of_two() || d.bytes.len() > i32::MAX as usize {
            let e = format!("data of {} bytes aligned to {}: a power of two and less than 2 GiB are needed", d.bytes.len(), d.align);
            return Err(Error::new(Code::Verify, e).at(d.name.clone()));
        }
        data.insert(d.name.as_str(), d.bytes.len());
    }
    let mut rows = BTreeSet::new();
    for r in &m.rows {
        row(r, &mut rows).map_err(|e| Error::new(Code::Verify, e).at(r.name.clone()))?;
    }
    let mut seen = BTreeMap::new();
    for f in &m.funcs {
        let mut c = Checker {
            m,
            f,
            data: &data,
            callees: &seen,
            defined: vec![false; f.tys.len()],
            visible: vec![false; f.tys.len()],
            scope: vec![],
        };
        c.func().map_err(|e| Error::new(Code::Verify, e).at(f.name.clone()))?;
        seen.insert(f.name.as_str(), f);
    }
    Ok(())
}

fn row<'m>(r: &'m Row, seen: &mut BTreeSet<&'m str>) -> std::result::Result<(), String> {
    if r.name.is_empty() || !seen.insert(&r.name) {
        return Err("the row's name is empty or used twice".into());
    }
    if r.k == 0 || r.n == 0 || r.m == 0 || u32::from(r.k) * u32::from(r.n) > 256 {
        return Err(format!("a row of {} x {} products", r.n, r.k));
    }
    for t in [r.acc_ty(), r.a_ty(), r.w_ty()] {
        types::well_formed(t)?;
    }
    let fits = match r.form {
        crate::Form::Packed => r.a == crate::Elem::I16 && r.w == crate::Elem::I16 && r.k == 2 && r.n == 1,
        crate::Form::Scalar => r.k == 1,
        crate::Form::Matrix => r.n == 2 && r.m == 2,
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("k {}, n {}, m {} do not fit the form {:?}", r.k, r.n, r.m, r.form)) }
}

struct Checker<'m> {
    m: &'m Module,
    f: &'m Func,
    data: &'m BTreeMap<&'m str, usize>,
    callees: &'m BTreeMap<&'m str, &'m Func>,
    /// Defined anywhere so far.
    defined: Vec<bool>,
    /// Defined in an enclosing block.
    visible: Vec<bool>,
    /// What became visible, to undo at the end of a block.
    scope: Vec<Val>,
}

type Check<T = ()> = std::result::Result<T, String>;

impl Checker<'_> {
    fn func(&mut self) -> Check {
        for (i, &t) in self.f.tys.iter().enumerate() {
            types::well_formed(t).map_err(|e| format!("%{i}: {e}"))?;
        }
        for p in &self.f.params {
            self.define(p.val)?;
            let t = self.f.ty(p.val);
            let ok = match p.role {
                Role::Scalar => t == Ty::I32,
                _ => t == Ty::Ptr && p.align.is_power_of_two() && p.bytes <= i32::MAX as u32,
            };
            if !ok {
                return Err(format!("parameter `{}` ({}): {t} as {:?}, alignment {}, {} bytes", p.name, p.val, p.role, p.align, p.bytes));
            }
        }
        self.block(&self.f.body, 0, |c| match c.f.status {
            None => Ok(()),
            Some(_) if !c.f.export => Err("only an exported function returns something".into()),
            Some(v) => c.used_as(v, Ty::I32),
        })
    }
    fn define(&mut self, v: Val) -> Check {
        match self.defined.get_mut(v.0 as usize) {
            None => Err(format!("{v} has no type")),
            Some(d) if *d => Err(format!("{v} is defined twice")),
            Some(d) => {
                *d = true;
                self.visible[v.0 as usize] = true;
                self.scope.push(v);
                Ok(())
            }
        }
    }
    fn define_as(&mut self, v: Val, t: Ty) -> Check {
        self.define(v)?;
        let is = self.f.ty(v);
        if is == t { Ok(()) } else { Err(format!("{v} is {is}, should be {t}")) }
    }
    fn used(&self, v: Val) -> Check<Ty> {
        match self.visible.get(v.0 as usize) {
            Some(true) => Ok(self.f.ty(v)),
            _ => Err(format!("{v} is used where it is not defined")),
        }
    }
    fn used_as(&self, v: Val, t: Ty) -> Check {
        let is = self.used(v)?;
        if is == t { Ok(()) } else { Err(format!("{v} is {is}, should be {t}")) }
    }
    /// Checks a block in its own scope; `end` sees the scope before it closes.
    fn block(&mut self, b: &Block, depth: usize, end: impl FnOnce(&Self) -> Check) -> Check {
        if depth > MAX_DEPTH {
            return Err(format!("regions nest deeper than {MAX_DEPTH}"));
        }
        let mark = self.scope.len();
        for i in &b.insts {
            self.inst(i, depth)?;
        }
        end(self)?;
        if depth > 0 {
            for v in self.scope.drain(mark..) {
                self.visible[v.0 as usize] = false;
            }
        }
        Ok(())
    }
    fn yields(&self, ys: &[Val], tys: &[Ty]) -> Check {
        if ys.len() != tys.len() {
            return Err(format!("yields {} values where {} are expected", ys.len(), tys.len()));
        }
        ys.iter().zip(tys).try_for_each(|(&y, &t)| self.used_as(y, t))
    }
    fn results(&mut self, rs: &[Val], tys: &[Ty]) -> Check {
        if rs.len() != tys.len() {
            return Err(format!("has {} results where {} are expected", rs.len(), tys.len()));
        }
        rs.iter().zip(tys).try_for_each(|(&r, &t)| self.define_as(r, t))
    }
    fn inst(&mut self, i: &Inst, depth: usize) -> Check {
        match i {
            Inst::Op { dst, op, args } => {
                let tys = args.iter().map(|&a| self.used(a)).collect::<Check<Vec<_>>>().map_err(|e| format!("{dst}: {e}"))?;
                let t = types::result(op, &tys, &self.m.rows).map_err(|e| format!("{dst}: {} {e}", crate::text::mnemonic(op)))?;
                if let Op::DataAddr { data, .. } = op
                    && !self.data.contains_key(data.as_str())
                {
                    return Err(format!("{dst}: there is no data `{data}`"));
                }
                self.define_as(*dst, t)
            }
            Inst::Store { val, ptr, mem, align, .. } => {
                self.used_as(*ptr, Ty::Ptr)?;
                let wide = match self.used(*val)? {
                    Ty::Ptr => return Err("pointers are not stored".into()),
                    Ty::I32 => 4,
                    Ty::Vec(l, _) => l.bytes(),
                };
                if MemElem::bytes(*mem) > wide {
                    return Err(format!("store of {val}: memory element {mem:?} is wider than the value's"));
                }
                if align.is_power_of_two() { Ok(()) } else { Err(format!("store of {val}: alignment {align}")) }
            }
            Inst::For { iv, lo, hi, step, args, inits, body, yields, results, .. } => {
                let trips = i64::from(*hi) - i64::from(*lo);
                if *step <= 0 || trips <= 0 || trips % i64::from(*step) != 0 {
                    return Err(format!("loop {iv}: {lo} to {hi} step {step} is not a positive number of whole steps"));
                }
                let tys = inits.iter().map(|&v| self.used(v)).collect::<Check<Vec<_>>>().map_err(|e| format!("loop {iv}: {e}"))?;
                if args.len() != inits.len() {
                    return Err(format!("loop {iv}: {} carried values, {} initial ones", args.len(), inits.len()));
                }
                let mark = self.scope.len();
                self.define_as(*iv, Ty::I32)?;
                for (&a, &t) in args.iter().zip(&tys) {
                    self.define_as(a, t)?;
                }
                self.block(body, depth + 1, |c| c.yields(yields, &tys).map_err(|e| format!("loop {iv}: {e}")))?;
                for v in self.scope.drain(mark..) {
                    self.visible[v.0 as usize] = false;
                }
                self.results(results, &tys).map_err(|e| format!("loop {iv}: {e}"))
            }
            Inst::If { cond, then, then_yields, els, else_yields, results } => {
                self.used_as(*cond, Ty::I32)?;
                let tys: Vec<Ty> = match results.iter().map(|r| self.f.tys.get(r.0 as usize).copied()).collect() {
                    Some(t) => t,
                    None => return Err("a branch has a result without a type".into()),
                };
                self.block(then, depth + 1, |c| c.yields(then_yields, &tys))?;
                self.block(els, depth + 1, |c| c.yields(else_yields, &tys))?;
                self.results(results, &tys)
            }
            Inst::Call { func, args } => {
                let Some(callee) = self.callees.get(func.as_str()) else {
                    return Err(format!("call of `{func}`, which is not defined before"));
                };
                if args.len() != callee.params.len() {
                    return Err(format!("call of `{func}` with {} arguments, it takes {}", args.len(), callee.params.len()));
                }
                args.iter().zip(&callee.params).try_for_each(|(&a, p)| {
                    self.used_as(a, if p.role == Role::Scalar { Ty::I32 } else { Ty::Ptr })
                        .map_err(|e| format!("call of `{func}`, `{}`: {e}", p.name))
                })
            }
        }
    }
}
