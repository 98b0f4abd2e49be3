//! Bundles: what an app or a desktop program links, of one model for every CPU of an ABI.
//!
//! The variants of an ABI (NEON, dot products, ...) are objects of their own whose equal constants stand once, in another object
//! ([`share`]); a small dispatcher asks the CPU at the first call and jumps to the best variant ([`dispatch`]). [`BUNDLES`] has a row a form.
#![forbid(unsafe_code)]

mod abi;
mod android;
mod dispatch;
mod ios;
mod link;
mod linux;
mod object;
mod share;
mod stub;
mod zip;

pub use abi::{ABIS, Abi, Arch};
pub use dispatch::{constants, objects};
pub use link::{linker, shared_object};
pub use share::{Shared, share};
pub use stub::{STUBS, Stub};

use mcompc_ir::{Code, Error, Result};
use mcompc_package::{File, PackageInput};
use mcompc_target::Target;

/// A form in which variants are handed over.
#[derive(Debug)]
pub struct Bundle {
    /// After `--bundle`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub doc: &'static str,
    /// The target that the report is about, where none is named.
    pub target: fn() -> Result<Target>,
    /// The ABIs in it; of a form for one computer those that the target is of, an error where it is of none.
    pub abis: fn(Option<&Target>) -> Result<Vec<&'static Abi>>,
    /// Its files.
    files: fn(&Input) -> Result<Vec<File>>,
}

/// Every form.
pub static BUNDLES: &[Bundle] = &[linux::BUNDLE, android::BUNDLE, ios::BUNDLE];

impl Bundle {
    /// The form of a name.
    pub fn by_name(name: &str) -> Option<&'static Bundle> {
        BUNDLES.iter().find(|b| b.name == name)
    }
}

/// A variant, translated.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its CPU.
    pub target: Target,
    /// Its entry function.
    pub entry: String,
    /// Relocatable object, which refers to the shared data.
    pub object: Vec<u8>,
}

/// An ABI's part.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The ABI.
    pub abi: &'static Abi,
    /// Best first.
    pub variants: Vec<Variant>,
    /// What several of them read.
    pub shared: Vec<mcompc_kernel::Data>,
}

/// Everything a bundle is made from.
#[derive(Clone, Debug)]
pub struct Input {
    /// Interface and reports; `object` is not looked at, arena and stack are the most that any variant takes.
    pub package: PackageInput,
    /// An ABI each.
    pub slices: Vec<Slice>,
}

/// All files: those of the form, and the report's.
///
/// # Errors
/// E505 where there is no linker; E504 where it refuses, E009 for objects that are not what a back end may give.
pub fn render(bundle: &Bundle, input: &Input) -> Result<Vec<File>> {
    let mut files = (bundle.files)(input)?;
    files.extend(mcompc_package::report_files(&input.package));
    Ok(files)
}

/// Text of `<name>_info`.
pub(crate) fn info(p: &PackageInput) -> String {
    format!("mcompc {}; target {}; model sha256 {}", p.version, p.target, p.model_hash)
}

/// E009 with what another crate says.
/// The class of a model in languages that have some, for a symbol prefix: words in capitals, ending in `Model`, so that no keyword and no class
/// of `java.lang` is hit.
fn class_name(prefix: &str) -> String {
    let capital = |w: &str| w[..1].to_ascii_uppercase() + &w[1..];
    let mut name: String = prefix.split('_').filter(|w| !w.is_empty()).map(capital).collect();
    if !name.ends_with("Model") {
        name.push_str("Model");
    }
    name
}

fn internal(what: impl std::fmt::Display) -> Error {
    Error::new(Code::Internal, format!("writing the bundle: {what}"))
}
