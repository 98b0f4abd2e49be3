//! Rows of a table by computed indices: every index is brought inside the table, so that no input reads beyond it.

use crate::copy::{CopyMode, copy_run, unit_of};
use crate::emit::{Arg, Call};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Machine, MemElem, Role, Ty};

/// A table of `rows` rows of `row` bytes, of which `count` are taken.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Rows.
    pub rows: usize,
    /// Bytes of one.
    pub row: usize,
    /// Indices.
    pub count: usize,
}

/// Kernel and call of a Gather: table, i32 indices, result.
pub fn gather_kernel(m: &Machine, t: Table, [table, index, y]: [ValueId; 3]) -> Result<Call> {
    let mut b = Builder::new("gather");
    let pt = b.ptr("t", Role::In, t.rows * t.row, 1);
    let pi = b.ptr("i", Role::In, 4 * t.count, 1);
    let py = b.ptr("y", Role::Out, t.count * t.row, 1);
    let unit = unit_of(m);
    b.for_loop(0, t.count as i32, 1, &[pi, py], |b, _, p| {
        let i = b.load(Ty::I32, MemElem::W32, p[0], 0);
        // Negative ones count from the end: all ones in the sign's place take the number of rows in.
        let (places, rows) = (b.iconst(31), b.iconst(t.rows as i32));
        let sign = b.bin(Bin::Sra, i, places);
        let wrap = b.bin(Bin::And, sign, rows);
        let at = b.add(i, wrap);
        let (first, last) = (b.iconst(0), b.iconst(t.rows as i32 - 1));
        let at = b.bin(Bin::Smax, at, first);
        let at = b.bin(Bin::Smin, at, last);
        let src = b.ptr_add(pt, at, t.row as i32, 0);
        copy_run(b, unit, CopyMode::Bytes { flip: false }, src, p[1], t.row, false);
        vec![b.ptr_imm(p[0], 4), b.ptr_imm(p[1], t.row as i32)]
    });
    let args = vec![Arg::Value(table), Arg::Value(index), Arg::Value(y)];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: 0, in_place: vec![] })
}
