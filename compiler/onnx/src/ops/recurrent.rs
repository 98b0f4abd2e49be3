//! LSTM, GRU and RNN: the steps laid out one behind the other. What depends on the inputs alone is one product for all steps.

use super::shape::misfit;
use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

/// Steps at most.
const STEPS: usize = 1 << 8;

/// Sizes of the layer.
#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    gates: usize,
}

/// One direction: its parameters, its functions, and its state.
struct Direction {
    /// Products with the inputs, biases added, [steps, batch, gates * hidden].
    given: ValueId,
    /// Weights of the state, [gates * hidden, hidden].
    weights: Tensor,
    /// Bias of the state's product where it cannot be added before (GRU, linear_before_reset).
    bias: Option<Tensor>,
    functions: Vec<String>,
    hidden: Option<ValueId>,
    cell: Option<ValueId>,
    label: usize,
}

/// Rows `first..first + n` of direction `d` of a constant [directions, rows, ...].
fn rows(t: &Tensor, d: usize, first: usize, n: usize) -> Result<Tensor> {
    let inner: usize = t.shape[2..].iter().product();
    let data = t.as_f32()?;
    let from = (d * t.shape[1] + first) * inner;
    let shape: Vec<usize> = [n].into_iter().chain(t.shape[2..].iter().copied()).collect();
    Tensor::from_f32(shape, &data[from..from + n * inner])
}

fn parameter(c: &Ctx<'_, '_, '_>, i: usize, shape: &[usize]) -> Result<Option<Tensor>> {
    let Some(t) = c.constant(i)? else { return Ok(None) };
    if t.shape != shape {
        return Err(misfit(format!("input {i} of {} has shape {:?}, expected {shape:?}", c.op, t.shape)));
    }
    Ok(Some(t))
}

/// The functions of every direction, by the standard's default where the node does not say.
fn functions(c: &Ctx<'_, '_, '_>, default: &[&str], directions: usize) -> Result<Vec<String>> {
    for name in ["activation_alpha", "activation_beta"] {
        if let Some(v) = c.attrs.floats(name)?.filter(|v| !v.is_empty()) {
            return Err(unsupported(name, format!("{v:?}")).hint("functions are taken without parameters"));
        }
    }
    let given = c.attrs.strings("activations")?;
    let names: Vec<String> = match given {
        Some(v) if !v.is_empty() => v,
        _ => default.repeat(directions).into_iter().map(str::to_string).collect(),
    };
    let known = ["Sigmoid", "Tanh", "Relu", "Softsign"];
    if let Some(n) = names.iter().find(|n| !known.contains(&n.as_str())) {
        return Err(unsupported("activations", n).hint(format!("supported are {}", known.join(", "))));
    }
    if names.len() != default.len() * directions {
        return Err(unsupported("activations", names.join(" ")).hint(format!("expected {} for each direction", default.len())));
    }
    Ok(names)
}

