//! What a caller of the entry function has to know.

use crate::stages::Built;
use mcompc_exec::Need;
use mcompc_ir::{Code, Error, Graph, Result, Tensor, Value};

/// Entry function, its parameters, its working memory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub entry: String,
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
    pub arena_bytes: usize,
    pub arena_align: usize,
}

impl Layout {
    pub fn new(b: &Built, integer: &Graph) -> Self {
        Self {
            entry: b.lowered.entry.clone(),
            inputs: integer.inputs.iter().map(|&n| integer.value(integer.out(n)).clone()).collect(),
            outputs: integer.outputs.iter().map(|o| integer.value(o.value).clone()).collect(),
            arena_bytes: b.lowered.arena_bytes,
            arena_align: b.lowered.arena_align,
        }
    }
    /// What the entry function touches behind each parameter.
    pub fn needs(&self) -> Vec<Need> {
        let io = self.inputs.iter().chain(&self.outputs).map(|v| Need { bytes: v.bytes(), align: 1 });
        io.chain([Need { bytes: self.arena_bytes, align: self.arena_align }]).collect()
    }
    /// One sample's outputs, one after the other, as tensors.
    pub fn split(&self, bytes: &[u8]) -> Result<Vec<Tensor>> {
        let mut rest = bytes;
        self.outputs
            .iter()
            .map(|v| {
                let (head, tail) = rest
                    .split_at_checked(v.bytes())
                    .ok_or_else(|| Error::new(Code::Internal, format!("output `{}` is cut short", v.name)))?;
                rest = tail;
                Tensor::new(v.dtype, v.shape.clone(), head.to_vec().into())
            })
            .collect()
    }
}
