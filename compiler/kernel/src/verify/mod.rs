//! The verifier: structure and types ([`structure`]), then memory bounds and roles ([`verify`]).

mod structure;
pub(crate) mod types;

pub use structure::structure;
