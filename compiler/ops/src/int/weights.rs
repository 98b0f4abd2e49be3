//! Weights of other than eight bits. Fewer: i8 numbers as ever, and the promise that each is a short code times a small multiplier. Nine: codes
//! of eight bits less a zero point, which need i16, and lie close enough together that kernels store bytes.

use super::rescale::multipliers;
use super::{Constants, Rescale, bounded};
use crate::def::{AttrDef, Ctx, Kind, attr_error, opt};
use mcompc_ir::{Code, Codes, DType, Error, Result, Tensor};

pub(crate) const BITS: AttrDef = opt("bits", Kind::Int, "2..=8, default 8: w = r * code with codes of so many bits");
pub(crate) const BLOCK: AttrDef = opt("block", Kind::Int, "weights of a channel in a row that share one r; only with `r`");

pub(crate) const DROP: AttrDef =
    opt("drop", Kind::Int, "0..=15, default 0: low bits of the sum that are left out, where `x` is i32; 0 elsewhere");

/// Index of the optional input `r`.
pub(crate) const R: usize = 4;

/// Bits of a weight code.
///
/// # Errors
/// An attribute out of range.
pub(crate) fn bits(c: &Ctx<'_>) -> Result<u32> {
    if c.node.attrs.get("bits").is_none() { Ok(8) } else { Ok(c.int_in("bits", 2, 8)? as u32) }
}

/// Low bits of the sum that are left out.
///
/// # Errors
/// An attribute out of range, or of a layer whose operand does not have 32 bits.
pub(crate) fn drop(c: &Ctx<'_>) -> Result<u32> {
    if c.node.attrs.get("drop").is_none() {
        return Ok(0);
    }
    let most = if c.is_wide(0) { i64::from(LIMB) } else { 0 };
    Ok(c.int_in("drop", 0, most)? as u32)
}

/// Lower bits of an operand of 32 bits that kernels multiply on their own.
pub const LIMB: u32 = 15;

/// Checks type and shape of the weights.
///
/// # Errors
/// Other types or another shape.
pub(crate) fn exactly(c: &Ctx<'_>, shape: &[usize]) -> Result<()> {
    let wide = c.ins.get(1).is_some_and(|w| w.dtype == DType::I16);
    c.exactly(1, if wide { DType::I16 } else { DType::I8 }, shape)
}

/// Whether these are codes of eight bits less one zero point.
pub fn spans_a_byte(w: impl IntoIterator<Item = i64>) -> bool {
    let (lo, hi) = w.into_iter().fold((0, 0), |(lo, hi), w| (w.min(lo), w.max(hi)));
    hi - lo <= Codes::I8.max() as i64 - Codes::I8.min() as i64
}

/// Checks the attributes, and the type of `r` against `o` channels of `k` weights.
pub(crate) fn infer(c: &Ctx<'_>, o: usize, k: usize) -> Result<()> {
    bits(c)?;
    match (c.ins.len() > R, c.node.attrs.get("block").is_some()) {
        (false, false) => Ok(()),
        (true, true) => {
            let block = c.int_in("block", 1, i64::MAX)? as usize;
            c.exactly(R, DType::I8, &[o, k.div_ceil(block)])
        }
        _ => attr_error("block", "and the input `r` come together or not at all"),
    }
}

/// Checks a layer's constants: multipliers, codes, and that no input carries an accumulator out of 32 bits.
pub(crate) fn constants(c: &Ctx<'_>, t: &Constants<'_>) -> Result<()> {
    let at = |i: usize| t.get(i).copied().flatten();
    let pre = Rescale::of(c)?.pre;
    if let Some(m) = at(3) {
        multipliers(m)?;
    }
    let Some(w) = at(1) else { return Ok(()) };
    let k = w.elems() / w.shape.first().copied().unwrap_or(1).max(1);
    if at(R).is_some() || c.ins.len() <= R {
        check(c, w, at(R), k)?;
    }
    let Some(bias) = at(2) else { return Ok(()) };
    let ((lo, hi), drop) = (c.reach(0)?, drop(c)?);
    for (w, b) in w.to_i64_vec()?.chunks_exact(k.max(1)).zip(bias.to_i64_vec()?) {
        let (mut least, mut most, mut all) = (0, 0, 0);
        for w in w {
            let (x, y) = (lo * w, hi * w);
            least += x.min(y).min(0);
            most += x.max(y).max(0);
            all += w.abs();
        }
        bounded((b + (least >> drop), b + (most >> drop)), pre)?;
        if c.is_wide(0) {
            // Sums over the lower bits and over the upper ones.
            bounded((0, all << LIMB), 0)?;
        }
    }
    Ok(())
}

/// Checks that every weight is what the attributes promise.
pub(crate) fn check(c: &Ctx<'_>, w: &Tensor, r: Option<&Tensor>, k: usize) -> Result<()> {
    let (bits, wide, w) = (bits(c)?, w.dtype == DType::I16, w.to_i64_vec()?);
    if wide {
        let plain = r.is_none() && bits == 8 && spans_a_byte(w);
        return if plain {
            Ok(())
        } else {
            Err(Error::new(Code::BadTensor, "weights of 16 bits that are no codes of eight less one zero point")
                .hint("they lie, with 0, within 256 numbers in a row, and have neither `bits` nor `r`"))
        };
    }
    let block = if r.is_some() { c.int_in("block", 1, i64::MAX)? as usize } else { k.max(1) };
    let r = match r {
        Some(r) => r.to_i64_vec()?,
        None => vec![1; w.len() / k.max(1)],
    };
    let per = k.div_ceil(block);
    let limit = 1i64 << (bits - 1);
    for (i, &w) in w.iter().enumerate() {
        if w == i64::from(Codes::I8.min()) {
            return Err(Error::new(Code::BadTensor, format!("weight {i} is -128"))
                .hint("weights are -127 to 127, so that products of pairs stay in their width"));
        }
        let r = r[i / k * per + i % k / block];
        if r < 1 || w % r != 0 || !(-limit..limit).contains(&(w / r)) {
            return Err(Error::new(Code::BadTensor, format!("weight {i} is {w}, no {bits}-bit code times the multiplier {r}"))
                .hint("`bits`, `block` and `r` must describe the weights"));
        }
    }
    Ok(())
}
