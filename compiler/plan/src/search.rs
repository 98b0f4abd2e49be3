//! Greedy placement in several orders; the smallest arena wins.

use crate::{Buffer, Plan};

/// No plan can be smaller: the largest sum of live bytes at any step, in-place pairs counted once.
pub fn lower_bound(buffers: &[Buffer]) -> usize {
    let steps = buffers.iter().map(|b| b.last + 1).max().unwrap_or(0);
    (0..steps)
        .map(|s| {
            let live = |b: &&Buffer| b.first <= s && s <= b.last;
            let all: usize = buffers.iter().filter(live).map(|b| b.bytes).sum();
            let shared: usize = buffers.iter().filter(|b| b.first == s && b.may_alias.is_some()).map(|b| b.bytes).sum();
            all - shared
        })
        .max()
        .unwrap_or(0)
}

/// Places every buffer. Deterministic; `check` is the judge of the result.
pub fn plan(buffers: &[Buffer]) -> Plan {
    let mut orders: Vec<Vec<usize>> = Vec::new();
    let ids = || (0..buffers.len()).collect::<Vec<usize>>();
    let mut by = |key: &dyn Fn(&Buffer) -> (std::cmp::Reverse<usize>, usize)| {
        let mut o = ids();
        o.sort_by_key(|&i| (key(&buffers[i]), i));
        orders.push(o);
    };
    by(&|b| (std::cmp::Reverse(b.bytes), b.first));
    by(&|b| (std::cmp::Reverse(b.bytes * (b.last - b.first + 1)), b.first));
    by(&|b| (std::cmp::Reverse(b.last - b.first), b.first));
    by(&|b| (std::cmp::Reverse(0), b.first));
    orders.into_iter().map(|o| place(buffers, &o)).min_by_key(|p| p.total).unwrap_or(Plan { offsets: vec![], total: 0 })
}

fn place(buffers: &[Buffer], order: &[usize]) -> Plan {
    let mut offsets: Vec<Option<usize>> = vec![None; buffers.len()];
    for &i in order {
        let b = &buffers[i];
        let end = |o: usize, n: usize| o + n;
        let mut busy: Vec<(usize, usize)> = Vec::new();
        for (j, o) in buffers.iter().enumerate() {
            let Some(at) = offsets[j] else { continue };
            if o.first <= b.last && b.first <= o.last && !aliases(buffers, i, j) {
                busy.push((at, end(at, o.bytes)));
            }
        }
        busy.sort_unstable();
        // Taking over a placed partner exactly is free where nothing else is there.
        let partner = (0..buffers.len()).filter(|&j| aliases(buffers, i, j)).find_map(|j| offsets[j]);
        let fits = |at: usize| busy.iter().all(|&(s, e)| at + b.bytes <= s || e <= at);
        let at = match partner {
            Some(p) if fits(p) => p,
            _ => {
                // A partner already placed elsewhere still overlaps in time.
                for (j, o) in buffers.iter().enumerate() {
                    if let (true, Some(at)) = (aliases(buffers, i, j), offsets[j]) {
                        busy.push((at, at + o.bytes));
                    }
                }
                busy.sort_unstable();
                best_gap(&busy, b.bytes, b.align.max(1))
            }
        };
        offsets[i] = Some(at);
    }
    let offsets: Vec<usize> = offsets.into_iter().map(Option::unwrap_or_default).collect();
    let total = offsets.iter().zip(buffers).map(|(o, b)| o + b.bytes).max().unwrap_or(0);
    Plan { offsets, total }
}

fn aliases(buffers: &[Buffer], i: usize, j: usize) -> bool {
    let one = |x: usize, y: usize| buffers[x].may_alias == Some(y) && buffers[x].first == buffers[y].last && buffers[x].bytes <= buffers[y].bytes;
    one(i, j) || one(j, i)
}

// The tightest gap that holds `n` bytes, else the end.
fn best_gap(busy: &[(usize, usize)], n: usize, align: usize) -> usize {
    let mut best: Option<(usize, usize)> = None;
    let mut at = 0usize;
    for &(s, e) in busy {
        let start = at.next_multiple_of(align);
        if start + n <= s {
            let slack = s - at - n;
            if best.is_none_or(|(b, _)| slack < b) {
                best = Some((slack, start));
            }
        }
        at = at.max(e);
    }
    best.map_or(at.next_multiple_of(align), |(_, s)| s)
}
