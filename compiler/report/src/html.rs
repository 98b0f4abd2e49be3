//! The page: headings, tables and charts in the order a reader asks.

use crate::allocation::section;
use crate::chart::{arena, bars};
use crate::text::{bytes, count, escape, real, shape};
use crate::{Layer, Report, Tensor};
use std::fmt::Write;

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1c1e21;--dim:#666d76;--line:#d5d9de;--bar:#2f6f9f;--buf:#2f6f9f33;--bg:#fff}\
@media(prefers-color-scheme:dark){:root{--fg:#e4e6e9;--dim:#9aa2ab;--line:#3a3f45;--bar:#6aa9d6;--buf:#6aa9d640;--bg:#16181b}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem}\
table{border-collapse:collapse;font-size:.85rem;display:block;overflow-x:auto}\
th,td{text-align:left;padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line);white-space:nowrap}\
.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.9em;overflow-wrap:anywhere}\
svg{width:100%;height:auto}text{font:11px system-ui,sans-serif;fill:var(--fg)}.dim{fill:var(--dim);color:var(--dim)}\
.bar{fill:var(--bar)}.buf{fill:var(--buf);stroke:var(--bar);stroke-width:.5}.line{fill:none;stroke:var(--fg);stroke-width:1.5}\
.grid{stroke:var(--line)}.warn{border-left:3px solid #c77700;padding-left:.7rem}";

/// The whole document.
pub(crate) fn page(r: &Report) -> String {
    let mut s = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}: mcompc report</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n",
        escape(&r.name)
    );
    let _ = writeln!(
        s,
        "<p>Target <b>{}</b>, <code>-O {}</code>, back end {}, mcompc {}.<br>Model SHA-256 <code>{}</code></p>",
        escape(&r.target),
        escape(&r.level),
        escape(&r.backend),
        escape(&r.version),
        escape(&r.model_sha256)
    );
    if let Some(c) = &r.check {
        let _ = writeln!(s, "<p>Checked before writing: {}.</p>", escape(&c.to_string()));
    }
    for w in &r.warnings {
        let _ = writeln!(s, "<p class=\"warn\">{}</p>", escape(w));
    }
    totals(&mut s, r);
    loss(&mut s, r);
    interface(&mut s, r);
    let rows = |f: fn(&Layer) -> u64| r.layers.iter().filter(|l| f(l) > 0).map(|l| (l.name.clone(), f(l))).collect::<Vec<_>>();
    s.push_str("<h2>Work and weights</h2>\n");
    s.push_str(&bars("Multiply-accumulates per layer", &rows(|l| l.macs), count));
    s.push_str(&bars("Weight bytes per layer", &rows(|l| l.weight_bytes), bytes));
    s.push_str(
        "<h2>Working memory over time</h2>\n<p class=\"dim\">Rectangles are buffers at their addresses; the line is what is alive.</p>\n",
    );
    s.push_str(&arena(&r.memory));
    if let Some(a) = &r.allocation {
        section(&mut s, a);
    }
    layers(&mut s, r);
    passes(&mut s, r);
    s.push_str("</html>\n");
    s
}

fn table(s: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    // A heading that starts with `#` is a column of numbers.
    let numeric: Vec<bool> = heads.iter().map(|h| h.starts_with('#')).collect();
    let class = |i: usize| if numeric.get(i) == Some(&true) { " class=\"n\"" } else { "" };
    s.push_str("<table><tr>");
    for (i, h) in heads.iter().enumerate() {
        let _ = write!(s, "<th{}>{}", class(i), escape(h.trim_start_matches('#')));
    }
    s.push('\n');
    for row in rows {
        s.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            let _ = write!(s, "<td{}>{}", class(i), escape(cell));
        }
        s.push('\n');
    }
    s.push_str("</table>\n");
}

fn totals(s: &mut String, r: &Report) {
    let t = &r.totals;
    s.push_str("<h2>Cost</h2>\n");
    let rows = [
        ("Flash: code and constants", bytes(t.flash_bytes)),
        ("of which code", bytes(t.code_bytes)),
        ("of which packed weights and tables", bytes(t.data_bytes)),
        ("RAM: arena", bytes(t.arena_bytes)),
        ("RAM: stack of a call, at most", bytes(t.stack_bytes)),
        ("RAM: inputs and outputs, held by the caller", bytes(t.io_bytes)),
        ("Multiply-accumulates per inference", count(t.macs)),
    ];
    table(s, &["", "#"], rows.into_iter().map(|(a, b)| vec![a.into(), b]));
}

