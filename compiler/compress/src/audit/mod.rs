//! Where accuracy goes: every layer's integers, as reals, beside the float model's values for the same samples. What no range shows (an
//! outlier that the next layer undoes, a difference of large numbers, a steep function) shows here, at the first layer that suffers.

mod diagnose;

use mcompc_interp::{FastExec, FastInt};
use mcompc_ir::{Code, DType, Error, Graph, Quant, Result, Tensor, ValueId};
use mcompc_ops::is_move;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Axes longer than this are not looked at channel by channel.
const CHANNELS: usize = 1 << 16;

/// What was seen of one channel: an index of the last axis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Channel {
    n: f64,
    sum: f64,
    squares: f64,
    error: f64,
    lo: f32,
    hi: f32,
    /// Smallest and largest code.
    codes: (i64, i64),
}

impl Channel {
    const NONE: Self =
        Self { n: 0.0, sum: 0.0, squares: 0.0, error: 0.0, lo: f32::INFINITY, hi: f32::NEG_INFINITY, codes: (i64::MAX, i64::MIN) };

    fn add(&mut self, real: f32, code: i64, have: f64) {
        let r = f64::from(real);
        self.n += 1.0;
        self.sum += r;
        self.squares += r * r;
        self.error += (r - have) * (r - have);
        (self.lo, self.hi) = (self.lo.min(real), self.hi.max(real));
        self.codes = (self.codes.0.min(code), self.codes.1.max(code));
    }
    fn merge(&mut self, o: &Self) {
        self.n += o.n;
        self.sum += o.sum;
        self.squares += o.squares;
        self.error += o.error;
        (self.lo, self.hi) = (self.lo.min(o.lo), self.hi.max(o.hi));
        self.codes = (self.codes.0.min(o.codes.0), self.codes.1.max(o.codes.1));
    }
    fn span(&self) -> f64 {
        (f64::from(self.hi) - f64::from(self.lo)).max(0.0)
    }
    /// `None` where nothing varies but by the rounding of floats.
    fn variance(&self) -> Option<f64> {
        let (mean, square) = (self.sum / self.n, self.squares / self.n);
        let variance = square - mean * mean;
        (self.lo < self.hi && variance > 1e-9 * square).then_some(variance)
    }
    fn mean_error(&self) -> f64 {
        self.error / self.n
    }
    /// Squared error over variance.
    fn ratio(&self) -> Option<f64> {
        self.variance().map(|v| self.mean_error() / v)
    }
}

/// What was seen of one value.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    channels: Vec<Channel>,
    quant: Quant,
    /// Beyond this, on both sides, nobody tells values apart.
    bound: Option<f32>,
}

impl Seen {
    fn new(channels: usize, quant: Quant, bound: Option<f32>) -> Self {
        let channels = if channels <= CHANNELS { channels.max(1) } else { 1 };
        Self { channels: vec![Channel::NONE; channels], quant, bound }
    }
    fn add(&mut self, reals: &[f32], codes: &[u8], dtype: DType) {
        let n = self.channels.len();
        for (row, codes) in reals.chunks(n).zip(codes.chunks(n * dtype.size())) {
            for ((c, &real), code) in self.channels.iter_mut().zip(row).zip(codes.chunks(dtype.size())) {
                let code = match *code {
                    [low, high] => i64::from(i16::from_le_bytes([low, high])),
                    [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
                    [code] if dtype == DType::U8 => i64::from(code),
                    [code, ..] => i64::from(code as i8),
                    [] => continue,
                };
                let real = self.bound.map_or(real, |b| real.clamp(-b, b));
                c.add(real, code, self.quant.real(code));
            }
        }
    }
    fn merge(&mut self, o: &Self) {
        self.channels.iter_mut().zip(&o.channels).for_each(|(a, b)| a.merge(b));
    }
    fn whole(&self) -> Channel {
        self.channels.iter().fold(Channel::NONE, |mut all, c| {
            all.merge(c);
            all
        })
    }
}

/// The float value that an integer one stands for, how its bytes are read, and beyond what its readers tell nothing apart.
type Pair = (ValueId, Quant, DType, Option<f32>);

/// A comparison under way.
pub struct Audit<'a> {
    float: &'a Graph,
    exec: FastExec,
    int: FastInt,
    /// Integer value -> the float values that it stands for, with how its bytes are read.
    pairs: BTreeMap<ValueId, Pair>,
    /// Bits of the weights of layers, where they have fewer than eight.
    narrow: BTreeMap<&'a str, u8>,
    seen: BTreeMap<ValueId, Seen>,
    samples: usize,
}

