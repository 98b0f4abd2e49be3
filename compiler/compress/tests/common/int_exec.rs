//! Runs an integer graph on many samples: convolutions and dense layers in 32-bit loops, everything else by the reference. For measuring
//! accuracy only; it is compared with the reference on a sample of every model.

use mcompc_ir::{DType, Graph, NodeId, Result, Tensor, Value, ValueId};
use std::collections::BTreeMap;

pub struct IntExec<'a> {
    g: &'a Graph,
    order: Vec<NodeId>,
    layers: BTreeMap<NodeId, Layer>,
}

struct Layer {
    w: Vec<i16>,
    bias: Vec<i32>,
    m: Vec<i32>,
    pre: i64,
    shift: i64,
    lo: i64,
    hi: i64,
    zp: i64,
}

impl Layer {
    fn code(&self, acc: i32, o: usize) -> i8 {
        let high = ((i64::from(acc) << self.pre) * i64::from(self.m[o])) >> 32;
        ((high + (self.zp << self.shift) + (1 << (self.shift - 1))) >> self.shift).clamp(self.lo, self.hi) as i8
    }
}

fn dot(x: &[i16], w: &[i16]) -> i32 {
    x.iter().zip(w).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

fn centred(v: &Value, t: &Tensor) -> Result<Vec<i16>> {
    let zp = v.quant.map_or(0, |q| q.zero_point) as i16;
    Ok(match t.dtype {
        DType::U8 => t.as_u8()?.iter().map(|&x| i16::from(x) - zp).collect(),
        _ => t.as_i8()?.iter().map(|&x| i16::from(x) - zp).collect(),
    })
}

impl<'a> IntExec<'a> {
    pub fn new(g: &'a Graph) -> Result<Self> {
        let order = g.topo()?;
        let mut layers = BTreeMap::new();
        for &id in &order {
            let node = g.node(id);
            if matches!(node.op.as_str(), "q.conv" | "q.dense") {
                let t: Vec<&Tensor> = g.inputs_of(id)[1..].iter().filter_map(|&v| g.const_of(v)).collect();
                let int = |a: &str| node.attrs.int(a);
                layers.insert(
                    id,
                    Layer {
                        w: t[0].as_i8()?.iter().map(|&v| v.into()).collect(),
                        bias: t[1].as_i32()?.to_vec(),
                        m: t[2].as_i32()?.to_vec(),
                        pre: int("pre")?,
                        shift: int("shift")?,
                        lo: int("lo")?,
                        hi: int("hi")?,
                        zp: node.outs[0].quant.map_or(0, |q| q.zero_point).into(),
                    },
                );
            }
        }
        Ok(Self { g, order, layers })
    }

    /// All values of one sample.
    pub fn run(&self, inputs: &[Tensor]) -> Result<BTreeMap<ValueId, Tensor>> {
        let mut vals: BTreeMap<ValueId, Tensor> = BTreeMap::new();
        for (&id, t) in self.g.inputs.iter().zip(inputs) {
            vals.insert(self.g.out(id), t.clone());
        }
        for &id in &self.order {
            let node = self.g.node(id);
            if node.op == "input" {
                continue;
            }
            if let Some(t) = &node.tensor {
                vals.insert(self.g.out(id), t.clone());
                continue;
            }
            let ids = self.g.inputs_of(id);
            let t = match (node.op.as_str(), self.layers.get(&id)) {
                ("q.conv", Some(l)) => self.conv(id, l, &vals[&ids[0]])?,
                ("q.dense", Some(l)) => self.dense(id, l, &vals[&ids[0]])?,
                _ => {
                    let ins: Vec<&Value> = ids.iter().map(|&v| self.g.value(v)).collect();
                    let ts: Vec<&Tensor> = ids.iter().map(|v| &vals[v]).collect();
                    mcompc_ops::eval(node, &ins, &ts)?.remove(0)
                }
            };
            vals.insert(self.g.out(id), t);
        }
        Ok(vals)
    }

    fn dense(&self, id: NodeId, l: &Layer, x: &Tensor) -> Result<Tensor> {
        let xs = centred(self.g.value(self.g.inputs_of(id)[0]), x)?;
        let k = x.shape[1];
        let y: Vec<i8> =
            xs.chunks(k).flat_map(|row| l.w.chunks(k).enumerate().map(move |(o, w)| l.code(l.bias[o] + dot(row, w), o))).collect();
        Tensor::from_i8(self.g.node(id).outs[0].shape.clone(), &y)
    }

    fn conv(&self, id: NodeId, l: &Layer, x: &Tensor) -> Result<Tensor> {
        let node = self.g.node(id);
        let ids = self.g.inputs_of(id);
        let xs = centred(self.g.value(ids[0]), x)?;
        let (ws, ys) = (&self.g.value(ids[1]).shape, &node.outs[0].shape);
        let [s, p, d] = ["strides", "pads", "dilations"].map(|a| node.attrs.usizes(a));
        let (s, p, d) = (s?, p?, d?);
        let (h, w, c) = (x.shape[1], x.shape[2], x.shape[3]);
        let (kh, kw, ci, outs) = (ws[1], ws[2], ws[3], ws[0]);
        let group = c / ci;
        let co = outs / group;
        let (ph, pw) = (h + p[0] + p[2], w + p[1] + p[3]);
        let mut pad = vec![0i16; ph * pw * c];
        for y in 0..h {
            let at = ((y + p[0]) * pw + p[1]) * c;
            pad[at..at + w * c].copy_from_slice(&xs[y * w * c..(y + 1) * w * c]);
        }
        let depthwise = ci == 1 && co == 1;
        // [tap, channel] for depthwise, where the channels are the inner loop.
        let mut wt = vec![0i16; if depthwise { l.w.len() } else { 0 }];
        if depthwise {
            for o in 0..outs {
                for t in 0..kh * kw {
                    wt[t * outs + o] = l.w[o * kh * kw + t];
                }
            }
        }
        let mut out = Vec::with_capacity(ys.iter().product());
        let mut patch = vec![0i16; kh * kw * ci];
        let mut acc = vec![0i32; outs];
        for oy in 0..ys[1] {
            for ox in 0..ys[2] {
                let at = |ky: usize, kx: usize| ((oy * s[0] + ky * d[0]) * pw + ox * s[1] + kx * d[1]) * c;
                if depthwise {
                    acc.copy_from_slice(&l.bias);
                    for t in 0..kh * kw {
                        let row = &pad[at(t / kw, t % kw)..][..c];
                        for ((a, &x), &w) in acc.iter_mut().zip(row).zip(&wt[t * outs..(t + 1) * outs]) {
                            *a += i32::from(x) * i32::from(w);
                        }
                    }
                    out.extend(acc.iter().enumerate().map(|(o, &a)| l.code(a, o)));
                    continue;
                }
                for g in 0..group {
                    for t in 0..kh * kw {
                        let from = at(t / kw, t % kw) + g * ci;
                        patch[t * ci..(t + 1) * ci].copy_from_slice(&pad[from..from + ci]);
                    }
                    let k = patch.len();
                    for o in g * co..(g + 1) * co {
                        out.push(l.code(l.bias[o] + dot(&patch, &l.w[o * k..(o + 1) * k]), o));
                    }
                }
            }
        }
        Tensor::from_i8(ys.clone(), &out)
    }
}
