//! Comparisons, logic, places of extremes: results that are no floats, made such at once.

use crate::build::{Builder, int};
use mcompc_onnx::proto::data_type;

/// A comparison of a value with a number, or of two values of one shape: name, and the value.
fn compared(b: &mut Builder<'_>, op: &str) -> Option<(String, usize, Vec<usize>)> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let same = shape.clone();
    let other = if b.s.chance(50) { b.find(|v| v.shape == same) } else { None };
    let other = match other {
        Some(y) => b.name(y),
        None => {
            let v = b.s.pick(&[0.0, 0.5, -0.25]);
            b.scalar(v)
        }
    };
    // Equality of reals came with opset 11.
    let (op, n) = if op == "Equal" && b.opset < 11 { ("Less", shape.len()) } else { (op, shape.len()) };
    let mut inputs = vec![b.name(x), other];
    if n > 0 && b.s.chance(30) {
        inputs.swap(0, 1);
    }
    let name = b.hidden(op, &inputs, vec![], shape.clone());
    Some((name, x, shape))
}

fn of(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let (name, x, shape) = compared(b, op)?;
    Some(b.as_floats(x, name, shape))
}

pub fn equal(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Equal")
}

pub fn less(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Less")
}

pub fn greater(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Greater")
}

pub fn less_or_equal(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "LessOrEqual")
}

pub fn greater_or_equal(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "GreaterOrEqual")
}

/// Two comparisons of one value.
fn both(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let mut two = Vec::new();
    for (op, v) in [("Less", 0.5), ("Greater", -0.5)] {
        let inputs = [b.name(x), b.scalar(v)];
        two.push(b.hidden(op, &inputs, vec![], shape.clone()));
    }
    let name = b.hidden(op, &two, vec![], shape.clone());
    Some(b.as_floats(x, name, shape))
}

pub fn and(b: &mut Builder<'_>) -> Option<usize> {
    both(b, "And")
}

pub fn or(b: &mut Builder<'_>) -> Option<usize> {
    both(b, "Or")
}

pub fn xor(b: &mut Builder<'_>) -> Option<usize> {
    both(b, "Xor")
}

pub fn not(b: &mut Builder<'_>) -> Option<usize> {
    let (name, x, shape) = compared(b, "Greater")?;
    let name = b.hidden("Not", &[name], vec![], shape.clone());
    Some(b.as_floats(x, name, shape))
}

fn unary(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let inputs = [b.name(x)];
    let name = b.hidden(op, &inputs, vec![], shape.clone());
    Some(b.as_floats(x, name, shape))
}

pub fn is_nan(b: &mut Builder<'_>) -> Option<usize> {
    unary(b, "IsNaN")
}

pub fn is_inf(b: &mut Builder<'_>) -> Option<usize> {
    unary(b, "IsInf")
}

/// The value as whole numbers of 64 bits.
fn whole(b: &mut Builder<'_>, x: usize, shape: &[usize]) -> String {
    let inputs = [b.name(x)];
    b.hidden("Cast", &inputs, vec![int("to", data_type::INT64.into())], shape.to_vec())
}

pub fn modulo(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=4);
    let shape = b.shape(x);
    let name = whole(b, x, &shape);
    let by = b.s.pick(&[2, 3, -3, 5]);
    let by = b.integers(&[by]);
    let list = if b.s.chance(40) { vec![int("fmod", 1)] } else { vec![] };
    let name = b.hidden("Mod", &[name, by], list, shape.clone());
    Some(b.as_floats(x, name, shape))
}

fn place(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(2..=5);
    let mut shape = b.shape(x);
    let at = b.s.below(shape.len());
    let axis = b.axis(at, shape.len());
    let keep = b.s.chance(60);
    let mut list = Vec::new();
    b.defaulted(&mut list, int("axis", axis), axis == 0);
    b.defaulted(&mut list, int("keepdims", i64::from(keep)), keep);
    if b.opset >= 12 && b.s.chance(30) {
        list.push(int("select_last_index", 1));
    }
    shape[at] = 1;
    if !keep {
        shape.remove(at);
    }
    let inputs = [b.name(x)];
    let name = b.hidden(op, &inputs, list, shape.clone());
    Some(b.as_floats(x, name, shape))
}

pub fn arg_max(b: &mut Builder<'_>) -> Option<usize> {
    place(b, "ArgMax")
}

pub fn arg_min(b: &mut Builder<'_>) -> Option<usize> {
    place(b, "ArgMin")
}

pub fn hardmax(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=4);
    let shape = b.shape(x);
    let at = b.s.below(shape.len());
    let axis = b.axis(at, shape.len());
    Some(b.apply("Hardmax", &[x], vec![int("axis", axis)], shape))
}

pub fn one_hot(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=3);
    let mut shape = b.shape(x);
    let name = whole(b, x, &shape);
    let depth = b.s.range(2, 4);
    let (inputs, rank) = ([name, b.integers(&[depth as i64]), b.floats(&[2], &[0.0, 1.0])], shape.len());
    let at = b.s.pick(&[0, rank]);
    shape.insert(at, depth);
    if !b.room(&shape, 0) {
        return None;
    }
    let list = vec![int("axis", if at == rank { -1 } else { 0 })];
    Some(b.node("OneHot", &inputs, list, shape))
}

pub fn top_k(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=4);
    let mut shape = b.shape(x);
    let at = b.s.below(shape.len());
    let k = b.s.range(1, shape[at].min(3));
    let mut list = vec![int("axis", b.axis(at, shape.len()))];
    let mut inputs = vec![b.name(x)];
    if b.opset < 10 {
        list.push(int("k", k as i64));
    } else {
        let k = b.integers(&[k as i64]);
        inputs.push(k);
    }
    if b.opset >= 11 && b.s.chance(40) {
        list.push(int("largest", 0));
    }
    shape[at] = k;
    let outs = b.several("TopK", &inputs, list, vec![shape.clone(), shape.clone()]);
    let (values, places) = (outs[0], b.name(outs[1]));
    b.values.truncate(outs[1]);
    if b.s.chance(50) {
        return Some(b.as_floats(x, places, shape));
    }
    Some(values)
}
