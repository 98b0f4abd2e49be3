//! To nearest under a step that is given, the same for all channels: codes are few where a channel is small, which costs nothing where
//! they are entropy-coded.

use super::search::Narrow;
use super::task::{Rounded, Settle, Task};

/// Rounds; without a step under that of the largest weight.
pub(super) fn round(t: &Task<'_>, settle: Settle<'_>) -> Rounded {
    let n = Narrow::new(t.codes);
    let top = f64::from(t.w.iter().fold(0f32, |a, v| a.max(v.abs())));
    let step = t.step.unwrap_or(top / n.hi);
    let scales = settle(vec![step; t.w.len() / t.k.max(1)]);
    let codes = t.w.iter().enumerate().map(|(i, &v)| n.code(v.into(), scales[i / t.k])).collect();
    Rounded { codes, scales, multipliers: None }
}
