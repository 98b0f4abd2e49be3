//! What Cargo builds for, as a target of ours.

use mcompc_ir::{Code, Error, Result};
use mcompc_target::Target;

/// What Rust calls a feature that the targets' files name as Linux does.
fn rust_name(feature: &str) -> &str {
    match feature {
        "bmi" => "bmi1",
        "asimddp" => "dotprod",
        other => other,
    }
}

/// Name of the target with the most of a CPU's features for a triple, of those that need no others; where all need more, of the one that
/// needs least: its header and crate say what.
///
/// # Errors
/// E502 for a triple that no target has code for.
pub fn choose(triple: &str, features: &[&str]) -> Result<String> {
    // Floats at the interface of functions are the only difference between the two kinds of Arm's triples, and there are none.
    let plain = |t: &str| t.strip_suffix("hf").unwrap_or(t).to_string();
    let (arch, system) = (triple.split('-').next().unwrap_or_default(), system(triple));
    let all = Target::all()?;
    let here: Vec<&Target> = all
        .iter()
        .filter(|t| {
            let theirs = &t.rust_triple;
            plain(theirs) == plain(triple) || system != "other" && theirs.split('-').next() == Some(arch) && self::system(theirs) == system
        })
        .collect();
    let missing = |t: &Target| t.requires.iter().filter(|f| !features.contains(&rust_name(f))).count();
    // The triple's own first. The more it requires and finds, the more it uses; the first of equals in the order of names.
    let other = |t: &Target| plain(&t.rust_triple) != plain(triple);
    let best = here.iter().min_by_key(|t| (other(t), missing(t), std::cmp::Reverse(t.requires.len())));
    best.map(|t| t.name.clone()).ok_or_else(|| {
        Error::new(Code::UnknownTarget, format!("no target of mcompc is `{triple}`"))
            .hint("name one with Model::target; `mcompc targets` lists them")
    })
}

/// The kind of object files that a triple's system takes: no code of ours calls the system. Apple's say for which of its systems they are.
fn system(triple: &str) -> &'static str {
    let has = |part: &str| triple.split('-').any(|p| p.starts_with(part));
    match triple.split('-').skip(1).collect::<Vec<_>>().as_slice() {
        ["apple", "darwin"] => "darwin",
        ["apple", "ios"] => "ios",
        ["apple", "ios", "sim"] => "ios-sim",
        ["apple", ..] => "other",
        _ if has("windows") || has("wasm") || has("uefi") => "other",
        _ => "elf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_triple_and_features() {
        let of = |triple: &str, features: &[&str]| choose(triple, features).map_err(|e| e.code);
        let v3 = ["ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "bmi1", "bmi2", "fma"];
        assert_eq!(of("x86_64-unknown-linux-gnu", &v3), Ok("x86_64".into()));
        assert_eq!(of("x86_64-unknown-linux-musl", &v3[..4]), Ok("x86_64-v2".into()));
        // Rust's own baseline has less than any target needs: the one that needs least.
        assert_eq!(of("x86_64-unknown-linux-gnu", &["sse2"]), Ok("x86_64-v2".into()));
        assert_eq!(of("thumbv7em-none-eabi", &[]), Ok("cortex-m4".into()));
        assert_eq!(of("thumbv6m-none-eabi", &[]), Ok("cortex-m0plus".into()));
        assert_eq!(of("aarch64-linux-android", &["neon"]), Ok("aarch64".into()));
        assert_eq!(of("aarch64-unknown-linux-gnu", &["neon", "dotprod"]), Ok("aarch64-dotprod".into()));
        assert_eq!(of("aarch64-apple-ios", &["neon"]), Ok("aarch64-apple-ios".into()));
        // One system of Apple's takes nothing of another.
        assert_eq!(of("aarch64-apple-ios-sim", &["neon"]), Ok("aarch64-apple-ios-sim".into()));
        assert_eq!(of("x86_64-apple-ios", &v3), Ok("x86_64-apple-ios-sim".into()));
        assert_eq!(of("aarch64-apple-darwin", &["neon", "dotprod"]), Ok("aarch64-apple-darwin".into()));
        for t in ["ios-macabi", "tvos", "tvos-sim", "watchos", "visionos", "visionos-sim"] {
            assert_eq!(of(&format!("aarch64-apple-{t}"), &["neon", "dotprod"]), Err(Code::UnknownTarget), "{t}");
        }
        assert_eq!(of("x86_64-pc-windows-msvc", &v3), Err(Code::UnknownTarget));
        assert_eq!(of("wasm32-unknown-unknown", &[]), Err(Code::UnknownTarget));
    }
}
