//! Attention, spelt out: scores, softcap, masks, softmax, weighted values.

use crate::attrs::unsupported;
use crate::dtype::is_float;
use crate::node::Ctx;
use mcompc_ir::{Attrs, DType, Result, ValueId};

/// What is added to scores that must not count: their exponential is 0 beside any other, and it is finite.
const MASKED: f32 = -1e4;

/// [B, S, H * D] as [B, H, S, D]; a tensor of four dimensions is that already.
pub(super) fn heads(c: &mut Ctx<'_, '_, '_>, x: ValueId, count: Option<usize>) -> Result<ValueId> {
    match (&c.shape(x)[..], count) {
        (&[_, _, _, _], _) => Ok(x),
        (&[b, s, w], Some(h)) if h > 0 && w % h == 0 => {
            let v = c.reshaped(x, &[b, s, h, w / h])?;
            c.transposed(v, &[0, 2, 1, 3])
        }
        (s, h) => c.misfit(format!("{s:?} is not split into {} heads", h.unwrap_or(0))),
    }
}

/// A number of heads.
pub(super) fn count(c: &Ctx<'_, '_, '_>, name: &str) -> Result<Option<usize>> {
    match c.attrs.int(name)? {
        None => Ok(None),
        Some(n) => usize::try_from(n).ok().filter(|&n| n > 0).map(Some).ok_or_else(|| unsupported(name, n).hint("give a positive number")),
    }
}

/// -1e4 where `x`, of truths, is 0.
fn of_truths(c: &mut Ctx<'_, '_, '_>, x: ValueId) -> Result<ValueId> {
    let off = super::logic::inverse(c, x)?;
    c.scaled(off, MASKED)
}

/// The sum of all masks, which broadcasts to scores [B, H, S, T].
fn mask(c: &mut Ctx<'_, '_, '_>, [b, s, t, past]: [usize; 4], causal: bool) -> Result<Option<ValueId>> {
    let mut all = Vec::new();
    if c.input_name(3).is_some() {
        let (mut m, kind) = c.number(3)?;
        if kind == DType::Bool {
            m = of_truths(c, m)?;
        } else if !is_float(kind) {
            return c.misfit(format!("a mask of {kind}"));
        }
        let shape = c.shape(m);
        let Some(&have) = shape.last() else { return c.misfit("a mask without dimensions") };
        if have < t {
            let mut pads = vec![0; 2 * shape.len()];
            pads[2 * shape.len() - 1] = t - have;
            m = c.part("Pad", Attrs::new().with("pads", &pads[..]).with("value", f64::from(MASKED)), &[m])?;
        }
        all.push(m);
    }
    if causal {
        if c.input_name(6).is_some() {
            return c.not_built("with is_causal and nonpad_kv_seqlen", "give the whole mask as attn_mask");
        }
        c.b.limits().elements_of(&[s, t])?;
        let v: Vec<f32> = (0..s * t).map(|i| if i % t > past + i / t { MASKED } else { 0.0 }).collect();
        all.push(c.reals("causal", &[s, t], &v)?);
    }
    if c.input_name(6).is_some() {
        let (lengths, _) = c.number(6)?;
        let lengths = c.reshaped(lengths, &[b, 1, 1, 1])?;
        let places: Vec<f32> = (0..t).map(|i| i as f32).collect();
        let places = c.reals("places", &[t], &places)?;
        let d = c.plain("Sub", &[lengths, places])?;
        let sign = c.plain("Sign", &[d])?;
        let inside = c.plain("Relu", &[sign])?;
        all.push(of_truths(c, inside)?);
    }
    let mut sum = None;
    for m in all {
        sum = Some(match sum {
            None => m,
            Some(s) => c.plain("Add", &[s, m])?,
        });
    }
    Ok(sum)
}

