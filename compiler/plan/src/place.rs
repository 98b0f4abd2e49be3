//! Placement: best-fit in several orders, then a local search over the order. Deterministic.

use crate::check::lower_bound;
use crate::{Buffer, Plan};
use std::cmp::Reverse;

/// Orders tried by the local search.
const ROUNDS: usize = 4000;
/// Pairs of buffers looked at in the local search: fewer orders for larger graphs.
const EFFORT: usize = 20_000_000;

/// Two buffers' relation, worked out once.
struct Conflicts {
    /// Indices of the buffers alive together with each.
    with: Vec<Vec<usize>>,
    /// The buffer whose place this one may take, where the lifetimes allow it.
    source: Vec<Option<usize>>,
}

fn up(v: usize, align: usize) -> usize {
    v.div_ceil(align.max(1)) * align.max(1)
}

fn down(v: usize, align: usize) -> usize {
    v / align.max(1) * align.max(1)
}

impl Conflicts {
    fn new(bs: &[Buffer]) -> Self {
        let source: Vec<Option<usize>> =
            bs.iter().map(|b| b.may_alias.filter(|&a| bs.get(a).is_some_and(|x| x.last == b.first && x.first < b.first))).collect();
        let with = bs
            .iter()
            .enumerate()
            .map(|(i, b)| {
                let meets = |j: &usize| *j != i && bs[*j].first <= b.last && b.first <= bs[*j].last;
                (0..bs.len()).filter(meets).collect()
            })
            .collect();
        Self { with, source }
    }
    fn related(&self, i: usize, j: usize) -> bool {
        self.source[i] == Some(j) || self.source[j] == Some(i)
    }
    /// Whether `i` fits at `o` beside what is placed.
    fn free(&self, bs: &[Buffer], placed: &[Option<usize>], i: usize, o: usize) -> bool {
        o.is_multiple_of(bs[i].align.max(1))
            && self.with[i].iter().all(|&j| match placed[j] {
                None => true,
                Some(q) => o + bs[i].bytes <= q || q + bs[j].bytes <= o || (q == o && self.related(i, j)),
            })
    }
    /// Places buffers in this order: at the place of its partner if it can, else in the smallest gap that holds it, else at the end.
    /// With `best` false, in the first gap.
    fn place(&self, bs: &[Buffer], order: &[usize], best: bool, limit: usize) -> Option<Plan> {
        let mut placed: Vec<Option<usize>> = vec![None; bs.len()];
        let mut total = 0;
        let mut taken: Vec<(usize, usize)> = vec![];
        for &i in order {
            let b = &bs[i];
            let partners = self.source[i].into_iter().chain(self.with[i].iter().copied().filter(|&j| self.source[j] == Some(i)));
            let shared = partners.filter_map(|j| placed[j]).filter(|&o| self.free(bs, &placed, i, o)).min();
            let at = shared.unwrap_or_else(|| {
                taken.clear();
                taken.extend(self.with[i].iter().filter_map(|&j| placed[j].map(|q| (q, q + bs[j].bytes))));
                taken.sort_unstable();
                gap(&taken, b, best)
            });
            placed[i] = Some(at);
            total = total.max(at + b.bytes);
            if total >= limit {
                return None;
            }
        }
        Some(Plan { offsets: placed.into_iter().map(|o| o.unwrap_or(0)).collect(), total })
    }
    /// Places buffers in this order from both ends of `total` bytes: at the low end, or at the high one where the low end is taken.
    /// In order of time it lays a chain of layers with scratch as tightly as any plan can.
    fn both_ends(&self, bs: &[Buffer], order: &[usize], total: usize) -> Option<Plan> {
        let mut placed: Vec<Option<usize>> = vec![None; bs.len()];
        for &i in order {
            let b = &bs[i];
            let mut taken: Vec<(usize, usize)> = self.with[i].iter().filter_map(|&j| placed[j].map(|q| (q, q + bs[j].bytes))).collect();
            taken.sort_unstable();
            let low = taken.first().is_none_or(|&(lo, _)| lo > 0);
            let shared = self.source[i].and_then(|j| placed[j]).filter(|&o| self.free(bs, &placed, i, o));
            let at = match shared {
                Some(o) => o,
                None if low => gap(&taken, b, false),
                None => last_gap(&taken, b, total)?,
            };
            if at + b.bytes > total {
                return None;
            }
            placed[i] = Some(at);
        }
        Some(Plan { offsets: placed.into_iter().map(|o| o.unwrap_or(0)).collect(), total })
    }
}

