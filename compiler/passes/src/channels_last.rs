//! Convolutions and pools on NCHW become the same on NHWC between two transposes, which the next pass cancels. Those over one or three
//! dimensions become two-dimensional ones on the way: the kernels know images.
//!
//! A sequence is an image of one row. A volume is a batch of images: what a convolution reads of several frames lies side by side in the
//! channels of one image, and a pool over a volume is one over each frame and then one over the frames.

use crate::edit::{add_reshape, add_transpose, nodes_of, rewire_behind};
use mcompc_ir::{Attrs, Code, Error, Graph, NodeId, Result, ValueId};

pub(crate) const TO_NHWC: [usize; 4] = [0, 2, 3, 1];
pub(crate) const TO_NCHW: [usize; 4] = [0, 3, 1, 2];

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Conv", "AveragePool", "MaxPool"])? {
        let first = g.node(n).attrs.str("layout")? == "NCHW";
        let rank = g.value(g.inputs_of(n)[0]).shape.len();
        if !first && rank == 4 {
            continue;
        }
        let (last, back): (Vec<usize>, Vec<usize>) =
            ((0..rank).map(|d| to_last(d, rank)).collect(), (0..rank).map(|d| to_first(d, rank)).collect());
        let ins = g.inputs_of(n);
        // Sizes of the window over frames, and channels of a group.
        let mut depth = None;
        if g.node(n).op == "Conv" {
            let Some(t) = g.const_of(ins[1]) else {
                return Err(Error::new(Code::UnsupportedOp, "a convolution with weights that are not constant")
                    .at(g.node(n).name.clone())
                    .hint("only weights stored in the model can be compiled; export it with the weights as initializers"));
            };
            let mut w = if first { t.transposed(&last)? } else { t.clone() };
            w = match *w.shape.as_slice() {
                [o, k, c] => w.reshaped([o, 1, k, c])?,
                [o, kd, kh, kw, c] => {
                    depth = Some([kd, c]);
                    w.transposed(&[0, 2, 3, 1, 4])?.reshaped([o, kh, kw, kd * c])?
                }
                _ => w,
            };
            let name = g.value(ins[1]).name.clone();
            let wv = g.add_const(name, w);
            g.set_input(n, 1, wv);
        }
        let x = if first { add_transpose(g, ins[0], &last)? } else { ins[0] };
        g.node_mut(n).attrs.set("layout", "NHWC");
        let shaped = match rank {
            3 => sequence(g, n, x)?,
            5 => volume(g, n, x, depth)?,
            _ => {
                g.set_input(n, 0, x);
                Shaped::default()
            }
        };
        rewire_behind(g, n, |g, v| {
            let v = shaped.behind(g, n, v)?;
            if first { add_transpose(g, v, &back) } else { Ok(v) }
        })?;
        changes += 1;
    }
    Ok(changes)
}

fn to_last(d: usize, rank: usize) -> usize {
    match d {
        0 => 0,
        d if d + 1 == rank => 1,
        d => d + 1,
    }
}

fn to_first(d: usize, rank: usize) -> usize {
    match d {
        0 => 0,
        1 => rank - 1,
        d => d - 1,
    }
}

/// What follows the two-dimensional operator.
#[derive(Default)]
struct Shaped {
    /// A pool over the frames of a volume: the shape in which it finds them, and its attributes.
    frames: Option<(Vec<usize>, Attrs)>,
    /// The dimensions of the result in front of its rows and columns, where it is no image.
    result: Option<Vec<usize>>,
}

impl Shaped {
    fn behind(self, g: &mut Graph, n: NodeId, v: ValueId) -> Result<ValueId> {
        let Some(mut result) = self.result else { return Ok(v) };
        let mut v = v;
        let &[_, h, w, c] = g.value(v).shape.as_slice() else { return Ok(v) };
        if let Some((shape, attrs)) = self.frames {
            v = add_reshape(g, v, &[shape[0], shape[1], h * w, c])?;
            let name = format!("{}.frames", g.node(n).name);
            let op = g.node(n).op.clone();
            let pool = mcompc_ops::add_op(g, &name, &op, attrs, &[v], &name, None)?;
            v = g.out(pool);
            result[1] = g.value(v).shape[1];
        }
        // A sequence has one row, which goes.
        let spatial = if result.len() == 1 { vec![w] } else { vec![h, w] };
        add_reshape(g, v, &[result, spatial, vec![c]].concat())
    }
}

fn part<const N: usize>(attrs: &Attrs, name: &str, at: [usize; N], default: &[i64]) -> Result<Vec<i64>> {
    let v = if attrs.get(name).is_some() { attrs.ints(name)?.to_vec() } else { default.to_vec() };
    Ok(at.iter().map(|&i| v[i]).collect())
}

