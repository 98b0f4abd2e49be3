//! Resize and Upsample: along each dimension the result is a fixed combination of elements, so it is a matrix product along that dimension;
//! where each element of the result is one of the tensor, elements are chosen or repeated.
//!
//! Coordinates and weights: ONNX operator Resize, and the reference implementation that its text holds.

use super::gather::rows;
use super::shape::{misfit, normal_axes};
use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, DType, Error, Result, Tensor, ValueId};

/// How a coordinate of the result becomes one of the tensor, and how the tensor is read there.
struct Rule<'a> {
    mode: &'a str,
    coordinates: &'a str,
    nearest: &'a str,
    cubic: f64,
    exclude_outside: bool,
    antialias: bool,
}

/// One dimension: sizes, and the scale that the coordinates go by.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    scale: f32,
    /// Start and end of the region of interest, in parts of the dimension.
    roi: (f32, f32),
}

impl Rule<'_> {
    /// The place in the tensor of element `i` of the result.
    fn place(&self, a: Axis, i: usize) -> f64 {
        // In 32 bits, as executors have it: where a place lies between two elements the last bit decides.
        let (x, n, scale, to) = (i as f32, a.from as f32, a.scale, a.to as f32);
        // The size that the scale gives, of which the result has the whole part.
        let wide = scale * n;
        let place = match self.coordinates {
            "asymmetric" => x / scale,
            "align_corners" if a.to == 1 => 0.0,
            "align_corners" => x * (n - 1.0) / (wide - 1.0),
            "pytorch_half_pixel" if wide <= 1.0 => 0.0,
            "half_pixel_symmetric" => n / 2.0 * (1.0 - to / wide) + (x + 0.5) / scale - 0.5,
            "tf_half_pixel_for_nn" => (x + 0.5) / scale,
            "tf_crop_and_resize" if a.to == 1 => 0.5 * (a.roi.0 + a.roi.1) * (n - 1.0),
            "tf_crop_and_resize" => a.roi.0 * (n - 1.0) + x * (a.roi.1 - a.roi.0) * (n - 1.0) / (wide - 1.0),
            _ => (x + 0.5) / scale - 0.5,
        };
        place.into()
    }
    /// The element nearest to a place.
    fn chosen(&self, a: Axis, i: usize) -> usize {
        let x = self.place(a, i);
        let at = match self.nearest {
            "floor" => x.floor(),
            "ceil" => x.ceil(),
            // A half goes up here, and down with the default.
            "round_prefer_ceil" => (x + 0.5).floor(),
            _ => (x - 0.5).ceil(),
        };
        at.clamp(0.0, a.from as f64 - 1.0) as usize
    }
    /// The weights of the elements that make element `i` of the result.
    fn weights(&self, a: Axis, i: usize) -> Vec<(usize, f64)> {
        let x = self.place(a, i);
        // Shrinking with antialiasing widens the kernel.
        let wide = if self.antialias { f64::from(1.0 / a.scale).max(1.0) } else { 1.0 };
        let reach = (if self.mode == "cubic" { 2.0 } else { 1.0 }) * wide;
        let (first, last) = ((x - reach).floor() as i64, (x + reach).ceil() as i64);
        let mut taps: Vec<(i64, f64)> =
            (first..=last).map(|k| (k, self.kernel((k as f64 - x) / wide))).filter(|&(_, w)| w != 0.0).collect();
        let inside = |k: i64| (0..a.from as i64).contains(&k);
        if self.exclude_outside {
            taps.retain(|&(k, _)| inside(k));
        }
        let sum: f64 = taps.iter().map(|t| t.1).sum();
        taps.into_iter().map(|(k, w)| (k.clamp(0, a.from as i64 - 1) as usize, w / sum)).collect()
    }
    fn kernel(&self, d: f64) -> f64 {
        let (d, c) = (d.abs(), self.cubic);
        match self.mode {
            "linear" => (1.0 - d).max(0.0),
            _ if d <= 1.0 => ((c + 2.0) * d - (c + 3.0)) * d * d + 1.0,
            _ if d < 2.0 => ((c * d - 5.0 * c) * d + 8.0 * c) * d - 4.0 * c,
            _ => 0.0,
        }
    }
}

