//! What firmware asks of the object, checked.

use mcompc_ir::{Code, Error, Result, ValueId};
pub use mcompc_lower::Weights;
use mcompc_target::Target;
use std::collections::BTreeSet;

/// What firmware asks of the object. Nothing of it changes a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Firmware {
    /// Section of the weights; read-only data when absent.
    pub weights_section: Option<String>,
    /// An entry that runs one layer a call.
    pub slices: bool,
    /// Tables and functions that hand every layer's output to a callback; needs `slices`.
    pub layer_dump: bool,
    /// How weights are stored.
    pub weights: Weights,
    /// The most that decoding may take, as a share of the forecast time of an inference with weights stored as they are: layers that save least
    /// for it are not coded. Anything when absent.
    pub decoding: Option<f64>,
    /// Results of the layers whose weights are coded, where a scheme says which.
    pub only: Option<BTreeSet<ValueId>>,
    /// Names of forms of the package, beside those that every output has.
    pub forms: Vec<&'static str>,
}

impl Firmware {
    /// For a target: where the weights go, whether one layer runs a call, whether there is a layer dump, which includes that.
    ///
    /// # Errors
    /// E002 for a section name that assemblers, linkers or the format would take for something else.
    pub fn new(weights_section: Option<&str>, slices: bool, layer_dump: bool, target: &Target) -> Result<Self> {
        let weights_section = weights_section.map(|s| section(s, target).map(|()| s.to_string())).transpose()?;
        Ok(Self { weights_section, slices: slices || layer_dump, layer_dump, ..Self::default() })
    }

    /// Whether the layer dump is made, for a model of so many layers.
    ///
    /// # Errors
    /// E002 where it is asked for and there is nothing to dump: outputs that only copy inputs are no layers.
    pub fn dumps(&self, layers: usize) -> Result<bool> {
        if self.layer_dump && layers == 0 {
            return Err(Error::new(Code::Usage, "--layer-dump: the model has no layer, so there is nothing to dump")
                .hint("leave out --layer-dump; --slices alone works"));
        }
        Ok(self.layer_dump)
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

/// Mach-O segments with a meaning of their own, whatever the section.
const MACHO_SEGMENTS: [&str; 8] = ["__DWARF", "__IMPORT", "__LD", "__LINKEDIT", "__LLVM", "__OBJC", "__PAGEZERO", "__RESTRICT"];

/// Sections with a meaning in the system's segments, which are those that begin with one of `MACHO_SYSTEM`.
const MACHO_SECTIONS: [&str; 28] = [
    "__text",
    "__StaticInit",
    "__stubs",
    "__stub_helper",
    "__symbol_stub",
    "__auth_stubs",
    "__cstring",
    "__ustring",
    "__cfstring",
    "__eh_frame",
    "__unwind_info",
    "__gcc_except_tab",
    "__init_offsets",
    "__info_plist",
    "__data",
    "__bss",
    "__common",
    "__dyld",
    "__got",
    "__auth_got",
    "__auth_ptr",
    "__la_symbol_ptr",
    "__nl_symbol_ptr",
    "__mod_init_func",
    "__mod_term_func",
    "__interpose",
    "__crash_info",
    "__zerofill",
];

/// Beginnings of section names with a meaning there.
const MACHO_FAMILIES: [&str; 4] = ["__literal", "__objc_", "__swift5_", "__thread_"];

/// Beginnings of the names of the system's segments.
const MACHO_SYSTEM: [&str; 3] = ["__TEXT", "__DATA", "__AUTH"];

/// Why linkers would take a Mach-O section for something else than read-only data.
fn macho_meaning(segment: &str, section: &str) -> Option<String> {
    if MACHO_SEGMENTS.contains(&segment) {
        return Some(format!("the segment `{segment}` has a meaning of its own to a linker or loader"));
    }
    let system = MACHO_SYSTEM.iter().any(|s| segment.starts_with(s));
    let taken = MACHO_SECTIONS.contains(&section) || MACHO_FAMILIES.iter().any(|f| section.starts_with(f));
    (system && taken).then(|| format!("`{segment},{section}` is not read-only data to a linker"))
}

fn section(name: &str, target: &Target) -> Result<()> {
    let wrong = |why: String, hint: &str| Err(Error::new(Code::Usage, format!("--weights-section {name}: {why}")).hint(hint));
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._$-".contains(&b));
    if target.is_macho() {
        return match name.split_once(',') {
            Some((segment, section)) if word(segment) && word(section) && segment.len() <= 16 && section.len() <= 16 => {
                macho_meaning(segment, section).map_or(Ok(()), |why| wrong(why, "for instance __TEXT,__weights"))
            }
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
        for good in ["__TEXT,__weights", "__TEXT,__const", "__DATA,__weights", "__NN,__data", "NN,text", "__TEXT,__text_weights"] {
            assert_eq!(section(good, &macho), Ok(()), "{good}");
        }
        for bad in [".nn_weights", "__TEXT,", ",x", "__TEXT,a_name_of_seventeen", "a,b,c"] {
            assert_eq!(section(bad, &macho).unwrap_err().code, Code::Usage, "{bad}");
        }
        Ok(())
    }

    #[test]
    fn macho_sections_with_a_meaning() -> Result<()> {
        for target in ["aarch64-apple-ios", "aarch64-apple-darwin"] {
            let macho = Target::by_name(target)?;
            for bad in [
                "__TEXT,__text",
                "__TEXT,__cstring",
                "__TEXT,__literal16",
                "__DATA,__bss",
                "__DATA,__data",
                "__DATA,__thread_bss",
                "__DATA_CONST,__got",
                "__DWARF,__debug_info",
                "__DWARF,__weights",
                "__LINKEDIT,__weights",
                "__PAGEZERO,__weights",
            ] {
                let e = section(bad, &macho).unwrap_err();
                assert_eq!(e.code, Code::Usage, "{bad}");
                assert!(e.to_string().contains(&format!("--weights-section {bad}")), "{e}");
                assert_eq!(e.hint.as_deref(), Some("for instance __TEXT,__weights"), "{bad}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_dump_needs_layers() {
        let plain = Firmware { slices: true, ..Default::default() };
        let dump = Firmware { layer_dump: true, ..plain.clone() };
        assert_eq!([plain.dumps(0), plain.dumps(2), dump.dumps(1)], [Ok(false), Ok(false), Ok(true)]);
        let e = dump.dumps(0).unwrap_err();
        assert_eq!((e.code, e.hint.is_some()), (Code::Usage, true));
    }

    #[test]
    fn a_dump_runs_in_slices() -> Result<()> {
        assert!(Firmware::new(None, false, true, &Target::by_name("cortex-m4")?)?.slices);
        Ok(())
    }
}
