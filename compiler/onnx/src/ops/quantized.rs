//! Models that are quantized already: QuantizeLinear and DequantizeLinear, and the operators on codes of the standard and of ONNX Runtime.
//!
//! The graph holds reals throughout. A constant that is dequantized is the reals of its codes; a computed tensor of codes is the reals that they
//! stand for, rounded by a Quantize node that says the file's scale and zero point. Operators on codes are spelt out: their operands' reals, the
//! float operator, Quantize.

use crate::attrs::unsupported;
use crate::foreign::Foreign;
use crate::node::{Bound, Builder, Ctx};
use crate::proto::{AttributeProto, GraphProto, NodeProto};
use mcompc_ir::{Attrs, Code, Codes, DType, Error, Quant, Result, Tensor, Value, ValueId};
use std::collections::BTreeSet;

/// Operators that move or choose elements whatever they stand for.
const MOVES: &[&str] = &[
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "GlobalMaxPool",
    "Identity",
    "MaxPool",
    "ReduceMax",
    "ReduceMin",
    "Reshape",
    "Resize",
    "ReverseSequence",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];
/// Operators that ask for the order of elements only.
const ORDERS: &[&str] = &["ArgMax", "ArgMin"];
/// Operators that know what codes are.
const KNOWING: &[&str] = &["QuantizeLinear", "DequantizeLinear"];

const FLOAT: &str = "give the float model, the compiler quantizes it itself";

fn knows(op: &str) -> bool {
    KNOWING.contains(&op) || op.starts_with("QLinear") || op == "QGemm"
}

/// Refuses an operator of floats that reads codes.
pub(super) fn before(c: &Ctx<'_, '_, '_>) -> Result<()> {
    let names = || c.node.input.iter();
    if knows(c.op)
        && let Some(name) = names().find(|n| c.b.foreign.contains_key(*n))
        && (c.op != "DequantizeLinear" || c.b.kind(name).is_some_and(crate::dtype::is_float))
    {
        return Err(Error::new(Code::UnsupportedType, format!("{} with `{name}`, whose codes have no 8 bits of their own", c.op))
            .hint("constants of 4-bit integers are dequantized, int8 and uint8 activations quantized; or give the float model"));
    }
    if knows(c.op) || !names().any(|n| c.b.codes.contains_key(n)) {
        return Ok(());
    }
    let all: Vec<Option<&Quant>> = names().filter(|n| !n.is_empty()).map(|n| c.b.codes.get(n)).collect();
    let one = |i: &Option<&Quant>| i.is_some() && *i == all[0];
    if matches!(c.op, "Resize" | "Upsample") && c.attrs.str_or("mode", "nearest")? != "nearest" {
        return Err(Error::new(Code::UnsupportedType, format!("{} between integers is not supported", c.op))
            .hint("put a DequantizeLinear before it and a QuantizeLinear behind it"));
    }
    if ORDERS.contains(&c.op) {
        return Ok(());
    }
    if matches!(c.op, "Clip" | "Pad") && one(&all[0]) && all[1..].iter().all(Option::is_none) {
        return Ok(());
    }
    if MOVES.contains(&c.op) && (c.op != "Concat" || all.iter().all(one)) {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedType, format!("{} of integers is not supported", c.op))
        .hint("put a DequantizeLinear before it and a QuantizeLinear behind it"))
}

/// What a move makes of codes are codes.
pub(super) fn behind(c: &mut Ctx<'_, '_, '_>) {
    if let Some(q) = c.node.input.first().and_then(|n| c.b.codes.get(n)).cloned().filter(|_| MOVES.contains(&c.op)) {
        let named = c.node.output.iter().filter(|o| !o.is_empty());
        c.b.codes.extend(named.map(|o| (o.clone(), q.clone())));
    }
}

/// Scale and zero point of inputs `s` and `z`: one of each, or as many along an axis. The type of the zero point is that of the codes.
struct Params {
    scale: Vec<f32>,
    zero: Vec<i64>,
    dtype: Option<DType>,
    /// Shape of the scales.
    shape: Vec<usize>,
}

