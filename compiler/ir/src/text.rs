//! The text form. `parse(&print(&g))` is `g` up to the numbering of nodes: order of creation, names, attributes, quantizations, merged
//! names and payloads come back exactly (floats are printed shortest-round-trip, NaNs as their bits).
//!
//! ```text
//! graph "tiny" {
//! %0 = input() "x" -> "x" i8[1, 4] q(0.5, -3)
//! %1 = const() "table" -> "table" i8[4] = [1, 2, 3, 4]
//! %2 = q.lut(%0, %1) "lut" {key = [1, 2]} fused("relu") -> "y" i8[1, 4] q(0.25, 0)
//! inputs(%0)
//! outputs("y" = %2)
//! }
//! ```
//! Behind the outputs stand the states, if there are any: `states(%0 = "y")` gives the next run the output `y` as input `%0`, and
//! `%0 = "y" [0.5, 0.0]` says what the first run is given where that is not zeros.
//!
//! `%2.1` is the second output of `%2`; `;` starts a comment; nodes may be read before they are defined.
//!
//! A quantization is `q([codes,] scale, zero)`. `codes` (`i4`, `u8`) are said where they are not all of the type's; scale and zero are a
//! number each, or `axis A [a, b, ..]` or `runs N [a, b, ..]` where parts of the tensor have their own.

mod lex;
mod parse;

use crate::{Attr, Codes, DType, Graph, Node, Per, Quant, State, Tensor, Value, ValueId};
pub use parse::parse;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Constants of more elements than this are cut by [`print_short`].
const SHORT: usize = 8;

/// The whole graph, weights inline.
pub fn print(g: &Graph) -> String {
    Printer::new(g, usize::MAX).graph()
}

/// The graph for reading: constants of more than 8 elements are elided, so the text does not parse back.
pub fn print_short(g: &Graph) -> String {
    Printer::new(g, SHORT).graph()
}

fn quoted(s: &str) -> String {
    let mut o = String::with_capacity(s.len() + 2);
    o.push('"');
    for c in s.chars() {
        match c {
            '"' | '\\' => o.extend(['\\', c]),
            c if c.is_control() => o += &format!("\\u{{{:x}}}", c as u32),
            c => o.push(c),
        }
    }
    o.push('"');
    o
}

fn word(s: &str) -> String {
    let ok = s.chars().enumerate().all(|(i, c)| c == '_' || c.is_ascii_alphabetic() || i > 0 && (c == '.' || c.is_ascii_digit()));
    if ok && !s.is_empty() { s.into() } else { quoted(s) }
}

fn f64_text(v: f64) -> String {
    if v.is_nan() { format!("0x{:016x}", v.to_bits()) } else { format!("{v:?}") }
}

fn f32_text(v: f32) -> String {
    if v.is_nan() { format!("0x{:08x}", v.to_bits()) } else { format!("{v:?}") }
}

fn list<T>(v: impl IntoIterator<Item = T>, f: impl FnMut(T) -> String) -> String {
    v.into_iter().map(f).collect::<Vec<_>>().join(", ")
}

fn elements(t: &Tensor, limit: usize) -> String {
    let n = t.elems();
    let es = t.dtype.size();
    let one = |b: &[u8]| -> String {
        let mut w = [0u8; 8];
        w[..es].copy_from_slice(b);
        let u = u64::from_le_bytes(w);
        match t.dtype {
            DType::F32 => f32_text(f32::from_bits(u as u32)),
            DType::F64 => f64_text(f64::from_bits(u)),
            DType::I8 => (u as u8 as i8).to_string(),
            DType::I16 => (u as u16 as i16).to_string(),
            DType::I32 => (u as u32 as i32).to_string(),
            DType::I64 => (u as i64).to_string(),
            DType::U8 | DType::U16 | DType::Bool => u.to_string(),
        }
    };
    let shown = list(t.bytes().chunks_exact(es).take(limit), one);
    if n > limit { format!("[{shown}, .. {n} elements]") } else { format!("[{shown}]") }
}

