//! The shape of a product of matrices, by numpy's rule.

use crate::broadcast;
use crate::def::shape_error;
use mcompc_ir::Result;

/// What a product multiplies: matrices [m, k] and [k, n], for every index of the leading dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Leading dimensions of the two operands and of the result; those of the operands broadcast.
    pub lead: [Vec<usize>; 3],
    /// Rows of the left matrix.
    pub m: usize,
    /// Its columns, and rows of the right one.
    pub k: usize,
    /// Columns of the right matrix.
    pub n: usize,
    /// Shape of the result: that of a row or a column where an operand has one dimension.
    pub shape: Vec<usize>,
}

impl Product {
    /// Of operands of these shapes: a one-dimensional `a` is a row, a one-dimensional `b` a column, and the result goes without the dimension
    /// so added.
    ///
    /// # Errors
    /// [`mcompc_ir::Code::BadShape`] for scalars, and for shapes that do not multiply.
    pub fn of(a: &[usize], b: &[usize]) -> Result<Self> {
        if a.is_empty() || b.is_empty() {
            return shape_error("a scalar is not a matrix");
        }
        let (mut a2, mut b2) = (a.to_vec(), b.to_vec());
        if a.len() == 1 {
            a2.insert(0, 1);
        }
        if b.len() == 1 {
            b2.push(1);
        }
        let (la, ma) = a2.split_at(a2.len() - 2);
        let (lb, mb) = b2.split_at(b2.len() - 2);
        let (m, k, kb, n) = (ma[0], ma[1], mb[0], mb[1]);
        if k != kb {
            return shape_error(format!("matrices {a:?} and {b:?} do not multiply"));
        }
        let lead = broadcast::shape(la, lb)?;
        let mut shape = lead.clone();
        shape.extend((a.len() > 1).then_some(m));
        shape.extend((b.len() > 1).then_some(n));
        Ok(Self { lead: [la.to_vec(), lb.to_vec(), lead], m, k, n, shape })
    }

    /// As [`Product::of`], with right matrices of [n, k].
    ///
    /// # Errors
    /// As there; `b` has two dimensions at least.
    pub fn of_transposed(a: &[usize], b: &[usize]) -> Result<Self> {
        let [lead @ .., n, k] = b else {
            return shape_error(format!("{b:?} is not a matrix"));
        };
        Self::of(a, &[lead, &[*k, *n]].concat())
    }

    /// For each pair of matrices, in the order of the result, the indices of both among their operand's matrices.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let [a, b, to] = &self.lead;
        broadcast::offsets(a, to).into_iter().zip(broadcast::offsets(b, to))
    }
}
