//! The verifier: structure and types ([`structure`]), then memory bounds and roles ([`verify`]).

mod structure;
pub(crate) mod types;

pub(crate) use structure::MAX_DEPTH;
pub use structure::structure;
