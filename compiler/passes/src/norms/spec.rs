//! What a root is the root of: the mean square of x, or of x less its mean, over some axes.

use crate::edit::f32_const;
use mcompc_ir::{Graph, NodeId, ValueId};
use mcompc_ops::Norm;

/// A root of a variance.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// The node that takes the root.
    pub root: NodeId,
    /// Whether it gives one over the root.
    pub inverse: bool,
    pub x: ValueId,
    /// In ascending order.
    pub axes: Vec<usize>,
    /// Whether the mean is subtracted.
    pub centre: bool,
    /// Below the root of the mean square.
    pub epsilon: f64,
    /// One over the root, times this, is one over the root of a sum.
    pub factor: f64,
}

/// Least norm that a Clip may ask for: what is as small is 0 in any codes, and so is x.
const LEAST: f64 = 1e-12;

impl Spec {
    pub(super) fn of(g: &Graph, root: NodeId) -> Option<Self> {
        let node = g.node(root);
        let inverse = match node.op.as_str() {
            "Sqrt" => false,
            _ if node.attrs.float("exponent") == Ok(0.5) => false,
            _ if node.attrs.float("exponent") == Ok(-0.5) => true,
            _ => return None,
        };
        let v = unview(g, g.inputs_of(root)[0]);
        let (v, epsilon) = plus(g, v).unwrap_or((v, 0.0));
        let (x, mut axes, centre, sum) = variance(g, unview(g, v))?;
        axes.sort_unstable();
        let n: usize = axes.iter().map(|&a| g.value(x).shape[a]).product();
        let (epsilon, factor) = if sum { (epsilon / n as f64, 1.0 / (n as f64).sqrt()) } else { (epsilon, 1.0) };
        let fits = (2..=Norm::MOST).contains(&n) && g.const_of(x).is_none() && epsilon.is_finite() && epsilon >= 0.0;
        fits.then_some(Self { root, inverse, x, axes, centre, epsilon, factor })
    }
    /// The shape of a mean in the shape of x.
    pub(super) fn kept(&self, g: &Graph) -> Vec<usize> {
        let mut s = g.value(self.x).shape.clone();
        self.axes.iter().for_each(|&a| s[a] = 1);
        s
    }
    /// Whether `v`, or what it is a view of, is the root itself (not its inverse), or that where it is not tiny.
    pub(super) fn is_root(&self, g: &Graph, v: ValueId) -> bool {
        let v = unview(g, v);
        let out = g.out(self.root);
        v == out || least(g, v, LEAST).is_some_and(|x| unview(g, x) == out)
    }
    /// Whether `v` is the mean of x over the axes.
    pub(super) fn is_mean(&self, g: &Graph, v: ValueId) -> bool {
        mean(g, v).is_some_and(|m| m == (self.x, self.axes.clone(), false))
    }
}

/// What reshapes show of another value.
pub(super) fn unview(g: &Graph, mut v: ValueId) -> ValueId {
    while g.node(v.node).op == "Reshape" {
        v = g.inputs_of(v.node)[0];
    }
    v
}

/// The number that a constant is.
pub(super) fn number(g: &Graph, v: ValueId) -> Option<f64> {
    match f32_const(g, v)?.as_slice() {
        [k] => Some(f64::from(*k)),
        _ => None,
    }
}

/// A value and the number that is added to it.
fn plus(g: &Graph, v: ValueId) -> Option<(ValueId, f64)> {
    let ins = g.inputs_of(v.node);
    if g.node(v.node).op != "Add" {
        return None;
    }
    [(0, 1), (1, 0)].into_iter().find_map(|(i, j)| Some((ins[i], number(g, ins[j])?)))
}

/// The operand of a Clip from a number of at most `most` upwards.
fn least(g: &Graph, v: ValueId, most: f64) -> Option<ValueId> {
    let node = g.node(v.node);
    let fits = node.op == "Clip"
        && node.attrs.float("min").is_ok_and(|k| (0.0..=most).contains(&k))
        && node.attrs.float("max") == Ok(f64::INFINITY);
    fits.then(|| g.inputs_of(v.node)[0])
}

