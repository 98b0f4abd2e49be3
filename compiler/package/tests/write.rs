//! The folder is ours, whole, and the same for the same input.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{run, sample};
use mcompc_ir::Code;
use mcompc_package::{File, PackageInput, on_demand, render, write_dir};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn files(tag: &str) -> Vec<File> {
    let report = File { path: "report.json".into(), bytes: b"{\"generator\":\"mcompc\"}".to_vec() };
    vec![report, File { path: "rust/src/lib.rs".into(), bytes: tag.as_bytes().to_vec() }]
}

fn names(d: &Path) -> BTreeSet<String> {
    fs::read_dir(d).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("deep/out");
    let old = File { path: "old.h".into(), bytes: vec![] };
    write_dir(&out, &[files("a"), vec![old]].concat(), false).unwrap();
    write_dir(&out, &files("b"), false).unwrap();
    assert_eq!(fs::read(out.join("rust/src/lib.rs")).unwrap(), b"b");
    assert_eq!(names(&out), BTreeSet::from(["report.json".into(), "rust".into()]));
    assert_eq!(names(&dir.path().join("deep")), BTreeSet::from(["out".into()]));
}

#[test]
fn folders_of_others_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    write_dir(&out, &files("a"), false).unwrap();
    fs::write(out.join("thesis.txt"), "mine").unwrap();
    assert_eq!(write_dir(&out, &files("b"), false).unwrap_err().code, Code::Usage);
    assert_eq!(fs::read(out.join("rust/src/lib.rs")).unwrap(), b"a");
    write_dir(&out, &files("b"), true).unwrap();
    assert!(!out.join("thesis.txt").exists());
    fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(write_dir(&dir.path().join("file"), &files("a"), true).unwrap_err().code, Code::Io);
    assert_eq!(write_dir(Path::new(".."), &files("a"), true).unwrap_err().code, Code::Usage);
    assert_eq!(names(dir.path()), BTreeSet::from(["file".into(), "out".into()]));
}

#[test]
fn only_what_was_written_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    write_dir(&out, &files("a"), false).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report, serde_json::json!({"generator": "mcompc", "files": ["report.json", "rust"]}));
    // Names that other forms have, and ours in other outputs.
    for mine in ["Sources/mine.swift", "java/Mine.java", "arduino/mine.ino", "libmine.so", "mine.h"] {
        let path = out.join(mine);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        assert_eq!(write_dir(&out, &files("b"), false).unwrap_err().code, Code::Usage, "{mine}");
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        let top = out.join(mine.split('/').next().unwrap());
        if top.is_dir() { fs::remove_dir_all(top).unwrap() } else { fs::remove_file(top).unwrap() }
    }
    write_dir(&out, &files("b"), false).unwrap();
    // Reports without the list: what every output had.
    fs::write(out.join("report.json"), &files("a")[0].bytes).unwrap();
    fs::write(out.join("old.h"), "").unwrap();
    fs::create_dir(out.join("java")).unwrap();
    assert_eq!(write_dir(&out, &files("c"), false).unwrap_err().code, Code::Usage);
    fs::remove_dir(out.join("java")).unwrap();
    write_dir(&out, &files("c"), false).unwrap();
    assert!(!out.join("old.h").exists());
}

#[test]
fn every_form_is_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let p = PackageInput { forms: on_demand().collect(), ..sample(dir.path(), "known") };
    for _ in 0..2 {
        write_dir(&out, &render(&p).unwrap(), false).unwrap();
    }
    let forms: BTreeSet<&str> = mcompc_package::FORMS.iter().map(|f| f.name).collect();
    assert_eq!(forms.len(), mcompc_package::FORMS.len());
    assert!(mcompc_package::FORMS.iter().all(|f| f.doc.len() > 5 && f.always != p.forms.contains(&f.name)));
}

#[test]
fn a_failed_write_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut f = files("a");
    f.push(File { path: "report.json/impossible".into(), bytes: vec![] });
    assert_eq!(write_dir(&dir.path().join("out"), &f, false).unwrap_err().code, Code::Io);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn archive_is_reproducible_and_has_a_symbol_table() {
    let dir = tempfile::tempdir().unwrap();
    let p = sample(dir.path(), "one");
    let files = render(&p).unwrap();
    assert_eq!(files, render(&p).unwrap());
    let lib = dir.path().join("libone.a");
    fs::write(&lib, &files[0].bytes).unwrap();
    let table = run(Command::new("nm").arg("-s").arg(&lib));
    assert!(table.contains("one_run in one.o"), "{table}");
    assert!(run(Command::new("ar").arg("tv").arg(&lib)).contains(" 0/0 "));
}
