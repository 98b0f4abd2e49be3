//! Ways to lose accuracy without an error: each is found on calibration data, at the layer where it happens and with its reason.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::cases::*;
use mcompc_compress::Audit;
use mcompc_ir::{Tensor, ValueId};

/// Warnings of the comparison, on 24 samples; float inputs are uniform, and larger by `size(sample)`.
fn found(b: B, size: impl Fn(usize) -> f32) -> Vec<String> {
    let c = Case::new(b, &[]);
    let n: usize = c.inputs[0].shape.iter().product();
    let data = Data::new(&c.inputs, 24, |s| vec![noise(n, s as u64 + 3).iter().map(|v| v * size(s)).collect()]);
    let int = c.ints(&data).unwrap();
    let mut audit = Audit::new(&c.g, &int.graph, &int.origin).unwrap();
    for s in data.open().samples(&c.inputs).unwrap() {
        let s = s.unwrap();
        let reals = s.inputs.iter().zip(&c.inputs).map(|(t, i)| i.reals(t).unwrap()).collect();
        let codes: Vec<Tensor> =
            int.graph.inputs.iter().map(|&n| c.inputs[0].codes(&s.inputs[0], int.graph.value(int.graph.out(n))).unwrap()).collect();
        audit.add(&[(reals, codes)]).unwrap();
    }
    audit.warnings()
}

/// Weights [outs, k] at random, row `o` times `row(o)` and column `i` times `column(i)`.
fn weights(outs: usize, k: usize, seed: u64, row: impl Fn(usize) -> f32, column: impl Fn(usize) -> f32) -> Vec<f32> {
    noise(outs * k, seed).into_iter().enumerate().map(|(at, w)| w * row(at / k) * column(at % k)).collect()
}

fn one(_: usize) -> f32 {
    1.0
}

fn dense(b: &mut B, x: ValueId, outs: usize, w: &[f32]) -> ValueId {
    let w = b.constant(&[outs, w.len() / outs], w);
    b.op("Dense", a(), &[x, w])
}

/// Exactly one warning, which says all of this.
fn says(all: &[String], words: &[&str]) {
    assert!(all.len() == 1 && words.iter().all(|w| all[0].contains(w)), "{words:?} in {all:#?}");
}

#[test]
fn ordinary_layers_are_not_named() {
    let mut b = B::new();
    let x = b.input("x", &[1, 16]);
    let y = dense(&mut b, x, 12, &weights(12, 16, 1, one, one));
    let y = b.op("Relu", a(), &[y]);
    let y = dense(&mut b, y, 5, &weights(5, 12, 2, one, one));
    assert_eq!(found(b.output(&[y]), one), Vec::<String>::new());
}

#[test]
fn an_outlier_channel_that_nobody_reads() {
    let mut b = B::new();
    let x = b.input("x", &[1, 16]);
    let y = dense(&mut b, x, 12, &weights(12, 16, 1, |o| if o == 7 { 300.0 } else { 1.0 }, one));
    let y = b.op("Relu", a(), &[y]);
    let y = dense(&mut b, y, 5, &weights(5, 12, 2, one, |i| if i == 7 { 0.0 } else { 1.0 }));
    says(&found(b.output(&[y]), one), &["channel 7 of its operand", "times the median of its 12 channels"]);
}

#[test]
fn sizes_that_the_next_layer_undoes() {
    let size = |c: usize| libm::powf(3.0, c as f32);
    let mut b = B::new();
    let x = b.input("x", &[1, 16]);
    let y = dense(&mut b, x, 12, &weights(12, 16, 1, size, one));
    let y = dense(&mut b, y, 5, &weights(5, 12, 2, one, |i| 1.0 / size(i)));
    says(&found(b.output(&[y]), one), &["channel 11 of its operand", "channels are lost"]);
}

#[test]
fn large_values_that_cancel() {
    let mut b = B::new();
    let x = b.input("x", &[1, 16]);
    let first = weights(12, 16, 1, one, one);
    let second: Vec<f32> = first.iter().zip(weights(12, 16, 2, one, one)).map(|(w, d)| w + 1e-3 * d).collect();
    let (p, q) = (dense(&mut b, x, 12, &first), dense(&mut b, x, 12, &second));
    let y = b.op("Sub", a(), &[p, q]);
    says(&found(b.output(&[y]), one), &["(Sub)", "cancels operands"]);
}

#[test]
fn steep_functions() {
    for (op, attrs) in [
        ("Sigmoid", a()),
        ("Tanh", a()),
        ("HardSigmoid", a().with("alpha", 0.2).with("beta", 0.5)),
        ("Softmax", a().with("axis", 1i64)),
        ("Clip", a().with("min", -1.0).with("max", 1.0)),
    ] {
        let mut b = B::new();
        let x = b.input("x", &[1, 16]);
        // Small samples and large ones.
        let y = dense(&mut b, x, 12, &weights(12, 16, 1, |_| 3.0, one));
        let y = b.op(op, attrs, &[y]);
        let y = dense(&mut b, y, 5, &weights(5, 12, 2, one, one));
        let all = found(b.output(&[y]), |s| if s % 8 == 0 { 1000.0 } else { 0.5 });
        // What only gates read has codes up to where they saturate: small samples are lost before, in the input's codes.
        let gate = matches!(op, "Sigmoid" | "Tanh");
        let told = |w: &String| w.contains(&format!("({op})")) && w.contains("the function changes within");
        let before = |w: &String| w.contains("(Dense) is lost although what it reads is good") && w.contains("differ in size by a hundred");
        assert!(all.iter().any(|w| if gate { before(w) } else { told(w) }), "{op}: {all:#?}");
    }
}

#[test]
fn channels_of_an_output_that_say_nothing() {
    for op in ["Dense", "Conv", "Mul"] {
        let mut b = B::new();
        let size = |o: usize| if o == 2 { 1e-4 } else { 1.0 };
        let y = match op {
            "Dense" => {
                let x = b.input("x", &[1, 16]);
                dense(&mut b, x, 6, &weights(6, 16, 1, size, one))
            }
            "Conv" => {
                let x = b.input("x", &[1, 4, 4, 3]);
                let w = b.constant(&[6, 1, 1, 3], &weights(6, 3, 1, size, one));
                let attrs = a().with("strides", vec![1, 1]).with("pads", vec![0; 4]).with("dilations", vec![1, 1]).with("group", 1i64);
                b.op("Conv", attrs.with("layout", "NHWC"), &[x, w])
            }
            _ => {
                let x = b.input("x", &[1, 4, 4, 3]);
                let c = b.constant(&[1, 1, 1, 3], &[1.0, 2.0, 1e-4]);
                b.op("Mul", a(), &[x, c])
            }
        };
        // Where the caller finds them is another matter: they are named by the layer's own numbers.
        let y = if op == "Dense" { y } else { b.op("Transpose", a().with("perm", vec![0, 3, 1, 2]), &[y]) };
        says(&found(b.output(&[y]), one), &["output `y0` loses 1 of the", "(2)", "channel 2 goes from"]);
    }
}

#[test]
fn small_probabilities_are_not_missed() {
    let mut b = B::new();
    let x = b.input("x", &[1, 16]);
    let bias: Vec<f32> = (0..8).map(|i| -(i as f32)).collect();
    let (w, bias) = (b.constant(&[8, 16], &weights(8, 16, 1, |_| 0.3, one)), b.constant(&[8], &bias));
    let y = b.op("Dense", a(), &[x, w, bias]);
    let y = b.op("Softmax", a().with("axis", 1i64), &[y]);
    assert_eq!(found(b.output(&[y]), one), Vec::<String>::new());
}
