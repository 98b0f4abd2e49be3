//! Codes with a small multiplier for every run of weights.

use super::search::Narrow;
use super::task::{Rounded, Settle, Task};

fn of(t: &Task<'_>) -> (Narrow, usize) {
    (Narrow::new(t.codes), t.group.unwrap_or(t.k).max(1))
}

/// Of least squared error, under the best multipliers.
pub(super) fn scales(t: &Task<'_>) -> Vec<f64> {
    let (n, len) = of(t);
    t.w.chunks_exact(t.k).map(|row| n.scale_of_runs(row, len)).collect()
}

/// Rounds.
pub(super) fn round(t: &Task<'_>, settle: Settle<'_>) -> Rounded {
    let ((n, len), scales) = (of(t), settle(scales(t)));
    let (mut codes, mut r) = (Vec::with_capacity(t.w.len()), Vec::new());
    for (row, &scale) in t.w.chunks_exact(t.k).zip(&scales) {
        let by = n.multipliers(row, len, scale);
        for (run, &by) in row.chunks(len).zip(&by) {
            codes.extend(run.iter().map(|&v| n.code(v.into(), scale * f64::from(by))));
        }
        r.extend(by.iter().map(|&by| by as i8));
    }
    Rounded { codes, scales, multipliers: Some(r) }
}
