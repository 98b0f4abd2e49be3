//! Every float operator that has an integer form, on made-up ranges: the integer result is within a few steps of the float one.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::int::{Int, integerize};
use mcompc_compress::{Options, calibrate_without_data};
use mcompc_data::{Input, InputSpec};
use mcompc_interp::{FastExec, run};
use mcompc_ir::{Attrs, Code, DType, Graph, Output, Result, Tensor, Value, ValueId};
use mcompc_ops::add_op;

struct Net {
    g: Graph,
    last: ValueId,
}

fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..n).map(|_| next() + next() + next()).collect()
}

impl Net {
    fn new(shape: &[usize]) -> Self {
        let mut g = Graph::new("net");
        let last = g.add_input(Value::new("x", DType::F32, shape));
        Self { g, last }
    }
    fn constant(&mut self, shape: &[usize], scale: f32) -> ValueId {
        let n = self.g.len();
        let data: Vec<f32> = noise(shape.iter().product(), n as u64 + 1).iter().map(|v| v * scale).collect();
        self.g.add_const(format!("c{n}"), Tensor::from_f32(shape, &data).unwrap())
    }
    fn op(mut self, op: &str, attrs: Attrs, more: &[ValueId]) -> Self {
        let ins: Vec<ValueId> = [&[self.last], more].concat();
        let name = format!("n{}", self.g.len());
        let id = add_op(&mut self.g, &name, op, attrs, &ins, &format!("{name}:0"), None).unwrap();
        self.last = self.g.out(id);
        self
    }
    fn conv(mut self, outs: usize, k: usize, stride: i64, pad: i64, group: usize) -> Self {
        let c = *self.g.value(self.last).shape.last().unwrap() / group;
        let (w, b) = (self.constant(&[outs, k, k, c], 0.5), self.constant(&[outs], 0.3));
        let attrs = Attrs::new().with("strides", vec![stride; 2]).with("pads", vec![pad; 4]).with("dilations", vec![1, 1]);
        self.op("Conv", attrs.with("group", group).with("layout", "NHWC").with("act_min", 0.0).with("act_max", 6.0), &[w, b])
    }
    fn pool(self, op: &str, k: i64, s: i64, p: i64) -> Self {
        let a = Attrs::new().with("kernel", vec![k; 2]).with("strides", vec![s; 2]).with("pads", vec![p; 4]).with("layout", "NHWC");
        let a = if op == "AveragePool" { a.with("count_include_pad", 0i64) } else { a };
        self.op(op, a, &[])
    }
    fn dense(mut self, outs: usize) -> Self {
        let k = self.g.value(self.last).shape[1];
        let (w, b) = (self.constant(&[outs, k], 1.0), self.constant(&[outs], 0.5));
        self.op("Dense", Attrs::new(), &[w, b])
    }
    fn finish(mut self) -> Graph {
        self.g.outputs.push(Output { name: "y".into(), value: self.last });
        self.g
    }
    fn int(self, flag: &str) -> Result<(Graph, Vec<Input>, Int)> {
        let mut g = self.finish();
        if g.ids().into_iter().any(|n| g.node(n).op == "BatchNormalization") {
            mcompc_passes::run_pipeline(&mut g)?;
        }
        let specs = [InputSpec::parse(flag)?];
        let inputs = Input::of_graph(&g, &specs)?;
        let stats = calibrate_without_data(&g, &inputs)?;
        let int = integerize(&g, &stats, &specs, &Options::default())?;
        Ok((g, inputs, int))
    }
    /// Largest difference between the integer and the float result, in output steps, over several samples.
    fn steps(self, flag: &str) -> f64 {
        let (g, inputs, int) = self.int(flag).unwrap();
        let exec = FastExec::new(&g).unwrap();
        let (out, iv) = (int.graph.outputs[0].value, int.graph.value(int.graph.out(int.graph.inputs[0])));
        let q = int.graph.value(out).quant.clone().unwrap();
        let mut worst = 0f64;
        for seed in 0..8 {
            let shape = inputs[0].shape.clone();
            let x = noise(shape.iter().product(), 77 + seed);
            let raw = match inputs[0].spec.dtype {
                DType::U8 => Tensor::from_u8(shape, &x.iter().map(|v| (v * 80.0 + 128.0) as u8).collect::<Vec<_>>()),
                DType::I8 => Tensor::from_i8(shape, &x.iter().map(|v| (v * 80.0) as i8).collect::<Vec<_>>()),
                _ => Tensor::from_f32(shape, &x),
            }
            .unwrap();
            let reals = inputs[0].reals(&raw).unwrap();
            let want = exec.run(&mut exec.scratch(), &[&reals], |_, _| {}).unwrap().remove(0);
            let got = run(&int.graph, &[inputs[0].codes(&raw, iv).unwrap()]).unwrap().remove(0).to_i64_vec().unwrap();
            for (w, c) in want.iter().zip(got) {
                // Outside the made-up range the code saturates.
                let code = (f64::from(*w) / q.step() + f64::from(q.zero_point())).clamp(-128.0, 127.0);
                worst = worst.max((code - c as f64).abs());
            }
        }
        worst
    }
}

