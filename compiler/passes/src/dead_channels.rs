//! Exact removal of channels: those that are 0 whatever the input, and those that nobody reads.
//!
//! A channel of a convolution or dense layer is constantly 0 when its weights cannot move the result (in f32) off its bias and the clamp
//! of the bias is 0. Zero, unlike another constant, is also what padding holds, so a depthwise layer behind it gives its own constant.

use crate::edit::{add_f32, f32_const, nodes_of};
use mcompc_ir::{Graph, NodeId, Result, ValueId};

/// Largest activation for which a weight is called too small to matter: |w| * 2^16 summed stays under a quarter ulp of the bias.
const MAX_ACTIVATION: f64 = 65536.0;

/// Channels a machine word holds.
const WORD: usize = 4;

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Conv", "Dense"])? {
        let conv = g.node(n).op == "Conv";
        if conv && (g.node(n).attrs.str("layout")? != "NHWC" || g.node(n).attrs.int("group")? != 1) {
            continue;
        }
        changes += prune(g, n)?;
    }
    Ok(changes)
}

struct Layer {
    w: Vec<f32>,
    shape: Vec<usize>,
    b: Vec<f32>,
    act: (f64, f64),
}

fn layer(g: &Graph, n: NodeId) -> Result<Option<Layer>> {
    let ins = g.inputs_of(n);
    let Some(w) = f32_const(g, ins[1]) else { return Ok(None) };
    let mut shape = g.value(ins[1]).shape.clone();
    if let [o, k] = shape[..] {
        shape = vec![o, 1, 1, k];
    }
    let b = match ins.get(2) {
        Some(&v) => match f32_const(g, v) {
            Some(b) => b,
            None => return Ok(None),
        },
        None => vec![0.0; shape[0]],
    };
    let a = &g.node(n).attrs;
    let get = |k: &str, d: f64| if a.get(k).is_some() { a.float(k) } else { Ok(d) };
    Ok(Some(Layer { w, shape, b, act: (get("act_min", f64::NEG_INFINITY)?, get("act_max", f64::INFINITY)?) }))
}

impl Layer {
    // What output channel `o` always is, if its weights do not matter (all zero, or `zero_input`).
    fn constant(&self, o: usize, zero_input: bool) -> Option<f64> {
        let per = self.w.len() / self.shape[0];
        let b = f64::from(self.b[o]);
        let reach: f64 = self.w[o * per..(o + 1) * per].iter().map(|v| f64::from(v.abs())).sum::<f64>() * MAX_ACTIVATION;
        (zero_input || reach == 0.0 || reach < b.abs() / 33_554_432.0).then(|| b.clamp(self.act.0, self.act.1))
    }
}

// What lies between a layer and the one that reads its channels.
struct Chain {
    /// Depthwise layers.
    mid: Vec<NodeId>,
    /// Pools and the flattening reshape: they keep zeros zero.
    through: Vec<NodeId>,
    /// Conv with group 1, or Dense.
    end: NodeId,
}

fn chain(g: &Graph, n: NodeId) -> Result<Option<Chain>> {
    let (mut mid, mut through) = (Vec::new(), Vec::new());
    let mut v = g.out(n);
    loop {
        let Some(u) = g.sole_user(v) else { return Ok(None) };
        let node = g.node(u);
        let shape = &g.value(v).shape;
        let c = shape[shape.len() - 1];
        match node.op.as_str() {
            "Conv" if node.attrs.str("layout")? == "NHWC" && g.inputs_of(u)[0] == v => {
                let group = node.attrs.int("group")? as usize;
                if group == 1 {
                    return Ok(Some(Chain { mid, through, end: u }));
                }
                if group != c || g.value(g.out(u)).shape[3] != c {
                    return Ok(None);
                }
                mid.push(u);
            }
            "AveragePool" | "MaxPool" if node.attrs.str("layout")? == "NHWC" => through.push(u),
            "Reshape" if shape.iter().product::<usize>() == shape[0] * c && g.value(g.out(u)).shape == [shape[0], c] => through.push(u),
            "Dense" if g.inputs_of(u)[0] == v && shape.len() == 2 => return Ok(Some(Chain { mid, through, end: u })),
            _ => return Ok(None),
        }
        v = g.out(u);
    }
}