/// The last start for `b` below `total` outside of the intervals `taken`, which are ordered.
fn last_gap(taken: &[(usize, usize)], b: &Buffer, total: usize) -> Option<usize> {
    let mut end = total;
    for &(lo, hi) in taken.iter().rev() {
        let o = down(end.checked_sub(b.bytes)?, b.align);
        if o >= hi {
            return Some(o);
        }
        end = end.min(lo);
    }
    end.checked_sub(b.bytes).map(|o| down(o, b.align))
}

/// A start for `b` outside of the intervals `taken`, which are ordered.
fn gap(taken: &[(usize, usize)], b: &Buffer, best: bool) -> usize {
    let mut end = 0;
    let mut found: Option<(usize, usize)> = None;
    for &(lo, hi) in taken {
        let o = up(end, b.align);
        if lo >= o + b.bytes {
            let size = lo - end;
            if found.is_none_or(|(s, _)| size < s) {
                found = Some((size, o));
            }
            if !best {
                break;
            }
        }
        end = end.max(hi);
    }
    found.map_or(up(end, b.align), |(_, o)| o)
}

/// A generator for the search's moves (xorshift64, Marsaglia 2003), from a fixed seed.
struct Moves(u64);

impl Moves {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Places buffers; [`crate::check`] accepts the result. Buffers must have `first <= last` and a power of two as alignment.
pub fn plan(bs: &[Buffer]) -> Plan {
    let c = Conflicts::new(bs);
    let base: Vec<usize> = (0..bs.len()).collect();
    let sorted = |key: &dyn Fn(usize) -> (Reverse<usize>, usize, usize)| {
        let mut o = base.clone();
        o.sort_by_key(|&i| key(i));
        o
    };
    let life = |i: usize| bs[i].last.saturating_sub(bs[i].first) + 1;
    // How full the fullest step of each buffer's life is: the bottleneck should be laid first.
    let load: Vec<usize> = (0..bs.len()).map(|i| bs[i].bytes + c.with[i].iter().map(|&j| bs[j].bytes).sum::<usize>()).collect();
    let orders = [
        base.clone(),
        sorted(&|i| (Reverse(bs[i].bytes), bs[i].first, i)),
        sorted(&|i| (Reverse(bs[i].bytes.saturating_mul(life(i))), bs[i].first, i)),
        sorted(&|i| (Reverse(life(i)), usize::MAX - bs[i].bytes, i)),
        sorted(&|i| (Reverse(load[i]), usize::MAX - bs[i].bytes, i)),
        sorted(&|i| (Reverse(0), bs[i].first, i)),
        sorted(&|i| (Reverse(bs[i].last), bs[i].first, i)),
    ];
    let bound = lower_bound(bs);
    // Longer lives first among those that begin together: scratch takes what is left.
    if let Some(p) = c.both_ends(bs, &sorted(&|i| (Reverse(usize::MAX - bs[i].first), usize::MAX - bs[i].last, i)), bound) {
        return p;
    }
    // Without sharing and in the given order, so that no plan is ever worse than first fit.
    let unshared = Conflicts { with: c.with.clone(), source: vec![None; bs.len()] };
    let mut best: Option<(Plan, &[usize])> = unshared.place(bs, &base, false, usize::MAX).map(|p| (p, orders[0].as_slice()));
    for o in &orders {
        for fit in [false, true] {
            let limit = best.as_ref().map_or(usize::MAX, |(p, _)| p.total);
            if let Some(p) = c.place(bs, o, fit, limit) {
                best = Some((p, o));
            }
        }
    }
    let Some((mut best, order)) = best else { return Plan { offsets: vec![0; bs.len()], total: 0 } };
    let mut order = order.to_vec();
    let mut moves = Moves(0x2545_f491_4f6c_dd1d);
    let cost = c.with.iter().map(|w| w.len() + 1).sum::<usize>().max(1);
    for _ in 0..ROUNDS.min(EFFORT / cost) {
        if best.total <= bound {
            break;
        }
        // What ends at the top of the arena, or anything else, is placed earlier; equal totals are taken too, so that the search drifts.
        let top: Vec<usize> = (0..order.len()).filter(|&k| best.offsets[order[k]] + bs[order[k]].bytes == best.total).collect();
        let from = if moves.below(2) == 0 { top[moves.below(top.len())] } else { moves.below(order.len()) };
        let to = moves.below(order.len());
        let mut next = order.clone();
        let b = next.remove(from);
        next.insert(to, b);
        if let Some(p) = c.place(bs, &next, moves.below(4) != 0, best.total + 1) {
            (best, order) = (p, next);
        }
    }
    best
}
