//! Proves that every access lies inside its memory: offsets as affine forms of the enclosing loops' rounds.
//!
//! A loop is walked once to see how its carried values change in a round (by a constant, within a range, or otherwise), then once more
//! with that knowledge to check it. The change in a round does not depend on where the loop stands, so nested loops are not walked
//! more often for every level.

use super::affine::{Aff, Fact};
use super::value::{Known, Place, State};
use crate::{Block, Func, Inst, Module, Op, Role, Ty, Val};
use std::collections::BTreeMap;

/// Instructions walked in a function before carried values are no longer looked into.
const MAX_WALK: usize = 4_000_000;

/// What one memory allows.
struct Base {
    name: String,
    bytes: i64,
    align: u32,
    write: bool,
}

/// How a carried value changes in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// By a number between these.
    By(i64, i64),
    /// Otherwise, but what it may be in any round is known.
    Other,
    /// In no known way.
    Unknown,
}

/// Outcome of an access or call argument.
pub(super) enum Finding {
    Wrong(String),
    Unproven(String),
}

pub(super) struct Walker<'m> {
    f: &'m Func,
    callees: &'m BTreeMap<&'m str, &'m Func>,
    data: BTreeMap<&'m str, usize>,
    bases: Vec<Base>,
    state: State,
    changes: BTreeMap<Val, Vec<Change>>,
    /// Depth of walks that only look; they report nothing.
    looking: usize,
    /// Depth of branches: what stands there may never run.
    branches: usize,
    walked: usize,
    pub proven: usize,
    pub findings: Vec<Finding>,
}

fn writes(r: Role) -> bool {
    matches!(r, Role::Out | Role::Scratch)
}

