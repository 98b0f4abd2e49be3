//! What long stages tell the user meanwhile.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcompc_driver::Progress;
use std::io::IsTerminal;
use std::sync::Mutex;

/// A bar on standard error, where that is a terminal.
#[derive(Default)]
pub struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, total: Option<u64>) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = match total {
            Some(n) => ProgressBar::with_draw_target(Some(n), ProgressDrawTarget::stderr()),
            None => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        };
        let form = if total.is_some() { "{msg:24} {bar:32} {pos}/{len} {eta}" } else { "{msg:24} {spinner} {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        if total.is_none() {
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
        }
        // A step within another takes its line.
        if let Some(outer) = self.slot().replace(bar) {
            outer.finish_and_clear();
        }
    }
    fn step(&self, n: u64) {
        if let Some(b) = &*self.slot() {
            b.inc(n);
        }
    }
    fn end(&self) {
        if let Some(b) = self.slot().take() {
            b.finish_and_clear();
        }
    }
}
