//! Plans against the checker and the bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_plan::{Buffer, Plan, check, lower_bound, plan};
use proptest::prelude::*;

fn buffer(bytes: usize, first: usize, last: usize) -> Buffer {
    Buffer { bytes, align: 16, first, last, may_alias: None }
}

/// First fit in the order given, without any sharing: what every plan should beat.
fn first_fit(bs: &[Buffer]) -> usize {
    let mut offsets: Vec<usize> = vec![];
    for (i, b) in bs.iter().enumerate() {
        let meets = |j: usize| bs[j].first <= b.last && b.first <= bs[j].last;
        let fits = |o: usize| (0..i).all(|j| !meets(j) || o + b.bytes <= offsets[j] || offsets[j] + bs[j].bytes <= o);
        let mut starts: Vec<usize> = (0..i).map(|j| (offsets[j] + bs[j].bytes).next_multiple_of(b.align)).collect();
        starts.push(0);
        offsets.push(starts.into_iter().filter(|&o| fits(o)).min().unwrap());
    }
    offsets.iter().zip(bs).map(|(o, b)| o + b.bytes).max().unwrap_or(0)
}

fn aliased() -> impl Strategy<Value = Vec<Buffer>> {
    prop::collection::vec((0usize..5000, 0u32..7, 0usize..30, 0usize..8, any::<prop::sample::Index>()), 0..40).prop_map(|v| {
        let mut bs: Vec<Buffer> = vec![];
        for (i, (bytes, align, first, life, with)) in v.into_iter().enumerate() {
            let mut b = Buffer { bytes, align: 1 << align, first, last: first + life, may_alias: None };
            if i > 0 {
                let a = with.index(2 * i);
                if a < i {
                    // Half of these are alive together in exactly the one step that allows it.
                    b.may_alias = Some(a);
                    if with.index(3) > 0 {
                        (b.first, b.last) = (bs[a].last, bs[a].last + life);
                    }
                }
            }
            bs.push(b);
        }
        bs
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn plans_are_sound_and_no_worse_than_first_fit(bs in aliased()) {
        let p = plan(&bs);
        check(&bs, &p).unwrap();
        prop_assert!(p.total >= lower_bound(&bs));
        prop_assert!(p.total <= first_fit(&bs), "{} against {}", p.total, first_fit(&bs));
        prop_assert_eq!(plan(&bs), p);
    }
    /// A chain (each step reads one buffer, writes the next, has a scratch) reaches the bound.
    #[test]
    fn chains_are_optimal(sizes in prop::collection::vec((1usize..100, 0usize..40), 1..60)) {
        let mut bs = vec![];
        for (i, (bytes, scratch)) in sizes.into_iter().enumerate() {
            bs.push(buffer(bytes * 16, i, i + 1));
            if scratch > 0 {
                bs.push(buffer(scratch * 16, i, i));
            }
        }
        let p = plan(&bs);
        check(&bs, &p).unwrap();
        prop_assert_eq!(p.total, lower_bound(&bs));
    }
    /// The checker finds a displaced buffer by what the definition says.
    #[test]
    fn the_checker_finds_overlaps(bs in aliased().prop_filter("two buffers", |b| b.len() > 1), which: prop::sample::Index, to in 0usize..9000) {
        let mut p = plan(&bs);
        let i = which.index(bs.len());
        p.offsets[i] = to;
        let b = bs[i];
        let fits = to % b.align == 0 && to + b.bytes <= p.total;
        let clash = (0..bs.len()).filter(|&j| j != i).any(|j| {
            let c = bs[j];
            let bytes = (to..to + b.bytes).any(|x| x >= p.offsets[j] && x < p.offsets[j] + c.bytes);
            let takes = |x: usize, y: usize| bs[y].may_alias == Some(x) && bs[x].last == bs[y].first && bs[x].first < bs[y].first;
            let shares = (takes(i, j) || takes(j, i)) && p.offsets[j] == to;
            (b.first..=b.last).any(|s| s >= c.first && s <= c.last) && bytes && !shares
        });
        prop_assert_eq!(check(&bs, &p).is_ok(), fits && !clash);
    }
}

#[test]
fn residual_blocks() {
    // A chain with skips over two steps, as in ResNet; the bound is met.
    let mut bs = vec![];
    for i in 0..20 {
        bs.push(buffer(1024, 3 * i, 3 * i + 3));
        bs.push(buffer(2048, 3 * i + 1, 3 * i + 2));
        bs.push(buffer(1024, 3 * i + 2, 3 * i + 3));
    }
    let p = plan(&bs);
    check(&bs, &p).unwrap();
    assert_eq!(p.total, lower_bound(&bs));
}

#[test]
fn in_place() {
    let a = buffer(1000, 0, 1);
    let b = Buffer { may_alias: Some(0), ..buffer(1000, 1, 2) };
    let c = Buffer { may_alias: Some(1), ..buffer(500, 2, 3) };
    let p = plan(&[a, b, c]);
    assert_eq!(p, Plan { offsets: vec![0, 0, 0], total: 1000 });
    check(&[a, b, c], &p).unwrap();
    // Not where the earlier one is read later, nor at another offset, nor undeclared.
    let longer = Buffer { last: 2, ..a };
    assert_eq!(plan(&[longer, b]).total, 2008);
    assert!(check(&[longer, b], &Plan { offsets: vec![0, 0], total: 1000 }).is_err());
    assert!(check(&[a, b], &Plan { offsets: vec![0, 16], total: 1016 }).is_err());
    assert!(check(&[a, buffer(1000, 1, 2)], &Plan { offsets: vec![0, 0], total: 1000 }).is_err());
    assert!(plan(&[]).total == 0 && check(&[], &Plan::default()).is_ok());
    assert!(check(&[a], &Plan { offsets: vec![8], total: 2000 }).is_err(), "alignment");
    assert!(check(&[a], &Plan { offsets: vec![16], total: 1000 }).is_err(), "size");
}

/// Two thousand buffers with long and irregular lifetimes.
#[test]
fn large_graphs() {
    let bs: Vec<Buffer> = (0..2000).map(|i| buffer(100 + (i * 7919) % 5000, i, i + 1 + (i * 31) % 17)).collect();
    let t = std::time::Instant::now();
    let p = plan(&bs);
    eprintln!("2000 buffers: {:?}, {} of {}", t.elapsed(), p.total, lower_bound(&bs));
    check(&bs, &p).unwrap();
    assert!(p.total <= lower_bound(&bs) * 5 / 4);
    assert!(t.elapsed().as_secs() < 20);
}
