//! A compiled model that stays in memory.

use crate::task::{refused, run};
use mcompc_driver::{Compiled, Library, MaxLoss, Means, Progress, Ran, Request, RunRequest};
use mcompc_ir::{DType, Result, Tensor};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ffi::OsString;
use std::path::PathBuf;

/// A library for a target, not written yet, and what it was made from.
#[pyclass(frozen)]
pub(crate) struct Artifact {
    request: Request,
    compiled: Compiled,
    library: Library,
}

/// An output of all samples: name, shape of a sample, numpy's name of the type, the elements' bytes.
type Output = (String, Vec<usize>, &'static str, Vec<u8>);

/// The same in Python's hands.
type Array = (String, Vec<usize>, &'static str, Py<PyBytes>);

impl Artifact {
    pub(crate) fn new(words: &[OsString], progress: &dyn Progress) -> Result<Self> {
        let asked = mcompc::asked(words)?;
        let request = asked.request;
        let compiled = mcompc_driver::compile(&request, progress)?;
        let limit = asked.max_loss.unwrap_or(MaxLoss::Usual);
        let library = mcompc_driver::finish(&request, &compiled, limit, progress)?;
        Ok(Self { request, compiled, library })
    }
}

#[pymethods]
impl Artifact {
    /// The report, as JSON.
    fn report(&self) -> PyResult<String> {
        self.library.report.json().map_err(refused)
    }
    /// The report, as a page.
    fn page(&self) -> String {
        self.library.report.html()
    }
    /// Files by their paths.
    fn files<'py>(&self, py: Python<'py>) -> Vec<(String, Bound<'py, PyBytes>)> {
        self.library.files.iter().map(|f| (f.path.clone(), PyBytes::new(py, &f.bytes))).collect()
    }
    /// Writes them, as a whole or not at all.
    fn write(&self, py: Python<'_>, out: PathBuf, force: bool) -> PyResult<()> {
        run(py, None, |_| mcompc_package::write_dir(&out, &self.library.files, force))
    }
    /// Outputs of the samples in a file, by `code`, `integers` or `reference`; as the machine that ran them, their number, and arrays.
    fn run(
        &self,
        py: Python<'_>,
        data: PathBuf,
        means: &str,
        codes: bool,
        told: Option<Py<PyAny>>,
    ) -> PyResult<(String, usize, Vec<Array>)> {
        let means = match means {
            "integers" => Means::Integers,
            "reference" => Means::Reference,
            _ => Means::Code,
        };
        let (machine, samples, outputs) = run(py, told, |p| {
            let ran = mcompc_driver::run_compiled(&self.request, &self.compiled, &RunRequest { data, limit: None, means }, p)?;
            Ok((ran.machine.clone(), ran.samples, outputs(ran, codes)?))
        })?;
        let bytes = |(name, shape, dtype, bytes): Output| (name, shape, dtype, PyBytes::new(py, &bytes).unbind());
        Ok((machine, samples, outputs.into_iter().map(bytes).collect()))
    }
    /// Name of the target.
    fn target(&self) -> String {
        self.request.target.name.clone()
    }
    /// Whether this computer runs the code.
    fn runs_here(&self) -> bool {
        self.request.target.runs_here()
    }
}

fn outputs(ran: Ran, codes: bool) -> Result<Vec<Output>> {
    let one = |a: mcompc_driver::Array| match a.codes.filter(|_| codes) {
        Some(all) => {
            let dtype = all.first().map_or(DType::I8, |t: &Tensor| t.dtype);
            (a.name, a.shape, numpy(dtype), all.iter().flat_map(|t| t.bytes().to_vec()).collect())
        }
        None => (a.name, a.shape, "<f4", a.reals.iter().flat_map(|x| x.to_le_bytes()).collect()),
    };
    Ok(ran.outputs.into_iter().map(one).collect())
}

fn numpy(d: DType) -> &'static str {
    match d {
        DType::I8 => "<i1",
        DType::U8 | DType::Bool => "<u1",
        DType::I16 => "<i2",
        DType::U16 => "<u2",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
    }
}
