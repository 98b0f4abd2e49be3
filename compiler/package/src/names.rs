//! Identifiers: ONNX names are free text, C, C++ and Rust are not.

use crate::TensorSpec;
use std::collections::BTreeSet;

/// Words no identifier of ours may be, compared in lower case: keywords of C, C++ and Rust, Rust's primitive types (a module of such a
/// name hides the type), what header and crate use beside a tensor's name, and macros that compilers or common headers define.
const RESERVED: &str = " abstract alignas alignof and and_eq arena as asm assert async auto await become bitand bitor bool box break case \
    catch char char16_t char32_t char8_t class co_await co_return co_yield compl complex concept const const_cast consteval constexpr \
    constinit continue contract_assert core crate decltype default delete do double dyn dynamic_cast each else enum eof errno explicit export \
    extern f128 f16 f32 f64 false final float fn for friend gen goto i128 i16 i32 i386 i64 i8 if imaginary impl in inline int int16_t int32_t \
    int64_t int8_t isize layers let linux long loop macro main match mod move mut mutable namespace new noexcept noreturn not not_eq null \
    nullptr operator or or_eq override priv private protected pub public q real ref register reinterpret_cast requires restrict \
    return run run_slice runtime self short signed sizeof slice states static static_assert static_cast std stderr stdin stdout str struct super \
    switch sys template test this thread_local throw trait true try type typedef typeid typename typeof typeof_unqual u128 u16 u32 u64 u8 \
    uint16_t uint32_t uint64_t uint8_t union unix unsafe unsigned unsized use user usize using virtual void volatile wchar_t where while \
    xor xor_eq yield ";

/// Macros in capitals that programs meet beside the header (`complex.h`, `math.h`, Arduino), compared as they are.
const MACROS: &str = " HIGH HUGE_VAL I INFINITY INPUT LOW NAN OUTPUT PI ";

/// What the header defines after the prefix and an underscore, in lower case.
const OWN: &str = " abi_version arena_align arena_bytes code_bytes flash_bytes info layer layer_fn layer_rank layers model_hash nearest run \
    run_dump run_slice slices stack_bytes state_init states step supported table_bytes variant weight_bytes ";

/// Ends of the macros of each tensor.
const OF_TENSORS: [&str; 4] = ["_elems", "_scale", "_zero_point", "_channels"];

/// Libraries every tool chain has, C's and Rust's: an archive or a crate of that name would hide them.
const LIBRARIES: &str = " alloc c m gcc proc_macro pthread dl rt util stdc gcov ";

fn contains(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

/// Whether a tensor of the package `prefix` needs another identifier than `base`.
fn taken(prefix: &str, base: &str) -> bool {
    let low = base.to_ascii_lowercase();
    // The macros of `stdint.h`, which the header includes.
    let limit = (low.ends_with("_max") || low.ends_with("_min"))
        && ["int", "uint", "size_", "ptrdiff_", "sig_atomic_", "wchar_", "wint_"].iter().any(|s| low.starts_with(s));
    let start = format!("{}_", prefix.to_ascii_lowercase());
    let item = low.strip_prefix(&start).is_some_and(|s| contains(OWN, s) || OF_TENSORS.iter().any(|t| s.ends_with(t)));
    let guard = low.strip_prefix("mcompc_").and_then(|s| s.strip_prefix(&start)).is_some_and(|s| s == "h" || s == "layers_h");
    contains(RESERVED, &low) || contains(MACROS, base) || limit || item || guard
}

/// Letters, digits and single underscores, starting with a letter; everything else becomes an underscore. `fallback` for an empty result.
fn sanitise(name: &str, fallback: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    let out = out.trim_end_matches('_');
    if out.is_empty() {
        fallback.into()
    } else if out.starts_with(|c: char| c.is_ascii_digit()) {
        format!("{fallback}_{out}")
    } else {
        out.into()
    }
}

/// The symbol prefix for `name` (a flag's value or a file's stem): a C identifier that is also a crate name.
pub fn prefix(name: &str) -> String {
    let s = sanitise(name, "model");
    let low = s.to_ascii_lowercase();
    if contains(RESERVED, &low) || contains(LIBRARIES, &low) { format!("{s}_model") } else { s }
}

/// The identifiers of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorNames {
    /// C parameter and helper suffix.
    pub c: String,
    /// Part of macro names.
    pub upper: String,
    /// Rust module and parameter.
    pub rust: String,
}

/// The identifiers of a package; all different whatever the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Symbol prefix.
    pub prefix: String,
    /// Macro prefix.
    pub upper: String,
    /// Per input.
    pub inputs: Vec<TensorNames>,
    /// Per output.
    pub outputs: Vec<TensorNames>,
}

impl Names {
    /// Derives all identifiers: names that mean something else in C, C++ or Rust, or in the package itself, end in `_tensor`; of equal ones the later gets `_2`, `_3` and so on, inputs before outputs.
    pub fn new(prefix: &str, inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Self {
        let mut used = BTreeSet::new();
        let mut one = |t: &TensorSpec, fallback: &str| {
            let mut base = sanitise(&t.name, fallback);
            if taken(prefix, &base) {
                base.push_str("_tensor");
            }
            let mut c = base.clone();
            let mut n = 2;
            while !used.insert(c.to_ascii_lowercase()) {
                c = format!("{base}_{n}");
                n += 1;
            }
            TensorNames { upper: c.to_ascii_uppercase(), rust: c.to_ascii_lowercase(), c }
        };
        let inputs = inputs.iter().map(|t| one(t, "input")).collect();
        let outputs = outputs.iter().map(|t| one(t, "output")).collect();
        Self { prefix: prefix.into(), upper: prefix.to_ascii_uppercase(), inputs, outputs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_ir::DType;

    fn names(inputs: &[&str], outputs: &[&str]) -> Vec<String> {
        let spec = |n: &&str| TensorSpec { name: (*n).into(), dtype: DType::I8, shape: vec![1], quant: None };
        let i: Vec<_> = inputs.iter().map(spec).collect();
        let o: Vec<_> = outputs.iter().map(spec).collect();
        let n = Names::new("m", &i, &o);
        n.inputs.iter().chain(&n.outputs).map(|t| t.c.clone()).collect()
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix("kws"), "kws");
        assert_eq!(prefix("mobilenet-v2.1"), "mobilenet_v2_1");
        assert_eq!(prefix("8bit"), "model_8bit");
        assert_eq!(prefix("__x__"), "x");
        assert_eq!(prefix("日本"), "model");
        assert_eq!(prefix("int"), "int_model");
        assert_eq!(prefix("c"), "c_model");
        assert_eq!(prefix("F32"), "F32_model");
        assert_eq!(prefix("alloc"), "alloc_model");
    }

    #[test]
    fn tensors() {
        assert_eq!(names(&["a/b:0"], &["Identity", "arena"]), ["a_b_0", "Identity", "arena_tensor"]);
        assert_eq!(names(&["x", "X"], &["x", "x_2"]), ["x", "X_2", "x_3", "x_2_2"]);
        assert_eq!(names(&["", "1"], &["class"]), ["input", "input_1", "class_tensor"]);
        assert_eq!(names(&["layers", "layer"], &["F32"]), ["layers_tensor", "layer", "F32_tensor"]);
        assert_eq!(names(&["M_SLICES", "m_input", "slices"], &["INPUT"]), ["M_SLICES_tensor", "m_input", "slices", "INPUT_tensor"]);
        assert_eq!(names(&["input", "m_x_scale"], &["INT8_MAX", "max"]), ["input", "m_x_scale_tensor", "INT8_MAX_tensor", "max"]);
    }
}
