//! Charts as inline SVG, drawn from data without scripts. Every mark has a `title` with its figures.

use crate::Memory;
use crate::point::Point;
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

/// Choices of bits: bytes to the right, the loss upward by its logarithm; `budget` is a line.
pub(crate) fn front(points: &[Point], budget: Option<u64>) -> String {
    let (left, height, foot) = (70.0, 220.0, 30.0);
    let log = |p: &Point| libm::log10((100.0 * p.error).max(1e-6));
    let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
    points.iter().map(log).for_each(|v| (lo, hi) = (lo.min(v), hi.max(v)));
    let all = points.iter().map(|p| p.flash_bytes).chain(budget);
    let (from, to) = all.fold((u64::MAX, 0), |(a, b), v| (a.min(v), b.max(v)));
    let x = |v: u64| left + 10.0 + (WIDTH - left - 30.0) * (v - from) as f64 / (to - from).max(1) as f64;
    let y = |v: f64| height - 10.0 - (height - 20.0) * (v - lo) / (hi - lo).max(1e-9);
    let mut s = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"loss against flash\">\n", height + foot);
    for v in [lo, hi] {
        let at = y(v);
        let percent = libm::exp10(v);
        let _ = writeln!(
            s,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"dim\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{percent:.3} %</text>",
            left - 6.0,
            at + 4.0
        );
    }
    for (v, anchor) in [(from, "start"), (to, "end")] {
        let _ =
            writeln!(s, "<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>", x(v), height + 16.0, bytes(v));
    }
    if let Some(b) = budget {
        let _ = writeln!(
            s,
            "<line class=\"line\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{height}\"><title>budget {1}</title></line>",
            x(b),
            bytes(b)
        );
    }
    for p in points {
        let bits: Vec<String> = p.bits.iter().map(f64::to_string).collect();
        let _ = writeln!(
            s,
            "<g><title>{}, {:.4} %: {}</title><circle class=\"bar\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/></g>",
            bytes(p.flash_bytes),
            100.0 * p.error,
            bits.join(" "),
            x(p.flash_bytes),
            y(log(p))
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
