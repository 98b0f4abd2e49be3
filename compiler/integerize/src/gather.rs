//! Rows of a table: codes are copied, so that the table has the result's.

use super::{Ctx, no_integer, reals};
use mcompc_ir::{DType, Graph, Node, NodeId, Result, ValueId};

/// The table is constant, finite reals or codes; the index an i32 input.
pub(super) fn accepts(g: &Graph, id: NodeId) -> Result<()> {
    let ins = g.inputs_of(id);
    if g.const_of(ins[0]).is_none() {
        return no_integer("rows of a computed table by computed indices have no integer form");
    }
    if g.value(ins[1]).dtype != DType::I32 || g.const_of(ins[1]).is_some() {
        return no_integer("indices of a table are a 32-bit integer input");
    }
    if g.value(ins[0]).quant.is_some() { Ok(()) } else { reals(g, ins[0]).map(drop) }
}

impl Ctx<'_> {
    pub(super) fn gather(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let (ins, q) = (self.r.from.inputs_of(id), self.result(id)?);
        let (table, index) = (self.operand_as(ins[0], &q)?, self.r.computed(ins[1])?);
        self.emit(id, "Gather", node.attrs.clone(), &[table, index], q)
    }
}