/// What the three have in common, up to the state of the first step.
fn directions(c: &mut Ctx<'_, '_, '_>, gates: usize, default: &[&str]) -> Result<(Sizes, Vec<(Direction, bool)>)> {
    let layout = c.opset >= 14 && c.attrs.flag("layout", false)?;
    if let Some(v) = c.attrs.float("clip")? {
        return Err(unsupported("clip", v).hint("cells that are clipped are not supported"));
    }
    let way = c.attrs.str_or("direction", "forward")?;
    let backwards: &[bool] = match way {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        w => return Err(unsupported("direction", w).hint("the standard has forward, reverse and bidirectional")),
    };
    let n = backwards.len();
    let mut x = c.input(0)?;
    if c.shape(x).len() != 3 {
        return Err(misfit(format!("{} on a tensor of shape {:?}", c.op, c.shape(x))));
    }
    if layout {
        x = c.part("Transpose", Attrs::new().with("perm", vec![1, 0, 2]), &[x])?;
    }
    let s = c.shape(x);
    let hidden = c.attrs.int("hidden_size")?.and_then(|h| usize::try_from(h).ok()).filter(|h| (1..1 << 24).contains(h));
    let hidden = hidden.ok_or_else(|| {
        Error::new(Code::MissingAttr, "attribute `hidden_size` is missing, or no size").hint("the ONNX standard requires it: 1 or more")
    })?;
    let z = Sizes { steps: s[0], batch: s[1], input: s[2], hidden, gates };
    if z.steps > STEPS {
        return Err(Error::new(Code::UnsupportedOp, format!("{} of {} steps is not supported", c.op, z.steps)).hint(format!(
            "steps are laid out one behind the other, {STEPS} are the most; export one step with its state as input and output"
        )));
    }
    let missing = || Error::new(Code::MissingAttr, format!("{} without weights", c.op)).hint("the ONNX standard requires them");
    let w = parameter(c, 1, &[n, gates * hidden, z.input])?.ok_or_else(missing)?;
    let r = parameter(c, 2, &[n, gates * hidden, hidden])?.ok_or_else(missing)?;
    let b = parameter(c, 3, &[n, 2 * gates * hidden])?;
    if let Some(lengths) = c.constant_ints(4)?
        && lengths.iter().any(|&l| l != z.steps as i64)
    {
        return Err(unsupported("sequence_lens", show_ints(&lengths)).hint("all sequences must be as long as the tensor"));
    }
    let names = functions(c, default, n)?;
    let mut all = Vec::new();
    for (d, &back) in backwards.iter().enumerate() {
        let mut bias = None;
        let mut state_bias = None;
        if let Some(b) = &b {
            let (of_x, of_h) = (rows_of(b, d, 0, gates * hidden)?, rows_of(b, d, gates * hidden, gates * hidden)?);
            // The last gate of a GRU that resets behind the product keeps its bias there.
            let apart = if c.op == "GRU" && c.attrs.flag("linear_before_reset", false)? { hidden } else { 0 };
            let keep = gates * hidden - apart;
            let sum: Vec<f32> = of_x.iter().zip(&of_h).enumerate().map(|(i, (a, b))| if i < keep { a + b } else { *a }).collect();
            bias = Some(Tensor::from_f32([sum.len()], &sum)?);
            if apart > 0 {
                let rest: Vec<f32> = of_h.iter().enumerate().map(|(i, &b)| if i < keep { 0.0 } else { b }).collect();
                state_bias = Some(Tensor::from_f32([rest.len()], &rest)?);
            }
        }
        let weights = c.make_const(&format!("W{d}"), rows(&w, d, 0, gates * hidden)?)?;
        let flat = c.reshaped(x, &[z.steps * z.batch, z.input])?;
        let mut ins = vec![flat, weights];
        if let Some(b) = bias {
            ins.push(c.make_const(&format!("B{d}"), b)?);
        }
        let given = c.plain("Dense", &ins)?;
        let given = c.reshaped(given, &[z.steps, z.batch, gates * hidden])?;
        let state = |c: &mut Ctx<'_, '_, '_>, i: usize| -> Result<Option<ValueId>> {
            let Some(mut v) = c.optional(i)? else { return Ok(None) };
            if layout {
                v = c.part("Transpose", Attrs::new().with("perm", vec![1, 0, 2]), &[v])?;
            }
            if c.shape(v) != [n, z.batch, hidden] {
                return Err(misfit(format!("a state of shape {:?}, expected {:?}", c.shape(v), [n, z.batch, hidden])));
            }
            let v = c.sliced(v, 0, d, 1)?;
            c.reshaped(v, &[z.batch, hidden]).map(Some)
        };
        let (h, cell) = (state(c, 5)?, if c.op == "LSTM" { state(c, 6)? } else { None });
        let functions = names[d * default.len()..(d + 1) * default.len()].to_vec();
        let weights = rows(&r, d, 0, gates * hidden)?;
        all.push((Direction { given, weights, bias: state_bias, functions, hidden: h, cell, label: d }, back));
    }
    Ok((z, all))
}

/// Elements `first..first + n` of row `d` of a matrix.
fn rows_of(t: &Tensor, d: usize, first: usize, n: usize) -> Result<Vec<f32>> {
    let from = d * t.shape[1] + first;
    Ok(t.as_f32()?[from..from + n].to_vec())
}