impl Params {
    fn read(c: &Ctx<'_, '_, '_>, s: usize, z: usize) -> Result<Self> {
        let missing = || Error::new(Code::MissingAttr, format!("{} without a scale", c.op)).hint("the ONNX standard requires it");
        let scale = c.constant(s)?.ok_or_else(missing)?;
        if scale.dtype != DType::F32 {
            return Err(Error::new(Code::UnsupportedType, format!("a scale of type {}", scale.dtype)).hint(FLOAT));
        }
        let zero = c.constant(z)?;
        let dtype = zero.as_ref().map(|z| z.dtype);
        let shape = scale.shape.clone();
        let (scale, zero) = (scale.as_f32()?.into_owned(), zero.map_or(Ok(vec![0]), |z| z.to_i64_vec())?);
        let zero = if zero.len() == 1 { vec![zero[0]; scale.len()] } else { zero };
        if scale.is_empty() || zero.len() != scale.len() || scale.iter().any(|s| !s.is_finite()) {
            return Err(Error::new(
                Code::BadTensor,
                format!("{} scales and {} zero points, or a scale that is not finite", scale.len(), zero.len()),
            )
            .hint("the file is damaged or its exporter at fault"));
        }
        Ok(Self { scale, zero, dtype, shape })
    }

    /// Which scale and zero point an element of a tensor has: the only ones, those of its index along an axis, or those of its block along it.
    fn places(&self, c: &Ctx<'_, '_, '_>, shape: &[usize], (axis, block): (i64, usize)) -> Result<impl Fn(usize) -> usize + use<>> {
        let n = self.scale.len();
        let (mut size, mut inner, mut parts) = (1, usize::MAX, 1);
        if n > 1 || block > 0 {
            let axis = c.axis(axis, shape.len(), false)?;
            size = shape[axis].max(1);
            inner = shape[axis + 1..].iter().product::<usize>().max(1);
            parts = if block == 0 { size } else { size.div_ceil(block) };
            let fits = match block {
                0 => n == size,
                _ => self.shape == [&shape[..axis], &[parts], &shape[axis + 1..]].concat(),
            };
            if !fits {
                let e = format!("scales of shape {:?} along axis {axis} of a tensor of shape {shape:?}", self.shape);
                return Err(Error::new(Code::BadShape, e).hint("the file is damaged or its exporter at fault"));
            }
        }
        Ok(move |k: usize| match block {
            0 => k / inner % n,
            _ => (k / inner / size * parts + k / inner % size / block) * inner + k % inner,
        })
    }

    /// The codes of a computed tensor: 8 or 16 bits, one scale.
    fn codes(&self, dtype: Option<DType>) -> Result<Quant> {
        let dtype = self.dtype.or(dtype).unwrap_or(DType::U8);
        let codes = Codes::of(dtype).filter(|c| c.bits <= Codes::I16.bits);
        let Some(codes) = codes else {
            return Err(Error::new(Code::UnsupportedType, format!("activations in {dtype} codes are not supported"))
                .hint("activations of 8 and 16 bits are; quantize to 8 bits, or give the float model"));
        };
        match (&self.scale[..], &self.zero[..]) {
            ([s], [_]) if *s <= 0.0 => Err(not_positive(*s)),
            ([s], [z]) if codes.contains(*z) => Ok(Quant::new(codes, f64::from(*s), *z as i32)),
            _ => Err(Error::new(Code::UnsupportedAttr, format!("{} scales for one activation", self.scale.len()))
                .hint("activations have one scale and zero point a tensor; weights may have one a channel")),
        }
    }
}

/// Codes of constants may be turned by a negative scale, and those of a part that is all 0 have none; what is rounded has a positive one.
fn not_positive(scale: f32) -> Error {
    Error::new(Code::BadTensor, format!("a scale of {scale} to divide by")).hint("the file is damaged or its exporter at fault")
}

fn attrs(q: &Quant) -> Attrs {
    Attrs::new().with("scale", q.step()).with("zero", i64::from(q.zero_point())).with("codes", q.codes.name().as_str())
}

/// Says where 16-bit codes end whose zero point is not in the middle, which bounds values (a Relu is often said that way): what becomes of them are
/// codes around 0, which reach farther.
fn within(c: &mut Ctx<'_, '_, '_>, x: ValueId, q: &Quant) -> Result<ValueId> {
    let middle = (i64::from(q.codes.min()) + i64::from(q.codes.max()) + 1) / 2;
    if q.codes.bits == Codes::I8.bits || i64::from(q.zero_point()) == middle {
        return Ok(x);
    }
    let (lo, hi) = (q.real(q.codes.min().into()), q.real(q.codes.max().into()));
    c.part("Clip", Attrs::new().with("min", lo).with("max", hi), &[x])
}

