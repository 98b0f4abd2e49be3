//! Every function of one value, those of the list and the one that is made of them.

use crate::float::quantize;
use crate::map::{Function, Map};
use crate::{chain, elementwise};
use mcompc_ir::{Attrs, Code, Error, Result};

/// Every function of one value.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    elementwise::ALL.iter().copied().chain([&chain::F])
}

/// Whether an operator is a function of one value, element by element: order and shape mean nothing to it, and in integers it is a table.
pub fn is_map(op: &str) -> bool {
    op == quantize::OP.name || functions().any(|f| f.op.name == op)
}

/// The function that an operator is under these attributes.
///
/// # Errors
/// [`Code::Internal`] for an operator that is no function of one value; else those of its parameters.
pub fn function(op: &str, attrs: &Attrs) -> Result<Map> {
    match functions().find(|f| f.op.name == op) {
        Some(f) => f.with(attrs),
        None => Err(Error::new(Code::Internal, format!("{op} is not a function of one value"))),
    }
}
