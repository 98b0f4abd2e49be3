//! File sizes: hand-written Rust files stay readable in one sitting.

use crate::{Result, workspace};

/// Longest allowed file, in lines.
const LIMIT: usize = 600;
/// Longest allowed median.
const MEDIAN: usize = 120;

/// Files longer than the limit, and a median above its own. Prints median and 90th percentile.
pub fn check() -> Result<Vec<String>> {
    let mut sizes = Vec::new();
    for path in workspace::files()?.into_iter().filter(|path| path.ends_with(".rs")) {
        let lines = workspace::text(&path)?.unwrap_or_default().lines().count();
        sizes.push((lines, path));
    }
    sizes.sort();
    println!(
        "sizes: {} Rust files, median {} lines, p90 {}, longest {}",
        sizes.len(),
        percentile(&sizes, 50),
        percentile(&sizes, 90),
        sizes.last().map_or(String::new(), |(lines, path)| format!("{lines} ({path})"))
    );
    let median = percentile(&sizes, 50);
    let typical = (median > MEDIAN).then(|| format!("the median is {median} lines, more than {MEDIAN}"));
    let long = sizes.iter().filter(|(lines, _)| *lines > LIMIT).map(|(lines, path)| format!("{path} has {lines} lines, more than {LIMIT}"));
    Ok(long.chain(typical).collect())
}

/// Nearest-rank percentile of sorted sizes.
fn percentile(sorted: &[(usize, String)], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).map_or(0, |(lines, _)| *lines)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_nearest_rank() {
        let sizes: Vec<_> = (1..=10).map(|n| (n, String::new())).collect();
        assert_eq!(percentile(&sizes, 50), 5);
        assert_eq!(percentile(&sizes, 90), 9);
        assert_eq!(percentile(&[], 50), 0);
    }
}
