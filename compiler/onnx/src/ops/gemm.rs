//! Matrix products: MatMul, Gemm.

use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

/// MatMul 1, 9, 13: numpy's matmul.
pub(super) fn matmul(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    if super::lookup::matmul(c)? {
        return Ok(());
    }
    let (a, b) = (c.input(0)?, c.input(1)?);
    c.emit("MatMul", Attrs::new(), &[a, b])
}

/// Gemm 7, 9, 11, 13: alpha * A' * B' + beta * C with A' [M,K], B' [K,N] and C broadcast to [M,N].
///
/// With constant B it becomes Dense, whose weights are alpha * B'ᵀ [N,K] (shared with the file when alpha is 1 and transB is set) and
/// whose bias is beta * C when C is one constant value a column. Whatever is not constant is spelt out with MatMul, Mul and Add.
pub(super) fn gemm(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (alpha, beta) = (c.attrs.float_or("alpha", 1.0)? as f32, c.attrs.float_or("beta", 1.0)? as f32);
    let (trans_a, trans_b) = (c.attrs.flag("transA", false)?, c.attrs.flag("transB", false)?);
    if c.opset < 7 {
        // C broadcasts where it must.
        c.attrs.int("broadcast")?;
    }
    let two = "Gemm multiplies matrices; put a Flatten before it";
    let mut a = c.input(0)?;
    c.shape_of_rank(a, 2, two)?;
    if trans_a {
        a = c.part("Transpose", Attrs::new().with("perm", vec![1, 0]), &[a])?;
    }
    let c_in = if beta == 0.0 { None } else { c.optional(2)? };
    // The constant is read before it is bound as data: only the weights in their final form enter the graph.
    let Ok(Some(b)) = c.constant(1) else {
        let mut b = c.input(1)?;
        c.shape_of_rank(b, 2, two)?;
        if trans_b {
            b = c.part("Transpose", Attrs::new().with("perm", vec![1, 0]), &[b])?;
        }
        let mut y = c.plain("MatMul", &[a, b])?;
        y = scaled(c, y, alpha, "alpha")?;
        return add_scaled(c, y, c_in, beta);
    };
    if b.shape.len() != 2 {
        return Err(Error::new(Code::BadShape, format!("Gemm with weights of shape {:?}", b.shape)).hint(two));
    }
    let (k, n) = if trans_b { (b.shape[1], b.shape[0]) } else { (b.shape[0], b.shape[1]) };
    let a_shape = c.shape(a);
    if a_shape[1] != k {
        return Err(Error::new(Code::BadShape, format!("Gemm of {a_shape:?} with {k} x {n} weights")).hint("the inner dimensions differ"));
    }
    let w = if trans_b && alpha == 1.0 {
        c.input(1)?
    } else {
        let t = if trans_b { b } else { b.transposed(&[1, 0])? };
        let t = scale(&t, alpha)?;
        c.make_const("weight", t)?
    };
    match bias_of(c, c_in, n, beta)? {
        Some(bias) => c.emit("Dense", Attrs::new(), &[a, w, bias]),
        None if c_in.is_none() => c.emit("Dense", Attrs::new(), &[a, w]),
        None => {
            let y = c.plain("Dense", &[a, w])?;
            add_scaled(c, y, c_in, beta)
        }
    }
}

/// beta * C as a bias of `n` elements, when C is a constant with the same row everywhere by its shape.
fn bias_of(c: &mut Ctx<'_, '_, '_>, c_in: Option<ValueId>, n: usize, beta: f32) -> Result<Option<ValueId>> {
    let Some(v) = c_in else { return Ok(None) };
    let Some(t) = c.b.graph.const_of(v).cloned() else { return Ok(None) };
    if t.shape == [n] && beta == 1.0 {
        return Ok(Some(v));
    }
    let rows: usize = t.shape.iter().rev().skip(1).product();
    let columns = t.shape.last().copied().unwrap_or(1);
    if rows != 1 || t.shape.len() > 2 || (columns != n && columns != 1) {
        return Ok(None);
    }
    let row = t.as_f32()?;
    let full: Vec<f32> = (0..n).map(|i| row[if columns == 1 { 0 } else { i }] * beta).collect();
    let t = Tensor::from_f32([n], &full)?;
    c.make_const("bias", t).map(Some)
}

fn scale(t: &Tensor, by: f32) -> Result<Tensor> {
    if by == 1.0 {
        return Ok(t.clone());
    }
    let v: Vec<f32> = t.as_f32()?.iter().map(|x| x * by).collect();
    Tensor::from_f32(t.shape.clone(), &v)
}

fn scaled(c: &mut Ctx<'_, '_, '_>, v: ValueId, by: f32, label: &str) -> Result<ValueId> {
    if by == 1.0 {
        return Ok(v);
    }
    let factor = c.make_const(label, Tensor::from_f32(Vec::new(), &[by])?)?;
    c.plain("Mul", &[v, factor])
}

/// y + beta * C as the node's output. C may broadcast to y, never y to C.
fn add_scaled(c: &mut Ctx<'_, '_, '_>, y: ValueId, c_in: Option<ValueId>, beta: f32) -> Result<()> {
    let Some(v) = c_in else {
        c.name_result(y);
        return Ok(());
    };
    let (ys, cs) = (c.shape(y), c.shape(v));
    let fits = cs.len() <= 2 && cs.iter().rev().zip(ys.iter().rev()).all(|(&a, &b)| a == b || a == 1);
    if !fits {
        return Err(Error::new(Code::BadShape, format!("C of shape {cs:?} does not broadcast to {ys:?}"))
            .hint("the file is damaged or its exporter at fault"));
    }
    let v = scaled(c, v, beta, "beta")?;
    c.emit("Add", Attrs::new(), &[y, v])
}
