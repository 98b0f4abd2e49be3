//! Zero points of what activations are multiplied by: `sum a (w - z) = sum a w - z sum a`, and the latter is one sum a row of activations.

use crate::gemm::Gemm;
use crate::pack::Steps;
use mcompc_kernel::{Bin, Builder, Form, MemElem, Row, Ty, Val};

/// Stores at `to` what the sums of each row of a block begin with: minus `zero` times the sum of the row's activations at `a`, in every lane.
/// What lies between the end of K and its padding is 0.
pub fn less_zero_point(b: &mut Builder, gemm: &Gemm<'_>, zero: i32, a: Val, to: Val) {
    let row = gemm.row;
    // A block of one vector of columns that all hold the zero point; its own sums begin with nothing.
    let g = Gemm { from: None, ..gemm.clone() };
    let ty = row.acc_ty();
    let every = repeated(b, row, row.w_ty(), zero);
    let none = b.vconst(0, ty);
    let mut carried = vec![none; g.mr];
    carried.extend([a, a]);
    let ends = b.for_loop(0, (g.kpad / Steps::of(row).step) as i32, 1, &carried, |b, _, v| {
        let mut v = v.to_vec();
        g.step(b, &mut v, 1, 0, &mut |_, _, _| every);
        v[g.mr] = b.ptr_imm(v[g.mr], g.a_step() as i32);
        v
    });
    for (i, &s) in ends[..g.mr].iter().enumerate() {
        let v = b.bin(Bin::Sub, none, s);
        b.store_aligned(v, MemElem::W32, to, (i * row.n as usize * 4) as i32, 4);
    }
}

/// An operand of the row whose elements are all `v`.
pub fn repeated(b: &mut Builder, row: &Row, ty: Ty, v: i32) -> Val {
    match row.form {
        Form::Packed => b.iconst(v & 0xffff | v << 16),
        _ if ty == Ty::I32 => b.iconst(v),
        _ => b.vconst(v, ty),
    }
}
