//! What to translate a module for.

use mcompc_target::{Backend, Target};

/// Whether this build has a back end.
pub fn built_in(backend: Backend) -> bool {
    backend != Backend::Mlir || cfg!(feature = "mlir")
}

/// What to translate a module for.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// CPU.
    pub target: &'a Target,
    /// Code generator.
    pub backend: Backend,
    /// Section of the weights; read-only data when absent.
    pub weights_section: Option<&'a str>,
    /// Names of data that another object has: global symbols there, which this object only refers to. For Cranelift and MLIR.
    pub elsewhere: &'a [String],
}
