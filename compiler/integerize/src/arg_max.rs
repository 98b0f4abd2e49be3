//! Places of extremes: codes are ordered as what they stand for.

use super::{Ctx, no_integer};
use mcompc_ir::{Node, NodeId, Result, ValueId};

impl Ctx<'_> {
    /// The operand's codes are compared as they are.
    pub(super) fn arg_max(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let v = self.r.from.inputs_of(id)[0];
        let q = self.result(id)?;
        if q != mcompc_ops::place_codes(node, self.r.from.value(v))? {
            return no_integer("places under other codes than those that mean themselves have no integer form");
        }
        let x = self.operand(v, self.quant(v)?.codes)?;
        self.emit(id, "q.argmax", node.attrs.clone(), &[x], q)
    }
}