/// Sizes and scales of all dimensions.
fn axes(c: &mut Ctx<'_, '_, '_>, shape: &[usize]) -> Result<Vec<Axis>> {
    let rank = shape.len();
    let which: Vec<usize> = match c.attrs.ints("axes")?.filter(|_| c.opset >= 18) {
        Some(a) => {
            normal_axes(c, a, rank)?;
            a.iter().map(|&i| c.axis(i, rank, false)).collect::<Result<_>>()?
        }
        None => (0..rank).collect(),
    };
    let (at_scales, at_sizes) = if c.op == "Upsample" || c.opset < 11 { (1, usize::MAX) } else { (2, 3) };
    let scales = reals(c, at_scales)?.filter(|v| !v.is_empty());
    let sizes = if at_sizes == 3 { c.constant_ints(3)?.filter(|v| !v.is_empty()) } else { None };
    let mut all: Vec<Axis> = shape.iter().map(|&n| Axis { from: n, to: n, scale: 1.0, roi: (0.0, 1.0) }).collect();
    let wrong = |n: usize| misfit(format!("{n} scales or sizes of a {} of {} dimensions", c.op, which.len()));
    match (scales, sizes) {
        (Some(s), None) if s.len() == which.len() => {
            for (&d, &s) in which.iter().zip(&s) {
                if !(1e-6..1e6).contains(&s) {
                    return Err(misfit(format!("a scale of {s}")));
                }
                (all[d].scale, all[d].to) = (s, (all[d].from as f32 * s).floor() as usize);
            }
        }
        (None, Some(s)) if s.len() == which.len() => {
            for (&d, &n) in which.iter().zip(&s) {
                all[d].to = usize::try_from(n).map_err(|_| misfit(format!("sizes {}", show_ints(&s))))?;
                all[d].scale = all[d].to as f32 / all[d].from as f32;
            }
            policy(c, &mut all, &which)?;
        }
        (s, z) => return Err(wrong(s.map_or(0, |v| v.len()).max(z.map_or(0, |v| v.len())))),
    }
    if c.attrs.str_or("coordinate_transformation_mode", "half_pixel")? == "tf_crop_and_resize" {
        let roi = reals(c, 1)?.filter(|r| r.len() == 2 * which.len()).ok_or_else(|| misfit("Resize without its region".into()))?;
        for (i, &d) in which.iter().enumerate() {
            all[d].roi = (roi[i], roi[which.len() + i]);
        }
    }
    if all.iter().any(|a| a.to == 0) {
        return Err(misfit(format!("a {} of {shape:?} to nothing", c.op)));
    }
    c.b.limits().elements_of(&all.iter().map(|a| a.to).collect::<Vec<_>>())?;
    Ok(all)
}

/// keep_aspect_ratio_policy (18): one scale for all dimensions.
fn policy(c: &Ctx<'_, '_, '_>, all: &mut [Axis], which: &[usize]) -> Result<()> {
    let policy = if c.opset >= 18 { c.attrs.str_or("keep_aspect_ratio_policy", "stretch")? } else { "stretch" };
    let scales = || which.iter().map(|&d| all[d].scale);
    let one = match policy {
        "stretch" => return Ok(()),
        "not_larger" => scales().fold(f32::INFINITY, f32::min),
        "not_smaller" => scales().fold(0.0, f32::max),
        p => return Err(unsupported("keep_aspect_ratio_policy", p).hint("the standard has stretch, not_larger and not_smaller")),
    };
    for &d in which {
        all[d].scale = one;
        // Halves go up.
        all[d].to = (one * all[d].from as f32 + 0.5).floor() as usize;
    }
    Ok(())
}

/// Input `i` as constant reals, or the attribute of old forms of the operator.
fn reals(c: &Ctx<'_, '_, '_>, i: usize) -> Result<Option<Vec<f32>>> {
    if c.op == "Upsample" && c.opset < 9 {
        return Ok(c.attrs.floats("scales")?.map(<[f32]>::to_vec));
    }
    let Some(t) = c.constant(i)? else { return Ok(None) };
    Ok(Some(if t.dtype == DType::F64 { t.as_f64()?.iter().map(|&x| x as f32).collect() } else { t.as_f32()?.into_owned() }))
}

/// Resize 10, 11, 13, 18, 19 and Upsample 7, 9 with constant scales or sizes.
pub(super) fn resize(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let old = c.op == "Upsample" || c.opset < 11;
    let mode = c.attrs.str_or("mode", "nearest")?;
    let known = ["nearest", "linear", "cubic"];
    if !known[..if old { 2 } else { 3 }].contains(&mode) {
        return Err(unsupported("mode", mode).hint("nearest, linear and (from opset 11 on) cubic are supported"));
    }
    let word = |name: &str, default: &'static str, words: &[&str]| {
        let w = if old { default } else { c.attrs.str_or(name, default)? };
        if words.contains(&w) { Ok(w) } else { Err(unsupported(name, w).hint(format!("the standard has {}", words.join(", ")))) }
    };
    let ways = [
        "half_pixel",
        "half_pixel_symmetric",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "tf_half_pixel_for_nn",
        "tf_crop_and_resize",
    ];
    let coordinates = word("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" }, &ways)?;
    let nearest_words = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];
    let nearest = word("nearest_mode", if old { "floor" } else { "round_prefer_floor" }, &nearest_words)?;
    let cubic = if old { -0.75 } else { c.attrs.float_or("cubic_coeff_a", -0.75)? };
    let exclude_outside = !old && c.attrs.flag("exclude_outside", false)?;
    let antialias = c.opset >= 18 && c.attrs.flag("antialias", false)?;
    if !old {
        c.attrs.float("extrapolation_value")?;
    }
    let axes = axes(c, &shape)?;
    let rule = Rule { mode, coordinates, nearest, cubic, exclude_outside, antialias };
    if coordinates == "tf_crop_and_resize" {
        let outside = axes.iter().any(|&a| (0..a.to).map(|i| rule.place(a, i)).any(|x| x < 0.0 || x > a.from as f64 - 1.0));
        if outside {
            return Err(unsupported("coordinate_transformation_mode", coordinates).hint("a region that leaves the tensor is not supported"));
        }
    }
    let mut y = x;
    for (d, &a) in axes.iter().enumerate() {
        y = along(c, y, d, a, &rule)?;
    }
    if y == x {
        return c.forward();
    }
    c.name_result(y);
    Ok(())
}

