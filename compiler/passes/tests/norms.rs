//! Spelt-out normalizations: what they become computes the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_interp::{FastExec, run};
use mcompc_ir::{Graph, Tensor};

fn count(g: &Graph, op: &str) -> usize {
    g.ids().into_iter().filter(|&n| g.node(n).op == op).count()
}

fn near(want: &[f32], got: &[f32], what: &str) {
    let top = want.iter().fold(1f32, |m, v| m.max(v.abs()));
    let off = want.iter().zip(got).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(want.len() == got.len() && off <= 1e-5 * top, "{what}: off by {off}");
}

#[test]
fn every_form_computes_what_it_was() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests/passes/norms.mir");
    let text = std::fs::read_to_string(path).unwrap();
    let before = mcompc_ir::parse(text.split("; ---").next().unwrap()).unwrap();
    let mut once = before.clone();
    let pass = mcompc_passes::PASSES.iter().find(|p| p.name == "norms").unwrap();
    assert!((pass.run)(&mut once).unwrap() > 0);
    once.remove_dead();
    mcompc_ops::verify(&once).unwrap();
    let mut all = before.clone();
    mcompc_passes::run_pipeline(&mut all).unwrap();
    // All but one are normalizations (unlike: of the differences, over the other axis).
    assert_eq!((count(&once, "Norm"), count(&all, "Norm")), (before.outputs.len() - 1, before.outputs.len() - 1));
    assert_eq!((count(&once, "Sqrt"), count(&once, "ReduceSum")), (1, 0));
    for seed in 1..6u32 {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        };
        let x: Vec<f32> = (0..24).map(|_| next()).collect();
        let x = Tensor::from_f32([2, 3, 4], &x).unwrap();
        let want = run(&before, std::slice::from_ref(&x)).unwrap();
        for g in [&once, &all] {
            let got = run(g, std::slice::from_ref(&x)).unwrap();
            let e = FastExec::new(g).unwrap();
            let fast = e.run(&mut e.scratch(), &[&x.as_f32().unwrap()], |_, _| {}).unwrap();
            for (i, w) in want.iter().enumerate() {
                let w = w.as_f32().unwrap();
                near(&w, &got[i].as_f32().unwrap(), &before.outputs[i].name);
                near(&w, &fast[i], &before.outputs[i].name);
            }
        }
    }
}

#[test]
fn a_gain_behind_a_reshape_keeps_the_rows() {
    // Batches of 1 and 2, rows of two groups; the gain is a channel's, in the shape behind.
    for (rows, shape, gain) in
        [([1, 2, 18], [1, 4, 3, 3], [1, 4, 1, 1]), ([2, 2, 18], [2, 4, 3, 3], [1, 4, 1, 1]), ([1, 4, 6], [1, 4, 2, 3], [1, 1, 2, 3])]
    {
        let size = rows.iter().product::<usize>();
        let gains: Vec<String> = (0..gain.iter().product::<usize>()).map(|i| format!("{:?}", 0.5 + i as f32)).collect();
        let text = format!(
            "graph \"t\" {{\n%0 = input() \"x\" -> \"x\" f32{rows:?}\n%1 = const() \"g\" -> \"g\" f32[1] = [1.0]\n%2 = const() \"o\" -> \"o\" f32[1] = [0.0]\n\
             %3 = const() \"k\" -> \"k\" f32{gain:?} = [{}]\n%4 = Norm(%0, %1, %2) \"n\" {{axis = 2, centre = 1, epsilon = 0.01}} -> \"n\" f32{rows:?}\n\
             %5 = Reshape(%4) \"r\" {{shape = {shape:?}}} -> \"r\" f32{shape:?}\n%6 = Mul(%5, %3) \"m\" -> \"m\" f32{shape:?}\ninputs(%0)\noutputs(\"y\" = %6)\n}}\n",
            gains.join(", ")
        );
        let before = mcompc_ir::parse(&text).unwrap();
        mcompc_ops::verify(&before).unwrap();
        let mut after = before.clone();
        mcompc_passes::run_pipeline(&mut after).unwrap();
        assert_eq!((count(&after, "Norm"), count(&after, "Mul")), (1, 0), "{rows:?}");
        let x: Vec<f32> = (0..size).map(|i| ((i * 37) % 23) as f32 / 7.0 - 1.0).collect();
        let x = Tensor::from_f32(rows, &x).unwrap();
        let of = |g: &Graph| run(g, std::slice::from_ref(&x)).unwrap()[0].as_f32().unwrap().into_owned();
        near(&of(&before), &of(&after), &format!("{rows:?}"));
    }
}
