//! How many bits the codes of each computed value take.

use super::bits::fits;
use super::energies;
use crate::scheme::value_names;
use mcompc_ir::{Code, Codes, Error, Graph, Result, ValueId};
use std::collections::BTreeMap;

/// Widths of activations; the default is eight bits everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActBits {
    /// Bits of a value that nothing below is said of, 8 or 16.
    pub bits: u8,
    /// Bits of values by name, where `*` stands for any characters; the last one that fits counts.
    pub by_name: Vec<(String, u8)>,
    /// Whether values that lose too much at eight bits are given sixteen, by measurement on the calibration data.
    pub measured: bool,
    /// Values that were found to: names of a scheme.
    pub wide: Vec<String>,
}

impl ActBits {
    /// Widths that are asked for; the rest is measured where nothing is said of all values together.
    pub fn asked(bits: Option<u8>, by_name: Vec<(String, u8)>) -> Self {
        Self { bits: bits.unwrap_or(Codes::I8.bits), by_name, measured: bits != Some(Codes::I16.bits), wide: Vec::new() }
    }
}

impl Default for ActBits {
    fn default() -> Self {
        Self { bits: Codes::I8.bits, by_name: Vec::new(), measured: false, wide: Vec::new() }
    }
}

/// The codes of every computed value, by width.
///
/// # Errors
/// `Usage` for a pattern that fits no value, and for a width that there is not.
pub(super) fn choose(g: &Graph, acts: &ActBits) -> Result<BTreeMap<ValueId, Codes>> {
    let names = value_names(g)?;
    let mut codes = BTreeMap::new();
    // Between values that a file gives sixteen bits, eight are no choice.
    let by_file = g.ids().into_iter().map(|n| g.node(n)).filter(|n| n.op == "Quantize").map(mcompc_ops::given_codes);
    let by_file = by_file.collect::<Result<Vec<_>>>()?.into_iter().flatten().any(|q| q.codes.bits == Codes::I16.bits);
    let bits = if by_file { acts.bits.max(Codes::I16.bits) } else { acts.bits };
    for (k, (pattern, bits)) in
        std::iter::once(("*", bits)).chain(acts.by_name.iter().map(|(name, bits)| (name.as_str(), *bits))).enumerate()
    {
        let width = match bits {
            8 => Codes::I8,
            16 => Codes::I16,
            _ => {
                return Err(Error::new(Code::Usage, format!("activations of {bits} bits are not built")).hint("values take 8 or 16 bits"));
            }
        };
        let before = names.iter().filter(|(_, name)| fits(pattern, name)).map(|(v, _)| codes.insert(*v, width)).count();
        if before == 0 && pattern != "*" {
            return Err(Error::new(Code::Usage, format!("no computed value is called `{pattern}`"))
                .hint("--scheme-out lists the values; `*` stands for any characters"));
        }
        // What was measured comes before what is asked for by name.
        if k == 0 {
            codes.extend(names.iter().filter(|(_, name)| acts.wide.contains(name)).map(|(v, _)| (*v, Codes::I16)));
            for (v, wanted) in energies::of(g)? {
                codes.entry(v).and_modify(|c| *c = std::cmp::max(*c, wanted));
            }
        }
    }
    Ok(codes)
}
