//! Numbers as source text.

/// A float that C (with the suffix `f`) and Rust read back to the same single-precision value; always with a point or an exponent.
pub(crate) fn float(v: f64) -> String {
    format!("{:?}", v as f32)
}

/// Whether every number is whole, so that it can be an integer constant.
pub(crate) fn whole(v: &[f64]) -> bool {
    v.iter().all(|z| z.fract() == 0.0 && z.abs() < 1e6)
}

/// `x` or `{x, y, z}` with the given brackets.
pub(crate) fn list(items: &[String], open: &str, close: &str) -> String {
    match items {
        [one] => one.clone(),
        many => format!("{open}{}{close}", many.join(", ")),
    }
}

/// Dimensions for comments, `1x49x10`; `scalar` for none.
pub(crate) fn shape(dims: &[usize]) -> String {
    if dims.is_empty() { "scalar".into() } else { dims.iter().map(usize::to_string).collect::<Vec<_>>().join("x") }
}

/// Free text inside a comment of C or Rust: one line, and no end of comment.
pub(crate) fn comment(s: &str) -> String {
    s.chars().map(|c| if c.is_control() || c == '\\' { '?' } else { c }).collect::<String>().replace("*/", "* /").replace("/*", "/ *")
}
