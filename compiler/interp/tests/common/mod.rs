//! Small graphs for tests.
#![allow(clippy::unwrap_used, dead_code)]

use mcompc_ir::{Attrs, DType, Graph, Output, Tensor, Value, ValueId};

/// Numbers in -1..1 that look random and are the same everywhere.
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut s = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
    (0..n)
        .map(|_| {
            s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((s >> 40) as f32) / ((1u64 << 23) as f32) - 1.0
        })
        .collect()
}

/// A graph under construction; every operator's result becomes an output.
pub struct Net {
    pub g: Graph,
    seed: u64,
}

impl Net {
    pub fn new() -> Self {
        Self { g: Graph::new("net"), seed: 1 }
    }
    pub fn input(&mut self, shape: &[usize]) -> ValueId {
        let name = format!("in{}", self.g.inputs.len());
        self.g.add_input(Value::new(name, DType::F32, shape))
    }
    pub fn weight(&mut self, shape: &[usize], scale: f32) -> ValueId {
        self.seed += 1;
        let n = shape.iter().product();
        let data: Vec<f32> = noise(n, self.seed).iter().map(|v| v * scale).collect();
        self.g.add_const(format!("w{}", self.seed), Tensor::from_f32(shape, &data).unwrap())
    }
    pub fn op(&mut self, op: &str, attrs: Attrs, ins: &[ValueId]) -> ValueId {
        let name = format!("{op}{}", self.g.len());
        let id = mcompc_ops::add_op(&mut self.g, &name, op, attrs, ins, &name, None).unwrap();
        self.g.out(id)
    }
    pub fn output(&mut self, v: ValueId) {
        let name = format!("out{}", self.g.outputs.len());
        self.g.outputs.push(Output { name, value: v });
    }
    pub fn samples(&self, seed: u64) -> Vec<Tensor> {
        let ids = self.g.inputs.iter().enumerate();
        ids.map(|(i, &n)| {
            let v = self.g.value(self.g.out(n));
            Tensor::from_f32(v.shape.clone(), &noise(v.elems(), seed + i as u64)).unwrap()
        })
        .collect()
    }
}

pub fn ints(v: &[i64]) -> Vec<i64> {
    v.to_vec()
}

pub fn window(strides: [i64; 2], pads: [i64; 4], layout: &str) -> Attrs {
    Attrs::new().with("strides", ints(&strides)).with("pads", ints(&pads)).with("layout", layout)
}

pub fn conv(strides: [i64; 2], pads: [i64; 4], dil: [i64; 2], group: i64, layout: &str) -> Attrs {
    window(strides, pads, layout).with("dilations", ints(&dil)).with("group", group)
}
