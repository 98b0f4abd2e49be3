//! `mcompc verify`.

use super::{json, percent};
use crate::Answer;
use crate::args::Verify;
use crate::options::{max_loss, request};
use crate::progress::Bar;
use mcompc_driver::verify::{Extent, Outcome};
use mcompc_driver::{MaxLoss, Request, VerifyRequest};
use mcompc_ir::Result;
use std::fmt::Write;

pub(crate) fn verify(v: &Verify) -> Result<Answer> {
    let o = request(&v.build)?;
    // Whatever the level, verifying is measuring: only an explicit limit fails it.
    let limit = v.max_loss.as_deref().map_or(Ok(MaxLoss::None), max_loss)?;
    let ask = VerifyRequest { data: v.data.clone(), extent: extent(v), limit };
    let outcome = mcompc_driver::verify(&o, &ask, &Bar::default())?;
    let mut value = json(&outcome)?;
    value["name"] = o.name.clone().into();
    value["target"] = o.target.name.clone().into();
    value["backend"] = o.backend.name().into();
    Ok(Answer { text: text(&o, &outcome), json: value })
}

fn extent(v: &Verify) -> Extent {
    let usual = Extent::default();
    Extent { limit: v.limit.unwrap_or(usual.limit), by_the_book: if v.by_the_book { usize::MAX } else { usual.by_the_book } }
}

fn text(o: &Request, r: &Outcome) -> String {
    let mut s = format!("{} for {}, -O {}, {}, run by {}\n", o.name, o.target.name, o.level_name(), o.backend.name(), r.machine);
    let _ = writeln!(
        s,
        "  equal to the integer reference: {} of {} samples, {} bytes ({} samples by the book)",
        r.samples, r.samples, r.bytes, r.by_the_book
    );
    let f = &r.float;
    let _ = writeln!(s, "  same top-1 as the float model:  {}", percent(f.top1_agreement));
    let _ = writeln!(s, "  squared error over variance:    {:.6}", f.error_over_variance);
    let _ = writeln!(s, "  lost:                           {}", f.judged());
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
    s
}
