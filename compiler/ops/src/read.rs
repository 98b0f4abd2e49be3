//! What several stages ask of a node, read once from its attributes and shapes.

use crate::Window;
use mcompc_ir::{Code, DType, Error, Graph, Node, NodeId, Result, ValueId};
use std::collections::BTreeSet;

/// The fused clamp of a node, infinite where there is none.
///
/// # Errors
/// A bound that is no number.
pub fn act(node: &Node) -> Result<(f64, f64)> {
    let get = |n, d| if node.attrs.get(n).is_some() { node.attrs.float(n) } else { Ok(d) };
    Ok((get("act_min", f64::NEG_INFINITY)?, get("act_max", f64::INFINITY)?))
}

/// What a Pad fills with, as f32 holds it.
///
/// # Errors
/// A missing attribute.
pub fn pad_value(g: &Graph, id: NodeId) -> Result<f64> {
    Ok(f64::from(g.node(id).attrs.float("value")? as f32))
}

/// The numbers of elements that windows of an average pool (channels last) count.
///
/// # Errors
/// A missing attribute.
pub fn counts(g: &Graph, id: NodeId) -> Result<BTreeSet<usize>> {
    let node = g.node(id);
    if node.attrs.int("count_include_pad")? == 1 {
        let (kernel, shape) = (node.attrs.usizes("kernel")?, &g.value(g.inputs_of(id)[0]).shape);
        // The divisor is the window's area however many elements are counted, which are the image's at most.
        return Ok((1..=kernel[0].min(shape[1]) * kernel[1].min(shape[2])).collect());
    }
    let sizes = sizes(g, id)?;
    Ok(sizes[0].iter().flat_map(|a| sizes[1].iter().map(move |b| a * b)).collect())
}

/// The numbers of rows, and of columns, inside the image that windows have; none of a window outside of it.
fn sizes(g: &Graph, id: NodeId) -> Result<[BTreeSet<usize>; 2]> {
    let attrs = &g.node(id).attrs;
    let window = Window::of(attrs, &attrs.usizes("kernel")?, &g.value(g.inputs_of(id)[0]).shape[1..3])?;
    let along = |d: usize| {
        let axis = window.axes[d];
        (0..axis.out().unwrap_or(0)).map(|o| axis.taps(o).count()).filter(|&n| n > 0).collect()
    };
    Ok([along(0), along(1)])
}

/// How many times the largest number of elements of an average pool's windows is its smallest: the multipliers differ by so much.
///
/// # Errors
/// A missing attribute.
pub fn spread(g: &Graph, id: NodeId) -> Result<usize> {
    if g.node(id).attrs.int("count_include_pad")? == 1 {
        return Ok(1);
    }
    let [rows, columns] = sizes(g, id)?;
    let product = |a: Option<&usize>, b: Option<&usize>| a.copied().unwrap_or(1) * b.copied().unwrap_or(1);
    Ok(product(rows.last(), columns.last()).div_ceil(product(rows.first(), columns.first())))
}

/// Float payload of a constant, finite: what an integer form is made of.
///
/// # Errors
/// [`Code::NoInteger`] for a computed value and for another type than f32, [`Code::NotFinite`].
pub fn reals(g: &Graph, v: ValueId) -> Result<Vec<f32>> {
    let (name, refuse) = (&g.value(v).name, |what: String| Err(Error::new(Code::NoInteger, what)));
    let Some(t) = g.const_of(v) else { return refuse(format!("`{name}` must be a constant")) };
    if t.dtype != DType::F32 {
        return refuse(format!("`{name}` is a constant of type {}; only f32 has an integer form", t.dtype));
    }
    let data = t.as_f32()?.into_owned();
    match data.iter().position(|x| !x.is_finite()) {
        Some(i) => Err(Error::new(Code::NotFinite, format!("element {i} of `{name}` is NaN or infinite"))),
        None => Ok(data),
    }
}
