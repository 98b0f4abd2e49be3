//! The forms in which a library is handed over: one row each, a file where there is more to it than a name.

mod cmake;

pub use cmake::{CMAKE, cmake_version};

use crate::{File, Names, PackageInput, archive, header, rust};
use mcompc_ir::Result;

/// A form.
pub struct Form {
    /// After `--emit`; of a form that is always there, for messages only.
    pub name: &'static str,
    /// What it is, in a few words.
    pub doc: &'static str,
    /// Whether every output has it.
    pub always: bool,
    /// Whether a file or folder at the top of an output is this form's: what is nobody's is the user's, and not replaced.
    pub(crate) owns: fn(&str) -> bool,
    /// Its files.
    pub(crate) files: fn(&PackageInput, &Names) -> Result<Vec<File>>,
}

/// Every form, in the order of the files.
pub static FORMS: &[Form] = &[
    Form { name: "c", doc: "static library and header", always: true, owns: c_owns, files: c },
    Form { name: "report", doc: "report", always: true, owns: |n| matches!(n, "report.json" | "report.html"), files: report },
    Form { name: "rust", doc: "Rust crate", always: true, owns: |n| n == "rust", files: rust_crate },
    cmake::FORM,
];

/// Names of the forms that are made where they are asked for.
pub fn on_demand() -> impl Iterator<Item = &'static str> {
    FORMS.iter().filter(|f| !f.always).map(|f| f.name)
}

fn c_owns(name: &str) -> bool {
    name.starts_with("lib") && name.ends_with(".a") || name.ends_with(".h")
}

fn c(p: &PackageInput, n: &Names) -> Result<Vec<File>> {
    let mut files = vec![
        File::new(format!("lib{}.a", p.name), archive(&[(&format!("{}.o", p.name), &p.object)])?),
        File::new(format!("{}.h", p.name), header::header(p, n)),
    ];
    if !p.layers.is_empty() {
        files.push(File::new(format!("{}_layers.h", p.name), header::layers(p, n)));
    }
    Ok(files)
}

fn report(p: &PackageInput, _: &Names) -> Result<Vec<File>> {
    Ok(crate::report_files(p))
}

fn rust_crate(p: &PackageInput, n: &Names) -> Result<Vec<File>> {
    Ok(rust::crate_files(p, n)?.into_iter().map(|(path, text)| File::new(format!("rust/{path}"), text)).collect())
}
