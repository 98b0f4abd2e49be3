//! Scales that are computed at run time: DynamicQuantizeLinear and the operators on its codes.
//!
//! The compiler chooses scales itself, from data, so nothing of this is computed: codes stand for the reals that they were made of, and the scale
//! that the model multiplies by in the end takes back what the codes were divided by. Codes, scale, zero point and integer sums are remembered
//! by name ([`Dynamic`]), the graph holds reals. Weights are the reals of their codes.

use crate::dynamic::Dynamic;
use crate::node::Ctx;
use mcompc_ir::{Code, DType, Error, Result, Tensor};

/// Operators that may read what depends on a scale of run time.
const KNOWING: &[&str] =
    &["Add", "Cast", "ConvInteger", "Div", "Floor", "Identity", "MatMulInteger", "MatMulIntegerToFloat", "Mul", "Reshape", "Round"];

/// Refuses an operator that would need the scale.
pub(super) fn before(c: &Ctx<'_, '_, '_>) -> Result<()> {
    match c.node.input.iter().find(|n| c.b.dynamic.contains_key(*n)) {
        Some(name) if !KNOWING.contains(&c.op) => Err(Error::new(
            Code::UnsupportedAttr,
            format!("{} reads `{name}`, which depends on a scale that is computed at run time", c.op),
        )
        .hint("scales are chosen while compiling: quantize_dynamic's patterns are taken, others are not; give the float model")),
        _ => Ok(()),
    }
}

fn remember(c: &mut Ctx<'_, '_, '_>, i: usize, what: Dynamic) {
    if let Some(out) = c.node.output.get(i).filter(|o| !o.is_empty()).cloned() {
        c.b.dynamic.insert(out, what);
    }
}

fn of(c: &Ctx<'_, '_, '_>, i: usize) -> Option<Dynamic> {
    c.b.dynamic.get(c.input_name(i)?).cloned()
}

/// DynamicQuantizeLinear 11: codes, scale, zero point.
pub(super) fn quantize(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.input(0)?;
    let (x, id) = (c.name_of(0), c.out_names());
    remember(c, 0, Dynamic::Codes(id.clone(), x));
    let one = Tensor::from_f32(Vec::new(), &[1.0])?;
    remember(c, 1, Dynamic::Scale(id.clone(), one));
    remember(c, 2, Dynamic::Zero(id));
    Ok(())
}

/// The reals of constant codes at input `i` less the zero points at `z`, times the scales at `s`; these are one, or as many as the last
/// dimension, or behind the first `axis` dimensions as many as dimension `axis`.
fn weights(c: &mut Ctx<'_, '_, '_>, i: usize, s: Option<usize>, z: usize, axis: Option<usize>) -> Result<String> {
    let Some(w) = c.constant(i)? else { return c.misfit(format!("input {i} is missing")) };
    let zeros = c.constant(z)?;
    if let Some(t) = [Some(&w), zeros.as_ref()].into_iter().flatten().find(|t| !matches!(t.dtype, DType::I8 | DType::U8)) {
        return c.misfit(format!("weights or zero points of {}", t.dtype));
    }
    let scales = s.map(|s| c.constant(s)).transpose()?.flatten();
    let scales = scales.map_or(Ok(vec![1.0]), |t| t.as_f32().map(|v| v.to_vec()))?;
    let zeros = zeros.map_or(Ok(vec![0]), |t| t.to_i64_vec())?;
    let codes = w.to_i64_vec()?;
    c.b.reader.materialise(4 * codes.len() as u64)?;
    let n = scales.len().max(zeros.len());
    let (along, inner) = match axis {
        Some(a) => (w.shape.get(a).copied().unwrap_or(1), w.shape.iter().skip(a + 1).product::<usize>()),
        None => (w.shape.last().copied().unwrap_or(1), 1),
    };
    // Stacks of matrices have scales and zero points of their own.
    let stacks = w.shape.iter().rev().skip(2).product::<usize>().max(1);
    let matrix = w.elems() / stacks;
    let place = |k: usize, have: usize| match have {
        1 => Some(0),
        m if m == along => Some(k / inner.max(1) % along),
        m if axis.is_none() && m == stacks * along => Some(k / matrix.max(1) * along + k % along),
        m if axis.is_none() && m == stacks => Some(k / matrix.max(1)),
        _ => None,
    };
    let real = |(k, &q): (usize, &i64)| Some((q - zeros[place(k, zeros.len())?]) as f32 * scales[place(k, scales.len())?]);
    let Some(reals) = codes.iter().enumerate().map(real).collect::<Option<Vec<f32>>>() else {
        return c.misfit(format!("{n} scales or zero points for weights of shape {:?}", w.shape));
    };
    c.constant_named(Tensor::from_f32(w.shape.clone(), &reals)?, &format!("weights/{i}"))
}

