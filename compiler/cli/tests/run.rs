//! `mcompc run`: outputs of every executor as arrays, and what it refuses.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, ok, refused, root};
use npyz::npz::NpzArchive;
use std::path::Path;

fn arguments(more: &[&str]) -> Vec<String> {
    let (model, data) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let all = ["run", model.to_str().unwrap(), "--calib", data.to_str().unwrap(), "--input", INPUT];
    [&all[..], more].concat().into_iter().map(String::from).collect()
}

fn array<T: npyz::Deserialize>(path: &Path, name: &str) -> (Vec<u64>, Vec<T>) {
    let mut npz = NpzArchive::open(path).unwrap();
    let array = npz.by_name(name).unwrap().unwrap();
    (array.shape().to_vec(), array.into_vec().unwrap())
}

#[test]
fn all_means_give_arrays_and_code_gives_those_of_the_integers() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for (file, flags) in [
        ("code.npz", &["--codes"][..]),
        ("integers.npz", &["--codes", "--integers"]),
        ("reals.npz", &[]),
        ("reference.npz", &["--reference"]),
    ] {
        let text = ok(d, arguments(&[flags, &["--limit", "9", "-o", file]].concat()));
        assert!(text.contains("9 samples") && text.contains("probabilities"), "{text}");
    }
    let of = |file: &str| array::<i8>(&d.join(file), "probabilities");
    assert_eq!(of("code.npz"), of("integers.npz"));
    let (shape, codes) = of("code.npz");
    assert_eq!(shape, [9, 1, 10]);
    let (reals, reference) =
        (array::<f32>(&d.join("reals.npz"), "probabilities").1, array::<f32>(&d.join("reference.npz"), "probabilities").1);
    for ((c, r), f) in codes.iter().zip(reals).zip(&reference) {
        assert!((r - (f32::from(*c) + 128.0) / 256.0).abs() < 1e-6 && (r - f).abs() < 0.1, "{c} {r} {f}");
    }
    // Nothing is left beside the files.
    assert_eq!(std::fs::read_dir(d).unwrap().count(), 4);
}

#[test]
fn the_reference_of_a_streaming_net_carries_its_states() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let file = |name: &str| root().join("tests/suite/models").join(name);
    let (model, calib, data) = (file("stream.onnx"), file("stream.calib.npz"), file("stream.eval.npz"));
    let of = |more: &[&str]| {
        let all = [
            "run",
            model.to_str().unwrap(),
            "--calib",
            calib.to_str().unwrap(),
            "--data",
            data.to_str().unwrap(),
            "--reference",
            "--limit",
            "20",
            "-o",
            "y.npz",
        ];
        ok(d, all.iter().chain(more));
        array::<f32>(&d.join("y.npz"), "y").1
    };
    let want = std::fs::read(file("stream.ref.npy")).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([want[8], want[9]]));
    let want: Vec<f32> = want[header..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let have = of(&["--state", "ring=ring_next", "--state", "h=h_next"]);
    assert!(have.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-4), "{have:?} {want:?}");
}

#[test]
fn what_does_not_go_together_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    refused(d, arguments(&["--reference", "--integers", "-o", "y.npz"]), "E002", "--reference and --integers");
    refused(d, arguments(&["--reference", "--codes", "-o", "y.npz"]), "E002", "--codes");
    refused(d, arguments(&["--limit", "0", "-o", "y.npz"]), "E002", "--limit 0");
    refused(d, arguments(&["--integers", "-o", "no/such/y.npz"]), "E001", "no/such/y.npz");
    let model = digits("digits.onnx");
    refused(d, ["run", model.to_str().unwrap(), "-o", "y.npz"], "E002", "no samples");
    assert_eq!(std::fs::read_dir(d).unwrap().count(), 0);
}
