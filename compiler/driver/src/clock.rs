//! The clock of this computer.

use mcompc_ir::Result;
use serde::Serialize;
use std::time::Instant;

/// Wall-clock time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Time {
    /// Nanoseconds an inference: median of `rounds` rounds.
    pub median_ns: f64,
    /// Fastest round.
    pub least_ns: f64,
    /// Rounds; each of `batch` inferences.
    pub rounds: usize,
    /// Inferences in a round.
    pub batch: usize,
}

/// Rounds of a timing.
const ROUNDS: usize = 31;
/// Nanoseconds a round takes at least: the clock and the checks of a call do not matter then.
const ROUND_NS: f64 = 2e6;

/// Times `call`: rounds of equal batches.
///
/// # Errors
/// Those of `call`.
pub(crate) fn time(mut call: impl FnMut() -> Result<()>) -> Result<Time> {
    let mut run = |n: usize| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..n {
            call()?;
        }
        Ok(start.elapsed().as_nanos() as f64 / n as f64)
    };
    run(1)?;
    let batch = (ROUND_NS / run(1)?.max(1.0)).ceil().clamp(1.0, 1e5) as usize;
    let mut rounds = (0..ROUNDS).map(|_| run(batch)).collect::<Result<Vec<f64>>>()?;
    rounds.sort_by(f64::total_cmp);
    Ok(Time { median_ns: rounds[ROUNDS / 2], least_ns: rounds[0], rounds: ROUNDS, batch })
}
