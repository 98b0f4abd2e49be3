//! Integers and truths that are computed at run time. The graph holds them as reals (exact up to 2^24, as indices are); which type a tensor has
//! in the file is known here, so that no operator of floats reads it by mistake, results are cut to whole numbers where the type asks for
//! that, and 8 and 16 bits wrap as executors' do.

use crate::node::{Bound, Ctx};
use mcompc_ir::{Attrs, Code, DType, Error, Result, Tensor, ValueId};

/// Operators that move or choose elements, whatever they are: the result has the type of what is moved.
const MOVES: &[&str] = &[
    "CenterCropPad",
    "Clip",
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Identity",
    "Max",
    "MaxPool",
    "Min",
    "Pad",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Reshape",
    "ReverseSequence",
    "ScatterElements",
    "ScatterND",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
];

/// Operators that compute integers from integers; the result may pass the type's ends.
const ARITHMETIC: &[&str] =
    &["Abs", "Add", "CumSum", "Div", "MatMul", "Mod", "Mul", "Neg", "Pow", "ReduceProd", "ReduceSum", "Sign", "Sub", "Sum"];

/// Operators whose data operands must have one type.
const ALIKE: &[&str] = &["Add", "Concat", "Div", "MatMul", "Max", "Min", "Mod", "Mul", "Sub", "Sum"];

pub(crate) fn is_float(d: DType) -> bool {
    matches!(d, DType::F32 | DType::F64)
}

/// Whether the operator takes integers and truths as it takes floats.
pub(crate) fn takes(op: &str) -> bool {
    MOVES.contains(&op) || ARITHMETIC.contains(&op)
}

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
    let Some(kind) = c.kind.or(passed) else { return Ok(()) };
    if ARITHMETIC.contains(&c.op) && c.kind.is_none() {
        let name = c.out_name().to_string();
        if let Some(Bound::Node(v)) = c.b.names.get(&name).cloned()
            && c.b.graph.value(v).dtype == DType::F32
        {
            let whole = if c.op == "Div" { c.part("Trunc", Attrs::new(), &[v])? } else { v };
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

/// Numbers of 8 or 16 bits as they wrap: those of other types are exact, or past what reals of 32 bits can say.
pub(crate) fn wrapped(c: &mut Ctx<'_, '_, '_>, x: ValueId, kind: DType) -> Result<ValueId> {
    let (range, least) = match kind {
        DType::I8 => (256.0, -128.0),
        DType::U8 => (256.0, 0.0),
        DType::I16 => (65536.0, -32768.0),
        DType::U16 => (65536.0, 0.0),
        _ => return Ok(x),
    };
    let [range, inverse, least] = [range, 1.0 / range, least].map(|v: f32| c.scalar(v));
    let (range, inverse, least) = (range?, inverse?, least?);
    let from = c.part("Sub", Attrs::new(), &[x, least])?;
    let turns = c.part("Mul", Attrs::new(), &[from, inverse])?;
    let turns = c.part("Floor", Attrs::new(), &[turns])?;
    let turns = c.part("Mul", Attrs::new(), &[turns, range])?;
    c.part("Sub", Attrs::new(), &[x, turns])
}