fn prune(g: &mut Graph, n: NodeId) -> Result<usize> {
    let Some(Chain { mid, through, end }) = chain(g, n)? else { return Ok(0) };
    let (Some(first), Some(last)) = (layer(g, n)?, layer(g, end)?) else { return Ok(0) };
    let mids: Option<Vec<Layer>> = mid.iter().map(|&m| layer(g, m)).collect::<Result<Vec<_>>>()?.into_iter().collect();
    let Some(mids) = mids else { return Ok(0) };
    let c = first.shape[0];
    let taps = last.shape[1] * last.shape[2];
    let unread = |ch: usize| (0..last.shape[0] * taps).all(|t| last.w[t * c + ch] == 0.0);
    // Zero all along the chain, and so removable without a trace; the end of the chain must be 0 as well.
    let zero = |ch: usize| first.constant(ch, false) == Some(0.0) && mids.iter().all(|m| m.constant(ch, true) == Some(0.0));
    // Zero into an unpadded-looking end: a depthwise layer maps it to a constant, which a 1x1 reader takes into its bias.
    let folded = |ch: usize| -> Option<f64> {
        let mut v = first.constant(ch, false)?;
        for m in &mids {
            if v != 0.0 {
                return None;
            }
            v = m.constant(ch, true)?;
        }
        (v == 0.0 || taps == 1 && through.is_empty() && no_pads(g, end)).then_some(v)
    };
    let dead = |ch: usize| unread(ch) || zero(ch) || folded(ch).is_some();
    // Kernels load channels in words: some dead ones fill the last word.
    let live = (0..c).filter(|&ch| !dead(ch)).count();
    let mut spare = live.max(1).next_multiple_of(WORD) - live;
    let keep: Vec<usize> = (0..c)
        .filter(|&ch| {
            let fill = dead(ch) && spare > 0;
            spare -= usize::from(fill);
            fill || !dead(ch)
        })
        .collect();
    if keep.len() == c {
        return Ok(0);
    }
    let mut bias = last.b.clone();
    for ch in (0..c).filter(|ch| !keep.contains(ch) && !unread(*ch)) {
        if let Some(v) = folded(ch).filter(|&v| v != 0.0) {
            for (o, b) in bias.iter_mut().enumerate() {
                *b = (f64::from(*b) + v * f64::from(last.w[o * c + ch])) as f32;
            }
        }
    }
    keep_outputs(g, n, &first, &keep)?;
    for (&m, l) in mid.iter().zip(&mids) {
        keep_outputs(g, m, l, &keep)?;
        g.node_mut(m).attrs.set("group", keep.len());
    }
    let w: Vec<f32> =
        (0..last.shape[0] * taps).flat_map(|t| keep.iter().map(move |&ch| (t, ch))).map(|(t, ch)| last.w[t * c + ch]).collect();
    let shape = [last.shape[0], last.shape[1], last.shape[2], keep.len()];
    replace_weights(g, end, &shape, &w, &bias)?;
    for &t in &through {
        if g.node(t).op == "Reshape" {
            let rows = g.value(g.out(t)).shape[0];
            g.node_mut(t).attrs.set("shape", [rows, keep.len()].as_slice());
        }
    }
    mcompc_ops::infer_all(g)?;
    Ok(c - keep.len())
}

fn no_pads(g: &Graph, n: NodeId) -> bool {
    g.node(n).attrs.usizes("pads").is_ok_and(|p| p.iter().all(|&v| v == 0))
}

fn keep_outputs(g: &mut Graph, n: NodeId, l: &Layer, keep: &[usize]) -> Result<()> {
    let per = l.w.len() / l.shape[0];
    let w: Vec<f32> = keep.iter().flat_map(|&o| l.w[o * per..(o + 1) * per].iter().copied()).collect();
    let b: Vec<f32> = keep.iter().map(|&o| l.b[o]).collect();
    let mut shape = l.shape.clone();
    shape[0] = keep.len();
    replace_weights(g, n, &shape, &w, &b)
}

fn replace_weights(g: &mut Graph, n: NodeId, shape: &[usize], w: &[f32], b: &[f32]) -> Result<()> {
    let ins: Vec<ValueId> = g.inputs_of(n);
    let name = g.value(ins[1]).name.clone();
    let bias_name = ins.get(2).map_or(format!("{}.bias", g.node(n).name), |&v| g.value(v).name.clone());
    let flat = [shape[0], shape[shape.len() - 1]];
    let wv = add_f32(g, &name, if g.node(n).op == "Dense" { &flat } else { shape }, w)?;
    let bv = add_f32(g, &bias_name, &[shape[0]], b)?;
    g.set_inputs(n, &[ins[0], wv, bv]);
    Ok(())
}
