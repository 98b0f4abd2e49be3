//! Progress, told to a Python function.

use mcompc_driver::Progress;
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Calls `told(event, what, number)`: `begin` with the number of parts or None, `step`, `end`. What the function raises is kept, and Ctrl-C too.
pub(crate) struct Tell {
    told: Option<Py<PyAny>>,
    raised: Mutex<Option<PyErr>>,
}

impl Tell {
    pub(crate) fn new(told: Option<Py<PyAny>>) -> Self {
        Self { told, raised: Mutex::new(None) }
    }

    /// What was raised meanwhile.
    pub(crate) fn raised(self) -> PyResult<()> {
        self.raised.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn call(&self, event: &str, what: &str, number: Option<u64>) {
        Python::attach(|py| {
            let called = py.check_signals().and_then(|()| match &self.told {
                Some(f) => f.call1(py, (event, what, number)).map(drop),
                None => Ok(()),
            });
            if let Err(e) = called {
                self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
            }
        });
    }
}

impl Progress for Tell {
    fn begin(&self, what: &str, total: Option<u64>) {
        self.call("begin", what, total);
    }
    fn step(&self, n: u64) {
        self.call("step", "", Some(n));
    }
    fn end(&self) {
        self.call("end", "", None);
    }
}
