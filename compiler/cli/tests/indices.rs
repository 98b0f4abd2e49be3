//! A text classifier through the binary: integer inputs of the model are integers of the header, and its answers ONNX Runtime's.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{npy, ok, refused, root};
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    root().join("tests/suite/models").join(name)
}

fn arguments(command: &[&str], more: &[&str]) -> Vec<String> {
    let model = file("embedding.onnx");
    [command, &[model.to_str().unwrap()], more].concat().into_iter().map(String::from).collect()
}

fn verified(dir: &Path, more: &[&str]) -> serde_json::Value {
    let (calib, data) = (file("embedding.calib.npz"), file("embedding.eval.npz"));
    let fixed = ["--json", "--calib", calib.to_str().unwrap(), "--data", data.to_str().unwrap()];
    serde_json::from_str(&ok(dir, arguments(&["verify"], &[&fixed[..], more].concat()))).unwrap()
}

#[test]
fn native_and_emulated_code_answer_as_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let host = verified(dir.path(), &[]);
    let loss = &host["float"];
    assert!(host["samples"] == 80 && loss["error_over_variance"].as_f64().unwrap() < 0.01, "{host}");
    assert!(loss["top1_agreement"].as_f64().unwrap() > 0.95, "{host}");
    for target in ["cortex-m4", "cortex-m0plus", "riscv32imac"] {
        if mcompc_emu::missing(target).is_some() {
            mcompc_emu::not_run(target);
            continue;
        }
        let there = verified(dir.path(), &["--target", target]);
        assert_eq!((&there["bytes"], &there["float"]), (&host["bytes"], &host["float"]), "{target}");
    }
}

#[test]
fn the_header_takes_integers() {
    let dir = tempfile::tempdir().unwrap();
    // Without data, too: made-up indices are rows of the table.
    ok(dir.path(), arguments(&[], &["-o", "out", "--name", "text"]));
    let header = std::fs::read_to_string(dir.path().join("out/text.h")).unwrap();
    assert!(header.contains("text_run(const int32_t *ids, int8_t *y, void *arena)"), "{header}");
    assert!(!header.contains("TEXT_IDS_SCALE") && !header.contains("quantize_ids") && header.contains("are indices"), "{header}");
    let crate_text = std::fs::read_to_string(dir.path().join("out/rust/src/lib.rs")).unwrap();
    assert!(crate_text.contains("ids: &[i32; 12]"), "{crate_text}");
}

#[test]
fn what_is_no_index_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |more: &[&str], code: &str, what: &str| refused(dir.path(), arguments(&["plan"], more), code, what);
    let write = |descr: &str, bytes: &[u8]| npy(&dir.path().join("ids.npy"), descr, "(1, 12)", bytes);
    write("<i2", &[300_i16; 12].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
    refused(&["--calib", "ids.npy"], "E401", "index 300 of a table of 300 rows");
    write("<f4", &[0; 48]);
    refused(&["--calib", "ids.npy"], "E401", "declared as i64");
    refused(&["--input", "ids=u8,scale=2,offset=0"], "E002", "an index means itself");
    refused(&["--input", "ids=f32"], "E002", "an index means itself");
}
