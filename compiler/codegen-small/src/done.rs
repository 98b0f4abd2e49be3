//! A function whose values lie in registers.

use crate::isa::Isa;
use crate::lir::Ins;

/// A function over machine registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub blocks: Vec<DoneBlock>,
    /// Registers to save, ascending.
    pub saved: Vec<u8>,
    /// Spilled words.
    pub slots: u32,
    /// Bytes of arguments for calls.
    pub outgoing: u32,
    pub calls: bool,
}

/// A block; the last instruction is its branch.
#[derive(Clone, Debug, Default)]
pub(crate) struct DoneBlock {
    pub ins: Vec<Ins>,
    pub succs: Vec<usize>,
}

impl Done {
    /// Bytes of saved registers, and below them those of spills and arguments for calls. Calls find the stack pointer as the ABI wants it:
    /// aligned to 8 bytes on Arm, to 16 on RISC-V.
    pub fn frame(&self, isa: &Isa) -> (u32, u32) {
        let saved = 4 * self.saved.len() as u32;
        let local = self.outgoing + 4 * self.slots;
        let unit = match (isa.is_thumb(), self.calls) {
            (true, false) => 4,
            (true, true) => 8,
            (false, _) => 16,
        };
        (saved, (saved + local).next_multiple_of(unit) - saved)
    }
    /// Stack bytes of the function itself.
    pub fn frame_bytes(&self, isa: &Isa) -> u64 {
        let (saved, local) = self.frame(isa);
        (saved + local).into()
    }
}

/// Registers that a call may change, and those that a function must leave as they were.
pub(crate) fn conventions(isa: &Isa) -> (Vec<u8>, Vec<u8>) {
    if isa.is_thumb() {
        (vec![0, 1, 2, 3, 12, 14], (4..12).collect())
    } else {
        ([1, 5, 6, 7].into_iter().chain(10..18).chain(28..32).collect(), [8, 9].into_iter().chain(18..28).collect())
    }
}

/// Registers that a call may change.
pub(crate) fn called(isa: &Isa) -> Vec<u8> {
    conventions(isa).0
}