impl<'a> Audit<'a> {
    /// Of a canonical float graph and the integer graph that was made of it; `origin` joins their values.
    ///
    /// # Errors
    /// Those of planning the two executors.
    pub fn new(float: &'a Graph, integer: &'a Graph, origin: &BTreeMap<ValueId, ValueId>) -> Result<Self> {
        let mut pairs = BTreeMap::new();
        for id in integer.topo()? {
            let v = integer.out(id);
            let (value, Some(&of)) = (integer.value(v), origin.get(&v)) else { continue };
            let Some(q) = value
                .quant
                .as_ref()
                .filter(|q| q.is_plain() && matches!(value.dtype, DType::I8 | DType::U8 | DType::I16 | DType::I32) && !given(integer, v))
            else {
                continue;
            };
            if value.elems() == float.value(of).elems() {
                let bound = crate::decide::saturated(float, of, q.codes).map(|b| b as f32);
                pairs.insert(v, (of, q.clone(), value.dtype, bound));
            }
        }
        let bits = |n: &'a mcompc_ir::Node| Some((n.name.as_str(), n.attrs.int("bits").ok().filter(|b| (1..8).contains(b))? as u8));
        let narrow = integer.topo()?.into_iter().filter_map(|id| bits(integer.node(id))).collect();
        let (exec, int) = (FastExec::new(float)?, FastInt::new(integer)?);
        Ok(Self { float, exec, int, pairs, narrow, seen: BTreeMap::new(), samples: 0 })
    }

    /// Adds samples: reals of the float graph's inputs and codes of the integer graph's. They are compared side by side; what is found
    /// does not depend on the number of threads.
    ///
    /// # Errors
    /// Those of the executors.
    pub fn add(&mut self, batch: &[(Vec<Vec<f32>>, Vec<Tensor>)]) -> Result<()> {
        let parts: Vec<Result<BTreeMap<ValueId, Seen>>> =
            batch.par_iter().map_init(|| self.exec.scratch(), |scratch, (reals, codes)| self.one(scratch, reals, codes)).collect();
        for part in parts {
            for (v, seen) in part? {
                match self.seen.get_mut(&v) {
                    Some(s) => s.merge(&seen),
                    None => drop(self.seen.insert(v, seen)),
                }
            }
            self.samples += 1;
        }
        Ok(())
    }

    fn one(&self, scratch: &mut mcompc_interp::Scratch, reals: &[Vec<f32>], codes: &[Tensor]) -> Result<BTreeMap<ValueId, Seen>> {
        // The codes wait for the reals: a quarter of their size, or half.
        let mut kept: BTreeMap<ValueId, (Vec<u8>, &Pair)> = BTreeMap::new();
        self.int.run(codes, |v, t| {
            if let Some(pair) = self.pairs.get(&v) {
                kept.insert(pair.0, (t.bytes().to_vec(), pair));
            }
        })?;
        let mut seen = BTreeMap::new();
        let reals: Vec<&[f32]> = reals.iter().map(Vec::as_slice).collect();
        let mut wrong = None;
        self.exec.run(scratch, &reals, |v, data| {
            let Some((codes, (_, q, dtype, bound))) = kept.remove(&v) else { return };
            if codes.len() != data.len() * dtype.size() {
                wrong.get_or_insert(v);
                return;
            }
            let mut s = Seen::new(self.float.value(v).shape.last().copied().unwrap_or(1), q.clone(), *bound);
            s.add(data, &codes, *dtype);
            seen.insert(v, s);
        })?;
        match wrong {
            Some(v) => Err(Error::new(Code::Internal, "integers and reals of different number").at(&self.float.value(v).name)),
            None => Ok(seen),
        }
    }

    /// Squared error over variance of every value of the integer graph that was compared and is not constant.
    pub fn errors(&self) -> BTreeMap<ValueId, f64> {
        let error = |of| self.seen.get(of).and_then(|s| s.whole().ratio());
        self.pairs.iter().filter_map(|(&v, (of, ..))| Some((v, error(of)?))).collect()
    }

    /// What the user should know: layers where accuracy is lost, and channels of outputs that hold nothing any more.
    pub fn warnings(&self) -> Vec<String> {
        diagnose::warnings(self)
    }
}

/// Whether a value holds a graph input's codes, in whatever order: nothing was computed yet, and the codes may have a scale a channel.
fn given(g: &Graph, mut v: ValueId) -> bool {
    while is_move(&g.node(v.node).op)
        && let Some(&x) = g.inputs_of(v.node).first()
    {
        v = x;
    }
    g.node(v.node).op == "input"
}
