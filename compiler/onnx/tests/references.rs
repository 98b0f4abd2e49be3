//! Public models computed as ONNX Runtime computes them: the outputs recorded beside each model (`<model>.ref.npz`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{models, zoo};
use mcompc_interp::FastExec;
use mcompc_ir::{Graph, Tensor};
use mcompc_onnx::{ImportOptions, import};
use std::path::Path;

/// Largest difference between the two, relative to the sample's largest output.
const TOLERANCE: f32 = 1e-4;

/// Arrays of a reference file: inputs and outputs in the graph's order, with samples stacked on axis 0.
fn arrays(path: &Path, names: &[String]) -> Vec<Vec<f32>> {
    let mut npz = npyz::npz::NpzArchive::open(path).unwrap();
    names
        .iter()
        .map(|n| npz.by_name(n).unwrap().unwrap_or_else(|| panic!("{}: no array {n}", path.display())).into_vec().unwrap())
        .collect()
}

fn worst(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
    got.iter().zip(want).fold(0.0, |m, (a, b)| m.max((a - b).abs() / scale))
}

fn compare(path: &Path, g: &Graph) -> (f32, usize) {
    let names = |prefix: &str, n: Vec<&str>| n.into_iter().map(|s| format!("{prefix}.{s}")).collect::<Vec<_>>();
    let input = &g.node(g.inputs[0]).outs[0];
    let inputs = arrays(path, &names("in", vec![&input.name]));
    let outputs = arrays(path, &names("out", g.outputs.iter().map(|o| o.name.as_str()).collect()));
    let exec = FastExec::new(g).unwrap();
    let (mut scratch, mut worst_of_all, n) = (exec.scratch(), 0.0f32, inputs[0].len() / input.elems());
    for s in 0..n {
        let x = &inputs[0][s * input.elems()..][..input.elems()];
        let got = exec.run(&mut scratch, &[x], |_, _| ()).unwrap();
        for (y, all) in got.iter().zip(&outputs) {
            worst_of_all = worst_of_all.max(worst(y, &all[s * y.len()..][..y.len()]));
        }
        // The by-the-book interpreter is slow: one sample of the small models.
        if s == 0 && g.ids().iter().map(|&i| g.node(i).outs[0].elems()).sum::<usize>() < 400_000 {
            let by_the_book = mcompc_interp::run(g, &[Tensor::from_f32(input.shape.clone(), x).unwrap()]).unwrap();
            for (y, all) in by_the_book.iter().zip(&outputs) {
                worst_of_all = worst_of_all.max(worst(&y.as_f32().unwrap(), &all[..y.elems()]));
            }
        }
    }
    (worst_of_all, n)
}

#[test]
fn outputs_equal_the_recorded_ones() {
    let Some(dir) = zoo() else {
        eprintln!("not run: MCOMPC_ZOO does not name a folder");
        return;
    };
    let text = std::fs::read_to_string(models().join("manifest")).unwrap();
    for name in text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_whitespace().nth(1)) {
        let path = dir.join(name);
        let g = import(&path, &ImportOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (worst, n) = compare(&path.with_extension("ref.npz"), &g);
        eprintln!("{name}: {n} samples, largest relative difference {worst:.1e}");
        assert!(n > 0 && worst <= TOLERANCE, "{name}: {worst}");
    }
}
