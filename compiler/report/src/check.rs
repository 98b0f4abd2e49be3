//! What was compared, byte by byte with the integer graph, before anything was written.

use serde::Serialize;
use std::fmt;

/// A check that found no difference; with one there is no report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The inputs it ran on.
    pub samples: Vec<String>,
    /// Layers whose kernels the kernel interpreter ran, each with its place in memory.
    pub layers: usize,
    /// Names of those that it ended early because they take long: only their first results were compared.
    pub in_part: Vec<String>,
    /// Whether the object itself ran too, and gave the same outputs.
    pub native: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.in_part.len() {
            0 => String::new(),
            n => format!(" ({n} of them in part)"),
        };
        let native = if self.native { ", native code" } else { "" };
        write!(
            f,
            "kernel interpreter, {} layers{part}{native}: every byte as in the integer graph, on {}",
            self.layers,
            self.samples.join(" and ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_left_out() {
        let mut c = Check { samples: vec!["a".into(), "b".into()], layers: 3, in_part: vec![], native: true };
        assert_eq!(c.to_string(), "kernel interpreter, 3 layers, native code: every byte as in the integer graph, on a and b");
        c = Check { in_part: vec!["conv".into()], native: false, ..c };
        assert_eq!(c.to_string(), "kernel interpreter, 3 layers (1 of them in part): every byte as in the integer graph, on a and b");
    }
}
