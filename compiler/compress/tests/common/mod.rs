//! Shared by the accuracy tests and the accuracy example.
#![allow(dead_code, missing_docs)]

pub mod cases;
pub mod int;
pub mod model;
