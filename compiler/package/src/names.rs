//! Identifiers: ONNX names are free text, C, C++ and Rust are not.

use crate::TensorSpec;
use std::collections::BTreeSet;

/// Words no identifier of ours may be, compared in lower case: keywords of C, C++ and Rust, names the header itself uses, and
/// macros that compilers or common headers define.
const RESERVED: &str = " abstract alignas alignof and and_eq arena as asm assert async auto await become bitand bitor bool box break case \
    catch char class co_await compl concept const const_cast const_eval constexpr constinit continue core crate decltype default delete \
    do double dyn dynamic_cast each else enum eof errno explicit export extern false final float fn for friend gen goto i386 if impl in \
    inline int int16_t int32_t int8_t let linux long loop macro main match mod move mut mutable namespace new noexcept not null \
    nullptr operator or or_eq override priv private protected pub public q real ref register reinterpret_cast requires restrict \
    return run runtime self short signed sizeof slice static static_assert static_cast std stderr stdin stdout struct super switch sys template test \
    this thread_local throw trait true try type typedef typeid typename typeof uint16_t uint32_t uint8_t union unix unsafe unsigned \
    unsized use user using virtual void volatile wchar_t where while xor xor_eq yield ";

/// Libraries every tool chain has: an archive of that name would hide them.
const LIBRARIES: &str = " c m gcc pthread dl rt util stdc gcov ";

fn contains(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
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
    /// Derives all identifiers; of equal ones the later gets `_2`, `_3` and so on, inputs before outputs.
    pub fn new(prefix: &str, inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Self {
        let mut taken = BTreeSet::new();
        let mut one = |t: &TensorSpec, fallback: &str| {
            let mut base = sanitise(&t.name, fallback);
            if contains(RESERVED, &base.to_ascii_lowercase()) {
                base.push_str("_tensor");
            }
            let mut c = base.clone();
            let mut n = 2;
            while !taken.insert(c.to_ascii_lowercase()) {
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
    }

    #[test]
    fn tensors() {
        assert_eq!(names(&["a/b:0"], &["Identity", "arena"]), ["a_b_0", "Identity", "arena_tensor"]);
        assert_eq!(names(&["x", "X"], &["x", "x_2"]), ["x", "X_2", "x_3", "x_2_2"]);
        assert_eq!(names(&["", "1"], &["class"]), ["input", "input_1", "class_tensor"]);
    }
}