/// All steps of all directions; `step` makes the next state of the inputs' part of the gates.
fn run(
    c: &mut Ctx<'_, '_, '_>,
    gates: usize,
    default: &[&str],
    step: fn(&mut Ctx<'_, '_, '_>, &mut Direction, Sizes, ValueId) -> Result<()>,
) -> Result<()> {
    let (z, all) = directions(c, gates, default)?;
    let layout = c.opset >= 14 && c.attrs.flag("layout", false)?;
    let n = all.len();
    // For every step, what each direction gives there.
    let mut given: Vec<Vec<ValueId>> = vec![Vec::new(); z.steps];
    let (mut last, mut cells) = (Vec::new(), Vec::new());
    for (mut d, back) in all {
        let order: Vec<usize> = if back { (0..z.steps).rev().collect() } else { (0..z.steps).collect() };
        for t in order {
            let x = c.sliced(d.given, 0, t, 1)?;
            let x = c.reshaped(x, &[z.batch, z.gates * z.hidden])?;
            step(c, &mut d, z, x)?;
            given[t].extend(d.hidden);
        }
        last.extend(d.hidden);
        cells.extend(d.cell);
    }
    let wants = |c: &Ctx<'_, '_, '_>, i: usize| c.node.output.get(i).is_some_and(|o| !o.is_empty());
    if wants(c, 0) {
        let mut parts = Vec::new();
        for v in given.into_iter().flatten() {
            parts.push(c.reshaped(v, &[1, 1, z.batch, z.hidden])?);
        }
        let y = joined(c, &parts)?;
        let mut y = c.reshaped(y, &[z.steps, n, z.batch, z.hidden])?;
        if layout {
            y = c.part("Transpose", Attrs::new().with("perm", vec![2, 0, 1, 3]), &[y])?;
        }
        output(c, 0, y)?;
    }
    for (i, states) in [(1, last), (2, cells)] {
        if !wants(c, i) {
            continue;
        }
        let mut parts = Vec::new();
        for v in states {
            parts.push(c.reshaped(v, &[1, z.batch, z.hidden])?);
        }
        let mut y = joined(c, &parts)?;
        if layout {
            y = c.part("Transpose", Attrs::new().with("perm", vec![1, 0, 2]), &[y])?;
        }
        output(c, i, y)?;
    }
    Ok(())
}

fn joined(c: &mut Ctx<'_, '_, '_>, parts: &[ValueId]) -> Result<ValueId> {
    match parts {
        [one] => Ok(*one),
        _ => c.part("Concat", Attrs::new().with("axis", 0i64), parts),
    }
}

fn output(c: &mut Ctx<'_, '_, '_>, i: usize, v: ValueId) -> Result<()> {
    let shape = c.shape(v);
    c.emit_output(i, "Reshape", Attrs::new().with("shape", &shape[..]), &[v])
}

/// The state's part of gates `first..first + n`, added to the inputs' part of them; the latter alone where there is no state yet.
fn gates_of(
    c: &mut Ctx<'_, '_, '_>,
    d: &Direction,
    z: Sizes,
    x: ValueId,
    state: Option<ValueId>,
    first: usize,
    n: usize,
) -> Result<ValueId> {
    let x = c.sliced(x, 1, first * z.hidden, n * z.hidden)?;
    let Some(h) = state else { return Ok(x) };
    let r = product(c, d, z, h, first, n, false)?;
    c.plain("Add", &[x, r])
}

/// The product of the state with the weights of gates `first..first + n`.
fn product(c: &mut Ctx<'_, '_, '_>, d: &Direction, z: Sizes, h: ValueId, first: usize, n: usize, bias: bool) -> Result<ValueId> {
    let name = format!("{}/R{}.{first}.{n}", c.name, d.label);
    let weights = c.shared(&name, || {
        let from = first * z.hidden * z.hidden;
        Tensor::from_f32([n * z.hidden, z.hidden], &d.weights.as_f32()?[from..from + n * z.hidden * z.hidden])
    })?;
    let mut ins = vec![h, weights];
    if let Some(b) = d.bias.as_ref().filter(|_| bias) {
        let name = format!("{}/Rb{}.{first}.{n}", c.name, d.label);
        ins.push(c.shared(&name, || Tensor::from_f32([n * z.hidden], &b.as_f32()?[first * z.hidden..(first + n) * z.hidden]))?);
    }
    c.plain("Dense", &ins)
}

/// LSTM 7, 14, 22 without peepholes: gates input, output, forget, cell.
pub(super) fn lstm(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.attrs.only("input_forget", 0, "coupled gates are not supported")?;
    if c.input_name(7).is_some() {
        return Err(Error::new(Code::UnsupportedAttr, "LSTM with peepholes is not supported").hint("export it without them"));
    }
    run(c, 4, &["Sigmoid", "Tanh", "Tanh"], |c, d, z, x| {
        let g = gates_of(c, d, z, x, d.hidden, 0, 4)?;
        let (f, gate, out) = (d.functions[0].clone(), d.functions[1].clone(), d.functions[2].clone());
        let part = |c: &mut Ctx<'_, '_, '_>, i: usize, f: &str| {
            let v = c.sliced(g, 1, i * z.hidden, z.hidden)?;
            c.plain(f, &[v])
        };
        let (input, output) = (part(c, 0, &f)?, part(c, 1, &f)?);
        let fresh = part(c, 3, &gate)?;
        let mut cell = c.plain("Mul", &[input, fresh])?;
        if let Some(old) = d.cell {
            let forget = part(c, 2, &f)?;
            let kept = c.plain("Mul", &[forget, old])?;
            cell = c.plain("Add", &[kept, cell])?;
        }
        let shown = c.plain(&out, &[cell])?;
        d.hidden = Some(c.plain("Mul", &[output, shown])?);
        d.cell = Some(cell);
        Ok(())
    })
}