/// Scale and tensor of the codes at input `i`, whose zero point must be theirs.
fn codes(c: &Ctx<'_, '_, '_>, i: usize, z: usize) -> Result<(String, String)> {
    let hint = "give the float model, the compiler quantizes it itself";
    match (of(c, i), of(c, z)) {
        (Some(Dynamic::Codes(id, x)), Some(Dynamic::Zero(zero))) if zero == id => Ok((id, x)),
        (Some(Dynamic::Codes(..)), _) => {
            Err(Error::new(Code::UnsupportedAttr, format!("{} with another zero point than that of its codes", c.op)).hint(hint))
        }
        _ => Err(Error::new(Code::UnsupportedOp, format!("{} of what no DynamicQuantizeLinear made is not supported", c.op)).hint(hint)),
    }
}

/// MatMulInteger 10, ConvInteger 10 of dynamic codes and constant weights: sums, which the scale makes reals.
pub(super) fn product(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (id, x) = codes(c, 0, 2)?;
    let conv = c.op == "ConvInteger";
    let w = weights(c, 1, None, 3, conv.then_some(0))?;
    c.attrs.pass_on();
    let attributes = c.node.attribute.clone();
    let y = c.inner(if conv { "Conv" } else { "MatMul" }, c.opset.max(11), vec![x, w], attributes)?;
    remember(c, 0, Dynamic::Sums(id, y));
    Ok(())
}

/// Whether the node says something of what depends on a scale of run time: Identity, Reshape of a scale, Cast of sums to floats, and products.
pub(super) fn kept(c: &mut Ctx<'_, '_, '_>) -> Result<bool> {
    let refused = |c: &Ctx<'_, '_, '_>| {
        let e = Error::new(Code::UnsupportedAttr, format!("{} of what depends on a scale that is computed at run time", c.op));
        Err(e.hint("scales are chosen while compiling: quantize_dynamic's patterns are taken, others are not; give the float model"))
    };
    match (c.op, of(c, 0), of(c, 1)) {
        (_, None, None) => Ok(false),
        ("Identity", Some(d), _) => {
            remember(c, 0, d);
            Ok(true)
        }
        // Sums as floats, and a bias in the sums' steps as integers.
        ("Cast", Some(d @ Dynamic::Sums(..)), _) => {
            if !matches!(c.attrs.int("to")?, Some(1 | 6 | 10 | 11 | 16)) {
                return refused(c);
            }
            crate::fold::cast::options(&c.attrs, c.opset)?;
            remember(c, 0, d);
            Ok(true)
        }
        ("Floor" | "Round", Some(d @ Dynamic::Sums(..)), _) => {
            remember(c, 0, d);
            Ok(true)
        }
        ("Div", None, Some(Dynamic::Scale(id, f))) => {
            let steps = c.constant_named(f, "steps")?;
            let y = c.inner("Div", 14, vec![c.name_of(0), steps], Vec::new())?;
            remember(c, 0, Dynamic::Sums(id, y));
            Ok(true)
        }
        ("Add", Some(Dynamic::Sums(id, a)), Some(Dynamic::Sums(other, b))) if id == other => {
            let y = c.plain("Add", &[a, b])?;
            remember(c, 0, Dynamic::Sums(id, y));
            Ok(true)
        }
        ("Reshape", Some(Dynamic::Sums(id, v)), None) => {
            c.attrs.pass_on();
            let input = vec![c.named(v, "sums"), c.name_of(1)];
            let y = c.inner("Reshape", c.opset, input, c.node.attribute.clone())?;
            remember(c, 0, Dynamic::Sums(id, y));
            Ok(true)
        }
        ("Reshape", Some(Dynamic::Scale(id, factor)), None) => {
            c.attrs.flag("allowzero", false)?;
            let t = c.constant_named(factor, "factor")?;
            let out = c.own_name("reshaped");
            c.nested("Reshape", c.opset, vec![t, c.name_of(1)], vec![out.clone()], Vec::new())?;
            let Some(factor) = c.b.known(&out) else { return refused(c) };
            remember(c, 0, Dynamic::Scale(id, factor));
            Ok(true)
        }
        ("Mul", a, b) => {
            let (tagged, i) = match (a, b) {
                (Some(Dynamic::Sums(id, y)), Some(Dynamic::Scale(by, f))) | (Some(Dynamic::Scale(by, f)), Some(Dynamic::Sums(id, y))) => {
                    if id != by {
                        return refused(c);
                    }
                    let (y, factor) = (c.named(y, "sums"), c.constant_named(f, "factor")?);
                    c.nested("Mul", 14, vec![y, factor], c.outputs(), Vec::new())?;
                    return Ok(true);
                }
                (Some(a), None) => (a, 1),
                (None, Some(b)) => (b, 0),
                _ => return refused(c),
            };
            let (Dynamic::Scale(id, f), Some(k)) = (tagged, c.constant(i)?) else { return refused(c) };
            let shape = mcompc_ops::broadcast(&f.shape, &k.shape)?;
            if f.elems() != 1 && k.elems() != 1 && f.shape != k.shape {
                return refused(c);
            }
            let (f, k) = (f.as_f32()?, k.as_f32()?);
            let at = |v: &[f32], i: usize| v[if v.len() == 1 { 0 } else { i }];
            let all: Vec<f32> = (0..f.len().max(k.len())).map(|i| at(&f, i) * at(&k, i)).collect();
            remember(c, 0, Dynamic::Scale(id, Tensor::from_f32(shape, &all)?));
            Ok(true)
        }
        ("MatMulInteger" | "ConvInteger" | "MatMulIntegerToFloat", ..) => Ok(false),
        _ => refused(c),
    }
}