fn image() -> Net {
    Net::new(&[1, 8, 8, 6])
}

#[test]
fn layers() {
    assert!(image().conv(8, 3, 1, 1, 1).steps("x=f32") < 4.0);
    assert!(image().conv(6, 3, 2, 1, 6).steps("x=f32") < 4.0);
    assert!(image().conv(4, 3, 1, 0, 2).conv(5, 1, 1, 0, 1).steps("x=f32") < 6.0);
    assert!(Net::new(&[1, 40]).dense(12).steps("x=f32") < 4.0);
    assert!(Net::new(&[1, 40]).dense(12).op("Softmax", Attrs::new().with("axis", 1i64), &[]).steps("x=f32") < 30.0);
}

#[test]
fn raw_inputs_cost_nothing() {
    for flag in [
        "x=u8,scale=0.01,offset=128",
        "x=i8,scale=0.01,offset=3",
        "x=u8,scale=0.01,offset=12.25",
        "x=u8,scale=[1e-3;2e-3;3e-3;4e-3;5e-3;6e-3],offset=[1;200;30;40.5;50;60]",
    ] {
        let (_, _, int) = image().conv(8, 3, 1, 0, 1).int(flag).unwrap();
        assert_eq!(int.layers.len(), 1, "{flag}");
        assert!(image().conv(8, 3, 1, 0, 1).steps(flag) < 2.0, "{flag}");
    }
    // Padding needs a code of real zero that all channels share, else the input is first brought under one scale.
    let nodes = |flag| image().conv(8, 3, 1, 1, 1).int(flag).unwrap().2.layers.len();
    assert_eq!(nodes("x=u8,scale=[1e-3;2e-3;3e-3;4e-3;5e-3;6e-3],offset=128"), 1);
    assert_eq!(nodes("x=u8,scale=0.01,offset=[1;2;3;4;5;6]"), 2);
    assert!(image().conv(8, 3, 1, 1, 1).steps("x=u8,scale=0.01,offset=[100;120;130;140;150;160.5]") < 4.0);
    assert!(image().conv(8, 3, 1, 1, 1).steps("x=u8,scale=0.01,offset=127.5") < 4.0);
}

#[test]
fn inputs_keep_their_type() {
    let dtype = |flag: &str| {
        let int = image().conv(8, 3, 1, 1, 1).int(flag).unwrap().2;
        let v = int.graph.value(int.graph.out(int.graph.inputs[0])).clone();
        (v.dtype, v.quant.clone().unwrap().zero_point())
    };
    assert_eq!(dtype("x=u8,scale=0.5,offset=7"), (DType::U8, 7));
    assert_eq!(dtype("x=i8,scale=0.5,offset=83"), (DType::I8, 83));
    assert_eq!(dtype("x=f32").0, DType::I8);
    assert_eq!(dtype("x=i16,scale=0.001").0, DType::I8);
}

