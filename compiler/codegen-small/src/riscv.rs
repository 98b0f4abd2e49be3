//! RV32IM with compressed forms. The RISC-V Instruction Set Manual, volume I: chapters 2 (RV32I), 13 (M), 26 (C).

mod compressed;
mod control;
mod emit;

pub(crate) use emit::emit;
