//! Random legal geometries of convolutions, dense layers and pools, on every machine description: the module is proven in bounds, and the
//! kernel interpreter gives the bytes of the by-the-book interpreter.
//!
//! `MCOMPC_GEOMETRIES` says how many, `MCOMPC_SEED` where they begin; a failure prints the graph.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Rng, check, machines};
use mcompc_ir::{Attrs, DType, Graph, NodeId, Tensor, Value, ValueId};

/// Products a graph may take by the book.
const WORK: usize = 60_000;

/// What random layers are made of.
trait Draw {
    fn of(&mut self, lo: i64, hi: i64) -> i64;
    fn size(&mut self, lo: usize, hi: usize) -> usize {
        self.of(lo as i64, hi as i64) as usize
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.size(0, from.len() - 1)]
    }
    fn one_in(&mut self, n: i64) -> bool {
        self.of(1, n) == 1
    }
    /// A size of an image, often 1.
    fn side(&mut self) -> usize {
        if self.one_in(3) { 1 } else { self.size(1, 12) }
    }
    fn zero_point(&mut self, t: DType) -> i32 {
        let (lo, hi) = t.int_range().unwrap();
        let any = self.of(lo.into(), hi.into()) as i32;
        self.pick(&[lo, 0, hi, any])
    }
}

impl Draw for Rng {
    fn of(&mut self, lo: i64, hi: i64) -> i64 {
        lo + (self.next() % (hi - lo + 1) as u64) as i64
    }
}

const CHANNELS: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 17, 24, 33, 40];

/// Adds a rescale that spreads sums of `k` products over the codes.
fn rescaled(rng: &mut Rng, attrs: Attrs, k: usize, o: usize) -> (Attrs, Vec<i32>, i32) {
    let (pre, zp) = (rng.pick(&[0, 0, 1, 3]), rng.zero_point(DType::I8));
    // The least shift is the one at which the largest multiplier is as large as it may be.
    let scale = 60.0 / (5400.0 * (k as f64).sqrt()) / f64::from(1 << pre);
    let most = (1..=15i64).filter(|s| scale * 1.5 * ((1i64 << (s + 32)) as f64) < f64::from(i32::MAX)).max().unwrap();
    let shift = rng.of(1, most);
    let m = (0..o).map(|_| (scale * rng.of(50, 150) as f64 / 100.0 * (1i64 << (shift + 32)) as f64) as i32).collect();
    let lo = if rng.one_in(3) { zp.min(120) } else { -128 };
    let hi = if rng.one_in(5) { (lo + 60).min(127) } else { 127 };
    (attrs.with("pre", i64::from(pre)).with("shift", shift).with("lo", i64::from(lo)).with("hi", i64::from(hi)), m, zp)
}

/// Weights `[o][k]` with channels of zeros; of few bits with the attributes and multipliers that say so.
fn weights(rng: &mut Rng, mut attrs: Attrs, o: usize, k: usize, blocks: bool) -> (Attrs, Vec<i8>, Option<Tensor>) {
    let bits: i64 = rng.pick(&[8, 8, 8, 4, 4, 3, 2]);
    let limit = 1i64 << (bits - 1);
    let block = if bits < 8 && blocks && rng.one_in(3) { rng.pick(&[32, 64]) } else { k };
    let runs = k.div_ceil(block);
    let r: Vec<i8> = (0..o * runs).map(|_| if block == k { 1 } else { rng.of(1, 127 / limit) as i8 }).collect();
    let mut w = Vec::with_capacity(o * k);
    for c in 0..o {
        let none = rng.one_in(8);
        w.extend((0..k).map(|i| if none { 0 } else { rng.of((-limit).max(-127), limit - 1) as i8 * r[c * runs + i / block] }));
    }
    if bits < 8 {
        attrs = attrs.with("bits", bits);
    }
    if block == k {
        return (attrs, w, None);
    }
    (attrs.with("block", block), w, Some(Tensor::from_i8(vec![o, runs], &r).unwrap()))
}

/// A graph of one layer, with output `y`.
struct Layer {
    g: Graph,
    x: ValueId,
}

