//! The repository speaks of itself alone: no path, host or mirror of the machine it was written on.

use std::env;

use crate::{Result, workspace};

/// Endings of files that are read; the rest is data.
const TEXT: &[&str] = &[
    ".rs", ".toml", ".md", ".sh", ".c", ".h", ".S", ".ld", ".py", ".txt", ".html", ".json", ".yml", ".yaml", ".mlir", ".clif", ".kir",
    ".gir", "run", "manifest",
];

/// Mentions of folders outside the repository, and of this machine's own names.
pub fn check() -> Result<Vec<String>> {
    let words = words();
    let mut findings = Vec::new();
    for path in workspace::files()? {
        if !TEXT.iter().any(|ending| path.ends_with(ending)) {
            continue;
        }
        let text = workspace::text(&path)?.unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| mentions(line, word)) {
                findings.push(format!("{path}:{}: mentions {word}", number + 1));
            }
        }
    }
    Ok(findings)
}

/// Whether `line` has `word` at the start of a word or path: `/work` is not in `a/work`.
fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "._-}".contains(c))
    })
}

/// What must not occur. Spelt in pieces where the word itself would be found in this file.
fn words() -> Vec<String> {
    let mut words = vec![["/t", "mp/"].concat(), ["/wo", "rk/"].concat(), ["/ho", "me/"].concat()];
    words.push(workspace::root().display().to_string());
    if let Ok(home) = env::var("HOME") {
        words.push(format!("{home}/"));
    }
    let config = env::var("CARGO_HOME").unwrap_or_default() + "/config.toml";
    for line in std::fs::read_to_string(config).unwrap_or_default().lines() {
        words.extend(host(line).map(str::to_owned));
    }
    for name in ["PIP_INDEX_URL", "CARGO_REGISTRIES_CRATES_IO_INDEX", "GOPROXY"] {
        words.extend(env::var(name).ok().as_deref().and_then(host).map(str::to_owned));
    }
    words.retain(|word| word.len() > 4);
    words
}

/// The host of an address in a line, unless it is one of the public ones.
fn host(line: &str) -> Option<&str> {
    let address = line.split_once("://")?.1;
    let host = address.split(['/', '"', '\'', ' ']).next()?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let public = ["crates.io", "github.com", "pypi.org", "golang.org"];
    (!public.iter().any(|name| host.ends_with(name))).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_from_addresses() {
        assert_eq!(host("registry = \"sparse+https://u:p@mirror.local/index/\""), Some("mirror.local"));
        assert_eq!(host("index = \"https://index.crates.io/\""), None);
        assert_eq!(host("# nothing"), None);
    }

    #[test]
    fn paths_are_found_only_at_their_start() {
        assert!(mentions("see /some/x", "/some/"));
        assert!(mentions("(\"/some/x\")", "/some/"));
        assert!(!mentions("tests/some/x and $D/some", "/some/"));
    }
}
