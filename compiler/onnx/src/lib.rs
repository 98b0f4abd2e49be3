//! ONNX in: a bounded reader and the importer that turns a model into a [`mcompc_ir::Graph`].
//!
//! The way of a file: [`scan::scan_model`] checks the wire format against the schema and [`Limits`] without allocating, prost decodes
//! the messages of [`proto`] (weights stay slices of the mapped file), the importer resolves names and opset differences into
//! operators of the IR. Everything the compiler does not know is refused by name; nothing is skipped.
#![deny(unsafe_code)]

mod attrs;
mod body;
mod choice;
mod cut;
mod dtype;
mod dynamic;
mod fold;
mod foreign;
mod import;
mod integers;
mod kinds;
mod limits;
mod masks;
mod node;
mod one_hot;
pub mod ops;
mod order;
mod parts;
pub mod proto;
mod refusals;
mod repeat;
pub mod scan;
mod scope;
mod sequence;
mod source;
mod tensor;

pub use cut::Cut;
pub use import::{ImportOptions, decode_model, external_files, import, import_bytes};
pub use limits::{Limits, MAX_DEPTH};
