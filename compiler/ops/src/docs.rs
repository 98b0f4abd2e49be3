//! What every operator means, for docs/ops.md.

use crate::OPS;
use std::fmt::Write;

/// A section for every operator, Markdown.
pub fn docs() -> String {
    let mut s = String::from(
        "Float operators are f32 and defined in f64 with one rounding at the end; operators called `q.` are integer and exact. An input \
         `x?` may be absent, `x..` is one or more. A node with an attribute that is not listed is an error. All shapes are static.\n",
    );
    for d in OPS {
        let _ = writeln!(s, "\n## {}\n\nInputs: {}.\n\n{}", d.name, inputs(d.inputs), d.doc.trim());
        if !d.attrs.is_empty() {
            s += "\n| attribute | type | | |\n|---|---|---|---|\n";
            for a in d.attrs {
                let _ = writeln!(s, "| {} | {:?} | {} | {} |", a.name, a.kind, if a.required { "required" } else { "optional" }, a.doc);
            }
        }
    }
    s
}

fn inputs(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ") }
}
