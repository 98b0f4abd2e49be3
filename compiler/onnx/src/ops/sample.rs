//! Sampling of images at points: GridSample at constant ones, AffineGrid.

use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Result, ValueId};

/// Weights of one sampled place in a dimension of an image.
type Taps = Vec<(usize, f64)>;

/// How places outside an image are taken.
#[derive(Clone, Copy, PartialEq)]
enum Outside {
    Zeros,
    Border,
    Reflection,
}

/// A place mirrored at the ends of 0..n: at its elements, or (not `align`) half an element beyond.
fn mirrored(x: f64, n: usize, align: bool) -> f64 {
    let (lo, hi) = if align { (0.0, n as f64 - 1.0) } else { (-0.5, n as f64 - 0.5) };
    let span = hi - lo;
    if span <= 0.0 {
        return 0.0;
    }
    let t = (x - lo).abs() % (2.0 * span);
    lo + if t > span { 2.0 * span - t } else { t }
}

/// The elements that an index of a dimension stands for.
fn element(i: i64, n: usize, outside: Outside, align: bool) -> Option<usize> {
    match outside {
        Outside::Zeros => usize::try_from(i).ok().filter(|&i| i < n),
        Outside::Border => Some(i.clamp(0, n as i64 - 1) as usize),
        Outside::Reflection => Some(mirrored(i as f64, n, align).round().clamp(0.0, n as f64 - 1.0) as usize),
    }
}

/// Keys' cubic kernel with -0.75, which the standard names.
fn cubic(t: f64) -> f64 {
    let (a, t) = (-0.75, t.abs());
    match t {
        t if t <= 1.0 => ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0,
        t if t < 2.0 => ((a * t - 5.0 * a) * t + 8.0 * a) * t - 4.0 * a,
        _ => 0.0,
    }
}

fn taps(x: f64, n: usize, mode: &str, outside: Outside, align: bool) -> Taps {
    let of = |i: i64, w: f64| element(i, n, outside, align).map(|i| (i, w));
    // Places this far out are outside of anything.
    let x = x.clamp(-1e15, 1e15);
    let at = x.floor() as i64;
    match mode {
        "nearest" => of(libm::rint(x) as i64, 1.0).into_iter().collect(),
        "linear" => [(at, 1.0 - (x - at as f64)), (at + 1, x - at as f64)].into_iter().filter_map(|(i, w)| of(i, w)).collect(),
        _ => (at - 1..=at + 2).filter_map(|i| of(i, cubic(x - i as f64))).collect(),
    }
}

/// GridSample 16, 20, 22 at constant points: a matrix of weights for each image of the batch.
pub(super) fn grid_sample(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let s = c.shape(x);
    let Ok(Some(grid)) = c.constant(1) else {
        return c.not_built("at computed points", "the points must be known while compiling; leave this part of the model to the caller");
    };
    let mode = match c.attrs.str_or("mode", "linear")? {
        "bilinear" | "linear" => "linear",
        "bicubic" | "cubic" => "cubic",
        "nearest" => "nearest",
        word => return Err(unsupported("mode", word).hint("the standard has linear, cubic and nearest")),
    };
    let outside = match c.attrs.str_or("padding_mode", "zeros")? {
        "zeros" => Outside::Zeros,
        "border" => Outside::Border,
        "reflection" => Outside::Reflection,
        word => return Err(unsupported("padding_mode", word).hint("the standard has zeros, border and reflection")),
    };
    let align = c.attrs.flag("align_corners", false)?;
    let dims = s.len().saturating_sub(2);
    if !(1..=3).contains(&dims) || grid.shape.len() != s.len() || grid.shape[0] != s[0] || grid.shape[s.len() - 1] != dims {
        return c.misfit(format!("points of shape {:?} in an image of shape {s:?}", grid.shape));
    }
    let (size, to) = (s[2..].to_vec(), grid.shape[1..=dims].to_vec());
    let (from, points) = (size.iter().product::<usize>(), to.iter().product::<usize>());
    c.b.limits().elements_of(&[s[0], from, points])?;
    let at: Vec<f64> =
        if grid.dtype == mcompc_ir::DType::F64 { grid.as_f64()?.into_owned() } else { grid.as_f32()?.iter().map(|&v| v.into()).collect() };
    let mut w = vec![0f64; s[0] * from * points];
    for (p, point) in at.chunks_exact(dims).enumerate() {
        let image = p / points;
        // The last dimension comes first in a point.
        let each: Vec<Taps> = (0..dims)
            .map(|d| {
                let n = size[d] as f64;
                let v = point[dims - 1 - d];
                let mut place = if align { (v + 1.0) / 2.0 * (n - 1.0) } else { ((v + 1.0) * n - 1.0) / 2.0 };
                // Cubic weights are those of the place itself, whose elements are brought inside one by one.
                if mode != "cubic" {
                    place = match outside {
                        Outside::Zeros => place,
                        Outside::Border => place.clamp(0.0, n - 1.0),
                        Outside::Reflection => mirrored(place, size[d], align),
                    };
                }
                taps(place, size[d], mode, outside, align)
            })
            .collect();
        let mut all: Taps = vec![(0, 1.0)];
        for (d, t) in each.iter().enumerate() {
            let n = size[d];
            all = all.iter().flat_map(|&(i, a)| t.iter().map(move |&(j, b)| (i * n + j, a * b))).collect();
        }
        for (i, weight) in all {
            w[(image * from + i) * points + p % points] += weight;
        }
    }
    let w: Vec<f32> = w.into_iter().map(|v| v as f32).collect();
    let w = c.reals("weights", &[s[0], from, points], &w)?;
    let flat = c.reshaped(x, &[s[0], s[1], from])?;
    let y = c.plain("MatMul", &[flat, w])?;
    let y = c.reshaped(y, &[&s[..2], &to].concat())?;
    c.result(y);
    Ok(())
}

/// AffineGrid 20: theta [N, d, d + 1] by the points of an image whose size is constant.
pub(super) fn affine_grid(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let theta = c.input(0)?;
    let size = c.constant_ints(1)?.unwrap_or_default();
    let align = c.attrs.flag("align_corners", false)?;
    let dims = size.len().saturating_sub(2);
    let t = c.shape(theta);
    if !(2..=3).contains(&dims) || size.iter().any(|&d| d < 1) || t != [size[0] as usize, dims, dims + 1] {
        return c.misfit(format!("theta {t:?} for an image of shape {size:?}"));
    }
    let size: Vec<usize> = size.iter().map(|&d| d as usize).collect();
    let points = size[2..].iter().product::<usize>();
    c.b.limits().elements_of(&[points, dims + 1])?;
    let place = |i: usize, n: usize| match (align, n) {
        (true, 1) => 0.0,
        (true, n) => 2.0 * i as f64 / (n as f64 - 1.0) - 1.0,
        (false, n) => (2.0 * i as f64 + 1.0) / n as f64 - 1.0,
    };
    let mut v = Vec::new();
    for p in 0..points {
        let mut rest = p;
        for &n in size[2..].iter().rev() {
            v.push(place(rest % n, n) as f32);
            rest /= n;
        }
        v.push(1.0);
    }
    let points: ValueId = c.reals("points", &[points, dims + 1], &v)?;
    let turned = c.transposed(theta, &[0, 2, 1])?;
    let y = c.plain("MatMul", &[points, turned])?;
    let y = c.reshaped(y, &[&size[..1], &size[2..], &[dims]].concat())?;
    c.result(y);
    Ok(())
}
