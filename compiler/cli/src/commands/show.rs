//! `mcompc dev show`: text forms between the stages.

use crate::Answer;
use crate::args::{Build, Stage};
use crate::options::request;
use crate::progress::Bar;
use mcompc_driver as driver;
use mcompc_ir::Result;

pub(crate) fn show(stage: Stage, b: &Build) -> Result<Answer> {
    let o = request(b)?;
    let bar = Bar::default();
    let front = driver::front(&o, &bar)?;
    let text = match stage {
        Stage::Imported => mcompc_ir::print_short(&front.imported),
        Stage::Canonical => mcompc_ir::print_short(&front.canonical),
        Stage::Integer => mcompc_ir::print_short(&driver::quantize(&o, &front, &bar)?.graph),
        Stage::Kernel => {
            let q = driver::quantize(&o, &front, &bar)?;
            let target = (&o.target, o.backend);
            mcompc_kernel::print(&driver::build(&o.name, &front.sha256, &q.graph, target, &o.firmware, &bar)?.lowered.module)
        }
    };
    Ok(Answer { json: text.clone().into(), text })
}
