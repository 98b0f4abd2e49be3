//! Samples in the codes that the entry function takes.

use crate::sequence::Sequence;
use crate::stages::Compiled;
use mcompc_data::Dataset;
use mcompc_ir::{Graph, Result, Tensor, Value};
use std::path::Path;

/// Codes for every input: the first samples of `data`, with the states that they come with, or random ones.
///
/// # Errors
/// E401 and E205 for data that do not fit.
pub fn inputs(c: &Compiled, data: Option<&Path>, count: usize) -> Result<Vec<Vec<Tensor>>> {
    let graph = &c.quantized.graph;
    match data {
        Some(path) => {
            let data = Dataset::open(path)?;
            let samples = data.samples(&data.started(&c.front.inputs)?)?.take(count).collect::<Result<Vec<_>>>()?;
            Ok(Sequence::new(&c.front, graph)?.steps(&samples)?.into_iter().map(|s| s.1).collect())
        }
        None => random(graph, count),
    }
}

/// Uniformly random codes, the same in every run.
pub(crate) fn random(graph: &Graph, count: usize) -> Result<Vec<Vec<Tensor>>> {
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let mut one = |v: &Value| Tensor::new(v.dtype, v.shape.clone(), (0..v.bytes()).map(|_| byte()).collect::<Vec<u8>>().into());
    (0..count).map(|_| graph.inputs.iter().map(|&n| one(graph.value(graph.out(n)))).collect()).collect()
}
