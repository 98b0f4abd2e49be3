//! Mutation fuzzing of the code that reads untrusted bytes. Runs are a pure function of the seed:
//! a failure is found again by its numbers on any machine.
//!
//! There is no coverage feedback. In its place, an input whose outcome (error code and message
//! without names and numbers) was not seen before becomes a seed itself, which leads the search
//! past one check after the other, and mutations know the wire format, so that most inputs get
//! past the parser.
#![forbid(unsafe_code)]

pub mod campaign;
pub mod dictionary;
pub mod mutate;
pub mod target;
pub mod wire;
