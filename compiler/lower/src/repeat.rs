//! Every byte several times in a row: the input of a layer whose channels are read by several each.

use crate::copy::Unit;
use crate::emit::overlapped;
use mcompc_kernel::{Builder, Lane, MemElem, Ty, Val};

/// Writes each of `n` bytes at `src` `times` times in a row.
pub fn repeat_run(b: &mut Builder, u: Unit, src: Val, dst: Val, n: usize, times: usize) {
    let lanes = 16;
    if u.vector < lanes || n < lanes {
        b.for_loop(0, n as i32, 1, &[src, dst], |b, _, p| {
            let v = b.load(Ty::I32, MemElem::S8, p[0], 0);
            (0..times).for_each(|i| b.store(v, MemElem::S8, p[1], i as i32));
            vec![b.ptr_imm(p[0], 1), b.ptr_imm(p[1], times as i32)]
        });
        return;
    }
    let ty = Ty::Vec(Lane::I8, lanes as u16);
    b.for_loop(0, (n.div_ceil(lanes) * lanes) as i32, lanes as i32, &[], |b, iv, _| {
        let at = overlapped(b, iv, n, lanes);
        let (x, y) = (b.ptr_add(src, at, 1, 0), b.ptr_add(dst, at, times as i32, 0));
        let v = b.load(ty, MemElem::S8, x, 0);
        for block in 0..times {
            let spread = b.shuffle(v, v, (0..lanes).map(|i| ((block * lanes + i) / times) as u16).collect());
            b.store(spread, MemElem::S8, y, (block * lanes) as i32);
        }
        vec![]
    });
}
