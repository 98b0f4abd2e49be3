//! Header and crate compile whatever a tensor is called.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{run, sliced};
use mcompc_ir::{Codes, DType, Per, Quant};
use mcompc_package::{LayerSpec, Names, PackageInput, Place, TensorSpec, render, write_dir};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const C: &str = "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict \
    return short signed sizeof static struct switch typedef union unsigned void volatile while alignas alignof bool constexpr false nullptr \
    static_assert thread_local true typeof typeof_unqual asm linux unix i386";
const CPP: &str = "and and_eq bitand bitor catch char16_t char32_t char8_t class co_await co_return co_yield compl concept const_cast \
    consteval constinit decltype delete dynamic_cast explicit export friend mutable namespace new noexcept not not_eq operator or or_eq \
    private protected public reinterpret_cast requires static_cast template this throw try typeid typename using virtual wchar_t xor xor_eq";
const RUST: &str = "abstract as async await become box crate dyn final fn gen impl in let loop macro match mod move mut override priv pub ref \
    self Self super trait type unsafe unsized use where yield safe raw macro_rules bool char str f16 f32 f64 f128 i8 i16 i32 i64 i128 isize \
    u8 u16 u32 u64 u128 usize core std alloc test clippy derive Option Some Ok Result u_8";
/// Types and macros around the header.
const MACROS: &str = "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t NULL EOF errno stdin stdout stderr INT8_MAX INT32_MIN \
    UINT8_MAX INT_LEAST8_MAX INT_FAST16_MIN INTMAX_MAX INTPTR_MIN SIZE_MAX PTRDIFF_MAX SIG_ATOMIC_MIN WCHAR_MAX WINT_MIN INT_MAX INT8_C \
    UINT_MAX I complex imaginary noreturn NAN INFINITY HUGE_VAL INPUT OUTPUT HIGH LOW PI assert";
/// Parameters, locals and items of header and crate, and what they look like with the prefix.
const OURS: &str = "arena slice fn user each layer layers run run_slice run_dump runtime sys nearest real q at data i l places status place \
    slices bytes args names scale zero zero_point shape elems one lo hi error LAYERS SLICES Arena Error Layer Place ABI_VERSION \
    one_run one_run_slice one_run_dump one_layer one_layers one_layer_fn one_info one_nearest one_quantize_x one_dequantize_y ONE_SLICES \
    ONE_LAYERS ONE_LAYER_RANK ONE_ABI_VERSION ONE_MODEL_HASH ONE_ARENA_BYTES ONE_ARENA_ALIGN ONE_CODE_BYTES ONE_TABLE_BYTES \
    ONE_WEIGHT_BYTES ONE_FLASH_BYTES ONE_STACK_BYTES ONE_X_ELEMS ONE_X_SCALE ONE_X_ZERO_POINT ONE_X_CHANNELS ONE_Y_ELEMS \
    MCOMPC_ONE_H MCOMPC_ONE_LAYERS_H x_ layer_ layers_ data_";

/// Tensors of all the names, of all types the interface has, quantised where that gives them conversions.
fn tensors<'a>(names: impl Iterator<Item = &'a str>) -> Vec<TensorSpec> {
    let types = [DType::I8, DType::U8, DType::I16, DType::I32, DType::I64, DType::F32, DType::Bool];
    let one = |(i, name): (usize, &str)| TensorSpec {
        name: name.into(),
        dtype: types[i % types.len()],
        shape: vec![1, 2],
        quant: (i % types.len() < 2).then(|| Quant {
            codes: Codes::of(types[i % types.len()]).unwrap(),
            scale: Per::along(1, vec![0.5, 0.25]),
            zero: Per::along(1, vec![3.0, 4.5]),
        }),
    };
    names.enumerate().map(one).collect()
}

/// A package in which every output is a layer's result.
fn package(d: &Path, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> PackageInput {
    let base = sliced(d, "one");
    let layer = |(i, t): (usize, &TensorSpec)| LayerSpec { shape: t.shape.clone(), place: Place::Output(i), ..base.layers[1].clone() };
    let layers = base.layers.iter().take(1).cloned().chain(outputs.iter().enumerate().map(layer)).collect::<Vec<_>>();
    PackageInput { slices: layers.len(), layers, inputs, outputs, ..base }
}

/// Compiles header and crate of `p` by the strictest means there are.
fn compile(d: &Path, p: &PackageInput) {
    write_dir(&d.join("one"), &render(p).unwrap(), false).unwrap();
    let warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-fsyntax-only", "-Ione"];
    // What an Arduino core defines; it and the library's macros come before the header.
    let arduino = "#define HIGH 1\n#define LOW 0\n#define INPUT 1\n#define OUTPUT 3\n#define PI 3.14\n";
    let c = format!(
        "#include <assert.h>\n#include <complex.h>\n#include <errno.h>\n#include <limits.h>\n#include <math.h>\n#include <stdio.h>\n\
         #include <stdnoreturn.h>\n{arduino}#include \"one_layers.h\"\nint main(void) {{ return 0; }}\n"
    );
    std::fs::write(d.join("a.c"), &c).unwrap();
    for std in ["c11", "gnu11", "c2x"] {
        run(Command::new("gcc").current_dir(d).arg(format!("-std={std}")).args(warnings).args(["-Wconversion", "a.c"]));
    }
    std::fs::write(
        d.join("a.cpp"),
        format!("#include <climits>\n#include <cmath>\n{arduino}#include \"one_layers.h\"\nint main() {{ return 0; }}\n"),
    )
    .unwrap();
    for std in ["c++17", "gnu++20"] {
        run(Command::new("g++").current_dir(d).arg(format!("-std={std}")).args(warnings).arg("a.cpp"));
    }
    run(Command::new("rustc").current_dir(d).args(["--crate-type=lib", "--crate-name=one", "--edition=2021", "--emit=metadata"]).args([
        "-Dwarnings",
        "one/rust/src/lib.rs",
        "-o",
        "one.rmeta",
    ]));
}

fn all() -> impl Iterator<Item = &'static str> {
    [C, CPP, RUST, MACROS, OURS].into_iter().flat_map(str::split_ascii_whitespace)
}

#[test]
fn inputs_of_any_name() {
    let dir = tempfile::tempdir().unwrap();
    compile(dir.path(), &package(dir.path(), tensors(all()), tensors(["y"].into_iter())));
}

#[test]
fn outputs_of_any_name() {
    let dir = tempfile::tempdir().unwrap();
    compile(dir.path(), &package(dir.path(), tensors(["x"].into_iter()), tensors(all())));
}

/// What stays as it is: an identifier changes only where it must, and to nothing that changes again.
#[test]
fn renamed_once() {
    let (inputs, outputs) = (tensors(all()), tensors(["input", "output", "one", "one_input", "kws_slices"].into_iter()));
    let n = Names::new("one", &inputs, &outputs);
    let all: BTreeSet<String> = n.inputs.iter().chain(&n.outputs).map(|t| t.rust.clone()).collect();
    assert_eq!(all.len(), inputs.len() + outputs.len());
    let again = Names::new("one", &tensors(n.inputs.iter().map(|t| t.c.as_str())), &tensors(n.outputs.iter().map(|t| t.c.as_str())));
    for (a, b) in n.inputs.iter().chain(&n.outputs).zip(again.inputs.iter().chain(&again.outputs)) {
        assert_eq!(a, b);
    }
    assert_eq!(n.outputs.iter().map(|t| t.c.as_str()).collect::<Vec<_>>(), ["input", "output", "one_2", "one_input", "kws_slices"]);
}
