//! Constant padding.

use crate::def::{Ctx, Kind, OpDef, attr_error, opt, req};
use mcompc_ir::{Code, DType, Error, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Pad",
    doc: "Grows every dimension by a constant at its begin and end. On a quantized value the padding is `code`, or without it the zero point \
          (real 0), whether `value` says 0 or the zero point; any other `value` is an error there.",
    inputs: &["x"],
    attrs: &[
        req("pads", Kind::Ints, "begin of every dimension, then end of every dimension"),
        req("value", Kind::Float, "what to pad with"),
        opt("code", Kind::Int, "the code to pad with, of a quantized value; its zero point when absent"),
    ],
    infer: |c| {
        let x = c.ins[0];
        fill(c)?;
        let p = pads(c)?;
        let grown = x.shape.iter().zip(&p).map(|(&d, &(b, e))| d.checked_add(b).and_then(|d| d.checked_add(e)));
        match grown.collect::<Option<Vec<usize>>>() {
            Some(shape) => c.out(x.dtype, shape, x.quant.clone()),
            None => attr_error("pads", "pass the address space"),
        }
    },
    eval: |c, t| {
        let (x, p, fill) = (t[0], pads(c)?, fill(c)?);
        let shape: Vec<usize> = x.shape.iter().zip(&p).map(|(d, (b, e))| d + b + e).collect();
        let es = x.dtype.size();
        let mut out = fill.repeat(shape.iter().product());
        let mut strides = vec![1usize; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i] * shape[i];
        }
        for (i, e) in x.bytes().chunks_exact(es).enumerate() {
            let mut rest = i;
            let mut at = 0;
            for d in (0..shape.len()).rev() {
                at += (rest % x.shape[d] + p[d].0) * strides[d];
                rest /= x.shape[d];
            }
            out[at * es..(at + 1) * es].copy_from_slice(e);
        }
        Ok(vec![Tensor::new(x.dtype, shape, out.into())?])
    },
};

/// (begin, end) of every dimension.
fn pads(c: &Ctx<'_>) -> Result<Vec<(usize, usize)>> {
    let (p, r) = (c.node.attrs.usizes("pads")?, c.ins[0].shape.len());
    if p.len() != 2 * r {
        return attr_error("pads", format_args!("has {} entries, expected {}", p.len(), 2 * r));
    }
    Ok((0..r).map(|i| (p[i], p[i + r])).collect())
}

/// The bytes of one element of padding.
fn fill(c: &Ctx<'_>) -> Result<Vec<u8>> {
    let (x, v) = (c.ins[0], c.node.attrs.float("value")?);
    let code = c.node.attrs.get("code").is_some();
    match (x.dtype, &x.quant) {
        (DType::F32, _) if code => attr_error("code", "is given, but the value is not quantized"),
        (DType::F32, _) => Ok((v as f32).to_le_bytes().to_vec()),
        (d @ (DType::I8 | DType::U8), Some(q)) => {
            if v != 0.0 && v != f64::from(q.zero_point()) {
                return attr_error("value", format_args!("is {v:?}, a quantized {d} is padded with its zero point {}", q.zero_point()));
            }
            let (lo, hi) = (q.codes.min().into(), q.codes.max().into());
            Ok(vec![if code { c.int_in("code", lo, hi)? as u8 } else { q.zero_point() as u8 }])
        }
        (d, _) => Err(Error::new(Code::UnsupportedType, format!("Pad takes f32 or quantized i8 and u8, not {d}"))),
    }
}