fn attr(a: &Attr) -> String {
    match a {
        Attr::Int(v) => v.to_string(),
        Attr::Float(v) => f64_text(*v),
        Attr::Str(v) => quoted(v),
        Attr::Ints(v) => format!("[{}]", list(v, i64::to_string)),
        Attr::Floats(v) => format!("f[{}]", list(v, |&x| f64_text(x))),
    }
}

fn typed(d: DType, shape: &[usize]) -> String {
    format!("{d}[{}]", list(shape, usize::to_string))
}

fn value(v: &Value) -> String {
    let q = v.quant.as_ref().map(|q| quant(v.dtype, q)).unwrap_or_default();
    format!("{} {}{q}", quoted(&v.name), typed(v.dtype, &v.shape))
}

fn quant(d: DType, q: &Quant) -> String {
    let codes = if Codes::of(d) == Some(q.codes) { String::new() } else { q.codes.name() + ", " };
    format!(" q({codes}{}, {})", per(&q.scale, f64_text), per(&q.zero, whole_text))
}

// A whole number without a point.
fn whole_text(v: f64) -> String {
    let whole = v as i64;
    if whole as f64 == v && (whole != 0 || v.is_sign_positive()) { whole.to_string() } else { f64_text(v) }
}

fn per(p: &Per<f64>, f: fn(f64) -> String) -> String {
    let all = list(p.all(), |&v| f(v));
    match p {
        Per::Tensor(_) => all,
        Per::Axis(a, _) => format!("axis {a} [{all}]"),
        Per::Runs(n, _) => format!("runs {n} [{all}]"),
    }
}

struct Printer<'a> {
    g: &'a Graph,
    number: BTreeMap<crate::NodeId, usize>,
    limit: usize,
}

impl<'a> Printer<'a> {
    fn new(g: &'a Graph, limit: usize) -> Self {
        Self { g, number: g.ids().into_iter().enumerate().map(|(i, n)| (n, i)).collect(), limit }
    }
    fn reference(&self, v: ValueId) -> String {
        match (self.number.get(&v.node), v.port) {
            (None, _) => format!("%removed{}", v.node.index()),
            (Some(n), 0) => format!("%{n}"),
            (Some(n), p) => format!("%{n}.{p}"),
        }
    }
    fn node(&self, n: &Node, inputs: &[ValueId]) -> String {
        let mut s = format!("{}({}) {}", word(&n.op), list(inputs, |&v| self.reference(v)), quoted(&n.name));
        if !n.attrs.0.is_empty() {
            s += &format!(" {{{}}}", list(&n.attrs.0, |(k, a)| format!("{} = {}", word(k), attr(a))));
        }
        if !n.fused.is_empty() {
            s += &format!(" fused({})", list(&n.fused, |f| quoted(f)));
        }
        s += &format!(" -> {}", list(&n.outs, value));
        if let Some(t) = &n.tensor {
            let same = n.outs.first().is_some_and(|v| v.dtype == t.dtype && v.shape == t.shape);
            let ty = if same { String::new() } else { typed(t.dtype, &t.shape) + " " };
            s += &format!(" = {ty}{}", elements(t, self.limit));
        }
        s
    }
    fn state(&self, s: &State) -> String {
        let input = self.g.inputs.get(s.input).map_or("%removed".into(), |&n| self.reference(ValueId { node: n, port: 0 }));
        let output = self.g.outputs.get(s.output).map_or("removed".into(), |o| quoted(&o.name));
        let init = s.init.as_ref().map(|t| format!(" {}", elements(t, self.limit))).unwrap_or_default();
        format!("{input} = {output}{init}")
    }
    fn graph(&self) -> String {
        let g = self.g;
        let mut s = format!("graph {} {{\n", quoted(&g.name));
        for (i, id) in g.ids().into_iter().enumerate() {
            let _ = writeln!(s, "%{i} = {}", self.node(g.node(id), &g.inputs_of(id)));
        }
        let _ = writeln!(s, "inputs({})", list(&g.inputs, |&n| self.reference(ValueId { node: n, port: 0 })));
        let _ = writeln!(s, "outputs({})", list(&g.outputs, |o| format!("{} = {}", quoted(&o.name), self.reference(o.value))));
        if !g.states.is_empty() {
            let _ = writeln!(s, "states({})", list(&g.states, |x| self.state(x)));
        }
        s + "}\n"
    }
}
