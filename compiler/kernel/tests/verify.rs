//! Memory bounds: what is proven, what is refused, what is left open; and that proofs and refusals are true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_kernel::interp::{Arg, Memory, run};
use mcompc_kernel::testing::{IN_BYTES, OUT_BYTES, Rng, Vocabulary, random_module};
use mcompc_kernel::{Module, Proof, parse, print, verify};
use proptest::prelude::*;

/// A function over x (100 bytes, read) and y (64 bytes, written), with this body.
fn check(body: &str) -> Result<Proof, String> {
    let text = format!(
        "data @t align 4 = {{ \"00010203\" }}
         func @k(%0 \"a\": ptr in align 4 bytes 32, %1 \"b\": ptr out align 4 bytes 32) {{ }}
         func @f(%0 \"x\": ptr in align 4 bytes 100, %1 \"y\": ptr out align 4 bytes 64, %2 \"n\": i32 scalar) {{ {body} }}"
    );
    verify(&parse(&text).unwrap_or_else(|e| panic!("{e}\n{body}"))).map_err(|e| e.message)
}

fn proven(body: &str) -> usize {
    let p = check(body).unwrap_or_else(|e| panic!("{e}\n{body}"));
    assert_eq!(p.unproven, [], "{body}");
    p.complete().unwrap();
    p.proven
}

fn wrong(body: &str, why: &str) {
    let e = check(body).expect_err(body);
    assert!(e.contains(why), "{e}");
}

fn open(body: &str) {
    let p = check(body).unwrap_or_else(|e| panic!("{e}\n{body}"));
    assert_eq!(p.unproven.len(), 1, "{:?}\n{body}", p.unproven);
    assert!(p.complete().is_err());
}

#[test]
fn plain_accesses() {
    assert_eq!(proven("%3: i32x4 = load w32 %0 + 84 align 4"), 1);
    wrong("%3: i32x4 = load w32 %0 + 85", "16 bytes at 85..=85 of `x`, which has 100");
    wrong("%3: i32x4 = load w32 %0 - 1", "16 bytes at -1..=-1");
    wrong("%3: i32x4 = load w32 %0 + 2 align 4", "alignment 4");
    wrong("%3: i32x4 = load w32 %0 align 8", "aligned to 4");
    wrong("%3: i32 = const 1 store s8 %3, %0", "read-only");
    wrong("%3: ptr = data @t store s8 %2, %3", "read-only");
    wrong("%3: ptr = data @t + 1 %4: i32 = load w32 %3", "which has 4");
    assert_eq!(proven("%3: ptr = data @t %4: i32x4 = load_bcast 4 %3 store s8 %4, %1 + 60"), 2);
}

/// Row and column of a pixel by a reciprocal or a shift: q = p / d bounds p - q * d.
#[test]
fn quotients() {
    // 5 rows of 10 pixels; row q and column r of pixel p, every second column: 2 r + 20 q <= 98.
    let pixel = |p: &str, divide: &str, d: i32, scale: [i32; 2]| {
        format!(
            "for %3 = 0 to {p} step 1 {{ {divide} %6: i32 = const {d} %7: i32 = mul %5, %6 %8: i32 = sub %3, %7
               %9: ptr = ptr_add %0, %8 * {} %10: ptr = ptr_add %9, %5 * {} %11: i32 = load s8 %10 }}",
            scale[0], scale[1]
        )
    };
    let tenth = "%4: i32 = const 429496730 %5: i32 = mulhi %3, %4";
    assert_eq!(proven(&pixel("50", tenth, 10, [2, 20])), 1);
    assert_eq!(proven(&pixel("50", tenth, 10, [11, 0])), 1);
    open(&pixel("50", tenth, 10, [12, 0]));
    open(&pixel("50", tenth, 10, [2, 21]));
    // Another divisor than the one that was multiplied with.
    open(&pixel("50", tenth, 9, [11, 0]));
    // Shifts: columns of 8.
    assert_eq!(proven(&pixel("50", "%4: i32 = const 3 %5: i32 = srl %3, %4", 8, [14, 0])), 2);
    assert_eq!(proven(&pixel("50", "%4: i32 = const 3 %5: i32 = sra %3, %4", 8, [14, 0])), 2);
    open(&pixel("50", "%4: i32 = const 3 %5: i32 = srl %3, %4", 8, [15, 0]));
    // A reciprocal rounded down, and one rounded up beyond the numbers for which it divides: 429496730 * 10 = 2^32 + 4, and at
    // 1073741824 = 2^30 the product reaches one more.
    open(&pixel("50", "%4: i32 = const 429496729 %5: i32 = mulhi %3, %4", 10, [11, 0]));
    assert_eq!(proven(&pixel("1073741820", tenth, 10, [11, 0])), 1);
    open(&pixel("1073741830", tenth, 10, [11, 0]));
    // A dividend that may be negative.
    open(
        "for %3 = -9 to 50 step 1 { %4: i32 = const 429496730 %5: i32 = mulhi %3, %4 %6: i32 = const 10 %7: i32 = mul %5, %6
          %8: i32 = sub %3, %7 %9: ptr = ptr_add %0, %8 * 11 %10: i32 = load s8 %9 }",
    );
}

