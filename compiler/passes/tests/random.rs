//! Random float graphs: the graph after every pass computes what the graph before it computed, and the pipeline reaches a fixed point.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::{Attrs, DType, Graph, Output, Tensor, Value, ValueId};

/// Numbers that are the same on every host.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }
    fn one_of<T: Copy>(&mut self, v: &[T]) -> T {
        v[self.below(v.len())]
    }
    /// Away from zero, so that quotients stay small.
    fn real(&mut self) -> f32 {
        let v = 0.25 + self.below(1000) as f32 / 500.0;
        if self.below(2) == 0 { v } else { -v }
    }
    fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let v: Vec<f32> = (0..shape.iter().product()).map(|_| self.real()).collect();
        Tensor::from_f32(shape, &v).unwrap()
    }
}

/// A graph that grows at its last value.
struct Net {
    g: Graph,
    d: Dice,
    /// Computed values, oldest first.
    values: Vec<ValueId>,
    n: usize,
}

impl Net {
    fn new(seed: u64, shape: &[usize]) -> Self {
        let mut g = Graph::new("g");
        let x = g.add_input(Value::new("x", DType::F32, shape));
        let mut d = Dice(seed.wrapping_mul(0x9e3779b97f4a7c15) ^ 0x5851f42d4c957f2d);
        for _ in 0..4 {
            d.below(2);
        }
        Net { g, d, values: vec![x], n: 0 }
    }
    fn name(&mut self) -> String {
        self.n += 1;
        format!("n{}", self.n)
    }
    fn shape(&self, v: ValueId) -> Vec<usize> {
        self.g.value(v).shape.clone()
    }
    /// Adds an operator if it takes these operands; its result becomes the last value.
    fn op(&mut self, op: &str, attrs: Attrs, ins: &[ValueId]) -> bool {
        let name = self.name();
        match mcompc_ops::add_op(&mut self.g, &name, op, attrs, ins, &name, None) {
            Ok(id) if self.g.value(self.g.out(id)).elems() <= 2048 => {
                self.values.push(self.g.out(id));
                true
            }
            _ => false,
        }
    }
    fn constant(&mut self, shape: &[usize]) -> ValueId {
        let (name, t) = (self.name(), self.d.tensor(shape));
        self.g.add_const(name, t)
    }
    /// A shape that broadcasts with `to`: dimensions of 1, missing and additional leading ones, and now and then one that makes it grow.
    fn partner(&mut self, to: &[usize]) -> Vec<usize> {
        let drop = if to.is_empty() { 0 } else { self.d.below(to.len() + 1) };
        let mut s: Vec<usize> = to[drop..].iter().map(|&n| if self.d.below(2) == 0 { 1 } else { n }).collect();
        match self.d.below(6) {
            0 => s = vec![],
            1 => s = vec![1],
            2 => {
                let lead = to.len() - s.len() + 1 + self.d.below(2);
                s = std::iter::repeat_n(1, lead.min(6)).chain(s).collect();
            }
            3 if self.d.below(4) == 0 && s.len() == to.len() => s.insert(0, 2),
            _ => {}
        }
        s
    }
    fn binary(&mut self, x: ValueId) -> bool {
        let op = self.d.one_of(&["Add", "Sub", "Mul", "Div", "Mul", "Add"]);
        let other = if self.d.below(3) == 0 && op != "Div" {
            self.values[self.d.below(self.values.len())]
        } else {
            let s = self.shape(x);
            let s = self.partner(&s);
            self.constant(&s)
        };
        let first = op == "Div" || self.d.below(3) > 0;
        let ins = if first { [x, other] } else { [other, x] };
        self.op(op, Attrs::new(), &ins) || self.op("Add", Attrs::new(), &[x, x])
    }
    fn unary(&mut self, x: ValueId) -> bool {
        let op = self.d.one_of(&["Relu", "Sigmoid", "Tanh", "HardSwish", "Clip", "LeakyRelu", "Elu", "HardSigmoid"]);
        let attrs = match op {
            "Clip" => {
                Attrs::new().with("min", self.d.one_of(&[f64::NEG_INFINITY, -0.5, 0.0])).with("max", self.d.one_of(&[f64::INFINITY, 1.0]))
            }
            "LeakyRelu" | "Elu" => Attrs::new().with("alpha", 0.25),
            "HardSigmoid" => Attrs::new().with("alpha", 0.25).with("beta", 0.5),
            _ => Attrs::new(),
        };
        self.op(op, attrs, &[x])
    }
    fn moves(&mut self, x: ValueId) -> bool {
        let s = self.shape(x);
        let r = s.len();
        match self.d.below(6) {
            0 if r > 1 => {
                let mut perm: Vec<usize> = (0..r).collect();
                match self.d.below(3) {
                    0 if r == 4 => perm = vec![0, 2, 3, 1],
                    1 if r == 4 => perm = vec![0, 3, 1, 2],
                    _ => (0..r).for_each(|i| perm.swap(i, self.d.below(r))),
                }
                self.op("Transpose", Attrs::new().with("perm", perm.as_slice()), &[x])
            }
            1 => {
                // Flatten at a place, or drop and add dimensions of 1.
                let at = self.d.below(r + 1);
                let flat = vec![s[..at].iter().product(), s[at..].iter().product()];
                let mut ones: Vec<usize> = s.iter().copied().filter(|&n| n != 1 || self.d.below(2) == 0).collect();
                if ones.len() < 5 {
                    ones.insert(self.d.below(ones.len() + 1), 1);
                }
                let to = if self.d.below(2) == 0 { flat } else { ones };
                self.op("Reshape", Attrs::new().with("shape", to.as_slice()), &[x])
            }
            5 if r > 0 => {
                let size = |d: &mut Dice, n: usize| 1 + d.below(n);
                let sizes: Vec<usize> = s.iter().map(|&n| size(&mut self.d, n)).collect();
                let starts: Vec<usize> = s.iter().zip(&sizes).map(|(&n, &k)| self.d.below(n - k + 1)).collect();
                let back = self.d.below(r);
                let (mut starts, mut steps) = (starts, vec![1i64; r]);
                (starts[back], steps[back]) = (starts[back] + sizes[back] - 1, -1);
                let attrs = Attrs::new().with("starts", starts.as_slice()).with("sizes", sizes.as_slice()).with("steps", steps);
                self.op("Slice", attrs, &[x])
            }
            2 if r > 0 => {
                let pads: Vec<usize> = (0..2 * r).map(|_| self.d.below(2)).collect();
                let value = self.d.one_of(&[0.0, 0.0, 1.5]);
                let attrs = Attrs::new().with("pads", pads.as_slice());
                match self.d.below(6) {
                    n @ 0..3 => self.op("Pad", attrs.with("value", 0.0).with("mode", ["edge", "reflect", "wrap"][n]), &[x]),
                    _ => self.op("Pad", attrs.with("value", value), &[x]),
                }
            }
            3 if r > 0 => {
                let axis = self.d.below(r);
                let mut other = s.clone();
                other[axis] = 1 + self.d.below(3);
                let k = if self.d.below(2) == 0 { x } else { self.constant(&other) };
                self.op("Concat", Attrs::new().with("axis", axis), &[x, k])
            }
            4 if r > 0 => {
                let axes: Vec<usize> = if r == 4 && self.d.below(2) == 0 {
                    self.d.one_of(&[[2, 3], [1, 2]]).to_vec()
                } else {
                    (0..r).filter(|_| self.d.below(2) == 0).collect()
                };
                let keep = self.d.below(2);
                let op = self.d.one_of(&["ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"]);
                self.op(op, Attrs::new().with("axes", axes.as_slice()).with("keepdims", keep), &[x])
            }
            _ => false,
        }
    }
    fn normalise(&mut self, x: ValueId) -> bool {
        let s = self.shape(x);
        if s.is_empty() || self.d.below(2) == 0 {
            let axis = self.d.below(s.len().max(1));
            return self.op("Softmax", Attrs::new().with("axis", axis), &[x]);
        }
        let axis = if s.len() > 1 { 1 } else { 0 };
        let mut p: Vec<ValueId> = (0..3).map(|_| self.constant(&[s[axis]])).collect();
        let name = self.name();
        let var: Vec<f32> = (0..s[axis]).map(|_| self.d.real().abs()).collect();
        p.push(self.g.add_const(name, Tensor::from_f32([s[axis]], &var).unwrap()));
        p.insert(0, x);
        self.op("BatchNormalization", Attrs::new().with("epsilon", 0.001).with("axis", axis), &p)
    }
    fn product(&mut self, x: ValueId) -> bool {
        let s = self.shape(x);
        let Some(&k) = s.last() else { return false };
        // Leading dimensions: of 1, those of x, or new ones.
        let (own, new) = (s[..s.len().saturating_sub(2)].to_vec(), self.d.one_of(&[&[][..], &[1], &[1, 1], &[3]]));
        let own: Vec<usize> = own.into_iter().map(|n| if self.d.below(3) == 0 { 1 } else { n }).collect();
        let lead = if self.d.below(2) == 0 { &own[..] } else { new };
        if s.len() == 2 && self.d.below(3) == 0 {
            let o = 1 + self.d.below(5);
            let (w, b) = (self.constant(&[o, k]), self.constant(&[o]));
            return self.op("Dense", Attrs::new(), &[x, w, b]);
        }
        let vector = self.d.below(4) == 0;
        if self.d.below(2) == 0 {
            let n = 1 + self.d.below(5);
            let w = if vector { vec![k] } else { [lead, &[k, n]].concat() };
            let w = self.constant(&w);
            self.op("MatMul", Attrs::new(), &[x, w])
        } else {
            let (m, k) = (1 + self.d.below(5), if s.len() == 1 { k } else { s[s.len() - 2] });
            let w = if vector { vec![k] } else { [lead, &[m, k]].concat() };
            let w = self.constant(&w);
            self.op("MatMul", Attrs::new(), &[w, x])
        }
    }
    /// A convolution or pool over one or three dimensions.
    fn sequence(&mut self, x: ValueId) -> bool {
        let s = self.shape(x);
        let n = s.len().saturating_sub(2);
        if n != 1 && n != 3 {
            return false;
        }
        let mut list = |least: usize, most: usize, k: usize| -> Vec<usize> { (0..k).map(|_| least + self.d.below(most)).collect() };
        let (kernel, pads, strides) = (list(1, 3, n), list(0, 2, 2 * n), list(1, 2, n));
        let kernel: Vec<usize> = kernel.iter().zip(&s[2..]).map(|(&k, &size)| k.min(size)).collect();
        let attrs = Attrs::new().with("pads", &pads[..]).with("strides", &strides[..]).with("layout", "NCHW");
        match self.d.below(4) {
            0 => self.op("MaxPool", attrs.with("kernel", &kernel[..]), &[x]),
            1 => {
                let counted = self.d.below(2);
                self.op("AveragePool", attrs.with("kernel", &kernel[..]).with("count_include_pad", counted), &[x])
            }
            _ => {
                let group = self.d.one_of(&[1, s[1]]);
                let o = group * (1 + self.d.below(3));
                let w = self.constant(&[&[o, s[1] / group], &kernel[..]].concat());
                let dilations = vec![1 + self.d.below(2) as i64; n];
                self.op("Conv", attrs.with("dilations", dilations).with("group", group), &[x, w])
            }
        }
    }
    fn image(&mut self, x: ValueId) -> bool {
        let s = self.shape(x);
        let &[_, c, h, w] = s.as_slice() else { return false };
        let pads: Vec<usize> = (0..4).map(|_| self.d.below(2)).collect();
        let strides = [1 + self.d.below(2), 1 + self.d.below(2)];
        let attrs = Attrs::new().with("pads", pads.as_slice()).with("strides", strides.as_slice()).with("layout", "NCHW");
        let kernel = [(1 + self.d.below(3)).min(h), (1 + self.d.below(3)).min(w)];
        match self.d.below(5) {
            0 => {
                let attrs = attrs.with("kernel", kernel.as_slice()).with("count_include_pad", self.d.below(2));
                self.op("AveragePool", attrs, &[x])
            }
            1 => self.op("MaxPool", attrs.with("kernel", kernel.as_slice()), &[x]),
            2 => {
                // A gate on the channels, or on the pixels.
                let attrs = Attrs::new().with("pads", vec![0i64; 4]).with("strides", vec![1i64, 1]).with("layout", "NCHW");
                let pool = attrs.clone().with("kernel", [h, w].as_slice()).with("count_include_pad", 0usize);
                let o = self.d.one_of(&[c, c, 1]);
                let k = self.constant(&[o, c, 1, 1]);
                let conv = attrs.with("dilations", vec![1i64, 1]).with("group", 1usize);
                let from = if o == c { self.op("AveragePool", pool, &[x]) } else { true };
                let from = if from && o == c { *self.values.last().unwrap() } else { x };
                self.op("Conv", conv, &[from, k]) && {
                    let v = *self.values.last().unwrap();
                    self.op("Sigmoid", Attrs::new(), &[v]) && {
                        let v = *self.values.last().unwrap();
                        self.op("Mul", Attrs::new(), &[x, v])
                    }
                }
            }
            _ => {
                let group = if self.d.below(3) == 0 { c } else { 1 };
                let o = if group == c { c * (1 + self.d.below(2)) } else { 1 + self.d.below(9) };
                let mut data = self.d.tensor(&[o, c / group, kernel[0], kernel[1]]);
                if self.d.below(4) == 0 {
                    // Some channels that are dead.
                    let per = data.elems() / o;
                    let v: Vec<f32> = data
                        .as_f32()
                        .unwrap()
                        .iter()
                        .enumerate()
                        .map(|(i, &v)| if (i / per).is_multiple_of(2) { 0.0 } else { v })
                        .collect();
                    data = Tensor::from_f32(data.shape.clone(), &v).unwrap();
                }
                let name = self.name();
                let mut ins = vec![x, self.g.add_const(name, data)];
                if self.d.below(2) == 0 {
                    let b = self.constant(&[o]);
                    ins.push(b);
                }
                let dil = self.d.one_of(&[[1usize, 1], [1, 1], [2, 1]]);
                self.op("Conv", attrs.with("dilations", dil.as_slice()).with("group", group), &ins)
            }
        }
    }
    fn grow(&mut self) {
        // Mostly a chain; sometimes a branch from an older value.
        let x = if self.d.below(5) == 0 { self.values[self.d.below(self.values.len())] } else { *self.values.last().unwrap() };
        let _ = match self.d.below(9) {
            0..=2 => self.image(x) || self.sequence(x) || self.unary(x),
            3 | 4 => self.binary(x),
            5 => self.unary(x),
            6 => self.moves(x),
            7 => self.normalise(x),
            _ => self.product(x),
        };
    }
    fn finish(mut self) -> Graph {
        let mut outs = vec![*self.values.last().unwrap()];
        if self.d.below(3) == 0 {
            outs.push(self.values[self.d.below(self.values.len())]);
        }
        outs.dedup();
        for (i, v) in outs.into_iter().enumerate() {
            self.g.outputs.push(Output { name: format!("y{i}"), value: v });
        }
        self.g.remove_dead();
        self.g
    }
}

