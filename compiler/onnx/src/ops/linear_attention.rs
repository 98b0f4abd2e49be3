//! LinearAttention and CausalConvWithState: streaming forms of attention and of a depthwise convolution.

use super::attention::{count, heads};
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Result, ValueId};

/// Steps at most: they are laid out one behind the other.
const STEPS: usize = 1 << 8;

/// Index `i` of dimension 2 of [B, H, T, D], as [B, H, 1, D].
fn step(c: &mut Ctx<'_, '_, '_>, x: ValueId, i: usize) -> Result<ValueId> {
    c.sliced(x, 2, i, 1)
}

/// LinearAttention 27: query, key, value [B, T, H * D], past state [B, H, Dk, Dv], decay, beta; output and present state.
pub(super) fn linear(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let rule = c.attrs.str_or("update_rule", "gated_delta")?;
    let (gated, delta) = match rule {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        word => return Err(unsupported("update_rule", word).hint("the standard has linear, gated, delta and gated_delta")),
    };
    // How many steps an executor takes at once changes nothing.
    c.attrs.int("chunk_size")?;
    let (Some(hq), Some(h)) = (count(c, "q_num_heads")?, count(c, "kv_num_heads")?) else {
        return c.misfit("q_num_heads and kv_num_heads are required");
    };
    let (q, k, v) = (c.input(0)?, c.input(1)?, c.input(2)?);
    if [q, k, v].iter().any(|&x| c.shape(x).len() != 3)
        || hq % h != 0
        || gated != c.input_name(4).is_some()
        || delta != c.input_name(5).is_some()
    {
        return c.misfit(format!("inputs of other shapes or number than `{rule}` asks for"));
    }
    let (q, k, v) = (heads(c, q, Some(hq))?, heads(c, k, Some(h))?, heads(c, v, Some(h))?);
    let ([b, _, t, dk], Some(&dv)) = (c.shape(q)[..].try_into().unwrap_or([0; 4]), c.shape(v).last()) else { return c.misfit("no values") };
    if t > STEPS {
        return c.not_built(&format!("over {t} steps"), "export one step with its state as input and output");
    }
    let decay = match c.optional(4)? {
        None => None,
        Some(x) => {
            let x = heads(c, x, Some(h))?;
            let x = c.plain("Exp", &[x])?;
            Some(x)
        }
    };
    let beta = match c.optional(5)? {
        None => None,
        Some(x) => {
            let [_, _, n] = c.shape(x)[..] else { return c.misfit(format!("beta of shape {:?}", c.shape(x))) };
            Some(heads(c, x, Some(n))?)
        }
    };
    let mut state = match c.optional(3)? {
        Some(s) => s,
        None => {
            c.b.limits().elements_of(&[b, h, dk, dv])?;
            c.reals("state", &[b, h, dk, dv], &vec![0.0; b * h * dk * dv])?
        }
    };
    let scale = c.attrs.float_or("scale", 0.0)? as f32;
    let scale = if scale == 0.0 { (1.0 / (dk as f64).sqrt()) as f32 } else { scale };
    let group = hq / h;
    let mut all = Vec::new();
    for i in 0..t {
        let (qt, kt, mut vt) = (step(c, q, i)?, step(c, k, i)?, step(c, v, i)?);
        if let Some(d) = decay {
            let g = step(c, d, i)?;
            let g = c.transposed(g, &[0, 1, 3, 2])?;
            state = c.plain("Mul", &[state, g])?;
        }
        if let Some(beta) = beta {
            let found = c.plain("MatMul", &[kt, state])?;
            let left = c.plain("Sub", &[vt, found])?;
            let by = step(c, beta, i)?;
            vt = c.plain("Mul", &[left, by])?;
        }
        let column = c.transposed(kt, &[0, 1, 3, 2])?;
        let written = c.plain("Mul", &[column, vt])?;
        state = c.plain("Add", &[state, written])?;
        let y = if group == 1 {
            c.plain("MatMul", &[qt, state])?
        } else {
            let qt = c.reshaped(qt, &[b, h, group, dk])?;
            let y = c.plain("MatMul", &[qt, state])?;
            c.reshaped(y, &[b, hq, 1, dv])?
        };
        all.push(c.scaled(y, scale)?);
    }
    let y = c.joined(&all, 2)?;
    let y = c.transposed(y, &[0, 2, 1, 3])?;
    let y = c.reshaped(y, &[b, t, hq * dv])?;
    c.output(0, y)?;
    c.output(1, state)
}

/// CausalConvWithState 27: x [B, C, L], weights [C, 1, K], bias, past state [B, C, K - 1]; output and present state.
pub(super) fn causal_conv(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, w) = (c.input(0)?, c.input(1)?);
    let (&[b, channels, len], &[_, 1, k]) = (&c.shape(x)[..], &c.shape(w)[..]) else {
        return c.misfit(format!("x {:?} and weights {:?}", c.shape(x), c.shape(w)));
    };
    let bias = c.optional(2)?;
    let past = c.optional(3)?;
    let whole = match past {
        _ if k == 1 => x,
        Some(p) => c.joined(&[p, x], 2)?,
        None => {
            c.b.limits().elements_of(&[b, channels, k - 1])?;
            let p = c.reals("past", &[b, channels, k - 1], &vec![0.0; b * channels * (k - 1)])?;
            c.joined(&[p, x], 2)?
        }
    };
    let attrs = Attrs::new().with("strides", vec![1]).with("pads", vec![0, 0]).with("dilations", vec![1]).with("group", channels);
    let ins: Vec<ValueId> = [Some(whole), Some(w), bias].into_iter().flatten().collect();
    let y = c.part("Conv", attrs.with("layout", "NCHW"), &ins)?;
    let y = match c.attrs.str_or("activation", "none")? {
        "none" => y,
        "silu" | "swish" => c.part("Swish", Attrs::new().with("alpha", 1.0), &[y])?,
        word => return Err(unsupported("activation", word).hint("the standard has none, silu and swish")),
    };
    c.output(0, y)?;
    if c.wants(1) {
        if k == 1 {
            return c.misfit("a state without elements");
        }
        let state = c.sliced(whole, 2, len, k - 1)?;
        c.output(1, state)?;
    }
    Ok(())
}
