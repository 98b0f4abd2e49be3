//! Products with what stands around them, and the kinds of GELU.

use crate::attrs::unsupported;
use crate::node::Ctx;
use crate::ops::nested;
use mcompc_ir::{Attrs, Result, ValueId};

/// Gelu, BiasGelu(x, bias): by the error function; FastGelu(x, bias or none): by the hyperbolic tangent.
pub(super) fn gelu(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let mut x = c.input(0)?;
    if let Some(bias) = c.optional(1)? {
        x = c.plain("Add", &[x, bias])?;
    }
    let form = if c.op == "FastGelu" { "tanh" } else { "none" };
    c.emit("Gelu", Attrs::new().with("approximate", form), &[x])
}

/// QuickGelu: x times the sigmoid of alpha * x.
pub(super) fn quick_gelu(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let alpha = c.attrs.float_or("alpha", 1.702)?;
    c.emit("Swish", Attrs::new().with("alpha", alpha), &[x])
}

/// `v` with its last two dimensions in the other order.
fn turned(c: &mut Ctx<'_, '_, '_>, v: ValueId) -> Result<ValueId> {
    let rank = c.shape(v).len();
    if rank < 2 {
        return Ok(v);
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    c.transposed(v, &perm)
}

/// FusedMatMul, TransposeMatMul: alpha * A' * B'.
pub(super) fn matmul(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    for name in ["transBatchA", "transBatchB"] {
        c.attrs.only(name, 0, "put a Transpose in front")?;
    }
    let (mut a, mut b) = (c.input(0)?, c.input(1)?);
    let alpha = c.attrs.float_or("alpha", 1.0)? as f32;
    if c.attrs.flag("transA", false)? {
        a = turned(c, a)?;
    }
    if c.attrs.flag("transB", false)? {
        b = turned(c, b)?;
    }
    let y = c.plain("MatMul", &[a, b])?;
    let y = c.scaled(y, alpha)?;
    c.result(y);
    Ok(())
}

/// The function that attributes with this prefix name, with its parameters in the order of the operator's.
fn function(c: &mut Ctx<'_, '_, '_>, x: ValueId, word: &str, parameters: &[f32]) -> Result<ValueId> {
    let names: &[&str] = match word {
        "" => return Ok(x),
        "Relu" | "Sigmoid" | "Tanh" | "Softsign" | "HardSwish" => &[],
        "Softplus" => &[],
        "LeakyRelu" | "Elu" | "ThresholdedRelu" => &["alpha"],
        "HardSigmoid" => &["alpha", "beta"],
        "Clip" => &["min", "max"],
        word => return Err(unsupported("activation", word).hint("export the model without ONNX Runtime's optimizations")),
    };
    if parameters.len() != names.len() {
        return c.misfit(format!("{} parameters of {word}", parameters.len()));
    }
    let mut attrs = Attrs::new();
    for (name, &v) in names.iter().zip(parameters) {
        attrs.set(name, f64::from(v));
    }
    c.part(word, attrs, &[x])
}

/// FusedConv: x, w, bias, and what is added to the result before the function.
pub(super) fn conv(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let word = c.attrs.str_or("activation", "")?;
    let parameters = c.attrs.floats("activation_params")?.unwrap_or_default();
    c.attrs.pass_on();
    let kept = |name: &str| !matches!(name, "activation" | "activation_params");
    let attributes = c.node.attribute.iter().filter(|a| kept(a.name.as_deref().unwrap_or_default())).cloned().collect();
    let mut input: Vec<String> = (0..3).map(|i| c.name_of(i)).collect();
    while input.last().is_some_and(String::is_empty) {
        input.pop();
    }
    let mut y = c.inner("Conv", c.opset, input, attributes)?;
    if let Some(z) = c.optional(3)? {
        y = c.plain("Add", &[y, z])?;
    }
    let y = function(c, y, word, parameters)?;
    c.output(0, y)
}

/// FusedGemm: a Gemm and a function.
pub(super) fn gemm(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let word = c.attrs.str_or("activation", "")?;
    let value = |name: &str| c.attrs.float(name);
    let (alpha, beta, gamma) = (value("activation_alpha")?, value("activation_beta")?, value("activation_gamma")?);
    if gamma.is_some_and(|g| g != 0.0) {
        return Err(unsupported("activation_gamma", gamma.unwrap_or_default()).hint("no function here has a third parameter"));
    }
    let parameters: Vec<f32> = match word {
        "LeakyRelu" | "Elu" | "ThresholdedRelu" => alpha.into_iter().collect(),
        "HardSigmoid" | "Clip" => alpha.into_iter().chain(beta).collect(),
        _ => Vec::new(),
    };
    c.attrs.pass_on();
    let kept = |name: &str| !name.starts_with("activation");
    let attributes = c.node.attribute.iter().filter(|a| kept(a.name.as_deref().unwrap_or_default())).cloned().collect();
    let input = (0..c.node.input.len()).map(|i| c.name_of(i)).collect();
    let y = c.inner("Gemm", c.opset.max(11), input, attributes)?;
    let y = function(c, y, word, &parameters)?;
    c.output(0, y)
}

/// A nested LayerNormalization or RMSNormalization over the last dimension of the tensor `x`, as output `out`.
pub(super) fn normal(
    c: &mut Ctx<'_, '_, '_>,
    x: String,
    gain: String,
    offset: Option<String>,
    centred: bool,
    epsilon: f64,
    out: &str,
) -> Result<()> {
    let (op, opset) = if centred { ("LayerNormalization", 17) } else { ("RMSNormalization", 23) };
    let input = [x, gain].into_iter().chain(offset).collect();
    c.nested(op, opset, input, vec![out.to_string()], vec![nested::int("axis", -1), nested::float("epsilon", epsilon as f32)])
}
