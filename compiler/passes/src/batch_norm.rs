//! BatchNormalization at inference is a scale and a shift per channel: folded into the layer before, else a 1x1 depthwise convolution.

use crate::edit::{add_f32, add_reshape, channel_axis, f32_const, foldable_layer, nodes_of, replace_by, rewire_behind, scale_layer};
use mcompc_ir::{Attrs, Code, Error, Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["BatchNormalization"])? {
        let ins = g.inputs_of(n);
        let params: Option<Vec<Vec<f32>>> = ins[1..].iter().map(|&v| f32_const(g, v)).collect();
        let Some(p) = params else {
            return Err(
                Error::new(Code::UnsupportedOp, "BatchNormalization with parameters that are not constant").at(g.node(n).name.clone())
            );
        };
        let eps = g.node(n).attrs.float("epsilon")?;
        let axis = g.node(n).attrs.int("axis")? as usize;
        let c = p[0].len();
        let scale: Vec<f64> = (0..c).map(|i| f64::from(p[0][i]) / (f64::from(p[3][i]) + eps).sqrt()).collect();
        let shift: Vec<f64> = (0..c).map(|i| f64::from(p[1][i]) - f64::from(p[2][i]) * scale[i]).collect();
        if let Some(l) = foldable_layer(g, ins[0])
            && channel_axis(g, l) == axis
        {
            if scale_layer(g, l, &scale, &shift)? {
                replace_by(g, n, l);
                changes += 1;
            }
        } else if g.value(ins[0]).shape.len() != 4 || axis != 1 && axis != 3 {
            // As an image: of one row where channels are last, else of one column.
            let s = g.value(ins[0]).shape.clone();
            let size = |s: &[usize]| s.iter().product::<usize>();
            let (image, at) = match axis + 1 == s.len() {
                true => ([1, size(&s[..axis]), 1, c], 3i64),
                false => ([size(&s[..axis]), c, size(&s[axis + 1..]), 1], 1),
            };
            let x = add_reshape(g, ins[0], &image)?;
            g.set_input(n, 0, x);
            g.node_mut(n).attrs.set("axis", at);
            rewire_behind(g, n, |g, v| add_reshape(g, v, &s))?;
            changes += 1;
        } else {
            let layout = if axis == 1 { "NCHW" } else { "NHWC" };
            let w: Vec<f32> = scale.iter().map(|&v| v as f32).collect();
            let b: Vec<f32> = shift.iter().map(|&v| v as f32).collect();
            let name = g.node(n).name.clone();
            let out = g.value(g.out(n)).name.clone();
            let wv = add_f32(g, &format!("{name}.scale"), &[c, 1, 1, 1], &w)?;
            let bv = add_f32(g, &format!("{name}.shift"), &[c], &b)?;
            let attrs = Attrs::new()
                .with("strides", vec![1i64, 1])
                .with("pads", vec![0i64; 4])
                .with("dilations", vec![1i64, 1])
                .with("group", c)
                .with("layout", layout);
            let k = mcompc_ops::add_op(g, &name, "Conv", attrs, &[ins[0], wv, bv], &out, None)?;
            g.replace_uses(g.out(n), g.out(k));
            g.remove_node(n);
            changes += 1;
        }
    }
    Ok(changes)
}
