//! Charts as inline SVG, drawn from data without scripts. Every mark has a `title` with its figures.

use crate::Memory;
use crate::text::{bytes, escape};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const LABEL: f64 = 250.0;
const ROW: f64 = 18.0;

/// One horizontal bar per row, labelled with its value. `unit` turns a value into text. Nothing for no rows or all zeros.
pub(crate) fn bars(title: &str, rows: &[(String, u64)], unit: fn(u64) -> String) -> String {
    let top = rows.iter().map(|r| r.1).max().unwrap_or(0);
    if top == 0 {
        return String::new();
    }
    let height = rows.len() as f64 * ROW + 4.0;
    let mut s =
        format!("<h3>{}</h3>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n", escape(title), escape(title));
    for (i, (name, v)) in rows.iter().enumerate() {
        let y = i as f64 * ROW;
        let w = (WIDTH - LABEL - 80.0) * *v as f64 / top as f64;
        let _ = writeln!(
            s,
            "<g><title>{full}: {val}</title><text x=\"{tx}\" y=\"{ty}\" text-anchor=\"end\">{short}</text>\
             <rect class=\"bar\" x=\"{LABEL}\" y=\"{ry}\" width=\"{w:.1}\" height=\"12\" rx=\"2\"/><text class=\"dim\" x=\"{vx:.1}\" y=\"{ty}\">{val}</text></g>",
            full = escape(name),
            short = escape(&short(name, 38)),
            val = unit(*v),
            tx = LABEL - 6.0,
            ty = y + 13.0,
            ry = y + 3.0,
            vx = LABEL + w + 5.0,
        );
    }
    s.push_str("</svg>\n");
    s
}

/// The arena over time: steps to the right, addresses upward, a rectangle for each buffer, and the line of bytes alive.
pub(crate) fn arena(m: &Memory) -> String {
    if m.arena_bytes == 0 || m.steps == 0 {
        return "<p>The model needs no working memory.</p>\n".into();
    }
    let (left, height, foot) = (70.0, 260.0, 22.0);
    let step = (WIDTH - left) / m.steps as f64;
    let scale = (height - 10.0) / m.arena_bytes as f64;
    let mut s = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"arena over time\">\n", height + foot);
    for part in 0..=4u64 {
        let (v, y) = (m.arena_bytes * part / 4, height - (m.arena_bytes * part / 4) as f64 * scale);
        let _ = writeln!(
            s,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"dim\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            bytes(v)
        );
    }
    for b in &m.buffers {
        let (x, y) = (left + b.first as f64 * step, height - (b.offset + b.bytes) as f64 * scale);
        let _ = writeln!(
            s,
            "<rect class=\"buf\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {} at {}, steps {} to {}</title></rect>",
            ((b.last + 1 - b.first) as f64 * step).max(1.0),
            (b.bytes as f64 * scale).max(0.5),
            escape(&b.name),
            bytes(b.bytes),
            b.offset,
            b.first,
            b.last
        );
    }
    let mut points = String::new();
    for (i, &v) in m.live.iter().enumerate() {
        let (x, y) = (left + i as f64 * step, height - v as f64 * scale);
        let _ = write!(points, "{x:.1},{y:.1} {:.1},{y:.1} ", x + step);
    }
    let _ = writeln!(s, "<polyline class=\"line\" points=\"{}\"/>", points.trim_end());
    let _ = writeln!(s, "<text class=\"dim\" x=\"{left}\" y=\"{}\">step 0</text>", height + 16.0);
    let _ = writeln!(
        s,
        "<text class=\"dim\" x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">step {}</text>\n</svg>",
        height + 16.0,
        m.steps.saturating_sub(1)
    );
    s
}

/// The end of a long name: ONNX names differ there.
fn short(name: &str, max: usize) -> String {
    let n = name.chars().count();
    if n <= max { name.into() } else { format!("…{}", name.chars().skip(n + 1 - max).collect::<String>()) }
}