/// Attributes of QuantizeLinear and DequantizeLinear: axis and size of blocks; what is not taken is refused.
fn plain(c: &Ctx<'_, '_, '_>) -> Result<(i64, usize)> {
    c.attrs.only("saturate", 1, "codes saturate")?;
    c.attrs.only("precision", 0, "scales are divided by in 32-bit floats")?;
    let block = c.attrs.int_or("block_size", 0)?;
    let size = usize::try_from(block).map_err(|_| unsupported("block_size", block).hint("give a positive size, or 0 for none"))?;
    Ok((c.attrs.int_or("axis", 1)?, size))
}

/// QuantizeLinear 10, 13, 19, 21, 23.
pub(super) fn quantize(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (axis, block) = plain(c)?;
    let dtype = match c.attrs.int_or("output_dtype", 0)? {
        0 => None,
        t => Some(crate::dtype::dtype_of(i32::try_from(t).unwrap_or(-1))?),
    };
    let p = Params::read(c, 1, 2)?;
    // Weights that the file holds as floats, and rounds; reals of sums of constants are none.
    if let Some(t) = c.input_name(0).and_then(|n| c.b.known(n)).filter(|t| t.dtype == DType::F32) {
        return constant(c, &t, &p, dtype, axis, block);
    }
    if block != 0 {
        return Err(unsupported("block_size", block).hint("activations have one scale and zero point a tensor; weights may have blocks"));
    }
    let q = p.codes(dtype)?;
    let x = c.input(0)?;
    let x = within(c, x, &q)?;
    c.emit("Quantize", attrs(&q), &[x])?;
    c.b.codes.insert(c.out_name().to_string(), q);
    Ok(())
}

/// DequantizeLinear 10, 13, 19, 21, 23.
pub(super) fn dequantize(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (axis, block) = plain(c)?;
    if let Some(t) = c.attrs.int("output_dtype")?.filter(|&t| t != 0 && t != 1) {
        return Err(unsupported("output_dtype", t).hint("32-bit floats are"));
    }
    let p = Params::read(c, 1, 2)?;
    let out = c.out_name().to_string();
    blocks(c, 0, &p, (axis, block), &out)
}

/// Rounds a constant to codes, which are a constant then.
fn constant(c: &mut Ctx<'_, '_, '_>, t: &Tensor, p: &Params, dtype: Option<DType>, axis: i64, block: usize) -> Result<()> {
    let dtype = p.dtype.or(dtype).unwrap_or(DType::U8);
    let few = c.input_name(2).and_then(|z| c.b.foreign.get(z)).and_then(|&code| crate::foreign::of(code));
    let codes = match few {
        Some(Foreign::Few { bits, signed }) => Some(Codes { bits: bits as u8, signed }),
        Some(_) => None,
        None => Codes::of(dtype).filter(|c| c.bits <= Codes::I16.bits),
    };
    let Some(codes) = codes else {
        return Err(Error::new(Code::UnsupportedType, format!("a constant rounded to {dtype} is not supported"))
            .hint("integers of up to 16 bits are; store the codes in the model"));
    };
    if let Some(s) = p.scale.iter().find(|s| **s <= 0.0) {
        return Err(not_positive(*s));
    }
    let at = p.places(c, &t.shape, (axis, block))?;
    c.b.reader.materialise((t.elems() * 2) as u64)?;
    let x = t.as_f32()?;
    let code = |(k, x): (usize, &f32)| codes.nearest(f64::from((x / p.scale[at(k)]).round_ties_even()) + p.zero[at(k)] as f64);
    let all = x.iter().enumerate().map(code).flat_map(|q| q.to_le_bytes().into_iter().take(dtype.size()));
    let t = Tensor::new(dtype, t.shape.clone(), all.collect::<Vec<u8>>().into())?;
    let out = c.out_name().to_string();
    if let Some(code) = c.input_name(2).and_then(|z| c.b.foreign.get(z)).copied() {
        c.b.foreign.insert(out, code);
    }
    c.bind(Bound::Const(t));
    Ok(())
}

/// Binds `out` to the reals of input `i` of the node under scale and zero point `p`, of which there may be several along an axis.
fn reals(c: &mut Ctx<'_, '_, '_>, i: usize, p: &Params, axis: i64, out: &str) -> Result<()> {
    blocks(c, i, p, (axis, 0), out)
}

