//! Rows of a table; indices are reals here, as all inputs are, and exact up to 2^24.

use super::{Kernel, Site};
use mcompc_ir::Result;

struct Rows {
    rows: usize,
    row: usize,
}

impl Kernel for Rows {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        for (y, &i) in out.chunks_exact_mut(self.row).zip(ins[1]) {
            let at = mcompc_ops::row_of(i as i64, self.rows);
            y.copy_from_slice(&ins[0][at * self.row..][..self.row]);
        }
        Ok(())
    }
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let shape = &s.ins[0].shape;
    Ok(Box::new(Rows { rows: shape[0], row: shape[1..].iter().product() }))
}
