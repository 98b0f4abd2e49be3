//! The page: what it costs, what it loses, where, and how to make it again, in the order a reader asks.

use crate::allocation::section;
use crate::chart::arena;
use crate::layers::{largest, layers};
use crate::style::STYLE;
use crate::table::{Cell, pairs, table};
use crate::text::{bytes, escape, real, shape};
use crate::tiles::tiles;
use crate::{Changed, Loss, Report, Tensor};
use std::fmt::Write;

/// The whole document.
pub(crate) fn page(r: &Report) -> String {
    let mut s = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}: mcompc report</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n",
        escape(&r.name)
    );
    let _ = writeln!(s, "<p class=\"dim\">for <b>{}</b>, <code>-O {}</code></p>", escape(&r.target), escape(&r.level));
    for w in &r.warnings {
        let _ = writeln!(s, "<p class=\"warn\">{}</p>", escape(w));
    }
    tiles(&mut s, r);
    largest(&mut s, r);
    if let Some(l) = &r.loss {
        loss(&mut s, l);
    }
    s.push_str(
        "<h2>Working memory over time</h2>\n<p class=\"dim\">Rectangles are buffers at their addresses; the line is what is alive.</p>\n",
    );
    s.push_str(&arena(&r.memory));
    if let Some(a) = &r.allocation {
        section(&mut s, a);
    }
    interface(&mut s, r);
    layers(&mut s, r);
    again(&mut s, r);
    s.push_str("</html>\n");
    s
}

fn loss(s: &mut String, l: &Loss) {
    s.push_str("<h2>Loss against the float model</h2>\n");
    let mut rows = vec![
        ("Samples".into(), format!("{} ({})", l.samples, l.data)),
        ("Against the float model".into(), l.measured()),
        ("Squared error over variance".into(), real(l.error_over_variance)),
        ("Lost".into(), l.judged()),
    ];
    if l.per_output.len() > 1 {
        rows.extend(l.per_output.iter().map(|(n, v)| (format!("of `{n}`"), real(*v))));
    }
    if let Some(t) = &l.top1 {
        let (from, to) = t.interval;
        let said = format!(
            "{:.2} %; the float model {:.2} %; difference {:+.2} points (95 % interval {:+.2} to {:+.2})",
            100.0 * t.int,
            100.0 * t.float,
            100.0 * t.difference,
            100.0 * from,
            100.0 * to
        );
        rows.push((format!("Right, of {} labelled samples", t.samples), said));
    }
    pairs(s, rows.into_iter());
    if l.changed.is_empty() {
        return;
    }
    let one = |c: &Changed| {
        vec![c.sample.to_string().into(), c.position.to_string().into(), c.float.to_string().into(), c.int.to_string().into()]
    };
    let _ = writeln!(s, "<details><summary>Predictions that changed ({} are listed)</summary>", l.changed.len());
    table(s, &["#sample", "#position", "#float model", "#library"], l.changed.iter().map(one));
    s.push_str("</details>\n");
}

fn interface(s: &mut String, r: &Report) {
    s.push_str("<h2>Interface</h2>\n");
    let nums = |v: &[f64]| match v {
        [] => String::new(),
        [one] => real(*one),
        many => format!("{} per channel", many.len()),
    };
    let row = |kind: &str, t: &Tensor| -> Vec<Cell> {
        let of = [t.identifier.clone(), t.dtype.clone(), shape(&t.shape), nums(&t.scale), nums(&t.zero_point), kind.into()];
        std::iter::once(t.name.clone()).chain(of).map(Cell::from).collect()
    };
    let rows = r.inputs.iter().map(|t| row("input", t)).chain(r.outputs.iter().map(|t| row("output", t)));
    table(s, &["name", "identifier", "type", "shape", "#scale", "#zero point", ""], rows);
    if !r.states.is_empty() {
        s.push_str("<h3>States</h3>\n<p class=\"dim\">What an inference leaves in the output, the next one is given as the input.</p>\n");
        let rows = r.states.iter().map(|x| vec![x.input.clone().into(), x.output.clone().into(), bytes(x.bytes).into()]);
        table(s, &["input", "output", "#size"], rows);
    }
}

/// How it was made.
fn again(s: &mut String, r: &Report) {
    s.push_str("<h2>To make it again</h2>\n");
    if let Some(c) = &r.command {
        let _ = writeln!(s, "<pre>{}</pre>", escape(c));
    }
    let c = &r.calibration;
    let mut rows = vec![
        ("mcompc".into(), format!("{}, back end {}", r.version, r.backend)),
        ("Model, SHA-256".into(), r.model_sha256.clone()),
        ("Ranges".into(), format!("{}, {} calibration samples", c.range, c.samples)),
    ];
    rows.extend(c.sha256.iter().map(|h| ("Calibration data, SHA-256".into(), h.clone())));
    rows.extend(r.check.iter().map(|c| ("Checked before writing".into(), c.to_string())));
    pairs(s, rows.into_iter());
    let _ = writeln!(s, "<details><summary>Scheme: codes and weights</summary><pre>{}</pre></details>", escape(&r.scheme));
    s.push_str("<details><summary>Passes</summary>\n");
    table(s, &["pass", "#places changed"], r.passes.iter().map(|p| vec![p.name.clone().into(), p.changes.to_string().into()]));
    s.push_str("</details>\n");
}
