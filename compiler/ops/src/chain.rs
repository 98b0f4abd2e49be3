//! A function that is made of others: what a run of element-wise nodes computes from one value.

use crate::def::{AttrDef, Kind, attr_error, req};
use crate::elementwise;
use crate::map::{Function, Map, Spec, eval, infer, inner};
use mcompc_ir::{Attr, Attrs, Result};

const ATTRS: &[AttrDef] = &[req("steps", Kind::Str, "the expression, in postfix order")];
const DOC: &str = "An expression of x in postfix order, in f64: words between blanks are `x`, numbers, `+ - * /`, `min`, `max`, and names of \
                   functions of one value with their attributes, as in `x 0.5 * Elu(alpha=1.0)`.";

pub(crate) static F: Function = Function::of(SPEC, |c| infer(c, &F), |c, t| eval(c, t, &F));

const SPEC: Spec = inner("Chain", DOC, ATTRS, |a| {
    let text = a.str("steps")?;
    let steps = text.split_whitespace().map(step).collect::<Result<Vec<_>>>()?;
    // One value at the end, and never less than a step takes.
    let mut depth = 0usize;
    for s in &steps {
        let takes = match s {
            Step::X | Step::Number(_) => 0,
            Step::Of(_) => 1,
            Step::Both(_) => 2,
        };
        match depth.checked_sub(takes) {
            Some(left) if left < DEPTH => depth = left + 1,
            Some(_) => return attr_error("steps", format_args!("need more than {DEPTH} values at once: {text}")),
            None => return attr_error("steps", format_args!("take more values than there are: {text}")),
        }
    }
    if depth != 1 {
        return attr_error("steps", format_args!("leave {depth} values: {text}"));
    }
    Ok(Box::new(move |x| run(&steps, x)))
});

/// Values on the stack at most.
const DEPTH: usize = 16;

enum Step {
    X,
    Number(f64),
    Of(Map),
    Both(fn(f64, f64) -> f64),
}

fn step(word: &str) -> Result<Step> {
    Ok(match word {
        "x" => Step::X,
        "+" => Step::Both(|a, b| a + b),
        "-" => Step::Both(|a, b| a - b),
        "*" => Step::Both(|a, b| a * b),
        "/" => Step::Both(|a, b| a / b),
        "min" => Step::Both(f64::min),
        "max" => Step::Both(f64::max),
        word => match word.parse::<f64>() {
            Ok(v) if !v.is_nan() => Step::Number(v),
            _ => Step::Of(named(word)?),
        },
    })
}

/// `Name` or `Name(attribute=value,..)`.
fn named(word: &str) -> Result<Map> {
    let wrong = || attr_error("steps", format_args!("have the word `{word}`"));
    let (name, list) = match word.split_once('(') {
        None => (word, ""),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(list) => (name, list),
            None => return wrong(),
        },
    };
    let mut attrs = Attrs::new();
    for item in list.split(',').filter(|i| !i.is_empty()) {
        let Some((key, value)) = item.split_once('=') else { return wrong() };
        attrs.set(key, value.parse::<f64>().map_or_else(|_| Attr::Str(value.into()), Attr::Float));
    }
    match elementwise::find(name) {
        Some(f) => f.with(&attrs),
        None => wrong(),
    }
}

fn run(steps: &[Step], x: f64) -> f64 {
    let mut stack = [0f64; DEPTH];
    let mut top = 0;
    for s in steps {
        match s {
            Step::X => (stack[top], top) = (x, top + 1),
            Step::Number(v) => (stack[top], top) = (*v, top + 1),
            Step::Of(f) => stack[top - 1] = f(stack[top - 1]),
            Step::Both(f) => {
                stack[top - 2] = f(stack[top - 2], stack[top - 1]);
                top -= 1;
            }
        }
    }
    stack[0]
}
