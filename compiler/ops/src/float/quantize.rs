//! Rounding to the codes that a model's file gives a value.

use crate::def::{Ctx, Kind, OpDef, attr_error, opt, req};
use mcompc_ir::{Codes, Node, Quant, Result};

pub(crate) const OP: OpDef = OpDef {
    name: "Quantize",
    doc: "scale * (q - zero) with q the code nearest to x / scale + zero: what ONNX's QuantizeLinear and DequantizeLinear make of x together. \
          Ties go to the even code. Made by the importer where a file says in which codes a value is.",
    inputs: &["x"],
    attrs: &[
        req("scale", Kind::Float, "positive step"),
        req("zero", Kind::Int, "code of real 0"),
        req("codes", Kind::Str, "i8, u8, i16 or u16"),
        opt("given", Kind::Int, "1 on a graph input whose caller gives these codes; 0 when absent"),
    ],
    infer: |c| {
        quant(c)?;
        c.like_first()
    },
    eval: |c, t| {
        let q = quant(c)?;
        super::map(t, |x| rounded(&q, x as f32).into())
    },
};

fn quant(c: &Ctx<'_>) -> Result<Quant> {
    match given_codes(c.node)? {
        Some(q) => Ok(q),
        None => attr_error("codes", format_args!("with scale and zero point are no codes of 8 or 16 bits")),
    }
}

/// The codes of a Quantize node, as the file has them; `None` where its attributes say none.
///
/// # Errors
/// A missing attribute.
pub fn given_codes(n: &Node) -> Result<Option<Quant>> {
    let (scale, zero) = (n.attrs.float("scale")?, n.attrs.int("zero")?);
    let codes = Codes::from_name(n.attrs.str("codes")?).filter(|c| c.bits == Codes::I8.bits || c.bits == Codes::I16.bits);
    let fits = |c: &Codes| c.contains(zero) && scale.is_finite() && scale > 0.0;
    Ok(codes.filter(fits).map(|c| Quant::new(c, scale, zero as i32)))
}

/// The real of the code nearest to `x`, computed in f32 as the standard says.
pub fn rounded(q: &Quant, x: f32) -> f32 {
    let (scale, zero) = (q.step() as f32, q.zero_point());
    let code = f64::from((x / scale).round_ties_even()) + f64::from(zero);
    scale * (q.codes.nearest(code) - zero) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_even_codes_and_ends_saturate() {
        let q = Quant::new(Codes::U8, 0.5, 3);
        let have: Vec<f32> = [0.25, 0.75, -0.25, 1000.0, -1000.0, 0.3].iter().map(|&x| rounded(&q, x)).collect();
        assert_eq!(have, [0.0, 1.0, 0.0, 126.0, -1.5, 0.5]);
    }
}