/// As [`reals`], with the size of blocks along the axis; 0 for none.
fn blocks(c: &mut Ctx<'_, '_, '_>, i: usize, p: &Params, along: (i64, usize), out: &str) -> Result<()> {
    let name = c.input_name(i).unwrap_or_default().to_string();
    if let Some(q) = c.b.codes.get(&name) {
        if p.codes(Some(q.codes.dtype())).ok().as_ref() != Some(q) {
            return Err(Error::new(
                Code::UnsupportedAttr,
                format!("`{name}` is read under another scale or zero point than it was made with"),
            )
            .hint("the two must agree; the file is damaged or its exporter at fault"));
        }
        let v = c.b.value_of(&name)?;
        c.b.names.insert(out.to_string(), Bound::Node(v));
        return Ok(());
    }
    if let Some(k) = c.b.kind(&name).filter(|k| !crate::dtype::is_float(*k) && c.b.known(&name).is_none()) {
        let other = p.dtype.map_or("none", DType::name);
        return Err(Error::new(Code::UnsupportedType, format!("`{name}` is {k}, its zero point {other}"))
            .hint("int8 and uint8 codes with a zero point of their type are dequantized at run time; give the float model"));
    }
    let Some(t) = c.constant(i)? else {
        return Err(Error::new(Code::MissingAttr, format!("{} without input {i}", c.op)).hint("the ONNX standard requires it"));
    };
    if !matches!(t.dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32) || p.dtype.is_some_and(|d| d != t.dtype) {
        return Err(Error::new(Code::UnsupportedType, format!("`{name}` is {}, its zero point {:?}", t.dtype, p.dtype.map(DType::name)))
            .hint("integers of 8, 16 and 32 bits are dequantized, with a zero point of their type"));
    }
    c.b.reader.materialise(4 * t.elems() as u64)?;
    let at = p.places(c, &t.shape, along).map_err(|e| e.at(&name))?;
    let codes = t.to_i64_vec()?;
    let data: Vec<f32> = codes.iter().enumerate().map(|(k, &v)| (v - p.zero[at(k)]) as f32 * p.scale[at(k)]).collect();
    c.b.names.insert(out.to_string(), Bound::Const(Tensor::from_f32(t.shape.clone(), &data)?));
    Ok(())
}

/// The reals of input `i` under the scale and zero point behind it, by a name of their own.
fn operand(c: &mut Ctx<'_, '_, '_>, i: usize, axis: i64) -> Result<String> {
    let p = Params::read(c, i + 1, i + 2)?;
    // One tensor may be read twice, under two scales.
    let out = c.own_name(&format!("{i}/{}", crate::node::shown(c.input_name(i).unwrap_or_default())));
    reals(c, i, &p, axis, &out)?;
    Ok(out)
}

/// Imports float operator `op` on these tensors and rounds its result to the codes of inputs `s` and `z`.
fn spelt(c: &mut Ctx<'_, '_, '_>, op: &str, input: Vec<String>, opset: i64, s: usize, z: usize, drop: &[&str]) -> Result<()> {
    c.attrs.pass_on();
    let q = Params::read(c, s, z)?.codes(None)?;
    let inner = c.own_name("reals");
    let kept = |a: &&AttributeProto| !drop.contains(&a.name.as_deref().unwrap_or_default());
    let node = NodeProto {
        input,
        output: vec![inner.clone()],
        name: Some(c.name.to_string()),
        op_type: Some(op.to_string()),
        attribute: c.node.attribute.iter().filter(kept).cloned().collect(),
        ..NodeProto::default()
    };
    super::import_node(&mut Ctx::new(&node, c.name, opset, c.b)?)?;
    let y = c.b.value_of(&inner)?;
    let y = within(c, y, &q)?;
    let out = c.out_name().to_string();
    let v = c.b.add_op(&format!("{}/codes", c.name), "Quantize", attrs(&q), &[y], &out)?;
    c.b.names.insert(out.clone(), Bound::Node(v));
    c.b.codes.insert(out, q);
    Ok(())
}

/// Operators with constants among their inputs that are codes, too: Clip, which narrower types are written with, and Pad. Imports them on the
/// reals; false for any other operator.
pub(super) fn with_codes(c: &mut Ctx<'_, '_, '_>) -> Result<bool> {
    let of = c.input_name(0).and_then(|n| c.b.codes.get(n)).filter(|_| matches!(c.op, "Clip" | "Pad"));
    let Some(q) = of.cloned() else { return Ok(false) };
    if c.op == "Pad" {
        return padded(c, q).map(|()| true);
    }
    let bound = |c: &Ctx<'_, '_, '_>, i: usize| -> Result<Option<f64>> { Ok(c.constant_number(i)?.map(|v| q.real(v as i64))) };
    let (lo, hi) = (bound(c, 1)?.unwrap_or(f64::NEG_INFINITY), bound(c, 2)?.unwrap_or(f64::INFINITY));
    let x = c.b.value_of(&c.name_of(0))?;
    let y = c.part("Clip", Attrs::new().with("min", lo.min(hi)).with("max", hi), &[x])?;
    // The codes are said behind the bounds, too: what reads them rounds to nothing else.
    c.emit("Quantize", attrs(&q), &[y])?;
    c.b.codes.insert(c.out_name().to_string(), q);
    Ok(true)
}

