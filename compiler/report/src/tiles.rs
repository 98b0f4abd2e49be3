//! What a library costs and loses, at a glance.

use crate::text::{bytes, count, escape, real};
use crate::{Criterion, Report};
use std::fmt::Write;

/// A tile: heading, figure, a bar of `parts` in percent of its whole, and what it says.
fn tile(s: &mut String, head: &str, figure: &str, parts: &[f64], said: &str) {
    let _ = write!(s, "<div class=\"tile\"><span class=\"dim\">{}</span><b>{}</b>", escape(head), escape(figure));
    if !parts.is_empty() {
        let over = if parts.iter().sum::<f64>() > 100.0 { " class=\"over\"" } else { "" };
        s.push_str("<span class=\"track\">");
        for p in parts {
            let _ = write!(s, "<i{over} style=\"width:{:.1}%\"></i>", p.clamp(0.0, 100.0));
        }
        s.push_str("</span>");
    }
    let _ = writeln!(s, "<span class=\"dim\">{}</span></div>", escape(said));
}

/// Bytes as percents of what there is, or of their sum where nobody knows.
fn shares(parts: &[u64], limit: Option<u64>) -> Vec<f64> {
    let whole = limit.unwrap_or_else(|| parts.iter().sum()).max(1) as f64;
    parts.iter().map(|&p| 100.0 * p as f64 / whole).collect()
}

fn of(limit: Option<u64>, target: &str, what: &str) -> String {
    limit.map_or_else(String::new, |n| format!("; a typical {target} has {} of {what}", bytes(n)))
}

pub(crate) fn tiles(s: &mut String, r: &Report) {
    let t = &r.totals;
    s.push_str("<div class=\"tiles\">\n");
    let flash = r.limits.map(|l| l.flash);
    let said = format!(
        "code {}, weights {}, tables {}{}",
        bytes(t.code_bytes),
        bytes(t.stored_weight_bytes),
        bytes(t.table_bytes()),
        of(flash, &r.target, "flash")
    );
    tile(s, "Flash", &bytes(t.flash_bytes), &shares(&[t.code_bytes, t.stored_weight_bytes, t.table_bytes()], flash), &said);
    let ram = r.limits.map(|l| l.ram);
    let said = format!(
        "arena {}, stack at most {}, inputs and outputs {}{}",
        bytes(t.arena_bytes),
        bytes(t.stack_bytes),
        bytes(t.io_bytes),
        of(ram, &r.target, "RAM")
    );
    let parts = [t.arena_bytes, t.stack_bytes, t.io_bytes];
    tile(s, "RAM", &bytes(parts.iter().sum()), &shares(&parts, ram), &said);
    let work = format!("{} multiply-accumulates in {} layers", count(t.macs), r.layers.len());
    match &t.forecast {
        Some(f) => {
            let said = format!("{work}; a forecast: the target's table is off by {:.1} % on average", 100.0 * f.mean_error);
            tile(s, "An inference", &format!("{} {}", count(f.cost.round() as u64), f.unit), &[], &said);
        }
        None => tile(s, "An inference", &count(t.macs), &[], &format!("{work}; the target has no table of costs")),
    }
    if let Some(l) = &r.loss {
        let bar = l.limit.filter(|m| *m > 0.0).map(|m| vec![100.0 * l.lost().max(0.0) / m]).unwrap_or_default();
        let (figure, unit) = match l.criterion {
            Criterion::Top1 => (format!("{:.2} points", l.lost()), "expected loss of top-1"),
            Criterion::Error => (format!("{:.2} %", l.lost()), "squared error of the outputs' variance"),
        };
        let limit = l.limit.map_or_else(|| "no limit".into(), |m| format!("limit {}", real(m)));
        tile(s, "Lost", &figure, &bar, &format!("{unit}, {limit}, on {} {} samples", l.samples, l.data));
        if let Some(t) = &l.top1 {
            let said = format!("of {} labelled samples; the float model {:.2} %", t.samples, 100.0 * t.float);
            tile(s, "Right", &format!("{:.2} %", 100.0 * t.int), &[100.0 * t.int], &said);
        }
    } else {
        tile(s, "Lost", "not measured", &[], "there were no data; `mcompc verify --data` measures it");
    }
    s.push_str("</div>\n");
}
