//! Float graphs with values of their own, and data for them.
#![allow(clippy::unwrap_used)]

use super::int::{Int, integerize, supported};
use mcompc_compress::{CalibOptions, Options, calibrate};
use mcompc_data::{Dataset, Input, InputSpec};
use mcompc_interp::{FastExec, FastInt, run};
use mcompc_ir::{Attrs, DType, Graph, Output, Result, Tensor, Value, ValueId};

/// Numbers in -1..1, the same on every host.
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 40) as f32 / (1 << 24) as f32 * 2.0 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Samples of every input of a graph, as raw data.
pub struct Data {
    pub dir: tempfile::TempDir,
    pub samples: usize,
}

impl Data {
    /// `make(sample)` gives one array per input.
    pub fn new(inputs: &[Input], samples: usize, make: impl Fn(usize) -> Vec<Vec<f32>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut npz = npyz::npz::NpzWriter::create(dir.path().join("data.npz")).unwrap();
        let all: Vec<Vec<Vec<f32>>> = (0..samples).map(make).collect();
        for (i, input) in inputs.iter().enumerate() {
            use npyz::WriterBuilder;
            let shape: Vec<u64> = [samples].iter().chain(&input.shape).map(|&d| d as u64).collect();
            macro_rules! write {
                ($t:ty) => {{
                    let mut w =
                        npz.array::<$t>(&input.spec.name, Default::default()).unwrap().default_dtype().shape(&shape).begin_nd().unwrap();
                    all.iter().for_each(|s| w.extend(s[i].iter().map(|&v| v as $t)).unwrap());
                    w.finish().unwrap();
                }};
            }
            match input.spec.dtype {
                DType::U8 => write!(u8),
                DType::I8 => write!(i8),
                DType::I64 => write!(i64),
                _ => write!(f32),
            }
        }
        drop(npz);
        Self { dir, samples }
    }
    pub fn open(&self) -> Dataset {
        Dataset::open(&self.dir.path().join("data.npz")).unwrap()
    }
}

pub struct Case {
    pub g: Graph,
    pub specs: Vec<InputSpec>,
    pub inputs: Vec<Input>,
}

impl Case {
    pub fn new(b: B, flags: &[&str]) -> Self {
        let g = b.g;
        mcompc_ops::verify(&g).unwrap();
        let specs: Vec<InputSpec> = flags.iter().map(|f| InputSpec::parse(f).unwrap()).collect();
        let inputs = Input::of_graph(&g, &specs).unwrap();
        Self { g, specs, inputs }
    }
    pub fn ints(&self, data: &Data) -> Result<Int> {
        self.ints_of(data, &Options::default())
    }
    pub fn ints_of(&self, data: &Data, opts: &Options) -> Result<Int> {
        supported(&self.g, opts)?;
        let stats = calibrate(&self.g, &data.open(), &self.inputs, &CalibOptions::default(), &mut |_, _| {})?;
        integerize(&self.g, &stats, &self.specs, opts)
    }
    /// Squared error over variance of every output; both integer executors agree.
    pub fn errors(&self, data: &Data) -> Vec<f64> {
        self.errors_of(&self.ints(data).unwrap(), data)
    }
    pub fn errors_of(&self, int: &Int, data: &Data) -> Vec<f64> {
        let (float, fast) = (FastExec::new(&self.g).unwrap(), FastInt::new(&int.graph).unwrap());
        let mut sums = vec![[0f64; 4]; self.g.outputs.len()];
        for s in data.open().samples(&self.inputs).unwrap() {
            let s = s.unwrap();
            let reals: Vec<Vec<f32>> = s.inputs.iter().zip(&self.inputs).map(|(t, i)| i.reals(t).unwrap()).collect();
            let slices: Vec<&[f32]> = reals.iter().map(Vec::as_slice).collect();
            let want = float.run(&mut float.scratch(), &slices, |_, _| {}).unwrap();
            let value = |n| int.graph.value(int.graph.out(n));
            let codes: Vec<Tensor> =
                s.inputs.iter().zip(&self.inputs).zip(&int.graph.inputs).map(|((t, i), &n)| i.codes(t, value(n)).unwrap()).collect();
            let got = run(&int.graph, &codes).unwrap();
            assert_eq!(got, fast.run(&codes, |_, _| {}).unwrap());
            for (((w, t), o), sum) in want.iter().zip(&got).zip(&int.graph.outputs).zip(&mut sums) {
                let v = int.graph.value(o.value);
                let q = v.quant.clone().unwrap();
                assert_eq!(v.elems(), w.len());
                for (&w, c) in w.iter().zip(t.to_i64_vec().unwrap()) {
                    let (w, r) = (f64::from(w), q.real(c));
                    *sum = [sum[0] + 1.0, sum[1] + w, sum[2] + w * w, sum[3] + (w - r) * (w - r)];
                }
            }
        }
        assert!(data.samples > 0);
        sums.iter().map(|[n, s, q, e]| if *e == 0.0 { 0.0 } else { (e / n) / (q / n - s / n * (s / n)) }).collect()
    }
    pub fn count(int: &Int, op: &str) -> usize {
        int.graph.ids().into_iter().filter(|&n| int.graph.node(n).op == op).count()
    }
}

