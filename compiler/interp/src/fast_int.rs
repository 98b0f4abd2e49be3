//! Integer graphs at a speed for whole data files: convolutions and dense layers in 16-bit operands and 32-bit sums, everything else by
//! the book. The results are those of the reference, bit for bit: no sum that is taken here can leave its type.

mod product;

use mcompc_ir::{Code, DType, Error, Graph, Node, NodeId, Result, Tensor, Value, ValueId};
use mcompc_ops::{Ctx, Rescale};
use std::collections::BTreeMap;

/// Products that fit one 32-bit sum: each is at most 255 * 128 in magnitude, below 2^15. Those of 16-bit operands are larger; there it is
/// proven of the whole sum.
const TERMS: usize = 1 << 16;
/// Pixels whose patches are gathered together, so that a row of weights is read once for all of them.
const PIXELS: usize = 8;

/// A planned integer graph, to be shared between threads.
pub struct FastInt {
    g: Graph,
    order: Vec<NodeId>,
    last: BTreeMap<ValueId, usize>,
    plans: BTreeMap<NodeId, Plan>,
}

/// An operator that does not go by the book.
enum Plan {
    Layer(Layer),
    Product(product::Matmul),
}

/// A convolution, or a dense layer as a 1x1 convolution of a 1x1 image.
struct Layer {
    x: [usize; 4],
    y: [usize; 4],
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 2],
    dilations: [usize; 2],
    /// Input and output channels of a group.
    ci: usize,
    co: usize,
    zero_point: i16,
    /// [O, kh, kw, ci], or [kh, kw, O] where ci is 1.
    w: Vec<i16>,
    bias: Vec<i64>,
    m: Vec<i64>,
    r: Rescale,
}

impl FastInt {
    /// Plans an integer graph.
    ///
    /// # Errors
    /// Those of [`mcompc_ops::verify`].
    pub fn new(g: &Graph) -> Result<Self> {
        mcompc_ops::verify(g)?;
        let order = g.topo()?;
        let mut last = BTreeMap::new();
        let mut plans = BTreeMap::new();
        for (i, &id) in order.iter().enumerate() {
            last.extend(g.inputs_of(id).into_iter().map(|v| (v, i)));
            let plan = match g.node(id).op.as_str() {
                "q.conv" | "q.dense" => Layer::new(g, id).map(|l| l.map(Plan::Layer)),
                "q.matmul" => product::Matmul::new(g, id).map(|p| Some(Plan::Product(p))),
                _ => Ok(None),
            };
            plans.extend(plan.map_err(|e| e.at(&g.node(id).name))?.map(|p| (id, p)));
        }
        last.extend(g.outputs.iter().map(|o| (o.value, usize::MAX)));
        Ok(Self { g: g.clone(), order, last, plans })
    }
    /// Runs one sample, one tensor per graph input in order. `observer` sees the result of every operator.
    ///
    /// # Errors
    /// As [`crate::run`].
    pub fn run(&self, inputs: &[Tensor], mut observer: impl FnMut(ValueId, &Tensor)) -> Result<Vec<Tensor>> {
        let g = &self.g;
        let mut values = crate::reference::given(g, inputs)?;
        for (i, &id) in self.order.iter().enumerate() {
            match self.plans.get(&id) {
                Some(plan) => {
                    let ins = g.inputs_of(id);
                    let read = |i: usize| {
                        let x = ins.get(i).and_then(|&v| values.get(&v).or_else(|| g.const_of(v)));
                        x.ok_or_else(|| Error::new(Code::Internal, "an operator before its input"))
                    };
                    let y = match plan {
                        Plan::Layer(l) => read(0).and_then(|x| l.run(x)),
                        Plan::Product(p) => read(0).and_then(|a| p.run(a, read(1)?)),
                    };
                    let (y, out) = (y.map_err(|e| e.at(&g.node(id).name))?, g.value(g.out(id)));
                    values.insert(g.out(id), Tensor::from_ints(out.dtype, out.shape.clone(), &y)?);
                }
                None => crate::reference::step(g, id, mcompc_ops::Level::Integer, &mut values)?,
            }
            if let Some(t) = values.get(&g.out(id)) {
                observer(g.out(id), t);
            }
            for v in g.inputs_of(id) {
                if self.last.get(&v) == Some(&i) {
                    values.remove(&v);
                }
            }
        }
        crate::reference::outputs(g, &values)
    }
}

