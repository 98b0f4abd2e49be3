//! Integers and truths that are computed at run time. The graph holds them as reals (exact up to 2^24, as indices are); which type a tensor has
//! in the file is known here, so that no operator of floats reads it by mistake, results are cut to whole numbers where the type asks for
//! that, and 8 and 16 bits wrap as executors' do.

use crate::dtype::is_float;
use crate::integers::{ARITHMETIC, takes};
use crate::node::{Bound, Ctx};
use mcompc_ir::{Code, DType, Error, Result, Tensor, ValueId};

/// Operators whose data operands must have one type.
const ALIKE: &[&str] = &["Add", "Concat", "Div", "MatMul", "Max", "Min", "Mod", "Mul", "Sub", "Sum"];

/// Requires that the data operands have one type.
pub(crate) fn before(c: &Ctx<'_, '_, '_>) -> Result<()> {
    if !ALIKE.contains(&c.op) {
        return Ok(());
    }
    let mut first = None;
    for name in c.node.input.iter().filter(|n| !n.is_empty()) {
        let Some(kind) = c.b.kind(name).map(|k| if is_float(k) { DType::F32 } else { k }) else { continue };
        if *first.get_or_insert(kind) != kind {
            let e = Error::new(Code::UnsupportedType, format!("{} of {} and of {kind} (`{name}`)", c.op, first.unwrap_or(kind)));
            return Err(e.hint("the ONNX standard asks for one type; export the model again"));
        }
    }
    Ok(())
}

/// Says of which type the results are: what the operator's import said, or that of what is moved. A constant becomes one of its type.
pub(crate) fn behind(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let moved = usize::from(c.op == "Where");
    let passed = c.input_name(moved).filter(|_| takes(c.op)).and_then(|n| c.b.kind(n)).filter(|k| !is_float(*k));
    still_foreign(c, moved)?;
    let Some(kind) = c.kind.or(passed) else { return Ok(()) };
    if ARITHMETIC.contains(&c.op) && c.kind.is_none() {
        let name = c.out_name().to_string();
        if let Some(Bound::Node(v)) = c.b.names.get(&name).cloned()
            && c.b.graph.value(v).dtype == DType::F32
        {
            let whole = if matches!(c.op, "Div" | "Pow") { c.plain("Trunc", &[v])? } else { v };
            let y = wrapped(c, whole, kind)?;
            c.bind(Bound::Node(y));
        }
    }
    for out in c.node.output.iter().filter(|o| !o.is_empty()) {
        let Some(Bound::Node(v)) = c.b.names.get(out).cloned() else { continue };
        let known = c.b.graph.const_of(v).cloned();
        match known {
            Some(t) if t.dtype == DType::F32 => {
                let whole: Vec<i64> = t.as_f32()?.iter().map(|&x| x as i64).collect();
                let t = if kind == DType::Bool {
                    Tensor::new(kind, t.shape.clone(), whole.iter().map(|&x| u8::from(x != 0)).collect::<Vec<u8>>().into())?
                } else {
                    let bytes: Vec<u8> = whole.iter().flat_map(|x| x.to_le_bytes().into_iter().take(kind.size())).collect();
                    Tensor::new(kind, t.shape.clone(), bytes.into())?
                };
                c.b.names.insert(out.clone(), Bound::Const(t));
            }
            Some(_) => {}
            None if c.b.graph.value(v).dtype == DType::F32 => {
                c.b.kinds.insert(out.clone(), kind);
            }
            None => {}
        }
    }
    Ok(())
}

/// What is moved, or computed from integers, has its operand's type, where that is one that another holds.
fn still_foreign(c: &mut Ctx<'_, '_, '_>, moved: usize) -> Result<()> {
    let Some(code) = c.input_name(moved).filter(|_| takes(c.op) || c.op.starts_with("Bit")).and_then(|n| c.b.foreign.get(n)).copied()
    else {
        return Ok(());
    };
    for out in c.node.output.iter().filter(|o| !o.is_empty()) {
        if let Some(Bound::Const(t)) = c.b.names.get(out).cloned()
            && let Some(t) = crate::foreign::of(code).map_or(Ok(None), |f| f.wrapped(&t))?
        {
            c.b.names.insert(out.clone(), Bound::Const(t));
        }
        c.b.foreign.insert(out.clone(), code);
    }
    Ok(())
}

/// Numbers of 8 or 16 bits as they wrap: those of other types are exact, or past what reals of 32 bits can say.
pub(crate) fn wrapped(c: &mut Ctx<'_, '_, '_>, x: ValueId, kind: DType) -> Result<ValueId> {
    match kind {
        DType::I8 => turned(c, x, 1 << 8, true),
        DType::U8 => turned(c, x, 1 << 8, false),
        DType::I16 => turned(c, x, 1 << 16, true),
        DType::U16 => turned(c, x, 1 << 16, false),
        _ => Ok(x),
    }
}

/// Whole numbers modulo `range`, from 0 on or, signed, from -range / 2 on.
pub(crate) fn turned(c: &mut Ctx<'_, '_, '_>, x: ValueId, range: u32, signed: bool) -> Result<ValueId> {
    let range = range as f32;
    let least = if signed { -range / 2.0 } else { 0.0 };
    let (inverse, least, range) = (c.scalar(1.0 / range)?, c.scalar(least)?, c.scalar(range)?);
    let from = c.plain("Sub", &[x, least])?;
    let turns = c.plain("Mul", &[from, inverse])?;
    let turns = c.plain("Floor", &[turns])?;
    let turns = c.plain("Mul", &[turns, range])?;
    c.plain("Sub", &[x, turns])
}
