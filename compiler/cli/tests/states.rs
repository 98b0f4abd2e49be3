//! A streaming net through the binary: calibration and verification run a sequence, and its steps from C answer what ONNX Runtime answers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{ok, refused, root, tool};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TIES: [&str; 4] = ["--state", "ring=ring_next", "--state", "h=h_next"];

fn file(name: &str) -> PathBuf {
    root().join("tests/suite/models").join(name)
}

fn arguments(command: &[&str], more: &[&str]) -> Vec<String> {
    let (model, calib) = (file("stream.onnx"), file("stream.calib.npz"));
    let model = [model.to_str().unwrap(), "--calib", calib.to_str().unwrap()];
    [command, &model, more].concat().into_iter().map(String::from).collect()
}

/// The floats of an array, stored or in an archive without compression: data behind the header, of `n` elements.
fn floats(bytes: &[u8], n: usize) -> Vec<f32> {
    let at = bytes.windows(6).position(|w| w == b"\x93NUMPY").unwrap();
    let data = at + 10 + usize::from(u16::from_le_bytes([bytes[at + 8], bytes[at + 9]]));
    bytes[data..data + 4 * n].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

const MAIN: &str = r#"
#include "stream.h"
#include <stdio.h>
static _Alignas(STREAM_ARENA_ALIGN) unsigned char arena[STREAM_ARENA_BYTES];
int main(void) {
    static stream_states states;
    float x[STREAM_X_ELEMS], y[STREAM_Y_ELEMS];
    int8_t in[STREAM_X_ELEMS], out[STREAM_Y_ELEMS];
    stream_state_init(&states);
    while (fread(x, sizeof x, 1, stdin) == 1) {
        stream_quantize_x(x, in);
        if (stream_step(in, out, &states, arena)) return 1;
        stream_dequantize_y(out, y);
        fwrite(y, sizeof y, 1, stdout);
    }
    return 0;
}
"#;

#[test]
fn steps_answer_what_the_model_answers() {
    const STEPS: usize = 160;
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    ok(d, arguments(&[], &[&TIES[..], &["-o", "out", "--name", "stream"]].concat()));
    std::fs::write(d.join("main.c"), MAIN).unwrap();
    tool(Command::new("gcc").current_dir(d).args(["-std=c11", "-Wall", "-Werror", "-Iout", "main.c", "-Lout", "-lstream", "-o", "main"]));
    let x = floats(&std::fs::read(file("stream.eval.npz")).unwrap(), STEPS * 6);
    let mut child = Command::new(d.join("main")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&x.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()).unwrap();
    let out = child.wait_with_output().unwrap();
    let y: Vec<f32> = out.stdout.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let want = floats(&std::fs::read(file("stream.ref.npy")).unwrap(), STEPS * 3);
    assert!(out.status.success() && y.len() == want.len());
    let mean = want.iter().map(|&v| f64::from(v)).sum::<f64>() / want.len() as f64;
    let square = |v: f64| v * v;
    let variance: f64 = want.iter().map(|&v| square(f64::from(v) - mean)).sum();
    let error: f64 = want.iter().zip(&y).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    assert!(error / variance < 0.01, "{}", error / variance);
    // A stream that starts elsewhere answers otherwise: the comparison sees the states.
    assert!(error > 0.0 && std::fs::read_to_string(d.join("out/stream.h")).unwrap().contains("static const int8_t init[8] = {-"));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(d.join("out/report.json")).unwrap()).unwrap();
    assert_eq!(report["states"][0]["output"], "ring_next");
    assert_eq!(report["states"][1]["bytes"], 8);
    for (input, output) in [(1, 1), (2, 2)] {
        let of = |kind: &str, i: usize| (report[kind][i]["scale"].clone(), report[kind][i]["zero_point"].clone());
        assert_eq!(of("inputs", input), of("outputs", output));
    }
}

fn verified(dir: &Path, more: &[&str]) -> serde_json::Value {
    let data = file("stream.eval.npz");
    let json = ok(dir, arguments(&["verify"], &[&TIES[..], &["--json", "--data", data.to_str().unwrap()], more].concat()));
    serde_json::from_str(&json).unwrap()
}

#[test]
fn sequences_are_verified_natively_and_emulated() {
    let dir = tempfile::tempdir().unwrap();
    let error = |v: &serde_json::Value| v["float"]["error_over_variance"].as_f64().unwrap();
    let whole = verified(dir.path(), &[]);
    assert!(whole["samples"] == 160 && error(&whole) < 0.01, "{whole}");
    // Every sample a sequence of its own: other answers, and equal all the same.
    let single = verified(dir.path(), &["--sequence", "1"]);
    assert!(single["samples"] == 160 && error(&single) != error(&whole), "{single}");
    if mcompc_emu::missing("cortex-m4").is_none() {
        let m4 = verified(dir.path(), &["--target", "cortex-m4"]);
        assert_eq!((&m4["bytes"], &m4["float"]), (&whole["bytes"], &whole["float"]));
    } else {
        mcompc_emu::not_run("cortex-m4");
    }
}

#[test]
fn what_is_no_state_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |more: &[&str], code: &str, what: &str| refused(dir.path(), arguments(&["plan"], more), code, what);
    refused(&["--state", "h"], "E002", "IN=OUT");
    refused(&["--state", "g=h_next"], "E002", "no such input");
    refused(&["--state", "h=y_next"], "E002", "no such output");
    refused(&["--state", "h=h_next", "--state", "ring=h_next"], "E002", "tied already");
    refused(&["--state", "h=ring_next"], "E205", "[1, 8]");
    refused(&["--state", "h=h_next", "--input", "h=i8", "--state", "ring=ring_next"], "E002", "--input cannot say others");
    refused(&["--sequence", "4"], "E002", "there are none");
    refused(&[TIES[0], TIES[1], TIES[2], TIES[3], "--sequence", "0"], "E002", "--sequence 0");
    // Without the ties the data lack an array.
    refused(&[], "E401", "no array of this name");
}
