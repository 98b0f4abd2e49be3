//! What the steps of a task tell the caller meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Receives the steps of a task as they happen.
pub trait Progress: Sync {
    /// A step begins, perhaps within another; of `total` parts where their number is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many parts of the current step are done.
    fn step(&self, n: u64);
    /// The current step ends.
    fn end(&self);
    /// A part of the current step, which came in pieces, took so long altogether.
    fn took(&self, what: &str, time: Duration) {
        let _ = (what, time);
    }
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn step(&self, _: u64) {}
    fn end(&self) {}
}

/// Tells of a step while `work` does it.
pub fn timed<T>(progress: &dyn Progress, what: &str, work: impl FnOnce() -> T) -> T {
    progress.begin(what, None);
    let result = work();
    progress.end();
    result
}

/// One step and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was done.
    pub name: String,
    /// Steps around it.
    pub depth: usize,
    /// Wall-clock time.
    pub time: Duration,
}

/// Times every step, and tells another.
pub struct Timed<'a> {
    inner: &'a dyn Progress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: Vec<Step>,
    /// Steps that have begun: index and since when.
    open: Vec<(usize, Instant)>,
}

impl<'a> Timed<'a> {
    /// Tells `inner`, too.
    pub fn new(inner: &'a dyn Progress) -> Self {
        Self { inner, state: Mutex::default() }
    }
    /// The steps that have ended, in the order in which they began.
    pub fn steps(&self) -> Vec<Step> {
        self.lock().steps.clone()
    }
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Timed<'_> {
    fn begin(&self, what: &str, total: Option<u64>) {
        let mut state = self.lock();
        let (index, depth) = (state.steps.len(), state.open.len());
        state.steps.push(Step { name: what.into(), depth, time: Duration::ZERO });
        state.open.push((index, Instant::now()));
        self.inner.begin(what, total);
    }
    fn step(&self, n: u64) {
        self.inner.step(n);
    }
    fn end(&self) {
        self.inner.end();
        let mut state = self.lock();
        if let Some((index, since)) = state.open.pop()
            && let Some(step) = state.steps.get_mut(index)
        {
            step.time = since.elapsed();
        }
    }
    fn took(&self, what: &str, time: Duration) {
        let mut state = self.lock();
        let depth = state.open.len();
        state.steps.push(Step { name: what.into(), depth, time });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_timed_in_their_order_and_depth() {
        let t = Timed::new(&Silent);
        timed(&t, "outer", || {
            timed(&t, "inner", || std::thread::sleep(Duration::from_millis(2)));
            t.took("part", Duration::from_millis(1));
        });
        timed(&t, "next", || {});
        let steps = t.steps();
        let seen: Vec<_> = steps.iter().map(|s| (s.name.as_str(), s.depth)).collect();
        assert_eq!(seen, [("outer", 0), ("inner", 1), ("part", 1), ("next", 0)]);
        assert!(steps[0].time >= steps[1].time && steps[1].time >= Duration::from_millis(2));
    }
}
