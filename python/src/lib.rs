//! The extension module `mcompc._mcompc`: command lines in, answers and compiled models out. Names, arrays and errors as Python likes them are
//! the work of the package around it (`mcompc/__init__.py`).
#![forbid(unsafe_code)]

mod artifact;
mod task;
mod tell;

use artifact::Artifact;
use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use task::{Refused, refused, run};

fn words(all: Vec<String>) -> Vec<OsString> {
    all.into_iter().map(OsString::from).collect()
}

/// The answer of a command line (without the program's name), as JSON.
#[pyfunction]
fn answer(py: Python<'_>, command: Vec<String>, told: Option<Py<PyAny>>) -> PyResult<String> {
    run(py, told, |p| mcompc::answer_to(&words(command), p).map(|v| v.to_string()))
}

/// Compiles by the words of a `compile` command line, and writes nothing.
#[pyfunction]
fn compile(py: Python<'_>, command: Vec<String>, told: Option<Py<PyAny>>) -> PyResult<Artifact> {
    run(py, told, |p| Artifact::new(&words(command), p))
}

/// The executable that back ends run in, where there is one; the first call counts.
#[pyfunction]
fn use_worker(program: PathBuf) -> PyResult<()> {
    mcompc_backend::use_worker(Some(&program)).map_err(refused)
}

#[pymodule]
fn _mcompc(m: &Bound<'_, PyModule>) -> PyResult<()> {
    mcompc_backend::record_panics();
    m.add("__version__", mcompc_driver::VERSION)?;
    m.add("Refused", m.py().get_type::<Refused>())?;
    m.add_class::<Artifact>()?;
    m.add_function(wrap_pyfunction!(answer, m)?)?;
    m.add_function(wrap_pyfunction!(compile, m)?)?;
    m.add_function(wrap_pyfunction!(use_worker, m)?)
}
