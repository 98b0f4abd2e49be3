//! Runs of element-wise nodes on one value become one function: GELU, SiLU, Mish, hard swish and whatever else is spelt out.
//!
//! In integers a function of one value is one table. A run of them would be a table each, and round to codes behind each.

use crate::edit::absorb;
use mcompc_ir::{Attr, Attrs, Graph, NodeId, Result, ValueId};

/// Words of a chain at most.
const WORDS: usize = 64;

/// What a value is: an expression of a source.
struct Expr {
    source: ValueId,
    steps: String,
    /// Whether there is a function in it, and not arithmetic with numbers alone, which layers may take in.
    function: bool,
    /// The node that computes it; none where it is the source.
    node: Option<NodeId>,
}

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in g.topo()? {
        if g.contains(n) && fuse(g, n)? {
            changes += 1;
        }
    }
    Ok(changes)
}

fn word(op: &str) -> Option<&'static str> {
    match op {
        "Add" => Some("+"),
        "Sub" => Some("-"),
        "Mul" => Some("*"),
        "Div" => Some("/"),
        _ => None,
    }
}

/// The only element of a constant of one, as the expression has it.
fn number(g: &Graph, v: ValueId) -> Option<String> {
    let t = g.const_of(v).filter(|t| t.elems() == 1)?;
    let k = f64::from(*t.as_f32().ok()?.first()?);
    k.is_finite().then(|| format!("{k:?}"))
}

/// A node's own expression of its only operand that is no number: source and steps.
fn own(g: &Graph, n: NodeId) -> Option<(ValueId, String)> {
    let (node, ins) = (g.node(n), g.inputs_of(n));
    let out = &g.value(g.out(n)).shape;
    if node.op == "Chain" {
        return Some((ins[0], node.attrs.str("steps").ok()?.to_string()));
    }
    if is_function(g, n) {
        let list: Vec<String> = node.attrs.0.iter().map(|(k, v)| text(v).map(|v| format!("{k}={v}"))).collect::<Option<_>>()?;
        let list = if list.is_empty() { String::new() } else { format!("({})", list.join(",")) };
        return Some((ins[0], format!("x {}{list}", node.op)));
    }
    let op = word(&node.op).filter(|_| node.attrs.0.is_empty())?;
    let (x, steps) = match (number(g, ins[0]), number(g, ins[1])) {
        (None, Some(k)) => (ins[0], format!("x {k} {op}")),
        (Some(k), None) => (ins[1], format!("{k} x {op}")),
        _ => return None,
    };
    (&g.value(x).shape == out && g.const_of(x).is_none()).then_some((x, steps))
}

fn text(a: &Attr) -> Option<String> {
    match a {
        Attr::Float(v) => Some(format!("{v:?}")),
        Attr::Int(v) => Some(format!("{v}.0")),
        Attr::Str(s) if !s.contains([' ', ',', '(', ')', '=']) => Some(s.clone()),
        _ => None,
    }
}

fn is_function(g: &Graph, n: NodeId) -> bool {
    mcompc_ops::functions().any(|f| f.op.name == g.node(n).op)
}

/// What a value is to its only reader.
fn expr(g: &Graph, v: ValueId) -> Expr {
    let itself = Expr { source: v, steps: "x".into(), function: false, node: None };
    if g.sole_user(v).is_none() {
        return itself;
    }
    match own(g, v.node) {
        Some((source, steps)) => Expr { source, steps, function: is_function(g, v.node), node: Some(v.node) },
        None => itself,
    }
}

/// `steps` with `inner` in place of x.
fn within(steps: &str, inner: &str) -> String {
    steps.split(' ').map(|w| if w == "x" { inner } else { w }).collect::<Vec<_>>().join(" ")
}

fn fuse(g: &mut Graph, n: NodeId) -> Result<bool> {
    let found = match own(g, n) {
        Some((x, steps)) => after(g, n, x, &steps),
        None => meeting(g, n),
    };
    let Some((source, steps, gone)) = found.filter(|f| f.1.split(' ').count() <= WORDS) else { return Ok(false) };
    let attrs = Attrs::new().with("steps", steps.as_str());
    if mcompc_ops::function("Chain", &attrs).is_err() {
        return Ok(false);
    }
    for &p in &gone {
        absorb(g, n, p);
    }
    g.set_inputs(n, &[source]);
    let node = g.node_mut(n);
    node.op = "Chain".into();
    node.attrs = attrs;
    Ok(true)
}

type Found = Option<(ValueId, String, Vec<NodeId>)>;

/// A function behind another, one of which is more than arithmetic with a number.
fn after(g: &Graph, n: NodeId, x: ValueId, steps: &str) -> Found {
    let e = expr(g, x);
    let p = e.node.filter(|_| e.function || is_function(g, n))?;
    Some((e.source, within(steps, &e.steps), vec![p]))
}

/// A node of two operands that are functions of one value.
fn meeting(g: &Graph, n: NodeId) -> Found {
    let node = g.node(n);
    let op = word(&node.op).filter(|_| node.attrs.0.is_empty())?;
    let ins = g.inputs_of(n);
    let (a, b) = (ins[0], ins[1]);
    let shape = &g.value(g.out(n)).shape;
    let itself = |v: ValueId| Expr { source: v, steps: "x".into(), function: false, node: None };
    let (ea, eb) = (expr(g, a), expr(g, b));
    // Either of them may be the source of the other.
    let pairs = if a == b {
        [(itself(a), itself(b)), (itself(a), itself(b)), (ea, eb)]
    } else {
        [(itself(a), expr(g, b)), (expr(g, a), itself(b)), (ea, eb)]
    };
    pairs.into_iter().find_map(|(p, q)| {
        let same = p.source == q.source && &g.value(p.source).shape == shape && g.const_of(p.source).is_none();
        let gone: Vec<NodeId> = [p.node, q.node].into_iter().flatten().collect();
        same.then(|| (p.source, format!("{} {} {op}", p.steps, q.steps), gone))
    })
}
