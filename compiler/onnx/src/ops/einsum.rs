//! Einsum, spelt out: operands are multiplied from the left, each pair as a product of matrices.

use super::gather::rows;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Result, ValueId};

/// A value with a label a dimension.
struct Term {
    v: ValueId,
    labels: Vec<char>,
}

/// Labels that stand for the dimensions of an ellipsis.
const ELLIPSIS: std::ops::RangeInclusive<char> = '0'..='9';

/// The labels of a term of `rank` dimensions; an ellipsis becomes as many of its own as are left, counted from the last.
fn labels(c: &Ctx<'_, '_, '_>, text: &str, rank: Option<usize>, dots: usize) -> Result<Vec<char>> {
    let mut out = Vec::new();
    let mut rest: Vec<char> = text.chars().filter(|x| !x.is_whitespace()).collect();
    // A letter a dimension, and there are eight of them at most; nothing longer is looked at.
    if rest.len() > 64 {
        return c.misfit(format!("an equation term of {} letters", rest.len()));
    }
    let named = rest.iter().filter(|x| x.is_ascii_alphabetic()).count();
    let mut seen = false;
    while let Some(&x) = rest.first() {
        if x == '.' {
            let n = rank.map_or(Some(dots), |r| r.checked_sub(named));
            let (Some(n), true, false) = (n, rest.starts_with(&['.'; 3]), seen) else { return c.misfit(format!("equation term `{text}`")) };
            if n > ELLIPSIS.count() {
                return c.not_built("with an ellipsis of more than ten dimensions", "write its dimensions as letters");
            }
            seen = true;
            out.extend((0..n).rev().filter_map(|k| char::from_digit(k as u32, 10)));
            rest.drain(..3);
        } else if x.is_ascii_alphabetic() {
            out.push(x);
            rest.remove(0);
        } else {
            return c.misfit(format!("equation term `{text}`"));
        }
    }
    match rank {
        Some(r) if r != out.len() => c.misfit(format!("equation term `{text}` of {r} dimensions")),
        _ => Ok(out),
    }
}

/// Einsum 12.
pub(super) fn einsum(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let equation = c.attrs.str_or("equation", "")?.to_string();
    let (left, right) = match equation.split_once("->") {
        Some((l, r)) => (l.to_string(), Some(r.to_string())),
        None => (equation.clone(), None),
    };
    let parts: Vec<&str> = left.split(',').collect();
    if parts.len() > 64 {
        return c.not_built(&format!("of {} operands", parts.len()), "multiply some of them before");
    }
    if parts.len() != c.node.input.len() {
        return c.misfit(format!("equation `{equation}` of {} operands", c.node.input.len()));
    }
    let mut terms = Vec::new();
    for (i, text) in parts.iter().enumerate() {
        let v = c.input(i)?;
        let labels = labels(c, text, Some(c.shape(v).len()), 0)?;
        terms.push(diagonal(c, Term { v, labels })?);
    }
    let dots = terms.iter().map(|t| t.labels.iter().filter(|x| ELLIPSIS.contains(x)).count()).max().unwrap_or(0);
    let out = match &right {
        Some(text) => labels(c, text, None, dots)?,
        None => {
            // Without an arrow: the ellipsis, then what occurs once, in the order of the alphabet.
            let mut once: Vec<char> = left.chars().filter(|x| x.is_ascii_alphabetic() && left.matches(*x).count() == 1).collect();
            once.sort_unstable();
            (0..dots).rev().filter_map(|k| char::from_digit(k as u32, 10)).chain(once).collect()
        }
    };
    let mut rest = terms.into_iter();
    let Some(mut y) = rest.next() else { return c.misfit("no operands") };
    let mut later: Vec<Term> = rest.collect();
    while !later.is_empty() {
        let next = later.remove(0);
        let needed: Vec<char> = later.iter().flat_map(|t| t.labels.clone()).chain(out.clone()).collect();
        y = product(c, y, next, &needed)?;
    }
    let y = reduced(c, y, &out)?;
    let perm: Option<Vec<usize>> = out.iter().map(|l| y.labels.iter().position(|x| x == l)).collect();
    let Some(perm) = perm.filter(|p| p.len() == y.labels.len()) else { return c.misfit(format!("equation `{equation}`")) };
    c.emit("Transpose", Attrs::new().with("perm", &perm[..]), &[y.v])
}

