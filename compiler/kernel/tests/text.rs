//! Text form: exact round trips, and errors with a place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_kernel::testing::{Vocabulary, random_module};
use mcompc_kernel::{Data, Elem, Form, Module, Row, parse, print, structure};
use proptest::prelude::*;

fn rows() -> Vec<Row> {
    let row = |name: &str, form, a, w, k, n, m| Row {
        name: name.into(),
        form,
        a,
        w,
        w_mem: Elem::I8,
        k,
        n,
        m,
        tile: [2, 2],
        tile_fc: 2,
        unroll: 1,
        llvm: "tree \"x\"".into(),
        cranelift: "tree".into(),
        mnemonic: String::new(),
    };
    vec![
        row("sdot", Form::Dot, Elem::I8, Elem::I8, 4, 4, 1),
        row("vpdpbusd", Form::Dot, Elem::U8, Elem::I8, 4, 4, 1),
        row("pmaddwd", Form::Dot, Elem::I16, Elem::I16, 2, 4, 1),
        row("vmladava", Form::Dot, Elem::I8, Elem::I8, 16, 1, 1),
        row("sdot.lane", Form::Lane, Elem::I8, Elem::I8, 4, 4, 1),
        row("smlad", Form::Packed, Elem::I16, Elem::I16, 2, 1, 1),
        row("mul", Form::Scalar, Elem::I8, Elem::I8, 1, 1, 1),
        row("vwmacc.vx", Form::Scalar, Elem::I16, Elem::I16, 1, 8, 1),
        row("a name", Form::Matrix, Elem::I8, Elem::I8, 8, 2, 2),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn round_trip(seed: u64, size in 0usize..40, bytes in prop::sample::select(vec![0usize, 16, 64])) {
        let m = random_module(seed, &Vocabulary::up_to(bytes, &rows()), size);
        structure(&m).unwrap();
        let text = print(&m);
        let back = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        prop_assert_eq!(&back, &m);
        prop_assert_eq!(print(&back), text);
    }
    /// Cutting or changing a text anywhere gives an error or a module, never a panic.
    #[test]
    fn damaged_text(seed: u64, at: prop::sample::Index, what in "[%@a-z0-9{}(),=:+*\" -]{0,3}", cut: bool) {
        let text = print(&random_module(seed, &Vocabulary::up_to(16, &rows()), 8));
        let i = at.index(text.len());
        let damaged = if cut { text[..i].to_string() } else { format!("{}{what}{}", &text[..i], &text[i + 1..]) };
        if let Ok(m) = parse(&damaged) {
            let _ = structure(&m);
        }
    }
}

#[test]
fn odd_names() {
    let mut m = Module::default();
    m.data.push(Data { name: "weights \"of\"\n\\ layer é".into(), bytes: vec![], align: 1, weights: true, export: true });
    m.data.push(Data { name: "7".into(), bytes: (0..=255).collect(), align: 64, weights: false, export: false });
    assert_eq!(parse(&print(&m)).unwrap(), m);
}

#[test]
fn errors_have_places() {
    for (text, want) in [
        ("func @f() {\n  %0: i32 = konst 1\n}", "line 2, column 19: there is no operation `konst`"),
        ("func @f() {", "expected a word, found the end"),
        ("func @f() { %1: i32 = const 1 }", "%0 is missing"),
        ("func @f() { %0: i32 = const 1 %0: i32 = const 1 }", "defined twice"),
        ("func @f() { %0: i32 = const 99999999999 }", "out of range"),
        ("func @f() { %0: i3x = const 1 }", "expected a type"),
        ("data @d align 4 = { \"0g\" }", "hexadecimal"),
        ("data @d align 4 = { \"", "without end"),
        ("?", "unexpected `?`"),
    ] {
        let e = parse(text).unwrap_err();
        assert_eq!(e.code.as_str(), "E302");
        assert!(e.message.contains(want), "{text}: {e}");
    }
    let deep = format!("func @f(%0 \"n\": i32 scalar) {{{}", "if %0 {".repeat(100_000));
    assert!(parse(&deep).unwrap_err().message.contains("nest deeper"));
}