#[test]
fn pools_and_moves() {
    assert!(image().pool("AveragePool", 8, 1, 0).steps("x=f32") < 2.0);
    assert!(image().pool("AveragePool", 3, 2, 1).steps("x=f32") < 2.0);
    for flag in ["x=f32", "x=u8,scale=0.01,offset=128", "x=i8,scale=0.01,offset=0"] {
        assert!(image().pool("MaxPool", 3, 2, 1).steps(flag) <= 1.0, "{flag}");
    }
    let attrs = Attrs::new().with("pads", vec![0, 1, 2, 0, 0, 1, 0, 0]).with("value", 0.0);
    assert!(image().op("Pad", attrs, &[]).op("Transpose", Attrs::new().with("perm", vec![0, 3, 1, 2]), &[]).steps("x=f32") <= 1.0);
    assert!(image().op("Reshape", Attrs::new().with("shape", vec![1, 384]), &[]).dense(3).steps("x=u8,scale=0.01,offset=128") < 4.0);
    let pad = Attrs::new().with("pads", vec![0, 1, 0, 0, 0, 0, 0, 0]).with("value", 1.0);
    assert!(image().op("Pad", pad, &[]).steps("x=f32") <= 1.0);
}

#[test]
fn sums_products_and_concatenation() {
    for op in ["Add", "Sub", "Mul"] {
        let mut n = image().conv(6, 1, 1, 0, 1);
        let a = n.last;
        n = n.conv(6, 3, 1, 1, 1);
        assert!(n.op(op, Attrs::new(), &[a]).steps("x=f32") < 12.0, "{op}");
    }
    let mut n = image().conv(6, 1, 1, 0, 1);
    let a = n.last;
    n = n.pool("AveragePool", 8, 1, 0);
    assert!(n.op("Mul", Attrs::new(), &[a]).steps("x=f32") < 8.0);
    let mut n = image();
    let a = n.last;
    n = n.conv(2, 1, 1, 0, 1);
    assert!(n.op("Concat", Attrs::new().with("axis", 3i64), &[a]).steps("x=f32") < 3.0);
    let mut n = Net::new(&[1, 6]);
    let a = n.last;
    n = n.op("Softmax", Attrs::new().with("axis", 1i64), &[]);
    assert!(n.op("Concat", Attrs::new().with("axis", 1i64), &[a]).steps("x=i8,scale=0.02,offset=0") < 3.0);
}

#[test]
fn constant_operands() {
    for (shape, name) in [(vec![1], "scalar"), (vec![6], "channel"), (vec![1, 8, 8, 6], "full"), (vec![8, 1, 1], "rows")] {
        for op in ["Add", "Sub", "Mul"] {
            let mut n = image();
            let c = n.constant(&shape, 2.0);
            assert!(n.op(op, Attrs::new(), &[c]).steps("x=f32") < 3.0, "{op} {name}");
        }
    }
    let mut n = image();
    let c = n.g.add_const("c", Tensor::from_f32([6], &[1., 2., -3., 4., 5., 0.5]).unwrap());
    assert!(n.op("Div", Attrs::new(), &[c]).steps("x=f32") < 2.0);
    let mut n = Net::new(&[1, 5, 6]);
    let c = n.constant(&[6], 1.0);
    assert!(n.op("Mul", Attrs::new(), &[c]).steps("x=f32") < 2.0);
}

#[test]
fn functions_of_one_value() {
    let none = Attrs::new;
    let cases = [
        ("Relu", none()),
        ("Sigmoid", none()),
        ("Tanh", none()),
        ("HardSwish", none()),
        ("Clip", none().with("min", -0.3).with("max", 0.7)),
        ("HardSigmoid", none().with("alpha", 0.2).with("beta", 0.5)),
        ("LeakyRelu", none().with("alpha", 0.1)),
        ("Elu", none().with("alpha", 1.0)),
    ];
    for (op, a) in cases {
        let steps = image().op(op, a.clone(), &[]).steps("x=f32");
        // Half a step of the input is several of a narrow output.
        assert!(steps < 6.0, "{op} {steps}");
        assert!(image().op(op, a, &[]).steps("x=u8,scale=0.01,offset=100.3") < 1.0, "{op}");
    }
}

#[test]
fn batch_norm_alone() {
    let mut n = image();
    let (s, b, m) = (n.constant(&[6], 1.0), n.constant(&[6], 1.0), n.constant(&[6], 1.0));
    let v = n.g.add_const("v", Tensor::from_f32([6], &[1., 2., 0.3, 4., 5., 0.5]).unwrap());
    assert!(n.op("BatchNormalization", Attrs::new().with("epsilon", 1e-5).with("axis", 3i64), &[s, b, m, v]).steps("x=f32") < 2.0);
}

