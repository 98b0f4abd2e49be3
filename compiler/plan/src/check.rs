//! The checker: small, quadratic, by the definition.

use crate::{Buffer, Plan};
use mcompc_ir::{Code, Error, Result};

/// Whether `b` works in place on `a`: declared, and `a` dies in the step in which `b` is born.
fn in_place(bs: &[Buffer], a: usize, b: usize) -> bool {
    bs[b].may_alias == Some(a) && bs[a].last == bs[b].first && bs[a].first < bs[b].first
}

/// Checks a plan: every buffer aligned and inside the arena, no two that are alive in one step overlap, except one that takes over the
/// place of another where it is declared and both start at the same offset.
pub fn check(bs: &[Buffer], p: &Plan) -> Result<()> {
    let wrong = |m: String| Err(Error::new(Code::Verify, format!("memory plan: {m}")));
    if p.offsets.len() != bs.len() {
        return wrong(format!("{} offsets for {} buffers", p.offsets.len(), bs.len()));
    }
    for (i, (b, &o)) in bs.iter().zip(&p.offsets).enumerate() {
        if b.first > b.last || !b.align.is_power_of_two() {
            return wrong(format!("buffer {i} lives from {} to {} and is aligned to {}", b.first, b.last, b.align));
        }
        if o % b.align != 0 || o.checked_add(b.bytes).is_none_or(|end| end > p.total) {
            return wrong(format!("buffer {i}: {} bytes at {o}, aligned to {}, in {}", b.bytes, b.align, p.total));
        }
        for (j, (c, &q)) in bs.iter().zip(&p.offsets).enumerate().take(i) {
            let together = b.first <= c.last && c.first <= b.last;
            let apart = o + b.bytes <= q || q + c.bytes <= o || b.bytes == 0 || c.bytes == 0;
            if together && !apart && !(o == q && (in_place(bs, i, j) || in_place(bs, j, i))) {
                return wrong(format!("buffers {j} and {i} overlap: {} bytes at {q} and {} at {o}", c.bytes, b.bytes));
            }
        }
    }
    Ok(())
}

/// Bytes that no plan can be smaller than: the most that is alive in one step. Where a buffer may take over another's place in its first
/// step, only the larger one counts there.
pub fn lower_bound(bs: &[Buffer]) -> usize {
    let steps: std::collections::BTreeSet<usize> = bs.iter().map(|b| b.first).collect();
    let at = |s: usize| {
        let alive = |i: usize| bs[i].first <= s && s <= bs[i].last;
        let all: usize = (0..bs.len()).filter(|&i| alive(i)).map(|i| bs[i].bytes).sum();
        // Of a group that wants the same predecessor, all but the largest might be the one that shares: subtract no more than once each.
        let mut saved = vec![0usize; bs.len()];
        for (i, b) in bs.iter().enumerate().filter(|(_, b)| b.first == s) {
            if let Some(a) = b.may_alias.filter(|&a| a < bs.len() && in_place(bs, a, i)) {
                saved[a] = saved[a].max(b.bytes.min(bs[a].bytes));
            }
        }
        all.saturating_sub(saved.iter().sum())
    };
    steps.into_iter().map(at).max().unwrap_or(0)
}
