//! Loads an emitted ELF relocatable object (or a static library of some) of this computer's architecture into memory and calls its exported functions.
//!
//! A linker for one file: sections are copied into one anonymous map, relocations applied, the map made executable and read-only.
//! Objects for other architectures are linked and emulated elsewhere; here they are refused.
#![deny(unsafe_code)]

mod buffer;
mod call;
mod load;
mod members;
mod reloc;

pub use buffer::Buffer;
pub use call::{Arg, Need};
pub use load::Loaded;
