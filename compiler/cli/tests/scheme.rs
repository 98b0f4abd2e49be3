//! `--scheme-out` and `--scheme` through the binary: the file that a compilation writes gives the same library, byte for byte.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, mcompc, ok, tree};
use std::path::Path;

fn arguments<'a>(more: &'a [&'a str]) -> Vec<String> {
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let fixed = [model.to_str().unwrap(), "--target", "host", "--calib", calib.to_str().unwrap(), "--input", INPUT];
    fixed.iter().chain(more).map(ToString::to_string).collect()
}

#[test]
fn a_scheme_gives_the_library_that_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (level, more) in
        [("int8", vec![]), ("int16", vec!["--acts", "*=16"]), ("int4", vec!["--group", "32", "--int4-all", "--max-loss", "none"])]
    {
        let first = [&["-O", level, "-o", "first", "--scheme-out", "scheme.txt", "--force"], &more[..]].concat();
        ok(dir, arguments(&first));
        ok(dir, arguments(&["--scheme", "scheme.txt", "-o", "again", "--force", "--scheme-out", "again.txt", "--max-loss", "none"]));
        let (one, two) = (tree(&dir.join("first")), tree(&dir.join("again")));
        let same = |name: &Path| one[name] == two[name];
        let differ: Vec<_> = one.keys().filter(|name| !same(name)).collect();
        // The limit of the loss is the level's, which a scheme does not have.
        assert!(differ.iter().all(|name| name.starts_with("report.json") || name.starts_with("report.html")), "{differ:?}");
        assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
        let text = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        assert_eq!(text("scheme.txt"), text("again.txt"));
        let report: serde_json::Value = serde_json::from_slice(&two[Path::new("report.json")]).unwrap();
        assert_eq!(report["scheme"], text("scheme.txt"));
        assert_eq!(report["level"], level);
    }
}

#[test]
fn a_scheme_is_changed_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ok(dir, [vec!["plan".to_string()], arguments(&["--scheme-out", "scheme.txt"])].concat());
    let text = std::fs::read_to_string(dir.join("scheme.txt")).unwrap();
    let eight: Vec<&str> = text.lines().filter(|l| l.starts_with("layer")).collect();
    let four = text.replace(eight[1], &eight[1].replace("nearest bits 8", "search bits 4"));
    std::fs::write(dir.join("scheme.txt"), four).unwrap();
    let json = ok(dir, [vec!["plan".to_string()], arguments(&["--scheme", "scheme.txt", "--json"])].concat());
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let bits: Vec<u64> = report["layers"].as_array().unwrap().iter().filter_map(|l| l["bits"].as_u64()).collect();
    assert!(bits.len() == eight.len() && bits[1] == 4 && bits.iter().filter(|&&b| b == 4).count() == 1, "{bits:?}");
}

#[test]
fn what_is_wrong_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let refused = |scheme: &str, more: &[&str], code: &str, what: &str| {
        std::fs::write(dir.join("s.txt"), scheme).unwrap();
        let out = mcompc(dir, [vec!["plan".to_string()], arguments(&[&["--scheme", "s.txt"], more].concat())].concat());
        let text = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success() && text.starts_with(&format!("error[{code}]")) && text.contains("\n  hint: "), "{text}");
        assert!(text.contains(what), "{text}");
    };
    refused("scheme 2", &[], "E302", "line 1");
    refused("scheme 1\nvalue \"x\" i8 scale 0 zero 0", &[], "E302", "line 2");
    refused("scheme 1\n", &[], "E002", "says nothing of value `pixels`");
    refused("scheme 1\n", &["-O", "int4"], "E002", "-O and --scheme");
    let out = mcompc(dir, [vec!["plan".to_string()], arguments(&["--scheme", "none.txt"])].concat());
    assert!(String::from_utf8(out.stderr).unwrap().starts_with("error[E001]"));
}
