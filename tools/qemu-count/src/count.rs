//! Options and counting, free of QEMU, so that it can be tested by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// What to count and where to put the result. See the crate documentation for the keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Entry addresses of the functions that open and close a window.
    pub window: Option<(u64, u64)>,
    /// Addresses `lo..hi` that count; everything when absent.
    pub range: Option<(u64, u64)>,
    /// Entry addresses of functions; each entry inside a window begins the window's next segment.
    pub split: BTreeSet<u64>,
    /// File for the result.
    pub out: Option<String>,
}

impl Options {
    /// Parses `key=value` strings. Unknown keys, bad numbers and half-given pairs are errors.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let (mut begin, mut end, mut lo, mut hi, mut out) = (None, None, None, None, None);
        let mut split = BTreeSet::new();
        for arg in args {
            let (key, value) = arg.split_once('=').ok_or_else(|| format!("'{arg}' is not key=value"))?;
            match key {
                "begin" => begin = Some(number(key, value)?),
                "end" => end = Some(number(key, value)?),
                "lo" => lo = Some(number(key, value)?),
                "hi" => hi = Some(number(key, value)?),
                "split" => split = value.split(':').map(|text| number(key, text)).collect::<Result<_, _>>()?,
                "out" => out = Some(value.to_owned()),
                _ => return Err(format!("unknown argument '{key}'")),
            }
        }
        let window = pair("begin", begin, "end", end)?;
        if window.is_none() && !split.is_empty() {
            return Err("'split' is given without 'begin' and 'end'".to_owned());
        }
        Ok(Self { window, range: pair("lo", lo, "hi", hi)?, split, out })
    }

    /// Whether an instruction at `address` counts.
    pub fn in_range(&self, address: u64) -> bool {
        self.range.is_none_or(|(lo, hi)| (lo..hi).contains(&address))
    }
}

fn number(key: &str, text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .map_err(|error| format!("{key}={text}: {error}"))
}

fn pair(a: &str, first: Option<u64>, b: &str, second: Option<u64>) -> Result<Option<(u64, u64)>, String> {
    match (first, second) {
        (Some(x), Some(y)) => Ok(Some((x, y))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("'{a}' is given without '{b}'")),
        (None, Some(_)) => Err(format!("'{b}' is given without '{a}'")),
    }
}

/// What one translation block adds when it is entered.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord)]
pub struct Block {
    start: u64,
    counted: u64,
}

/// Counts between the entries of the functions to split at, by their position in the window.
#[derive(Debug, Default)]
struct Segments {
    at: usize,
    sums: Vec<u64>,
}

/// Running totals. Several guest threads share one window state; their counts add up.
pub struct Counter {
    options: Options,
    open: AtomicBool,
    windows: AtomicU64,
    insns: AtomicU64,
    /// Where the window stands, and the sums of all windows.
    segments: Mutex<Segments>,
    /// Blocks seen so far: QEMU translates one again whenever its cache is flushed, and each
    /// record is leaked, so equal ones are shared.
    blocks: Mutex<BTreeMap<(u64, u64), &'static Block>>,
}

impl Counter {
    /// A counter at zero. Without a window it counts from the start.
    pub fn new(options: Options) -> Self {
        let open = AtomicBool::new(options.window.is_none());
        Self { options, open, windows: AtomicU64::new(0), insns: AtomicU64::new(0), segments: Mutex::default(), blocks: Mutex::default() }
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The record for a block at `start` of which `counted` instructions count; `None` if
    /// entering it can never matter.
    pub fn block(&self, start: u64, counted: u64) -> Option<&'static Block> {
        let marker = self.options.window.is_some_and(|(b, e)| start == b || start == e) || self.options.split.contains(&start);
        if counted == 0 && !marker {
            return None;
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        Some(blocks.entry((start, counted)).or_insert_with(|| Box::leak(Box::new(Block { start, counted }))))
    }

    /// Accounts for entering `block`: the block that opens a window and the one that closes it
    /// do not count themselves.
    pub fn enter(&self, block: &Block) {
        if let Some((begin, end)) = self.options.window {
            if !self.open.load(Relaxed) {
                if block.start == begin {
                    self.open.store(true, Relaxed);
                    self.segments.lock().unwrap_or_else(PoisonError::into_inner).at = 0;
                    self.windows.fetch_add(1, Relaxed);
                }
                return;
            }
            if block.start == end {
                self.open.store(false, Relaxed);
                return;
            }
        }
        self.insns.fetch_add(block.counted, Relaxed);
        if !self.options.split.is_empty() {
            let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
            segments.at += usize::from(self.options.split.contains(&block.start));
            let at = segments.at;
            if segments.sums.len() <= at {
                segments.sums.resize(at + 1, 0);
            }
            segments.sums[at] += block.counted;
        }
    }

    /// The result line, with a line feed.
    pub fn result(&self) -> String {
        let mut line = format!("windows={} insns={}", self.windows.load(Relaxed), self.insns.load(Relaxed));
        if !self.options.split.is_empty() {
            let segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
            line.push_str(" segments=");
            line.push_str(&segments.sums.iter().map(u64::to_string).collect::<Vec<_>>().join(","));
        }
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Result<Options, String> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_parsed_and_mistakes_refused() {
        let parsed = options("begin=0x10 end=32 lo=0 hi=0x100 out=f").unwrap();
        assert_eq!(parsed.window, Some((16, 32)));
        assert_eq!(parsed.range, Some((0, 256)));
        assert_eq!(parsed.out.as_deref(), Some("f"));
        for bad in ["begin=1", "hi=2", "begin=x end=1", "size=3", "begin", "split=1:2", "begin=1 end=2 split=3:"] {
            assert!(options(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_exclude_their_markers() {
        let counter = Counter::new(options("begin=1 end=2").unwrap());
        let [begin, body, end] = [(1, 3), (8, 5), (2, 7)].map(|(s, n)| counter.block(s, n).unwrap());
        for block in [body, begin, body, body, end, body, begin, body, end] {
            counter.enter(block);
        }
        assert_eq!(counter.result(), "windows=2 insns=15\n");
    }

    #[test]
    fn entries_of_functions_divide_a_window() {
        let counter = Counter::new(options("begin=1 end=2 split=0x10:32").unwrap());
        let [begin, caller, first, body, second, end] =
            [(1, 1), (5, 2), (16, 3), (20, 4), (32, 5), (2, 1)].map(|(s, n)| counter.block(s, n).unwrap());
        // An entry outside of a window divides nothing; every window begins with segment 0.
        for block in [first, begin, caller, first, body, body, caller, second, caller, first, end, second, begin, caller, second, end] {
            counter.enter(block);
        }
        assert_eq!(counter.result(), "windows=2 insns=32 segments=4,18,7,3\n");
    }

    #[test]
    fn a_range_counts_without_a_window() {
        let counter = Counter::new(options("lo=4 hi=8").unwrap());
        assert!(counter.options().in_range(4) && !counter.options().in_range(8));
        assert!(counter.block(100, 0).is_none());
        counter.enter(counter.block(4, 2).unwrap());
        assert_eq!(counter.result(), "windows=0 insns=2\n");
    }
}