/// GRU 7, 14, 22: gates update, reset, hidden.
pub(super) fn gru(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    run(c, 3, &["Sigmoid", "Tanh"], |c, d, z, x| {
        let after = c.attrs.flag("linear_before_reset", false)?;
        let (f, g) = (d.functions[0].clone(), d.functions[1].clone());
        let both = gates_of(c, d, z, x, d.hidden, 0, 2)?;
        let both = c.plain(&f, &[both])?;
        let (update, reset) = (c.sliced(both, 1, 0, z.hidden)?, c.sliced(both, 1, z.hidden, z.hidden)?);
        let mut fresh = c.sliced(x, 1, 2 * z.hidden, z.hidden)?;
        if after {
            // The bias counts even where the state is 0.
            let r = match d.hidden {
                Some(h) => Some(product(c, d, z, h, 2, 1, true)?),
                None => match &d.bias {
                    Some(b) => {
                        let name = format!("{}/Rb{}.2.1", c.name, d.label);
                        Some(c.shared(&name, || Tensor::from_f32([z.hidden], &b.as_f32()?[2 * z.hidden..]))?)
                    }
                    None => None,
                },
            };
            if let Some(r) = r {
                let r = c.plain("Mul", &[reset, r])?;
                fresh = c.plain("Add", &[fresh, r])?;
            }
        } else if let Some(h) = d.hidden {
            let h = c.plain("Mul", &[reset, h])?;
            let r = product(c, d, z, h, 2, 1, false)?;
            fresh = c.plain("Add", &[fresh, r])?;
        }
        let fresh = c.plain(&g, &[fresh])?;
        // (1 - update) * fresh + update * old.
        let one = c.shared(&format!("{}/one", c.name), || Tensor::from_f32(Vec::new(), &[1.0]))?;
        let rest = c.plain("Sub", &[one, update])?;
        let mut next = c.plain("Mul", &[rest, fresh])?;
        if let Some(old) = d.hidden {
            let kept = c.plain("Mul", &[update, old])?;
            next = c.plain("Add", &[next, kept])?;
        }
        d.hidden = Some(next);
        Ok(())
    })
}

/// RNN 7, 14, 22.
pub(super) fn rnn(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    run(c, 1, &["Tanh"], |c, d, z, x| {
        let g = gates_of(c, d, z, x, d.hidden, 0, 1)?;
        let f = d.functions[0].clone();
        d.hidden = Some(c.plain(&f, &[g])?);
        Ok(())
    })
}
