//! Public models computed as ONNX Runtime computes them: the outputs recorded beside each model (`<model>.ref.npz`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{models, zoo};
use mcompc_interp::FastExec;
use mcompc_ir::{Graph, Tensor, ValueId};
use mcompc_onnx::{ImportOptions, Limits, import};
use std::path::{Path, PathBuf};

/// Largest difference between the two, relative to the sample's largest output.
const TOLERANCE: f32 = 1e-4;

/// Shape and elements of an array of a reference file.
fn array(path: &Path, name: &str) -> (Vec<usize>, Vec<f64>) {
    let mut npz = npyz::npz::NpzArchive::open(path).unwrap();
    let f = npz.by_name(name).unwrap().unwrap_or_else(|| panic!("{}: no array {name}", path.display()));
    let shape = f.shape().iter().map(|&d| d as usize).collect();
    let kind = f.dtype().descr();
    macro_rules! read {
        ($t:ty) => {
            f.into_vec::<$t>().unwrap().into_iter().map(|v| v as f64).collect()
        };
    }
    let all = match kind.trim_matches('\'') {
        "<f4" => read!(f32),
        "<i8" => read!(i64),
        "<i4" => read!(i32),
        "|i1" => read!(i8),
        "|u1" => read!(u8),
        other => panic!("{name}: {other}"),
    };
    (shape, all)
}

/// Scale and zero point of what the file holds as codes.
fn codes(g: &Graph, v: ValueId) -> (f64, f64) {
    let read = g.users(v).into_iter().map(|(n, _)| n);
    let q = [v.node].into_iter().chain(read).find(|&n| g.node(n).op == "Quantize");
    let q = q.and_then(|n| mcompc_ops::given_codes(g.node(n)).unwrap());
    q.map_or((1.0, 0.0), |q| (q.step(), q.zero_point().into()))
}

/// Samples of each model that are run, and elements of all its values above which it is one.
const SAMPLES: (usize, usize) = (2, 10_000_000);

/// The largest relative difference of reals, and the share of codes and integers that are off by more than one.
fn measured(path: &Path) -> Result<(f32, f64, usize), String> {
    let npz = path.with_extension("ref.npz");
    let mut dims = Vec::new();
    let model = mcompc_onnx::decode_model(std::fs::read(path).unwrap().into(), &Limits::default()).map_err(|e| e.to_string())?;
    let graph = model.graph.as_ref().unwrap();
    for v in &graph.input {
        let t = v.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref()).unwrap();
        let name = v.name.as_deref().unwrap();
        for (axis, d) in t.dim.iter().enumerate().filter(|(_, d)| d.dim_value.is_none()) {
            let n = array(&npz, &format!("in.{name}")).0[axis + 1];
            dims.push((d.dim_param.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| format!("{name}:{axis}")), n));
        }
    }
    dims.sort();
    dims.dedup();
    let g = import(path, &ImportOptions { dims, ..Default::default() }).map_err(|e| e.to_string())?;
    let ins: Vec<Vec<f32>> = g
        .inputs
        .iter()
        .map(|&id| {
            let (v, (s, z)) = (g.value(g.out(id)), codes(&g, g.out(id)));
            array(&npz, &format!("in.{}", v.name)).1.into_iter().map(|x| (s * (x - z)) as f32).collect()
        })
        .collect();
    let exec = FastExec::new(&g).map_err(|e| e.to_string())?;
    let (mut scratch, mut far, mut off, mut all) = (exec.scratch(), 0f32, 0usize, 0usize);
    let size = |i: usize| g.value(g.out(g.inputs[i])).elems();
    let work: usize = g.ids().iter().map(|&i| g.node(i).outs[0].elems()).sum();
    let n = (ins[0].len() / size(0)).min(if work > SAMPLES.1 { 1 } else { SAMPLES.0 });
    for k in 0..n {
        let x: Vec<&[f32]> = ins.iter().enumerate().map(|(i, v)| &v[k * size(i)..][..size(i)]).collect();
        let got = exec.run(&mut scratch, &x, |_, _| ()).map_err(|e| e.to_string())?;
        for (y, o) in got.iter().zip(&g.outputs) {
            let declared = graph.output.iter().find(|v| v.name.as_deref() == Some(&o.name)).unwrap();
            let kind = declared.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap().elem_type.unwrap();
            let want = array(&npz, &format!("out.{}", o.name)).1;
            let want = &want[k * y.len()..][..y.len()];
            if kind == mcompc_onnx::proto::data_type::FLOAT {
                far = far.max(worst(y, &want.iter().map(|&v| v as f32).collect::<Vec<_>>()));
            } else {
                let (s, z) = codes(&g, o.value);
                off += y.iter().zip(want).filter(|(y, w)| ((f64::from(**y) / s + z).round() - **w).abs() > 1.0).count();
                all += y.len();
            }
        }
    }
    Ok((far, off as f64 / all.max(1) as f64, n))
}

/// What quantized models may differ by: a sum rounded the other way is another code, and behind many layers another class.
const QUANTIZED: (f32, f64) = (0.05, 0.02);

#[test]
fn every_model_of_the_zoo_is_computed_as_it_was_recorded() {
    let Some(dir) = zoo() else {
        eprintln!("not run: MCOMPC_ZOO does not name a folder");
        return;
    };
    let mut wrong = Vec::new();
    let mut models: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .flat_map(|d| std::fs::read_dir(d.unwrap().path()).into_iter().flatten())
        .map(|f| f.unwrap().path())
        .filter(|f| f.extension().is_some_and(|e| e == "onnx") && f.with_extension("ref.npz").is_file())
        .collect();
    models.sort();
    for path in &models {
        let name = path.file_name().unwrap().to_string_lossy();
        let allowed = if name.contains("qdq") || name.contains("qlinear") { QUANTIZED } else { (5.0 * TOLERANCE, 1e-3) };
        match measured(path) {
            Ok((far, off, n)) => {
                eprintln!("{name}: {n} samples, largest relative difference {far:.1e}, {off:.1e} of integers off");
                if far > allowed.0 || off > allowed.1 {
                    wrong.push(format!("{name}: {far:.1e}, {off:.1e}"));
                }
            }
            Err(e) => wrong.push(format!("{name}: {e}")),
        }
    }
    assert!(!models.is_empty() && wrong.is_empty(), "{} models:\n{}", wrong.len(), wrong.join("\n"));
}

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
