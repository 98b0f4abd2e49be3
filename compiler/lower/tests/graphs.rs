//! Where values lie: outputs that are inputs, constants, views or one another, layers nobody reads, values that are read again after a
//! layer could have taken their place. Every graph runs on every machine description, against the by-the-book interpreter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Rng, check, machines};
use mcompc_ir::Code;

/// Nodes as text, with `X`, `Y` and `C` for values of 1x2x3x4 codes and their quantization.
fn graph(nodes: &str, inputs: &str, outputs: &str) -> mcompc_ir::Graph {
    let text = nodes
        .replace(" LUT", &format!(" = [{}]", (0..256).map(|i| (i * 37 % 256 - 128).to_string()).collect::<Vec<_>>().join(", ")))
        .replace(" CODES", &format!(" = [{}]", (0..24).map(|i| (i * 10 - 120).to_string()).collect::<Vec<_>>().join(", ")))
        .replace("ADD", "{a = 90, b = -70, c = 300, shift = 7, lo = -128, hi = 127}")
        .replace("MUL", "{m = 800000000, pre = 2, shift = 3, lo = -128, hi = 127}")
        .replace("I8", "i8[1, 2, 3, 4] q(0.5, -3)");
    mcompc_ir::parse(&format!("graph \"g\" {{\n{text}\ninputs({inputs})\noutputs({outputs})\n}}\n"))
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn right(name: &str, nodes: &str, inputs: &str, outputs: &str) {
    let g = graph(nodes, inputs, outputs);
    for seed in 0..3 {
        check(&g, &machines(), &mut Rng(seed)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

const X: &str = r#"%0 = input() "x" -> "x" I8"#;
const TABLE: &str = r#"%9 = const() "t" -> "t" i8[256] LUT"#;

fn lut(id: u32, from: u32) -> String {
    format!("%{id} = q.lut(%{from}, %9) \"l{id}\" {{}} -> \"v{id}\" I8")
}

#[test]
fn outputs_that_no_layer_writes() {
    right("the input", X, "%0", r#""y" = %0"#);
    right("the input twice", X, "%0", r#""y" = %0, "z" = %0"#);
    let view = format!("{X}\n%1 = Reshape(%0) \"r\" {{shape = [6, 4]}} -> \"r\" i8[6, 4] q(0.5, -3)");
    right("a view of the input", &view, "%0", r#""y" = %1, "x2" = %0"#);
    let moved = format!("{X}\n%1 = Transpose(%0) \"r\" {{perm = [1, 0, 2, 3]}} -> \"r\" i8[2, 1, 3, 4] q(0.5, -3)");
    right("a transpose that moves nothing", &moved, "%0", r#""y" = %1"#);
    let raw = r#"%0 = input() "x" -> "x" u8[1, 37] q(0.5, 3)"#;
    right("raw bytes", raw, "%0", r#""y" = %0"#);
    let two = format!("{X}\n%1 = input() \"u\" -> \"u\" I8");
    right("inputs exchanged", &two, "%0, %1", r#""y" = %1, "z" = %0"#);
}

#[test]
fn outputs_that_are_constants() {
    let c = "%1 = const() \"c\" -> \"c\" I8 CODES";
    right("with an input", &format!("{X}\n{c}"), "%0", r#""y" = %1, "z" = %0"#);
    right("without inputs, twice", c, "", r#""y" = %1, "z" = %1"#);
    let view = format!("{X}\n{c}\n%2 = Reshape(%1) \"r\" {{shape = [24]}} -> \"r\" i8[24] q(0.5, -3)");
    right("a view", &view, "%0", r#""y" = %2"#);
    let read = format!("{X}\n{c}\n%2 = q.add(%0, %1) \"a\" ADD -> \"s\" I8\n%3 = q.add(%1, %2) \"a2\" ADD -> \"s2\" I8");
    right("that layers read", &read, "%0", r#""s" = %3, "y" = %1"#);
}

#[test]
fn one_value_as_several_outputs() {
    let one = format!("{X}\n{TABLE}\n{}", lut(1, 0));
    right("twice", &one, "%0", r#""y" = %1, "z" = %1"#);
    let view = format!("{one}\n%2 = Reshape(%1) \"r\" {{shape = [4, 6]}} -> \"r\" i8[4, 6] q(0.5, -3)");
    right("and as a view", &view, "%0", r#""r" = %2, "y" = %1, "x" = %0"#);
    let later = format!("{view}\n{}\n%4 = q.add(%3, %1) \"a\" ADD -> \"s\" I8", lut(3, 1));
    right("and read later", &later, "%0", r#""r" = %2, "s" = %4, "y" = %1"#);
}

#[test]
fn layers_nobody_reads() {
    let dead = format!("{X}\n{TABLE}\n{}\n{}\n{}", lut(1, 0), lut(2, 1), lut(3, 1));
    right("a dead end", &dead, "%0", r#""y" = %3"#);
    right("all of them", &dead, "%0", r#""y" = %0"#);
    right("an input", &format!("{dead}\n%4 = input() \"u\" -> \"u\" I8"), "%4, %0", r#""y" = %2"#);
}

#[test]
fn places_that_a_layer_may_take_over() {
    let chain = format!("{X}\n{TABLE}\n{}\n{}\n{}", lut(1, 0), lut(2, 1), lut(3, 2));
    right("a chain", &chain, "%0", r#""y" = %3"#);
    let again = format!("{chain}\n%4 = q.add(%3, %1) \"a\" ADD -> \"s\" I8\n{}", lut(5, 4));
    right("read again", &again, "%0", r#""y" = %5"#);
    let both = format!("{X}\n{TABLE}\n{}\n%2 = q.add(%1, %1) \"a\" ADD -> \"s\" I8\n{}", lut(1, 0), lut(3, 2));
    right("both operands", &both, "%0", r#""y" = %3"#);
    let view = format!(
        "{X}\n{TABLE}\n{}\n%2 = Reshape(%1) \"r\" {{shape = [1, 2, 3, 4]}} -> \"r\" I8\n{}\n%4 = q.add(%3, %1) \"a\" ADD -> \"s\" I8\n{}",
        lut(1, 0),
        lut(3, 2),
        lut(5, 4)
    );
    right("a view read again", &view, "%0", r#""y" = %5"#);
}

#[test]
fn gates_never_share_a_place_of_another_size() {
    // The gate dies in the product, and so does the gated tensor.
    let gate = |h: usize| {
        let v = format!("i8[1, {h}, 1, 4] q(0.5, -3)");
        format!(
            "%0 = input() \"x\" -> \"x\" {v}\n%1 = input() \"u\" -> \"u\" i8[1, 1, 1, 4] q(0.5, -3)\n{TABLE}\n\
             %2 = q.lut(%0, %9) \"a\" {{}} -> \"a\" {v}\n%3 = q.lut(%1, %9) \"b\" {{}} -> \"b\" i8[1, 1, 1, 4] q(0.5, -3)\n\
             %4 = q.mul(%2, %3) \"m\" MUL -> \"m\" {v}\n%5 = q.lut(%4, %9) \"l\" {{}} -> \"l\" {v}\n\
             %6 = q.mul(%5, %3) \"m2\" MUL -> \"m2\" {v}\n%7 = q.lut(%6, %9) \"y\" {{}} -> \"y\" {v}"
        )
    };
    right("several pixels", &gate(5), "%0, %1", r#""y" = %7"#);
    right("one pixel", &gate(1), "%0, %1", r#""y" = %7"#);
}

/// Sizes that 32-bit offsets do not reach are refused by name, and never wrap. Shapes alone are enough: nothing is allocated.
#[test]
fn sizes_beyond_32_bits_are_refused() {
    let refused = |nodes: &str, outputs: &str, at: &str, code: Code| {
        let g = graph(nodes, "%0", outputs);
        for m in machines() {
            let e = mcompc_lower::lower(&g, &m, &mcompc_lower::Options::default()).unwrap_err();
            assert!(e.code == code && e.to_string().contains(at), "{}: {e}", m.isa);
        }
    };
    let pool = |shape: &str, y: &str, k: usize, p: usize| {
        format!(
            "%0 = input() \"x\" -> \"x\" i8[{shape}] q(0.5, 0)\n%1 = q.maxpool(%0) \"pool\" \
             {{kernel = [{k}, {k}], strides = [1, 1], pads = [{p}, {p}, {p}, {p}]}} -> \"y\" i8[{y}] q(0.5, 0)"
        )
    };
    refused(&pool("1, 30000, 30000, 4", "1, 29999, 29999, 4", 2, 0), r#""y" = %1"#, "`x`", Code::Limit);
    refused(&pool("1, 15000, 15000, 4", "1, 14999, 14999, 4", 2, 0), r#""y" = %1"#, "pool", Code::Limit);
    let conv = "%0 = input() \"x\" -> \"x\" i8[1, 8, 8, 1] q(0.5, 0)\n%1 = const() \"w\" -> \"w\" i8[1, 1, 1, 1] = [1]\n\
                %2 = const() \"b\" -> \"b\" i32[1] = [0]\n%3 = const() \"m\" -> \"m\" i32[1] = [1073741824]\n\
                %4 = q.conv(%0, %1, %2, %3) \"conv\" {strides = [60000, 60000], pads = [0, 0, 60000, 60000], dilations = [1, 1], group = 1, \
                pre = 0, shift = 1, lo = -128, hi = 127} -> \"y\" i8[1, 2, 2, 1] q(0.5, 0)";
    refused(conv, r#""y" = %4"#, "conv", Code::Limit);
}