/// Largest difference, relative to the largest element of each output.
fn difference(a: &[Tensor], b: &[Tensor]) -> f32 {
    let mut worst = 0f32;
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert_eq!(x.shape, y.shape);
        let (x, y) = (x.as_f32().unwrap(), y.as_f32().unwrap());
        let top = x.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        worst = x.iter().zip(y.iter()).fold(worst, |m, (p, q)| m.max((p - q).abs() / top));
    }
    worst
}

/// Runs every pass to the fixed point and compares after each one that changed something.
fn check(seed: u64, mut g: Graph) -> Graph {
    let text = mcompc_ir::print(&g);
    mcompc_ops::verify(&g).unwrap();
    let mut d = Dice(seed);
    let x: Vec<Tensor> = g.inputs.iter().map(|&n| d.tensor(&g.value(g.out(n)).shape)).collect();
    let want = mcompc_interp::run(&g, &x).unwrap();
    if want.iter().any(|t| t.as_f32().unwrap().iter().any(|v| !v.is_finite() || v.abs() > 1e12)) {
        return g;
    }
    for round in 0..64 {
        let mut changes = 0;
        for p in mcompc_passes::PASSES {
            let before = mcompc_ir::print(&g);
            let n = (p.run)(&mut g).unwrap_or_else(|e| panic!("seed {seed}: {} in round {round}: {e}\n{before}", p.name));
            if n == 0 {
                assert_eq!(before, mcompc_ir::print(&g), "seed {seed}: {} says it changed nothing", p.name);
                continue;
            }
            changes += n;
            g.remove_dead();
            mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("seed {seed}: after {} in round {round}: {e}\n{before}", p.name));
            let got = mcompc_interp::run(&g, &x).unwrap();
            let d = difference(&want, &got);
            assert!(d < 1e-4, "seed {seed}: {} in round {round} changes the result by {d}\nbefore: {before}\nat first: {text}", p.name);
        }
        if changes == 0 {
            return g;
        }
    }
    panic!("seed {seed}: the passes reach no fixed point\n{text}");
}

