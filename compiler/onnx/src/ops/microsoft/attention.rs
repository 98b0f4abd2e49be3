//! Attention, MultiHeadAttention and RotaryEmbedding as ONNX Runtime has them: projections, biases and masks around the standard's operator.

use crate::attrs::unsupported;
use crate::node::Ctx;
use crate::ops::attention::{count, heads};
use crate::ops::{logic, nested};
use mcompc_ir::{Result, Tensor, ValueId};

/// The heads of an attention, and what is done with its scores.
struct Scores {
    heads: usize,
    scale: f32,
    forbidden: f32,
    causal: bool,
}

impl Scores {
    /// Reads the attributes; the scale is that of heads of `width` elements where none is given.
    fn read(c: &Ctx<'_, '_, '_>) -> Result<Self> {
        let Some(heads) = count(c, "num_heads")? else { return c.misfit("the number of heads is missing") };
        Ok(Self {
            heads,
            scale: c.attrs.float_or("scale", 0.0)? as f32,
            forbidden: c.attrs.float_or("mask_filter_value", -10000.0)? as f32,
            causal: c.attrs.flag("unidirectional", false)?,
        })
    }
}

/// What a mask of integers adds to scores [B, H, S, T]: lengths [B], or above 0 for what counts, [B, T], [B, S, T] or [B, 1, S, T].
fn mask(c: &mut Ctx<'_, '_, '_>, i: usize, s: &Scores, [batch, steps, keys]: [usize; 3]) -> Result<Option<ValueId>> {
    if c.input_name(i).is_none() {
        return Ok(None);
    }
    let (m, _) = c.number(i)?;
    let shape = c.shape(m);
    // ONNX Runtime takes no mask from one of this form; beside one key none does anything.
    if c.op == "Attention" && shape.len() == 2 && shape[1] == 1 && (shape[0] == 1 || shape[0] == batch) {
        return Ok(None);
    }
    let (m, to) = match shape[..] {
        [n] if n == batch => {
            let lengths = c.reshaped(m, &[batch, 1, 1, 1])?;
            let places: Vec<f32> = (0..keys).map(|i| i as f32).collect();
            let places = c.reals("places", &[keys], &places)?;
            (c.plain("Sub", &[lengths, places])?, vec![batch, 1, 1, keys])
        }
        [b, t] if t == keys => (m, vec![b, 1, 1, t]),
        [b, q, t] if q == steps && t == keys => (m, vec![b, 1, q, t]),
        [_, 1, q, t] if q == steps && t == keys => (m, shape),
        _ => {
            let e = unsupported("mask_index", format!("a mask of shape {shape:?}"));
            return Err(e.hint("lengths [B], or 1 for what counts, [B, T], [B, S, T] or [B, 1, S, T], are masks; export the model without ONNX Runtime's fusions"));
        }
    };
    let m = c.reshaped(m, &to)?;
    // What is above 0 counts.
    let m = c.plain("Sign", &[m])?;
    let m = c.plain("Relu", &[m])?;
    let off = logic::inverse(c, m)?;
    c.scaled(off, s.forbidden).map(Some)
}