/// A Pad with a code, 0 where none is given.
fn padded(c: &mut Ctx<'_, '_, '_>, q: Quant) -> Result<()> {
    if c.opset < 11 {
        return c.not_built("of integers", "put a DequantizeLinear before it and a QuantizeLinear behind it");
    }
    let value = c.constant_number(2)?.unwrap_or(0.0);
    let x = c.b.value_of(&c.name_of(0))?;
    let value = Tensor::from_f32(Vec::new(), &[q.real(value as i64) as f32])?;
    let mut input = vec![c.named(x, "reals"), c.name_of(1), c.constant_named(value, "value")?];
    input.extend(c.input_name(3).map(str::to_string));
    c.attrs.pass_on();
    c.nested("Pad", c.opset, input, c.outputs(), c.node.attribute.clone())?;
    c.b.codes.insert(c.out_name().to_string(), q);
    Ok(())
}

/// QLinearConv 10: x, w and y, each with scale and zero point, and an optional bias of 32 bits in steps of x's times w's.
pub(super) fn conv(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.attrs.only("channels_last", 0, "channels-first convolutions are supported")?;
    let mut names = vec![operand(c, 0, 0)?, operand(c, 3, 0)?];
    if c.input_name(8).is_some() {
        names.push(bias(c, 8, 1, 4)?);
    }
    spelt(c, "Conv", names, c.opset, 6, 7, &["channels_last"])
}

/// A bias in steps of the scales at `x` and `w`.
fn bias(c: &mut Ctx<'_, '_, '_>, i: usize, x: usize, w: usize) -> Result<String> {
    let (sx, sw) = (Params::read(c, x, x + 1)?, Params::read(c, w, w + 1)?);
    let n = sw.scale.len();
    let p =
        Params { scale: sw.scale.iter().map(|s| s * sx.scale[0]).collect(), zero: vec![0; sw.scale.len()], dtype: None, shape: vec![n] };
    let out = c.own_name("bias");
    reals(c, i, &p, 0, &out)?;
    Ok(out)
}

/// QLinearMatMul 10, 21.
pub(super) fn matmul(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let names = vec![operand(c, 0, -1)?, operand(c, 3, -1)?];
    spelt(c, "MatMul", names, c.opset, 6, 7, &[])
}

/// QGemm: A, B, C (32 bits) and Y.
pub(super) fn gemm(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let along = if c.attrs.int_or("transB", 0)? == 1 { 0 } else { 1 };
    let mut names = vec![operand(c, 0, -1)?, operand(c, 3, along)?];
    if c.input_name(6).is_some() {
        // C is in steps of alpha * A's * B's; the float operator adds it as it is.
        let alpha = c.attrs.float_or("alpha", 1.0)? as f32;
        let (sa, sb) = (Params::read(c, 1, 2)?, Params::read(c, 4, 5)?);
        let n = sb.scale.len();
        let p = Params {
            scale: sb.scale.iter().map(|s| alpha * s * sa.scale[0]).collect(),
            zero: vec![0; sb.scale.len()],
            dtype: None,
            shape: vec![n],
        };
        let out = c.own_name("bias");
        reals(c, 6, &p, -1, &out)?;
        names.push(out);
    }
    if c.input_name(7).is_none() {
        // The result is in floats.
        c.attrs.pass_on();
        return c.nested("Gemm", c.opset.max(11), names, c.outputs(), c.node.attribute.clone());
    }
    spelt(c, "Gemm", names, c.opset, 7, 8, &[])
}

/// QLinearAdd, QLinearMul.
pub(super) fn binary(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let names = vec![operand(c, 0, 0)?, operand(c, 3, 0)?];
    spelt(c, c.op.trim_start_matches("QLinear"), names, c.opset, 6, 7, &[])
}

/// QLinearSigmoid, QLinearLeakyRelu, QLinearReduceMean.
pub(super) fn unary(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let names = vec![operand(c, 0, 0)?];
    // Its axes are an attribute, as they were up to set 17.
    let opset = if c.op == "QLinearReduceMean" { c.opset.min(13) } else { c.opset };
    spelt(c, c.op.trim_start_matches("QLinear"), names, opset, 3, 4, &[])
}