/// Attention 23, 24, 26: Q, K, V, mask, past keys and values, lengths; Y, present keys and values, scores.
pub(super) fn attention(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (q, k, v) = (c.input(0)?, c.input(1)?, c.input(2)?);
    let flat = c.shape(q).len() == 3;
    let (hq, hkv) = (count(c, "q_num_heads")?, count(c, "kv_num_heads")?);
    let (q, mut k, mut v) = (heads(c, q, hq)?, heads(c, k, hkv)?, heads(c, v, hkv)?);
    let mut past = 0;
    if let Some(p) = c.optional(4)? {
        past = c.shape(p).get(2).copied().unwrap_or(0);
        k = c.joined(&[p, k], 2)?;
    }
    if let Some(p) = c.optional(5)? {
        v = c.joined(&[p, v], 2)?;
    }
    let (&[b, h, s, d], &[_, kv, t, _], &[_, _, _, dv]) = (&c.shape(q)[..], &c.shape(k)[..], &c.shape(v)[..]) else {
        return c.misfit("queries, keys and values of four dimensions are needed");
    };
    if kv == 0 || h % kv != 0 {
        return c.misfit(format!("{h} heads of queries for {kv} of keys"));
    }
    c.output(1, k)?;
    c.output(2, v)?;
    let mode = c.attrs.int_or("qk_matmul_output_mode", 0)?;
    let scale = c.attrs.float("scale")?.unwrap_or((1.0 / (d as f64).sqrt()) as f32);
    let cap = c.attrs.float_or("softcap", 0.0)? as f32;
    // Intermediate values are floats of 32 bits whatever is asked for.
    c.attrs.int("softmax_precision")?;
    let causal = c.attrs.flag("is_causal", false)?;
    let mask = mask(c, [b, s, t, past], causal)?;
    // Each head of keys serves as many of queries.
    let group = h / kv;
    let (q, k, v) = if group == 1 {
        (q, k, v)
    } else {
        (c.reshaped(q, &[b, kv, group, s, d])?, c.reshaped(k, &[b, kv, 1, t, d])?, c.reshaped(v, &[b, kv, 1, t, dv])?)
    };
    let rank = c.shape(q).len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    let k = c.transposed(k, &perm)?;
    let scores = c.plain("MatMul", &[q, k])?;
    let scores = c.scaled(scores, scale)?;
    let scores = c.reshaped(scores, &[b, h, s, t])?;
    let capped = if cap > 0.0 {
        let x = c.scaled(scores, 1.0 / cap)?;
        let x = c.plain("Tanh", &[x])?;
        c.scaled(x, cap)?
    } else {
        scores
    };
    let masked = match mask {
        None => capped,
        Some(m) => c.plain("Add", &[capped, m])?,
    };
    let soft = c.part("Softmax", Attrs::new().with("axis", 3i64), &[masked])?;
    if c.wants(3) {
        let shown = match mode {
            0 => scores,
            1 => capped,
            2 if mask.is_none() => capped,
            2 => {
                return c
                    .not_built("that gives its masked scores", "what is masked is -1e4 here, not minus infinity; leave the output out");
            }
            3 => soft,
            m => return Err(unsupported("qk_matmul_output_mode", m).hint("the standard has 0 to 3")),
        };
        c.output(3, shown)?;
    }
    let wide = if group == 1 { soft } else { c.reshaped(soft, &[b, kv, group, s, t])? };
    let y = c.plain("MatMul", &[wide, v])?;
    let mut y = c.reshaped(y, &[b, h, s, dv])?;
    if flat {
        y = c.transposed(y, &[0, 2, 1, 3])?;
        y = c.reshaped(y, &[b, s, h * dv])?;
    }
    c.output(0, y)
}

/// RotaryEmbedding 23: pairs of elements of each head turned by angles of their positions.
pub(super) fn rotary(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let original = c.shape(x);
    let num = c.attrs.int_or("num_heads", 0)?;
    let interleaved = c.attrs.flag("interleaved", false)?;
    let part = c.attrs.int_or("rotary_embedding_dim", 0)?;
    let x = match original[..] {
        [_, _, _, _] => c.transposed(x, &[0, 2, 1, 3])?,
        [b, s, w] if num > 0 && w.is_multiple_of(num as usize) => c.reshaped(x, &[b, s, num as usize, w / num as usize])?,
        _ => return c.misfit(format!("{original:?} is not split into {num} heads")),
    };
    let [b, s, h, d] = c.shape(x)[..] else { return c.misfit("four dimensions are needed") };
    let r = if part == 0 { d } else { part as usize };
    if r > d || !r.is_multiple_of(2) || r == 0 {
        return Err(unsupported("rotary_embedding_dim", part).hint("an even number, up to the size of a head"));
    }
    let mut angles = [c.input(1)?, c.input(2)?];
    for a in &mut angles {
        if c.input_name(3).is_some() {
            *a = match c.constant(3) {
                Ok(Some(at)) => {
                    let Some(&rows) = c.shape(*a).first() else { return c.misfit("cosines and sines without dimensions") };
                    let inside = |i: i64| usize::try_from(i).ok().filter(|&i| i < rows);
                    let Some(at) = at.to_i64_vec()?.into_iter().map(inside).collect::<Option<Vec<usize>>>() else {
                        return c.misfit(format!("positions outside 0..{rows}"));
                    };
                    super::gather::rows(c, *a, 0, &at)?
                }
                _ => return c.not_built("with computed positions", "give the cosines and sines of every position instead of position_ids"),
            };
        }
        let n = c.shape(*a).iter().product::<usize>();
        if n == b * s * r / 2 {
            *a = c.reshaped(*a, &[b, s, 1, r / 2])?;
        } else if n == s * r / 2 {
            *a = c.reshaped(*a, &[1, s, 1, r / 2])?;
        } else {
            return c.misfit(format!("angles of shape {:?} for {r} elements of {s} positions", c.shape(*a)));
        }
    }
    let [cos, sin] = angles;
    let (turned, rest) = (c.sliced(x, 3, 0, r)?, r < d);
    let (first, second) = if interleaved {
        (c.strided(turned, 3, 0, r / 2, 2)?, c.strided(turned, 3, 1, r / 2, 2)?)
    } else {
        (c.sliced(turned, 3, 0, r / 2)?, c.sliced(turned, 3, r / 2, r / 2)?)
    };
    let mut both = Vec::new();
    for (op, a, b) in [("Sub", cos, sin), ("Add", sin, cos)] {
        let (p, q) = (c.plain("Mul", &[a, first])?, c.plain("Mul", &[b, second])?);
        both.push(c.plain(op, &[p, q])?);
    }
    let mut y = if interleaved {
        let columns = both.iter().map(|&v| c.reshaped(v, &[b, s, h, r / 2, 1])).collect::<Result<Vec<_>>>()?;
        let y = c.joined(&columns, 4)?;
        c.reshaped(y, &[b, s, h, r])?
    } else {
        c.joined(&both, 3)?
    };
    if rest {
        let kept = c.sliced(x, 3, r, d - r)?;
        y = c.joined(&[y, kept], 3)?;
    }
    if original.len() == 4 {
        y = c.transposed(y, &[0, 2, 1, 3])?;
    }
    let y = c.reshaped(y, &original)?;
    c.output(0, y)
}