#[test]
fn arms_that_never_run() {
    let far = |cond: &str| {
        format!("%3: i32 = const 200 %4: i32 = const 100 {cond} if %5 {{ %6: ptr = ptr_add %0, %3 * 1 %7: i32 = load s8 %6 }} else {{ }}")
    };
    assert_eq!(proven(&far("%5: i32 = cmp.ult %3, %4")), 0);
    assert_eq!(proven(&far("%5: i32 = cmp.slt %3, %4")), 0);
    open(&far("%5: i32 = cmp.slt %4, %3"));
    open(&far("%5: i32 = cmp.ult %2, %4"));
    // The other arm of a condition that always holds.
    assert_eq!(
        proven(
            "%3: i32 = const 200 %4: i32 = const 100 %5: i32 = cmp.slt %4, %3
                if %5 { } else { %6: ptr = ptr_add %0, %3 * 1 %7: i32 = load s8 %6 }"
        ),
        0
    );
    // A choice that cannot fall on what lies outside; one that can.
    let choice = |i: &str| {
        format!(
            "for %3 = {i} step 1 {{ %4: i32 = const 100 %5: i32 = cmp.ult %3, %4 %6: ptr = ptr_add %0, %3 * 1
               %7: ptr = select %5, %6, %0 %8: i32 = load s8 %7 }}"
        )
    };
    assert_eq!(proven(&choice("-9 to -1")), 1);
    assert_eq!(proven(&choice("-9 to 200")), 1);
    let wide = choice("0 to 200").replace("const 100", "const 101");
    open(&wide);
}

#[test]
fn loops() {
    assert_eq!(proven("for %3 = 0 to 100 step 4 { %4: ptr = ptr_add %0, %3 * 1 %5: i32 = load w32 %4 align 4 }"), 1);
    wrong("for %3 = 0 to 100 step 4 { %4: ptr = ptr_add %0, %3 * 1 + 1 %5: i32 = load w32 %4 }", "4 bytes at 1..=97");
    wrong("for %3 = -4 to 100 step 4 { %4: ptr = ptr_add %0, %3 * 1 %5: i32 = load w32 %4 }", "4 bytes at -4..=96");
    // Two loops: 5 rows of 20 bytes.
    let nest = |rows: i32| {
        format!(
            "for %3 = 0 to {rows} step 1 {{ %4: ptr = ptr_add %0, %3 * 20 for %5 = 0 to 20 step 2 {{
               %6: ptr = ptr_add %4, %5 * 1 %7: i32 = load s16 %6 align 2 }} }}"
        )
    };
    assert_eq!(proven(&nest(5)), 1);
    wrong(&nest(6), "2 bytes at 0..=118");
    // The round counted twice cancels out.
    assert_eq!(
        proven(
            "for %3 = 0 to 1000 step 1 { %4: i32 = const 1000 %5: i32 = sub %4, %3 %6: i32 = add %5, %3
             %7: ptr = ptr_add %0, %6 * 1 - 999 %8: i32 = load u8 %7 }"
        ),
        1
    );
}

