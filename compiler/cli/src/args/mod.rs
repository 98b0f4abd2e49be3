//! The command line as data: a row a flag, a row a command. Parsing, `--help` and docs/flags.md follow from the rows.

mod build;
mod complete;
mod given;
mod help;
mod near;
mod parse;
mod row;
mod table;
mod values;

pub(crate) use complete::{SHELLS, manual};
pub(crate) use given::Given;
pub(crate) use parse::{Line, parse};
pub(crate) use row::{Command, Tables};
pub(crate) use values::DECODING;

/// The flag whose presence makes errors JSON too, also those of a command line that does not parse.
pub(crate) const JSON: &str = "--json";