fn left(g: &Graph, op: &str) -> usize {
    g.ids().iter().filter(|&&n| g.node(n).op == op).count()
}

fn seeds() -> std::ops::Range<u64> {
    let n = std::env::var("MCOMPC_RANDOM_GRAPHS").ok().and_then(|v| v.parse().ok()).unwrap_or(200);
    0..n
}

#[test]
fn chains_with_broadcast_constants() {
    for seed in seeds() {
        let mut d = Dice(seed ^ 0xabcdef);
        let shape: Vec<usize> = (0..1 + d.below(4)).map(|_| d.one_of(&[1, 2, 3, 4])).collect();
        let mut net = Net::new(seed, &shape);
        for _ in 0..2 + net.d.below(5) {
            let x = *net.values.last().unwrap();
            let _ = match net.d.below(5) {
                0 => net.moves(x),
                1 => net.unary(x),
                2 => net.product(x),
                _ => net.binary(x),
            };
        }
        let g = check(seed, net.finish());
        // Ranks are settled: no operand is of a higher rank than the result asks for, and no computed one of a lower rank.
        for n in g.ids().into_iter().filter(|&n| matches!(g.node(n).op.as_str(), "Add" | "Sub" | "Mul" | "Div")) {
            let rank = g.value(g.out(n)).shape.len();
            for v in g.inputs_of(n) {
                assert!(g.const_of(v).is_some() || g.value(v).shape.len() == rank, "seed {seed}:\n{}", mcompc_ir::print(&g));
            }
        }
    }
}