#[test]
fn carried_pointers() {
    // In the inner loop by 4, in the outer one by another 10; behind the loops the pointer stands at 5 * (2 * 5 + 10) = 100.
    let nest = |more: i32, behind: i32| {
        format!(
            "%12: ptr = for %3 = 0 to 5 step 1 carry (%4: ptr = %0) {{
               %9: ptr = for %5 = 0 to 2 step 1 carry (%6: ptr = %4) {{ %7: i32 = load w32 %6 %8: ptr = ptr_add %6 + 5 yield %8 }}
               %10: i32 = load w32 %9 %11: ptr = ptr_add %9 + {more} yield %11 }}
             %13: i32 = load u8 %12 + {behind}"
        )
    };
    assert_eq!(proven(&nest(10, -1)), 3);
    wrong(&nest(10, 0), "1 bytes at 100..=100");
    wrong(&nest(12, -20), "4 bytes at 10..=98");
    // Carried integers as well, and a loop that runs once.
    assert_eq!(
        proven(
            "%3: i32 = const 0 %9: i32 = for %4 = 0 to 10 step 1 carry (%5: i32 = %3) { %6: ptr = ptr_add %0, %5 * 1
               %7: i32 = load u8 %6 %8: i32 = const 11 %10: i32 = add %5, %8 yield %10 }"
        ),
        1
    );
    wrong(
        "%5: ptr = for %3 = 0 to 1 step 1 carry (%4: ptr = %0) { %6: ptr = ptr_add %4 + 100 yield %6 } %7: i32 = load u8 %5",
        "at 100..=100",
    );
}

#[test]
fn exchanged_pointers() {
    let swap = |off: i32| {
        format!(
            "%3: ptr = ptr_add %1 + 32
             %8: ptr, %9: ptr = for %4 = 0 to 7 step 1 carry (%5: ptr = %1, %6: ptr = %3) {{
               %7: i32 = load w32 %6 + {off} store w32 %7, %5 yield %6, %5 }}
             %10: i32 = load w32 %8"
        )
    };
    assert_eq!(proven(&swap(0)), 3);
    open(&swap(40));
}

#[test]
fn choices() {
    // Padding: row 20 * (i - 1) exists for i - 1 in 0..5, else a row of zeros stands in.
    let padded = |limit: i32| {
        format!(
            "for %3 = -1 to 6 step 1 {{ %4: ptr = ptr_add %0, %3 * 20 %5: i32 = const {limit} %6: i32 = cmp.ult %3, %5
             %7: ptr = select %6, %4, %1 %8: i32x4 = load w32 %7 + 4 }}"
        )
    };
    assert_eq!(proven(&padded(5)), 1);
    open(&padded(6));
    // Both dimensions, by and.
    assert_eq!(
        proven(
            "for %3 = -1 to 6 step 1 { for %4 = -1 to 6 step 1 { %5: i32 = const 5 %6: i32 = cmp.ult %3, %5 %7: i32 = cmp.ult %4, %5
             %8: i32 = and %6, %7 %9: ptr = ptr_add %0, %3 * 20 %10: ptr = ptr_add %9, %4 * 4 %11: ptr = select %8, %10, %1
             %12: i32 = load w32 %11 align 4 } }"
        ),
        1
    );
    // A flat index divided by 5 by multiplication; row and column are bounded by what is compared, not by the division.
    assert_eq!(
        proven(
            "for %3 = 0 to 35 step 1 { %4: i32 = const 858993460 %5: i32 = mulhi %3, %4 %6: i32 = const 5 %7: i32 = mul %5, %6
             %8: i32 = sub %3, %7 %9: i32 = const -1 %10: i32 = add %5, %9 %11: i32 = cmp.ult %10, %6 %12: i32 = cmp.ult %8, %6
             %13: i32 = and %11, %12 if %13 { %14: i32 = mul %10, %6 %15: i32 = add %14, %8 %16: ptr = ptr_add %0, %15 * 4 + 3
             %17: i32 = load u8 %16 } else { } }"
        ),
        1
    );
    // By a branch, and by its other side.
    assert_eq!(
        proven(
            "for %3 = -1 to 6 step 1 { %4: ptr = ptr_add %0, %3 * 20 %5: i32 = const 5 %6: i32 = cmp.ult %3, %5
             if %6 { %7: i32 = load u8 %4 } else { } %8: i32 = cmp.slt %3, %5 if %8 { } else { %9: i32 = load u8 %4 - 1 } }"
        ),
        2
    );
    open("%3: ptr = ptr_add %0, %2 * 1 %4: i32 = load u8 %3");
    open("%3: ptr = ptr_add %0 + 99 %4: ptr = select %2, %0, %3 %5: i32 = load s16 %4");
    wrong("%3: ptr = select %2, %0, %1 store s8 %2, %3", "read-only");
}

