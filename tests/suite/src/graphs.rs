//! Small integer graphs with reproducible constants.

use mcompc_ir::{Attrs, DType, Graph, Result, Tensor, Value};

/// A small reproducible generator.
pub struct Random(pub u64);

impl Random {
    /// A number in `lo..=hi`.
    pub fn next(&mut self, lo: i64, hi: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        lo + ((self.0 >> 33) as i64).rem_euclid(hi - lo + 1)
    }
}

/// One q.conv over an image of `h` x `w` x `c`, stride 1, same padding; depthwise when `depthwise`, else to `o` channels.
pub fn conv_graph(h: usize, w: usize, c: usize, o: usize, k: usize, depthwise: bool) -> Result<Graph> {
    let mut r = Random(42);
    let mut g = Graph::new("spike");
    let x = g.add_input(Value::new("x", DType::I8, [1, h, w, c]).with_quant(0.05, -128));
    let per = k * k * if depthwise { 1 } else { c };
    let weights: Vec<i8> = (0..o * per).map(|_| r.next(-127, 127) as i8).collect();
    let bias: Vec<i32> = (0..o).map(|_| r.next(-9000, 9000) as i32).collect();
    let mult: Vec<i32> = (0..o).map(|_| r.next(1 << 29, (1 << 31) - 1) as i32).collect();
    let wv = g.add_const("w", Tensor::from_i8([o, k, k, if depthwise { 1 } else { c }], &weights)?);
    let bv = g.add_const("b", Tensor::from_i32([o], &bias)?);
    let mv = g.add_const("m", Tensor::from_i32([o], &mult)?);
    let p = (k / 2) as i64;
    let attrs = Attrs::new()
        .with("strides", vec![1i64, 1])
        .with("dilations", vec![1i64, 1])
        .with("pads", vec![p; 4])
        .with("group", if depthwise { c } else { 1 })
        .with("pre", 0i64)
        .with("shift", 6i64)
        .with("lo", -128i64)
        .with("hi", 127i64);
    let q = mcompc_ir::Quant::new(mcompc_ir::Codes::I8, 0.1, -128);
    let n = mcompc_ops::add_op(&mut g, "conv", "q.conv", attrs, &[x, wv, bv, mv], "y", Some(q))?;
    g.outputs.push(mcompc_ir::Output { name: "y".into(), value: g.out(n) });
    Ok(g)
}

/// Random codes for every input of an integer graph.
pub fn inputs_for(g: &Graph, seed: u64) -> Result<Vec<Tensor>> {
    let mut r = Random(seed);
    g.inputs
        .iter()
        .map(|&n| {
            let v = g.value(g.out(n));
            let bytes: Vec<u8> = (0..v.bytes()).map(|_| r.next(0, 255) as u8).collect();
            Tensor::new(v.dtype, v.shape.clone(), bytes.into())
        })
        .collect()
}
