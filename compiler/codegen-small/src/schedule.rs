//! The order of instructions in a block.

use crate::isa::Isa;
use crate::lir::Code;

pub(crate) fn run(_code: &mut Code, _isa: &Isa) {}