#[test]
fn ranges() {
    assert_eq!(
        proven("%3: i32 = load u8 %0 %4: i32 = const 64 %5: i32 = smin %3, %4 %6: ptr = ptr_add %0, %5 * 1 %7: i32 = load w32 %6"),
        2
    );
    assert_eq!(proven("%3: ptr = data @t %4: i32 = const 3 %5: i32 = and %2, %4 %6: ptr = ptr_add %3, %5 * 1 %7: i32 = load u8 %6"), 1);
    open("%3: i32 = load s8 %0 %4: ptr = ptr_add %0, %3 * 1 %5: i32 = load u8 %4");
    wrong("%3: i32 = const 32 %4: i32 = shl %2, %3", "by 32..=32");
    open("%3: i32 = shl %2, %2");
    assert_eq!(proven("%3: i32x4 = const 31 %4: i32x4 = sra %3, %3"), 1);
    wrong("%3: i16x4 = const 16 %4: i16x4 = sra %3, %3", "16 bits");
    // Wrapping: 2^31 * 2 + i is i only modulo 2^32, which the pointer arithmetic does not see.
    open(
        "%3: i32 = const 2 %4: i32 = mul %2, %3 %5: i32 = sub %4, %2 %6: i32 = sub %5, %2 %7: i32 = add %6, %4 %8: ptr = ptr_add %0, %7 * 1 %9: i32 = load u8 %8",
    );
}

#[test]
fn calls() {
    assert_eq!(proven("%3: ptr = ptr_add %1 + 32 call @k(%0, %3)"), 2);
    wrong("%3: ptr = ptr_add %1 + 36 call @k(%0, %3)", "`b`: 32 bytes at 36..=36");
    wrong("call @k(%0, %0)", "read-only");
    wrong("%3: ptr = ptr_add %1 + 2 call @k(%0, %3)", "alignment 4");
}

#[test]
fn structure() {
    for (text, why) in [
        ("func @f() { %0: i32 = add %0, %0 }", "not defined"),
        ("func @f(%0 \"n\": i32 scalar) { if %0 { %1: i32 = const 1 } else { } %2: i32 = add %1, %1 }", "not defined"),
        ("func @f() { for %0 = 0 to 10 step 3 { } }", "whole steps"),
        ("func @f() { for %0 = 5 to 5 step 1 { } }", "whole steps"),
        ("func @f() { call @f() }", "not defined before"),
        ("func @f() { %0: i32 = const 1 %1: i32x4 = add %0, %0 }", "should be i32"),
        ("func @f() { %0: i32x4 = const 1 %1: i32x4 = shuffle [0, 1, 2, 8] %0, %0 }", "mask"),
        ("func @f() { %0: i32x3 = const 1 }", "no such vector"),
        ("func @f() { %0: i8x4 = const 1 %1: i8x4 = mulhi %0, %0 }", "i32 lanes only"),
        ("func @f() { } func @f() { }", "defined twice"),
        ("func @f() { %0: i32 = const 1 %1: i32 = rescale pre 0 shift 0 zp 0 lo 0 hi 1 %0, %0 }", "shift"),
        ("func @f(%0 \"p\": ptr in align 3 bytes 4) { }", "alignment 3"),
        ("func @f() { %0: ptr = data @x }", "no data"),
    ] {
        let e = verify(&parse(text).unwrap_or_else(|e| panic!("{e}"))).expect_err(text);
        assert!(e.message.contains(why), "{text}: {e}");
    }
}

fn shrink(m: &mut Module, rng: &mut Rng) {
    for f in &mut m.funcs {
        for p in &mut f.params[..2] {
            if rng.below(2) == 0 {
                p.bytes -= rng.below(if p.bytes as usize == OUT_BYTES { 3500 } else { 40 }) as u32;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// A complete proof means that the run succeeds; a refusal means that it fails.
    #[test]
    fn proofs_are_true(seed: u64, size in 1usize..30, shrunk: bool, n: i32) {
        let mut m = random_module(seed, &Vocabulary::up_to(16, &[]), size);
        let mut rng = Rng(seed ^ 1);
        if shrunk {
            shrink(&mut m, &mut rng);
        }
        let mut mem = Memory::new();
        let (x, y) = (mem.add(rng.bytes(IN_BYTES)), mem.add(vec![0; OUT_BYTES]));
        let ran = run(&m, "f", &mut mem, &[x.into(), y.into(), Arg::Int(n)]);
        match verify(&m) {
            Ok(p) => {
                prop_assert!(!p.unproven.is_empty() || ran.is_ok(), "proven, but {ran:?}\n{}", print(&m));
                prop_assert!(shrunk || p.unproven.is_empty(), "{:?}\n{}", p.unproven, print(&m));
            }
            Err(e) => prop_assert!(shrunk && ran.is_err(), "refused, but it runs: {e}\n{}", print(&m)),
        }
    }
}
