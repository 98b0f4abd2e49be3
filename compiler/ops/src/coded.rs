//! What the codes of a coded graph are as reals: the one definition, for everything that runs such a graph.

use mcompc_ir::{Code, DType, Error, Graph, Per, Quant, Result, ValueId};

/// The constant's elements as the operator that reads it takes them: reals of its codes, and 64-bit reals in 32. Weights of a layer whose
/// operand has a scale per channel are told in units of its codes.
///
/// # Errors
/// [`Code::UnsupportedType`] for integers that are no codes.
pub fn constant(g: &Graph, v: ValueId) -> Result<Vec<f32>> {
    let value = g.value(v);
    let Some(t) = g.const_of(v) else { return Err(Error::new(Code::Internal, format!("`{}` is no constant", value.name))) };
    let Some(q) = &value.quant else {
        return match t.dtype {
            DType::F64 => Ok(t.as_f64()?.iter().map(|&x| x as f32).collect()),
            _ => Ok(t.as_f32()?.into_owned()),
        };
    };
    let units = units(g, v);
    let channels = value.shape.last().copied().unwrap_or(1).max(1);
    // Input channels of a group lie innermost; a group's first is a multiple of their number.
    let per_group = |i: usize, u: &Units| {
        let o = i / (value.elems() / value.shape[0]).max(1);
        u.scale[(o / (value.shape[0] / u.groups).max(1) * channels + i % channels).min(u.scale.len() - 1)]
    };
    let real = |(i, c): (usize, i64)| {
        let r = q.real_at(&value.shape, i, c);
        (r / units.as_ref().map_or(1.0, |u| per_group(i, u))) as f32
    };
    Ok(t.to_i64_vec()?.into_iter().enumerate().map(real).collect())
}

/// The scales of an operand's channels, by which its layer's weights are told.
struct Units<'a> {
    scale: &'a [f64],
    groups: usize,
}

fn units(g: &Graph, v: ValueId) -> Option<Units<'_>> {
    let (layer, _) = g.users(v).into_iter().find(|&(n, port)| port == 1 && matches!(g.node(n).op.as_str(), "Conv" | "Dense"))?;
    let x = *g.inputs_of(layer).first()?;
    match &g.value(x).quant.as_ref()?.scale {
        Per::Axis(_, scale) => Some(Units { scale, groups: g.node(layer).attrs.int_or("group", 1).ok()?.max(1) as usize }),
        _ => None,
    }
}

/// Rounds reals of a tensor to what its codes stand for, ties away from zero.
pub fn round(q: &Quant, shape: &[usize], data: &mut [f32]) {
    let one = |x: f32, s: f64, z: f64| {
        let steps = f64::from(x) / s;
        // A whole zero is added after rounding, as the integers do.
        let code = if z.fract() == 0.0 { q.codes.nearest(steps.round() + z) } else { q.codes.nearest(steps + z) };
        (s * (f64::from(code) - z)) as f32
    };
    match q.uniform() {
        Some((s, z)) => data.iter_mut().for_each(|x| *x = one(*x, s, z)),
        None => data.iter_mut().enumerate().for_each(|(i, x)| *x = one(*x, *q.scale.at(shape, i), *q.zero.at(shape, i))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_ir::Codes;

    #[test]
    fn codes_are_where_they_stay() {
        let q = Quant { codes: Codes::U8, scale: Per::Axis(1, vec![0.5, 0.1].into()), zero: Per::Axis(1, vec![3.0, 7.5].into()) };
        let mut x = [0.3, 0.07, -100.0, 1e9];
        round(&q, &[2, 2], &mut x);
        assert_eq!(x, [0.5, 0.05, -1.5, 24.75]);
        let again = x;
        round(&q, &[2, 2], &mut x);
        assert_eq!(x, again);
    }
}
