//! The standard's own node tests: which of them the float executor computes rightly, and what the rest is refused for, held to the list in
//! `tests/node-tests.txt` in both directions. `cargo xtask node-tests` fetches the cases; `MCOMPC_NODE_TESTS` names their folder, which holds
//! `node`, `simple` and so on. `MCOMPC_BLESS=1` rewrites the list, `MCOMPC_NODE_REASONS=1` prints why each case is refused.
//!
//! A case is tried as it is, then with those inputs as constants that are not floats, then with all but the first: what an exporter writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::{Code, DType, Error, Graph, Tensor, ValueId};
use mcompc_onnx::proto::{GraphProto, ModelProto, TensorProto, data_type};
use mcompc_onnx::{ImportOptions, Limits, decode_model, import_bytes};
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const GROUPS: &[&str] = &["node", "simple", "pytorch-converted", "pytorch-operator"];

/// Values of a tensor file as doubles; none for what is no dense tensor of numbers.
fn numbers(t: &TensorProto) -> Option<Vec<f64>> {
    let raw = t.raw_data.clone().unwrap_or_default();
    macro_rules! read {
        ($t:ty, $field:ident) => {
            if raw.is_empty() {
                t.$field.iter().map(|&v| v as f64).collect()
            } else {
                raw.chunks_exact(size_of::<$t>()).map(|c| <$t>::from_le_bytes(c.try_into().unwrap()) as f64).collect()
            }
        };
    }
    let half = |v: u16| {
        let (e, f) = (i32::from(v >> 10 & 31), f64::from(v & 1023));
        let m = match e {
            0 => libm::ldexp(f, -24),
            31 if f == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            e => libm::ldexp(f + 1024.0, e - 25),
        };
        if v >> 15 == 1 { -m } else { m }
    };
    Some(match t.data_type? {
        data_type::FLOAT => read!(f32, float_data),
        data_type::DOUBLE => read!(f64, double_data),
        data_type::INT8 => read!(i8, int32_data),
        data_type::UINT8 | data_type::BOOL => read!(u8, int32_data),
        data_type::INT16 => read!(i16, int32_data),
        data_type::UINT16 => read!(u16, int32_data),
        data_type::INT32 => read!(i32, int32_data),
        data_type::INT64 => read!(i64, int64_data),
        data_type::FLOAT16 => {
            let v: Vec<f64> = read!(u16, int32_data);
            v.into_iter().map(|v| half(v as u16)).collect()
        }
        data_type::BFLOAT16 => {
            let v: Vec<f64> = read!(u16, int32_data);
            v.into_iter().map(|v| f64::from(f32::from_bits((v as u32) << 16))).collect()
        }
        12 => read!(u32, uint64_data),
        13 => read!(u64, uint64_data),
        17..=20 | 24 => raw.iter().map(|&v| small(t.data_type.unwrap_or(0), v)).collect(),
        21..=23 | 25 | 26 => {
            let (n, bits) = (t.dims.iter().product::<i64>() as usize, if matches!(t.data_type, Some(25 | 26)) { 2 } else { 4 });
            let code = |i: usize| raw[i * bits / 8] >> (i * bits % 8) & ((1 << bits) - 1);
            let signed = |v: u8| f64::from(if v >> (bits - 1) == 1 { i32::from(v) - (1 << bits) } else { i32::from(v) });
            let halves = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
            let one = |v: u8| match t.data_type {
                Some(22 | 26) => signed(v),
                Some(23) => (if v >> 3 == 1 { -1.0 } else { 1.0 }) * halves[usize::from(v & 7)],
                _ => v.into(),
            };
            (0..n).map(|i| one(code(i))).collect()
        }
        _ => return None,
    })
}