/// Upsample 7 (attribute), 9; from opset 10 on it is Resize.
pub(super) fn upsample(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    if c.opset >= 10 {
        return Err(Error::new(Code::UnsupportedOpset, format!("Upsample in opset {}", c.opset)).hint("Resize took its place in opset 10"));
    }
    resize(c)
}

/// Weights of one dimension at most: it is a product with a matrix.
const MATRIX: usize = 1 << 24;

/// `x` resized along dimension `d`.
fn along(c: &mut Ctx<'_, '_, '_>, x: ValueId, d: usize, a: Axis, rule: &Rule<'_>) -> Result<ValueId> {
    if rule.mode == "nearest" {
        let at: Vec<usize> = (0..a.to).map(|i| rule.chosen(a, i)).collect();
        return chosen(c, x, d, a.from, &at);
    }
    let taps: Vec<Vec<(usize, f64)>> = (0..a.to).map(|i| rule.weights(a, i)).collect();
    if a.to == a.from && taps.iter().enumerate().all(|(i, t)| t.iter().all(|&(k, w)| k == i || w == 0.0)) {
        return Ok(x);
    }
    if a.from.saturating_mul(a.to) > MATRIX {
        let e =
            Error::new(Code::Limit, format!("{} of {} to {} elements: its weights would be {MATRIX} and more", rule.mode, a.from, a.to));
        return Err(e.hint("resize by nearest, or outside of the model"));
    }
    let mut matrix = vec![0f64; a.from * a.to];
    for (i, taps) in taps.iter().enumerate() {
        taps.iter().for_each(|&(k, w)| matrix[k * a.to + i] += w);
    }
    let matrix: Vec<f32> = matrix.into_iter().map(|w| w as f32).collect();
    let w = c.make_const(&format!("weights{d}"), Tensor::from_f32([a.from, a.to], &matrix)?)?;
    let rank = c.shape(x).len();
    if d + 1 == rank {
        return c.plain("MatMul", &[x, w]);
    }
    // The dimension goes to the end and comes back.
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(d, rank - 1);
    let turn = |c: &mut Ctx<'_, '_, '_>, v| c.part("Transpose", Attrs::new().with("perm", &perm[..]), &[v]);
    let y = turn(c, x)?;
    let y = c.plain("MatMul", &[y, w])?;
    turn(c, y)
}

/// Elements `at` of dimension `d`: repeated where each comes equally often and in order, joined from runs otherwise.
fn chosen(c: &mut Ctx<'_, '_, '_>, x: ValueId, d: usize, from: usize, at: &[usize]) -> Result<ValueId> {
    if at.iter().copied().eq(0..from) {
        return Ok(x);
    }
    let times = at.len() / from;
    if times > 1 && at.iter().copied().eq((0..from * times).map(|i| i / times)) {
        let shape = c.shape(x);
        let mut parts: Vec<usize> = shape[..=d].to_vec();
        parts.push(1);
        parts.extend(&shape[d + 1..]);
        let y = c.part("Reshape", Attrs::new().with("shape", &parts[..]), &[x])?;
        let y = c.part("Concat", Attrs::new().with("axis", d + 1), &vec![y; times])?;
        let mut to = shape;
        to[d] = at.len();
        return c.part("Reshape", Attrs::new().with("shape", &to[..]), &[y]);
    }
    rows(c, x, d, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_cubic_kernel_sum_to_one() {
        let rule =
            Rule { mode: "cubic", coordinates: "half_pixel", nearest: "floor", cubic: -0.75, exclude_outside: false, antialias: true };
        let a = Axis { from: 7, to: 4, scale: 4.0 / 7.0, roi: (0.0, 1.0) };
        for i in 0..4 {
            let sum: f64 = rule.weights(a, i).iter().map(|t| t.1).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{i}: {sum}");
        }
    }
}