impl Layer {
    fn new(rng: &mut Rng, dtype: DType, shape: Vec<usize>) -> Self {
        let mut g = Graph::new("g");
        let zp = rng.zero_point(dtype);
        let x = g.add_input(Value::new("x", dtype, shape).with_quant(0.5, zp));
        Self { g, x }
    }
    fn end(mut self, op: &str, attrs: Attrs, consts: &[ValueId], y: Value) -> Graph {
        let ins: Vec<ValueId> = [self.x].iter().chain(consts).copied().collect();
        let n: NodeId = self.g.add_node("layer", op, attrs, &ins, vec![y]);
        let value = self.g.out(n);
        self.g.outputs.push(mcompc_ir::Output { name: "y".into(), value });
        self.g
    }
    /// Weights of this shape, bias, multipliers, and the layer.
    fn linear(mut self, rng: &mut Rng, op: &str, attrs: Attrs, w_shape: Vec<usize>, y: Vec<usize>, blocks: bool) -> Graph {
        let (o, k) = (w_shape[0], w_shape[1..].iter().product());
        let (attrs, m, zp) = rescaled(rng, attrs, k, o);
        let (attrs, w, r) = weights(rng, attrs, o, k, blocks);
        let bias: Vec<i32> = (0..o).map(|_| rng.of(-20_000, 20_000) as i32).collect();
        let mut consts = vec![
            self.g.add_const("w", Tensor::from_i8(w_shape, &w).unwrap()),
            self.g.add_const("bias", Tensor::from_i32(vec![o], &bias).unwrap()),
            self.g.add_const("m", Tensor::from_i32(vec![o], &m).unwrap()),
        ];
        consts.extend(r.map(|r| self.g.add_const("r", r)));
        self.end(op, attrs, &consts, Value::new("y", DType::I8, y).with_quant(0.25, zp))
    }
}

fn input_type(rng: &mut Rng) -> DType {
    if rng.one_in(3) { DType::U8 } else { DType::I8 }
}

/// Outputs along an axis, if there are any.
fn outputs(size: usize, kernel: usize, stride: usize, dilation: usize, [before, after]: [usize; 2]) -> Option<usize> {
    Some((size + before + after).checked_sub((kernel - 1) * dilation + 1)? / stride + 1)
}

fn convolution(rng: &mut Rng) -> Option<Graph> {
    let [n, h, w, c] = [if rng.one_in(3) { rng.size(2, 3) } else { 1 }, rng.side(), rng.side(), rng.pick(&CHANNELS)];
    let divisors: Vec<usize> = (2..=c).filter(|d| c.is_multiple_of(*d)).collect();
    let group = match rng.of(0, 5) {
        0..3 => c,
        3 if !divisors.is_empty() => rng.pick(&divisors),
        _ => 1,
    };
    let o = if group == c && c > 1 { c * rng.pick(&[1, 1, 1, 1, 2, 3]) } else { rng.pick(&CHANNELS).next_multiple_of(group) };
    let small = rng.one_in(2);
    let mut window = || if small { rng.pick(&[1, 3]) } else { rng.size(1, 7) };
    let [kh, kw] = [window(), window()];
    let plain = rng.one_in(2);
    let mut step = |most| if plain { 1 } else { rng.size(1, most) };
    let ([sh, sw], [dh, dw]) = ([step(4), step(4)], [step(3), step(3)]);
    let pads = match rng.of(0, 4) {
        0 => [0; 4],
        1 => [kh / 2, kw / 2, kh / 2, kw / 2],
        2 => [rng.size(0, kh * dh), rng.size(0, kw * dw), rng.size(0, kh * dh), rng.size(0, kw * dw)],
        3 => [rng.size(0, h + 2), rng.size(0, w + 2), rng.size(0, h + 2), rng.size(0, w + 2)],
        _ => [rng.size(0, kh), rng.size(0, kw), rng.size(0, kh), rng.size(0, kw)],
    };
    let (oh, ow) = (outputs(h, kh, sh, dh, [pads[0], pads[2]])?, outputs(w, kw, sw, dw, [pads[1], pads[3]])?);
    // Groups become a full convolution.
    let per = if group == c && o == c { 1 } else { c };
    if n * oh * ow * o * kh * kw * per > WORK {
        return None;
    }
    let attrs = Attrs::new().with("strides", &[sh, sw][..]).with("dilations", &[dh, dw][..]).with("pads", &pads[..]).with("group", group);
    let x = input_type(rng);
    let layer = Layer::new(rng, x, vec![n, h, w, c]);
    Some(layer.linear(rng, "q.conv", attrs, vec![o, kh, kw, c / group], vec![n, oh, ow, o], group == 1))
}

fn dense(rng: &mut Rng) -> Option<Graph> {
    let [n, k, o] = [rng.size(1, 9), rng.pick(&CHANNELS) * rng.pick(&[1, 1, 5, 16]), rng.pick(&CHANNELS)];
    let x = input_type(rng);
    let layer = Layer::new(rng, x, vec![n, k]);
    Some(layer.linear(rng, "q.dense", Attrs::new(), vec![o, k], vec![n, o], true))
}