/// Of what a value is the mean over which axes (ascending), or (true) the sum. Reshapes of it are seen through.
fn mean(g: &Graph, v: ValueId) -> Option<(ValueId, Vec<usize>, bool)> {
    let v = unview(g, v);
    let (node, ins) = (g.node(v.node), g.inputs_of(v.node));
    match node.op.as_str() {
        "ReduceMean" | "ReduceSum" => {
            let mut axes = node.attrs.usizes("axes").ok()?;
            axes.sort_unstable();
            Some((ins[0], axes, node.op == "ReduceSum"))
        }
        "Mul" | "Div" => {
            let (i, k) = [(0, 1), (1, 0)].into_iter().find_map(|(i, j)| Some((i, number(g, ins[j])?)))?;
            let (x, axes, sum) = mean(g, ins[i]).filter(|_| node.op == "Mul" || i == 0)?;
            let n = axes.iter().map(|&a| g.value(x).shape[a]).product::<usize>() as f64;
            let one = if node.op == "Mul" { k * n } else { n / k };
            (sum && (one - 1.0).abs() < 1e-5).then_some((x, axes, false))
        }
        _ => None,
    }
}

/// The two factors of which a value is the product, if they are what one value is.
fn square(g: &Graph, v: ValueId) -> Option<[ValueId; 2]> {
    let (node, ins) = (g.node(v.node), g.inputs_of(v.node));
    match node.op.as_str() {
        "Power" if node.attrs.float("exponent") == Ok(2.0) => Some([ins[0]; 2]),
        "Mul" => Some([ins[0], ins[1]]),
        _ => None,
    }
}

/// x, where a value is x less its mean over these axes.
fn difference(g: &Graph, v: ValueId, axes: &[usize]) -> Option<ValueId> {
    let ins = g.inputs_of(v.node);
    // The mean may stand behind a reshape: it must still meet the rows that it is of.
    let meets = |x: ValueId| {
        let mut kept = g.value(x).shape.clone();
        kept.iter_mut().enumerate().filter(|(i, _)| axes.contains(i)).for_each(|(_, d)| *d = 1);
        let bare = |s: &[usize]| s.iter().copied().skip_while(|&d| d == 1).collect::<Vec<_>>();
        bare(&g.value(ins[1]).shape) == bare(&kept)
    };
    let of = |x: ValueId| mean(g, ins[1]).is_some_and(|(y, a, sum)| y == x && a == axes && !sum) && meets(x);
    (g.node(v.node).op == "Sub" && of(ins[0])).then(|| ins[0])
}

/// x, axes, whether its mean is subtracted, whether it is a sum.
fn variance(g: &Graph, v: ValueId) -> Option<(ValueId, Vec<usize>, bool, bool)> {
    let v = least(g, v, 0.0).map_or(v, |x| unview(g, x));
    if let Some((s, axes, sum)) = mean(g, v) {
        let [a, b] = square(g, s)?;
        return match (difference(g, a, &axes), difference(g, b, &axes)) {
            (Some(x), Some(y)) if x == y => Some((x, axes, true, sum)),
            _ => (a == b).then_some((a, axes, false, sum)),
        };
    }
    // The mean of the square less the square of the mean.
    let ins = g.inputs_of(v.node);
    if g.node(v.node).op != "Sub" {
        return None;
    }
    let (s, axes, sum) = mean(g, ins[0])?;
    let ([a, b], [p, q]) = (square(g, s)?, square(g, unview(g, ins[1]))?);
    let of = |m: ValueId| mean(g, m).is_some_and(|(x, over, sum)| x == a && over == axes && !sum);
    (a == b && of(p) && of(q) && !sum).then_some((a, axes, true, false))
}
