//! What firmware asks of the object, checked.

use crate::args;
use mcompc_ir::{Code, Error, Result};
use mcompc_target::Target;

/// What firmware asks of the object. Nothing of it changes a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// Section of the weights; read-only data when absent.
    pub weights_section: Option<String>,
    /// An entry that runs one layer a call.
    pub slices: bool,
    /// Tables and functions that hand every layer's output to a callback; needs `slices`.
    pub layer_dump: bool,
}

impl Firmware {
    /// From the command line, for a target.
    ///
    /// # Errors
    /// E002 for a section name that assemblers, linkers or the format would take for something else.
    pub fn new(a: &args::Firmware, target: &Target) -> Result<Self> {
        let weights_section = a.weights_section.as_deref().map(|s| section(s, target).map(|()| s.to_string())).transpose()?;
        Ok(Self { weights_section, slices: a.slices || a.layer_dump, layer_dump: a.layer_dump })
    }
}

/// Beginnings of section names to which tools attach a meaning other than read-only data.
const TAKEN: [&str; 20] = [
    ".text",
    ".data",
    ".sdata",
    ".bss",
    ".sbss",
    ".tdata",
    ".tbss",
    ".init",
    ".fini",
    ".preinit",
    ".ctors",
    ".dtors",
    ".debug",
    ".note",
    ".comment",
    ".rel",
    ".group",
    ".ARM",
    ".eh_frame",
    ".gnu",
];

fn section(name: &str, target: &Target) -> Result<()> {
    let wrong = |why: String, hint: &str| Err(Error::new(Code::Usage, format!("--weights-section {name}: {why}")).hint(hint));
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._$-".contains(&b));
    if target.is_macho() {
        return match name.split_once(',') {
            Some((segment, section)) if word(segment) && word(section) && segment.len() <= 16 && section.len() <= 16 => Ok(()),
            _ => wrong("a Mach-O section is SEGMENT,section, at most 16 letters each".into(), "for instance __TEXT,__weights"),
        };
    }
    if !word(name) {
        return wrong("a section name has letters, digits, `.`, `_`, `$` and `-` only".into(), "for instance .nn_weights");
    }
    match TAKEN.iter().find(|t| name.starts_with(**t)) {
        Some(t) => wrong(format!("sections that begin with `{t}` are not read-only data to a linker"), "for instance .nn_weights"),
        None if matches!(name, ".symtab" | ".strtab" | ".shstrtab") => {
            wrong("the object's own tables have this name".into(), "for instance .nn_weights")
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_names() -> Result<()> {
        let elf = Target::by_name("cortex-m4")?;
        for good in [".nn_weights", "weights", ".rodata.weights", ".ext-flash", "QSPI$1"] {
            assert_eq!(section(good, &elf), Ok(()), "{good}");
        }
        for bad in
            ["", " ", "a b", "a,b", "a\"b", ".text", ".text.w", ".data", ".data.weights", ".bss.x", ".init_array", ".debug_w", ".symtab"]
        {
            assert_eq!(section(bad, &elf).unwrap_err().code, Code::Usage, "{bad}");
        }
        let macho = Target::by_name("aarch64-apple-ios")?;
        assert_eq!(section("__TEXT,__weights", &macho), Ok(()));
        for bad in [".nn_weights", "__TEXT,", ",x", "__TEXT,a_name_of_seventeen", "a,b,c"] {
            assert_eq!(section(bad, &macho).unwrap_err().code, Code::Usage, "{bad}");
        }
        Ok(())
    }

    #[test]
    fn a_dump_runs_in_slices() -> Result<()> {
        let flags = args::Firmware { layer_dump: true, ..Default::default() };
        assert!(Firmware::new(&flags, &Target::by_name("cortex-m4")?)?.slices);
        Ok(())
    }
}
