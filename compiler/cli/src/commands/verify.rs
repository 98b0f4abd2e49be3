//! `mcompc verify`.

use super::{aligned, json, percent};
use crate::answer::Answer;
use crate::args::Given;
use crate::options::request;
use mcompc_driver::verify::{Extent, Outcome};
use mcompc_driver::{MaxLoss, Progress, Request, VerifyRequest};
use mcompc_ir::Result;
use mcompc_report::Class;
use std::fmt::Write;

pub(crate) fn verify(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let o = request(g)?;
    // Whatever the level, verifying is measuring: only an explicit limit fails it.
    let limit = g.max_loss.unwrap_or(MaxLoss::None);
    let ask = VerifyRequest { data: g.data.clone(), extent: extent(g), limit, per_layer: g.per_layer };
    let outcome = mcompc_driver::verify(&o, &ask, progress)?;
    let mut value = json(&outcome)?;
    value["name"] = o.name.clone().into();
    value["target"] = o.target.name.clone().into();
    value["backend"] = o.backend.name().into();
    Ok(Answer { text: text(&o, &outcome), json: value })
}

fn extent(g: &Given) -> Extent {
    let usual = Extent::default();
    Extent { limit: g.limit.unwrap_or(usual.limit), by_the_book: if g.by_the_book { usize::MAX } else { usual.by_the_book } }
}

fn text(o: &Request, r: &Outcome) -> String {
    let mut s = format!("{} for {}, -O {}, {}, run by {}\n", o.name, o.target.name, o.level_name(), o.backend.name(), r.machine);
    let _ = writeln!(
        s,
        "  equal to the integer reference: {} of {} samples, {} bytes ({} samples by the book)",
        r.samples, r.samples, r.bytes, r.by_the_book
    );
    let f = &r.float;
    let _ = writeln!(s, "  against the float model:        {}", f.measured());
    let _ = writeln!(s, "  lost:                           {}", f.judged());
    for name in &r.unused {
        let _ = writeln!(s, "  warning: array `{name}` of the data is of no input and was not read");
    }
    if let Some(t) = &r.top1 {
        let _ = writeln!(
            s,
            "  top-1 of {} labelled samples: float {}, {} {}; difference {:+.2} points, 95 % interval {:+.2} to {:+.2}",
            t.samples,
            percent(t.float),
            o.level_name(),
            percent(t.int),
            100.0 * t.difference,
            100.0 * t.interval.0,
            100.0 * t.interval.1
        );
    }
    classes(&mut s, &r.classes);
    if !r.layers.is_empty() {
        let error = |e: Option<f64>| e.map_or_else(|| "-".into(), |e| format!("{:.4} %", 100.0 * e));
        let rows: Vec<[String; 4]> = r.layers.iter().map(|l| ["  ".into(), error(l.error), l.op.clone(), l.layer.clone()]).collect();
        let _ = write!(s, "  squared error over variance, layer by layer:\n{}", aligned(&rows, &[0, 2, 3]));
    }
    s
}

/// The labelled samples class by class: all of few classes, of many those that the library loses most of.
fn classes(s: &mut String, all: &[Class]) {
    const MOST: usize = 16;
    let lost = |c: &Class| c.float as i64 - c.int as i64;
    let mut rows: Vec<&Class> = all.iter().collect();
    if rows.len() > MOST {
        rows.sort_by_key(|c| -lost(c));
        rows.truncate(MOST);
    }
    if rows.is_empty() {
        return;
    }
    let of = if all.len() > MOST { format!("the {MOST} of {} that lose most", all.len()) } else { "all".into() };
    let _ = writeln!(s, "  classes ({of}):\n    class  samples  float right  right  taken for (samples)");
    for c in rows {
        let mut taken = c.taken_for.clone();
        taken.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
        let taken: Vec<String> = taken.iter().take(4).map(|(c, n)| format!("{c} ({n})")).collect();
        let _ = writeln!(s, "    {:5}  {:7}  {:11}  {:5}  {}", c.class, c.samples, c.float, c.int, taken.join(", "));
    }
}
