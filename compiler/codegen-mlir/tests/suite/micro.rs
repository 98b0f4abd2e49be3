//! Instruction budgets of hand-written kernels.

use crate::conv::*;

#[test]
fn cortex_m4() {
    assert!(measure("cortex-m4", KWS, smlad) <= 1.5);
}

#[test]
fn cortex_m55() {
    assert!(measure("cortex-m55", KWS, vmladava) <= 0.2);
}

#[test]
fn riscv64gcv() {
    assert!(measure("riscv64gcv", KWS, vwmacc) <= 0.45);
}

#[test]
fn avx2() {
    assert!(measure("x86_64", KWS, pmaddwd) <= 0.45);
}
