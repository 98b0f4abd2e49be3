//! Affine forms over bounded integer unknowns, and their ranges under linear constraints.

/// Coefficients beyond this are given up; sums of a few such products stay within `i64`.
const HUGE: i64 = 1 << 48;

/// An unknown: a loop's round, or a value of which only the range is known.
#[derive(Clone, Debug)]
pub(super) struct Sym {
    pub lo: i64,
    pub hi: i64,
    /// The round of a loop: takes every value of the range, whatever the other rounds are.
    pub round: bool,
    /// Of a quotient q = floor(p / d): `p - d * q` lies in `0..=d-1`.
    pub quotient: Option<Fact>,
}

/// `c + sum of coefficient * unknown`; terms ordered by unknown, no zero coefficients.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Aff {
    pub c: i64,
    pub terms: Vec<(u32, i64)>,
}

/// A fact: the form's value lies in `lo..=hi`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub form: Aff,
    pub lo: i64,
    pub hi: i64,
}

impl Aff {
    pub(super) fn constant(c: i64) -> Self {
        Self { c, terms: vec![] }
    }
    pub(super) fn sym(s: u32) -> Self {
        Self { c: 0, terms: vec![(s, 1)] }
    }
    pub(super) fn as_const(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.c)
    }
    /// `self + k * other`; none where coefficients grow out of hand.
    pub(super) fn plus(&self, k: i64, other: &Aff) -> Option<Aff> {
        let small = |v: Option<i64>| v.filter(|v| v.abs() < HUGE);
        let c = small(self.c.checked_add(k.checked_mul(other.c)?))?;
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut a, mut b) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let (s, v) = match (a.peek(), b.peek()) {
                (None, None) => break,
                (Some(&&(s, v)), o) if o.is_none_or(|o| s < o.0) => {
                    a.next();
                    (s, Some(v))
                }
                (o, Some(&&(s, v))) if o.is_none_or(|o| s < o.0) => {
                    b.next();
                    (s, k.checked_mul(v))
                }
                (Some(&&(s, v)), Some(&&(_, w))) => {
                    a.next();
                    b.next();
                    (s, k.checked_mul(w).and_then(|w| v.checked_add(w)))
                }
                // The two cases above take every case with one side empty.
                _ => break,
            };
            let v = small(v)?;
            if v != 0 {
                terms.push((s, v));
            }
        }
        Some(Aff { c, terms })
    }
    pub(super) fn offset(&self, by: i64) -> Option<Aff> {
        self.plus(1, &Aff::constant(by))
    }
    pub(super) fn coefficient(&self, s: u32) -> i64 {
        self.terms.iter().find(|t| t.0 == s).map_or(0, |t| t.1)
    }
    /// The unknown `s` replaced by a number.
    pub(super) fn at(&self, s: u32, v: i64) -> Option<Aff> {
        let k = self.coefficient(s);
        self.plus(-k, &Aff::sym(s))?.offset(k.checked_mul(v)?)
    }
}

/// Smallest and largest value without regard to facts, saturated.
fn plain(syms: &[Sym], f: &Aff) -> (i64, i64) {
    let (mut lo, mut hi) = (i128::from(f.c), i128::from(f.c));
    for &(s, k) in &f.terms {
        let (a, b) = (i128::from(syms[s as usize].lo) * i128::from(k), i128::from(syms[s as usize].hi) * i128::from(k));
        lo += a.min(b);
        hi += a.max(b);
    }
    let fit = |v: i128| v.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64;
    (fit(lo), fit(hi))
}

/// Smallest and largest value given facts.
///
/// A multiple of a fact's form that removes one of its unknowns is subtracted, and the fact's own range added: the row and column of a
/// pixel bound its address, however they were computed. At most three facts are combined, in any order, each once: of the latest six, and
/// of what the form's quotients are known to be.
pub(super) fn range(syms: &[Sym], f: &Aff, facts: &[Fact]) -> (i64, i64) {
    let quotients = f.terms.iter().filter_map(|t| syms[t.0 as usize].quotient.as_ref());
    let facts: Vec<&Fact> = facts[facts.len().saturating_sub(6)..].iter().chain(quotients).collect();
    combine(syms, f, &facts, 3)
}

fn combine(syms: &[Sym], f: &Aff, facts: &[&Fact], depth: usize) -> (i64, i64) {
    let (mut lo, mut hi) = plain(syms, f);
    if depth == 0 || f.terms.is_empty() {
        return (lo, hi);
    }
    for (i, fact) in facts.iter().enumerate() {
        let mut tried: Vec<i64> = vec![];
        for &(s, g) in &fact.form.terms {
            let k = f.coefficient(s) / g;
            if k == 0 || k * g != f.coefficient(s) || tried.contains(&k) {
                continue;
            }
            tried.push(k);
            let Some(rest) = f.plus(-k, &fact.form) else { continue };
            let others: Vec<&Fact> = facts.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, f)| *f).collect();
            let (a, b) = combine(syms, &rest, &others, depth - 1);
            let (x, y) = (fact.lo.saturating_mul(k), fact.hi.saturating_mul(k));
            lo = lo.max(a.saturating_add(x.min(y)));
            hi = hi.min(b.saturating_add(x.max(y)));
        }
    }
    (lo, hi)
}
