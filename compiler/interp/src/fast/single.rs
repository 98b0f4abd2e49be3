//! One operator by itself, for graphs that are still being made.

use super::{Copy, Kernel, Site, kernel};
use mcompc_ir::{Code, Error, Graph, Node, NodeId, Quant, Result};
use mcompc_ops::coded;

/// What an operator reads.
enum Operand {
    /// A computed value of so many elements.
    Given(usize),
    Const(Vec<f32>),
}

/// A planned operator of a float or a coded graph: what [`super::FastExec`] computes for it, apart from any graph.
pub struct FastNode {
    kernel: Box<dyn Kernel>,
    ins: Vec<Operand>,
    len: usize,
    name: String,
    round: Option<(Quant, Vec<usize>)>,
}

impl FastNode {
    /// Plans node `id`. An input of a coded graph is what rounds the reals given for it.
    ///
    /// # Errors
    /// Those of [`super::FastExec::new`] for this operator.
    pub fn new(g: &Graph, id: NodeId) -> Result<Self> {
        Self::of(g, id, g.node(id))
    }
    /// Plans node `id` without the clamp that is fused into it.
    ///
    /// # Errors
    /// As [`FastNode::new`].
    pub fn unclamped(g: &Graph, id: NodeId) -> Result<Self> {
        let mut node = g.node(id).clone();
        ["act_min", "act_max"].iter().for_each(|a| drop(node.attrs.0.remove(*a)));
        Self::of(g, id, &node)
    }
    fn of(g: &Graph, id: NodeId, node: &Node) -> Result<Self> {
        let (reads, value) = (g.inputs_of(id), g.value(g.out(id)));
        let operand = |&v: &mcompc_ir::ValueId| match g.const_of(v) {
            Some(_) => coded::constant(g, v).map(Operand::Const),
            None => Ok(Operand::Given(g.value(v).elems())),
        };
        let mut ins = reads.iter().map(operand).collect::<Result<Vec<_>>>().map_err(|e| e.at(&node.name))?;
        if node.op == "input" {
            ins.push(Operand::Given(value.elems()));
        }
        let site = Site { node, ins: reads.iter().map(|&v| g.value(v)).collect() };
        let kernel = match node.op.as_str() {
            "input" => Box::new(Copy),
            _ => kernel(&site).map_err(|e| e.at(&node.name))?,
        };
        let round = value.quant.as_ref().map(|q| (q.clone(), value.shape.clone()));
        Ok(Self { kernel, ins, len: value.elems(), name: node.name.clone(), round })
    }
    /// Runs it on its computed operands, in order; `work` is scratch.
    ///
    /// # Errors
    /// `BadShape` for operands of other sizes; those of the operator.
    pub fn run(&self, given: &[&[f32]], work: &mut Vec<f32>) -> Result<Vec<f32>> {
        let mut given = given.iter().copied();
        let mut ins: Vec<&[f32]> = Vec::with_capacity(self.ins.len());
        for o in &self.ins {
            ins.push(match o {
                Operand::Const(c) => c,
                Operand::Given(n) => given.next().filter(|x| x.len() == *n).ok_or_else(|| {
                    Error::new(Code::BadShape, format!("an operand of {n} elements is missing or has another number")).at(&self.name)
                })?,
            });
        }
        let mut out = vec![0.0; self.len];
        self.kernel.run(&ins, &mut out, work).map_err(|e| e.at(&self.name))?;
        if let Some((q, shape)) = &self.round {
            coded::round(q, shape, &mut out);
        }
        Ok(out)
    }
}