/// Uniform samples of every input.
pub fn uniform(c: &Case, samples: usize) -> Data {
    let sizes: Vec<usize> = c.inputs.iter().map(|i| i.shape.iter().product()).collect();
    let lift = c.inputs.iter().map(|i| match i.spec.dtype {
        DType::U8 => (127.0, 128.0),
        DType::I8 => (127.0, 0.0),
        _ => (1.0, 0.0),
    });
    let lift: Vec<(f32, f32)> = lift.collect();
    Data::new(&c.inputs, samples, |s| {
        let one = |(i, &n): (usize, &usize)| noise(n, (s * 31 + i) as u64 + 5).iter().map(|v| v * lift[i].0 + lift[i].1).collect();
        sizes.iter().enumerate().map(one).collect()
    })
}

/// A graph under construction.
pub struct B {
    pub g: Graph,
}

pub fn a() -> Attrs {
    Attrs::new()
}

impl B {
    pub fn new() -> Self {
        Self { g: Graph::new("g") }
    }
    pub fn input(&mut self, name: &str, shape: &[usize]) -> ValueId {
        self.g.add_input(Value::new(name, DType::F32, shape))
    }
    pub fn constant(&mut self, shape: &[usize], data: &[f32]) -> ValueId {
        let name = format!("c{}", self.g.len());
        self.g.add_const(name, Tensor::from_f32(shape, data).unwrap())
    }
    pub fn random(&mut self, shape: &[usize], scale: f32) -> ValueId {
        let data: Vec<f32> = noise(shape.iter().product(), self.g.len() as u64 + 11).iter().map(|v| v * scale).collect();
        self.constant(shape, &data)
    }
    pub fn op(&mut self, op: &str, attrs: Attrs, ins: &[ValueId]) -> ValueId {
        let name = format!("{}{}", op.to_lowercase(), self.g.len());
        let id = mcompc_ops::add_op(&mut self.g, &name, op, attrs, ins, &name, None).unwrap();
        self.g.out(id)
    }
    pub fn conv(&mut self, x: ValueId, outs: usize, scale: f32) -> ValueId {
        let c = *self.g.value(x).shape.last().unwrap();
        let (w, b) = (self.random(&[outs, 1, 1, c], scale), self.random(&[outs], scale / 4.0));
        let attrs = a().with("strides", vec![1, 1]).with("pads", vec![0; 4]).with("dilations", vec![1, 1]).with("group", 1i64);
        self.op("Conv", attrs.with("layout", "NHWC"), &[x, w, b])
    }
    pub fn dense(&mut self, x: ValueId, outs: usize, scale: f32) -> ValueId {
        let k = self.g.value(x).shape[1];
        let (w, b) = (self.random(&[outs, k], scale), self.random(&[outs], scale / 4.0));
        self.op("Dense", a(), &[x, w, b])
    }
    pub fn concat(&mut self, axis: i64, xs: &[ValueId]) -> ValueId {
        self.op("Concat", a().with("axis", axis), xs)
    }
    pub fn pad(&mut self, x: ValueId, pads: &[i64], value: f64) -> ValueId {
        self.op("Pad", a().with("pads", pads.to_vec()).with("value", value), &[x])
    }
    /// Spelt out by the passes, as every graph is before it is calibrated.
    pub fn canonical(mut self) -> Self {
        mcompc_passes::run_pipeline(&mut self.g).unwrap();
        self
    }
    pub fn output(mut self, outs: &[ValueId]) -> Self {
        for (i, &value) in outs.iter().enumerate() {
            self.g.outputs.push(Output { name: format!("y{i}"), value });
        }
        self
    }
}