#[test]
fn images() {
    for seed in seeds() {
        let mut d = Dice(seed ^ 0x123456);
        let shape = [d.one_of(&[1, 1, 2]), 1 + d.below(5), 1 + d.below(6), 1 + d.below(6)];
        let mut net = Net::new(seed, &shape);
        for _ in 0..2 + net.d.below(9) {
            net.grow();
        }
        let g = check(seed, net.finish());
        for n in g.ids().into_iter().filter(|&n| g.node(n).op == "Softmax") {
            let rank = g.value(g.out(n)).shape.len();
            assert_eq!(g.node(n).attrs.int("axis").unwrap() as usize + 1, rank, "seed {seed}: a softmax over another axis than the last");
        }
    }
}

#[test]
fn every_constant_matrix_becomes_a_dense_layer() {
    for seed in seeds() {
        let mut d = Dice(seed ^ 0x777);
        let shape: Vec<usize> = (0..1 + d.below(4)).map(|_| 1 + d.below(4)).collect();
        let mut net = Net::new(seed, &shape);
        let x = net.values[0];
        let s = net.shape(x);
        let lead = net.d.one_of(&[&[][..], &[1], &[1, 1]]);
        let (k, n) = (s[s.len() - 1], 1 + net.d.below(4));
        let k2 = if s.len() == 1 { k } else { s[s.len() - 2] };
        let (right, vector) = (net.d.below(2) == 0, net.d.below(3) == 0);
        let w = match (right, vector) {
            (true, true) => vec![k],
            (true, false) => [lead, &[k, n]].concat(),
            (false, true) => vec![k2],
            (false, false) => [lead, &[n, k2]].concat(),
        };
        let w = net.constant(&w);
        assert!(net.op("MatMul", Attrs::new(), &if right { [x, w] } else { [w, x] }), "seed {seed}");
        let g = check(seed, net.finish());
        assert_eq!((left(&g, "MatMul"), left(&g, "Dense")), (0, 1), "seed {seed}:\n{}", mcompc_ir::print(&g));
    }
}

#[test]
fn every_product_with_constant_matrices_becomes_a_layer() {
    for seed in seeds() {
        let mut d = Dice(seed ^ 0x999);
        let shape: Vec<usize> = (0..2 + d.below(3)).map(|_| 1 + d.below(3)).collect();
        let mut net = Net::new(seed, &shape);
        // A product with several matrices, some of them for the same rows.
        for _ in 0..8 {
            if net.values.len() == 1 {
                net.product(net.values[0]);
            }
        }
        let g = check(seed, net.finish());
        assert_eq!(left(&g, "MatMul"), 0, "seed {seed}:\n{}", mcompc_ir::print(&g));
    }
}
