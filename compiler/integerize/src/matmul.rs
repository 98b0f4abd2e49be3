//! Products of two matrices, neither of which is a layer's weights.

use super::mul::factor;
use super::{Ctx, unclamped};
use mcompc_ir::{Attrs, Codes, Node, NodeId, Quant, Result, ValueId};
use mcompc_ops::Product;

/// A sum of products of codes as wide as these, in all, is below 2^31.
fn room(k: usize) -> u8 {
    32 - k.next_power_of_two().trailing_zeros().min(16) as u8
}

impl Ctx<'_> {
    pub(super) fn matmul(&mut self, id: NodeId, _: &Node) -> Result<ValueId> {
        let ins = self.r.from.inputs_of(id);
        let q = self.result(id)?;
        let k = Product::of(&self.r.from.value(ins[0]).shape, &self.r.from.value(ins[1]).shape)?.k;
        let mut attrs = Attrs::new();
        let a = self.operand(ins[0], q.codes)?;
        let b = match self.transposed(ins[1])? {
            Some(b) => {
                attrs.set("transposed", 1i64);
                b
            }
            None => self.operand(ins[1], q.codes)?,
        };
        let [a, b] = self.narrowed([a, b], room(k))?;
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let most = (qa.span() * qb.span()).saturating_mul(k as u64);
        let (m, pre, shift) = factor(qa.step() * qb.step() / q.step(), most)?;
        let attrs = unclamped(attrs.with("m", m).with("pre", pre).with("shift", shift), &q);
        self.emit(id, "q.matmul", attrs, &[a, b], q)
    }

    /// Operands of more than eight bits in codes so narrow that both together have `room` bits: the wider one gives way first.
    fn narrowed(&mut self, ins: [ValueId; 2], room: u8) -> Result<[ValueId; 2]> {
        const LEAST: u8 = Codes::I8.bits + 1;
        // Codes around another zero than 0 reach as far as those of one bit more.
        let width = |q: &Quant| q.codes.bits + u8::from(q.zero_point() != 0);
        let [qa, qb] = [self.codes(ins[0])?.clone(), self.codes(ins[1])?.clone()];
        let (a, b) = (width(&qa), width(&qb));
        // What one leaves is the other's, and about half at least.
        let first = room - b.min(room / 2);
        let most = [first, room - a.min(first)].map(|bits| bits.max(LEAST));
        let mut out = ins;
        for (i, q) in [qa, qb].into_iter().enumerate() {
            if a + b > room && q.codes.bits > Codes::I8.bits && width(&q) > most[i] {
                let narrow = Quant::symmetric(Codes::signed(most[i]), q.step() * q.span() as f64);
                let name = self.r.fresh(&format!("{}.narrow", self.r.to.value(ins[i]).name));
                out[i] = self.rescaled(ins[i], &narrow, &name, &name)?;
            }
        }
        Ok(out)
    }

    /// The operand with its last two dimensions exchanged, where a transpose that only this product reads has made them of others: the
    /// kernel reads columns as well as rows, and what is left of the transpose moves whole rows, if anything.
    fn transposed(&mut self, v: ValueId) -> Result<Option<ValueId>> {
        let g = self.r.from;
        let node = g.node(v.node);
        if node.op != "Transpose" || g.users(v).len() != 1 || g.is_output(v) {
            return Ok(None);
        }
        let mut perm = node.attrs.usizes("perm")?;
        let last = perm.len().saturating_sub(1);
        if perm.len() < 2 || perm[last - 1] != last || !self.quant(v)?.is_plain() {
            return Ok(None);
        }
        perm.swap(last - 1, last);
        let q = self.quant(v)?.clone();
        let x = self.operand_as(g.inputs_of(v.node)[0], &q)?;
        if perm.iter().enumerate().all(|(i, &p)| i == p) {
            return Ok(Some(x));
        }
        let name = self.r.fresh(&format!("{}.columns", node.name));
        self.emit_as(&name, "Transpose", Attrs::new().with("perm", &perm[..]), &[x], &name, None).map(Some)
    }
}
