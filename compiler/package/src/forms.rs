//! The forms in which a library is handed over: one row each, a file where there is more to it than a name.

mod arduino;
mod cmake;
mod cmsis_pack;
mod esp_idf;
mod example;
mod platformio;
mod zephyr;

pub use cmake::{CMAKE, cmake_version};

use crate::{File, Names, PackageInput, archive, header, rust};
use mcompc_ir::{Code, Error, Result};

/// A form.
pub struct Form {
    /// After `--emit`; of a form that is always there, for messages only.
    pub name: &'static str,
    /// What it is, in a few words.
    pub doc: &'static str,
    /// Whether every output has it.
    pub always: bool,
    /// Why it is nothing for a target, by the target's name.
    pub(crate) suits: fn(&str) -> Option<&'static str>,
    /// Its files.
    pub(crate) files: fn(&PackageInput, &Names) -> Result<Vec<File>>,
}

/// Every form, in the order of the files.
pub static FORMS: &[Form] = &[
    Form { name: "c", doc: "static library and header", always: true, suits: |_| None, files: c },
    Form { name: "report", doc: "report", always: true, suits: |_| None, files: report },
    Form { name: "rust", doc: "Rust crate", always: true, suits: |_| None, files: rust_crate },
    cmake::FORM,
    zephyr::FORM,
    arduino::FORM,
    cmsis_pack::FORM,
    esp_idf::FORM,
    platformio::FORM,
];

/// Names of the forms that are made where they are asked for.
pub fn on_demand() -> impl Iterator<Item = &'static str> {
    FORMS.iter().filter(|f| !f.always).map(|f| f.name)
}

/// Whether forms are something for a target.
///
/// # Errors
/// E002 for one that is not.
pub fn suit(forms: &[&str], target: &str) -> Result<()> {
    for f in FORMS.iter().filter(|f| forms.contains(&f.name)) {
        if let Some(why) = (f.suits)(target) {
            let what = format!("--emit {} is nothing for {target}", f.name);
            return Err(Error::new(Code::Usage, what).hint(format!("{why}: choose another target, or leave the form out")));
        }
    }
    Ok(())
}

fn c(p: &PackageInput, n: &Names) -> Result<Vec<File>> {
    let mut files =
        vec![File::new(format!("lib{}.a", p.name), archive(&p.name, &p.object)?), File::new(format!("{}.h", p.name), header::header(p, n))];
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