/// A float of 8 bits: E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E8M0 (17 to 20, 24).
fn small(kind: i32, v: u8) -> f64 {
    if kind == 24 {
        return if v == 255 { f64::NAN } else { libm::ldexp(1.0, i32::from(v) - 127) };
    }
    let (fraction, bias) = [(3, 7), (3, 8), (2, 15), (2, 16)][kind as usize - 17];
    let (e, f) = (i32::from(v >> fraction & (127 >> fraction)), f64::from(v & ((1 << fraction) - 1)) / f64::from(1 << fraction));
    let size = match kind {
        17 if v & 127 == 127 => f64::NAN,
        18 | 20 if v == 128 => f64::NAN,
        19 if e == 31 => {
            if f == 0.0 {
                f64::INFINITY
            } else {
                f64::NAN
            }
        }
        _ if e == 0 => libm::ldexp(f, 1 - bias),
        _ => libm::ldexp(1.0 + f, e - bias),
    };
    if v >> 7 == 1 { -size } else { size }
}

/// The tensors of one test of a case: `input` or `output`.
fn files(dir: &Path, what: &str) -> Vec<TensorProto> {
    (0..)
        .map(|i| dir.join(format!("{what}_{i}.pb")))
        .take_while(|f| f.is_file())
        .map(|f| TensorProto::decode(std::fs::read(f).unwrap().as_slice()).unwrap_or_default())
        .collect()
}

/// Inputs of the graph that have no initializer.
fn live(g: &GraphProto) -> Vec<String> {
    let constant = |n: &str| g.initializer.iter().any(|t| t.name.as_deref() == Some(n));
    g.input.iter().filter_map(|v| v.name.clone()).filter(|n| !constant(n)).collect()
}

/// The case in one of its forms; none where that is the form before.
fn form(m: &ModelProto, data: &BTreeMap<String, TensorProto>, form: usize) -> Option<ModelProto> {
    let mut m = m.clone();
    let g = m.graph.as_mut()?;
    let names = live(g);
    let floats = [data_type::FLOAT, data_type::DOUBLE, data_type::FLOAT16, data_type::BFLOAT16, 17, 18, 19, 20, 23, 24];
    let kind = |n: &String| data.get(n).and_then(|t| t.data_type).unwrap_or(0);
    let frozen: Vec<String> = match form {
        0 => return Some(m),
        1 => names.iter().filter(|n| !floats.contains(&kind(n))).cloned().collect(),
        _ => names.iter().skip(1).cloned().collect(),
    };
    if frozen.is_empty() {
        return None;
    }
    for name in frozen {
        let t = data.get(&name)?;
        g.input.retain(|v| v.name.as_ref() != Some(&name));
        g.initializer.push(TensorProto { name: Some(name), ..t.clone() });
    }
    m.ir_version = m.ir_version.max(Some(4));
    Some(m)
}

/// Sizes of dimensions that are not numbers, from the data.
fn sizes(g: &GraphProto, data: &BTreeMap<String, TensorProto>) -> Vec<(String, usize)> {
    let mut dims = BTreeMap::new();
    for v in &g.input {
        let (Some(name), Some(t)) = (v.name.as_ref(), v.name.as_ref().and_then(|n| data.get(n))) else { continue };
        let shape = v.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref());
        for (axis, (d, &n)) in shape.into_iter().flat_map(|s| &s.dim).zip(&t.dims).enumerate() {
            if d.dim_value.is_none() {
                let symbol = d.dim_param.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| format!("{name}:{axis}"));
                dims.insert(symbol, n as usize);
            }
        }
    }
    dims.into_iter().collect()
}

