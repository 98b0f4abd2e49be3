//! Lengths of prefix-free words, none longer than a limit.

/// Lengths of an optimal prefix code for symbols of these (positive) counts, at most `limit` bits each; package-merge (Larmore and Hirschberg, A fast algorithm
/// for optimal length-limited Huffman codes, 1990). A single symbol needs no bits. There are at most 2^limit symbols.
pub(crate) fn lengths(counts: &[u64], limit: u32) -> Vec<u8> {
    let n = counts.len();
    let mut lengths = vec![0; n];
    if n < 2 {
        return lengths;
    }
    // An item is a weight and the symbols in it, each as often as it was merged in.
    let mut single: Vec<(u64, Vec<u16>)> = counts.iter().enumerate().map(|(i, &c)| (c, vec![i as u16])).collect();
    single.sort_by_key(|s| s.0);
    let mut packages: Vec<(u64, Vec<u16>)> = Vec::new();
    for _ in 0..limit {
        let mut all = single.clone();
        all.append(&mut packages);
        all.sort_by_key(|s| s.0);
        packages = all.as_chunks::<2>().0.iter().map(|[a, b]| (a.0 + b.0, [a.1.as_slice(), &b.1].concat())).collect();
    }
    // Of the list before the last pairing the cheapest 2 (n - 1) items count; they are the first n - 1 pairs.
    for s in packages.iter().take(n - 1).flat_map(|p| &p.1) {
        lengths[usize::from(*s)] += 1;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::lengths;

    fn kraft(l: &[u8]) -> u32 {
        l.iter().map(|&l| 256 >> l).sum()
    }

    #[test]
    fn words_are_short_where_counts_are_high() {
        assert_eq!(lengths(&[1, 1, 2, 4], 8), [3, 3, 2, 1]);
        assert_eq!(lengths(&[7], 8), [0]);
        assert_eq!(lengths(&[1, 1, 2, 4], 2), [2, 2, 2, 2]);
    }

    #[test]
    fn codes_are_complete_and_within_the_limit() {
        let steep: Vec<u64> = (0..40).map(|i| 1u64 << i).collect();
        let l = lengths(&steep, 8);
        assert!(l.iter().all(|&l| (1..=8).contains(&l)));
        assert_eq!(kraft(&l), 256);
        let flat = lengths(&vec![5; 256], 8);
        assert!(flat.iter().all(|&l| l == 8));
        assert_eq!(kraft(&lengths(&[3, 9, 2, 2, 2, 80, 1], 8)), 256);
    }
}