fn four(s: &[usize]) -> Option<[usize; 4]> {
    match *s {
        [n, h, w, c] => Some([n, h, w, c]),
        [n, c] => Some([n, 1, 1, c]),
        _ => None,
    }
}

fn pair(n: &Node, attr: &str) -> Result<[usize; 2]> {
    if n.attrs.get(attr).is_none() {
        return Ok(if attr == "pads" { [0, 0] } else { [1, 1] });
    }
    let v = n.attrs.usizes(attr)?;
    Ok([v[0], v[1]])
}

impl Layer {
    /// `None` for layers whose weights are not constant, whose sums might leave 32 bits, or whose operand less its zero point might leave 16.
    fn new(g: &Graph, id: NodeId) -> Result<Option<Self>> {
        let n = g.node(id);
        let ins = g.inputs_of(id);
        let (Some(w), Some(bias), Some(m)) = (g.const_of(ins[1]), g.const_of(ins[2]), g.const_of(ins[3])) else { return Ok(None) };
        let vals: Vec<&Value> = ins.iter().map(|&v| g.value(v)).collect();
        let (Some(x), Some(y), Some([o, kh, kw, ci]), Some(q)) =
            (four(&vals[0].shape), four(&n.outs[0].shape), four(&w.shape), &vals[0].quant)
        else {
            return Ok(None);
        };
        let narrow = vals[0].dtype != DType::I32 && (vals[0].dtype != DType::I16 || q.zero_point() == 0);
        if !narrow || kh * kw * ci > TERMS || m.to_i64_vec()?.iter().any(|&m| m < 0) {
            return Ok(None);
        }
        let group = n.attrs.int_or("group", 1)? as usize;
        let (ws, taps) = (w.to_i64_vec()?, kh * kw);
        let w = if ci == 1 {
            (0..taps).flat_map(|t| (0..o).map(move |c| c * taps + t)).map(|i| ws[i] as i16).collect()
        } else {
            // Weights are i8 or i16.
            ws.iter().map(|&w| w as i16).collect()
        };
        Ok(Some(Self {
            x,
            y,
            kernel: [kh, kw],
            strides: pair(n, "strides")?,
            pads: pair(n, "pads")?,
            dilations: pair(n, "dilations")?,
            ci,
            co: o / group,
            zero_point: q.zero_point() as i16,
            w,
            bias: bias.to_i64_vec()?,
            m: m.to_i64_vec()?,
            r: Rescale::of(&Ctx { node: n, ins: &vals })?,
        }))
    }
    fn code(&self, o: usize, sum: i32) -> Result<i32> {
        let r = &self.r;
        let acc = (self.bias[o] + i64::from(sum)) << r.pre;
        if i32::try_from(self.bias[o] + i64::from(sum)).is_err() || i32::try_from(acc).is_err() {
            let e = Error::new(Code::Overflow, format!("an accumulator of {} leaves 32 bits", self.bias[o] + i64::from(sum)));
            return Err(e.hint("integer graphs are made so that this cannot happen; a bug worth reporting"));
        }
        // Below 2^31 * 2^31 + 2^46.
        let q = r.zero_point + ((acc * self.m[o] + (1i64 << (31 + r.shift))) >> (32 + r.shift));
        // lo and hi are codes.
        Ok(q.clamp(r.lo, r.hi) as i32)
    }
    /// Offsets of the taps of output pixel (oy, ox) into an image, `None` in padding.
    fn taps(&self, oy: usize, ox: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        let [_, h, w, c] = self.x;
        let at = |d: usize, o: usize, k: usize, size: usize| {
            (o * self.strides[d] + k * self.dilations[d]).checked_sub(self.pads[d]).filter(|&i| i < size)
        };
        (0..self.kernel[0]).flat_map(move |ky| (0..self.kernel[1]).map(move |kx| Some((at(0, oy, ky, h)? * w + at(1, ox, kx, w)?) * c)))
    }
    fn run(&self, x: &Tensor) -> Result<Vec<i32>> {
        let zp = self.zero_point;
        let x: Vec<i16> = match x.dtype {
            DType::U8 => x.as_u8()?.iter().map(|&q| i16::from(q) - zp).collect(),
            DType::I16 => x.as_i16()?.into_owned(),
            _ => x.as_i8()?.iter().map(|&q| i16::from(q) - zp).collect(),
        };
        let [n, oh, ow, oc] = self.y;
        let mut y = Vec::with_capacity(n * oh * ow * oc);
        for image in x.chunks_exact(self.x[1] * self.x[2] * self.x[3]) {
            for first in (0..oh * ow).step_by(PIXELS) {
                let pixels: Vec<_> = (first..(first + PIXELS).min(oh * ow)).map(|p| (p / ow, p % ow)).collect();
                if self.ci == 1 { self.single(image, &pixels, &mut y)? } else { self.block(image, &pixels, &mut y)? }
            }
        }
        Ok(y)
    }
    /// Groups of one input channel: all output channels side by side.
    fn single(&self, x: &[i16], pixels: &[(usize, usize)], y: &mut Vec<i32>) -> Result<()> {
        let oc = self.y[3];
        let mut acc = vec![0i32; oc];
        for &(oy, ox) in pixels {
            acc.fill(0);
            for (at, w) in self.taps(oy, ox).zip(self.w.chunks_exact(oc)) {
                let Some(at) = at else { continue };
                let x = &x[at..at + self.x[3]];
                if self.co == 1 {
                    for ((a, x), w) in acc.iter_mut().zip(x).zip(w) {
                        *a = a.wrapping_add(i32::from(*x) * i32::from(*w));
                    }
                } else {
                    for (o, (a, w)) in acc.iter_mut().zip(w).enumerate() {
                        *a = a.wrapping_add(i32::from(x[o / self.co]) * i32::from(*w));
                    }
                }
            }
            for (o, &a) in acc.iter().enumerate() {
                y.push(self.code(o, a)?);
            }
        }
        Ok(())
    }
    fn block(&self, x: &[i16], pixels: &[(usize, usize)], y: &mut Vec<i32>) -> Result<()> {
        let (ci, oc) = (self.ci, self.y[3]);
        let k = self.kernel[0] * self.kernel[1] * ci;
        let base = y.len();
        y.resize(base + pixels.len() * oc, 0);
        let mut patches = vec![0i16; pixels.len() * k];
        for group in 0..oc / self.co {
            for (&(oy, ox), patch) in pixels.iter().zip(patches.chunks_exact_mut(k)) {
                for (at, tap) in self.taps(oy, ox).zip(patch.chunks_exact_mut(ci)) {
                    match at {
                        Some(at) => tap.copy_from_slice(&x[at + group * ci..at + (group + 1) * ci]),
                        None => tap.fill(0),
                    }
                }
            }
            for o in group * self.co..(group + 1) * self.co {
                let w = &self.w[o * k..(o + 1) * k];
                for (p, patch) in patches.chunks_exact(k).enumerate() {
                    // The whole sum does not leave 32 bits, whether or not a part of it does.
                    let sum = patch.iter().zip(w).fold(0i32, |s, (x, w)| s.wrapping_add(i32::from(*x) * i32::from(*w)));
                    y[base + p * oc + o] = self.code(o, sum)?;
                }
            }
        }
        Ok(())
    }
}
