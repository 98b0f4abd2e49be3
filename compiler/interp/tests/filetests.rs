//! `tests/filetests/{ops,int}/*.mir`: outputs come in pairs, computed and wanted. `; test: close` allows 1e-6 of the largest magnitude (the
//! wanted values are ONNX Runtime's f32), `; test: equal` nothing. `tests/filetests/refuse/*.mir`: `; test: refuse`, and after `; ---` the
//! error as comments, rewritten under `MCOMPC_BLESS=1`. The other executors of integer graphs meet `int` in tests/suite/tests/matrix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_filetest::{GRAPHS, files};
use mcompc_interp::{FastExec, run};
use std::collections::BTreeSet;

fn close(got: &[f32], want: &[f32], file: &str) {
    let top = want.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= 1e-6 * top, "{file}: element {i} is {g}, wanted {w}");
    }
    assert_eq!(got.len(), want.len(), "{file}");
}

#[test]
fn operators_give_what_is_written() {
    let mut ops = BTreeSet::new();
    for f in files("ops", GRAPHS, 30).into_iter().chain(files("int", GRAPHS, 100)) {
        let name = f.name();
        let g = mcompc_ir::parse(&f.text).unwrap_or_else(|e| panic!("{name}: {e}"));
        mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{name}: {e}"));
        let out = run(&g, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!out.is_empty() && out.len().is_multiple_of(2), "{name}");
        let pairs = out.chunks_exact(2);
        match f.note("test") {
            Some("equal") => pairs.for_each(|p| assert_eq!(p[0], p[1], "{name}")),
            Some("close") => {
                pairs.for_each(|p| close(&p[0].as_f32().unwrap(), &p[1].as_f32().unwrap(), &name));
                let e = FastExec::new(&g).unwrap();
                let fast = e.run(&mut e.scratch(), &[], |_, _| {}).unwrap();
                close(&fast[0], &fast[1], &name);
            }
            m => panic!("{name}: {m:?}"),
        }
        ops.extend(g.ids().into_iter().map(|i| g.node(i).op.clone()));
    }
    let missing: Vec<_> = mcompc_ops::OPS.iter().map(|d| d.name).filter(|n| *n != "input" && !ops.contains(*n)).collect();
    assert!(missing.is_empty(), "operators without a file test: {missing:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    mcompc_filetest::check("refuse", GRAPHS, 20, |_, body| {
        let g = mcompc_ir::parse(body).unwrap();
        let e = match mcompc_ops::verify(&g) {
            Err(e) => e,
            // What only the data show is refused when it runs.
            Ok(()) => run(&g, &[]).expect_err(body),
        };
        e.to_string()
    });
}