fn compare(got: &Tensor, want: &TensorProto) -> Result<(), String> {
    let shape: Vec<usize> = want.dims.iter().map(|&d| d as usize).collect();
    if got.shape != shape {
        return Err(format!("shape {:?}, wanted {shape:?}", got.shape));
    }
    let wanted = numbers(want).ok_or("an output that is no tensor of numbers")?;
    let floats = [data_type::FLOAT, data_type::DOUBLE, data_type::FLOAT16, data_type::BFLOAT16];
    let exact = !want.data_type.is_some_and(|t| floats.contains(&t));
    let got: Vec<f64> = if got.dtype != DType::F32 {
        got.to_i64_vec().map_err(|e| e.to_string())?.into_iter().map(|v| v as f64).collect()
    } else {
        got.as_f32().map_err(|e| e.to_string())?.iter().map(|&v| v.into()).collect()
    };
    // Results of 16 bits are only as precise as those.
    let (absolute, relative) = match want.data_type {
        Some(data_type::FLOAT16) => (1e-3, 4e-3),
        Some(data_type::BFLOAT16) => (1e-2, 3e-2),
        _ if exact => (0.0, 0.0),
        _ => (1e-5, 1e-3),
    };
    for (i, (&g, &w)) in got.iter().zip(&wanted).enumerate() {
        let same = g == w || g.is_nan() && w.is_nan() || (g - w).abs() <= absolute + relative * w.abs();
        if !same {
            return Err(format!("element {i} is {g}, wanted {w}"));
        }
    }
    Ok(())
}

/// Scale and zero point of a value that is codes for the caller: of its producer, or of the first that reads it.
fn codes(g: &Graph, v: ValueId) -> Option<(f64, f64)> {
    let read = g.users(v).into_iter().map(|(n, _)| n);
    let q = [v.node].into_iter().chain(read).find(|&n| g.node(n).op == "Quantize")?;
    let q = mcompc_ops::given_codes(g.node(q)).ok()??;
    Some((q.step(), q.zero_point().into()))
}

/// A result as the caller gets it: codes where the file says so.
fn given_out(g: &Graph, v: ValueId, y: &Tensor, want: &TensorProto) -> Tensor {
    let integer =
        matches!(want.data_type, Some(data_type::INT8 | data_type::UINT8 | data_type::INT16 | data_type::UINT16 | 21 | 22 | 25 | 26));
    match codes(g, v).filter(|_| integer && y.dtype == DType::F32) {
        Some((s, z)) => {
            let v: Vec<i64> = y.as_f32().unwrap().iter().map(|&x| (f64::from(x) / s + z).round() as i64).collect();
            Tensor::from_i64(y.shape.clone(), &v).unwrap()
        }
        None => y.clone(),
    }
}

fn inputs(g: &Graph, data: &BTreeMap<String, TensorProto>) -> Result<Vec<Tensor>, Error> {
    let bad = |what: &str| Error::new(Code::Internal, what.to_string());
    let one = |id: &mcompc_ir::NodeId| {
        let v = g.value(g.out(*id));
        let t = data.get(&v.name).ok_or_else(|| bad("no data"))?;
        let integer =
            matches!(t.data_type, Some(data_type::INT8 | data_type::UINT8 | data_type::INT16 | data_type::UINT16 | 21 | 22 | 25 | 26));
        let (s, z) = codes(g, g.out(*id)).filter(|_| integer).unwrap_or((1.0, 0.0));
        let given = numbers(t).ok_or_else(|| bad("an input that is no tensor of numbers"))?;
        if given.iter().any(|x| x.is_finite() && (*x as f32).is_infinite()) {
            // Data files are refused for that, too.
            return Err(
                Error::new(Code::BadCalib, format!("`{}` holds numbers that floats of 32 bits do not", v.name)).hint("scale the data")
            );
        }
        let x: Vec<f32> = given.into_iter().map(|x| (s * (x - z)) as f32).collect();
        if v.dtype == DType::I32 {
            return Tensor::from_i32(v.shape.clone(), &x.iter().map(|&x| x as i32).collect::<Vec<_>>());
        }
        Tensor::from_f32(v.shape.clone(), &x)
    };
    g.inputs.iter().map(one).collect()
}

enum Outcome {
    Right(usize),
    Wrong(String),
    Refused(Box<Error>),
}

