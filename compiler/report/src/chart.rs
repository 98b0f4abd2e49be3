//! Charts from data, without scripts: bars of HTML, plots of inline SVG whose letters are HTML, so that they can be read at any width.
//! Every mark has a `title` with its figures.

use crate::Memory;
use crate::point::Point;
use crate::text::{bytes, escape};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;

/// The longest of `rows`, a bar each, with `unit` turning a value into text; the rest as one. Nothing for no rows or all zeros.
pub(crate) fn bars(title: &str, rows: &[(String, f64)], unit: fn(f64) -> String) -> String {
    const MOST: usize = 8;
    let mut rows: Vec<&(String, f64)> = rows.iter().filter(|r| r.1 > 0.0).collect();
    let Some(top) = rows.iter().map(|r| r.1).max_by(f64::total_cmp) else { return String::new() };
    let all = rows.len();
    if all > MOST {
        // Stable: of equal ones the first stay.
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        rows.truncate(MOST);
    }
    let of = if all > MOST { format!(" <span class=\"dim\">the {MOST} largest of {all}</span>") } else { String::new() };
    let mut s = format!("<div><h3>{}{of}</h3>\n", escape(title));
    for (name, v) in rows {
        let _ = writeln!(
            s,
            "<div class=\"row\" title=\"{full}: {val}\"><span class=\"name\"><bdi>{full}</bdi></span><span class=\"track\"><i style=\"width:{:.1}%\"></i></span><span class=\"v\">{val}</span></div>",
            100.0 * v / top,
            full = escape(name),
            val = escape(&unit(*v)),
        );
    }
    s.push_str("</div>\n");
    s
}

/// A plot: marks on a plane of [`WIDTH`] by [`HEIGHT`], what stands at the left from top to bottom, and below from left to right.
fn plot(label: &str, marks: &str, left: &[String], below: &[String]) -> String {
    let spans = |list: &[String]| list.iter().map(|t| format!("<span>{}</span>", escape(t))).collect::<String>();
    format!(
        "<div class=\"plot\"><div class=\"y\">{}</div><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n{marks}</svg><div class=\"x\">{}</div></div>\n",
        spans(left),
        escape(label),
        spans(below)
    )
}

/// Choices of bits: bytes to the right, the loss upward by its logarithm; `budget` is a line.
pub(crate) fn front(points: &[Point], budget: Option<u64>) -> String {
    let log = |p: &Point| libm::log10((100.0 * p.error).max(1e-6));
    let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
    points.iter().map(log).for_each(|v| (lo, hi) = (lo.min(v), hi.max(v)));
    let all = points.iter().map(|p| p.flash_bytes).chain(budget);
    let (from, to) = all.fold((u64::MAX, 0), |(a, b), v| (a.min(v), b.max(v)));
    let x = |v: u64| 10.0 + (WIDTH - 20.0) * v.saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64;
    let y = |v: f64| HEIGHT - 10.0 - (HEIGHT - 20.0) * (v - lo) / (hi - lo).max(1e-9);
    let mut s = String::new();
    if let Some(b) = budget {
        let _ = writeln!(
            s,
            "<line class=\"line\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{HEIGHT}\"><title>budget {1}</title></line>",
            x(b),
            bytes(b)
        );
    }
    for p in points {
        let bits: Vec<String> = p.bits.iter().map(f64::to_string).collect();
        let _ = writeln!(
            s,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"7\" height=\"7\"><title>{}, {:.4} %: {}</title></rect>",
            x(p.flash_bytes) - 3.5,
            y(log(p)) - 3.5,
            bytes(p.flash_bytes),
            100.0 * p.error,
            bits.join(" "),
        );
    }
    let percent = |v: f64| format!("{:.3} %", libm::exp10(v));
    plot("loss against flash", &s, &[percent(hi), percent(lo)], &[bytes(from), bytes(to)])
}

/// The arena over time: steps to the right, addresses upward, a rectangle for each buffer, and the line of bytes alive.
pub(crate) fn arena(m: &Memory) -> String {
    if m.arena_bytes == 0 || m.steps == 0 {
        return "<p>The model needs no working memory.</p>\n".into();
    }
    let step = WIDTH / m.steps as f64;
    let scale = (HEIGHT - 10.0) / m.arena_bytes as f64;
    let mut s = String::new();
    for part in 0..=4u64 {
        let y = HEIGHT - (m.arena_bytes * part / 4) as f64 * scale;
        let _ = writeln!(s, "<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
    }
    for b in &m.buffers {
        let (x, y) = (b.first as f64 * step, HEIGHT - (b.offset + b.bytes) as f64 * scale);
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
        let (x, y) = (i as f64 * step, HEIGHT - v as f64 * scale);
        let _ = write!(points, "{x:.1},{y:.1} {:.1},{y:.1} ", x + step);
    }
    let _ = writeln!(s, "<polyline class=\"line\" points=\"{}\"/>", points.trim_end());
    let left: Vec<String> = (0..=4).rev().map(|part| bytes(m.arena_bytes * part / 4)).collect();
    plot("arena over time", &s, &left, &["step 0".into(), format!("step {}", m.steps.saturating_sub(1))])
}