fn sum(c: &mut Ctx<'_, '_, '_>, a: Option<ValueId>, b: Option<ValueId>) -> Result<Option<ValueId>> {
    match (a, b) {
        (Some(a), Some(b)) => c.plain("Add", &[a, b]).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// Queries, keys and values [B, heads, .., ..] attended to; the result as [B, S, width] is output 0.
fn attend(c: &mut Ctx<'_, '_, '_>, s: &Scores, q: ValueId, k: ValueId, v: ValueId, mask: Option<ValueId>) -> Result<()> {
    let mut input = vec![c.named(q, "query"), c.named(k, "key"), c.named(v, "value")];
    input.extend(mask.map(|m| c.named(m, "mask")));
    let mut attributes = vec![nested::int("is_causal", i64::from(s.causal))];
    if s.scale != 0.0 {
        attributes.push(nested::float("scale", s.scale));
    }
    let y = c.inner("Attention", 23, input, attributes)?;
    let y = c.transposed(y, &[0, 2, 1, 3])?;
    let (shape, to) = (c.shape(y), c.shape(y)[..2].to_vec());
    let y = c.reshaped(y, &[to[0], to[1], shape[2] * shape[3]])?;
    c.output(0, y)
}

/// `past` [B, H, P, D] in front of `now`.
fn behind(c: &mut Ctx<'_, '_, '_>, past: Option<ValueId>, now: ValueId) -> Result<ValueId> {
    match past {
        Some(p) => c.joined(&[p, now], 2),
        None => Ok(now),
    }
}

/// Where queries do not begin at the first key, a causal mask does not either.
fn same_start(c: &Ctx<'_, '_, '_>, s: &Scores, past: bool) -> Result<()> {
    if s.causal && past {
        return c.not_built("with unidirectional and past keys", "give the mask as attention_bias");
    }
    Ok(())
}

/// Attention: x [B, S, I], weights [I, Q + K + V], bias, mask, past [2, B, H, P, D], what is added to scores; y, present.
pub(super) fn attention(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let s = Scores::read(c)?;
    c.attrs.only("do_rotary", 0, "rotation within the operator is not built")?;
    c.attrs.only("past_present_share_buffer", 0, "past and present are tensors of their own")?;
    c.attrs.int("rotary_embedding_dim")?;
    let x = c.name_of(0);
    let rows = c.inner("MatMul", 13, vec![x, c.name_of(1)], Vec::new())?;
    let all = match c.optional(2)? {
        Some(bias) => c.plain("Add", &[rows, bias])?,
        None => rows,
    };
    let &[batch, steps, width] = &c.shape(all)[..] else { return c.misfit("inputs of three dimensions are needed") };
    let sizes: Vec<usize> = match c.attrs.ints("qkv_hidden_sizes")? {
        Some(v) if !v.is_empty() => v.iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect(),
        _ => vec![width / 3; 3],
    };
    if sizes.len() != 3 || sizes.iter().sum::<usize>() != width || sizes.iter().any(|n| *n == 0 || n % s.heads != 0) {
        return c.misfit(format!("{width} columns in parts of {sizes:?} for {} heads", s.heads));
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for n in sizes {
        let part = c.sliced(all, 2, from, n)?;
        parts.push(heads(c, part, Some(s.heads))?);
        from += n;
    }
    let [q, mut k, mut v] = parts[..] else { return c.misfit("three parts are needed") };
    let past = c.optional(4)?;
    if let Some(p) = past {
        same_start(c, &s, true)?;
        let shape = c.shape(p);
        if shape.len() != 5 || shape[0] != 2 {
            return c.misfit(format!("past keys and values of shape {shape:?}"));
        }
        for (i, now) in [&mut k, &mut v].into_iter().enumerate() {
            let one = c.sliced(p, 0, i, 1)?;
            let one = c.reshaped(one, &shape[1..])?;
            *now = c.joined(&[one, *now], 2)?;
        }
    }
    if c.wants(1) {
        let (ks, vs) = (c.shape(k), c.shape(v));
        if ks != vs {
            return c.misfit("present keys and values of unlike sizes");
        }
        let to = [&[1], &ks[..]].concat();
        let (k, v) = (c.reshaped(k, &to)?, c.reshaped(v, &to)?);
        let both = c.joined(&[k, v], 0)?;
        c.output(1, both)?;
    }
    let keys = c.shape(k)[2];
    let m = mask(c, 3, &s, [batch, steps, keys])?;
    let bias = c.optional(5)?;
    let m = sum(c, m, bias)?;
    attend(c, &s, q, k, v, m)
}

/// MultiHeadAttention: query [B, S, E], key, value, bias [3 E], mask of keys, what is added to scores, past keys and values; y, present keys
/// and values. Key and value may be [B, H, T, D] already, or the query may hold all three, [B, S, H, 3, D].
pub(super) fn several(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let s = Scores::read(c)?;
    if c.wants(3) {
        return c.not_built("that gives its scores", "leave the output out");
    }
    let (query, mut key, mut value) = (c.input(0)?, c.optional(1)?, c.optional(2)?);
    let mut query = query;
    if key.is_none() {
        let &[b, t, h, 3, d] = &c.shape(query)[..] else { return c.misfit("a packed query of shape [B, S, H, 3, D] is needed") };
        let mut parts = Vec::new();
        for i in 0..3 {
            let one = c.sliced(query, 3, i, 1)?;
            parts.push(c.reshaped(one, &[b, t, h * d])?);
        }
        (query, key, value) = (parts[0], Some(parts[1]), Some(parts[2]));
    }
    let Some(mut key) = key else { return c.misfit("keys are needed") };
    let mut value = match value {
        Some(v) => v,
        None => {
            let &[b, t, h, 2, d] = &c.shape(key)[..] else { return c.misfit("packed keys of shape [B, T, H, 2, D] are needed") };
            let (k, v) = (c.sliced(key, 3, 0, 1)?, c.sliced(key, 3, 1, 1)?);
            key = c.reshaped(k, &[b, t, h * d])?;
            c.reshaped(v, &[b, t, h * d])?
        }
    };
    if let Some(bias) = c.optional(3)? {
        let width = |c: &Ctx<'_, '_, '_>, v: ValueId| match c.shape(v)[..] {
            [_, h, _, d] => h * d,
            ref s => s.last().copied().unwrap_or(0),
        };
        let sizes = [width(c, query), width(c, key), width(c, value)];
        if c.shape(bias) != [sizes.iter().sum::<usize>()] {
            return c.misfit(format!("a bias of shape {:?} for parts of {sizes:?}", c.shape(bias)));
        }
        let mut from = 0;
        for (v, n) in [&mut query, &mut key, &mut value].into_iter().zip(sizes) {
            // Keys and values in heads have theirs already.
            if c.shape(*v).len() == 3 {
                let part = c.sliced(bias, 0, from, n)?;
                *v = c.plain("Add", &[*v, part])?;
            }
            from += n;
        }
    }
    let q = heads(c, query, Some(s.heads))?;
    let (k, v) = (heads(c, key, Some(s.heads))?, heads(c, value, Some(s.heads))?);
    let (past_k, past_v) = (c.optional(6)?, c.optional(7)?);
    same_start(c, &s, past_k.is_some())?;
    let (k, v) = (behind(c, past_k, k)?, behind(c, past_v, v)?);
    c.output(1, k)?;
    c.output(2, v)?;
    let (&[batch, _, steps, _], keys) = (&c.shape(q)[..], c.shape(k)[2]) else { return c.misfit("four dimensions are needed") };
    let m = mask(c, 4, &s, [batch, steps, keys])?;
    let bias = c.optional(5)?;
    let m = sum(c, m, bias)?;
    attend(c, &s, q, k, v, m)
}

/// RotaryEmbedding: x, positions, cosines, sines; the standard's with another order of inputs.
pub(super) fn rotary(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.attrs.only("is_packed_batching", 0, "sequences of one batch have one length")?;
    c.attrs.float("scale")?;
    let (x, cos) = (c.name_of(0), c.name_of(2));
    let shape = c.b.shape_of(&x).unwrap_or_default();
    let width = c.b.shape_of(&cos).and_then(|s| s.last().copied()).unwrap_or(0) * 2;
    let part = c.attrs.int_or("rotary_embedding_dim", 0)?;
    let given = c.attrs.int_or("num_heads", 0)?;
    // Without a number of heads, heads are as wide as the angles say.
    let count = match shape[..] {
        [_, _, w] if given == 0 && width > 0 => (w / width) as i64,
        _ => given,
    };
    let Ok(Some(at)) = c.constant(1) else {
        return c.not_built("with computed positions", "give the cosines and sines of every position");
    };
    let steps = if shape.len() == 4 { shape[2] } else { shape.get(1).copied().unwrap_or(0) };
    let batch = shape.first().copied().unwrap_or(1);
    let at = if at.elems() == 1 && steps != 1 {
        let first = at.to_i64_vec()?[0];
        let Some(end) = first.checked_add(steps as i64) else { return c.misfit(format!("positions from {first} on")) };
        (first..end).collect()
    } else {
        at.to_i64_vec()?
    };
    if at.len() != steps && Some(at.len()) != steps.checked_mul(batch) {
        return c.misfit(format!("{} positions for {batch} times {steps}", at.len()));
    }
    let all: Vec<i64> = if at.len() == steps { at.repeat(batch) } else { at };
    let positions = c.constant_named(Tensor::from_i64([batch, all.len() / batch.max(1)], &all)?, "positions")?;
    let interleaved = i64::from(c.attrs.flag("interleaved", false)?);
    let attributes =
        vec![nested::int("num_heads", count), nested::int("interleaved", interleaved), nested::int("rotary_embedding_dim", part)];
    let input = vec![x, cos, c.name_of(3), positions];
    c.nested("RotaryEmbedding", 23, input, c.outputs(), attributes)
}
