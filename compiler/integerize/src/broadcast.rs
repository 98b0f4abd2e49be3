//! Operands that NumPy's rule repeats: a view where the kernels repeat by themselves, else a product with ones.

use super::Ctx;
use mcompc_ir::{Attrs, Codes, Per, Quant, Result, Tensor, ValueId};

/// Real 1 and 0 are codes.
const ONES: Quant = Quant { codes: Codes::I8, scale: Per::Tensor(1.0), zero: Per::Tensor(0.0) };

/// How a smaller operand repeats in the result: [before, repeated, after], the sizes of a gate [before, 1, 1, after].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    pub before: usize,
    pub repeated: usize,
    pub after: usize,
}

/// The last run of neighbouring dimensions along which `from`, of as many dimensions as `to`, repeats: a gate, and `from` once it is wide there.
fn last_run(from: &[usize], to: &[usize]) -> Option<(Gate, Vec<usize>)> {
    let grows = |d: usize| from[d] != to[d];
    let end = (0..to.len()).rev().find(|&d| grows(d))?;
    // Dimensions of 1 on both sides belong to any run.
    let begin = (0..end).rev().take_while(|&d| grows(d) || to[d] == 1).last().unwrap_or(end);
    let size = |s: &[usize]| s.iter().product::<usize>();
    let gate = Gate { before: size(&from[..begin]), repeated: size(&to[begin..=end]), after: size(&from[end + 1..]) };
    let wide = [&from[..begin], &to[begin..]].concat();
    Some((gate, wide))
}

/// `shape` with leading dimensions of 1.
fn aligned(shape: &[usize], rank: usize) -> Vec<usize> {
    [vec![1; rank.saturating_sub(shape.len())], shape.to_vec()].concat()
}

/// The gate by which a tensor of shape `from` repeats to `to`, if one run of dimensions says it all.
pub(super) fn gate(from: &[usize], to: &[usize]) -> Option<Gate> {
    let (gate, wide) = last_run(&aligned(from, to.len()), to)?;
    (wide == to).then_some(gate)
}

impl Ctx<'_> {
    /// `x` in the shape `to` to which it broadcasts, under the quantization that it has.
    pub(super) fn widened(&mut self, x: ValueId, to: &[usize], name: &str) -> Result<ValueId> {
        let shape = aligned(&self.out.value(x).shape.clone(), to.len());
        let Some((g, wide)) = last_run(&shape, to) else { return self.reshape(x, to, name) };
        let q = self.codes(x)?.clone();
        let full = [g.before, 1, g.repeated, g.after];
        let ones = self.out.add_const(format!("{name}.ones"), Tensor::from_i8(full, &vec![1; full.iter().product()])?);
        self.out.value_mut(ones).quant = Some(ONES);
        let b = self.reshape(x, &[g.before, 1, 1, g.after], &format!("{name}.gate"))?;
        // A product with 1 under the same scale is exact: the rule's factor is 1.
        let (m, pre, shift) = super::mul::factor(1.0, q.span())?;
        let attrs = super::unclamped(Attrs::new().with("m", m).with("pre", pre).with("shift", shift));
        let y = self.emit_as(name, "q.mul", attrs, &[ones, b], &format!("{name}.wide"), Some(q))?;
        let y = self.reshape(y, &wide, name)?;
        self.widened(y, to, &format!("{name}.more"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs() {
        let g = |before, repeated, after| Some(Gate { before, repeated, after });
        assert_eq!(gate(&[2, 1, 1, 5], &[2, 3, 4, 5]), g(2, 12, 5));
        assert_eq!(gate(&[5], &[2, 3, 4, 5]), g(1, 24, 5));
        assert_eq!(gate(&[2, 1], &[2, 7]), g(2, 7, 1));
        assert_eq!(gate(&[], &[2, 7]), g(1, 14, 1));
        assert_eq!(gate(&[3, 1, 4], &[2, 3, 1, 4]), g(1, 2, 12));
        assert_eq!(gate(&[1, 3, 1, 5], &[2, 3, 4, 5]), None);
        assert_eq!(gate(&[2, 3], &[2, 3]), None);
    }
}
