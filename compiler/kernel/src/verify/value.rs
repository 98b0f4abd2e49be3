//! What the bounds analysis knows of a value, and how operations change it.

use super::affine::{Aff, Fact, Sym, range};
use crate::{Bin, Cmp, Lane, MemElem, Op, Ty, Val};

/// One place a pointer may point to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Which memory.
    pub base: usize,
    /// Byte offset in it.
    pub off: Aff,
    /// What holds where this place was chosen.
    pub given: Vec<Fact>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Known {
    /// An i32, exact modulo 2^32; facts that hold where it is not 0, and where it is 0.
    Int { form: Aff, yes: Vec<Fact>, no: Vec<Fact> },
    /// A pointer to one of these places.
    Ptr(Vec<Place>),
    /// A pointer to anywhere.
    Wild,
    /// Every lane lies in this range.
    Vec(i64, i64),
}

const FULL: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);
/// Pointers with more places than this are given up.
const MAX_PLACES: usize = 16;

fn lanes(l: Lane) -> (i64, i64) {
    let h = 1i64 << (l.bits() - 1);
    (-h, h - 1)
}

fn element(m: MemElem) -> (i64, i64) {
    match m {
        MemElem::S8 => (-128, 127),
        MemElem::U8 => (0, 255),
        MemElem::S16 => (-32768, 32767),
        MemElem::U16 => (0, 65535),
        MemElem::W32 => FULL,
    }
}

/// The d for which `op` by the constant `by` is floor(p / d) for every p in `lo..=hi`: a shift right, or the high half of a product with
/// a reciprocal rounded up. With m = ceil(2^32 / d) and e = m * d - 2^32, floor(p * m / 2^32) is floor(p / d) while p * e < 2^32: it is
/// floor((p + p * e / 2^32) / d), and less than 1 on top of a whole number does not reach the next one.
fn divisor(op: Bin, by: Option<i64>, lo: i64, hi: i64) -> Option<i64> {
    let by = by.filter(|_| lo >= 0)?;
    match op {
        Bin::Sra | Bin::Srl if (0..=31).contains(&by) => Some(1 << by),
        Bin::MulHi if by > 0 => {
            let d = ((1i64 << 32) + by - 1) / by;
            let e = i128::from(by * d - (1 << 32));
            (i128::from(hi) * e < 1 << 32).then_some(d)
        }
        _ => None,
    }
}

/// Unknowns, facts of the enclosing branches, and the values known so far.
pub(super) struct State {
    pub syms: Vec<Sym>,
    pub facts: Vec<Fact>,
    pub vals: Vec<Known>,
}

