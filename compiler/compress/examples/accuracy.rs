//! Accuracy of int8 against fp32 on data files: `accuracy ZOO DATA [MODEL..]`, where DATA holds `inputs.json` and the files it names.
//! Prints top-1 of both with the paired 95 % interval of the loss, agreement, and squared output error over output variance.
//! `BITS=4`, `ENDS=1` (first and last layers too) and `GROUP=32` are the weights', `ROUND=name` the method of all layers that it can round.
//! `CODED=1` compares what the first output's softmax reads, by the coded graph on the float executor: faster, and without the noise of a
//! probability's few steps. `METHOD=minmax|mse|p99.99` and `BIAS=0` change the ranges and the bias correction.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::model::{Model, Pair, argmax, relative_error};
use mcompc_compress::{Options, RangeMethod, WeightBits};
use mcompc_data::Dataset;
use mcompc_ir::Result;
use std::path::Path;
use std::time::Instant;

fn options() -> Options {
    let method = match std::env::var("METHOD").as_deref() {
        Ok("minmax") => RangeMethod::MinMax,
        Ok(p) if p.starts_with('p') => RangeMethod::Percentile(p[1..].parse::<f64>().unwrap() / 100.0),
        _ => Options::default().method,
    };
    let bits = std::env::var("BITS").map_or(8, |b| b.parse().unwrap());
    let weights = WeightBits {
        bits,
        ends: std::env::var("ENDS").is_ok(),
        block: std::env::var("GROUP").ok().map(|g| g.parse().unwrap()),
        ..Default::default()
    };
    Options { weights, method, bias_correction: std::env::var("BIAS").as_deref() != Ok("0"), ..Options::default() }
}

fn report(name: &str, pairs: &[Pair], labels: Option<&[i64]>, seconds: f64) {
    let n = pairs.len() as f64;
    let agree = pairs.iter().filter(|p| argmax(&p.float) == argmax(&p.int)).count() as f64 / n;
    let mut line = format!("{name:10} n={n:5} agreement {:6.2} %  error/variance {:.5}", 100.0 * agree, relative_error(pairs));
    if let Some(y) = labels {
        let hit = |v: &[f32], y: i64| f64::from(u8::from(argmax(v) as i64 == y));
        let loss: Vec<f64> = pairs.iter().zip(y).map(|(p, &y)| hit(&p.float, y) - hit(&p.int, y)).collect();
        let (f, mean) = (pairs.iter().zip(y).map(|(p, &y)| hit(&p.float, y)).sum::<f64>() / n, loss.iter().sum::<f64>() / n);
        let half = 1.96 * (loss.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / n / n).sqrt();
        line += &format!(
            "  top-1 fp32 {:.2} int8 {:.2} loss {:+.2} +- {:.2} points",
            100.0 * f,
            100.0 * (f - mean),
            100.0 * mean,
            100.0 * half
        );
    }
    println!("{line}  ({seconds:.1} s)");
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [zoo, data, only @ ..] = args.as_slice() else { panic!("accuracy ZOO DATA [MODEL..]") };
    let index: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(Path::new(data).join("inputs.json")).unwrap()).unwrap();
    let all = ["kws", "ic", "vww", "ad", "mnist", "mbv1_025", "mbv2"].map(String::from);
    for name in if only.is_empty() { &all } else { only } {
        let start = Instant::now();
        let e = &index[name];
        let flags: Vec<String> = e["input"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_string()).collect();
        let file = |part: &str| Path::new(data).join(format!("{name}.{part}.npz"));
        let m = Model::load(&Path::new(zoo).join(e["onnx"].as_str().unwrap()), &flags, &file("calib"))?;
        let int = m.integerize_by(&options(), std::env::var("ROUND").ok().as_deref())?;
        eprintln!("{name}: ready in {:.1} s", start.elapsed().as_secs_f64());
        let eval = Dataset::open(&file("eval"))?;
        if std::env::var_os("CODED").is_some() {
            let mut pairs = m.compare_coded(&int, &eval, usize::MAX)?;
            let labels = eval.labels(&m.inputs, pairs.len())?;
            report(name, &pairs, labels.as_deref(), start.elapsed().as_secs_f64());
            if name == "vww" {
                pairs.extend(m.compare_coded(&int, &Dataset::open(&file("calib"))?, usize::MAX)?);
                report("vww + calib", &pairs, None, start.elapsed().as_secs_f64());
            }
            continue;
        }
        let mut pairs = m.compare(&int, &eval, usize::MAX)?;
        let labels = eval.labels(&m.inputs, pairs.len())?;
        report(name, &pairs, labels.as_deref(), start.elapsed().as_secs_f64());
        if name == "vww" {
            pairs.extend(m.compare(&int, &Dataset::open(&file("calib"))?, usize::MAX)?);
            report("vww + calib", &pairs, None, start.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
