//! Faults put into a compilation by hand: the check before writing finds each, and names the layer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::digits;
use mcompc_driver::{self as driver, Built, Compiled, Request, Silent};
use mcompc_ir::{Code, Error};
use mcompc_kernel::{Inst, Op};

fn refused(o: &Request, c: &Compiled) -> Error {
    let e = driver::check(o, c, &Silent).expect_err("a fault was let through");
    assert_eq!(e.code, Code::Mismatch, "{e}");
    assert!(e.hint.as_ref().is_some_and(|h| h.contains("nothing was written")), "{e}");
    e
}

#[test]
fn what_is_right_passes() {
    for target in ["x86_64-v2", "aarch64-dotprod"] {
        let o = digits(target);
        let c = driver::compile(&o, &Silent).unwrap();
        let check = driver::check(&o, &c, &Silent).unwrap();
        assert_eq!((check.layers, check.in_part.len(), check.samples.len()), (c.built.lowered.layers.len(), 0, 2));
        assert_eq!(check.native, o.target.runs_here());
    }
}

/// One byte of a layer's constants, and the object left as it is: the interpreter runs what the object was made from.
#[test]
fn a_wrong_constant_is_found_on_a_foreign_target() {
    let o = digits("aarch64");
    let c = driver::compile(&o, &Silent).unwrap();
    let constants = c.built.lowered.module.data.iter().enumerate().filter(|(_, d)| d.weights);
    let mut named = Vec::new();
    for (i, _) in constants {
        let mut c = c.clone();
        let byte = &mut c.built.lowered.module.data[i].bytes[0];
        *byte = byte.wrapping_add(64);
        named.push(refused(&o, &c).node.unwrap());
    }
    let layers: Vec<&str> = c.built.lowered.layers.iter().filter(|l| l.const_bytes > 0).map(|l| l.name.as_str()).collect();
    assert!(!named.is_empty() && named.iter().all(|n| layers.contains(&n.as_str())), "{named:?}");
}

/// A rescaling to another zero point.
#[test]
fn a_wrong_kernel_is_found() {
    fn shifted(insts: &mut [Inst]) {
        for i in insts {
            match i {
                Inst::Op { op: Op::Rescale(r), .. } => r.zp += 1,
                Inst::For { body, .. } => shifted(&mut body.insts),
                Inst::If { then, els, .. } => [then, els].into_iter().for_each(|b| shifted(&mut b.insts)),
                _ => {}
            }
        }
    }
    let o = digits("riscv64gc");
    let c = driver::compile(&o, &Silent).unwrap();
    for layer in &c.built.lowered.layers {
        let mut bad = c.clone();
        let f = bad.built.lowered.module.funcs.iter_mut().find(|f| f.name == layer.kernel).unwrap();
        let before = f.clone();
        shifted(&mut f.body.insts);
        if *f != before {
            let first = c.built.lowered.layers.iter().find(|l| l.kernel == layer.kernel).unwrap();
            assert_eq!(refused(&o, &bad).node.as_deref(), Some(first.name.as_str()));
        }
    }
}

/// Right kernels, wrong code: only running it tells.
#[test]
fn a_wrong_object_is_found_where_it_runs() {
    let o = digits("x86_64-v2");
    if !o.target.runs_here() {
        return;
    }
    let c = driver::compile(&o, &Silent).unwrap();
    let mut module = c.built.lowered.module.clone();
    let last = module.data.iter_mut().rfind(|d| d.weights).unwrap();
    last.bytes.iter_mut().for_each(|b| *b = !*b);
    let job = mcompc_backend::Job { target: &o.target, backend: o.backend, weights_section: None, elsewhere: &[] };
    let (object, _) = mcompc_backend::compile(&module, &job).unwrap();
    let bad = Compiled { built: Built { object, ..c.built.clone() }, ..c };
    refused(&o, &bad);
}
