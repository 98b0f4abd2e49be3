//! The verifier: structure and types ([`structure()`]), then roles and memory bounds ([`verify`]).

mod affine;
mod bounds;
mod structure;
pub(crate) mod types;
mod value;

pub(crate) use structure::MAX_DEPTH;
pub use structure::structure;

use crate::{Func, Module};
use bounds::{Finding, Walker};
use mcompc_ir::{Code, Error, Result};
use std::collections::BTreeMap;

/// What [`verify`] proved, and what it could neither prove nor refute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Accesses, call arguments and shift amounts that are proven to be in range.
    pub proven: usize,
    /// Those that are not: function and reason.
    pub unproven: Vec<(String, String)>,
}

impl Proof {
    /// An error that shows the first unproven access; nothing when there is none.
    pub fn complete(&self) -> Result<()> {
        match self.unproven.first() {
            None => Ok(()),
            Some((f, m)) => {
                let more = if self.unproven.len() > 1 { format!(" (and {} more)", self.unproven.len() - 1) } else { String::new() };
                Err(Error::new(Code::Verify, format!("not proven in bounds: {m}{more}")).at(f.clone()))
            }
        }
    }
}

/// Checks a module: structure and types, no store through `In` or `Const`, and every access inside the `bytes` of its parameter or data.
/// What is certainly wrong is an error; what can be neither proven nor refuted is counted.
pub fn verify(m: &Module) -> Result<Proof> {
    structure(m)?;
    let mut proof = Proof::default();
    let mut seen: BTreeMap<&str, &Func> = BTreeMap::new();
    for f in &m.funcs {
        let mut w = Walker::new(m, f, &seen);
        w.run();
        proof.proven += w.proven;
        for x in w.findings {
            match x {
                Finding::Wrong(e) => return Err(Error::new(Code::Verify, e).at(f.name.clone())),
                Finding::Unproven(e) => proof.unproven.push((f.name.clone(), e)),
            }
        }
        seen.insert(&f.name, f);
    }
    Ok(proof)
}
