//! `tests/filetests/ops/*.mir`: outputs come in pairs, computed and wanted. `; test: close` allows 1e-6 of the largest magnitude (the wanted
//! values are ONNX Runtime's f32), `; test: equal` nothing. `tests/filetests/refuse/*.mir`: `; test: refuse`, and after `; ---` the error
//! as comments, rewritten under `MCOMPC_BLESS=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_interp::{FastExec, run};
use std::collections::BTreeSet;
use std::path::Path;

fn close(got: &[f32], want: &[f32], file: &Path) {
    let top = want.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= 1e-6 * top, "{}: element {i} is {g}, wanted {w}", file.display());
    }
    assert_eq!(got.len(), want.len(), "{}", file.display());
}

#[test]
fn operators_give_what_is_written() {
    let mut ops = BTreeSet::new();
    for f in mcompc_filetest::files("ops") {
        let text = std::fs::read_to_string(&f).unwrap();
        let g = mcompc_ir::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", f.display()));
        mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{}: {e}", f.display()));
        let out = run(&g, &[]).unwrap_or_else(|e| panic!("{}: {e}", f.display()));
        assert_eq!(out.len(), 2);
        match text.lines().next() {
            Some("; test: equal") => assert_eq!(out[0].to_i64_vec(), out[1].to_i64_vec(), "{}", f.display()),
            Some("; test: close") => {
                close(&out[0].as_f32().unwrap(), &out[1].as_f32().unwrap(), &f);
                let e = FastExec::new(&g).unwrap();
                let fast = e.run(&mut e.scratch(), &[], |_, _| {}).unwrap();
                close(&fast[0], &fast[1], &f);
            }
            m => panic!("{}: {m:?}", f.display()),
        }
        ops.extend(g.ids().into_iter().map(|i| g.node(i).op.clone()));
    }
    let missing: Vec<_> = mcompc_ops::OPS.iter().map(|d| d.name).filter(|n| *n != "input" && !ops.contains(*n)).collect();
    assert!(missing.is_empty(), "operators without a file test: {missing:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    mcompc_filetest::check("refuse", 20, |_, body| {
        let g = mcompc_ir::parse(body).unwrap();
        let e = match mcompc_ops::verify(&g) {
            Err(e) => e,
            // What only the data show is refused when it runs.
            Ok(()) => run(&g, &[]).expect_err(body),
        };
        e.to_string()
    });
}
