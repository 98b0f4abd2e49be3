//! Padding.

use crate::def::{Ctx, Kind, OpDef, attr_error, opt, req};
use mcompc_ir::{Attrs, Code, DType, Error, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Pad",
    doc: "Grows every dimension at its begin and end: by a constant, or by what `x` holds there, dimension by dimension: its outermost element \
          (edge), its elements mirrored at the outermost one (reflect), or those of the other end (wrap). On a quantized value the constant is \
          `code`, or without it the zero point (real 0), whether `value` says 0 or the zero point; any other `value` is an error there.",
    inputs: &["x"],
    attrs: &[
        req(
            "pads",
            Kind::Ints,
            "begin of every dimension, then end of every dimension; fewer than the dimension has where it is mirrored, at most as many where it wraps",
        ),
        req("value", Kind::Float, "the constant; 0 in other modes"),
        opt("code", Kind::Int, "the code to pad with, of a quantized value; its zero point when absent"),
        opt("mode", Kind::Str, "\"constant\" when absent, \"reflect\", \"edge\" or \"wrap\""),
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
        let (x, p, fill, mode) = (t[0], pads(c)?, fill(c)?, PadMode::of(&c.node.attrs)?);
        let shape: Vec<usize> = x.shape.iter().zip(&p).map(|(d, (b, e))| d + b + e).collect();
        let es = x.dtype.size();
        // The source of each element, dimension by dimension; none where the constant stands.
        let mut from: Vec<Option<usize>> = vec![Some(0)];
        for (d, &n) in x.shape.iter().enumerate() {
            let index: Vec<Option<usize>> = (0..shape[d]).map(|i| mode.source(n, i as i64 - p[d].0 as i64)).collect();
            from = from.iter().flat_map(|o| index.iter().map(move |i| Some((*o)? * n + (*i)?))).collect();
        }
        let bytes = from.iter().flat_map(|o| o.map_or(&fill[..], |o| &x.bytes()[o * es..(o + 1) * es])).copied();
        Ok(vec![Tensor::new(x.dtype, shape, bytes.collect::<Vec<u8>>().into())?])
    },
};

/// What padding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// One value.
    Constant,
    /// The elements mirrored at the outermost one.
    Reflect,
    /// The outermost element.
    Edge,
    /// The elements of the other end.
    Wrap,
}

impl PadMode {
    /// What attribute `mode` says; a constant when absent.
    ///
    /// # Errors
    /// `UnsupportedAttr` for another word.
    pub fn of(attrs: &Attrs) -> Result<Self> {
        if attrs.get("mode").is_none() {
            return Ok(Self::Constant);
        }
        match attrs.str("mode")? {
            "constant" => Ok(Self::Constant),
            "reflect" => Ok(Self::Reflect),
            "edge" => Ok(Self::Edge),
            "wrap" => Ok(Self::Wrap),
            m => attr_error("mode", format_args!("is \"{m}\", expected \"constant\", \"reflect\", \"edge\" or \"wrap\"")),
        }
    }
    /// The index of `n` that stands at `i`, which lies in front of 0 or behind the last one in padding; none where the constant stands.
    pub fn source(self, n: usize, i: i64) -> Option<usize> {
        let last = n as i64 - 1;
        let at = match self {
            _ if (0..=last).contains(&i) => i,
            PadMode::Constant => return None,
            PadMode::Edge => i.clamp(0, last),
            PadMode::Reflect => {
                if i < 0 {
                    -i
                } else {
                    2 * last - i
                }
            }
            PadMode::Wrap => {
                if i < 0 {
                    i + n as i64
                } else {
                    i - n as i64
                }
            }
        };
        Some(at as usize)
    }
}

/// (begin, end) of every dimension.
fn pads(c: &Ctx<'_>) -> Result<Vec<(usize, usize)>> {
    let (p, s) = (c.node.attrs.usizes("pads")?, &c.ins[0].shape);
    let r = s.len();
    if p.len() != 2 * r {
        return attr_error("pads", format_args!("has {} entries, expected {}", p.len(), 2 * r));
    }
    let most = |n: usize| match PadMode::of(&c.node.attrs) {
        Ok(PadMode::Reflect) => n.saturating_sub(1),
        Ok(PadMode::Wrap) => n,
        _ => usize::MAX,
    };
    if let Some(d) = (0..r).find(|&d| p[d].max(p[d + r]) > most(s[d])) {
        return attr_error("pads", format_args!("are {} and {} in a dimension of {}, which has no more to give", p[d], p[d + r], s[d]));
    }
    Ok((0..r).map(|i| (p[i], p[i + r])).collect())
}

/// The bytes of one element of constant padding.
fn fill(c: &Ctx<'_>) -> Result<Vec<u8>> {
    let (x, v) = (c.ins[0], c.node.attrs.float("value")?);
    let code = c.node.attrs.get("code").is_some();
    if PadMode::of(&c.node.attrs)? != PadMode::Constant && (code || v != 0.0) {
        return attr_error("value", "belongs to padding with a constant");
    }
    match (x.dtype, &x.quant) {
        (DType::F32, _) if code => attr_error("code", "is given, but the value is not quantized"),
        (DType::F32, _) => Ok((v as f32).to_le_bytes().to_vec()),
        (d @ (DType::I8 | DType::U8 | DType::I16), Some(q)) => {
            if v != 0.0 && v != f64::from(q.zero_point()) {
                return attr_error("value", format_args!("is {v:?}, a quantized {d} is padded with its zero point {}", q.zero_point()));
            }
            let (lo, hi) = (q.codes.min().into(), q.codes.max().into());
            let fill = if code { c.int_in("code", lo, hi)? } else { q.zero_point().into() };
            Ok(fill.to_le_bytes()[..d.size()].to_vec())
        }
        (d, _) => Err(Error::new(Code::UnsupportedType, format!("Pad takes f32 or quantized i8, u8 and i16, not {d}"))),
    }
}