#[test]
fn dead_and_extreme_weights() {
    // All-zero channels beside live ones, and a bias that dwarfs its weights.
    let mut n = Net::new(&[1, 4]);
    let w = n.g.add_const("w", Tensor::from_f32([3, 4], &[0., 0., 0., 0., 1., -1., 0.5, 2., 1e-6, 0., 0., 0.]).unwrap());
    let b = n.g.add_const("b", Tensor::from_f32([3], &[0.5, 0., 700.]).unwrap());
    assert!(n.op("Dense", Attrs::new(), &[w, b]).steps("x=f32") < 2.0);
    // Nothing but zeros.
    let mut n = Net::new(&[1, 4]);
    let w = n.g.add_const("w", Tensor::from_f32([2, 4], &[0.0; 8]).unwrap());
    assert!(n.op("Dense", Attrs::new(), &[w]).dense(3).steps("x=u8,scale=1,offset=0") < 2.0);
}

#[test]
fn refusals_name_the_node() {
    let mut n = Net::new(&[1, 4]);
    let w = n.g.add_const("w", Tensor::from_f32([1, 4], &[0., f32::NAN, 0., 0.]).unwrap());
    let e = n.op("Dense", Attrs::new(), &[w]).int("x=f32").unwrap_err();
    assert_eq!(e.code, Code::NotFinite);

    let mut n = Net::new(&[4, 4]);
    let a = n.last;
    n = n.op("Div", Attrs::new(), &[a]);
    assert_eq!(n.int("x=f32").unwrap_err().code, Code::NoInteger);
}

#[test]
fn products_of_computed_matrices() {
    let perm = |p: Vec<i64>| Attrs::new().with("perm", p);
    for (shape, turn) in [(vec![6, 8], vec![1, 0]), (vec![2, 5, 8], vec![0, 2, 1]), (vec![2, 3, 4, 7], vec![0, 1, 3, 2])] {
        let mut n = Net::new(&shape);
        let x = n.last;
        n = n.op("Transpose", perm(turn), &[]);
        let t = n.last;
        n.last = x;
        assert!(n.op("MatMul", Attrs::new(), &[t]).steps("x=f32") < 3.0, "{shape:?}");
    }
    // Attention of two heads: what is left of the keys' transpose moves rows.
    let attention = || {
        let mut n = Net::new(&[1, 6, 2, 8]);
        let x = n.last;
        n = n.op("Transpose", perm(vec![0, 2, 3, 1]), &[]);
        let keys = n.last;
        n.last = x;
        n = n.op("Transpose", perm(vec![0, 2, 1, 3]), &[]);
        let heads = n.last;
        n.op("MatMul", Attrs::new(), &[keys]).op("Softmax", Attrs::new().with("axis", 3i64), &[]).op("MatMul", Attrs::new(), &[heads])
    };
    let (_, _, int) = attention().int("x=f32").unwrap();
    let products: Vec<_> = int.graph.ids().into_iter().map(|id| int.graph.node(id)).filter(|n| n.op == "q.matmul").collect();
    assert_eq!(products.iter().map(|n| n.attrs.int_or("transposed", 0).unwrap()).collect::<Vec<_>>(), [1, 0]);
    assert!(attention().steps("x=f32") < 4.0);
}

#[test]
fn a_network_that_overflows_is_named() {
    let mut n = Net::new(&[1, 4]);
    let big = n.g.add_const("big", Tensor::from_f32([1], &[1e30]).unwrap());
    let n = n.op("Mul", Attrs::new(), &[big]).op("Mul", Attrs::new(), &[big]);
    let value = n.g.value(n.last).name.clone();
    let e = n.int("x=f32").unwrap_err();
    assert_eq!((e.code, e.node), (Code::NotFinite, Some(value)));
}

#[test]
fn scales_of_any_size_are_refused_or_work() {
    for scale in ["1e-300", "1e-30", "1e30", "1e300"] {
        for offset in ["0", "0.5", "1e300", "-1e9"] {
            for pad in [0, 1] {
                let flag = format!("x=u8,scale={scale},offset={offset}");
                match image().conv(8, 3, 1, pad, 1).int(&flag) {
                    Ok((_, _, int)) => assert!(int.layers.iter().all(|l| l.bound <= i32::MAX as u64), "{flag}"),
                    Err(e) => assert!(matches!(e.code, Code::Overflow | Code::NotFinite), "{flag}: {e}"),
                }
            }
        }
    }
}
