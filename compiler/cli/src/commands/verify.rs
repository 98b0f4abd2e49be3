//! `mcompc verify`.

use super::{json, percent};
use crate::Answer;
use crate::args::Verify;
use crate::driver::{self, MaxLoss, Options};
use crate::progress::Bar;
use crate::verify::{Extent, Outcome, runner};
use mcompc_ir::{Code, Error, Result};
use std::fmt::Write;

pub(crate) fn verify(v: &Verify) -> Result<Answer> {
    let o = Options::new(&v.build)?;
    let data = v.data.as_ref().or(o.calib.as_ref()).ok_or_else(|| {
        Error::new(Code::Usage, "there are no samples to verify on").hint("give --data FILE, or --calib FILE whose samples then serve")
    })?;
    // Whatever the level, verifying is measuring: only an explicit limit fails it.
    let limit = MaxLoss::new(v.max_loss.as_deref(), 8)?;
    if v.limit == Some(0) {
        return Err(Error::new(Code::Usage, "--limit 0 verifies nothing").hint("give a positive number"));
    }
    let bar = Bar::default();
    let compiled = driver::compile(&o, &bar)?;
    let runner = runner(&o, &compiled)?;
    let mut outcome = crate::verify::verify(&compiled, &*runner, data, extent(v), &bar)?;
    if let Some(loss) = limit.hold(Some(outcome.float.clone()), o.weights.bits, &[])? {
        outcome.float = loss;
    }
    let mut value = json(&outcome)?;
    value["name"] = o.name.clone().into();
    value["target"] = o.target.name.clone().into();
    value["backend"] = driver::backend_name(o.backend).into();
    Ok(Answer { text: text(&o, &outcome), json: value })
}

fn extent(v: &Verify) -> Extent {
    let usual = Extent::default();
    Extent { limit: v.limit.unwrap_or(usual.limit), by_the_book: if v.by_the_book { usize::MAX } else { usual.by_the_book } }
}

fn text(o: &Options, r: &Outcome) -> String {
    let mut s =
        format!("{} for {}, -O {}, {}, run by {}\n", o.name, o.target.name, o.level_name(), driver::backend_name(o.backend), r.machine);
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
    s
}
