//! Ranges that masks do not set, and widths of activations that are measured.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::cases::{B, Case, Data, a, noise, uniform};
use mcompc_compress::{ActBits, Options};
use mcompc_ir::ValueId;

/// Scores [1, 2, 5, 6] of a spread of several units.
fn scores(b: &mut B) -> ValueId {
    let x = b.input("x", &[1, 2, 5, 6]);
    let by = b.constant(&[], &[3.0]);
    b.op("Mul", a(), &[x, by])
}

#[test]
fn a_constant_mask_sets_no_scale() {
    for far in [-1e4f32, -1e9, -3e38] {
        for mask in [vec![0.0, 0.0, 0.0, 0.0, far, far], vec![far, 0.0, far, 0.0, far, 0.0]] {
            let mut b = B::new();
            let s = scores(&mut b);
            let m = b.constant(&[1, 1, 1, 6], &mask);
            let y = b.op("Add", a(), &[s, m]);
            let y = b.op("Softmax", a().with("axis", 3i64), &[y]);
            let c = Case::new(b.output(&[y]), &[]);
            let data = uniform(&c, 12);
            let error = c.errors(&data)[0];
            assert!(error < 4e-4, "{far} {mask:?}: {error}");
        }
    }
}

#[test]
fn a_computed_mask_sets_no_scale() {
    // Two layers read it, one by a reshape; a row may be masked as a whole.
    for far in [-1e4f32, -1e9, f32::MIN] {
        let mut b = B::new();
        let s = scores(&mut b);
        let m = b.input("m", &[1, 1, 1, 6]);
        let by = b.constant(&[], &[far]);
        let m = b.op("Mul", a(), &[m, by]);
        let first = b.op("Add", a(), &[s, m]);
        let first = b.op("Softmax", a().with("axis", 3i64), &[first]);
        let second = b.op("Add", a(), &[m, s]);
        let second = b.op("Reshape", a().with("shape", vec![10, 6]), &[second]);
        let second = b.op("Softmax", a().with("axis", 1i64), &[second]);
        let c = Case::new(b.output(&[first, second]), &[]);
        let make = |s: usize| {
            let mask = (0..6).map(|i| if i > s % 6 { 1.0 } else { 0.0 }).collect();
            vec![noise(60, s as u64), mask]
        };
        let data = Data::new(&c.inputs, 12, make);
        for e in c.errors(&data) {
            assert!(e < 4e-4, "{far}: {e}");
        }
    }
}

fn measured() -> Options {
    Options { acts: ActBits::asked(Some(8), vec![]), ..Options::default() }
}

#[test]
fn what_cancels_is_given_sixteen_bits() {
    let mut b = B::new();
    let (x, t) = (b.input("x", &[1, 40]), b.input("t", &[1, 40]));
    let by = b.constant(&[], &[300.0]);
    let large = b.op("Mul", a(), &[x, by]);
    let sum = b.op("Add", a(), &[large, t]);
    let y = b.op("Sub", a(), &[sum, large]);
    let c = Case::new(b.output(&[y]), &[]);
    let data = uniform(&c, 12);
    let (plain, wide) = (c.ints(&data).unwrap(), c.ints_of(&data, &measured()).unwrap());
    let (before, after) = (c.errors_of(&plain, &data)[0], c.errors_of(&wide, &data)[0]);
    assert!(before > 0.1 && after < 0.02, "{before} {after}");
    // The sum is named, with the reason: what it loses stays, while an error of the large value cancels as the value does.
    let names: Vec<&str> = wide.scheme.wide.iter().map(|(n, _)| n.as_str()).collect();
    let is = |v: ValueId| names.contains(&c.g.value(v).name.as_str());
    assert!(is(sum) && !is(t), "{names:?}");
    assert!(wide.warnings.iter().any(|w| w.contains("sixteen bits for")) && wide.scheme.to_string().contains("eight bits would cost"));
    // By hand.
    let eight = Options { acts: ActBits::asked(Some(8), vec![("*".into(), 8)]), ..Options::default() };
    assert!(c.ints_of(&data, &eight).unwrap().scheme.wide.is_empty());
}

#[test]
fn indices_have_no_width() {
    let mut b = B::new();
    let i = b.g.add_input(mcompc_ir::Value::new("i", mcompc_ir::DType::I32, [1, 6]));
    let table = b.random(&[20, 8], 1.0);
    let y = b.op("Gather", a(), &[table, i]);
    let c = Case::new(b.output(&[y]), &[]);
    let data = Data::new(&c.inputs, 12, |s| vec![(0..6).map(|k| ((7 * s + 3 * k) % 20) as f32).collect()]);
    let opts = measured();
    let stats =
        mcompc_compress::calibrate(&c.g, &data.open(), &c.inputs, &mcompc_compress::CalibOptions::default(), &mut |_, _| {}).unwrap();
    assert!(mcompc_compress::decide(&c.g, &stats, &c.inputs, &opts).unwrap().wide.is_empty());
}

#[test]
fn what_eight_bits_serve_stays() {
    let mut b = B::new();
    let x = b.input("x", &[1, 30]);
    let y = b.dense(x, 20, 0.3);
    let y = b.op("Relu", a(), &[y]);
    let y = b.dense(y, 10, 0.3);
    let c = Case::new(b.output(&[y]), &[]);
    let data = uniform(&c, 12);
    let (plain, wide) = (c.ints(&data).unwrap(), c.ints_of(&data, &measured()).unwrap());
    assert_eq!(plain.scheme, wide.scheme);
}