/// A label that stands twice in a term takes the diagonal.
fn diagonal(c: &mut Ctx<'_, '_, '_>, mut t: Term) -> Result<Term> {
    while let Some((i, j)) = (0..t.labels.len()).find_map(|i| Some((i, (i + 1..t.labels.len()).find(|&j| t.labels[j] == t.labels[i])?))) {
        let s = c.shape(t.v);
        let n = s[i];
        if s[j] != n {
            return c.misfit(format!("`{}` is {n} and {}", t.labels[i], s[j]));
        }
        let mut perm = vec![i, j];
        perm.extend((0..s.len()).filter(|&d| d != i && d != j));
        let v = c.transposed(t.v, &perm)?;
        let tail: Vec<usize> = perm[2..].iter().map(|&d| s[d]).collect();
        let flat = c.reshaped(v, &[&[n * n][..], &tail].concat())?;
        let v = rows(c, flat, 0, &(0..n).map(|k| k * (n + 1)).collect::<Vec<_>>())?;
        t = Term { v, labels: [t.labels[i]].into_iter().chain(perm[2..].iter().map(|&d| t.labels[d])).collect() };
    }
    Ok(t)
}

/// Sums over the labels that nobody needs.
fn reduced(c: &mut Ctx<'_, '_, '_>, t: Term, needed: &[char]) -> Result<Term> {
    let axes: Vec<usize> = (0..t.labels.len()).filter(|&i| !needed.contains(&t.labels[i])).collect();
    if axes.is_empty() {
        return Ok(t);
    }
    let v = c.part("ReduceSum", Attrs::new().with("axes", &axes[..]).with("keepdims", 0i64), &[t.v])?;
    Ok(Term { v, labels: t.labels.into_iter().filter(|l| needed.contains(l)).collect() })
}

/// The product of two terms, summed over what is in both and needed no more.
fn product(c: &mut Ctx<'_, '_, '_>, a: Term, b: Term, needed: &[char]) -> Result<Term> {
    let keep = |other: &Term| needed.iter().copied().chain(other.labels.clone()).collect::<Vec<char>>();
    let (for_a, for_b) = (keep(&b), keep(&a));
    let (a, b) = (reduced(c, a, &for_a)?, reduced(c, b, &for_b)?);
    let (sa, sb) = (c.shape(a.v), c.shape(b.v));
    let size = |l: &char| {
        let of = |t: &Term, s: &[usize]| t.labels.iter().position(|x| x == l).map(|i| s[i]);
        (of(&a, &sa), of(&b, &sb))
    };
    // A dimension of 1 beside a larger one is repeated, as an ellipsis may have it: such a label is kept as one of the batch.
    for l in a.labels.iter().filter(|l| b.labels.contains(l)) {
        if let (Some(p), Some(q)) = size(l)
            && p != q
            && (p != 1 && q != 1 || !needed.contains(l))
        {
            return c.misfit(format!("`{l}` is {p} and {q}"));
        }
    }
    let both = |l: &&char| b.labels.contains(l);
    let batch: Vec<char> = a.labels.iter().filter(both).filter(|l| needed.contains(l)).copied().collect();
    let inner: Vec<char> = a.labels.iter().filter(both).filter(|l| !needed.contains(l)).copied().collect();
    let own = |t: &Term| t.labels.iter().filter(|l| !batch.contains(l) && !inner.contains(l)).copied().collect::<Vec<char>>();
    let (m, n) = (own(&a), own(&b));
    let order = |t: &Term, parts: [&[char]; 3]| -> Vec<usize> {
        parts.concat().iter().filter_map(|l| t.labels.iter().position(|x| x == l)).collect()
    };
    let (pa, pb) = (order(&a, [&batch, &m, &inner]), order(&b, [&batch, &inner, &n]));
    let (va, vb) = (c.transposed(a.v, &pa)?, c.transposed(b.v, &pb)?);
    let lens = |t: &Term, s: &[usize], part: &[char]| -> Vec<usize> {
        part.iter().filter_map(|l| t.labels.iter().position(|x| x == l)).map(|i| s[i]).collect()
    };
    let (ba, bb) = (lens(&a, &sa, &batch), lens(&b, &sb, &batch));
    let (dm, dn) = (lens(&a, &sa, &m), lens(&b, &sb, &n));
    let k: usize = lens(&a, &sa, &inner).iter().product();
    let va = c.reshaped(va, &[&ba[..], &[dm.iter().product(), k]].concat())?;
    let vb = c.reshaped(vb, &[&bb[..], &[k, dn.iter().product()]].concat())?;
    let y = c.plain("MatMul", &[va, vb])?;
    let wide: Vec<usize> = ba.iter().zip(&bb).map(|(p, q)| *p.max(q)).collect();
    let y = c.reshaped(y, &[&wide[..], &dm, &dn].concat())?;
    Ok(Term { v: y, labels: [batch, m, n].concat() })
}
