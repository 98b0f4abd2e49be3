//! `mcompc dev show`: text forms between the stages.

use crate::answer::Answer;
use crate::args::Given;
use crate::options::request;
use mcompc_driver::{self as driver, Progress, Request};
use mcompc_ir::{Result, print_short};

/// A stage of the way through the compiler.
pub(crate) struct Stage {
    /// Name.
    pub name: &'static str,
    /// Goes so far and prints.
    print: fn(&Request, &dyn Progress) -> Result<String>,
}

/// The stages in their order.
pub(crate) static STAGES: &[Stage] = &[
    Stage { name: "imported", print: |o, p| Ok(print_short(&driver::front(o, p)?.imported)) },
    Stage { name: "passes", print: driver::trace_passes },
    Stage { name: "canonical", print: |o, p| Ok(print_short(&driver::front(o, p)?.canonical)) },
    Stage { name: "scheme", print: |o, p| Ok(driver::quantize(o, &driver::front(o, p)?, p)?.scheme.to_string()) },
    Stage { name: "coded", print: |o, p| Ok(print_short(&driver::quantize(o, &driver::front(o, p)?, p)?.coded)) },
    Stage { name: "integer", print: |o, p| Ok(print_short(&driver::quantize(o, &driver::front(o, p)?, p)?.graph)) },
    Stage {
        name: "kernel",
        print: |o, p| {
            let front = driver::front(o, p)?;
            let q = driver::quantize(o, &front, p)?;
            let built = driver::build(&o.name, &front.sha256, &q.graph, (&o.target, o.backend), &o.firmware, p)?;
            Ok(mcompc_kernel::print(&built.lowered.module))
        },
    },
];

pub(crate) fn show(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let o = request(g)?;
    let stage = STAGES.iter().find(|s| s.name == g.stage);
    let text = stage.map_or_else(|| Ok(String::new()), |stage| (stage.print)(&o, progress))?;
    Ok(Answer { json: text.clone().into(), text })
}
