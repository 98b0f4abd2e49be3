//! A task of the driver, from Python: without the interpreter's lock, errors as exceptions.

use crate::tell::Tell;
use mcompc_driver::Progress;
use mcompc_ir::Error;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

pyo3::create_exception!(_mcompc, Refused, PyException, "Code, node or None, message, hint or None.");

pub(crate) fn refused(e: Error) -> PyErr {
    Refused::new_err((e.code.as_str(), e.node, e.message, e.hint))
}

/// Runs a task without the interpreter's lock; a panic is an error too.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    told: Option<Py<PyAny>>,
    task: impl FnOnce(&dyn Progress) -> mcompc_ir::Result<T> + Send,
) -> PyResult<T> {
    let tell = Tell::new(told);
    let result = py.detach(|| mcompc_backend::guarded(|| task(&tell)));
    tell.raised()?;
    result.unwrap_or_else(|panic| Err(mcompc::bug(&panic))).map_err(refused)
}