fn loss(s: &mut String, r: &Report) {
    s.push_str("<h2>Loss against the float model</h2>\n");
    let c = &r.calibration;
    let _ = writeln!(s, "<p>Ranges: {}, {} calibration samples.</p>", escape(&c.range), c.samples);
    let _ = writeln!(s, "<details><summary>Scheme: codes and weights</summary><pre>{}</pre></details>", escape(&r.scheme));
    let Some(l) = &r.loss else {
        s.push_str("<p>Not measured: there were no data. <code>mcompc verify --data</code> measures it.</p>\n");
        return;
    };
    let mut rows = vec![
        vec!["Samples".into(), format!("{} ({})", l.samples, l.data)],
        vec!["Against the float model".into(), l.measured()],
        vec!["Squared error over variance".into(), real(l.error_over_variance)],
        vec!["Lost".into(), l.judged()],
    ];
    if l.per_output.len() > 1 {
        rows.extend(l.per_output.iter().map(|(n, v)| vec![format!("of `{n}`"), real(*v)]));
    }
    table(s, &["", "#"], rows.into_iter());
}

fn interface(s: &mut String, r: &Report) {
    s.push_str("<h2>Interface</h2>\n");
    let nums = |v: &[f64]| match v {
        [] => String::new(),
        [one] => real(*one),
        many => format!("{} per channel", many.len()),
    };
    let row = |kind: &str, t: &Tensor| {
        vec![kind.into(), t.name.clone(), t.identifier.clone(), t.dtype.clone(), shape(&t.shape), nums(&t.scale), nums(&t.zero_point)]
    };
    let rows = r.inputs.iter().map(|t| row("input", t)).chain(r.outputs.iter().map(|t| row("output", t)));
    table(s, &["", "name", "identifier", "type", "shape", "#scale", "#zero point"], rows);
    if !r.states.is_empty() {
        s.push_str("<h3>States</h3>\n<p class=\"dim\">What an inference leaves in the output, the next one is given as the input.</p>\n");
        table(s, &["input", "output", "#size"], r.states.iter().map(|x| vec![x.input.clone(), x.output.clone(), bytes(x.bytes)]));
    }
}

fn layers(s: &mut String, r: &Report) {
    s.push_str("<h2>Layers and their quantization</h2>\n");
    let opt = |v: Option<i64>| v.map(|v| v.to_string()).unwrap_or_default();
    let rows = r.layers.iter().map(|l| {
        let m = l.multiplier.map(|(a, b)| if a == b { a.to_string() } else { format!("{a} … {b}") });
        vec![
            l.name.clone(),
            l.op.clone(),
            l.kernel.clone(),
            shape(&l.shape),
            l.dtype.clone(),
            l.scale.map(real).unwrap_or_default(),
            opt(l.zero_point.map(i64::from)),
            opt(l.pre),
            opt(l.shift),
            m.unwrap_or_default(),
            l.accumulator.map(|a| format!("2^{:.1}", libm::log2(a.max(1) as f64))).unwrap_or_default(),
            count(l.macs),
            l.bits.map(|b| b.to_string()).unwrap_or_default(),
            l.uncoded_bytes.map_or_else(|| bytes(l.weight_bytes), |n| format!("{}, coded, of {}", bytes(l.weight_bytes), bytes(n))),
            l.bits_why.clone().unwrap_or_default(),
        ]
    });
    let heads = [
        "layer",
        "operator",
        "kernel",
        "shape",
        "type",
        "#scale",
        "#zero",
        "#pre",
        "#shift",
        "#multiplier",
        "#sums below",
        "#MACs",
        "#bits",
        "#weights",
        "why so many bits",
    ];
    table(s, &heads, rows);
}

fn passes(s: &mut String, r: &Report) {
    s.push_str("<h2>Passes</h2>\n");
    table(s, &["pass", "#places changed"], r.passes.iter().map(|p| vec![p.name.clone(), p.changes.to_string()]));
}
