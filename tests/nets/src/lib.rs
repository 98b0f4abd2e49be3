//! Random networks: valid ONNX models over every operator, attribute and shape that the importer takes, run by every executor, and cut
//! down to the smallest that still fails. docs/testing.md says how to use the command.
#![forbid(unsafe_code)]

pub mod build;
pub mod constants;
pub mod network;
pub mod ops;
pub mod oracle;
pub mod outcome;
pub mod patterns;
pub mod samples;
pub mod shrink;
pub mod source;
pub mod worker;

pub use network::{Network, generate};
pub use outcome::{Kind, Outcome};
pub use source::Source;
