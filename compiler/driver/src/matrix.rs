//! Every operator at every stage: docs/ops.md shows it, and a hole that nobody explains is an error.

use mcompc_ir::{Code, Error, Result};
use mcompc_ops::OPS;
use std::fmt::Write;

/// Float operators that never reach the integer level, and what becomes of them before.
const GONE: &[(&str, &str)] = &[
    ("BatchNormalization", "folded into the layer in front, else spelt as Mul and Add"),
    ("input", "a value by itself"),
    ("const", "a value by itself"),
];

/// One operator of the float level.
struct Line {
    name: &'static str,
    fast: bool,
    /// Integer operators, or why there are none.
    form: std::result::Result<&'static [&'static str], &'static str>,
    /// Whether each of them has a kernel.
    lowered: bool,
}

fn lines() -> Vec<Line> {
    let lowered: Vec<&str> = mcompc_lower::operators().collect();
    let float = OPS.iter().filter(|d| !d.name.starts_with("q."));
    let line = |name: &'static str| {
        let gone = GONE.iter().find(|(n, _)| *n == name).map(|(_, why)| *why);
        let form = mcompc_integerize::form_of(name).map(|f| f.gives).ok_or(gone.unwrap_or_default());
        let made = form.is_ok_and(|ops| ops.iter().all(|o| lowered.contains(o)));
        Line { name, fast: mcompc_interp::is_fast(name), form, lowered: made }
    };
    float.map(|d| line(d.name)).collect()
}

fn holes(lines: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for l in lines {
        match l.form {
            Err("") => found.push(format!("{} has no integer form, and nothing says what becomes of it", l.name)),
            Err(_) => {}
            Ok(_) if GONE.iter().any(|(n, _)| *n == l.name) => found.push(format!("{} has a form and is said to be gone", l.name)),
            Ok(_) if !l.fast => found.push(format!("{} is not an operator of the fast float executor", l.name)),
            Ok(_) if !l.lowered => found.push(format!("an integer operator of {} has no kernel", l.name)),
            Ok(_) => {}
        }
    }
    found
}

/// The page of all operators, Markdown: those of ONNX, the way of each operator through the compiler, and what each means.
///
/// # Errors
/// E009 for an operator that is missing at a stage.
pub fn operators() -> Result<String> {
    let lines = lines();
    if let Some(hole) = holes(&lines).into_iter().next() {
        return Err(Error::new(Code::Internal, hole).hint("a row is missing in one of the tables of operators"));
    }
    let mut s = String::from(
        "# Operators\n\nGenerated from the tables of operators (`cargo xtask generate`); do not edit.\n\n## ONNX operators\n\n\
         The importer takes these; every attribute is read or refused. Other operators end in E201, [status.md](status.md).\n\n\
         | operator | since | what of it, where not all |\n|---|---|---|\n",
    );
    for t in mcompc_onnx::ops::taken() {
        let _ = writeln!(s, "| {} | {} | {} |", t.name, t.since, t.notes);
    }
    s += "\n## Stages\n\nOperators of the float level, which the importer makes: `by the book` is the reference semantics, `float` the executor of \
          calibration, `integer` what `integerize` makes of them; each integer operator has a kernel generator in `lower`.\n\n\
          | operator | by the book | float | integer |\n|---|---|---|---|\n";
    for l in &lines {
        let integer = l.form.map_or_else(|why| why.to_string(), |ops| ops.iter().map(|o| format!("`{o}`")).collect::<Vec<_>>().join(", "));
        let _ = writeln!(s, "| {} | yes | {} | {integer} |", l.name, if l.fast { "yes" } else { "-" });
    }
    s += "\n";
    s += &mcompc_ops::docs();
    Ok(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_fresh() -> std::io::Result<()> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops.md");
        let want = operators().unwrap_or_default();
        if std::env::var_os("MCOMPC_BLESS").is_some() {
            std::fs::write(&path, &want)?;
        }
        assert_eq!(std::fs::read_to_string(path)?.trim_end(), want.trim_end());
        Ok(())
    }

    #[test]
    fn nothing_is_missing_at_a_stage() {
        assert_eq!(holes(&lines()), Vec::<String>::new());
        let hole = Line { name: "Add", fast: false, form: Ok(&["q.add"]), lowered: true };
        assert_eq!(holes(&[hole]).len(), 1);
        assert_eq!(holes(&[Line { name: "x", fast: true, form: Err(""), lowered: false }]).len(), 1);
    }
}
