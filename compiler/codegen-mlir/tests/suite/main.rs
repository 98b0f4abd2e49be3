//! Everything that needs MLIR linked in: operations against expected values on every kind of machine, kernels against their
//! instruction budget, and the instructions of the inner loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod float_abi;
mod generated;
mod mach_o;
mod objects;
mod ops;
mod support;