fn pool(rng: &mut Rng) -> Option<Graph> {
    let [n, h, w, c] = [if rng.one_in(3) { rng.size(2, 3) } else { 1 }, rng.side(), rng.side(), rng.pick(&CHANNELS)];
    let [kh, kw, sh, sw] = [rng.size(1, 7), rng.size(1, 7), rng.size(1, 4), rng.size(1, 4)];
    let mut pads = [rng.size(0, kh - 1), rng.size(0, kw - 1), rng.size(0, kh - 1), rng.size(0, kw - 1)];
    if rng.one_in(3) {
        pads = [0; 4];
    }
    let (oh, ow) = (outputs(h, kh, sh, 1, [pads[0], pads[2]])?, outputs(w, kw, sw, 1, [pads[1], pads[3]])?);
    if n * oh * ow * c * kh * kw > WORK {
        return None;
    }
    let attrs = Attrs::new().with("kernel", &[kh, kw][..]).with("strides", &[sh, sw][..]).with("pads", &pads[..]);
    let average = rng.one_in(2);
    let x = input_type(rng);
    let layer = Layer::new(rng, x, vec![n, h, w, c]);
    let y = vec![n, oh, ow, c];
    if !average {
        let q = layer.g.value(layer.x).quant.clone().unwrap();
        return Some(layer.end("q.maxpool", attrs, &[], Value::new("y", x, y).with_quant(q.step(), q.zero_point())));
    }
    let (zp, shift) = (rng.zero_point(DType::I8), rng.of(1, 4));
    // Scales of 0.4 over the number of elements, or over the area for all.
    let counted = rng.one_in(3);
    let of = |e: usize| (0.4 / if counted { kh * kw } else { e } as f64 * (1i64 << (32 + shift - 4)) as f64) as i64;
    let m: Vec<i64> = (1..=kh * kw).map(of).collect();
    let attrs = attrs.with("m", m).with("pre", 4i64).with("shift", shift);
    Some(layer.end("q.avgpool", attrs.with("lo", -128i64).with("hi", 127i64), &[], Value::new("y", DType::I8, y).with_quant(0.5, zp)))
}

#[test]
fn random_geometries_are_right_on_every_machine() {
    let number = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().unwrap_or_else(|_| panic!("{name} is no number")));
    let (count, seed) = (number("MCOMPC_GEOMETRIES").unwrap_or(300), number("MCOMPC_SEED").unwrap_or(1));
    let machines = machines();
    let (mut failed, mut ran) = (Vec::new(), [0; 3]);
    for i in seed..seed + count {
        // Every graph has a seed of its own, so that one can be made again.
        let mut rng = Rng(i.wrapping_mul(0x0001_0000_01b3));
        let g = loop {
            let kind = [0, 0, 0, 0, 0, 0, 0, 1, 2, 2][rng.size(0, 9)];
            if let Some(g) = [convolution, dense, pool][kind](&mut rng) {
                ran[kind] += 1;
                break g;
            }
        };
        if let Err(e) = check(&g, &machines, &mut rng) {
            failed.push(format!("MCOMPC_SEED={i} MCOMPC_GEOMETRIES=1: {e}\n{}", mcompc_ir::print_short(&g)));
        }
    }
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed[..failed.len().min(10)].join("\n"));
    assert!(count < 100 || ran.iter().all(|&n| n > 0), "{ran:?}");
}

/// An image so large that row and column of a pixel cannot be told apart by a reciprocal of 32 bits: blocks of pixels stay in their row.
#[test]
fn rows_too_long_for_a_reciprocal() {
    let w = 60_004;
    // 2^32 rounded up to a multiple of w, and by how much times the number of pixels: what must be below 2^32.
    let over = ((1u64 << 32).div_ceil(w) * w - (1 << 32)) * (2 * w - 1);
    assert!(over >= 1 << 32);
    let mut rng = Rng(7);
    let attrs =
        Attrs::new().with("strides", &[1, 1][..]).with("dilations", &[1, 2][..]).with("pads", &[0, 2, 0, 2][..]).with("group", 1i64);
    let w = w as usize;
    let layer = Layer::new(&mut rng, DType::I8, vec![1, 2, w, 1]);
    let g = layer.linear(&mut rng, "q.conv", attrs, vec![2, 1, 3, 1], vec![1, 2, w, 2], false);
    check(&g, &machines(), &mut rng).unwrap_or_else(|e| panic!("{e}"));
}
