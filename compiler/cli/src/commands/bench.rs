//! `mcompc bench`.

use super::json;
use super::plan::{aligned, tail};
use crate::answer::Answer;
use crate::args::Given;
use crate::options::request;
use mcompc_driver::bench::Measured;
use mcompc_driver::{BenchRequest, Benched, Progress};
use mcompc_ir::Result;
use mcompc_report::{Report, bytes, count};
use std::fmt::Write;

pub(crate) fn bench(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let ask = BenchRequest { data: g.data.clone(), limit: g.limit, plugin: g.plugin.clone() };
    let Benched { measured: m, report } = mcompc_driver::bench(&request(g)?, &ask, progress)?;
    let mut value = json(&m)?;
    let t = &report.totals;
    value["name"] = report.name.clone().into();
    value["target"] = report.target.clone().into();
    value["backend"] = report.backend.clone().into();
    value["announced"] = serde_json::json!({
        "stack_bytes": t.stack_bytes, "flash_bytes": t.flash_bytes, "code_bytes": t.code_bytes,
        "weight_bytes": t.stored_weight_bytes, "table_bytes": t.table_bytes(),
        "arena_bytes": t.arena_bytes, "io_bytes": t.io_bytes,
    });
    Ok(Answer { text: text(&report, &m), json: value })
}

fn text(r: &Report, m: &Measured) -> String {
    let t = &r.totals;
    let mut s = format!("{} for {}, {}; {} inferences, all bytes right\n", r.name, r.target, r.backend, m.inferences);
    match (&m.instructions, &m.not_counted) {
        (Some(c), _) => {
            let _ = writeln!(s, "  instructions {} an inference, {:.3} a multiply-accumulate", count(c.total.round() as u64), c.per_mac);
        }
        (None, why) => {
            let _ = writeln!(s, "  instructions not counted: {}", why.as_deref().unwrap_or("no emulator"));
        }
    }
    if let Some(x) = m.time {
        let (micro, least) = (x.median_ns / 1e3, x.least_ns / 1e3);
        let _ = writeln!(s, "  time         {micro:.1} us an inference, median of {} rounds (fastest {least:.1} us)", x.rounds);
    }
    let (code, weights, tables) = (bytes(t.code_bytes), bytes(t.stored_weight_bytes), bytes(t.table_bytes()));
    let _ = writeln!(s, "  flash        {} (code {code}, weights {weights}, tables {tables})", bytes(t.flash_bytes));
    let _ = writeln!(s, "  stack        {} used, {} announced", bytes(m.stack_bytes), bytes(t.stack_bytes));
    let _ = writeln!(s, "  RAM          {} arena, {} inputs and outputs", bytes(t.arena_bytes), bytes(t.io_bytes));
    if let Some(c) = &m.instructions {
        let mut rows = vec![["layer", "operator", "kernel", "MACs", "instructions", "a MAC", "share"].map(String::from)];
        for l in &c.layers {
            let per = if l.macs > 0 { format!("{:.3}", l.instructions / l.macs as f64) } else { String::new() };
            let share = format!("{:.1} %", 100.0 * l.instructions / c.total.max(1.0));
            rows.push([tail(&l.name), l.op.clone(), l.kernel.clone(), count(l.macs), count(l.instructions.round() as u64), per, share]);
        }
        rows.push(["(entry, copies)", "", "", "", &count(c.other.round() as u64), "", ""].map(String::from));
        s.push('\n');
        s.push_str(&aligned(&rows, &[0, 1, 2]));
    }
    s
}