impl State {
    pub(super) fn fresh(&mut self, lo: i64, hi: i64, round: bool) -> Aff {
        if lo == hi {
            return Aff::constant(lo);
        }
        self.syms.push(Sym { lo, hi, round, quotient: None });
        Aff::sym(self.syms.len() as u32 - 1)
    }
    pub(super) fn int(&mut self, (lo, hi): (i64, i64)) -> Known {
        Known::Int { form: self.fresh(lo, hi, false), yes: vec![], no: vec![] }
    }
    /// Nothing but what the type says.
    pub(super) fn anything(&mut self, t: Ty) -> Known {
        match t {
            Ty::I32 => self.int(FULL),
            Ty::Ptr => Known::Wild,
            Ty::Vec(l, _) => {
                let (a, b) = lanes(l);
                Known::Vec(a, b)
            }
        }
    }
    pub(super) fn bounds(&self, f: &Aff, given: &[Fact]) -> (i64, i64) {
        if given.is_empty() {
            return range(&self.syms, f, &self.facts);
        }
        let all: Vec<Fact> = self.facts.iter().chain(given).cloned().collect();
        range(&self.syms, f, &all)
    }
    /// The form of a scalar as a number rather than modulo 2^32: a fresh unknown where it may have wrapped.
    pub(super) fn form(&mut self, v: Val) -> Aff {
        let Known::Int { form, .. } = &self.vals[v.0 as usize] else { return self.fresh(FULL.0, FULL.1, false) };
        let form = form.clone();
        let (lo, hi) = self.bounds(&form, &[]);
        if lo < FULL.0 || hi > FULL.1 { self.fresh(FULL.0, FULL.1, false) } else { form }
    }
    /// Range of a scalar or of the lanes of a vector.
    pub(super) fn range_of(&mut self, v: Val) -> (i64, i64) {
        match self.vals[v.0 as usize] {
            Known::Vec(lo, hi) => (lo, hi),
            _ => {
                let f = self.form(v);
                self.bounds(&f, &[])
            }
        }
    }
    /// Whether these facts cannot hold together with the ones in force: what they guard never runs.
    pub(super) fn impossible(&self, facts: &[Fact]) -> bool {
        facts.iter().any(|f| {
            let (lo, hi) = self.bounds(&f.form, &[]);
            hi < f.lo || lo > f.hi
        })
    }
    fn facts_of(&self, v: Val) -> (Vec<Fact>, Vec<Fact>) {
        match &self.vals[v.0 as usize] {
            Known::Int { yes, no, .. } => (yes.clone(), no.clone()),
            _ => (vec![], vec![]),
        }
    }
    /// Facts where a scalar is not 0 and where it is 0.
    pub(super) fn condition(&self, v: Val) -> (Vec<Fact>, Vec<Fact>) {
        self.facts_of(v)
    }
    fn raw(&self, v: Val) -> Option<Aff> {
        match &self.vals[v.0 as usize] {
            Known::Int { form, .. } => Some(form.clone()),
            _ => None,
        }
    }
    fn linear(&mut self, form: Option<Aff>) -> Known {
        match form {
            Some(form) => Known::Int { form, yes: vec![], no: vec![] },
            None => self.int(FULL),
        }
    }
    fn bin(&mut self, op: Bin, a: Val, b: Val) -> Known {
        let (Some(x), Some(y)) = (self.raw(a), self.raw(b)) else { return self.int(FULL) };
        match op {
            Bin::Add => return self.linear(x.plus(1, &y)),
            Bin::Sub => return self.linear(x.plus(-1, &y)),
            Bin::Mul => {
                if let Some(k) = y.as_const() {
                    return self.linear(Aff::default().plus(k, &x));
                }
                if let Some(k) = x.as_const() {
                    return self.linear(Aff::default().plus(k, &y));
                }
            }
            Bin::Shl => {
                if let Some(s @ 0..=31) = y.as_const() {
                    return self.linear(Aff::default().plus(1 << s, &x));
                }
            }
            _ => {}
        }
        let ((al, ah), (bl, bh)) = (self.range_of(a), self.range_of(b));
        let (yes_a, yes_b) = (self.facts_of(a), self.facts_of(b));
        let truth = al >= 0 && ah <= 1 && bl >= 0 && bh <= 1;
        match op {
            Bin::And if truth => {
                let form = self.fresh(0, 1, false);
                return Known::Int { form, yes: [yes_a.0, yes_b.0].concat(), no: vec![] };
            }
            Bin::Or if truth => {
                let form = self.fresh(0, 1, false);
                return Known::Int { form, yes: vec![], no: [yes_a.1, yes_b.1].concat() };
            }
            Bin::Xor if truth && bl == 1 => {
                let form = self.fresh(0, 1, false);
                return Known::Int { form, yes: yes_a.1, no: yes_a.0 };
            }
            _ => {}
        }
        let r = match op {
            Bin::And if bl >= 0 => (0, bh),
            Bin::And if al >= 0 => (0, ah),
            Bin::Smin => (al.min(bl), ah.min(bh)),
            Bin::Smax => (al.max(bl), ah.max(bh)),
            Bin::Sra if bl >= 0 && bh <= 31 => (al >> if al < 0 { bl } else { bh }, ah >> if ah < 0 { bh } else { bl }),
            Bin::Srl if al >= 0 && bl >= 0 && bh <= 31 => (al >> bh, ah >> bl),
            Bin::Srl if bl >= 1 && bh <= 31 => (0, i64::from(u32::MAX) >> bl),
            Bin::Mul | Bin::MulHi => {
                let p = [al * bl, al * bh, ah * bl, ah * bh].map(|p| if op == Bin::MulHi { p >> 32 } else { p });
                let r = (p.into_iter().min().unwrap_or(0), p.into_iter().max().unwrap_or(0));
                if r.0 < FULL.0 || r.1 > FULL.1 { FULL } else { r }
            }
            _ => FULL,
        };
        let k = self.int(r);
        if let (Some(d), Known::Int { form: q, .. }) = (divisor(op, (bl == bh).then_some(bl), al, ah), &k)
            && let &[(s, 1)] = q.terms.as_slice()
            && let Some(form) = self.form(a).plus(-d, q)
        {
            self.syms[s as usize].quotient = Some(Fact { form, lo: 0, hi: d - 1 });
        }
        k
    }
    fn cmp(&mut self, op: Cmp, a: Val, b: Val) -> Known {
        let form = self.fresh(0, 1, false);
        let (x, y) = (self.form(a), self.form(b));
        let zero = y.as_const() == Some(0);
        let of_a = self.facts_of(a);
        if zero && op == Cmp::Ne {
            return Known::Int { form, yes: of_a.0, no: of_a.1 };
        }
        if zero && op == Cmp::Eq && !(of_a.0.is_empty() && of_a.1.is_empty()) {
            return Known::Int { form, yes: of_a.1, no: of_a.0 };
        }
        let (bl, bh) = self.bounds(&y, &[]);
        let Some(d) = x.plus(-1, &y) else { return Known::Int { form, yes: vec![], no: vec![] } };
        let fact = |lo, hi| vec![Fact { form: d.clone(), lo, hi }];
        let far = 1i64 << 33;
        let (yes, no) = match op {
            Cmp::Eq => (fact(0, 0), vec![]),
            Cmp::Ne => (vec![], fact(0, 0)),
            Cmp::Slt => (fact(-far, -1), fact(0, far)),
            Cmp::Sle => (fact(-far, 0), fact(1, far)),
            Cmp::Ult if bl >= 0 => (vec![Fact { form: x.clone(), lo: 0, hi: bh - 1 }], vec![]),
            Cmp::Ult => (vec![], vec![]),
        };
        Known::Int { form, yes, no }
    }
    /// What is known where control or a select joins: `a` under the facts `fa`, or `b` under `fb`.
    pub(super) fn join(&mut self, a: &Known, fa: &[Fact], b: &Known, fb: &[Fact]) -> Known {
        match (a, b) {
            (Known::Int { form: x, .. }, Known::Int { form: y, .. }) => {
                if x == y {
                    return Known::Int { form: x.clone(), yes: vec![], no: vec![] };
                }
                let ((al, ah), (bl, bh)) = (self.bounds(x, fa), self.bounds(y, fb));
                let r = (al.min(bl), ah.max(bh));
                self.int(if r.0 < FULL.0 || r.1 > FULL.1 { FULL } else { r })
            }
            (Known::Ptr(x), Known::Ptr(y)) => {
                let mut places: Vec<Place> = vec![];
                for (ps, f) in [(x, fa), (y, fb)] {
                    for p in ps {
                        let p = Place { given: p.given.iter().chain(f).cloned().collect(), ..p.clone() };
                        if !places.contains(&p) {
                            places.push(p);
                        }
                    }
                }
                if places.len() > MAX_PLACES { Known::Wild } else { Known::Ptr(places) }
            }
            (Known::Vec(al, ah), Known::Vec(bl, bh)) => Known::Vec(*al.min(bl), *ah.max(bh)),
            _ => Known::Wild,
        }
    }
    /// A pointer moved by a form of bytes.
    pub(super) fn moved(&self, p: &Known, by: &Aff) -> Known {
        let Known::Ptr(ps) = p else { return Known::Wild };
        let to: Option<Vec<Place>> = ps.iter().map(|p| Some(Place { off: p.off.plus(1, by)?, ..p.clone() })).collect();
        to.map_or(Known::Wild, Known::Ptr)
    }
    /// What is known of the result of an operation; `base` is the memory of a `data` operation.
    pub(super) fn result(&mut self, op: &Op, args: &[Val], t: Ty, base: Option<usize>) -> Known {
        match (op, args) {
            (Op::Const(v, Ty::I32), _) => Known::Int { form: Aff::constant((*v).into()), yes: vec![], no: vec![] },
            (Op::Const(v, Ty::Vec(l, _)), _) => {
                let v = i64::from(*v) << (64 - l.bits()) >> (64 - l.bits());
                Known::Vec(v, v)
            }
            (Op::Splat(_), &[x]) => match (self.range_of(x), self.anything(t)) {
                ((lo, hi), Known::Vec(a, b)) if lo >= a && hi <= b => Known::Vec(lo, hi),
                (_, k) => k,
            },
            (Op::Bin(b), &[x, y]) if t == Ty::I32 => self.bin(*b, x, y),
            (Op::Cmp(c), &[x, y]) => self.cmp(*c, x, y),
            (Op::Select, &[c, x, y]) => {
                let (yes, no) = self.facts_of(c);
                let (x, y) = (self.vals[x.0 as usize].clone(), self.vals[y.0 as usize].clone());
                match (self.impossible(&yes), self.impossible(&no)) {
                    (false, true) => x,
                    (true, false) => y,
                    _ => self.join(&x, &yes, &y, &no),
                }
            }
            (Op::PtrAdd { imm, .. }, &[p]) => self.moved(&self.vals[p.0 as usize], &Aff::constant((*imm).into())),
            (Op::PtrAdd { scale, imm }, &[p, i]) => {
                let i = self.form(i);
                match Aff::constant((*imm).into()).plus((*scale).into(), &i) {
                    Some(by) => self.moved(&self.vals[p.0 as usize], &by),
                    None => Known::Wild,
                }
            }
            (Op::DataAddr { imm, .. }, _) => match base {
                Some(base) => Known::Ptr(vec![Place { base, off: Aff::constant((*imm).into()), given: vec![] }]),
                None => Known::Wild,
            },
            (Op::Load { mem, .. }, _) if t == Ty::I32 => self.int(element(*mem)),
            (Op::Rescale(r), _) if t == Ty::I32 => self.int((r.lo.into(), r.hi.into())),
            (Op::Rescale(r), _) => Known::Vec(r.lo.into(), r.hi.into()),
            (Op::Extract { .. }, &[v]) => {
                let r = self.range_of(v);
                self.int(r)
            }
            _ => self.anything(t),
        }
    }
}