fn run(m: &ModelProto, dir: &Path) -> Outcome {
    let mut refused = None;
    for kind in 0..3 {
        let mut right = true;
        for test in (0..).map(|i| dir.join(format!("test_data_set_{i}"))).take_while(|d| d.is_dir()) {
            let graph = m.graph.as_ref().unwrap();
            let data: BTreeMap<String, TensorProto> = live(graph).into_iter().zip(files(&test, "input")).collect();
            let Some(m) = form(m, &data, kind) else {
                right = false;
                break;
            };
            let opts = ImportOptions { dims: sizes(m.graph.as_ref().unwrap(), &data), ..Default::default() };
            let g = match import_bytes(m.encode_to_vec().into(), &opts) {
                Ok(g) => g,
                Err(e) => {
                    refused.get_or_insert(e);
                    right = false;
                    break;
                }
            };
            let x = match inputs(&g, &data) {
                Ok(x) => x,
                Err(e) if e.code == Code::BadCalib => return Outcome::Refused(Box::new(e)),
                Err(e) => return Outcome::Wrong(e.to_string()),
            };
            let y = match mcompc_interp::run(&g, &x) {
                Ok(y) => y,
                Err(e) => return Outcome::Wrong(e.to_string()),
            };
            for ((o, y), want) in g.outputs.iter().zip(&y).zip(files(&test, "output")) {
                if let Err(e) = compare(&given_out(&g, o.value, y, &want), &want) {
                    return Outcome::Wrong(e);
                }
            }
        }
        if right {
            return Outcome::Right(kind);
        }
    }
    Outcome::Refused(Box::new(refused.unwrap()))
}

#[test]
fn node_tests() {
    let Some(data) = std::env::var_os("MCOMPC_NODE_TESTS").map(PathBuf::from) else {
        return eprintln!("NOT RUN: MCOMPC_NODE_TESTS names no folder; cargo xtask node-tests fetches the cases");
    };
    let (mut lines, mut wrong, mut counts) = (Vec::new(), Vec::new(), BTreeMap::<String, usize>::new());
    for group in GROUPS {
        let mut cases: Vec<PathBuf> = std::fs::read_dir(data.join(group)).unwrap().map(|d| d.unwrap().path()).collect();
        cases.sort();
        for dir in cases.iter().filter(|d| d.join("model.onnx").is_file()) {
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            let outcome = match decode_model(std::fs::read(dir.join("model.onnx")).unwrap().into(), &Limits::default()) {
                Ok(m) => run(&m, dir),
                Err(e) => Outcome::Refused(Box::new(e)),
            };
            let status = match outcome {
                Outcome::Right(0) => "right".to_string(),
                Outcome::Right(_) => "right, with constants".to_string(),
                Outcome::Wrong(why) => {
                    wrong.push(format!("{group}/{name}: {why}"));
                    "wrong".to_string()
                }
                Outcome::Refused(e) => {
                    assert!(e.hint.is_some(), "{group}/{name}: {e}");
                    if std::env::var_os("MCOMPC_NODE_REASONS").is_some() {
                        println!("REFUSED {group}/{name}: {}", e.to_string().replace('\n', " | "));
                    }
                    format!("refused {}", e.code.as_str())
                }
            };
            *counts.entry(format!("{group}: {}", status.split(' ').next().unwrap_or("").trim_end_matches(','))).or_default() += 1;
            lines.push(format!("{group}/{name}: {status}"));
        }
    }
    let all = lines.len();
    let right = lines.iter().filter(|l| l.contains(": right")).count();
    println!("{right} of {all} cases are right ({:.1} %): {counts:?}", 100.0 * right as f64 / all.max(1) as f64);
    assert!(wrong.is_empty(), "{} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/node-tests.txt");
    let text = lines.join("\n") + "\n";
    if std::env::var_os("MCOMPC_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let listed = std::fs::read_to_string(path).unwrap();
    let differ: Vec<&str> = lines.iter().map(String::as_str).filter(|l| !listed.lines().any(|k| k == *l)).collect();
    assert!(listed == text, "{} cases are not as tests/node-tests.txt says, among them:\n{}", differ.len(), differ.join("\n"));
}