/// The product of tensor `x` and weights, with a bias at input `bias`, as the node's result.
fn with_bias(c: &mut Ctx<'_, '_, '_>, x: String, w: String, bias: usize) -> Result<()> {
    if c.input_name(bias).is_none() {
        return c.nested("MatMul", 13, vec![x, w], c.outputs(), Vec::new());
    }
    let y = c.inner("MatMul", 13, vec![x, w], Vec::new())?;
    let bias = c.input(bias)?;
    let y = c.plain("Add", &[y, bias])?;
    c.output(0, y)
}

/// DynamicQuantizeMatMul of com.microsoft: x, codes of weights, their scales and zero points, a bias.
pub(super) fn matmul(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let w = weights(c, 1, Some(2), 3, None)?;
    let x = c.name_of(0);
    with_bias(c, x, w, 4)
}

/// MatMulIntegerToFloat of com.microsoft: codes, codes of weights, both scales, both zero points, a bias.
pub(super) fn to_float(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (id, x) = codes(c, 0, 4)?;
    match of(c, 2) {
        Some(Dynamic::Scale(by, f)) if by == id && f.elems() == 1 && f.as_f32()?[0] == 1.0 => {}
        _ => return c.not_built("with another scale than that of its codes", "give the float model"),
    }
    let w = weights(c, 1, Some(3), 5, None)?;
    with_bias(c, x, w, 6)
}

/// DynamicQuantizeLSTM of com.microsoft: an LSTM whose weights are codes [directions, input, 4 * hidden].
pub(super) fn lstm(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.attrs.pass_on();
    let mut input: Vec<String> = (0..8).map(|i| c.name_of(i)).collect();
    for (i, s) in [(1, 8), (2, 10)] {
        let name = weights(c, i, Some(s), s + 1, None)?;
        let Some(w) = c.b.known(&name) else { return c.misfit("weights are needed") };
        let t = w.transposed(&[0, 2, 1])?;
        input[i] = c.constant_named(t, &format!("turned/{i}"))?;
    }
    let attributes = c.node.attribute.clone();
    c.nested("LSTM", c.opset.max(7), input, c.outputs(), attributes)
}
