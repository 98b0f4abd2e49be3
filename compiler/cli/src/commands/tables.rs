//! Commands that only print what the compiler knows.

use crate::answer::Answer;
use crate::args::{Given, SHELLS, Tables, manual};
use crate::{docs, explain as text};
use mcompc_ir::{Code, Error, Result};
use mcompc_target::{Backend, Target};
use std::fmt::Write;

pub(crate) fn targets() -> Result<Answer> {
    let host = Target::host().map(|t| t.name).unwrap_or_default();
    let mlir = mcompc_backend::built_in(Backend::Mlir);
    let mut s = String::new();
    let mut rows = Vec::new();
    for t in Target::all()? {
        let backends: Vec<&str> = Backend::ALL.into_iter().filter(|b| t.machine(*b).is_ok()).map(Backend::name).collect();
        let mark = if t.name == host { "  <- host" } else { "" };
        let _ = writeln!(s, "{:16} tier {}  {:15} {}{mark}", t.name, t.tier, backends.join(", "), t.summary);
        rows.push(serde_json::json!({
            "name": t.name, "summary": t.summary, "tier": t.tier, "triple": t.triple, "vector_bits": t.vector_bits,
            "backends": backends, "host": t.name == host, "runs_here": t.runs_here(),
        }));
    }
    if !mlir {
        s.push_str("\nThis build has no MLIR back end (`--features mlir`).\n");
    }
    Ok(Answer { text: s, json: serde_json::json!({"targets": rows, "mlir": mlir}) })
}

pub(crate) fn explain(code: &str) -> Result<Answer> {
    let c = Code::ALL.iter().find(|c| c.as_str().eq_ignore_ascii_case(code)).ok_or_else(|| {
        Error::new(Code::Usage, format!("there is no error code `{code}`")).hint("codes look like E201; docs/errors.md lists them")
    })?;
    let long = text::explain(*c);
    Ok(Answer {
        text: format!("{}: {}\n\n{long}\n", c.as_str(), c.doc()),
        json: serde_json::json!({"code": c.as_str(), "summary": c.doc(), "explanation": long}),
    })
}

pub(crate) fn completions(shell: &str, t: &Tables<'_>) -> Result<Answer> {
    Ok(Answer::of(SHELLS.iter().find(|s| s.name == shell).map(|s| (s.script)(t)).unwrap_or_default()))
}

pub(crate) fn man(t: &Tables<'_>) -> Result<Answer> {
    Ok(Answer::of(manual(t)))
}

pub(crate) fn document(g: &Given, t: &Tables<'_>) -> Result<Answer> {
    Ok(Answer::of(docs::text(g.document, t)?))
}