impl<'m> Walker<'m> {
    pub(super) fn new(m: &'m Module, f: &'m Func, callees: &'m BTreeMap<&'m str, &'m Func>) -> Self {
        let mut bases = vec![];
        let mut data = BTreeMap::new();
        for d in &m.data {
            data.insert(d.name.as_str(), bases.len());
            bases.push(Base { name: d.name.clone(), bytes: d.bytes.len() as i64, align: d.align, write: false });
        }
        let state = State { syms: vec![], facts: vec![], vals: vec![Known::Wild; f.tys.len()] };
        let changes = BTreeMap::new();
        Self { f, callees, data, bases, state, changes, looking: 0, branches: 0, walked: 0, proven: 0, findings: vec![] }
    }
    pub(super) fn run(&mut self) {
        for p in &self.f.params {
            let k = if p.role == Role::Scalar {
                self.state.anything(Ty::I32)
            } else {
                self.bases.push(Base { name: p.name.clone(), bytes: p.bytes.into(), align: p.align.into(), write: writes(p.role) });
                Known::Ptr(vec![Place { base: self.bases.len() - 1, off: Aff::default(), given: vec![] }])
            };
            self.set(p.val, k);
        }
        self.block(&self.f.body);
    }
    fn set(&mut self, v: Val, k: Known) {
        self.state.vals[v.0 as usize] = k;
    }
    fn known(&self, v: Val) -> &Known {
        &self.state.vals[v.0 as usize]
    }
    fn report(&mut self, f: Option<Finding>) {
        if self.looking == 0 {
            match f {
                None => self.proven += 1,
                Some(f) => self.findings.push(f),
            }
        }
    }
    fn block(&mut self, b: &Block) {
        for i in &b.insts {
            self.inst(i);
        }
    }
    /// Why `len` bytes at `ptr + off` may not be touched, if so.
    fn access(&self, what: &str, ptr: Val, off: i32, len: usize, align: u8, write: bool) -> Option<Finding> {
        let Known::Ptr(places) = self.known(ptr) else {
            return Some(Finding::Unproven(format!("{what}: it is not known where {ptr} points")));
        };
        let mut doubt = None;
        for p in places {
            let base = &self.bases[p.base];
            if write && !base.write {
                return Some(Finding::Wrong(format!("{what}: writes to `{}`, which is read-only", base.name)));
            }
            let Some(at) = p.off.offset(off.into()) else {
                doubt = Some(Finding::Unproven(format!("{what}: offsets into `{}` are too large", base.name)));
                continue;
            };
            let a = i64::from(align.max(1));
            if u32::from(align) > base.align {
                return Some(Finding::Wrong(format!("{what}: alignment {align} on `{}`, which is aligned to {}", base.name, base.align)));
            }
            let (lo, hi) = self.state.bounds(&at, &p.given);
            if lo >= 0 && hi + len as i64 <= base.bytes {
                if at.c % a != 0 || at.terms.iter().any(|t| t.1 % a != 0) {
                    let m = format!("{what}: alignment {align} at {lo}..={hi} of `{}`", base.name);
                    doubt = Some(if at.terms.is_empty() { Finding::Wrong(m) } else { Finding::Unproven(m) });
                }
                continue;
            }
            let m = format!("{what}: {len} bytes at {lo}..={hi} of `{}`, which has {}", base.name, base.bytes);
            // Rounds of loops take all their values, so the extremes are reached; a choice or branch may avoid them.
            let sure = self.branches == 0 && places.len() == 1 && p.given.is_empty();
            if sure && at.terms.iter().all(|t| self.state.syms[t.0 as usize].round) {
                return Some(Finding::Wrong(m));
            }
            doubt = Some(Finding::Unproven(m));
        }
        doubt
    }
    fn op(&mut self, dst: Val, op: &Op, args: &[Val]) {
        let t = self.f.ty(dst);
        let name = crate::text::mnemonic(op);
        match op {
            Op::Load { ty, mem, off, align } => {
                let n = if let Ty::Vec(_, n) = ty { usize::from(*n) } else { 1 };
                let f = self.access(&format!("{dst}: {name}"), args[0], *off, n * mem.bytes(), *align, false);
                self.report(f);
            }
            Op::LoadBcast { bytes, off, align, .. } => {
                let f = self.access(&format!("{dst}: {name}"), args[0], *off, (*bytes).into(), *align, false);
                self.report(f);
            }
            Op::Bin(crate::Bin::Shl | crate::Bin::Sra | crate::Bin::Srl) => {
                let bits = if let Ty::Vec(l, _) = t { l.bits() } else { 32 };
                let (lo, hi) = self.state.range_of(args[1]);
                let m = format!("{dst}: {name} of {bits} bits by {lo}..={hi}");
                let f = match (lo >= 0 && hi < bits.into(), hi < 0 || lo >= bits.into()) {
                    (true, _) => None,
                    (_, true) => Some(Finding::Wrong(m)),
                    _ => Some(Finding::Unproven(m)),
                };
                self.report(f);
            }
            _ => {}
        }
        let base = if let Op::DataAddr { data, .. } = op { self.data.get(data.as_str()).copied() } else { None };
        let k = self.state.result(op, args, t, base);
        self.set(dst, k);
    }
    fn inst(&mut self, i: &Inst) {
        self.walked += 1;
        match i {
            Inst::Op { dst, op, args } => self.op(*dst, op, args),
            Inst::Store { val, ptr, off, mem, align } => {
                let n = if let Ty::Vec(_, n) = self.f.ty(*val) { usize::from(n) } else { 1 };
                let f = self.access(&format!("store of {val}"), *ptr, *off, n * mem.bytes(), *align, true);
                self.report(f);
            }
            Inst::For { .. } => self.for_loop(i),
            Inst::If { cond, then, then_yields, els, else_yields, results } => {
                let (yes, no) = self.state.condition(*cond);
                self.branches += 1;
                let mut sides = vec![];
                let dead = [&yes, &no].map(|facts| self.state.impossible(facts));
                for ((facts, dead), (block, yields)) in [&yes, &no].into_iter().zip(dead).zip([(then, then_yields), (els, else_yields)]) {
                    let mark = self.state.facts.len();
                    self.state.facts.extend(facts.iter().cloned());
                    // What never runs is walked for the values it defines, and has nothing to report.
                    self.looking += usize::from(dead);
                    self.block(block);
                    self.looking -= usize::from(dead);
                    self.state.facts.truncate(mark);
                    sides.push(yields.iter().map(|&y| self.known(y).clone()).collect::<Vec<_>>());
                }
                self.branches -= 1;
                for (i, &r) in results.iter().enumerate() {
                    let k = match dead {
                        [false, true] => sides[0][i].clone(),
                        [true, false] => sides[1][i].clone(),
                        _ => self.state.join(&sides[0][i], &yes, &sides[1][i], &no),
                    };
                    self.set(r, k);
                }
            }
            Inst::Call { func, args } => self.call(func, args),
        }
    }
    fn call(&mut self, func: &str, args: &[Val]) {
        let Some(callee) = self.callees.get(func).copied() else { return };
        let pointers: Vec<_> = callee.params.iter().zip(args).filter(|(p, _)| p.role != Role::Scalar).collect();
        for (i, &(p, &a)) in pointers.iter().enumerate() {
            let what = format!("call of `{func}`, `{}`", p.name);
            let f = self.access(&what, a, 0, p.bytes as usize, p.align, writes(p.role));
            self.report(f);
            for &(q, &b) in &pointers[..i] {
                let exclusive = (writes(p.role) || writes(q.role)) && p.role != Role::In && q.role != Role::In;
                if exclusive && let Some(sure) = self.overlap((a, p.bytes), (b, q.bytes)) {
                    let m = format!("{what}: overlaps `{}`", q.name);
                    self.report(Some(if sure { Finding::Wrong(m) } else { Finding::Unproven(m) }));
                }
            }
        }
    }
    /// Whether two pieces of memory may (false) or do (true) overlap.
    fn overlap(&self, (a, an): (Val, u32), (b, bn): (Val, u32)) -> Option<bool> {
        let (Known::Ptr(ps), Known::Ptr(qs)) = (self.known(a), self.known(b)) else { return Some(false) };
        let mut answer = None;
        for (p, q) in ps.iter().flat_map(|p| qs.iter().map(move |q| (p, q))).filter(|(p, q)| p.base == q.base) {
            let Some(d) = q.off.plus(-1, &p.off) else { return Some(false) };
            let given: Vec<Fact> = p.given.iter().chain(&q.given).cloned().collect();
            let (lo, hi) = self.state.bounds(&d, &given);
            let (an, bn) = (i64::from(an), i64::from(bn));
            if lo >= an || hi <= -bn {
                continue;
            }
            answer = Some(d.terms.is_empty() && ps.len() == 1 && qs.len() == 1);
        }
        answer
    }
    /// Enters a loop body: its round as an unknown (or 0), and the induction variable.
    fn enter(&mut self, iv: Val, lo: i32, step: i32, trips: i64) -> Option<Aff> {
        let round = self.state.fresh(0, trips - 1, true);
        let form = Aff::constant(lo.into()).plus(step.into(), &round);
        let k = match form {
            Some(form) => Known::Int { form, yes: vec![], no: vec![] },
            None => self.state.anything(Ty::I32),
        };
        self.set(iv, k);
        Some(round)
    }
    fn shifted(&mut self, k: &Known, by: &Aff) -> Known {
        match k {
            Known::Int { form, .. } => match form.plus(1, by) {
                Some(form) => Known::Int { form, yes: vec![], no: vec![] },
                None => self.state.anything(Ty::I32),
            },
            Known::Ptr(_) => self.state.moved(k, by),
            k => k.clone(),
        }
    }
    /// What `yielded` adds to `entered`, which is the value on entry to the round.
    fn change(&self, entered: &Known, yielded: &Known) -> Change {
        let (a, b, given) = match (entered, yielded) {
            (Known::Int { form: a, .. }, Known::Int { form: b, .. }) => (a, b, vec![]),
            (Known::Ptr(p), Known::Ptr(q)) => match (p.as_slice(), q.as_slice()) {
                ([p], [q]) if p.base == q.base && p.given == q.given => (&p.off, &q.off, p.given.clone()),
                _ => return Change::Unknown,
            },
            _ => return Change::Unknown,
        };
        let Some(d) = b.plus(-1, a) else { return Change::Unknown };
        match self.state.bounds(&d, &given) {
            (lo, hi) if lo > -(1 << 31) && hi < 1 << 31 => Change::By(lo, hi),
            _ => Change::Unknown,
        }
    }
    fn for_loop(&mut self, i: &Inst) {
        let Inst::For { iv, lo, hi, step, args, inits, body, yields, results, .. } = i else { return };
        let trips = (i64::from(*hi) - i64::from(*lo)) / i64::from(*step);
        let entry: Vec<Known> = inits.iter().map(|&v| self.known(v).clone()).collect();
        let (changes, others) = self.look(i, &entry, trips);
        let round = self.enter(*iv, *lo, *step, trips);
        for (n, (&a, init)) in args.iter().zip(&entry).enumerate() {
            let k = match (changes[n], &round) {
                (Change::By(c, d), Some(round)) if c == d => match Aff::default().plus(c, round) {
                    Some(by) => self.shifted(init, &by),
                    None => self.state.anything(self.f.ty(a)),
                },
                (Change::By(c, d), _) => {
                    let by = self.state.fresh((c * (trips - 1)).min(0), (d * (trips - 1)).max(0), false);
                    self.shifted(init, &by)
                }
                _ => others[n].clone(),
            };
            self.set(a, k);
        }
        self.block(body);
        let last: Vec<Known> = yields.iter().map(|&y| self.known(y).clone()).collect();
        for (n, &r) in results.iter().enumerate() {
            let k = match changes[n] {
                Change::By(c, d) if c == d => self.shifted(&entry[n], &Aff::constant(c * trips)),
                _ => self.leave(&last[n], round.as_ref(), trips, self.f.ty(r)),
            };
            self.set(r, k);
        }
    }
    /// A value of the last round, seen from behind the loop.
    fn leave(&mut self, k: &Known, round: Option<&Aff>, trips: i64, t: Ty) -> Known {
        let Some(&[(s, _)]) = round.map(|r| r.terms.as_slice()) else { return k.clone() };
        let end = |f: &Aff| f.at(s, trips - 1);
        let facts = |fs: &[Fact]| fs.iter().filter_map(|f| Some(Fact { form: end(&f.form)?, ..*f })).collect::<Vec<_>>();
        let moved = match k {
            Known::Int { form, yes, no } => end(form).map(|form| Known::Int { form, yes: facts(yes), no: facts(no) }),
            Known::Ptr(ps) => {
                let ps: Option<Vec<_>> =
                    ps.iter().map(|p| Some(Place { base: p.base, off: end(&p.off)?, given: facts(&p.given) })).collect();
                ps.map(Known::Ptr)
            }
            k => Some(k.clone()),
        };
        moved.unwrap_or_else(|| self.state.anything(t))
    }
    /// How each carried value changes in a round, and where that is not known, what it may be in any round.
    fn look(&mut self, i: &Inst, entry: &[Known], trips: i64) -> (Vec<Change>, Vec<Known>) {
        let Inst::For { iv, lo, step, args, body, yields, .. } = i else { return (vec![], vec![]) };
        let wild: Vec<Known> = args.iter().map(|&a| self.state.anything(self.f.ty(a))).collect();
        if trips == 1 {
            return (vec![Change::Other; args.len()], entry.to_vec());
        }
        if args.is_empty() {
            return (vec![], vec![]);
        }
        // What is `Other` is made of values of this walk, and cannot be kept.
        if let Some(c) = self.changes.get(iv)
            && !c.contains(&Change::Other)
        {
            return (c.clone(), wild);
        }
        if self.walked > MAX_WALK {
            return (vec![Change::Unknown; args.len()], wild);
        }
        self.looking += 1;
        self.enter(*iv, *lo, *step, trips);
        // Far enough for any memory, so that nothing in this walk is taken for bounded by accident.
        let far = 1i64 << 32;
        let mut own = vec![];
        for (&a, k) in args.iter().zip(entry) {
            let by = self.state.fresh(-far, far, false);
            own.extend(by.terms.iter().map(|t| t.0));
            let k = if let Known::Vec(..) = k { self.state.anything(self.f.ty(a)) } else { self.shifted(k, &by) };
            self.set(a, k);
        }
        let entered: Vec<Known> = args.iter().map(|&a| self.known(a).clone()).collect();
        self.block(body);
        self.looking -= 1;
        let yielded: Vec<Known> = yields.iter().map(|&y| self.known(y).clone()).collect();
        let mut changes: Vec<Change> = entered.iter().zip(&yielded).map(|(a, b)| self.change(a, b)).collect();
        let free = |k: &Known| match k {
            Known::Int { form, .. } => !form.terms.iter().any(|t| own.contains(&t.0)),
            Known::Ptr(ps) => ps.iter().all(|p| {
                std::iter::once(&p.off).chain(p.given.iter().map(|f| &f.form)).all(|f| !f.terms.iter().any(|t| own.contains(&t.0)))
            }),
            _ => false,
        };
        let mut others = wild;
        for n in 0..args.len() {
            if changes[n] != Change::Unknown {
                continue;
            }
            // Values that trade places: everything on the way of exchanges, as it was on entry; or one that is made anew every round.
            let (mut at, mut seen, mut all) = (n, vec![], Some(entry[n].clone()));
            while let Some(k) = all.take() {
                seen.push(at);
                if free(&yielded[at]) {
                    all = Some(self.state.join(&k, &[], &yielded[at], &[]));
                    break;
                }
                let Some(to) = entered.iter().position(|e| matches!(e, Known::Ptr(_) | Known::Int { .. }) && *e == yielded[at]) else {
                    break;
                };
                if seen.contains(&to) {
                    all = Some(k);
                    break;
                }
                if matches!(changes[to], Change::By(c, d) if (c, d) != (0, 0)) {
                    break;
                }
                all = Some(self.state.join(&k, &[], &entry[to], &[]));
                at = to;
            }
            let everything = (i32::MIN.into(), i32::MAX.into());
            match all {
                Some(Known::Int { form, .. }) if self.state.bounds(&form, &[]) == everything => {}
                Some(Known::Wild | Known::Vec(..)) | None => {}
                Some(k) => {
                    others[n] = k;
                    changes[n] = Change::Other;
                }
            }
        }
        self.changes.insert(*iv, changes.clone());
        (changes, others)
    }
}
