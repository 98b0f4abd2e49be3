//! The graph verifier: everything that holds for any operator. Agreement with an operator's shape inference is `mcompc_ops::verify`.

use crate::{Code, Codes, DType, Error, Graph, Node, Quant, Result, Value, ValueId};
use std::collections::BTreeSet;

fn fail<T>(node: &str, what: impl Into<String>) -> Result<T> {
    Err(Error::new(Code::Verify, what).at(node).general_hint("a pass or the text form made a graph that is not well formed"))
}

/// Checks that every edge joins existing ports, input ports are numbered without gaps, there is no cycle, `input` and `const` nodes are
/// what they claim, payloads match their values, quantizations are sensible, inputs and outputs exist under unique names, and states go in
/// as they come out.
///
/// # Errors
/// [`Code::Verify`] (or [`Code::BadGraph`] for a cycle) that names the first offending node.
pub fn verify(g: &Graph) -> Result<()> {
    let mut next_port = std::collections::BTreeMap::new();
    for (v, reader, port) in g.edges() {
        let name = &g.node(reader).name;
        let outs = g.node(v.node).outs.len();
        if v.port as usize >= outs {
            return fail(name, format!("input {port} reads output {} of `{}`, which has {outs}", v.port, g.node(v.node).name));
        }
        let want = next_port.entry(reader).or_insert(0u32);
        if port != *want {
            return fail(name, format!("input ports are not 0, 1, 2, ..: found {port} in place of {want}"));
        }
        *want += 1;
    }
    g.topo()?;
    for id in g.ids() {
        let n = g.node(id);
        node(n, next_port.get(&id).copied().unwrap_or(0))?;
        if n.op == "input" && !g.inputs.contains(&id) {
            return fail(&n.name, "an `input` node is not among the graph's inputs");
        }
    }
    let mut names = BTreeSet::new();
    for &id in &g.inputs {
        if !g.contains(id) {
            return fail(&g.name, format!("graph input %{} was removed", id.index()));
        }
        let n = g.node(id);
        if n.op != "input" {
            return fail(&n.name, format!("a graph input is a `{}` node", n.op));
        }
        if !names.insert(&n.outs[0].name) {
            return fail(&n.outs[0].name, "two graph inputs have this name, or one is listed twice");
        }
    }
    outputs(g)?;
    states(g)
}

fn states(g: &Graph) -> Result<()> {
    for (i, s) in g.states.iter().enumerate() {
        let (Some(&input), Some(output)) = (g.inputs.get(s.input), g.outputs.get(s.output)) else {
            return fail(&g.name, format!("state {i} ties input {} and output {}, which are not both there", s.input, s.output));
        };
        let (a, b) = (g.value(g.out(input)), g.value(output.value));
        if g.states[..i].iter().any(|t| t.input == s.input || t.output == s.output) {
            return fail(&a.name, "an input or an output of two states");
        }
        if (a.dtype, &a.shape, &a.quant) != (b.dtype, &b.shape, &b.quant) {
            let what =
                format!("a state goes in as {}{:?} and comes out of `{}` as {}{:?}", a.dtype, a.shape, output.name, b.dtype, b.shape);
            return fail(&a.name, if a.shape == b.shape { what + ", or under another quantization" } else { what });
        }
        let init = s.init.as_ref();
        if init.is_some_and(|t| t.dtype != DType::F32 || t.shape != a.shape || !t.as_f32().is_ok_and(|x| x.iter().all(|v| v.is_finite()))) {
            return fail(&a.name, format!("a state does not start at {:?} finite reals", a.shape));
        }
    }
    Ok(())
}

fn outputs(g: &Graph) -> Result<()> {
    if g.outputs.is_empty() {
        return fail(&g.name, "the graph has no output");
    }
    let mut names = BTreeSet::new();
    for o in &g.outputs {
        let ValueId { node, port } = o.value;
        if !g.contains(node) || port as usize >= g.node(node).outs.len() {
            return fail(&o.name, format!("graph output reads %{}.{port}, which does not exist", node.index()));
        }
        if !names.insert(&o.name) {
            return fail(&o.name, "two graph outputs have this name");
        }
    }
    Ok(())
}

fn node(n: &Node, inputs: u32) -> Result<()> {
    if n.outs.is_empty() {
        return fail(&n.name, "a node without outputs");
    }
    if matches!(n.op.as_str(), "input" | "const") && (inputs != 0 || n.outs.len() != 1) {
        return fail(&n.name, format!("`{}` takes no inputs and has one output", n.op));
    }
    match (&n.tensor, n.op == "const") {
        (Some(t), true) => {
            let v = &n.outs[0];
            if t.dtype != v.dtype || t.shape != v.shape {
                return fail(&n.name, format!("payload {}{:?} for a value {}{:?}", t.dtype, t.shape, v.dtype, v.shape));
            }
        }
        (None, true) => return fail(&n.name, "a `const` without payload"),
        (Some(_), false) => return fail(&n.name, format!("a `{}` with a payload", n.op)),
        (None, false) => {}
    }
    n.outs.iter().try_for_each(value)
}

fn value(v: &Value) -> Result<()> {
    if v.shape.iter().try_fold(v.dtype.size(), |a, &d| a.checked_mul(d)).is_none_or(|b| b > isize::MAX as usize) {
        return fail(&v.name, format!("{}{:?} is larger than the address space", v.dtype, v.shape));
    }
    v.quant.as_ref().map_or(Ok(()), |q| quant(v, q))
}

fn quant(v: &Value, q: &Quant) -> Result<()> {
    let codes = q.codes;
    if !Codes::BITS.contains(&codes.bits) {
        return fail(&v.name, format!("codes of {} bits", codes.bits));
    }
    match Codes::of(v.dtype) {
        Some(all) if all.signed != codes.signed || all.bits < codes.bits => {
            return fail(&v.name, format!("{} codes in a {} value", codes.name(), v.dtype));
        }
        // Floats may carry the codes that they are rounded to.
        None if v.dtype != DType::F32 => return fail(&v.name, format!("a {} value with a quantization", v.dtype)),
        _ => {}
    }
    if !(q.scale.fits(&v.shape) && q.zero.fits(&v.shape)) {
        return fail(&v.name, format!("a quantization by parts that {}{:?} does not have", v.dtype, v.shape));
    }
    let scales = q.scale.all().iter().find(|s| !(s.is_finite() && **s > 0.0));
    // Real 0 need not be a code of what the caller gives: floats that are rounded to such codes say so.
    let outside = |z: f64| v.dtype != DType::F32 && z.fract() == 0.0 && !codes.contains(z as i64);
    let zeros = q.zero.all().iter().find(|z| !z.is_finite() || outside(**z));
    if let (Some(_), _) | (_, Some(_)) = (scales, zeros) {
        let (s, z) = (scales.copied().unwrap_or(q.step()), zeros.copied().unwrap_or(q.zero.all()[0]));
        return fail(&v.name, format!("scale {s:?} or zero point {z} is out of range for {}", codes.name()));
    }
    Ok(())
}