/// [N, L, C] as [N, 1, L, C].
fn sequence(g: &mut Graph, n: NodeId, x: ValueId) -> Result<Shaped> {
    let &[images, l, c] = g.value(x).shape.as_slice() else { return Ok(Shaped::default()) };
    let x = add_reshape(g, x, &[images, 1, l, c])?;
    g.set_input(n, 0, x);
    let attrs = &mut g.node_mut(n).attrs;
    for name in ["kernel", "strides", "dilations"] {
        if attrs.get(name).is_some() {
            let v = attrs.ints(name)?[0];
            attrs.set(name, vec![1, v]);
        }
    }
    let p = attrs.ints("pads")?.to_vec();
    attrs.set("pads", vec![0, p[0], 0, p[1]]);
    Ok(Shaped { result: Some(vec![images]), frames: None })
}

/// [N, D, H, W, C] as [N * D', H, W, C']; of a convolution with a window over so many frames, and so many channels a group.
fn volume(g: &mut Graph, n: NodeId, x: ValueId, conv: Option<[usize; 2]>) -> Result<Shaped> {
    let &[images, d, h, width, c] = g.value(x).shape.as_slice() else { return Ok(Shaped::default()) };
    let old = g.node(n).attrs.clone();
    let ([stride], [before, after]) = (
        <[i64; 1]>::try_from(part(&old, "strides", [0], &[])?).unwrap_or([1]),
        <[i64; 2]>::try_from(part(&old, "pads", [0, 3], &[])?).unwrap_or([0, 0]),
    );
    let dilation = part(&old, "dilations", [0], &[1])?[0];
    let attrs = &mut g.node_mut(n).attrs;
    attrs.set("strides", part(&old, "strides", [1, 2], &[])?);
    attrs.set("pads", part(&old, "pads", [1, 2, 4, 5], &[])?);
    let Some([kd, ci]) = conv else {
        let kernel = old.ints("kernel")?.to_vec();
        attrs.set("kernel", kernel[1..].to_vec());
        let x = add_reshape(g, x, &[images * d, h, width, c])?;
        g.set_input(n, 0, x);
        let result = Some(vec![images, d]);
        if kernel[0] == 1 && stride == 1 {
            return Ok(Shaped { frames: None, result });
        }
        let mut frames = g.node(n).attrs.clone();
        frames.set("kernel", vec![kernel[0], 1]);
        frames.set("strides", vec![stride, 1]);
        frames.set("pads", vec![before, 0, after, 0]);
        return Ok(Shaped { frames: Some((vec![images, d], frames)), result });
    };
    attrs.set("dilations", part(&old, "dilations", [1, 2], &[1, 1, 1])?);
    let (mut x, depth) = frames(g, n, x, Frames { kernel: kd, stride, dilation, before, after })?;
    if kd > 1 && ci < c {
        // The channels of a group, of all its frames, lie together.
        x = add_reshape(g, x, &[images * depth * h * width, kd, c / ci, ci])?;
        x = add_transpose(g, x, &[0, 2, 1, 3])?;
    }
    let x = add_reshape(g, x, &[images * depth, h, width, kd * c])?;
    g.set_input(n, 0, x);
    Ok(Shaped { frames: None, result: Some(vec![images, depth]) })
}

/// A window over the frames of a volume.
struct Frames {
    kernel: usize,
    stride: i64,
    dilation: i64,
    before: i64,
    after: i64,
}

/// The frames that each output frame reads, side by side in the channels: [N, D', H, W, kd * C], and D'.
fn frames(g: &mut Graph, n: NodeId, x: ValueId, f: Frames) -> Result<(ValueId, usize)> {
    let name = g.node(n).name.clone();
    let mut x = x;
    if f.before > 0 || f.after > 0 {
        let mut pads = vec![0; 10];
        (pads[1], pads[6]) = (f.before, f.after);
        let p = mcompc_ops::add_op(
            g,
            &format!("{name}.pad"),
            "Pad",
            Attrs::new().with("pads", pads).with("value", 0.0),
            &[x],
            &format!("{name}.pad"),
            None,
        )?;
        x = g.out(p);
    }
    let shape = g.value(x).shape.clone();
    let depth = (shape[1] - (f.kernel - 1) * f.dilation as usize - 1) / f.stride as usize + 1;
    let step = if depth == 1 { 1 } else { f.stride };
    let mut parts = Vec::new();
    for t in 0..f.kernel {
        let mut sizes = shape.clone();
        sizes[1] = depth;
        let starts = vec![0, t as i64 * f.dilation, 0, 0, 0];
        let attrs = Attrs::new().with("starts", starts).with("sizes", &sizes[..]).with("steps", vec![1, step, 1, 1, 1]);
        let name = format!("{name}.frame{t}");
        let s = mcompc_ops::add_op(g, &name, "Slice", attrs, &[x], &name, None)?;
        parts.push(g.out(s));
    }
    if let [one] = parts[..] {
        return Ok((one, depth));
    }
    let name = format!("{name}.frames");
    let joined = mcompc_ops::add_op(g, &name, "Concat", Attrs::new().with("axis", 4i64), &parts, &name, None)?;
    Ok((g.out(joined), depth))
}
