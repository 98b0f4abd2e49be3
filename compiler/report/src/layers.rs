//! Layer by layer: what costs, what loses, and the integers it became.

use crate::chart::bars;
use crate::spread::spark;
use crate::table::{Cell, table};
use crate::text::{bytes, count, real, shape};
use crate::{Layer, Report};

/// Tables of more rows are closed at first.
const OPEN: usize = 12;

/// The largest by cost, by bytes, and by loss.
pub(crate) fn largest(s: &mut String, r: &Report) {
    let rows = |f: &dyn Fn(&Layer) -> f64| r.layers.iter().map(|l| (l.name.clone(), f(l))).collect::<Vec<_>>();
    s.push_str("<h2>Where it goes</h2>\n<div class=\"three\">\n");
    let whole = |v: f64| count(v as u64);
    match &r.totals.forecast {
        Some(f) => s.push_str(&bars(&format!("Cost, {}", f.unit), &rows(&|l| l.forecast.unwrap_or(0.0)), whole)),
        None => s.push_str(&bars("Multiply-accumulates", &rows(&|l| l.macs as f64), whole)),
    }
    s.push_str(&bars("Weights and tables", &rows(&|l| l.weight_bytes as f64), |v| bytes(v as u64)));
    s.push_str(&bars("Error of results", &rows(&|l| l.error.unwrap_or(0.0)), |v| format!("{} %", real(100.0 * v))));
    s.push_str("</div>\n");
    if r.layers.iter().any(|l| l.error.is_some()) {
        s.push_str("<p class=\"dim\">Errors are squared differences from the float model's values over their variance; they hold what earlier layers lost.</p>\n");
    }
}

/// Every layer.
pub(crate) fn layers(s: &mut String, r: &Report) {
    let open = if r.layers.len() <= OPEN { " open" } else { "" };
    s.push_str(&format!("<h2>Layers</h2>\n<details{open}><summary>All {} layers</summary>\n", r.layers.len()));
    let rows = r.layers.iter().map(|l| -> Vec<Cell> {
        vec![
            l.name.clone().into(),
            l.op.clone().into(),
            shape(&l.shape).into(),
            l.dtype.clone().into(),
            count(l.macs).into(),
            l.forecast.map(|f| count(f as u64)).unwrap_or_default().into(),
            l.bits.map(|b| b.to_string()).unwrap_or_default().into(),
            l.uncoded_bytes.map_or_else(|| bytes(l.weight_bytes), |n| format!("{}, coded, of {}", bytes(l.weight_bytes), bytes(n))).into(),
            l.error.map(|e| format!("{} %", real(100.0 * e))).unwrap_or_default().into(),
            Cell::Drawn(l.spread.as_ref().map(spark).unwrap_or_default()),
            l.bits_why.clone().unwrap_or_default().into(),
        ]
    });
    let heads = [
        "layer",
        "operator",
        "shape",
        "type",
        "#MACs",
        "#cost",
        "#bits",
        "#weights",
        "#error",
        "values, and what codes reach",
        "why so many bits",
    ];
    table(s, &heads, rows);
    s.push_str("</details>\n<details><summary>Their integers</summary>\n");
    let opt = |v: Option<i64>| v.map(|v| v.to_string()).unwrap_or_default();
    let rows = r.layers.iter().map(|l| -> Vec<Cell> {
        let m = l.multiplier.map(|(a, b)| if a == b { a.to_string() } else { format!("{a} … {b}") });
        vec![
            l.name.clone().into(),
            l.kernel.clone().into(),
            l.scale.map(real).unwrap_or_default().into(),
            opt(l.zero_point.map(i64::from)).into(),
            opt(l.pre).into(),
            opt(l.shift).into(),
            m.unwrap_or_default().into(),
            l.accumulator.map(|a| format!("2^{:.1}", libm::log2(a.max(1) as f64))).unwrap_or_default().into(),
        ]
    });
    table(s, &["layer", "kernel", "#scale", "#zero", "#pre", "#shift", "#multiplier", "#sums below"], rows);
    s.push_str("</details>\n");
}
