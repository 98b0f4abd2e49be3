//! One stretch of runs, in this process.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mutate::mutate;
use crate::target::Target;

/// Longest a single run may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Inputs that may become seeds.
const LONGEST_SEED: usize = 1 << 17;
const MOST_SEEDS: usize = 2000;

/// A run that must not have ended as it did.
#[derive(Debug)]
pub struct Failure {
    /// Which run of the stretch.
    pub run: u64,
    /// What went wrong.
    pub message: String,
    /// The input.
    pub input: Vec<u8>,
}

/// Runs `runs` inputs made from `seed`. With `trace`, each input is written there before it is
/// run, so that the last one survives the end of the process.
///
/// # Errors
/// The first failure.
pub fn run(target: &Target, seed: u64, runs: u64, trace: Option<&Path>) -> Result<BTreeSet<String>, Failure> {
    let mut rng = Rng::with_seed(seed);
    let mut seeds = (target.seeds)();
    let mut outcomes = BTreeSet::new();
    if seeds.is_empty() {
        return Err(Failure { run: 0, message: "there is no seed".to_owned(), input: Vec::new() });
    }
    for run in 0..runs {
        // Later seeds are younger; half of the runs go on from one of the last few.
        let recent = seeds.len().saturating_sub(20);
        let from = if rng.bool() { rng.usize(recent..seeds.len()) } else { rng.usize(..seeds.len()) };
        let other = rng.usize(..seeds.len());
        let input = mutate(&mut rng, &seeds[from], &seeds[other]);
        if let Some(path) = trace {
            // A trace that cannot be written shows when the failure is looked for.
            let _ = std::fs::write(path, &input);
        }
        match one(target, &input) {
            Ok(outcome) => {
                if outcomes.insert(outcome) && input.len() <= LONGEST_SEED && seeds.len() < MOST_SEEDS {
                    seeds.push(input);
                }
            }
            Err(message) => return Err(Failure { run, message, input }),
        }
    }
    Ok(outcomes)
}

/// Whether the input takes more than [`LIMIT`] of the processor: on a busy machine time alone says nothing.
fn works_longer(target: &Target, input: &[u8]) -> bool {
    let of_this = || mcompc_interrupt::cpu(std::process::id());
    let before = of_this();
    let _ = (target.run)(input);
    of_this().zip(before).is_none_or(|(now, before)| now.saturating_sub(before) > LIMIT)
}

/// Runs one input: the outcome, or what is wrong.
///
/// # Errors
/// A panic, a broken property, or more time than [`LIMIT`].
pub fn one(target: &Target, input: &[u8]) -> Result<String, String> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = start.elapsed();
    match result {
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("panic: {}", text.unwrap_or("without a message")))
        }
        Ok(Ok(_)) if took > LIMIT && works_longer(target, input) => Err(format!("took {:.1} s", took.as_secs_f32())),
        Ok(result) => result,
    }
}
