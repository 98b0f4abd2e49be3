//! Counting tests from what the test runners print.

use std::collections::BTreeSet;

/// Totals over several runs of `cargo test` or `cargo nextest`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed or timed out, and runs that broke off.
    pub failed: usize,
    /// Tests that could not run here, each with the reason; not counted as passed.
    pub not_run: BTreeSet<String>,
}

impl Summary {
    /// Takes in one line of output; any line may be passed.
    pub fn line(&mut self, line: &str) {
        let plain = strip_colour(line);
        let text = plain.trim();
        let counts = if let Some(rest) = text.strip_prefix("test result:") {
            // `ok. 3 passed; 0 failed; ...`
            rest.split_once('.').map(|(_, rest)| rest)
        } else if text.starts_with("Summary [") {
            // `Summary [ 0.1s] 3 tests run: 2 passed (1 slow), 1 failed, 0 skipped`
            text.split_once("run:").map(|(_, rest)| rest)
        } else {
            None
        };
        for part in counts.unwrap_or_default().split([',', ';']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<usize>().ok());
            match (number, words.next()) {
                (Some(n), Some("passed")) => self.passed += n,
                (Some(n), Some("failed" | "timed" | "exec")) => self.failed += n,
                _ => {}
            }
        }
    }

    /// Takes in the list of tests that could not run: lines `test name<TAB>reason`. Such a test
    /// ended without failing, so the runner has counted it as passed.
    pub fn not_run(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, reason) = line.split_once('\t').unwrap_or((line, "no reason given"));
            self.not_run.insert(format!("{name}: {reason}"));
        }
    }

    /// The closing line.
    pub fn closing(&self) -> String {
        let mut line = format!("{} passed, {} failed", self.passed.saturating_sub(self.not_run.len()), self.failed);
        if !self.not_run.is_empty() {
            line += &format!(", {} not run", self.not_run.len());
        }
        line
    }
}

/// Removes terminal colour sequences, `ESC [ ... m`.
fn strip_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, tail)| tail);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_understood() {
        let mut summary = Summary::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored",
            "\u{1b}[32;1m     Summary\u{1b}[0m [   1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 4 skipped",
            "     Summary [   0.5s] 1/9 tests run: 0 passed, 1 failed, 0 skipped",
            "test some::test ... ok",
        ] {
            summary.line(line);
        }
        assert_eq!((summary.passed, summary.failed), (11, 5));
        summary.not_run("a::b\tno AVX-512\na::b\tno AVX-512\nc\tno AVX-512\n");
        assert_eq!(summary.closing(), "9 passed, 5 failed, 2 not run");
    }
}
