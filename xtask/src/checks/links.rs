//! A document that is named exists.

use std::collections::BTreeSet;

use crate::{Result, workspace};

/// Mentions of `.md` files, in documents and Rust sources, that name no file of the repository.
/// A mention counts as good if it is the end of some file's path.
pub fn check() -> Result<Vec<String>> {
    let files = workspace::files()?;
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.ends_with(".md") || path.ends_with(".rs")) {
        let text = workspace::text(path)?.unwrap_or_default();
        for name in mentions(&text) {
            let known = files.iter().any(|file| {
                file.strip_suffix(name.trim_start_matches("../").trim_start_matches("./"))
                    .is_some_and(|before| before.is_empty() || before.ends_with('/'))
            });
            if !known {
                findings.push(format!("{path} names {name}, which does not exist"));
            }
        }
    }
    Ok(findings)
}

/// Words of a text that are file names ending in `.md`; addresses are left out.
fn mentions(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-:".contains(c)))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| !word.contains(':'))
        .filter(|word| word.strip_suffix(".md").is_some_and(|stem| !stem.is_empty()))
        .filter(|word| !word.ends_with("/.md"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn file_names_are_found_and_addresses_left_alone() {
        // Spelt with another ending, so that the check finds nothing in this file.
        let text = "See docs/a-b.MD, (../c.MD) and `d.MD`. Not x.MDx, .MD or https://e.org/f.MD.".replace(".MD", ".md");
        let found: Vec<String> = mentions(&text).into_iter().map(|m| m.replace(".md", "")).collect();
        assert_eq!(found, ["../c", "d", "docs/a-b"]);
    }
}