/// QLinearWhere: a condition, both operands, the result's scale and zero point.
pub(super) fn choose(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let condition = c.input_name(0).unwrap_or_default().to_string();
    let names = vec![condition, operand(c, 1, 0)?, operand(c, 4, 0)?];
    spelt(c, "Where", names, c.opset, 7, 8, &[])
}

/// QLinearAveragePool, QLinearGlobalAveragePool.
pub(super) fn pool(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.attrs.only("channels_last", 0, "channels-first pools are supported")?;
    let names = vec![operand(c, 0, 0)?];
    spelt(c, c.op.trim_start_matches("QLinear"), names, c.opset, 3, 4, &["channels_last"])
}

/// QLinearSoftmax: attribute `opset` says which Softmax is meant.
pub(super) fn softmax(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let opset = c.attrs.int_or("opset", c.opset)?;
    // The axis is the last one where none is given, as newer sets of the standard have it.
    let opset = if c.attrs.int("axis")?.is_none() { opset.max(13) } else { opset };
    let names = vec![operand(c, 0, 0)?];
    spelt(c, "Softmax", names, opset, 3, 4, &["opset"])
}

/// QLinearConcat: scale and zero point of the result, then tensor, scale and zero point of every operand.
pub(super) fn concat(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let parts = c.node.input.len().saturating_sub(2);
    if !parts.is_multiple_of(3) {
        return Err(Error::new(Code::MissingAttr, format!("QLinearConcat with {parts} inputs for its operands")).hint("each has three"));
    }
    let names = (0..parts / 3).map(|i| operand(c, 2 + 3 * i, 0)).collect::<Result<Vec<_>>>()?;
    spelt(c, "Concat", names, c.opset, 0, 1, &[])
}

/// The codes of an integer graph input: those that its first reader which knows scale and zero point says, behind moves. `None` without one.
pub(crate) fn of_input(b: &mut Builder<'_>, g: &GraphProto, input: &str, dtype: DType) -> Result<Option<Quant>> {
    let mut same = BTreeSet::from([input]);
    for n in &g.node {
        let op = n.op_type.as_deref().unwrap_or("");
        let Some(i) = n.input.iter().position(|x| same.contains(x.as_str())) else { continue };
        if MOVES.contains(&op) {
            same.extend(n.output.iter().map(String::as_str));
            continue;
        }
        if !knows(op) || op == "QuantizeLinear" {
            continue;
        }
        // Inputs come before nodes: a scale that a Constant gives is read ahead.
        let mut ahead = Vec::new();
        for name in n.input.iter().skip(i + 1).take(2).filter(|x| !x.is_empty()) {
            let gives = |m: &&NodeProto| m.op_type.as_deref() == Some("Constant") && m.output.first() == Some(name);
            if !b.has(name)
                && let Some(constant) = g.node.iter().find(gives)
            {
                super::import_node(&mut Ctx::new(constant, input, super::MAX_OPSET, b)?)?;
                ahead.push(name);
            }
        }
        let c = Ctx::new(n, input, 0, b)?;
        let found = Params::read(&c, i + 1, i + 2).and_then(|p| p.codes(Some(dtype))).map_err(|e| e.at(input));
        for name in ahead {
            b.names.remove(name);
        }
        let found = found?;
        return Ok(Some(found).filter(|q| q.codes.dtype() == dtype));
    }
    Ok(None)
}

/// Adds an integer graph input: the reals of its codes.
pub(crate) fn add_input(b: &mut Builder<'_>, name: &str, shape: Vec<usize>, q: &Quant) -> Result<()> {
    b.add_input(Value::new(name, DType::F32, shape));
    let x = b.value_of(name)?;
    let v = b.add_op(&format!("{name}/codes"), "Quantize", attrs(q).with("given", 1i64), &[x], &format!("{name}/codes"))?;
    b.names.insert(name.to_string(), Bound::Node(v));
    b.codes.insert(name.to_string(), q.clone());
    Ok(())
}

/// `v` rounded to codes that mean themselves, as the tensor `name`.
pub(crate) fn itself(b: &mut Builder<'_>, name: &str, v: ValueId, codes: Codes) -> Result<ValueId> {
    b.add_op(&format!("{name}/codes"), "Quantize", attrs(&Quant::new(codes, 1.0, 0)), &[v], name)
}
