//! Random modules: emulated code gives the interpreter's bytes, on every target of this back end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{check, suite};
use mcompc_kernel::testing::{IN_BYTES, OUT_BYTES, Rng, Suite, Vocabulary, random_module};
use mcompc_kernel::{Block, Builder, Func, Inst, MemElem, Op, Role, Row, Ty};

/// Modules in one program.
const BATCH: u64 = 12;

/// Names of a module's functions and data, apart from those of others.
fn rename(f: &mut Func, tag: &str) {
    fn block(b: &mut Block, tag: &str) {
        for i in &mut b.insts {
            match i {
                Inst::Op { op: Op::DataAddr { data, .. }, .. } => data.push_str(tag),
                Inst::Call { func, .. } => func.push_str(tag),
                Inst::For { body, .. } => block(body, tag),
                Inst::If { then, els, .. } => {
                    block(then, tag);
                    block(els, tag);
                }
                _ => {}
            }
        }
    }
    f.name.push_str(tag);
    f.export = false;
    f.status = None;
    block(&mut f.body, tag);
}

fn batch(first: u64) -> Suite {
    let mut rows: Vec<Row> = vec![];
    for r in mcompc_target::machines().flat_map(|m| mcompc_target::machine(m).unwrap().contract) {
        let small = [r.acc_ty(), r.a_ty(), r.w_ty()].iter().all(|t| matches!(t, Ty::I32) || t.bytes() <= 8);
        if small && rows.iter().all(|o| o.name != r.name) {
            rows.push(r);
        }
    }
    let mut s = suite();
    for seed in first..first + BATCH {
        let voc = match seed % 3 {
            0 => Vocabulary::up_to(0, &rows),
            1 => Vocabulary::up_to(8, &rows),
            _ => Vocabulary::up_to(0, &[]),
        };
        // A vector is as many registers as it has lanes: frames would outgrow what offsets from the stack pointer reach.
        let mut m = random_module(seed, &voc, if seed % 3 == 1 { 12 } else { 40 });
        let tag = format!("_{seed}");
        m.funcs.iter_mut().for_each(|f| rename(f, &tag));
        m.data.iter_mut().for_each(|d| d.name.push_str(&tag));
        // All modules hold the same rows, or none, in one order.
        if !m.rows.is_empty() {
            s.module.rows = m.rows;
        }
        s.module.data.extend(m.data);
        s.module.funcs.extend(m.funcs);
        let name = format!("start{tag}");
        let mut b = Builder::new(&name);
        let x = b.ptr("x", Role::In, IN_BYTES, 16);
        let y = b.ptr("y", Role::Out, OUT_BYTES, 16);
        let n = b.load(Ty::I32, MemElem::W32, x, 0);
        b.call(&format!("f{tag}"), &[x, y, n]);
        s.module.funcs.push(b.finish());
        s.add(format!("random module {seed}"), name, &Rng(seed + 77).bytes(IN_BYTES), OUT_BYTES);
    }
    s
}

#[test]
fn random_modules_equal_the_interpreter() {
    let batches = std::env::var("MCOMPC_BATCHES").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    for k in 0..batches {
        check(&batch(k * BATCH));
    }
}
