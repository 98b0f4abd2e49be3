//! Nodes within nodes: an operator that others put together names them as a model would.

use crate::node::{Bound, Ctx, shown};
use crate::proto::{AttributeProto, NodeProto, attr_type};
use mcompc_ir::{Result, Tensor, ValueId};

/// An integer attribute.
pub(super) fn int(name: &str, v: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INT), i: Some(v), ..Default::default() }
}

/// A float attribute.
pub(super) fn float(name: &str, v: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::FLOAT), f: Some(v), ..Default::default() }
}

impl Ctx<'_, '_, '_> {
    /// A name that no other tensor has or will have.
    pub(crate) fn own_name(&mut self, label: &str) -> String {
        let first = self.node.output.iter().find(|o| !o.is_empty()).map_or(self.name, String::as_str);
        self.b.own_name(&format!("{}/{label}", shown(first)))
    }
    /// A name for `v`, under which nodes within this one read it.
    pub(crate) fn named(&mut self, v: ValueId, label: &str) -> String {
        let name = self.own_name(label);
        self.b.names.insert(name.clone(), Bound::Node(v));
        name
    }
    /// A name for a constant, under which nodes within this one read it.
    pub(crate) fn constant_named(&mut self, t: Tensor, label: &str) -> Result<String> {
        self.b.reader.materialise(t.bytes().len() as u64)?;
        let name = self.own_name(label);
        self.b.names.insert(name.clone(), Bound::Const(t));
        Ok(name)
    }
    /// Imports a node of the standard, of operator set `opset`, as a part of this one.
    pub(crate) fn nested(
        &mut self,
        op: &str,
        opset: i64,
        input: Vec<String>,
        output: Vec<String>,
        attribute: Vec<AttributeProto>,
    ) -> Result<()> {
        let node = NodeProto {
            input,
            output,
            attribute,
            name: Some(self.name.to_string()),
            op_type: Some(op.to_string()),
            ..NodeProto::default()
        };
        super::import_node(&mut Ctx::new(&node, self.name, opset, self.b)?)
    }
    /// [`nested`](Self::nested) with one result, which stays within this node.
    pub(crate) fn inner(&mut self, op: &str, opset: i64, input: Vec<String>, attribute: Vec<AttributeProto>) -> Result<ValueId> {
        let out = self.own_name(op);
        self.nested(op, opset, input, vec![out.clone()], attribute)?;
        self.b.value_of(&out)
    }
    /// The node's outputs by name.
    pub(crate) fn outputs(&self) -> Vec<String> {
        self.node.output.clone()
    }
    /// Name of input `i`; empty when it is left out.
    pub(crate) fn name_of(&self, i: usize) -> String {
        self.input_name(i).unwrap_or_default().to_string()
    }
}
