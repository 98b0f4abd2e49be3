//! Where the ranges of codes end is said in one file, `compiler/ir/src/quant.rs`.
//!
//! Looked at are the crates that know codes. Kernels and back ends, in which such a number is of bytes or of an instruction, are not;
//! neither are tests, comments and texts.

use super::source::code;
use crate::{Result, workspace};

/// Crates without codes, or below them.
const FREE: &[&str] = &[
    "compiler/backend/",
    "compiler/codegen-cranelift/",
    "compiler/codegen-mlir/",
    "compiler/codegen-small/",
    "compiler/cost/",
    "compiler/emu/",
    "compiler/exec/",
    "compiler/interrupt/",
    "compiler/kernel/",
    "compiler/lower/",
    "compiler/target/",
];

/// Files in which such a number is no end of a range.
const ALLOWED: &[(&str, &str)] = &[
    ("compiler/ir/src/quant.rs", "the one place"),
    ("compiler/driver/src/specimens.rs", "channels of layers that are priced"),
    ("compiler/driver/src/loss.rs", "a number of samples"),
];

/// Ends of eight bits, as literals.
const ENDS: &[&str] = &["-128", "127", "255", "256"];

/// Literals of the ends of codes elsewhere.
pub fn check() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in workspace::files()?.into_iter().filter(|path| path.ends_with(".rs")) {
        let looked_at = path.starts_with("compiler/") && path.contains("/src/") && !FREE.iter().any(|f| path.starts_with(f));
        if !looked_at || ALLOWED.iter().any(|(file, _)| path == *file) {
            continue;
        }
        for (line, literal) in ends(&workspace::text(&path)?.unwrap_or_default()) {
            findings.push(format!("{path}:{line}: {literal}: ask `Codes` of compiler/ir/src/quant.rs"));
        }
    }
    Ok(findings)
}

/// (line, literal) of every end outside of comments, texts, and the tests at the end.
fn ends(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (i, line) in code(text).lines().enumerate() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let line = line.replace("..", "  ");
        let mut rest = line.as_str();
        let mut before = None;
        while let Some(at) = rest.find(word) {
            let sign = rest[..at].chars().next_back().or(before);
            let end = rest[at..].find(|c| !word(c)).map_or(rest.len(), |n| at + n);
            let number = rest[at..end].trim_end_matches(".0");
            let digits = number.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end_matches('_');
            let signed = format!("-{digits}");
            if ENDS.contains(&digits) || sign == Some('-') && ENDS.contains(&signed.as_str()) {
                found.push((i + 1, if sign == Some('-') { signed } else { digits.into() }));
            }
            before = rest[..end].chars().next_back();
            rest = &rest[end..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn ends_are_found_outside_of_words() {
        let text = "let a = -128; // 127\nlet b = \"255\"; f(x.min(127.0), 256usize)\nx128, 1127, 2560, 0x255, v.255, (-128..=127)\n#[cfg(test)]\nmod tests {\n127";
        let found: Vec<(usize, String)> = ends(text);
        let want = [(1, "-128"), (2, "127"), (2, "256"), (3, "-128"), (3, "127")].map(|(l, s)| (l, s.to_string()));
        assert_eq!(found, want);
    }
}
